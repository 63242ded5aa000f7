//! Conditions of expectations: what is true of a token that goes into a call, by its bytes and those that were sent.
//! The engine's codec reads them; nothing of what a subject does comes in.

use std::borrow::Cow;

use legwork_engine::{
    error::{TokenError, TokenErrorKind},
    ntlm::messages::{
        Authenticate, AvPairs, Challenge, Descriptor, MSV_AV_FLAG_MIC, Negotiate, NegotiateFlags,
        NtlmV2Response, Signature,
    },
};

use crate::{
    protocol::Role,
    run::trace::Trace,
    suite::scenario::{Expect, When},
};

mod negotiate;

/// The token that a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The first message.
    Negotiate,
    /// The second message.
    Challenge,
    /// The third message.
    Authenticate,
    /// The signature of a protected message.
    Signature,
    /// A list of mechanisms.
    NegTokenInit,
    /// A later token of the acceptor in Negotiate.
    Reply,
    /// A later token of the initiator in Negotiate.
    Answer,
}

/// A token that goes into a call.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What is due.
    pub due: Due,
    /// The token.
    pub token: &'a [u8],
    /// The token as its maker sent it.
    pub sent: &'a [u8],
    /// Whether an earlier token of the exchange was altered.
    pub altered_before: bool,
    /// Whether the acceptor of a negotiation has another list of mechanisms than was sent.
    pub list_altered: bool,
    /// Whether an earlier token of the mechanism in a negotiation was altered.
    pub mechanism_altered: bool,
    /// Whether the acceptor of a negotiation asked for a code over the list.
    pub code_requested: bool,
}

impl<'a> Seen<'a> {
    /// A token that goes into the next leg of a side.
    #[must_use]
    pub fn leg(trace: &Trace, (role, number): (Role, usize), token: &'a [u8], sent: &'a [u8]) -> Self {
        let negotiated = trace.package == "negotiate";
        Self {
            due: if negotiated {
                negotiate::due(sent, role)
            } else {
                Due::leg(role, number)
            },
            token,
            sent,
            altered_before: trace.legs().any(|(_, event)| event.altered_input),
            list_altered: negotiated && negotiate::list_altered(trace),
            mechanism_altered: negotiated && negotiate::mechanism_altered(trace),
            code_requested: negotiated && negotiate::code_requested(trace),
        }
    }

    /// A token by itself.
    #[must_use]
    pub fn alone(due: Due, token: &'a [u8], sent: &'a [u8]) -> Self {
        Self {
            due,
            token,
            sent,
            altered_before: false,
            list_altered: false,
            mechanism_altered: false,
            code_requested: false,
        }
    }
}

impl Due {
    /// The message that a leg waits for.
    #[must_use]
    pub fn leg(role: Role, number: usize) -> Self {
        match (role, number) {
            (Role::Initiator, _) => Self::Challenge,
            (Role::Acceptor, 0) => Self::Negotiate,
            (Role::Acceptor, _) => Self::Authenticate,
        }
    }
}

/// The first expectation whose condition holds.
#[must_use]
pub fn first<'a>(list: &'a [Expect], seen: &Seen<'_>) -> Option<&'a Expect> {
    list.iter()
        .find(|expect| expect.when.is_some_and(|when| holds(when, seen)))
}

/// Whether a condition holds.
#[must_use]
pub fn holds(when: When, seen: &Seen<'_>) -> bool {
    match (when, seen.due) {
        (When::Anything, _) => true,
        (When::Malformed, Due::Negotiate) => {
            Negotiate::parse(seen.token).is_err_and(|error| name_of(seen.token, &error) == Name::None)
        }
        (When::UnusedPartMalformed, Due::Negotiate) => {
            Negotiate::parse(seen.token).is_err_and(|error| name_of(seen.token, &error) == Name::Malformed)
        }
        (When::NoCharacterSet, Due::Negotiate) => {
            Negotiate::parse(seen.token).is_ok_and(|message| no_character_set(message.flags))
        }
        (_, Due::Challenge) => challenge(when, seen.token),
        (_, Due::Authenticate) => {
            let unused = ["LmChallengeResponse", "Workstation"];
            let (token, broken) =
                without_unused(seen.token, &unused, |token| Authenticate::parse(token).err());
            match Authenticate::parse(&token) {
                Ok(message) => authenticate(when, seen, &message, broken),
                Err(error) => unreadable(when, &error),
            }
        }
        (_, Due::Signature) => signature(when, seen),
        (_, Due::NegTokenInit | Due::Reply | Due::Answer) => negotiate::holds(when, seen),
        _ => false,
    }
}

fn no_character_set(flags: NegotiateFlags) -> bool {
    !flags.intersects(NegotiateFlags::UNICODE | NegotiateFlags::OEM)
}

/// Whether a descriptor is whole and points where no part can be.
fn points_nowhere(error: &TokenError) -> bool {
    matches!(error.kind, TokenErrorKind::OutOfBounds | TokenErrorKind::InHeader)
}

/// The token without the parts that its reader has no use for, if what describes them points nowhere, and whether
/// there are such.
fn without_unused<'a>(
    token: &'a [u8],
    unused: &[&str],
    error: impl Fn(&[u8]) -> Option<TokenError>,
) -> (Cow<'a, [u8]>, bool) {
    let mut rest = Cow::Borrowed(token);
    let mut broken = false;
    for _ in unused {
        let Some(error) = error(&rest).filter(|error| unused.contains(&error.field) && points_nowhere(error))
        else {
            break;
        };
        let descriptor = rest.to_mut().iter_mut().skip(error.offset).take(Descriptor::SIZE);
        descriptor.for_each(|byte| *byte = 0);
        broken = true;
    }
    (rest, broken)
}

/// What is wrong with the names of a NEGOTIATE, for which an acceptor has no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Something else is wrong.
    None,
    /// A name points nowhere.
    Malformed,
    /// The message ends before what describes a name, and no flag promises the name: an old form.
    LeftOut,
}

fn name_of(token: &[u8], error: &TokenError) -> Name {
    let flag = match error.field {
        "DomainName" => NegotiateFlags::OEM_DOMAIN_SUPPLIED,
        "Workstation" => NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
        _ => return Name::None,
    };
    let flags = token.get(12..).and_then(|rest| rest.first_chunk::<4>());
    let flags = flags.map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if points_nowhere(error) {
        Name::Malformed
    } else if NegotiateFlags::from_bits_retain(flags).contains(flag) {
        Name::None
    } else {
        Name::LeftOut
    }
}

fn challenge(when: When, token: &[u8]) -> bool {
    let (token, broken) = without_unused(token, &["TargetName"], |token| Challenge::parse(token).err());
    let Ok(message) = Challenge::parse(&token) else {
        return when == When::Malformed;
    };
    let listed = message.flags.contains(NegotiateFlags::TARGET_INFO) && !message.target_info.is_empty();
    let pairs = AvPairs::parse(&message.target_info).map(|(pairs, _)| pairs);
    match when {
        // An initiator copies what it does not know; of known values it reads these two.
        When::Malformed => {
            listed && !pairs.is_ok_and(|pairs| pairs.flags().is_ok() && pairs.timestamp().is_ok())
        }
        When::UnusedPartMalformed => {
            broken || (listed && pairs.is_ok_and(|pairs| pairs.check_values().is_err()))
        }
        When::NoCharacterSet => no_character_set(message.flags),
        _ => false,
    }
}

/// An AUTHENTICATE that the codec does not take. A reader that does not mind a part that lies in the header reads
/// something else there, and refuses that.
fn unreadable(when: When, error: &TokenError) -> bool {
    let in_header = error.kind == TokenErrorKind::InHeader;
    match when {
        When::Malformed => !in_header,
        When::OtherDomain => in_header && error.field == "DomainName",
        When::PartMalformed => in_header,
        _ => false,
    }
}

fn authenticate(when: When, seen: &Seen<'_>, message: &Authenticate<'_>, broken: bool) -> bool {
    let sent = Authenticate::parse(seen.sent).ok();
    let differs = |part: for<'a> fn(&'a Authenticate<'_>) -> &'a [u8]| {
        sent.as_ref().is_none_or(|sent| part(sent) != part(message))
    };
    let odd = |name: &[u8]| message.flags.contains(NegotiateFlags::UNICODE) && !name.len().is_multiple_of(2);
    let unused_malformed = broken || odd(&message.workstation);
    let proof_broken = || differs(|message| &message.nt_response) || differs(|message| &message.user);
    let altered = seen.altered_before || seen.token != seen.sent;
    let mic_broken = || announced(message) && altered;
    match when {
        When::ProtectedPartMalformed => unused_malformed && (proof_broken() || mic_broken()),
        When::UnusedPartMalformed => unused_malformed,
        When::OtherDomain => differs(|message| &message.domain),
        When::OlderResponse => is_older(message),
        When::PartMalformed => {
            odd(&message.user) || key_of_other_size(message) || !has_sound_response(message)
        }
        When::ProofBroken => proof_broken(),
        When::MicMissing => announced(message) && message.mic.is_none_or(|mic| mic == [0; 16]),
        When::MicBroken => mic_broken(),
        When::MicBrokenByFlags => mic_broken() && contradictory(message),
        _ => false,
    }
}

fn is_older(message: &Authenticate<'_>) -> bool {
    message.user.is_empty() || matches!(message.nt_response.len(), 0 | NtlmV2Response::V1_LENGTH)
}

/// Whether the flags contradict the rest of the message (sections 2.2.1.3 and 2.2.2.5).
fn contradictory(message: &Authenticate<'_>) -> bool {
    let key = !message.encrypted_session_key.is_empty();
    no_character_set(message.flags) || message.flags.contains(NegotiateFlags::KEY_EXCH) != key
}

/// Whether the session key cannot be what the flags promise.
fn key_of_other_size(message: &Authenticate<'_>) -> bool {
    let protects = message
        .flags
        .intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL);
    message.flags.contains(NegotiateFlags::KEY_EXCH) && protects && message.encrypted_session_key.len() != 16
}

/// Whether the response can be read, has the one version that is defined, and values of possible sizes in what an
/// acceptor reads; the end mark of the list has none (section 2.2.2.1).
fn has_sound_response(message: &Authenticate<'_>) -> bool {
    NtlmV2Response::parse(&message.nt_response).is_ok_and(|response| {
        let pairs = AvPairs::parse(&response.client_challenge.av_pairs);
        let values = |(pairs, _): (AvPairs<'_>, &[u8])| {
            pairs.flags().is_ok() && pairs.channel_bindings().is_ok() && has_empty_end(&pairs)
        };
        response.client_challenge.response_type == 1 && pairs.is_ok_and(values)
    })
}

/// Whether nothing but its four bytes belongs to the end mark of a list.
fn has_empty_end(pairs: &AvPairs<'_>) -> bool {
    let before: usize = pairs.iter().map(|pair| pair.value.len().saturating_add(4)).sum();
    pairs.as_bytes().len() == before.saturating_add(4)
}

/// Whether the response announces a MIC.
pub(crate) fn announced(message: &Authenticate<'_>) -> bool {
    let response = NtlmV2Response::parse(&message.nt_response).ok();
    let flags = response.and_then(|response| {
        let (pairs, _) = AvPairs::parse(&response.client_challenge.av_pairs).ok()?;
        pairs.flags().ok().flatten()
    });
    flags.is_some_and(|flags| flags & MSV_AV_FLAG_MIC != 0)
}

fn signature(when: When, seen: &Seen<'_>) -> bool {
    let (Ok(found), Ok(sent)) = (Signature::parse(seen.token), Signature::parse(seen.sent)) else {
        return match when {
            When::ShortSignature => seen.token.len() < Signature::SIZE,
            When::LongSignature => seen.token.len() > Signature::SIZE,
            _ => false,
        };
    };
    match when {
        When::OtherVersion => found.version != 1,
        When::OtherSequence => found.sequence != sent.sequence,
        When::OtherChecksum => found.checksum != sent.checksum,
        _ => false,
    }
}
