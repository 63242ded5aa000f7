//! The responses of AUTHENTICATE messages, recomputed from the known secrets.

use legwork_engine::ntlm::messages::{AvId, AvPairs, Challenge, NegotiateFlags, NtlmV2Response};

use super::{
    authenticate::{Answer, show},
    challenge,
    recompute::{self, ResponseForm, version_one},
};
use crate::check::Judge;

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

/// From here on LmCompatibilityLevel calls for version 2.
const FIRST_LEVEL_OF_VERSION_TWO: u64 = 3;

/// From here on LmCompatibilityLevel leaves the LAN Manager's response out.
const FIRST_LEVEL_WITHOUT_LM: u64 = 2;

/// Judges the responses; returns the AV pairs of a response of version 2.
pub(super) fn check<'a>(judge: &mut Judge<'_>, answer: &'a Answer<'a>) -> Option<AvPairs<'a>> {
    let expected = expected_form(judge, answer);
    let found = ResponseForm::of(&answer.message);
    let rule = match expected {
        ResponseForm::Anonymous => "wire/ntlm/anonymous-form",
        _ => "wire/ntlm/response-version",
    };
    judge.check(rule, answer.made.at, found == expected, || {
        format!(
            "responses of {} and {} bytes are {found:?}, due is {expected:?}",
            answer.message.lm_response.len(),
            answer.message.nt_response.len()
        )
    });
    match found {
        ResponseForm::Anonymous => anonymous(judge, answer),
        ResponseForm::VersionOne => version_one(judge, answer),
        ResponseForm::VersionTwo => return version_two(judge, answer),
    }
    None
}

/// The form that identity and LmCompatibilityLevel call for.
fn expected_form(judge: &Judge<'_>, answer: &Answer<'_>) -> ResponseForm {
    match answer.identity {
        None => ResponseForm::Anonymous,
        Some(_) if judge.trace.world.initiator.level() < FIRST_LEVEL_OF_VERSION_TWO => {
            ResponseForm::VersionOne
        }
        Some(_) => ResponseForm::VersionTwo,
    }
}

/// The flag goes with the form: nobody has no name, and no response but for one zero byte at most.
fn anonymous(judge: &mut Judge<'_>, answer: &Answer<'_>) {
    let message = &answer.message;
    let flagged = message.flags.contains(NegotiateFlags::ANONYMOUS);
    let lm = &*message.lm_response;
    let holds = flagged && matches!(lm, [] | [0]);
    judge.check("wire/ntlm/anonymous-form", answer.made.at, holds, || {
        format!(
            "the anonymous flag is {flagged}, the LM response {}",
            hex::encode(lm)
        )
    });
}

/// The responses of version 1.
fn version_one(judge: &mut Judge<'_>, answer: &Answer<'_>) {
    let (at, message, asked) = (answer.made.at, &answer.message, &answer.asked);
    let flags = message.flags & asked.flags;
    let password = answer.password();
    let (lm, nt) = (&*message.lm_response, &*message.nt_response);
    let expected = version_one::nt_response(flags, &password, &asked.server_challenge, lm);
    let holds = expected.is_some_and(|expected| nt == expected);
    judge.check("wire/ntlm/v1-nt-response", at, holds, || {
        let expected = expected.map_or_else(|| "nothing".to_owned(), hex::encode);
        format!("the NT response is {}, recomputed {expected}", hex::encode(nt))
    });
    let recomputed = version_one::lm_response(&password, &asked.server_challenge);
    let (holds, expected) = if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        let zeros = lm.len() == 24 && lm.get(8..) == Some(&[0; 16]);
        (zeros, "a challenge of 8 bytes and zeros".to_owned())
    } else {
        let sends_lm = judge.trace.world.initiator.level() < FIRST_LEVEL_WITHOUT_LM;
        match recomputed.filter(|_| sends_lm) {
            Some(recomputed) => (lm == recomputed, hex::encode(recomputed)),
            None => (lm == nt, "the NT response again".to_owned()),
        }
    };
    judge.check("wire/ntlm/v1-lm-response", at, holds, || {
        format!("the LM response is {}, expected {expected}", hex::encode(lm))
    });
}

/// The responses of version 2.
fn version_two<'a>(judge: &mut Judge<'_>, answer: &'a Answer<'a>) -> Option<AvPairs<'a>> {
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
    challenge::terminated(judge, at, "NT response", bytes.get(RESPONSE_PAIRS..)?)?;
    let response = NtlmV2Response::parse(bytes).ok()?;
    let inner = &response.client_challenge;
    let zero = inner.reserved == [0; 6] && inner.reserved3 == [0; 4];
    judge.check("wire/ntlm/nt-response-reserved-zero", at, zero, || {
        format!(
            "reserved bytes {} and {}",
            hex::encode(inner.reserved),
            hex::encode(inner.reserved3)
        )
    });
    let (pairs, _) = AvPairs::parse(bytes.get(RESPONSE_PAIRS..)?).ok()?;
    proof(judge, answer, &response);
    copied(judge, answer, &pairs);
    time(judge, answer, inner.timestamp);
    own_pairs(judge, answer, &pairs);
    Some(pairs)
}

fn proof(judge: &mut Judge<'_>, answer: &Answer<'_>, response: &NtlmV2Response<'_>) {
    let Some(derived) = answer.derived() else { return };
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

pub(super) fn timestamp(asked: &Challenge<'_>) -> Option<u64> {
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

/// The time of the response: the acceptor's, or the initiator's own where the harness steers its clock. Nothing says
/// which it is when the list that may hold the acceptor's cannot be read.
fn time(judge: &mut Judge<'_>, answer: &Answer<'_>, time: u64) {
    let list = &answer.asked.target_info;
    if !list.is_empty() && AvPairs::parse(list).is_err() {
        return;
    }
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
