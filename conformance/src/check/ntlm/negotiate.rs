//! NEGOTIATE messages.

use legwork_engine::ntlm::messages::{MessageType, Negotiate, NegotiateFlags, Version};

use super::exchange::{self, Made};
use crate::{check::Judge, protocol::Role, suite::names};

/// Where the flags lie.
const FLAGS: std::ops::Range<usize> = 12..16;

/// Flags of the features that the two sides agree on.
pub(super) const NEGOTIABLE: NegotiateFlags = NegotiateFlags::UNICODE
    .union(NegotiateFlags::OEM)
    .union(NegotiateFlags::SIGN)
    .union(NegotiateFlags::SEAL)
    .union(NegotiateFlags::DATAGRAM)
    .union(NegotiateFlags::LM_KEY)
    .union(NegotiateFlags::EXTENDED_SESSIONSECURITY)
    .union(NegotiateFlags::NEGOTIATE_56)
    .union(NegotiateFlags::NEGOTIATE_128)
    .union(NegotiateFlags::KEY_EXCH)
    .union(NegotiateFlags::IDENTIFY);

/// The character sets.
pub(super) const CHARACTER_SETS: NegotiateFlags = NegotiateFlags::UNICODE.union(NegotiateFlags::OEM);

pub(super) fn check(judge: &mut Judge<'_>) {
    for made in exchange::made(judge.trace, MessageType::NEGOTIATE) {
        layout(judge, made, Negotiate::FIELDS);
        if let Ok(message) = Negotiate::parse(made.token) {
            flags(judge, made, message.flags);
            names_flagged(judge, made, &message);
            version(judge, made.at, message.flags, message.version);
            required(judge, made, message.flags);
        }
    }
}

fn flags(judge: &mut Judge<'_>, made: Made<'_>, flags: NegotiateFlags) {
    let mut flag = |rule: &str, holds: bool, what: &str| {
        judge.check_at(rule, made.at, Some(FLAGS), holds, || {
            format!("flags 0x{:08x}: {what}", flags.bits())
        });
    };
    let mandatory = NegotiateFlags::NTLM | NegotiateFlags::ALWAYS_SIGN;
    flag(
        "wire/ntlm/negotiate-mandatory-flags",
        flags.contains(mandatory),
        "NTLM and ALWAYS_SIGN must be set",
    );
    flag(
        "wire/ntlm/negotiate-character-set",
        flags.intersects(CHARACTER_SETS),
        "neither Unicode nor OEM is offered",
    );
    let reserved = flags & NegotiateFlags::MUST_BE_ZERO;
    flag(
        "wire/ntlm/negotiate-reserved-bits",
        reserved.is_empty(),
        "reserved bits are set",
    );
    flag(
        "wire/ntlm/negotiate-target-types",
        !flags.intersects(NegotiateFlags::TARGET_TYPES),
        "a type of target is named, which is for the acceptor to say",
    );
    let ess = flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
    if judge.trace.world.initiator.level() == 0 {
        let rule = "wire/ntlm/negotiate-without-ess-at-level-0";
        judge.check_at(rule, made.at, Some(FLAGS), !ess, || {
            format!(
                "flags 0x{:08x}: extended session security is offered",
                flags.bits()
            )
        });
    } else if offers(made, NegotiateFlags::EXTENDED_SESSIONSECURITY, judge) {
        let rule = "wire/ntlm/negotiate-extended-session-security";
        judge.check_at(rule, made.at, Some(FLAGS), ess, || {
            format!(
                "flags 0x{:08x}: extended session security is not offered",
                flags.bits()
            )
        });
    }
}

/// Whether the side's policy lets it offer a flag.
fn offers(made: Made<'_>, flag: NegotiateFlags, judge: &Judge<'_>) -> bool {
    let side = judge.trace.world.side(made.event.side);
    side.mask("offer").intersects(flag)
}

fn names_flagged(judge: &mut Judge<'_>, made: Made<'_>, message: &Negotiate<'_>) {
    for (what, flag, bytes) in [
        ("domain", NegotiateFlags::OEM_DOMAIN_SUPPLIED, &message.domain),
        (
            "workstation",
            NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
            &message.workstation,
        ),
    ] {
        if message.flags.contains(flag) {
            judge.check(
                "wire/ntlm/negotiate-names-flagged",
                made.at,
                !bytes.is_empty(),
                || format!("the flag promises a {what}, there is none"),
            );
        } else {
            judge.check(
                "wire/ntlm/negotiate-names-without-flag",
                made.at,
                bytes.is_empty(),
                || format!("no flag promises the {what} of {} bytes", bytes.len()),
            );
        }
    }
}

/// The flag and the structure go together, and the structure states the revision.
pub(super) fn version(judge: &mut Judge<'_>, at: usize, flags: NegotiateFlags, version: Option<Version>) {
    let flagged = flags.contains(NegotiateFlags::VERSION);
    let filled = version.is_some_and(|version| version.revision == Version::REVISION);
    let empty = version.is_none_or(|version| version == Version::default());
    let holds = if flagged { filled } else { empty };
    judge.check("wire/ntlm/version-filled", at, holds, || match flagged {
        true => format!("the flag promises a version with revision 0x0f, there is {version:?}"),
        false => format!("no flag promises the version {version:?}"),
    });
}

/// Signing and sealing are asked for if the caller requires them.
fn required(judge: &mut Judge<'_>, made: Made<'_>, flags: NegotiateFlags) {
    let Some(leg) = made.event.leg() else { return };
    let asked =
        |name: &str| names::requirement(Role::Initiator, name).is_some_and(|bit| leg.requirements & bit != 0);
    // Who asks for no integrity has not asked for integrity.
    let asked = |name: &str| asked(name) && (name != "integrity" || !asked("no-integrity"));
    let requires = |names: &[&str]| names.iter().any(|name| asked(name));
    for (rule, flag, requirements) in [
        (
            "wire/ntlm/negotiate-sign-when-required",
            NegotiateFlags::SIGN,
            ["integrity", "replay-detect", "sequence-detect"].as_slice(),
        ),
        (
            "wire/ntlm/negotiate-seal-when-required",
            NegotiateFlags::SEAL,
            ["confidentiality"].as_slice(),
        ),
    ] {
        if requires(requirements) && offers(made, flag, judge) {
            judge.check_at(rule, made.at, Some(FLAGS), flags.contains(flag), || {
                format!(
                    "flags 0x{:08x} do not offer what the caller requires: {requirements:?}",
                    flags.bits()
                )
            });
        }
    }
}

/// Parts of the payload lie within the message, behind its fixed part, and do not overlap.
pub(super) fn layout(
    judge: &mut Judge<'_>,
    made: Made<'_>,
    fields: &[legwork_engine::ntlm::messages::FixedField],
) {
    let rule = "wire/ntlm/fields-within-message";
    let mut parts: Vec<(&str, std::ops::Range<usize>, usize)> = Vec::new();
    for field in fields.iter().filter(|field| field.describes_payload) {
        let Some((start, end)) = described(made.token, field.offset) else {
            continue;
        };
        if start != end {
            parts.push((field.name, start..end, field.offset));
        }
    }
    let fixed = fields
        .iter()
        .filter(|field| field.describes_payload)
        .map(|field| field.offset + field.size)
        .max();
    let fixed = fixed.unwrap_or_default();
    parts.sort_by_key(|(_, range, _)| range.start);
    let mut wrong = None;
    let mut last = fixed;
    for (name, range, at) in &parts {
        if range.start < last || range.end > made.token.len() {
            wrong.get_or_insert_with(|| (*name, range.clone(), *at));
        }
        last = last.max(range.end);
    }
    let place = wrong.as_ref().map(|(_, _, at)| *at..at.saturating_add(8));
    judge.check_at(rule, made.at, place, wrong.is_none(), || {
        wrong
            .map(|(name, range, _)| {
                format!(
                    "{name} is said to be bytes {range:?} of {} and overlaps something or ends outside",
                    made.token.len()
                )
            })
            .unwrap_or_default()
    });
}

/// Start and end of the part that a descriptor describes; none if the token is too short for the descriptor.
fn described(token: &[u8], at: usize) -> Option<(usize, usize)> {
    let [a, b, _, _, c, d, e, f] = *token.get(at..)?.first_chunk::<8>()?;
    let length = usize::from(u16::from_le_bytes([a, b]));
    let start = usize::try_from(u32::from_le_bytes([c, d, e, f])).unwrap_or(usize::MAX);
    Some((start, start.saturating_add(length)))
}
