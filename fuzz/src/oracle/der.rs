//! Elements of the distinguished form (X.690): what is read stands where it says, and is written again as it came unless
//! its length has more bytes than it needs; what is written is read again, with lengths of every size.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::codec::der::{self, Element, Reader, Tag, Tolerances};

use super::round_trip::typed;

/// Elements that are looked into: each byte of a token can be the content of as many elements as it has levels.
const MOST_ELEMENTS: usize = 1000;

/// Elements one behind the other, and within each other.
///
/// # Panics
/// An element does not stand where it says, or does not survive.
pub fn der(bytes: &[u8]) {
    let mut readers = vec![Reader::new(bytes)];
    let mut elements = 0;
    while let Some(mut reader) = readers.pop() {
        while elements < MOST_ELEMENTS && !reader.is_empty() {
            let Some(element) = next(bytes, &mut reader) else {
                break;
            };
            elements += 1;
            readers.push(element.inside());
        }
    }
    if let Some(recipe) = typed::<Recipe>(bytes) {
        recipe.is_read();
    }
}

/// The next element, which is where it says and written as it was.
fn next<'a>(token: &[u8], reader: &mut Reader<'a>) -> Option<Element<'a>> {
    let (start, before) = (reader.offset(), reader.rest());
    assert_eq!(
        token.get(start..).map(|rest| rest.starts_with(before)),
        Some(true)
    );
    let mut seen = Tolerances::empty();
    let element = match reader.any("element", &mut seen) {
        Ok(element) => element,
        Err(error) => {
            assert!(error.offset <= token.len(), "{error} of {} bytes", token.len());
            assert_eq!(reader.rest(), before, "a refused element is passed over");
            return None;
        }
    };
    assert_eq!([element.bytes, reader.rest()].concat(), before);
    assert_eq!(token.get(element.offset).copied().map(Tag), Some(element.tag));
    let content = token.get(element.content_offset()..);
    assert_eq!(
        content.map(|content| content.starts_with(element.content)),
        Some(true)
    );
    let long = seen.contains(Tolerances::LONG_LENGTH);
    let mut again = Vec::new();
    der::element(&mut again, element.tag, element.content);
    assert_eq!(again.len(), der::size(element.content.len()));
    assert_eq!(
        again == element.bytes,
        !long,
        "{element:?} is written as {again:?}"
    );
    Some(element)
}

/// An element within an explicit tag.
#[derive(Arbitrary, Debug)]
struct Recipe {
    outer: u8,
    inner: u8,
    /// Length of the content, modulo a number that takes three bytes.
    length: u32,
    /// More bytes of the outer length than it needs.
    longer: u8,
}

impl Recipe {
    /// What is written is read, whatever its length.
    fn is_read(&self) {
        let tag = |byte: u8| Tag(if byte & 0x1F == 0x1F { byte ^ 1 } else { byte });
        let (outer, inner) = (tag(self.outer), tag(self.inner));
        // Most lengths are small: a large one costs more than it shows.
        let most = if self.longer & 0x40 == 0 { 0x200 } else { 0x1_0100 };
        let content = vec![self.inner; usize::try_from(self.length % most).unwrap_or_default()];
        let mut bytes = Vec::new();
        der::explicit(&mut bytes, outer, inner, &content);
        assert_eq!(bytes.len(), der::explicit_size(content.len()));
        let longer = self.lengthened(outer, der::size(content.len()), &bytes);
        let bytes = longer.as_deref().unwrap_or(&bytes);
        let mut seen = Tolerances::empty();
        let read = Reader::new(bytes)
            .only(outer, "outer", &mut seen)
            .and_then(|outer| outer.inside().only(inner, "inner", &mut seen));
        assert_eq!(read.map(|element| element.content), Ok(&content[..]), "{self:?}");
        assert_eq!(
            seen.contains(Tolerances::LONG_LENGTH),
            longer.is_some(),
            "{self:?}"
        );
    }

    /// The same element with more bytes in its outer length, if there can be as many.
    fn lengthened(&self, outer: Tag, inside: usize, bytes: &[u8]) -> Option<Vec<u8>> {
        let digits = u32::try_from(inside).ok()?.to_be_bytes();
        let content = bytes.get(bytes.len().checked_sub(inside)?..)?;
        let needed = bytes.len().checked_sub(inside)?.checked_sub(2)?;
        let count = usize::from(self.longer % 4).checked_add(needed)?;
        if count <= needed || count > digits.len() {
            return None;
        }
        let head = [outer.0, 0x80 | u8::try_from(count).ok()?];
        Some([&head, digits.get(digits.len() - count..)?, content].concat())
    }
}

/// A recipe that is read from these bytes writes a content of this length.
#[must_use]
pub fn recipe(length: u32, longer: u8) -> Vec<u8> {
    let head = [0xA0, 0x04];
    [&head[..], &length.to_le_bytes(), &[longer]].concat()
}

/// Reads a recipe, so that seeds are known to be read as they were meant.
#[must_use]
pub fn length_of(recipe: &[u8]) -> Option<u32> {
    let read = Recipe::arbitrary(&mut Unstructured::new(recipe)).ok()?;
    Some(read.length)
}
