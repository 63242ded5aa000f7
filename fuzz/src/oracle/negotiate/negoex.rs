//! Messages of NEGOEX. The engine reads them and writes none: they are written here, as draft-zhu-negoex-04 section 6 has
//! them.

use arbitrary::Arbitrary;
use legwork_engine::{
    codec,
    error::TokenError,
    negotiate::messages::negoex::{AuthScheme, Body, Message, MessageType, SIGNATURE, messages},
};

use super::super::round_trip::typed;

/// Messages one behind the other.
///
/// # Panics
/// A message does not survive, or is not where it says.
pub fn negoex(bytes: &[u8]) {
    let mut rest = bytes;
    for message in messages(bytes) {
        let at = bytes.len().saturating_sub(rest.len());
        let alone = Message::parse(rest).map_err(|error| error.shifted(at));
        assert_eq!(message, alone.map(|(message, _)| message));
        match alone {
            Ok((message, behind)) => {
                assert!(rest.ends_with(behind) && rest.len() >= behind.len().saturating_add(40));
                survives(&message);
                rest = behind;
            }
            Err(error) => return inside(error, bytes),
        }
    }
    assert!(rest.is_empty(), "{} bytes are passed over", rest.len());
    if let Some(recipe) = typed::<Recipe>(bytes) {
        survives(&recipe.message(&recipe.extensions()));
    }
}

/// An error names a place within the token, the end of it, or the head of a field that is cut off.
fn inside(error: TokenError, bytes: &[u8]) {
    assert!(error.offset <= bytes.len().saturating_add(96), "{error}");
}

fn survives(message: &Message<'_>) {
    let bytes = emit(message);
    assert_eq!(
        Message::parse(&bytes),
        Ok((*message, &[][..])),
        "{message:?} does not survive"
    );
    // Whoever cuts a message gets none.
    let cut = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default();
    assert!(
        Message::parse(cut).is_err(),
        "{message:?} is read without its end"
    );
}

/// The bytes of a message: its fixed part, and behind it what its vectors hold.
#[must_use]
pub fn emit(message: &Message<'_>) -> Vec<u8> {
    let mut fixed = Vec::new();
    let mut behind = Vec::new();
    match message.body {
        Body::Other(bytes) => return bytes.to_vec(),
        Body::Nego {
            random,
            version,
            schemes,
            extensions,
        } => {
            fixed.extend(random);
            fixed.extend(version.to_le_bytes());
            vector(&mut fixed, &mut behind, 96, &schemes.concat(), schemes.len());
            vector(
                &mut fixed,
                &mut behind,
                96,
                &extensions.concat(),
                extensions.len(),
            );
            // The values of extensions stay where they were.
            let end = extensions.iter().filter_map(end_of).max();
            behind.resize(behind.len().max(end.unwrap_or_default().saturating_sub(96)), 0);
        }
        Body::Exchange { scheme, token } => {
            fixed.extend(scheme);
            vector(&mut fixed, &mut behind, 64, token, token.len());
        }
        Body::Verify {
            scheme,
            checksum_scheme,
            checksum_type,
            checksum,
        } => {
            fixed.extend(scheme);
            fixed.extend(
                [20, checksum_scheme, checksum_type]
                    .map(u32::to_le_bytes)
                    .concat(),
            );
            vector(&mut fixed, &mut behind, 76, checksum, checksum.len());
        }
        Body::Alert { scheme, error } => {
            fixed.extend(scheme);
            fixed.extend(error.to_le_bytes());
            vector(&mut fixed, &mut behind, 68, &[], 0);
        }
        _ => {}
    }
    let header = 40_usize.saturating_add(fixed.len());
    let length = header.saturating_add(behind.len());
    let numbers = [
        message.message_type.0,
        message.sequence,
        word(header),
        word(length),
    ];
    let numbers = numbers.map(u32::to_le_bytes).concat();
    [&SIGNATURE[..], &numbers, &message.conversation, &fixed, &behind].concat()
}

fn word(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// Writes a vector, of which the fixed part of the message ends at `header`: its offset and count, and its bytes.
fn vector(fixed: &mut Vec<u8>, behind: &mut Vec<u8>, header: usize, bytes: &[u8], count: usize) {
    fixed.extend(word(header.saturating_add(behind.len())).to_le_bytes());
    fixed.extend(word(count).to_le_bytes());
    behind.extend(bytes);
}

/// Where the value of an extension ends, unless it is empty.
fn end_of(extension: &[u8; 12]) -> Option<usize> {
    let word = |at| codec::u32_le(extension, at, "ExtensionValue").map(codec::index);
    let (offset, length) = (word(4).ok()?, word(8).ok()?);
    (length > 0).then(|| offset.saturating_add(length))
}

/// A message of any content.
#[derive(Arbitrary, Debug)]
struct Recipe {
    sequence: u32,
    conversation: [u8; 16],
    scheme: AuthScheme,
    numbers: [u32; 2],
    kind: Kind,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Nego {
        random: [u8; 32],
        schemes: Vec<AuthScheme>,
        /// Type, and offset and length of the value.
        extensions: Vec<[u8; 3]>,
    },
    Exchange {
        /// Which of the four types.
        number: u8,
        token: Vec<u8>,
    },
    Verify {
        checksum: Vec<u8>,
    },
    Alert,
}

impl Recipe {
    /// The extensions, none of them critical.
    fn extensions(&self) -> Vec<[u8; 12]> {
        let Kind::Nego { extensions, .. } = &self.kind else {
            return Vec::new();
        };
        let words = |[number, offset, length]: &[u8; 3]| {
            let mut extension = [0; 12];
            codec::put(&mut extension, 0, &[*number]);
            codec::put(&mut extension, 4, &[*offset]);
            codec::put(&mut extension, 8, &[*length]);
            extension
        };
        extensions.iter().map(words).collect()
    }

    fn message<'a>(&'a self, extensions: &'a [[u8; 12]]) -> Message<'a> {
        let scheme = self.scheme;
        let [first, second] = self.numbers;
        let (message_type, body) = match &self.kind {
            Kind::Nego { random, schemes, .. } => {
                let (random, version) = (*random, 0);
                let body = Body::Nego {
                    random,
                    version,
                    schemes,
                    extensions,
                };
                (first % 2, body)
            }
            Kind::Exchange { number, token } => (
                u32::from(number % 4).saturating_add(2),
                Body::Exchange { scheme, token },
            ),
            Kind::Verify { checksum } => {
                let body = Body::Verify {
                    scheme,
                    checksum_scheme: first,
                    checksum_type: second,
                    checksum,
                };
                (MessageType::VERIFY.0, body)
            }
            Kind::Alert => (MessageType::ALERT.0, Body::Alert { scheme, error: first }),
        };
        Message {
            message_type: MessageType(message_type),
            sequence: self.sequence,
            conversation: self.conversation,
            body,
        }
    }
}
