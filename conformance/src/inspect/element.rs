//! Elements of DER under inspection: what stands there, whether or not a reader takes it.

use legwork_engine::{
    codec::der::{self, Tag},
    error::TokenError,
};

use super::{
    model::{Node, Span, Value},
    part::Part,
    rules,
};
use crate::words::counted;

/// An element as far as it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    /// Tag and length.
    header: Part<'a>,
    pub(super) content: Part<'a>,
    /// Tag, length and content.
    pub(super) whole: Part<'a>,
    /// The length that is written; none if it is indefinite or wider than four bytes.
    length: Option<usize>,
}

impl<'a> Element<'a> {
    /// The element that a stretch begins with; none if not even tag and length are there.
    pub(super) fn first(part: Part<'a>) -> Option<Self> {
        let [tag, first, behind @ ..] = part.bytes else {
            return None;
        };
        let digits = match *first {
            0x81.. => usize::from(*first & 0x7F),
            _ => 0,
        };
        let written = behind.get(..digits)?;
        let number =
            |so_far: usize, digit: &u8| so_far.saturating_mul(256).saturating_add(usize::from(*digit));
        let length = match *first {
            short @ ..=0x7F => Some(usize::from(short)),
            0x81..=0x84 => Some(written.iter().fold(0, number)),
            _ => None,
        };
        let header = digits.saturating_add(2);
        let content = part.sub(header, length.unwrap_or(usize::MAX));
        Some(Self {
            tag: Tag(*tag),
            header: part.sub(0, header),
            content,
            whole: part.sub(0, header.saturating_add(content.length())),
            length,
        })
    }

    /// The element that a stretch begins with if it has this tag.
    pub(super) fn tagged(part: Part<'a>, tag: Tag) -> Option<Self> {
        Self::first(part).filter(|element| element.tag == tag)
    }

    /// Whether all of the content is there.
    pub(super) fn is_whole(&self) -> bool {
        self.length == Some(self.content.length())
    }

    /// What follows in the stretch that the element was read from.
    pub(super) fn rest(&self, part: Part<'a>) -> Part<'a> {
        part.tail(self.whole.length())
    }

    /// Tag and length as a node.
    pub(super) fn header(&self, name: &'static str) -> Node {
        let shortest = der::size(self.content.length()).saturating_sub(self.content.length());
        let long = self.is_whole() && self.header.length() > shortest;
        let mut node = self.header.node(name).with(Value::Header {
            tag: tag_name(self.tag),
            length: self.length,
            long,
        });
        node.children = vec![
            self.header.sub(0, 1).raw("Tag"),
            self.header.tail(1).raw("Length"),
        ];
        if long {
            let more = self.header.length().saturating_sub(shortest);
            let text = format!(
                "the length is written in {} more than it needs",
                counted(more, "byte")
            );
            node.warn(rules::ENCODING_DISTINGUISHED, text);
        }
        node
    }

    /// The elements of the content, and the bytes behind the last one that can be read.
    pub(super) fn inside(&self) -> (Vec<Self>, Part<'a>) {
        let (mut elements, mut rest) = (Vec::new(), self.content);
        while let Some(element) = Self::first(rest) {
            rest = element.rest(rest);
            elements.push(element);
        }
        (elements, rest)
    }

    /// The node of a field with an explicit tag: what is inside becomes one node, with the same value.
    pub(super) fn field(&self, name: &'static str, decode: impl FnOnce(&Self) -> Node) -> Node {
        let mut node = self.whole.node(name);
        node.children.push(self.header("Header"));
        let Some(inner) = Self::first(self.content) else {
            node.children.extend(behind(self.content));
            return node;
        };
        node.children.push(inner.header("Header"));
        let content = decode(&inner);
        node.value.clone_from(&content.value);
        node.children.push(match inner.is_whole() {
            true => content,
            false => content.without_paths(),
        });
        node.children.extend(behind(inner.rest(self.content)));
        node
    }
}

/// Bytes that belong to nothing, if there are any.
pub(super) fn behind(part: Part<'_>) -> Option<Node> {
    (part.length() > 0).then(|| part.raw("Trailing"))
}

/// A tag as the specifications write it.
fn tag_name(tag: Tag) -> String {
    let number = tag.0 & 0x1F;
    match tag {
        Tag::BIT_STRING => "BIT STRING".to_owned(),
        Tag::OCTET_STRING => "OCTET STRING".to_owned(),
        Tag::OBJECT_IDENTIFIER => "OBJECT IDENTIFIER".to_owned(),
        Tag::ENUMERATED => "ENUMERATED".to_owned(),
        Tag::GENERAL_STRING => "GeneralString".to_owned(),
        Tag::SEQUENCE => "SEQUENCE".to_owned(),
        Tag(0x60..=0x7E) => format!("[APPLICATION {number}]"),
        Tag(0xA0..=0xBE) => format!("[{number}]"),
        Tag(other) => format!("tag 0x{other:02x}"),
    }
}

/// Hangs an error of a parser on the innermost node at its place.
pub(super) fn place(node: &mut Node, error: TokenError) {
    let holds = |span: Span| span.start <= error.offset && error.offset < span.end;
    let inner = node.children.iter_mut().find(|child| holds(child.span));
    match inner {
        Some(child) if !matches!(node.value, Some(Value::Header { .. })) => place(child, error),
        _ => node.errors.push(error.into()),
    }
}
