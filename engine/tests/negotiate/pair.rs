//! An initiator and an acceptor of Negotiate, and somebody between them who may change what passes.

use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{
        AcceptArguments, Allocation, AttributeValue, AuthIdentity, ContextAttribute, CredHandle,
        CredentialUse, CtxtHandle, ExportFlags, InitializeArguments, NATIVE_DATA_REPRESENTATION, Refusal,
        SecurityInterface,
    },
    codec::utf16::Text,
    environment::{Account, Directory, Environment, NegotiatePolicy},
    flags::{AcceptRequirements, InitRequirements},
    negotiate::messages::{NegTokenInit, NegTokenResp, Token},
    ntlm::keys,
    status::SecurityStatus as Status,
};

/// Noon of some day: 100 ns units since 1601-01-01.
const NOON: u64 = 0x01D9_C8D6_E1A3_8000;

/// What both sides are given.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) initiator: NegotiatePolicy,
    pub(crate) acceptor: NegotiatePolicy,
    pub(crate) requirements: InitRequirements,
    pub(crate) accept_requirements: AcceptRequirements,
    pub(crate) packages: [Option<&'static str>; 2],
    pub(crate) target: Option<&'static str>,
    pub(crate) password: &'static str,
    /// The acceptor sends its time, and so the initiator's message has a code.
    pub(crate) timestamp: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            initiator: NegotiatePolicy::default(),
            acceptor: NegotiatePolicy::default(),
            requirements: InitRequirements::CONFIDENTIALITY,
            accept_requirements: AcceptRequirements::empty(),
            packages: [None, None],
            target: Some("cifs/server.example.org"),
            password: "Password",
            timestamp: true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Initiator,
    Acceptor,
}

impl Side {
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }
}

/// A leg: who made it, its status, and its token.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) side: Side,
    pub(crate) status: Status,
    pub(crate) attributes: u32,
    pub(crate) allocation: Option<Allocation>,
    pub(crate) token: Vec<u8>,
}

impl Leg {
    pub(crate) fn init(&self) -> NegTokenInit<'_> {
        match Token::parse(&self.token).unwrap() {
            Token::Framed(init) => init,
            other => panic!("{other:?} is no first token"),
        }
    }

    pub(crate) fn resp(&self) -> NegTokenResp<'_> {
        NegTokenResp::parse(&self.token).unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) interface: SecurityInterface,
    credential: CredHandle,
    pub(crate) context: Option<CtxtHandle>,
    pub(crate) done: bool,
}

/// Both sides and the legs that they made.
#[derive(Debug)]
pub(crate) struct Pair {
    world: World,
    parties: [Party; 2],
    pub(crate) legs: Vec<Leg>,
    /// Room for a token.
    pub(crate) room: usize,
}

fn environment(world: &World, policy: &NegotiatePolicy, seed: u64) -> Environment {
    let mut environment = Environment::seeded(seed);
    environment.clock = NOON;
    environment.policy.negotiate = policy.clone();
    environment.policy.ntlm.send_timestamp = world.timestamp;
    environment.host.netbios_computer = "SERVER".into();
    let hashes = keys::password_hashes(&"Password".into());
    environment.directory = Directory::new(vec![Account::new("User", "EXAMPLE", hashes)]);
    environment
}

impl Pair {
    pub(crate) fn new(world: &World) -> Self {
        Self::of_packages(world, ["Negotiate", "Negotiate"])
    }

    pub(crate) fn of_packages(world: &World, packages: [&str; 2]) -> Self {
        let mut sides = [
            (Side::Initiator, &world.initiator),
            (Side::Acceptor, &world.acceptor),
        ]
        .into_iter();
        let mut party = |package: &str, list: Option<&str>| {
            let (side, policy) = sides.next().unwrap();
            let (seed, usage) = match side {
                Side::Initiator => (1, CredentialUse::Outbound),
                Side::Acceptor => (2, CredentialUse::Inbound),
            };
            let mut interface = SecurityInterface::new(environment(world, policy, seed));
            let identity = AuthIdentity {
                user: Some("User".into()),
                domain: Some("EXAMPLE".into()),
                password: Some(world.password.into()),
                package_list: list.map(Text::from),
            };
            let acquired = interface.acquire_credentials_handle(package, usage, Some(&identity));
            Party {
                interface,
                credential: acquired.unwrap().1,
                context: None,
                done: false,
            }
        };
        let parties = [
            party(packages[0], world.packages[0]),
            party(packages[1], world.packages[1]),
        ];
        Self {
            world: world.clone(),
            parties,
            legs: Vec::new(),
            room: 1 << 16,
        }
    }

    pub(crate) fn party(&mut self, side: Side) -> &mut Party {
        match side {
            Side::Initiator => &mut self.parties[0],
            Side::Acceptor => &mut self.parties[1],
        }
    }

    /// One leg of a side.
    pub(crate) fn leg(&mut self, side: Side, token: Option<&[u8]>) -> &Leg {
        let input: Vec<_> = token
            .map(|token| SecBuffer::new(BufferKind::TOKEN, token))
            .into_iter()
            .collect();
        let output = vec![SecBuffer::with_capacity(BufferKind::TOKEN, self.room)];
        let world = self.world.clone();
        let party = self.party(side);
        let target = world.target.map(Text::from);
        let (status, context, output, attributes, allocation) = match side {
            Side::Initiator => {
                let reply = party.interface.initialize_security_context(InitializeArguments {
                    credential: Some(party.credential),
                    context: party.context,
                    target: target.as_ref(),
                    requirements: world.requirements,
                    data_representation: NATIVE_DATA_REPRESENTATION,
                    input: &input,
                    output,
                });
                let attributes = reply.attributes.bits();
                (
                    reply.status,
                    reply.context,
                    reply.output,
                    attributes,
                    reply.allocation,
                )
            }
            Side::Acceptor => {
                let reply = party.interface.accept_security_context(AcceptArguments {
                    credential: Some(party.credential),
                    context: party.context,
                    requirements: world.accept_requirements,
                    data_representation: NATIVE_DATA_REPRESENTATION,
                    input: &input,
                    output,
                });
                let attributes = reply.attributes.bits();
                (
                    reply.status,
                    reply.context,
                    reply.output,
                    attributes,
                    reply.allocation,
                )
            }
        };
        party.context = context.or(party.context);
        party.done |= status == Status::SEC_E_OK;
        let token = output[0].bytes.clone();
        self.legs.push(Leg {
            side,
            status,
            attributes,
            allocation,
            token,
        });
        self.legs.last().unwrap()
    }

    /// Legs in turn until both sides are done, one fails, or nobody has a token. `between` gets the number of the leg and
    /// its token, and returns what arrives.
    pub(crate) fn run(
        &mut self,
        first: Side,
        token: Option<Vec<u8>>,
        mut between: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
    ) {
        let (mut side, mut token) = (first, token);
        for _ in 0..10 {
            let number = self.legs.len();
            let leg = self.leg(side, token.as_deref());
            let (status, sent) = (leg.status, leg.token.clone());
            side = side.peer();
            if status.is_failure() || sent.is_empty() || self.party(side).done {
                return;
            }
            token = Some(between(number, sent));
        }
        panic!("the exchange does not end");
    }

    /// An exchange that nobody disturbs.
    pub(crate) fn exchange(world: &World) -> Self {
        let mut pair = Self::new(world);
        pair.run(Side::Initiator, None, |_, token| token);
        pair
    }

    pub(crate) fn both_done(&self) -> bool {
        self.parties.iter().all(|party| party.done)
    }

    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.legs.iter().map(|leg| leg.status).collect()
    }

    /// The status of the last leg, which ended the exchange.
    pub(crate) fn end(&self) -> Status {
        self.legs.last().unwrap().status
    }

    pub(crate) fn query(
        &mut self,
        side: Side,
        attribute: ContextAttribute,
    ) -> Result<AttributeValue, Refusal> {
        let party = self.party(side);
        let context = party.context.unwrap();
        party.interface.query_context_attributes(context, attribute)
    }

    /// What a side believes at the end: who is logged on, the session key, the mechanism, and the agreed attributes.
    pub(crate) fn view(
        &mut self,
        side: Side,
    ) -> (AttributeValue, Option<AttributeValue>, AttributeValue, u32) {
        let last = self.legs.iter().rfind(|leg| leg.side == side);
        // Confidentiality, replay and sequence detection have the same bits on both sides; integrity has not.
        let attributes = last.map_or(0, |leg| leg.attributes);
        let integrity = match side {
            Side::Initiator => 0x1_0000,
            Side::Acceptor => 0x2_0000,
        };
        let common = (attributes & 0x10) | u32::from(attributes & integrity != 0);
        (
            self.query(side, ContextAttribute::NAMES).unwrap(),
            self.query(side, ContextAttribute::SESSION_KEY).ok(),
            self.query(side, ContextAttribute::NEGOTIATION_INFO).unwrap(),
            common,
        )
    }

    /// A side signs or seals a message; the message as it travels and its signature.
    pub(crate) fn protect(&mut self, side: Side, seal: bool, text: &[u8]) -> Result<Vec<SecBuffer>, Status> {
        let party = self.party(side);
        let mut message = vec![
            SecBuffer::with_capacity(BufferKind::TOKEN, 16),
            SecBuffer::new(BufferKind::DATA, text),
        ];
        let context = party.context.unwrap();
        let outcome = match seal {
            true => party.interface.encrypt_message(context, &mut message, 0),
            false => party.interface.make_signature(context, &mut message, 0),
        };
        outcome.map_err(|refusal| refusal.status)?;
        message[0].capacity = None;
        Ok(message)
    }

    /// A side verifies or unseals a message.
    pub(crate) fn open(&mut self, side: Side, seal: bool, message: &[SecBuffer]) -> Result<Vec<u8>, Status> {
        let party = self.party(side);
        let context = party.context.unwrap();
        let mut message = message.to_vec();
        let outcome = match seal {
            true => party.interface.decrypt_message(context, &mut message, 0),
            false => party.interface.verify_signature(context, &message, 0),
        };
        outcome.map_err(|refusal| refusal.status)?;
        Ok(message.remove(1).bytes)
    }

    /// The context of a side moves to another handle.
    pub(crate) fn transfer(&mut self, side: Side) -> Result<(), Status> {
        let party = self.party(side);
        let context = party.context.unwrap();
        let exported = party
            .interface
            .export_security_context(context, ExportFlags::DELETE_OLD);
        let (_, packed) = exported.map_err(|refusal| refusal.status)?;
        let imported = party.interface.import_security_context("Negotiate", &packed);
        party.context = Some(imported.unwrap().1);
        Ok(())
    }

    /// Messages each way, signed and sealed, arrive.
    pub(crate) fn talk(&mut self) {
        for side in [Side::Initiator, Side::Acceptor, Side::Acceptor, Side::Initiator] {
            for seal in [false, true] {
                let sent = self.protect(side, seal, b"some text").unwrap();
                assert_eq!(self.open(side.peer(), seal, &sent).unwrap(), b"some text");
            }
        }
    }
}
