//! CHALLENGE messages, held against the NEGOTIATE message that the acceptor saw.

use legwork_engine::ntlm::messages::{AvId, AvPairs, Challenge, MessageType, NegotiateFlags};

use super::{
    exchange::{self, Made},
    negotiate, recompute,
};
use crate::{
    check::{Judge, calls},
    protocol::{Role, SECOND},
};

const FLAGS: std::ops::Range<usize> = 20..24;

/// How far an uncontrolled clock may be from ours, in 100 ns units.
const CLOCK_TOLERANCE: u64 = 10 * SECOND.unsigned_abs();

pub(super) fn check(judge: &mut Judge<'_>) {
    for made in exchange::made(judge.trace, MessageType::CHALLENGE) {
        negotiate::layout(judge, made, Challenge::FIELDS);
        let Ok(message) = Challenge::parse(made.token) else {
            continue;
        };
        alone(judge, made, &message);
        target_info(judge, made, &message);
        negotiate::version(judge, made.at, message.flags, message.version);
        begins(judge, made, message.flags);
        let offered = made.event.input().and_then(recompute::offered);
        if let Some(offered) = offered.filter(|_| made.event.side == Role::Acceptor) {
            answers(judge, made, &message, offered);
        }
    }
}

/// A CHALLENGE that answers nothing begins a datagram exchange.
fn begins(judge: &mut Judge<'_>, made: Made<'_>, flags: NegotiateFlags) {
    if made.event.input().is_some() || !calls::requires(made.event, "datagram") {
        return;
    }
    let due = NegotiateFlags::DATAGRAM | NegotiateFlags::KEY_EXCH;
    let rule = "wire/ntlm/challenge-datagram-flags";
    judge.check_at(rule, made.at, Some(FLAGS), flags.contains(due), || {
        format!(
            "flags 0x{:08x} lack {}",
            flags.bits(),
            (due - flags).named().collect::<Vec<_>>().join(", ")
        )
    });
}

fn alone(judge: &mut Judge<'_>, made: Made<'_>, message: &Challenge<'_>) {
    let flags = message.flags;
    let mut flag = |rule: &str, holds: bool, what: &str| {
        judge.check_at(rule, made.at, Some(FLAGS), holds, || {
            format!("flags 0x{:08x}: {what}", flags.bits())
        });
    };
    let mandatory = NegotiateFlags::NTLM | NegotiateFlags::ALWAYS_SIGN;
    flag(
        "wire/ntlm/challenge-mandatory-flags",
        flags.contains(mandatory),
        "NTLM and ALWAYS_SIGN must be set",
    );
    let reserved = flags & NegotiateFlags::MUST_BE_ZERO;
    flag(
        "wire/ntlm/challenge-reserved-bits",
        reserved.is_empty(),
        "reserved bits are set",
    );
    let sets = flags & negotiate::CHARACTER_SETS;
    flag(
        "wire/ntlm/challenge-one-character-set",
        sets == NegotiateFlags::UNICODE || sets == NegotiateFlags::OEM,
        "exactly one character set should be chosen",
    );
    let both = NegotiateFlags::LM_KEY | NegotiateFlags::EXTENDED_SESSIONSECURITY;
    flag(
        "wire/ntlm/challenge-lm-key-excluded",
        !flags.contains(both),
        "LM_KEY together with ESS",
    );
    if flags.contains(NegotiateFlags::REQUEST_TARGET) {
        let types = flags & NegotiateFlags::TARGET_TYPES;
        let one = types == NegotiateFlags::TARGET_TYPE_DOMAIN || types == NegotiateFlags::TARGET_TYPE_SERVER;
        flag(
            "wire/ntlm/challenge-one-target-type",
            one,
            "exactly one target type must be named",
        );
        let named = !message.target_name.is_empty();
        flag(
            "wire/ntlm/challenge-target-name",
            named,
            "REQUEST_TARGET is set, the target name is empty",
        );
    }
    let zero = message.reserved == [0; 8];
    judge.check_at(
        "wire/ntlm/challenge-reserved-zero",
        made.at,
        Some(32..40),
        zero,
        || format!("the reserved bytes are {}", hex::encode(message.reserved)),
    );
}

fn target_info(judge: &mut Judge<'_>, made: Made<'_>, message: &Challenge<'_>) {
    let flagged = message.flags.contains(NegotiateFlags::TARGET_INFO);
    let length = message.target_info.len();
    for (rule, holds) in [
        ("wire/ntlm/challenge-target-info-flagged", !flagged || length != 0),
        (
            "wire/ntlm/challenge-target-info-without-flag",
            flagged || length == 0,
        ),
    ] {
        judge.check(rule, made.at, holds, || {
            format!("TARGET_INFO is {flagged}, the target information has {length} bytes")
        });
    }
    if message.target_info.is_empty() {
        return;
    }
    let Some(pairs) = terminated(judge, made.at, "target information", &message.target_info) else {
        return;
    };
    for (id, name) in [
        (AvId::NB_COMPUTER_NAME, "MsvAvNbComputerName"),
        (AvId::NB_DOMAIN_NAME, "MsvAvNbDomainName"),
    ] {
        let present = pairs.get(id).is_some_and(|value| !value.is_empty());
        judge.check("wire/ntlm/challenge-names-present", made.at, present, || {
            format!("{name} is absent or empty")
        });
    }
    timestamp(judge, made, &pairs);
}

/// The list, if it ends as it must.
pub(super) fn terminated<'a>(
    judge: &mut Judge<'_>,
    at: usize,
    what: &str,
    list: &'a [u8],
) -> Option<AvPairs<'a>> {
    let rule = "wire/ntlm/av-pairs-terminated";
    let (pairs, _) = match AvPairs::parse(list) {
        Ok(parsed) => parsed,
        Err(error) => {
            judge.check(rule, at, false, || format!("{what}: {error}"));
            return None;
        }
    };
    let before: usize = pairs.iter().map(|pair| pair.value.len() + 4).sum();
    let extra = pairs.as_bytes().len().saturating_sub(before + 4);
    judge.check(rule, at, extra == 0, || {
        format!("{what}: the pair that ends the list has a value of {extra} bytes")
    });
    Some(pairs)
}

/// The timestamp is the acceptor's time, exactly so if the harness steers its clock.
fn timestamp(judge: &mut Judge<'_>, made: Made<'_>, pairs: &AvPairs<'_>) {
    if !judge.trace.world.acceptor.switch("send-timestamp") {
        return;
    }
    let now = clock(judge, Role::Acceptor);
    let sent = pairs.timestamp().ok().flatten();
    let tolerance = if judge.controls(made.event.side, "clock") {
        0
    } else {
        CLOCK_TOLERANCE
    };
    let holds = sent.is_some_and(|sent| sent.abs_diff(now) <= tolerance);
    judge.check("wire/ntlm/challenge-timestamp", made.at, holds, || match sent {
        Some(sent) => {
            format!(
                "the timestamp is {} seconds away from the acceptor's clock",
                sent.abs_diff(now) / SECOND.unsigned_abs()
            )
        }
        None => "no timestamp".to_owned(),
    });
}

/// The time that a side's clock shows.
pub(super) fn clock(judge: &Judge<'_>, role: Role) -> u64 {
    let ahead = judge.trace.world.side(role).clock_ahead;
    judge
        .trace
        .clock
        .saturating_add_signed(ahead.saturating_mul(SECOND))
}

/// What the acceptor chose must follow from what was offered.
fn answers(judge: &mut Judge<'_>, made: Made<'_>, message: &Challenge<'_>, offered: NegotiateFlags) {
    let possible = offered & judge.trace.world.acceptor.mask("grant");
    let chosen = message.flags;
    let protects = possible.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL);
    for (rule, flag, applies) in [
        ("wire/ntlm/challenge-echoes-sign", NegotiateFlags::SIGN, true),
        ("wire/ntlm/challenge-echoes-seal", NegotiateFlags::SEAL, true),
        (
            "wire/ntlm/challenge-echoes-key-exchange",
            NegotiateFlags::KEY_EXCH,
            protects,
        ),
        (
            "wire/ntlm/challenge-echoes-128",
            NegotiateFlags::NEGOTIATE_128,
            protects,
        ),
        (
            "wire/ntlm/challenge-echoes-56",
            NegotiateFlags::NEGOTIATE_56,
            protects,
        ),
    ] {
        if applies && possible.contains(flag) {
            judge.check_at(rule, made.at, Some(FLAGS), chosen.contains(flag), || {
                format!(
                    "offered 0x{:08x}, chosen 0x{:08x}: an offered flag is not echoed",
                    offered.bits(),
                    chosen.bits()
                )
            });
        }
    }
    if possible.contains(NegotiateFlags::UNICODE) {
        let chosen_set = chosen & negotiate::CHARACTER_SETS;
        judge.check_at(
            "wire/ntlm/challenge-one-character-set",
            made.at,
            Some(FLAGS),
            chosen_set.contains(NegotiateFlags::UNICODE),
            || "Unicode was offered and is not chosen".to_owned(),
        );
    }
    let beyond = (chosen - offered) & negotiate::NEGOTIABLE;
    judge.check_at(
        "wire/ntlm/challenge-flags-within-offer",
        made.at,
        Some(FLAGS),
        beyond.is_empty(),
        || {
            format!(
                "flags that were not offered: {}",
                beyond.named().collect::<Vec<_>>().join(", ")
            )
        },
    );
}
