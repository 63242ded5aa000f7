//! What a side of an established context signs and seals, message by message (MS-NLMP section 3.4).
//!
//! With extended session security each sender has a [`Direction`]; without it both share one. In datagram mode the
//! caller numbers the messages.

use legwork_engine::{
    crypto::{self, Rc4},
    ntlm::messages::NegotiateFlags,
};

use crate::protocol::Role;

/// What one direction of an established context signs and seals, message by message.
#[derive(Clone, Debug)]
pub struct Direction {
    flags: NegotiateFlags,
    signing_key: [u8; 16],
    sealing_key: Vec<u8>,
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
            sealing_key: sealing,
            sequence: 0,
        }
    }

    /// Number of the next message.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The caller's number of the next message, which counts in datagram mode: the key stream begins anew with each.
    pub fn begin(&mut self, number: u32) {
        if self.flags.contains(NegotiateFlags::DATAGRAM) {
            self.sequence = number;
            self.stream = Rc4::new(&crypto::md5(&[&self.sealing_key, &number.to_le_bytes()]));
        }
    }

    /// Sets the key stream back to where it began; the numbers run on (MS-SPNG section 3.3.5.1).
    pub fn set_stream_back(&mut self) {
        self.stream = Rc4::new(&self.sealing_key);
    }

    /// The next message of the direction; `covered` are bytes behind it that are signed and never sealed.
    pub fn next(&mut self, plain: &[u8], sealed: bool, covered: &[u8]) -> Expected {
        let mut message = plain.to_vec();
        if sealed {
            self.stream.apply(&mut message);
        }
        let sequence = self.sequence.to_le_bytes();
        let (checksum, last) = if self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            let code = crypto::hmac_md5(&self.signing_key, &[&sequence, plain, covered]);
            let mut checksum: [u8; 8] = code.first_chunk().copied().unwrap_or_default();
            if self.flags.contains(NegotiateFlags::KEY_EXCH) {
                self.stream.apply(&mut checksum);
            }
            (checksum, sequence)
        } else {
            self.crc_form(&[plain, covered], self.sequence)
        };
        self.sequence = self.sequence.wrapping_add(1);
        let token = [1u32.to_le_bytes().as_slice(), &checksum, &last].concat();
        Expected {
            message,
            token: token.try_into().unwrap_or_default(),
        }
    }

    /// Three encryptions in a row: pad, CRC-32, and zeros over which the number is laid.
    fn crc_form(&mut self, plain: &[&[u8]], sequence: u32) -> ([u8; 8], [u8; 4]) {
        let mut checksum = [0; 8];
        checksum
            .iter_mut()
            .skip(4)
            .zip(crypto::crc32(plain).to_le_bytes())
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
    // The datagram flag counts as the LAN Manager key's does, from revision 15 on (section 3.4.5.3).
    let weakened = flags.intersects(NegotiateFlags::LM_KEY | NegotiateFlags::DATAGRAM);
    match (weakened, medium) {
        (false, _) => key.to_vec(),
        (true, true) => [key.get(..7).unwrap_or(key), &[0xA0]].concat(),
        (true, false) => [key.get(..5).unwrap_or(key), &[0xE5, 0x38, 0xB0]].concat(),
    }
}
