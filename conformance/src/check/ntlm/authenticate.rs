//! AUTHENTICATE messages, held against the messages before and the known secrets.

use legwork_engine::ntlm::messages::{
    Authenticate, AvPairs, Challenge, MSV_AV_FLAG_MIC, MessageType, Negotiate, NegotiateFlags,
};

use super::{
    exchange::{self, Made},
    negotiate, recompute, response,
};
use crate::{
    check::{Judge, calls},
    protocol::{Identity, Role, Text},
};

const FLAGS: std::ops::Range<usize> = 60..64;

/// Where the specification has the code.
const MIC_OFFSET: usize = 72;

/// An AUTHENTICATE message with what it answers.
pub(super) struct Answer<'a> {
    pub(super) made: Made<'a>,
    pub(super) message: Authenticate<'a>,
    negotiate: &'a [u8],
    challenge: &'a [u8],
    pub(super) asked: Challenge<'a>,
    /// Who logs on; nobody in particular if none.
    pub(super) identity: Option<&'a Identity>,
}

impl Answer<'_> {
    /// The secret of who logs on.
    pub(super) fn password(&self) -> Text {
        let password = self.identity.and_then(|identity| identity.password.clone());
        password.unwrap_or_else(|| Text::from(""))
    }

    /// Everything that follows from the secret and the messages.
    pub(super) fn derived(&self) -> Option<recompute::Derived> {
        recompute::derive(&self.password(), &self.message, &self.asked)
    }
}

pub(super) fn check(judge: &mut Judge<'_>) {
    let trace = judge.trace;
    for made in exchange::made(trace, MessageType::AUTHENTICATE) {
        negotiate::layout(judge, made, Authenticate::FIELDS);
        let Ok(message) = Authenticate::parse(made.token) else {
            continue;
        };
        negotiate::version(
            judge,
            made.at,
            message.flags & NegotiateFlags::VERSION,
            message.version,
        );
        let negotiate = exchange::own_last(trace, Role::Initiator, made.at, MessageType::NEGOTIATE);
        // In datagram mode there is no NEGOTIATE message.
        let negotiate = negotiate.or_else(|| calls::requires(made.event, "datagram").then_some(&[]));
        let (Some(negotiate), Some(challenge)) = (negotiate, made.event.input()) else {
            continue;
        };
        let Ok(asked) = Challenge::parse(challenge) else {
            continue;
        };
        let identity = trace.world.identity.as_ref();
        // No page makes a package honour the request for a null session: what it then sends is judged as what it is.
        let nobody = calls::requires(made.event, "null-session")
            && recompute::ResponseForm::of(&message) == recompute::ResponseForm::Anonymous;
        let identity = identity.filter(|identity| !nobody && !identity.is_nobody());
        let answer = Answer {
            made,
            message,
            negotiate,
            challenge,
            asked,
            identity,
        };
        flags(judge, &answer);
        names(judge, &answer);
        if let Some(pairs) = response::check(judge, &answer) {
            mic(judge, &answer, &pairs);
        }
    }
}

fn flags(judge: &mut Judge<'_>, answer: &Answer<'_>) {
    let flags = answer.message.flags;
    let at = answer.made.at;
    let mut flag = |rule: &str, holds: bool, what: &str| {
        judge.check_at(rule, at, Some(FLAGS), holds, || {
            format!("flags 0x{:08x}: {what}", flags.bits())
        });
    };
    let reserved = flags & NegotiateFlags::MUST_BE_ZERO;
    flag(
        "wire/ntlm/authenticate-reserved-bits",
        reserved.is_empty(),
        "reserved bits are set",
    );
    let sets = flags & negotiate::CHARACTER_SETS;
    let offered = Negotiate::parse(answer.negotiate).map_or(NegotiateFlags::empty(), |message| message.flags);
    let offered = if answer.negotiate.is_empty() {
        answer.asked.flags
    } else {
        offered
    };
    let wide = (offered & answer.asked.flags).contains(NegotiateFlags::UNICODE);
    flag(
        "wire/ntlm/authenticate-one-character-set",
        sets == NegotiateFlags::UNICODE || (sets == NegotiateFlags::OEM && !wide),
        "exactly one character set should be left, Unicode where both sides have it",
    );
    let beyond = (flags - answer.asked.flags) & negotiate::NEGOTIABLE;
    flag(
        "wire/ntlm/authenticate-flags-within-agreed",
        beyond.is_empty(),
        &format!(
            "not in the CHALLENGE: {}",
            beyond.named().collect::<Vec<_>>().join(", ")
        ),
    );
    let due = recompute::exchanges_key(flags);
    let length = answer.message.encrypted_session_key.len();
    // With key exchange alone, there may be one or none (erratum N9); what is of another size is no key.
    let odd = flags.contains(NegotiateFlags::KEY_EXCH) && length != 0 && length != 16;
    let (rule, expected) = match (due, odd) {
        (true, _) => ("wire/ntlm/encrypted-key-present", 16),
        (false, true) => ("wire/ntlm/encrypted-key-present", 0),
        (false, false) => ("wire/ntlm/encrypted-key-without-flag", 0),
    };
    judge.check_at(rule, at, Some(52..60), length == expected, || {
        format!(
            "the encrypted session key has {length} bytes, {expected} are due with flags 0x{:08x}",
            flags.bits()
        )
    });
}

fn names(judge: &mut Judge<'_>, answer: &Answer<'_>) {
    let wide = answer.message.flags.contains(NegotiateFlags::UNICODE);
    let given = |part: fn(&Identity) -> &Option<Text>| {
        let text = answer.identity.and_then(|identity| part(identity).as_ref());
        text.map(|text| text.utf16.clone()).unwrap_or_default()
    };
    // Names of domains have no case; the response is made of the letters that are sent, and checked with them.
    for (rule, what, sent, expected, any_case) in [
        (
            "wire/ntlm/authenticate-user",
            "user",
            &answer.message.user,
            given(|identity| &identity.user),
            false,
        ),
        (
            "wire/ntlm/authenticate-domain",
            "domain",
            &answer.message.domain,
            given(|identity| &identity.domain),
            true,
        ),
    ] {
        let expected = if wide { expected } else { narrow(&expected) };
        let folded = |name: &[u8]| show(name, wide).to_uppercase();
        let same = **sent == *expected || (any_case && folded(sent) == folded(&expected));
        judge.check(rule, answer.made.at, same, || {
            format!(
                "the {what} name is {}, given was {}",
                show(sent, wide),
                show(&expected, wide)
            )
        });
    }
}

fn narrow(wide: &[u8]) -> Vec<u8> {
    let (units, _) = wide.as_chunks::<2>();
    units
        .iter()
        .map(|[low, high]| if *high == 0 { *low } else { b'?' })
        .collect()
}

pub(super) fn show(name: &[u8], wide: bool) -> String {
    let units = if wide {
        name.as_chunks::<2>()
            .0
            .iter()
            .map(|unit| u16::from_le_bytes(*unit))
            .collect()
    } else {
        name.iter().map(|byte| u16::from(*byte)).collect::<Vec<_>>()
    };
    format!("{:?}", String::from_utf16_lossy(&units))
}

fn mic(judge: &mut Judge<'_>, answer: &Answer<'_>, pairs: &AvPairs<'_>) {
    let at = answer.made.at;
    let place = answer.message.mic_offset();
    let range = place.map(|place| place..place.saturating_add(16));
    let announced = pairs.flags().ok().flatten().unwrap_or(0) & MSV_AV_FLAG_MIC != 0;
    let filled = answer.message.mic.is_some_and(|mic| mic != [0; 16]);
    let consistent = announced == filled;
    judge.check_at("wire/ntlm/mic-announced", at, range.clone(), consistent, || {
        format!("MsvAvFlags announces a code: {announced}; the message has one: {filled}")
    });
    let sends = judge.trace.world.initiator.switch("send-mic");
    if response::timestamp(&answer.asked).is_some() && sends {
        judge.check_at("wire/ntlm/mic-with-timestamp", at, range.clone(), filled, || {
            "the CHALLENGE has a timestamp, the AUTHENTICATE message no code".to_owned()
        });
    }
    let (true, Some(sent), Some(place)) = (announced, answer.message.mic, place) else {
        return;
    };
    judge.check_at(
        "wire/ntlm/mic-place",
        at,
        range.clone(),
        place == MIC_OFFSET,
        || format!("the code stands at offset {place}: the version structure is left out"),
    );
    let Some(derived) = answer.derived() else { return };
    let token = (answer.made.token, place);
    let expected = recompute::mic(&derived.session_key, answer.negotiate, answer.challenge, token);
    judge.check_at("wire/ntlm/mic-value", at, range, sent == expected, || {
        format!(
            "the code is {}, recomputed {}",
            hex::encode(sent),
            hex::encode(expected)
        )
    });
}
