//! Names and spellings of the dissector's view of a token (`tshark`).

use crate::inspect::time::Moment;

/// Names of single values, without the common prefix, and the name of the value here.
const NAMES: &[(&str, &str)] = &[
    ("identifier", "identifier"),
    ("messagetype", "message_type"),
    ("negotiateflags", "flags"),
    ("challenge.target_name", "target_name"),
    ("ntlmserverchallenge", "server_challenge"),
    ("reserved", "reserved"),
    ("auth.lmresponse", "lm_response"),
    ("auth.ntresponse", "nt_response"),
    ("auth.domain", "domain"),
    ("auth.username", "user"),
    ("auth.hostname", "workstation"),
    ("auth.sesskey", "encrypted_random_session_key"),
    ("authenticate.mic", "mic"),
    ("negotiate.domain", "domain"),
    ("negotiate.callingworkstation", "workstation"),
    ("ntlmclientchallenge", "lm_client_challenge"),
    ("ntlmv2_response", "nt_response"),
    ("ntlmv2_response.ntproofstr", "nt_proof_str"),
    ("ntlmv2_response.rversion", "response_type"),
    ("ntlmv2_response.hirversion", "highest_response_type"),
    ("ntlmv2_response.z", "response_reserved"),
    ("ntlmv2_response.time", "response_time"),
    ("ntlmv2_response.chal", "client_challenge"),
    ("ntlmv2_response.pad", "response_trailer"),
];

/// Names of values of Negotiate, and the name of the value here. Those that the dissector repeats for what is inside (a
/// Kerberos blob, an exchange of NEGOEX) are left out.
const NEGOTIATE: &[(&str, &str)] = &[
    ("gss-api.OID", "outer_oid"),
    ("spnego.mechTypes", "mech_types.count"),
    ("spnego.MechType", "mech_types"),
    ("spnego.mechToken", "mech_token"),
    ("spnego.negResult", "neg_state"),
    ("spnego.supportedMech", "supported_mech"),
    ("spnego.responseToken", "response_token"),
    ("spnego.mechListMIC", "mech_list_mic"),
    ("negoex.message.type", "negoex.types"),
    ("negoex.message.seq_num", "negoex.sequence_nums"),
    ("negoex.message.random", "negoex.random"),
    ("negoex.proto_version", "protocol_version"),
    ("negoex.auth_scheme_array_count", "negoex.scheme_count"),
    ("negoex.extension_array_count", "negoex.extension_count"),
    ("negoex.checksum_scheme", "negoex.checksum_scheme"),
    ("negoex.checksum_type", "negoex.checksum_type"),
    ("negoex.checksum", "negoex.checksum"),
];

/// Names within a list of AV pairs, of either message.
const PAIRS: &[(&str, &str)] = &[
    ("length", "target_info.length"),
    ("maxlen", "target_info.maxlen"),
    ("offset", "target_info.offset"),
    ("item.type", "av_ids"),
    ("item.length", "av_lengths"),
    ("nb_domain_name", "av_nb_domain_name"),
    ("nb_computer_name", "av_nb_computer_name"),
    ("dns_domain_name", "av_dns_domain_name"),
    ("dns_computer_name", "av_dns_computer_name"),
    ("dns_tree_name", "av_dns_tree_name"),
    ("target_name", "av_target_name"),
    ("timestamp", "av_timestamp"),
    ("flags", "av_flags"),
    ("channel_bindings", "av_channel_bindings"),
    ("restrictions", "av_single_host"),
];

/// Names of the bits of the flags, lowest first.
const BITS: [&str; 32] = [
    "negotiateunicode",
    "negotiateoem",
    "requesttarget",
    "negotiate00000008",
    "negotiatesign",
    "negotiateseal",
    "negotiatedatagram",
    "negotiatelmkey",
    "negotiate00000100",
    "negotiatentlm",
    "negotiatentonly",
    "negotiateanonymous",
    "negotiateoemdomainsupplied",
    "negotiateoemworkstationsupplied",
    "negotiate00004000",
    "negotiatealwayssign",
    "targettypedomain",
    "targettypeserver",
    "targettypeshare",
    "negotiatentlm2",
    "negotiateidentify",
    "negotiatent00200000",
    "requestnonntsession",
    "negotiatetargetinfo",
    "negotiatent01000000",
    "negotiateversion",
    "negotiatent04000000",
    "negotiatent08000000",
    "negotiatent10000000",
    "negotiate128",
    "negotiatekeyexch",
    "negotiate56",
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The name of a value here.
pub(super) fn name(theirs: &str) -> Option<&str> {
    let find = |table: &[(&str, &'static str)], name: &str| {
        let found = table.iter().find(|(theirs, _)| *theirs == name);
        found.map(|(_, ours)| *ours)
    };
    let Some(theirs) = theirs.strip_prefix("ntlmssp.") else {
        return find(NEGOTIATE, theirs);
    };
    let in_list = theirs
        .strip_prefix("challenge.target_info.")
        .or_else(|| theirs.strip_prefix("ntlmv2_response."));
    let as_is = ["string.", "blob.", "version."];
    find(NAMES, theirs).or_else(|| find(PAIRS, in_list?)).or_else(|| {
        as_is
            .iter()
            .any(|group| theirs.starts_with(group))
            .then_some(theirs)
    })
}

/// The number of a bit of the flags.
pub(super) fn bit(theirs: &str) -> Option<usize> {
    let theirs = theirs.strip_prefix("ntlmssp.")?;
    BITS.iter().position(|name| *name == theirs)
}

/// A time as the dissector writes it; what is before 1970 is written as its first second.
pub(super) fn time(filetime: u64) -> String {
    const SECOND: u64 = 10_000_000;
    const TO_1970: u64 = 11_644_473_600 * SECOND;
    let moment = Moment::of(filetime.max(TO_1970 + filetime % SECOND));
    let month = usize::try_from(moment.month)
        .ok()
        .and_then(|month| MONTHS.get(month - 1));
    let Moment {
        year,
        day,
        hour,
        minute,
        second,
        fraction,
        ..
    } = moment;
    let month = month.copied().unwrap_or_default();
    format!("{month} {day:2}, {year} {hour:02}:{minute:02}:{second:02}.{fraction:07}00 UTC")
}
