//! Keys and responses as pure functions (MS-NLMP sections 3.3 and 3.4.5).

pub mod v1;

use super::messages::NegotiateFlags;
use crate::{
    buffer::ChannelBindings,
    codec::{self, utf16::Text},
    crypto::{self, HmacMd5, Secret},
    environment::PasswordHashes,
};

/// NTOWFv1: MD4 of the password in UTF-16LE (section 3.3.1).
#[must_use]
pub fn nt_hash(password: &Text) -> Secret<16> {
    Secret(crypto::md4(&zeroize::Zeroizing::new(password.to_le_bytes())))
}

/// Everything that NTLM keeps of a password.
#[must_use]
pub fn password_hashes(password: &Text) -> PasswordHashes {
    PasswordHashes {
        nt: nt_hash(password),
        lm: v1::lm_hash(password),
    }
}

/// NTOWFv2, which is LMOWFv2 as well: the key of all version 2 responses (section 3.3.2). The user name is mapped to
/// upper case, the domain name is not.
#[must_use]
pub fn ntowf_v2(nt_hash: &Secret<16>, user: &Text, domain: &Text) -> Secret<16> {
    let mut code = HmacMd5::new(&nt_hash.0).start();
    user.uppercase_le_chunks(|chunk| code.update(chunk));
    domain.le_chunks(|chunk| code.update(chunk));
    Secret(code.finish())
}

/// The key exchange key of an anonymous logon (section 3.2.5.1.2): there is no secret.
pub const ANONYMOUS_KEY: Secret<16> = Secret([0; 16]);

/// What an NTLMv2 logon computes from the response key: the proof, the LMv2 response and the session base key.
#[derive(Clone, Debug)]
pub struct ResponseKeyV2(HmacMd5);

impl ResponseKeyV2 {
    /// Prepares the key.
    #[must_use]
    pub fn new(key: &Secret<16>) -> Self {
        Self(HmacMd5::new(&key.0))
    }

    /// NTProofStr over the server challenge and the client challenge structure ("temp").
    #[must_use]
    pub fn nt_proof(&self, server_challenge: [u8; 8], client_challenge: &[u8]) -> [u8; 16] {
        self.0.sum(&[&server_challenge, client_challenge])
    }

    /// The LMv2 response: code and client challenge.
    #[must_use]
    pub fn lm_response(&self, server_challenge: [u8; 8], client_challenge: [u8; 8]) -> [u8; 24] {
        let mut response = [0; 24];
        let (code, challenge) = response.split_at_mut(16);
        code.copy_from_slice(&self.0.sum(&[&server_challenge, &client_challenge]));
        challenge.copy_from_slice(&client_challenge);
        response
    }

    /// SessionBaseKey, which is the key exchange key as well.
    #[must_use]
    pub fn session_base_key(&self, nt_proof: &[u8; 16]) -> Secret<16> {
        Secret(self.0.sum(&[nt_proof]))
    }
}

/// Whether the session key is exchanged: the flag counts only together with signing or sealing (section 3.1.5.1.2).
#[must_use]
pub fn exchanges_key(flags: NegotiateFlags) -> bool {
    flags.contains(NegotiateFlags::KEY_EXCH) && flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
}

/// The message integrity code over the three messages, the last with zeros in the place of the code. The messages may
/// come in more parts than three.
#[must_use]
pub fn mic<const N: usize>(exported_session_key: &Secret<16>, messages: [&[u8]; N]) -> [u8; 16] {
    crypto::hmac_md5(&exported_session_key.0, &messages)
}

/// Hash of channel bindings (sections 3.1.1.2 and 2.2.2.1). RFC 2744 section 3.11 gives the members, RFC 4121 section
/// 4.1.1.2 their bytes: little-endian numbers, and every part behind its length.
#[must_use]
pub fn channel_bindings_hash(bindings: ChannelBindings<'_>) -> [u8; 16] {
    let length = |part: &[u8]| codec::saturated_u32(part.len()).to_le_bytes();
    let ((initiator_type, initiator), (acceptor_type, acceptor)) = (bindings.initiator, bindings.acceptor);
    crypto::md5(&[
        &initiator_type.to_le_bytes(),
        &length(initiator),
        initiator,
        &acceptor_type.to_le_bytes(),
        &length(acceptor),
        acceptor,
        &length(bindings.application_data),
        bindings.application_data,
    ])
}

/// Who sends what a key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The initiator ("client" in the constants of the specification).
    Initiator,
    /// The acceptor ("server").
    Acceptor,
}

impl Sender {
    /// The other side.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }

    fn direction(self) -> &'static [u8] {
        match self {
            Self::Initiator => b"session key to client-to-server ",
            Self::Acceptor => b"session key to server-to-client ",
        }
    }
}

/// SIGNKEY with extended session security (section 3.4.5.2).
#[must_use]
pub fn signing_key(exported_session_key: &Secret<16>, sender: Sender) -> Secret<16> {
    Secret(crypto::md5(&[
        &exported_session_key.0,
        sender.direction(),
        b"signing key magic constant\0",
    ]))
}

/// SEALKEY (section 3.4.5.3). The key has 8 or 16 bytes.
#[must_use]
pub fn sealing_key(flags: NegotiateFlags, key: &Secret<16>, sender: Sender) -> zeroize::Zeroizing<Vec<u8>> {
    let strength = if flags.contains(NegotiateFlags::NEGOTIATE_128) {
        16
    } else if flags.contains(NegotiateFlags::NEGOTIATE_56) {
        7
    } else {
        5
    };
    let part = |length: usize| key.0.get(..length).unwrap_or_default();
    if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        let whole = crypto::md5(&[
            part(strength),
            sender.direction(),
            b"sealing key magic constant\0",
        ]);
        return zeroize::Zeroizing::new(whole.to_vec());
    }
    let weakened: Vec<u8> = if !flags.intersects(NegotiateFlags::LM_KEY | NegotiateFlags::DATAGRAM) {
        key.0.to_vec()
    } else if flags.contains(NegotiateFlags::NEGOTIATE_56) {
        [part(7), &[0xA0]].concat()
    } else {
        [part(5), &[0xE5, 0x38, 0xB0]].concat()
    };
    zeroize::Zeroizing::new(weakened)
}
