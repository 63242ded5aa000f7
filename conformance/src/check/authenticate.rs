//! AUTHENTICATE messages, held against the messages before and the known secrets.

use legwork_engine::ntlm::messages::{
    Authenticate, AvId, AvPairs, Challenge, MSV_AV_FLAG_MIC, MessageType, Negotiate, NegotiateFlags,
    NtlmV2Response,
};

use super::{
    Judge, challenge,
    exchange::{self, Made},
    negotiate, recompute,
};
use crate::protocol::{Identity, Role, Text};

const FLAGS: std::ops::Range<usize> = 60..64;

/// Where the specification has the code.
const MIC_OFFSET: usize = 72;

/// Where RespType and HiRespType lie in an NTLMv2 response.
const RESPONSE_TYPES: std::ops::Range<usize> = 16..18;

/// Where the list of AV pairs starts in an NTLMv2 response.
const RESPONSE_PAIRS: usize = 44;

/// Pairs that an initiator adds or changes itself.
const OWN_PAIRS: [AvId; 4] = [
    AvId::FLAGS,
    AvId::SINGLE_HOST,
    AvId::TARGET_NAME,
    AvId::CHANNEL_BINDINGS,
];

/// An AUTHENTICATE message with what it answers.
struct Answer<'a> {
    made: Made<'a>,
    message: Authenticate<'a>,
    negotiate: &'a [u8],
    challenge: &'a [u8],
    asked: Challenge<'a>,
    identity: &'a Identity,
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
        let (Some(negotiate), Some(challenge)) = (negotiate, made.event.input()) else {
            continue;
        };
        let (Ok(asked), Some(identity)) = (Challenge::parse(challenge), trace.world.identity.as_ref()) else {
            continue;
        };
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
        response(judge, &answer);
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
    let reserved = flags & NegotiateFlags::RESERVED;
    flag(
        "wire/ntlm/authenticate-reserved-bits",
        reserved.is_empty(),
        "reserved bits are set",
    );
    let sets = flags & negotiate::CHARACTER_SETS;
    let offered = Negotiate::parse(answer.negotiate).map_or(NegotiateFlags::empty(), |message| message.flags);
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
    let (rule, expected) = match due {
        true => ("wire/ntlm/encrypted-key-present", 16),
        false => ("wire/ntlm/encrypted-key-without-flag", 0),
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
    let given = |text: &Option<Text>| text.as_ref().map(|text| text.utf16.clone()).unwrap_or_default();
    for (rule, what, sent, expected) in [
        (
            "wire/ntlm/authenticate-user",
            "user",
            &answer.message.user,
            given(&answer.identity.user),
        ),
        (
            "wire/ntlm/authenticate-domain",
            "domain",
            &answer.message.domain,
            given(&answer.identity.domain),
        ),
    ] {
        let expected = if wide { expected } else { narrow(&expected) };
        judge.check(rule, answer.made.at, **sent == *expected, || {
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

fn show(name: &[u8], wide: bool) -> String {
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

fn response(judge: &mut Judge<'_>, answer: &Answer<'_>) {
    let at = answer.made.at;
    let bytes = &answer.message.nt_response;
    let types = bytes.get(RESPONSE_TYPES);
    let holds = types == Some(&[1, 1]) && bytes.len() >= RESPONSE_PAIRS;
    judge.check("wire/ntlm/nt-response-header", at, holds, || {
        format!(
            "RespType and HiRespType are {:?} in an NT response of {} bytes",
            types.unwrap_or_default(),
            bytes.len()
        )
    });
    let Some(list) = bytes.get(RESPONSE_PAIRS..) else {
        return;
    };
    if challenge::terminated(judge, at, "NT response", list).is_none() {
        return;
    }
    let Ok(response) = NtlmV2Response::parse(bytes) else {
        return;
    };
    let inner = &response.client_challenge;
    let zero = inner.reserved == [0; 6] && inner.reserved3 == [0; 4];
    judge.check("wire/ntlm/nt-response-reserved-zero", at, zero, || {
        format!(
            "reserved bytes {} and {}",
            hex::encode(inner.reserved),
            hex::encode(inner.reserved3)
        )
    });
    let Ok((pairs, _)) = AvPairs::parse(&inner.av_pairs) else {
        return;
    };
    proof(judge, answer, &response);
    copied(judge, answer, &pairs);
    time(judge, answer, inner.timestamp);
    own_pairs(judge, answer, &pairs);
    mic(judge, answer, &pairs);
}

fn proof(judge: &mut Judge<'_>, answer: &Answer<'_>, response: &NtlmV2Response<'_>) {
    let Some(derived) = derived(answer) else { return };
    let at = answer.made.at;
    let rest = answer.message.nt_response.get(16..).unwrap_or_default();
    let expected = recompute::nt_proof(&derived.response_key, &answer.asked.server_challenge, rest);
    judge.check("wire/ntlm/nt-proof", at, expected == response.proof, || {
        format!(
            "NTProofStr is {}, recomputed {}",
            hex::encode(response.proof),
            hex::encode(expected)
        )
    });
    let sent = &*answer.message.lm_response;
    let zeros = sent.is_empty() || *sent == [0; 24];
    let (holds, expected) = match timestamp(&answer.asked) {
        Some(_) => (zeros, "24 zero bytes".to_owned()),
        None => {
            let with = |challenge: &[u8; 8]| {
                recompute::lm_response(&derived.response_key, &answer.asked.server_challenge, challenge)
            };
            let own = sent
                .last_chunk()
                .is_some_and(|challenge| *sent == with(challenge));
            (
                own || zeros,
                hex::encode(with(&response.client_challenge.challenge)),
            )
        }
    };
    judge.check("wire/ntlm/lm-response", at, holds, || {
        format!("the LM response is {}, expected {expected}", hex::encode(sent))
    });
}

fn derived(answer: &Answer<'_>) -> Option<recompute::Derived> {
    let empty = Text::from("");
    let password = answer.identity.password.as_ref().unwrap_or(&empty);
    recompute::derive(password, &answer.message, answer.asked.flags)
}

fn timestamp(asked: &Challenge<'_>) -> Option<u64> {
    let (pairs, _) = AvPairs::parse(&asked.target_info).ok()?;
    pairs
        .timestamp()
        .ok()
        .flatten()
        .filter(|_| asked.flags.contains(NegotiateFlags::TARGET_INFO))
}

/// What the acceptor said of itself comes back unchanged.
fn copied(judge: &mut Judge<'_>, answer: &Answer<'_>, pairs: &AvPairs<'_>) {
    let at = answer.made.at;
    if !answer.asked.flags.contains(NegotiateFlags::TARGET_INFO) {
        return;
    }
    let Ok((asked, _)) = AvPairs::parse(&answer.asked.target_info) else {
        return;
    };
    let lost = asked.iter().find(|pair| {
        !OWN_PAIRS.contains(&pair.id)
            && !pairs
                .iter()
                .any(|own| own.id == pair.id && own.value == pair.value)
    });
    judge.check("wire/ntlm/av-pairs-copied", at, lost.is_none(), || {
        lost.map(|pair| {
            format!(
                "AV pair {} ({}) is lost or changed",
                pair.id.0,
                pair.id.name().unwrap_or("unknown")
            )
        })
        .unwrap_or_default()
    });
}

/// The time of the response: the acceptor's, or the initiator's own where the harness steers its clock.
fn time(judge: &mut Judge<'_>, answer: &Answer<'_>, time: u64) {
    let (whose, expected) = match timestamp(&answer.asked) {
        Some(asked) => ("the CHALLENGE", asked),
        None if judge.controls(answer.made.event.side, "clock") => {
            ("the clock", challenge::clock(judge, answer.made.event.side))
        }
        None => return,
    };
    judge.check(
        "wire/ntlm/timestamp-copied",
        answer.made.at,
        time == expected,
        || format!("the response's time is {time}, {whose} says {expected}"),
    );
}

/// The initiator's own pairs: channel bindings and target name.
fn own_pairs(judge: &mut Judge<'_>, answer: &Answer<'_>, pairs: &AvPairs<'_>) {
    let at = answer.made.at;
    // No list, no place for pairs.
    if !answer.asked.flags.contains(NegotiateFlags::TARGET_INFO) || answer.asked.target_info.is_empty() {
        return;
    }
    let Some(leg) = answer.made.event.leg() else {
        return;
    };
    let expected = leg.bindings.as_deref().map(recompute::channel_bindings);
    let sent: Vec<&[u8]> = pairs
        .iter()
        .filter(|pair| pair.id == AvId::CHANNEL_BINDINGS)
        .map(|pair| pair.value)
        .collect();
    let mut hashes = sent.iter().filter(|value| **value != [0; 16]);
    let holds = hashes.all(|value| expected.is_some_and(|expected| *value == expected));
    judge.check("wire/ntlm/channel-bindings-hash", at, holds, || {
        let sent: Vec<String> = sent.iter().map(hex::encode).collect();
        format!(
            "channel bindings {sent:?}, expected {}",
            expected.map_or_else(|| "none or zeros".to_owned(), hex::encode)
        )
    });
    if expected.is_some() {
        let told = sent.iter().any(|value| *value != [0; 16]);
        judge.check("wire/ntlm/channel-bindings-sent", at, told, || {
            "the caller gave channel bindings, the response has none".to_owned()
        });
    }
    if let Some(target) = &leg.target {
        let sent = pairs.get(AvId::TARGET_NAME);
        judge.check(
            "wire/ntlm/target-name-copied",
            at,
            sent == Some(&target.utf16),
            || {
                format!(
                    "the target name is {}, given was {target:?}",
                    sent.map_or_else(|| "absent".to_owned(), |name| show(name, true))
                )
            },
        );
    }
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
    if timestamp(&answer.asked).is_some() && sends {
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
    let Some(derived) = derived(answer) else { return };
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
