//! Values that the secrets of a record give, held against its token and what its source says.

use std::collections::BTreeMap;

use legwork_engine::{
    buffer::ChannelBindings,
    codec::utf16::Text,
    crypto::{Secret, rc4_once},
    ntlm::{
        keys::{self, ResponseKeyV2, v1},
        messages::{Authenticate, Challenge, NegotiateFlags, NtlmV2Response},
    },
};

use super::{
    compare,
    facts::{self, Fact, Facts, Message},
    record::{Record, Source},
    report::Finding,
};

/// Values by name.
pub(super) type Derived = BTreeMap<&'static str, Vec<u8>>;

/// Names that sources have for the hash of a certificate.
const CERTIFICATE_HASHES: [&str; 3] = ["certificate_hash", "test_server_cert_hash", "ch"];

/// Names that the same value has in a ground truth.
pub(super) fn names(derived: &Derived) -> Vec<String> {
    let all = derived
        .keys()
        .flat_map(|name| [(*name).to_owned(), format!("derived_{name}")]);
    all.collect()
}

/// Compares every derived value wherever the token or the source has it.
pub(super) fn confront(derived: &Derived, facts: &Facts, record: &Record) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut compare = |place: String, derived: &[u8], other: &[u8], ours_first: bool| {
        let (ours, theirs) = (hex::encode(derived), hex::encode(other));
        findings.push(match (ours == theirs, ours_first) {
            (true, _) => Finding::recomputed(&place),
            (false, true) => Finding::difference(&place, ours, theirs),
            (false, false) => Finding::difference(&place, theirs, ours),
        });
    };
    for (name, value) in derived {
        if let Some(Fact::Bytes(held)) = facts.get(*name)
            && !held.is_empty()
        {
            compare(format!("recomputed {name}"), value, held, true);
        }
        for said in [(*name).to_owned(), format!("derived_{name}")] {
            let truth = record.ground_truth.0.get(&said).filter(|it| !it.is_null());
            if let Some(theirs) = truth.and_then(compare::bytes_of) {
                compare(format!("recomputed {said} (source)"), value, &theirs, false);
            }
        }
    }
    if let (Some(ours), Some(theirs)) = (
        derived.get("exported_session_key"),
        record.context.bytes("random_session_key"),
    ) {
        compare("random_session_key".to_owned(), ours, &theirs, false);
    }
    findings
}

/// The hashes of the password, if it is known.
fn hashes(context: &Source) -> Option<(Secret<16>, Option<Secret<16>>)> {
    let password = context.text("password").map(Text::from);
    let nt = match (&password, context.array("nt_hash")) {
        (_, Some(hash)) => Secret(hash),
        (Some(password), None) => keys::nt_hash(password),
        (None, None) => return None,
    };
    let lm = context.array("lm_hash").map(Secret);
    Some((nt, lm.or_else(|| password.as_ref().and_then(v1::lm_hash))))
}

/// What the context gives without a message.
pub(super) fn of_context(context: &Source, note: &str) -> Derived {
    let mut derived = Derived::new();
    let Some((nt, lm)) = hashes(context) else {
        return derived;
    };
    derived.insert("nt_hash", nt.0.to_vec());
    if let Some(lm) = &lm {
        derived.insert("lm_hash", lm.0.to_vec());
    }
    if let (Some(user), Some(domain)) = (context.text("user"), context.text("domain")) {
        let key = keys::ntowf_v2(&nt, &user.into(), &domain.into());
        derived.insert("ntowfv2", key.0.to_vec());
    }
    let (Some(lm), Some(challenge)) = (lm, context.array("server_challenge")) else {
        return derived;
    };
    let computed = v1::response(&lm, challenge);
    let response = context.array("lm_response").unwrap_or(computed);
    let base = v1::session_base_key(&nt);
    let key = v1::key_exchange_key(asked(context, note), &base, Some(&lm), &response, challenge);
    if let Some(random) = context.array("random_session_key") {
        let encrypted = rc4_once(&key.0, random);
        derived.insert("encrypted_random_session_key", encrypted.to_vec());
    }
    derived.insert("key_exchange_key", key.0.to_vec());
    derived
}

/// The flags of a computation of version 1 without a message, as the context or the note of the record has them.
fn asked(context: &Source, note: &str) -> NegotiateFlags {
    match context.text("flags_extra") {
        Some("NTLMSSP_REQUEST_NON_NT_SESSION_KEY") => NegotiateFlags::REQUEST_NON_NT_SESSION_KEY,
        Some("NTLMSSP_NEGOTIATE_LM_KEY") => NegotiateFlags::LM_KEY,
        _ if note.contains("lm_key=true") => NegotiateFlags::LM_KEY,
        _ if note.contains("non_nt=true") => NegotiateFlags::REQUEST_NON_NT_SESSION_KEY,
        _ => NegotiateFlags::empty(),
    }
}

/// What channel bindings hold: as it is, or made of the hash of a server's certificate (RFC 5929 section 4).
fn application_data(context: &Source) -> Option<Vec<u8>> {
    let of_hash = |name: &&str| {
        let hash = context.bytes(name)?;
        Some([b"tls-server-end-point:", hash.as_slice()].concat())
    };
    context
        .bytes("channel_binding_application_data_hex")
        .or_else(|| CERTIFICATE_HASHES.iter().find_map(of_hash))
}

/// What the context gives of a message.
pub(super) fn of_message(context: &Source, message: &Message<'_>, token: &[u8]) -> Derived {
    let Message::Authenticate(message) = message else {
        return Derived::new();
    };
    let mut derived = Derived::new();
    if let Some(data) = application_data(context) {
        let bindings = ChannelBindings {
            initiator: (0, &[]),
            acceptor: (0, &[]),
            application_data: &data,
        };
        let hash = keys::channel_bindings_hash(bindings);
        derived.insert("av_channel_bindings", hash.to_vec());
    }
    let challenge = context.bytes("challenge_hex").unwrap_or_default();
    let parsed = Challenge::parse(&challenge).ok();
    let sent = parsed.as_ref().map(|challenge| challenge.server_challenge);
    let server = context.array("server_challenge").or(sent);
    let (Some((nt, lm)), Some(server)) = (hashes(context), server) else {
        return derived;
    };
    derived.insert("nt_hash", nt.0.to_vec());
    let chosen = parsed.map_or(message.flags, |challenge| challenge.flags);
    let exchange = Exchange {
        message,
        flags: message.flags & chosen,
        server,
        nt,
        lm,
    };
    let base = exchange.responses(&mut derived);
    exchange.keys(&mut derived, base, context, [&challenge, token]);
    derived
}

struct Exchange<'m> {
    message: &'m Authenticate<'m>,
    flags: NegotiateFlags,
    server: [u8; 8],
    nt: Secret<16>,
    lm: Option<Secret<16>>,
}

impl Exchange<'_> {
    /// The responses; the key exchange key.
    fn responses(&self, derived: &mut Derived) -> Option<Secret<16>> {
        match NtlmV2Response::parse(&self.message.nt_response) {
            Ok(response) => Some(self.version_2(&response, derived)),
            Err(_) => self.version_1(derived),
        }
    }

    fn version_2(&self, response: &NtlmV2Response<'_>, derived: &mut Derived) -> Secret<16> {
        let name = |bytes: &[u8]| facts::names_text(self.message.flags, bytes);
        let owf = keys::ntowf_v2(&self.nt, &name(&self.message.user), &name(&self.message.domain));
        let key = ResponseKeyV2::new(&owf);
        let temp = self.message.nt_response.get(16..).unwrap_or_default();
        let proof = key.nt_proof(self.server, temp);
        let lm = match self.message.lm_response.last_chunk() {
            // A response of zeros says that there is none (section 3.1.5.1.2).
            _ if self.message.lm_response.iter().all(|byte| *byte == 0) => [0; 24],
            Some(challenge) => key.lm_response(self.server, *challenge),
            None => [0; 24],
        };
        let base = key.session_base_key(&response.proof);
        derived.insert("ntowfv2", owf.0.to_vec());
        derived.insert("nt_proof_str", proof.to_vec());
        derived.insert("lm_response", lm.to_vec());
        derived.insert("session_base_key", base.0.to_vec());
        base
    }

    fn version_1(&self, derived: &mut Derived) -> Option<Secret<16>> {
        let held: v1::Response = self.message.lm_response.as_ref().try_into().ok()?;
        let extended = self
            .message
            .flags
            .contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
        let client: [u8; 8] = held.first_chunk().copied()?;
        let (nt, lm) = if extended {
            let nt = v1::session_response(&self.nt, self.server, client);
            (nt, Some(v1::session_lm_response(client)))
        } else {
            let nt = v1::response(&self.nt, self.server);
            let lm = self.lm.as_ref().map(|hash| v1::response(hash, self.server));
            // An initiator without LM responses sends the NT response twice (section 3.3.1).
            (nt, if held == nt { Some(nt) } else { lm })
        };
        derived.insert("nt_response", nt.to_vec());
        let base = v1::session_base_key(&self.nt);
        derived.insert("session_base_key", base.0.to_vec());
        derived.extend(lm.map(|lm| ("lm_response", lm.to_vec())));
        let lm_hash = self.lm.as_ref()?;
        derived.insert("lm_hash", lm_hash.0.to_vec());
        let key = v1::key_exchange_key(self.flags, &base, Some(lm_hash), &held, self.server);
        derived.insert("key_exchange_key", key.0.to_vec());
        Some(key)
    }

    /// The exported session key and the code.
    fn keys(
        &self,
        derived: &mut Derived,
        base: Option<Secret<16>>,
        context: &Source,
        [challenge, token]: [&[u8]; 2],
    ) {
        let Some(base) = base else { return };
        let exported = match <[u8; 16]>::try_from(self.message.encrypted_session_key.as_ref()) {
            Ok(encrypted) if keys::exchanges_key(self.flags) => Secret(rc4_once(&base.0, encrypted)),
            _ => base,
        };
        derived.insert("exported_session_key", exported.0.to_vec());
        let Some(negotiate) = context
            .bytes("negotiate_hex")
            .filter(|_| self.message.mic.is_some())
        else {
            return;
        };
        let at = if self.message.version.is_some() { 72 } else { 64 };
        let mut zeroed = token.to_vec();
        if let Some(place) = zeroed.get_mut(at..).and_then(|rest| rest.get_mut(..16)) {
            place.fill(0);
        }
        let mic = keys::mic(&exported, [&negotiate, challenge, &zeroed]);
        derived.insert("mic", mic.to_vec());
    }
}
