//! An initiator and an acceptor with one interface each, and the world that both live in.

pub(crate) mod worlds;

use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{
        AcceptArguments, AcceptReply, AttributeValue, AuthIdentity, ContextAttribute, CredHandle,
        CredentialUse, CtxtHandle, ExportFlags, InitializeArguments, InitializeReply,
        NATIVE_DATA_REPRESENTATION, SecurityInterface,
    },
    codec::utf16::Text,
    environment::{Account, Directory, Environment, LmCompatibilityLevel},
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    ntlm::{
        keys,
        messages::{Authenticate, AvId, AvPairsBuf, NegotiateFlags},
    },
    status::SecurityStatus as Status,
};

/// Noon of some day: 100 ns units since 1601-01-01.
const NOON: u64 = 0x01D9_C8D6_E1A3_8000;

/// 100 ns units in an hour.
const HOUR: u64 = 36_000_000_000;

/// Everything that both sides are given.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) initiator: InitRequirements,
    pub(crate) acceptor: AcceptRequirements,
    pub(crate) offer: NegotiateFlags,
    pub(crate) grant: NegotiateFlags,
    pub(crate) user: Text,
    pub(crate) domain: Text,
    pub(crate) password: Text,
    pub(crate) target: Option<Text>,
    pub(crate) host: Text,
    pub(crate) initiator_bindings: Option<Vec<u8>>,
    pub(crate) acceptor_bindings: Option<Vec<u8>>,
    pub(crate) initiator_level: u8,
    pub(crate) acceptor_level: u8,
    pub(crate) send_version: bool,
    pub(crate) send_timestamp: bool,
    pub(crate) send_mic: bool,
    pub(crate) send_names: bool,
    pub(crate) initiator_requires_128: bool,
    pub(crate) acceptor_requires_128: bool,
    pub(crate) extra: Vec<(u16, Vec<u8>)>,
}

impl World {
    /// The name of the user as the acceptor reports it.
    pub(crate) fn qualified_name(&self) -> Text {
        if self.domain.is_empty() {
            return self.user.clone();
        }
        let backslash = [u16::from(b'\\')];
        Text::from_units([self.domain.units(), &backslash, self.user.units()].concat())
    }

    /// What both sides agree on, told from the documentation of the flags: what is offered and granted, with key
    /// exchange and lengths only where something is protected by them.
    pub(crate) fn agreed(&self) -> NegotiateFlags {
        type Flags = NegotiateFlags;
        let mut wanted = Flags::UNICODE | Flags::REQUEST_TARGET | Flags::NTLM | Flags::ALWAYS_SIGN;
        wanted.set(Flags::EXTENDED_SESSIONSECURITY, self.initiator_level > 0);
        wanted.set(Flags::LM_KEY, self.initiator_level < 2);
        let signs = InitRequirements::INTEGRITY
            | InitRequirements::REPLAY_DETECT
            | InitRequirements::SEQUENCE_DETECT
            | InitRequirements::CONFIDENTIALITY;
        wanted.set(Flags::SIGN, self.initiator.intersects(signs));
        wanted.set(
            Flags::SEAL,
            self.initiator.contains(InitRequirements::CONFIDENTIALITY),
        );
        wanted.set(
            Flags::IDENTIFY,
            self.initiator.contains(InitRequirements::IDENTIFY),
        );
        // A NEGOTIATE message has names or a version.
        wanted.set(Flags::VERSION, self.send_version && !self.send_names);
        // NTLM and ALWAYS_SIGN are set by every acceptor; the initiator keeps them if it offered them.
        let granted = self.grant | Flags::NTLM | Flags::ALWAYS_SIGN;
        let mut agreed = wanted & self.offer & granted;
        if agreed.contains(Flags::EXTENDED_SESSIONSECURITY) || self.acceptor_level > 3 {
            agreed.remove(Flags::LM_KEY);
        }
        if agreed.intersects(Flags::SIGN | Flags::SEAL) {
            let strength = Flags::KEY_EXCH | Flags::NEGOTIATE_128 | Flags::NEGOTIATE_56;
            agreed |= strength & self.offer & self.grant;
        }
        agreed | Flags::TARGET_INFO
    }

    fn environment(&self) -> Environment {
        let mut environment = Environment::seeded(3);
        environment.clock = NOON;
        environment.host.netbios_computer = self.host.clone();
        environment.host.netbios_domain = "EXAMPLE".into();
        let policy = &mut environment.policy.ntlm;
        policy.offer = self.offer.bits();
        policy.grant = self.grant.bits();
        policy.send_version = self.send_version;
        policy.send_timestamp = self.send_timestamp;
        policy.send_mic = self.send_mic;
        policy.send_names = self.send_names;
        let mut extra = AvPairsBuf::default();
        for (id, value) in &self.extra {
            extra.push(AvId(*id), value);
        }
        let with_end = extra.terminate();
        policy.extra_av_pairs = with_end[..with_end.len() - 4].to_vec();
        environment
    }
}

/// Who calls.
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

/// Both sides before the first leg.
#[derive(Debug)]
pub(crate) struct Pair {
    world: World,
    initiator: SecurityInterface,
    acceptor: SecurityInterface,
    credential: CredHandle,
}

/// Both sides after the last leg.
#[derive(Debug)]
pub(crate) struct Established {
    initiator: (SecurityInterface, CtxtHandle),
    acceptor: (SecurityInterface, CtxtHandle),
    pub(crate) initiator_attributes: InitAttributes,
    pub(crate) acceptor_attributes: AcceptAttributes,
    /// The flags of the AUTHENTICATE message.
    pub(crate) flags: NegotiateFlags,
    pub(crate) tokens: [Vec<u8>; 3],
}

fn bindings(data: Option<&Vec<u8>>) -> Option<SecBuffer> {
    let data = data?;
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let bytes = [&[0; 24][..], &length, &32_u32.to_le_bytes(), data].concat();
    Some(SecBuffer::new(BufferKind::CHANNEL_BINDINGS, bytes))
}

fn input(token: Option<&[u8]>, data: Option<&Vec<u8>>) -> Vec<SecBuffer> {
    let token = token.map(|token| SecBuffer::new(BufferKind::TOKEN, token));
    token.into_iter().chain(bindings(data)).collect()
}

fn output() -> Vec<SecBuffer> {
    vec![SecBuffer::with_capacity(BufferKind::TOKEN, 1 << 16)]
}

impl Pair {
    pub(crate) fn new(world: &World) -> Self {
        let level = |level| LmCompatibilityLevel::new(level).unwrap();
        let mut initiator = SecurityInterface::new(world.environment());
        let policy = &mut initiator.environment().policy.ntlm;
        policy.require_128_bit = world.initiator_requires_128;
        policy.level = level(world.initiator_level);
        let mut acceptor = SecurityInterface::new(world.environment());
        let policy = &mut acceptor.environment().policy.ntlm;
        policy.require_128_bit = world.acceptor_requires_128;
        policy.level = level(world.acceptor_level);
        acceptor.environment().directory = Directory::new(vec![Account::new(
            world.user.clone(),
            world.domain.clone(),
            keys::password_hashes(&world.password),
        )]);
        let mut pair = Self {
            world: world.clone(),
            initiator,
            acceptor,
            credential: CredHandle(0),
        };
        pair.acquire(world.user.clone(), world.password.clone());
        pair
    }

    fn acquire(&mut self, user: Text, password: Text) {
        let identity = AuthIdentity {
            user: Some(user),
            domain: Some(self.world.domain.clone()),
            password: Some(password),
            package_list: None,
        };
        let acquired =
            self.initiator
                .acquire_credentials_handle("NTLM", CredentialUse::Outbound, Some(&identity));
        self.credential = acquired.unwrap().1;
    }

    /// The initiator believes in another password.
    pub(crate) fn set_password(&mut self, password: &Text) {
        self.acquire(self.world.user.clone(), password.clone());
    }

    /// The initiator logs on as somebody else.
    pub(crate) fn set_user(&mut self, user: &Text) {
        self.acquire(user.clone(), self.world.password.clone());
    }

    /// The initiator's clock is wrong by hours.
    pub(crate) fn move_initiator_clock(&mut self, hours: u64, ahead: bool) {
        let moved = hours * HOUR;
        let clock = if ahead { NOON + moved } else { NOON - moved };
        self.initiator.environment().clock = clock;
    }

    fn initialize(&mut self, context: Option<CtxtHandle>, token: Option<&[u8]>) -> InitializeReply {
        self.initiator.initialize_security_context(InitializeArguments {
            credential: Some(self.credential),
            context,
            target: self.world.target.as_ref(),
            requirements: self.world.initiator,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input: &input(token, self.world.initiator_bindings.as_ref()),
            output: output(),
        })
    }

    /// The acceptor itself, to be set up otherwise.
    pub(crate) fn acceptor(&mut self) -> &mut SecurityInterface {
        &mut self.acceptor
    }

    fn accept(&mut self, credential: CredHandle, context: Option<CtxtHandle>, token: &[u8]) -> AcceptReply {
        self.acceptor.accept_security_context(AcceptArguments {
            credential: Some(credential),
            context,
            requirements: self.world.acceptor,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input: &input(
                (!token.is_empty()).then_some(token),
                self.world.acceptor_bindings.as_ref(),
            ),
            output: output(),
        })
    }

    /// The status of exporting a context that waits for its peer.
    pub(crate) fn export_after_first_leg(mut self) -> Status {
        let context = self.initialize(None, None).context.unwrap();
        let exported = self
            .initiator
            .export_security_context(context, ExportFlags::empty());
        exported.unwrap_err().status
    }

    /// All legs; the status of the first one that fails. In datagram mode the first leg has no token.
    pub(crate) fn establish(mut self) -> Result<Established, Status> {
        let acquired = self
            .acceptor
            .acquire_credentials_handle("NTLM", CredentialUse::Inbound, None);
        let (_, inbound) = acquired.unwrap();
        let first = self.initialize(None, None);
        let negotiate = leg(first.status, Status::SEC_I_CONTINUE_NEEDED, &first.output)?;
        let second = self.accept(inbound, None, &negotiate);
        let challenge = leg(second.status, Status::SEC_I_CONTINUE_NEEDED, &second.output)?;
        let third = self.initialize(first.context, Some(&challenge));
        let authenticate = leg(third.status, Status::SEC_E_OK, &third.output)?;
        let last = self.accept(inbound, second.context, &authenticate);
        let nothing = leg(last.status, Status::SEC_E_OK, &last.output)?;
        assert_eq!(nothing, b"", "the last leg has no token");
        Ok(Established {
            initiator: (self.initiator, third.context.unwrap()),
            acceptor: (self.acceptor, last.context.unwrap()),
            initiator_attributes: third.attributes,
            acceptor_attributes: last.attributes,
            flags: Authenticate::parse(&authenticate).unwrap().flags,
            tokens: [negotiate, challenge, authenticate],
        })
    }
}

/// The token of a leg that has the status it must have unless it fails.
fn leg(status: Status, expected: Status, output: &[SecBuffer]) -> Result<Vec<u8>, Status> {
    if status.is_failure() {
        return Err(status);
    }
    assert_eq!(status, expected);
    Ok(output[0].bytes.clone())
}

/// A protected message.
#[derive(Clone, Debug)]
pub(crate) struct Protected {
    sealed: bool,
    data: Vec<u8>,
    signature: Vec<u8>,
    /// The caller's number, which counts in datagram mode.
    pub(crate) number: u32,
}

impl Protected {
    /// The message under another number.
    pub(crate) fn numbered(&self, number: u32) -> Self {
        Self {
            number,
            ..self.clone()
        }
    }

    /// The message as it arrives when something is wrong with it: one bit of the checksum, the sequence number, or
    /// the message; a signature that is cut or of another version; a message that is cut.
    pub(crate) fn damaged(&self, bit: u8, flags: NegotiateFlags) -> Vec<Self> {
        let mask = 1 << (bit % 8);
        let at = |place: usize| {
            let mut damaged = self.clone();
            damaged.signature[place] ^= mask;
            damaged
        };
        // Without ESS the first four bytes behind the version are random.
        let checksum = if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            4
        } else {
            8
        };
        let mut all = vec![at(0), at(checksum + usize::from(bit % 4)), at(12), at(15)];
        let mut cut = self.clone();
        cut.signature.truncate(usize::from(bit % 16));
        all.push(cut);
        if !self.data.is_empty() {
            let mut changed = self.clone();
            let place = usize::from(bit) % self.data.len();
            changed.data[place] ^= mask;
            let mut shorter = self.clone();
            shorter.data.pop();
            all.extend([changed, shorter]);
        }
        all
    }

    fn buffers(&self) -> Vec<SecBuffer> {
        vec![
            SecBuffer::new(BufferKind::TOKEN, self.signature.clone()),
            SecBuffer::new(BufferKind::DATA, self.data.clone()),
        ]
    }
}

impl Established {
    fn side(&mut self, side: Side) -> (&mut SecurityInterface, CtxtHandle) {
        let (interface, context) = match side {
            Side::Initiator => &mut self.initiator,
            Side::Acceptor => &mut self.acceptor,
        };
        (interface, *context)
    }

    pub(crate) fn query(&mut self, side: Side, attribute: ContextAttribute) -> AttributeValue {
        let (interface, context) = self.side(side);
        interface.query_context_attributes(context, attribute).unwrap()
    }

    pub(crate) fn key(&mut self, side: Side) -> Vec<u8> {
        match self.query(side, ContextAttribute::SESSION_KEY) {
            AttributeValue::SessionKey(key) => key,
            other => panic!("{other:?} is no session key"),
        }
    }

    /// Several messages each way; what arrives is what was sent, and a changed message leaves the context as it was.
    pub(crate) fn talk(&mut self, messages: &[(bool, bool, Vec<u8>)], flipped: u8) {
        for (by_initiator, seals, message) in messages {
            let side = if *by_initiator {
                Side::Initiator
            } else {
                Side::Acceptor
            };
            let sealed = *seals && self.flags.contains(NegotiateFlags::SEAL);
            let sent = self.protect(side, sealed, message).unwrap();
            for refused in sent.damaged(flipped, self.flags) {
                let status = self.open(side.peer(), &refused).unwrap_err();
                let expected = [
                    Status::SEC_E_MESSAGE_ALTERED,
                    Status::SEC_E_OUT_OF_SEQUENCE,
                    Status::SEC_E_INVALID_TOKEN,
                ];
                assert!(expected.contains(&status), "{status:?}");
            }
            assert_eq!(self.open(side.peer(), &sent), Ok(message.clone()));
            assert_eq!(self.open(side.peer(), &sent), Err(Status::SEC_E_OUT_OF_SEQUENCE));
            // Without ESS both directions have one key, and nothing tells a message from its reflection.
            if self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
                assert!(self.open(side, &sent).is_err(), "a side takes its own message");
            }
        }
    }

    /// Whether the context protects messages.
    pub(crate) fn protects(&self) -> bool {
        self.flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
    }

    pub(crate) fn name(&mut self, side: Side) -> AttributeValue {
        self.query(side, ContextAttribute::NAMES)
    }

    pub(crate) fn try_export(&mut self, side: Side, flags: ExportFlags) -> Result<Vec<u8>, Status> {
        let (interface, context) = self.side(side);
        let exported = interface.export_security_context(context, flags);
        exported
            .map(|(_, packed)| packed.to_vec())
            .map_err(|refusal| refusal.status)
    }

    pub(crate) fn export(&mut self, side: Side, flags: ExportFlags) -> Vec<u8> {
        self.try_export(side, flags).unwrap()
    }

    pub(crate) fn import(&mut self, side: Side, packed: &[u8]) -> Result<CtxtHandle, Status> {
        let (interface, _) = self.side(side);
        let imported = interface.import_security_context("NTLM", packed);
        imported
            .map(|(_, handle)| handle)
            .map_err(|refusal| refusal.status)
    }

    /// The context of a side moves to another handle.
    pub(crate) fn transfer(&mut self, side: Side, flags: ExportFlags) {
        let packed = self.export(side, flags);
        let handle = self.import(side, &packed).unwrap();
        match side {
            Side::Initiator => self.initiator.1 = handle,
            Side::Acceptor => self.acceptor.1 = handle,
        }
    }

    /// A side signs or seals a message.
    pub(crate) fn protect(&mut self, side: Side, sealed: bool, message: &[u8]) -> Result<Protected, Status> {
        self.protect_numbered(side, sealed, message, 0)
    }

    /// A side signs or seals a message of a number.
    pub(crate) fn protect_numbered(
        &mut self,
        side: Side,
        sealed: bool,
        message: &[u8],
        number: u32,
    ) -> Result<Protected, Status> {
        let (interface, context) = self.side(side);
        let mut buffers = vec![
            SecBuffer::with_capacity(BufferKind::TOKEN, 16),
            SecBuffer::new(BufferKind::DATA, message),
        ];
        let outcome = if sealed {
            interface.encrypt_message(context, &mut buffers, number)
        } else {
            interface.make_signature(context, &mut buffers, number)
        };
        outcome.map_err(|refusal| refusal.status)?;
        let data = buffers.remove(1).bytes;
        let signature = buffers.remove(0).bytes;
        Ok(Protected {
            sealed,
            data,
            signature,
            number,
        })
    }

    /// A side verifies or unseals a message.
    pub(crate) fn open(&mut self, side: Side, message: &Protected) -> Result<Vec<u8>, Status> {
        let (interface, context) = self.side(side);
        let mut buffers = message.buffers();
        let outcome = if message.sealed {
            interface.decrypt_message(context, &mut buffers, message.number)
        } else {
            interface.verify_signature(context, &buffers, message.number)
        };
        outcome.map_err(|refusal| refusal.status)?;
        Ok(buffers.remove(1).bytes)
    }
}
