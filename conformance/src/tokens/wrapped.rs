//! Protected messages: a signature of sixteen bytes, then the ciphertext.

use legwork_engine::{
    crypto::{self, Rc4, Secret},
    ntlm::{
        keys::{self, Sender},
        messages::NegotiateFlags,
    },
};

use serde_json::Value;

use super::{
    facts::{Fact, Facts},
    record::Source,
    secrets::Derived,
};
use crate::{check::ntlm::recompute::Direction, protocol::Role};

/// What the keys of a context make of its plain text.
pub(super) fn derive(context: &Source, token: &[u8]) -> Derived {
    let Some(plain) = context.bytes("plaintext_hex") else {
        return Derived::new();
    };
    match (context.array("exported_session_key"), context.text("negotiated")) {
        (Some(_), Some(_)) if context.0.get("seq").is_some_and(|seq| seq != 0) => Derived::new(),
        (Some(key), Some(negotiated)) => from_session_key(&key, flags(negotiated), &plain, token),
        _ => from_keys(context, &plain).unwrap_or_default(),
    }
}

/// The parts of a protected message. Its number is known where the signature is right: the one asked for.
pub(super) fn facts(context: &Source, derived: &Derived, token: &[u8]) -> Facts {
    let mut facts = Facts::new();
    let Some((signature, message)) = token.split_at_checked(16) else {
        return facts;
    };
    if derived.get("signature").is_some_and(|it| it == signature) {
        let number = context.0.get("seq").and_then(Value::as_u64).unwrap_or_default();
        facts.insert("sequence_number".to_owned(), Fact::Number(number));
    }
    facts.insert("signature".to_owned(), Fact::Bytes(signature.to_vec()));
    facts.insert("ciphertext".to_owned(), Fact::Bytes(message.to_vec()));
    facts
}

/// The flags that a description names.
fn flags(negotiated: &str) -> NegotiateFlags {
    let says = |words: &str| negotiated.contains(words);
    let mut flags = NegotiateFlags::SIGN | NegotiateFlags::SEAL;
    for (flag, set) in [
        (
            NegotiateFlags::EXTENDED_SESSIONSECURITY,
            !says("no extended session security"),
        ),
        (NegotiateFlags::NEGOTIATE_56, says("56-bit")),
        (NegotiateFlags::NEGOTIATE_128, says("128-bit")),
        (
            NegotiateFlags::KEY_EXCH,
            says("key exchange") && !says("no key exchange"),
        ),
    ] {
        flags.set(flag, set);
    }
    flags
}

/// The first message of the initiator under a session key.
fn from_session_key(key: &[u8; 16], flags: NegotiateFlags, plain: &[u8], token: &[u8]) -> Derived {
    let mut expected = Direction::new(flags, key, Role::Initiator).next(plain, true, &[]);
    let mut derived = Derived::new();
    if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        let secret = Secret(*key);
        let sealing = keys::sealing_key(flags, &secret, Sender::Initiator);
        let signing = keys::signing_key(&secret, Sender::Initiator);
        derived.insert("client_sealing_key", sealing.to_vec());
        derived.insert("client_signing_key", signing.0.to_vec());
    } else if let (Some(pad), Some(sent)) = (expected.token.get_mut(4..8), token.get(4..8)) {
        // The random pad is not defined.
        pad.copy_from_slice(sent);
    }
    insert(&mut derived, &expected.token, &expected.message);
    derived
}

/// A message of any number under a signing and a sealing key.
fn from_keys(context: &Source, plain: &[u8]) -> Option<Derived> {
    let sealing = context.bytes("sealing_key")?;
    let signing = context.bytes("signing_key")?;
    let sequence = u32::try_from(context.0.get("seq")?.as_u64()?).ok()?.to_le_bytes();
    let exchanged = context.0.get("key_exchange_negotiated")?.as_bool()?;
    let mut stream = Rc4::new(&sealing);
    let mut message = plain.to_vec();
    stream.apply(&mut message);
    let code = crypto::hmac_md5(&signing, &[&sequence, plain]);
    let mut checksum: [u8; 8] = code.first_chunk().copied()?;
    if exchanged {
        stream.apply(&mut checksum);
    }
    let signature = [1u32.to_le_bytes().as_slice(), &checksum, &sequence].concat();
    let mut derived = Derived::new();
    insert(&mut derived, &signature, &message);
    Some(derived)
}

fn insert(derived: &mut Derived, signature: &[u8], message: &[u8]) {
    derived.insert("signature", signature.to_vec());
    derived.insert("ciphertext", message.to_vec());
}
