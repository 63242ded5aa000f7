//! What a token holds, by the names that records use.

use std::collections::BTreeMap;

use legwork_engine::{
    codec::utf16::Text,
    error::TokenError,
    ntlm::messages::{
        Authenticate, AvId, AvPairs, Challenge, Descriptor, Negotiate, NegotiateFlags, NtlmV2Response,
        Version,
    },
};

/// A value of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Text(String),
    Number(u64),
    Bytes(Vec<u8>),
    List(Vec<u64>),
    Texts(Vec<String>),
    Time(u64),
    Absent,
}

/// All values of a token.
pub(super) type Facts = BTreeMap<String, Fact>;

/// A token that the engine reads.
#[derive(Clone, Debug)]
pub(super) enum Message<'a> {
    Negotiate(Negotiate<'a>),
    Challenge(Challenge<'a>),
    Authenticate(Authenticate<'a>),
}

/// Reads a token as what its record says that it is; nothing for kinds without a message.
pub(super) fn read<'a>(kind: &str, token: &'a [u8]) -> Option<Result<Message<'a>, TokenError>> {
    Some(match kind {
        "ntlm-negotiate" => Negotiate::parse(token).map(Message::Negotiate),
        "ntlm-challenge" => Challenge::parse(token).map(Message::Challenge),
        "ntlm-authenticate" => Authenticate::parse(token).map(Message::Authenticate),
        _ => return None,
    })
}

/// The values of a message.
pub(super) fn of(message: &Message<'_>, token: &[u8]) -> Facts {
    let mut facts = Facts::new();
    put(&mut facts, "identifier", Fact::Text("NTLMSSP".to_owned()));
    match message {
        Message::Negotiate(message) => negotiate(&mut facts, message, token),
        Message::Challenge(message) => challenge(&mut facts, message, token),
        Message::Authenticate(message) => authenticate(&mut facts, message, token),
    }
    facts
}

fn put(facts: &mut Facts, name: &str, fact: Fact) {
    facts.insert(name.to_owned(), fact);
}

fn put_bytes(facts: &mut Facts, name: &str, bytes: &[u8]) {
    put(facts, name, Fact::Bytes(bytes.to_vec()));
}

fn head(facts: &mut Facts, kind: u64, flags: NegotiateFlags, version: Option<Version>) {
    put(facts, "message_type", Fact::Number(kind));
    put(facts, "flags", Fact::Number(flags.bits().into()));
    let shown = version.filter(|_| flags.contains(NegotiateFlags::VERSION));
    let text = |it: Version| format!("{}.{}.{}.{}", it.major, it.minor, it.build, it.revision);
    put(
        facts,
        "version",
        shown.map_or(Fact::Absent, |version| Fact::Text(text(version))),
    );
    if let Some(version) = version {
        for (name, number) in [
            ("version.major", version.major.into()),
            ("version.minor", version.minor.into()),
            ("version.build_number", u64::from(version.build)),
            ("version.ntlm_current_revision", version.revision.into()),
        ] {
            put(facts, name, Fact::Number(number));
        }
    }
}

fn negotiate(facts: &mut Facts, message: &Negotiate<'_>, token: &[u8]) {
    head(facts, 1, message.flags, message.version);
    for (name, bytes) in [("domain", &message.domain), ("workstation", &message.workstation)] {
        put(facts, name, Fact::Text(Text::from_oem(bytes).to_string()));
    }
    descriptors(facts, "string", token, &[16, 24], false);
}

fn challenge(facts: &mut Facts, message: &Challenge<'_>, token: &[u8]) {
    head(facts, 2, message.flags, message.version);
    put(facts, "target_name", name(message.flags, &message.target_name));
    put_bytes(facts, "server_challenge", &message.server_challenge);
    put_bytes(facts, "reserved", &message.reserved);
    descriptors(facts, "string", token, &[12], false);
    descriptors(facts, "target_info", token, &[40], true);
    list(facts, &message.target_info);
}

fn authenticate(facts: &mut Facts, message: &Authenticate<'_>, token: &[u8]) {
    head(facts, 3, message.flags, message.version);
    for (field, bytes) in [
        ("user", &message.user),
        ("domain", &message.domain),
        ("workstation", &message.workstation),
    ] {
        put(facts, field, name(message.flags, bytes));
    }
    put_bytes(facts, "lm_response", &message.lm_response);
    put_bytes(facts, "nt_response", &message.nt_response);
    let key = &message.encrypted_session_key;
    put_bytes(facts, "encrypted_random_session_key", key);
    let mic = message.mic.map_or(Fact::Absent, |mic| Fact::Bytes(mic.to_vec()));
    put(facts, "mic", mic);
    descriptors(facts, "string", token, &[28, 36, 44], false);
    descriptors(facts, "blob", token, &[12, 20, 52], false);
    for (name, at) in [
        ("lm_response", 12),
        ("nt_response", 20),
        ("encrypted_random_session_key", 52),
    ] {
        if let Some(descriptor) = token.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            put_bytes(facts, &format!("{name}.descriptor"), descriptor);
        }
    }
    responses(facts, message);
}

fn responses(facts: &mut Facts, message: &Authenticate<'_>) {
    let lm = &message.lm_response;
    let version_1 = message.nt_response.len() <= NtlmV2Response::V1_LENGTH;
    let place = if version_1 { lm.get(..8) } else { lm.get(16..24) };
    if let Some(challenge) = place {
        put_bytes(facts, "lm_client_challenge", challenge);
    }
    let Ok(response) = NtlmV2Response::parse(&message.nt_response) else {
        if let Some(challenge) = lm.get(..8).filter(|_| version_1) {
            put_bytes(facts, "client_challenge", challenge);
        }
        return;
    };
    let temp = response.client_challenge;
    put_bytes(facts, "nt_proof_str", &response.proof);
    put(facts, "response_type", Fact::Number(temp.response_type.into()));
    let highest = temp.highest_response_type.into();
    put(facts, "highest_response_type", Fact::Number(highest));
    let reserved = [temp.reserved.as_slice(), &temp.reserved3].concat();
    put_bytes(facts, "response_reserved", &reserved);
    put(facts, "response_time", Fact::Time(temp.timestamp));
    put_bytes(facts, "client_challenge", &temp.challenge);
    put_bytes(facts, "response_trailer", &temp.trailer);
    list(facts, &temp.av_pairs);
    let whole = [temp.av_pairs, temp.trailer].concat();
    put_bytes(facts, "target_info_hex", &whole);
}

/// A name in the character set of the flags.
fn name(flags: NegotiateFlags, bytes: &[u8]) -> Fact {
    Fact::Text(names_text(flags, bytes).to_string())
}

/// As text.
pub(super) fn names_text(flags: NegotiateFlags, bytes: &[u8]) -> Text {
    match flags.contains(NegotiateFlags::UNICODE) {
        true => wide(bytes),
        false => Text::from_oem(bytes),
    }
}

/// UTF-16; half a code unit at the end counts as one that is no letter.
fn wide(bytes: &[u8]) -> Text {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    let rest = (!rest.is_empty()).then_some(0xFFFD);
    Text::from_units(units.chain(rest).collect::<Vec<_>>())
}

/// Lengths and offsets; parts without bytes only where they are wanted.
fn descriptors(facts: &mut Facts, group: &str, token: &[u8], places: &[usize], empty: bool) {
    let found: Vec<Descriptor> = places
        .iter()
        .filter_map(|at| Descriptor::parse(token, *at, "descriptor").ok())
        .filter(|descriptor| empty || descriptor.length > 0)
        .collect();
    let column = |of: fn(&Descriptor) -> u64| Fact::List(found.iter().map(of).collect());
    put(
        facts,
        &format!("{group}.length"),
        column(|part| part.length.into()),
    );
    put(
        facts,
        &format!("{group}.maxlen"),
        column(|part| part.max_length.into()),
    );
    put(
        facts,
        &format!("{group}.offset"),
        column(|part| part.offset.into()),
    );
}

/// The pairs of a list; of one without terminator those before its end.
fn list(facts: &mut Facts, bytes: &[u8]) {
    let ended = AvPairs::parse(bytes).is_ok();
    let patched = [bytes, &[0; 4]].concat();
    let Ok((pairs, _)) = AvPairs::parse(if ended { bytes } else { &patched }) else {
        return;
    };
    put_bytes(facts, "target_info_hex", bytes);
    let end = ended.then_some(0);
    let ids = pairs.iter().map(|pair| pair.id.0.into()).chain(end);
    put(facts, "av_ids", Fact::List(ids.collect()));
    let lengths = pairs
        .iter()
        .map(|pair| u64::try_from(pair.value.len()).unwrap_or_default())
        .chain(end);
    put(facts, "av_lengths", Fact::List(lengths.collect()));
    for pair in pairs.iter() {
        if let Some((name, fact)) = pair_fact(pair.id, pair.value) {
            facts.entry(name.to_owned()).or_insert(fact);
        }
    }
}

fn pair_fact(id: AvId, value: &[u8]) -> Option<(&'static str, Fact)> {
    let text = || Fact::Text(wide(value).to_string());
    Some(match id {
        AvId::NB_COMPUTER_NAME => ("av_nb_computer_name", text()),
        AvId::NB_DOMAIN_NAME => ("av_nb_domain_name", text()),
        AvId::DNS_COMPUTER_NAME => ("av_dns_computer_name", text()),
        AvId::DNS_DOMAIN_NAME => ("av_dns_domain_name", text()),
        AvId::DNS_TREE_NAME => ("av_dns_tree_name", text()),
        AvId::TARGET_NAME => ("av_target_name", text()),
        AvId::FLAGS => {
            let word = u32::from_le_bytes(*value.first_chunk()?);
            ("av_flags", Fact::Number(word.into()))
        }
        AvId::TIMESTAMP => (
            "av_timestamp",
            Fact::Time(u64::from_le_bytes(*value.first_chunk()?)),
        ),
        AvId::CHANNEL_BINDINGS => ("av_channel_bindings", Fact::Bytes(value.to_vec())),
        AvId::SINGLE_HOST => ("av_single_host", Fact::Bytes(value.to_vec())),
        _ => return None,
    })
}
