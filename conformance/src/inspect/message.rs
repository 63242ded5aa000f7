//! What can be odd in each of the three messages.

use legwork_engine::ntlm::messages::{NegotiateFlags, Version};

use super::{frame::Frame, part, rules};

/// Version flag and structure belong together.
pub(super) fn version(frame: &mut Frame<'_>) {
    if !frame.has_flags {
        return;
    }
    let flagged = frame.flags.contains(NegotiateFlags::VERSION);
    let Some(version) = frame.version else {
        if flagged {
            frame.warn_flags(
                rules::VERSION_FILLED,
                "flag VERSION is set, but there is no version",
            );
        }
        return;
    };
    let filled = version != Version::default();
    if !flagged && filled {
        frame.warn(
            "Version",
            rules::VERSION_FILLED,
            "filled although flag VERSION is clear",
        );
    }
    if (flagged || filled) && version.revision != Version::REVISION {
        let text = format!(
            "revision is 0x{:02x}, not 0x{:02x}",
            version.revision,
            Version::REVISION
        );
        frame.warn("Version", rules::VERSION_FILLED, text);
    }
    if version.reserved != [0; 3] {
        let text = format!("reserved bytes are {}", hex::encode(version.reserved));
        frame.warn("Version", None, text);
    }
}

/// Flags that NEGOTIATE and CHALLENGE always have.
pub(super) fn mandatory(frame: &mut Frame<'_>, rule: Option<&'static str>) {
    let missing = (NegotiateFlags::NTLM | NegotiateFlags::ALWAYS_SIGN).difference(frame.flags);
    for name in missing.named() {
        frame.warn_flags(rule, format!("{name} is clear"));
    }
}

/// Reserved bits are zero.
pub(super) fn reserved(frame: &mut Frame<'_>, rule: Option<&'static str>) {
    let found = frame.flags.intersection(NegotiateFlags::RESERVED);
    if !found.is_empty() {
        frame.warn_flags(
            rule,
            format!("reserved bits {} are set", part::word(found.bits())),
        );
    }
}

/// Target types belong into a CHALLENGE.
pub(super) fn target_types(frame: &mut Frame<'_>, rule: Option<&'static str>) {
    for name in frame.flags.intersection(NegotiateFlags::TARGET_TYPES).named() {
        frame.warn_flags(rule, format!("{name} is set outside a CHALLENGE"));
    }
}

/// Of the two character sets, one is chosen.
pub(super) fn one_character_set(frame: &mut Frame<'_>, rule: Option<&'static str>) {
    let sets = NegotiateFlags::UNICODE | NegotiateFlags::OEM;
    if frame.flags.contains(sets) {
        frame.warn_flags(rule, "UNICODE and OEM are both set; Unicode counts");
    } else if !frame.flags.intersects(sets) {
        frame.warn_flags(rule, "neither UNICODE nor OEM is set");
    }
}

/// Extended session security excludes the LAN Manager key.
pub(super) fn lm_key(frame: &mut Frame<'_>, rule: Option<&'static str>) {
    if frame
        .flags
        .contains(NegotiateFlags::LM_KEY | NegotiateFlags::EXTENDED_SESSIONSECURITY)
    {
        frame.warn_flags(rule, "LM_KEY and EXTENDED_SESSIONSECURITY exclude each other");
    }
}
