//! A context as bytes, for another process of the same machine (ExportSecurityContext). The layout is ours: no other
//! implementation reads it.
//!
//! ```text
//!  0  "LWNTLM1\0"
//!  8  u8 side, 2 more without a key   9  u32 flags   13  session key, 16 bytes
//! 29  two directions, sent and received: u8 present, and if so u32 counter and RC4 state of 258 bytes
//!     user, domain, target information: u32 length and bytes each
//! ```

use zeroize::Zeroizing;

use super::{
    Established,
    keys::Sender,
    messages::NegotiateFlags,
    protection::{Position, Protection},
};
use crate::{
    codec::{self, utf16::Text},
    crypto::{Rc4, Secret},
    error::{TokenError, TokenErrorKind},
};

const MAGIC: [u8; 8] = *b"LWNTLM1\0";

/// Bytes of a context without its names and target information: a buffer that grew would leave keys behind.
const FIXED: usize = 29 + 2 * (1 + 4 + 258) + 3 * 4;

/// Writes a context. With `fresh` its key streams and counters are those of a context that has protected nothing yet.
#[must_use]
pub fn write(established: &Established, fresh: bool) -> Zeroizing<Vec<u8>> {
    let protection = &established.protection;
    let texts = [&established.user, &established.domain].map(Text::to_le_bytes);
    let parts = [&*texts[0], &*texts[1], &*established.target_info];
    let size = parts
        .iter()
        .map(|part| part.len())
        .fold(FIXED, usize::saturating_add);
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    out.extend_from_slice(&MAGIC);
    let side = u8::from(protection.own() == Sender::Acceptor);
    out.push(side | (u8::from(!established.has_key) << 1));
    out.extend_from_slice(&protection.flags().bits().to_le_bytes());
    out.extend_from_slice(&protection.session_key().0);
    for position in protection.positions() {
        let position = position.filter(|_| !fresh);
        out.push(u8::from(position.is_some()));
        if let Some(Position { sequence, stream }) = position {
            out.extend_from_slice(&sequence.to_le_bytes());
            out.extend_from_slice(&*stream.state());
        }
    }
    for part in parts {
        out.extend_from_slice(&codec::saturated_u32(part.len()).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Reads a context.
///
/// # Errors
/// The bytes are none that [`write()`] makes.
pub fn read(bytes: &[u8]) -> Result<Established, TokenError> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.array::<8>()? != MAGIC {
        return Err(reader.wrong(TokenErrorKind::BadSignature));
    }
    let (own, has_key) = match reader.array()? {
        [0] => (Sender::Initiator, true),
        [1] => (Sender::Acceptor, true),
        [2] => (Sender::Initiator, false),
        [3] => (Sender::Acceptor, false),
        _ => return Err(reader.wrong(TokenErrorKind::BadValue)),
    };
    let flags = NegotiateFlags::from_bits_retain(u32::from_le_bytes(reader.array()?));
    let key = Secret(reader.array()?);
    let positions = [reader.position()?, reader.position()?];
    let (user, domain) = (reader.text()?, reader.text()?);
    let target_info = reader.part()?.to_vec();
    if reader.at != bytes.len() {
        return Err(reader.wrong(TokenErrorKind::BadLength(bytes.len())));
    }
    Ok(Established {
        protection: Protection::at(flags, key, own, positions),
        user,
        domain,
        target_info,
        has_key,
        // Only Negotiate asks, before its exchange is over.
        has_mic: false,
    })
}

/// Bytes that are read from the start.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, kind: TokenErrorKind) -> TokenError {
        TokenError::new("PackedContext", self.at, kind)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TokenError> {
        let found = codec::array(self.bytes, self.at, "PackedContext")?;
        self.at = self.at.saturating_add(N);
        Ok(found)
    }

    fn position(&mut self) -> Result<Option<Position>, TokenError> {
        match self.array()? {
            [0] => Ok(None),
            [1] => {
                let sequence = u32::from_le_bytes(self.array()?);
                let state = Zeroizing::new(self.array()?);
                let stream = Rc4::from_state(&state).ok_or_else(|| self.wrong(TokenErrorKind::BadValue))?;
                Ok(Some(Position { sequence, stream }))
            }
            _ => Err(self.wrong(TokenErrorKind::BadValue)),
        }
    }

    fn part(&mut self) -> Result<&'a [u8], TokenError> {
        let length = codec::index(u32::from_le_bytes(self.array()?));
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let part = rest
            .get(..length)
            .ok_or_else(|| self.wrong(TokenErrorKind::OutOfBounds))?;
        self.at = self.at.saturating_add(length);
        Ok(part)
    }

    fn text(&mut self) -> Result<Text, TokenError> {
        Text::from_le_bytes(self.part()?, "PackedContext")
    }
}
