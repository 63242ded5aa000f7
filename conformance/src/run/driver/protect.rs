//! Protected messages: one side signs or seals, the other checks. All forms come down to a message and a token.

use legwork_engine::{
    buffer::BufferAttributes,
    ntlm::messages::{Authenticate, NegotiateFlags},
};

use super::{CONTEXT, Driver, End, Purpose, party::named_context};
use crate::{
    edit::Token,
    protocol::{Buffer, Form, Protect, Request, Role},
    run::{
        inner,
        trace::{self, DATA, Event, TOKEN},
        when,
    },
    suite::{
        mapping::Class,
        scenario::{Expect, ProtectStep, ReadOnly, Tamper},
    },
};

/// A byte of a signature that belongs to the checksum in every form.
const CHECKSUM: usize = 8;

/// Bytes of a signature in the form `whole`.
const SIGNATURE: usize = 16;

/// Messages of the epilogue: empty, short, and longer than a block of any primitive.
const EPILOGUE: [&str; 3] = [
    "leg by leg",
    "a message that is a good deal longer than sixty-four bytes, block sizes aside",
    "",
];

/// A protected message as it travels.
#[derive(Clone, Debug)]
struct Travelling {
    message: Vec<u8>,
    token: Vec<u8>,
    /// The buffer that may only be read.
    read_only: Option<Buffer>,
    /// The sender's number, if the transport carries one.
    number: Option<u32>,
}

impl Driver<'_, '_> {
    /// Every completed exchange ends with messages in both directions and a look at the key and the name.
    pub(super) fn epilogue(&mut self) -> Result<(), End> {
        for role in Role::BOTH {
            if self.party(role).shows("session-key") {
                self.query_attribute(role, "session-key", Purpose::Query, None)?;
            }
        }
        if self.party(Role::Acceptor).shows("peer-name") {
            self.query_attribute(Role::Acceptor, "names", Purpose::Query, None)?;
        }
        if !self.sides.iter().all(|party| party.shows("per-message")) {
            return Ok(());
        }
        let flags = self.agreed_flags();
        // Nobody in particular has no session security (MS-NLMP section 3.4).
        if flags.contains(NegotiateFlags::ANONYMOUS) {
            return Ok(());
        }
        // Without extended session security peers agree on one direction only: the other comes last.
        if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            let both = |message| Role::BOTH.map(|by| (by, message));
            EPILOGUE
                .into_iter()
                .flat_map(both)
                .try_for_each(|(by, message)| self.epilogue_message(by, message, flags))
        } else {
            let all = |by| EPILOGUE.map(|message| (by, message));
            Role::BOTH
                .into_iter()
                .flat_map(all)
                .try_for_each(|(by, message)| self.epilogue_message(by, message, flags))
        }
    }

    /// Signs a message, and seals it, as far as that was agreed.
    fn epilogue_message(&mut self, by: Role, message: &str, flags: NegotiateFlags) -> Result<(), End> {
        let step = ProtectStep {
            by,
            message: message.to_owned(),
            ..plain(by)
        };
        if flags.contains(NegotiateFlags::SIGN) && self.can_pass(by, "sign", "verify") {
            self.protected(&step, false)?;
        }
        if flags.contains(NegotiateFlags::SIGN | NegotiateFlags::SEAL) && self.can_pass(by, "seal", "unseal")
        {
            self.protected(&step, true)?;
        }
        Ok(())
    }

    /// Whether a side can protect a message and the other can check it. Some interfaces have one direction only.
    fn can_pass(&mut self, by: Role, making: &str, checking: &str) -> bool {
        self.party(by).needs(making).is_ok() && self.party(by.peer()).needs(checking).is_ok()
    }

    /// What the AUTHENTICATE message says was agreed.
    fn agreed_flags(&self) -> NegotiateFlags {
        let tokens = self.trace.legs().filter_map(|(_, event)| event.input());
        let flags = tokens.filter_map(|token| {
            let inner = inner::mechanism_token(token);
            let message = Authenticate::parse(inner.as_deref().unwrap_or(token));
            message.ok().map(|message| message.flags)
        });
        flags.last().unwrap_or_default()
    }

    pub(super) fn protected(&mut self, step: &ProtectStep, sealed: bool) -> Result<(), End> {
        self.prepare_handle(step.by, step.handle)?;
        let made = self.protect(step, sealed)?;
        let Some(made) = made else { return Ok(()) };
        let peer = step.by.peer();
        if let Some(axis) = &step.edits_from {
            let token = self.edited(&Token::Bytes(made.token.clone()), self.case.edits(axis))?;
            let changed = Travelling {
                token: token.bytes().unwrap_or_default().to_vec(),
                ..made.clone()
            };
            let seen = when::Seen::alone(when::Due::Signature, &changed.token, &made.token);
            let expect = when::first(&step.check_first, &seen).cloned();
            return self.check(peer, sealed, changed, expect, false);
        }
        match step.tamper {
            None => self.check(peer, sealed, made, step.check.clone(), true),
            Some(Tamper::Replay) => {
                self.check(peer, sealed, made.clone(), None, true)?;
                self.check(peer, sealed, made, step.check.clone(), false)
            }
            Some(Tamper::Lose) => match self.protect(step, sealed)? {
                // Where messages are numbered, the next one is as good as if none had been lost.
                Some(next) => {
                    let genuine = next.number.is_some();
                    self.check(peer, sealed, next, step.check.clone(), genuine)
                }
                None => Ok(()),
            },
            Some(tamper) => self.check(peer, sealed, alter(made, tamper), step.check.clone(), false),
        }
    }

    /// The buffers of a protecting call.
    fn buffers(&mut self, step: &ProtectStep, form: Form) -> Result<Vec<Buffer>, End> {
        let party = self.party(step.by);
        if form != Form::Buffers && (step.without.is_some() || step.capacity.is_some()) {
            return Err(party.unsupported("buffers"));
        }
        if step.read_only.is_some() && !(form == Form::Buffers && party.shows("buffer-attributes")) {
            return Err(party.unsupported("buffer-attributes"));
        }
        let mut buffers = vec![Buffer::new(DATA, step.message.as_bytes())];
        buffers.extend(step.read_only.as_ref().map(read_only));
        if form == Form::Buffers {
            buffers.push(Buffer {
                kind: TOKEN,
                capacity: Some(step.capacity.unwrap_or(64)),
                ..Buffer::default()
            });
        }
        match step.without.as_deref() {
            Some("data") => buffers.retain(|buffer| buffer.kind != DATA),
            Some("token") => buffers.retain(|buffer| buffer.kind != TOKEN),
            _ => {}
        }
        Ok(buffers)
    }

    /// Signs or seals; none if the call was meant to fail and did.
    fn protect(&mut self, step: &ProtectStep, sealed: bool) -> Result<Option<Travelling>, End> {
        let operation = if sealed { "seal" } else { "sign" };
        self.party(step.by).needs(operation)?;
        let list = step.without.is_some() || step.capacity.is_some() || step.read_only.is_some();
        let form = self.party(step.by).form(!sealed, list);
        let buffers = self.buffers(step, form)?;
        let context = named_context(step.handle);
        let party = self.party(step.by);
        let sequence = if step.without_sequence { 0 } else { party.protected };
        party.protected = party.protected.wrapping_add(1);
        let protect = Protect {
            context,
            quality: 0,
            sequence,
            form,
            buffers,
        };
        let request = if sealed {
            Request::Seal(protect)
        } else {
            Request::Sign(protect)
        };
        let event = self.call(step.by, Purpose::Protect, request, step.expect.clone())?;
        if step.expect.is_some() && step.check.is_none() {
            return Ok(None);
        }
        let numbered = self.agreed_flags().contains(NegotiateFlags::DATAGRAM);
        let event = self.trace.events.get(event);
        let made = event.and_then(|event| travelling(event, step.message.as_bytes()));
        Ok(made.map(|made| Travelling {
            number: numbered.then_some(sequence),
            ..made
        }))
    }

    fn check(
        &mut self,
        role: Role,
        sealed: bool,
        made: Travelling,
        expect: Option<Expect>,
        genuine: bool,
    ) -> Result<(), End> {
        self.party(role).needs(if sealed { "unseal" } else { "verify" })?;
        let form = self.party(role).form(!sealed, made.read_only.is_some());
        if made.read_only.is_some() && !(form == Form::Buffers && self.party(role).shows("buffer-attributes"))
        {
            return Err(self.party(role).unsupported("buffer-attributes"));
        }
        let buffers = if form == Form::Whole {
            vec![Buffer::new(DATA, [made.token, made.message].concat())]
        } else {
            let mut buffers = vec![Buffer::new(DATA, made.message)];
            buffers.extend(made.read_only);
            buffers.push(Buffer::new(TOKEN, made.token));
            buffers
        };
        let sequence = made.number.unwrap_or_else(|| self.party(role).checked);
        let protect = Protect {
            context: CONTEXT,
            quality: 0,
            sequence,
            form,
            buffers,
        };
        let request = if sealed {
            Request::Unseal(protect)
        } else {
            Request::Verify(protect)
        };
        let event = self.call(role, Purpose::Check { genuine }, request, expect)?;
        if self.class(event, role) == Some(Class::Ok) {
            self.party(role).checked = sequence.wrapping_add(1);
        }
        Ok(())
    }
}

fn plain(by: Role) -> ProtectStep {
    ProtectStep {
        by,
        message: String::new(),
        expect: None,
        capacity: None,
        without: None,
        read_only: None,
        tamper: None,
        edits_from: None,
        check: None,
        check_first: Vec::new(),
        handle: None,
        without_sequence: false,
    }
}

/// Message and token of a protecting call, whatever its form.
fn travelling(event: &Event, plain: &[u8]) -> Option<Travelling> {
    let (message, token) = parts(event, plain)?;
    let read_only = event
        .protect()?
        .buffers
        .iter()
        .find(|buffer| buffer.is_read_only());
    Some(Travelling {
        message,
        token,
        read_only: read_only.cloned(),
        number: None,
    })
}

fn read_only(from: &ReadOnly) -> Buffer {
    let attributes = match from.with_checksum {
        true => BufferAttributes::READONLY_WITH_CHECKSUM,
        false => BufferAttributes::READONLY,
    };
    Buffer {
        attributes: attributes.bits(),
        ..Buffer::new(DATA, from.text.as_bytes())
    }
}

/// Message and token that a protecting call returned.
#[must_use]
pub(crate) fn parts(event: &Event, plain: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let buffers = &event.outcome()?.buffers;
    match event.protect()?.form {
        Form::Whole => {
            let (token, message) = trace::buffer(buffers, DATA)?.split_at_checked(SIGNATURE)?;
            Some((message.to_vec(), token.to_vec()))
        }
        _ => {
            let message = trace::buffer(buffers, DATA).unwrap_or(plain).to_vec();
            Some((message, trace::buffer(buffers, TOKEN)?.to_vec()))
        }
    }
}

fn alter(mut made: Travelling, tamper: Tamper) -> Travelling {
    let flip = |bytes: &mut Vec<u8>, at: usize, mask: u8| {
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= mask;
        }
    };
    match tamper {
        Tamper::Message => flip(&mut made.message, 0, 1),
        Tamper::ReadOnly => {
            if let Some(buffer) = &mut made.read_only {
                flip(&mut buffer.bytes, 0, 1);
            }
        }
        Tamper::Checksum => flip(&mut made.token, CHECKSUM, 1),
        Tamper::Sequence => flip(&mut made.token, 12, 0x40),
        Tamper::Version => flip(&mut made.token, 0, 2),
        Tamper::Truncate => {
            made.token.pop();
        }
        Tamper::Replay | Tamper::Lose => {}
    }
    made
}
