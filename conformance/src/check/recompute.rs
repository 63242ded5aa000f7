//! Every derived value of NTLM, straight from the known secrets (MS-NLMP sections 3.3 and 3.4).
//!
//! Written apart from the engine's own key functions on purpose; both use the same primitives.

use legwork_engine::{
    crypto::{self, Rc4},
    ntlm::messages::{Authenticate, Negotiate, NegotiateFlags},
};

use crate::protocol::{Role, Text};

/// NTOWFv2 (section 3.3.2): MD4 of the password, then a code over the upper-cased user and the domain.
#[must_use]
pub fn response_key(password: &Text, user: &[u8], domain: &[u8]) -> [u8; 16] {
    let hash = crypto::md4(&password.utf16);
    crypto::hmac_md5(&hash, &[&upper_case(user), domain])
}

/// UTF-16LE bytes in upper case, one unit for one unit.
fn upper_case(name: &[u8]) -> Vec<u8> {
    let (units, _) = name.as_chunks::<2>();
    let upper = units.iter().map(|unit| {
        let unit = u16::from_le_bytes(*unit);
        let mut letters = char::from_u32(u32::from(unit))
            .map(char::to_uppercase)
            .into_iter()
            .flatten();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => u16::try_from(u32::from(letter)).unwrap_or(unit),
            _ => unit,
        }
    });
    upper.flat_map(u16::to_le_bytes).collect()
}

/// NTProofStr over the server challenge and everything of the response behind the proof.
#[must_use]
pub fn nt_proof(response_key: &[u8; 16], server_challenge: &[u8; 8], rest: &[u8]) -> [u8; 16] {
    crypto::hmac_md5(response_key, &[server_challenge, rest])
}

/// The LMv2 response.
#[must_use]
pub fn lm_response(
    response_key: &[u8; 16],
    server_challenge: &[u8; 8],
    client_challenge: &[u8; 8],
) -> Vec<u8> {
    [
        crypto::hmac_md5(response_key, &[server_challenge, client_challenge]).as_slice(),
        client_challenge,
    ]
    .concat()
}

/// Whether the session key is exchanged.
#[must_use]
pub fn exchanges_key(flags: NegotiateFlags) -> bool {
    flags.contains(NegotiateFlags::KEY_EXCH) && flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
}

/// The exported session key.
#[must_use]
pub fn session_key(
    flags: NegotiateFlags,
    response_key: &[u8; 16],
    proof: &[u8; 16],
    encrypted: &[u8],
) -> [u8; 16] {
    let base = crypto::hmac_md5(response_key, &[proof]);
    match <[u8; 16]>::try_from(encrypted) {
        Ok(mut key) if exchanges_key(flags) => {
            Rc4::new(&base).apply(&mut key);
            key
        }
        _ => base,
    }
}

/// The message integrity code over the three messages; in the third it stands at offset `at` and counts as zero.
#[must_use]
pub fn mic(
    session_key: &[u8; 16],
    negotiate: &[u8],
    challenge: &[u8],
    (authenticate, at): (&[u8], usize),
) -> [u8; 16] {
    let mut zeroed = authenticate.to_vec();
    if let Some(place) = zeroed.get_mut(at..).and_then(|rest| rest.get_mut(..16)) {
        place.fill(0);
    }
    crypto::hmac_md5(session_key, &[negotiate, challenge, &zeroed])
}

/// The hash of channel bindings without addresses.
#[must_use]
pub fn channel_bindings(application_data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(application_data.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    let addresses = [0; 16];
    crypto::md5(&[&addresses, &length, application_data])
}

/// What one direction of an established context signs and seals, message by message.
#[derive(Clone, Debug)]
pub struct Direction {
    flags: NegotiateFlags,
    signing_key: [u8; 16],
    stream: Rc4,
    sequence: u32,
}

/// A protected message as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The message as it travels.
    pub message: Vec<u8>,
    /// The signature. Without extended session security bytes 4 to 8 are not defined.
    pub token: [u8; 16],
}

impl Direction {
    /// The direction from `sender` to its peer.
    #[must_use]
    pub fn new(flags: NegotiateFlags, session_key: &[u8; 16], sender: Role) -> Self {
        let way = match sender {
            Role::Initiator => "client-to-server",
            Role::Acceptor => "server-to-client",
        };
        let constant = |purpose: &str| format!("session key to {way} {purpose} key magic constant\0");
        let signing_key = crypto::md5(&[session_key, constant("signing").as_bytes()]);
        let sealing = sealing_key(flags, session_key, constant("sealing").as_bytes());
        Self {
            flags,
            signing_key,
            stream: Rc4::new(&sealing),
            sequence: 0,
        }
    }

    /// Number of the next message.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The next message of the direction.
    pub fn next(&mut self, plain: &[u8], sealed: bool) -> Expected {
        let mut message = plain.to_vec();
        if sealed {
            self.stream.apply(&mut message);
        }
        let sequence = self.sequence.to_le_bytes();
        let (checksum, last) = if self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            let code = crypto::hmac_md5(&self.signing_key, &[&sequence, plain]);
            let mut checksum: [u8; 8] = code.first_chunk().copied().unwrap_or_default();
            if self.flags.contains(NegotiateFlags::KEY_EXCH) {
                self.stream.apply(&mut checksum);
            }
            (checksum, sequence)
        } else {
            self.crc_form(plain, self.sequence)
        };
        self.sequence = self.sequence.wrapping_add(1);
        let token = [1u32.to_le_bytes().as_slice(), &checksum, &last].concat();
        Expected {
            message,
            token: token.try_into().unwrap_or_default(),
        }
    }

    /// Three encryptions in a row: pad, CRC-32, and zeros over which the number is laid.
    fn crc_form(&mut self, plain: &[u8], sequence: u32) -> ([u8; 8], [u8; 4]) {
        let mut checksum = [0; 8];
        checksum
            .iter_mut()
            .skip(4)
            .zip(crypto::crc32(&[plain]).to_le_bytes())
            .for_each(|(to, from)| *to = from);
        self.stream.apply(&mut checksum);
        let mut last = [0; 4];
        self.stream.apply(&mut last);
        (checksum, (u32::from_le_bytes(last) ^ sequence).to_le_bytes())
    }
}

fn sealing_key(flags: NegotiateFlags, key: &[u8; 16], constant: &[u8]) -> Vec<u8> {
    let strong = flags.contains(NegotiateFlags::NEGOTIATE_128);
    let medium = flags.contains(NegotiateFlags::NEGOTIATE_56);
    if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        let length = match (strong, medium) {
            (true, _) => 16,
            (false, true) => 7,
            (false, false) => 5,
        };
        return crypto::md5(&[key.get(..length).unwrap_or(key), constant]).to_vec();
    }
    match (flags.contains(NegotiateFlags::LM_KEY), medium) {
        (false, _) => key.to_vec(),
        (true, true) => [key.get(..7).unwrap_or(key), &[0xA0]].concat(),
        (true, false) => [key.get(..5).unwrap_or(key), &[0xE5, 0x38, 0xB0]].concat(),
    }
}

/// Everything that the judge derives of an exchange.
#[derive(Clone, Debug)]
pub struct Derived {
    /// NTOWFv2.
    pub response_key: [u8; 16],
    /// The exported session key.
    pub session_key: [u8; 16],
    /// The flags that hold on the established context.
    pub flags: NegotiateFlags,
}

/// Derives keys from an AUTHENTICATE message and the flags of the CHALLENGE it answers.
#[must_use]
pub fn derive(password: &Text, message: &Authenticate<'_>, chosen: NegotiateFlags) -> Option<Derived> {
    let flags = message.flags & chosen;
    let wide = message.flags.contains(NegotiateFlags::UNICODE);
    let name = |bytes: &[u8]| if wide { bytes.to_vec() } else { widen(bytes) };
    let response_key = response_key(password, &name(&message.user), &name(&message.domain));
    let proof: [u8; 16] = message.nt_response.first_chunk().copied()?;
    let session_key = session_key(flags, &response_key, &proof, &message.encrypted_session_key);
    Some(Derived {
        response_key,
        session_key,
        flags,
    })
}

fn widen(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [*byte, 0]).collect()
}

/// The flags of a NEGOTIATE message, for checks of what answers it.
#[must_use]
pub fn offered(token: &[u8]) -> Option<NegotiateFlags> {
    Negotiate::parse(token).ok().map(|message| message.flags)
}
