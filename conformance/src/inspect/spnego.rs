//! The tokens of Negotiate under inspection. The tree shows what stands there; errors are those of the engine's parser,
//! each on the innermost node at its place.

use legwork_engine::{
    codec::der::Tag,
    error::{TokenError, TokenErrorKind},
    negotiate::messages::{ContextFlags, NegState, NegTokenResp, Oid, Token},
};

use super::{
    Kind,
    element::{Element, behind, place},
    mechanism,
    model::{Encoding, Node, Value},
    part::{self, Part},
    spnego_remarks,
};

/// What the framing of a first token of Negotiate begins with, behind its length.
fn is_framed(frame: &Element<'_>) -> bool {
    Element::tagged(frame.content, Tag::OBJECT_IDENTIFIER)
        .is_some_and(|oid| oid.content.bytes == &*Oid::SPNEGO.0)
}

/// What a token is by how it begins.
pub(super) fn kind(token: Part<'_>) -> Option<Kind> {
    let outer = Element::first(token)?;
    let holds = |element: &Element<'_>, tag| Element::tagged(element.content, tag).is_some();
    match outer.tag {
        tag if tag == Tag::application(0) && is_framed(&outer) => Some(match has_hints(token) {
            true => Kind::NegTokenInit2,
            false => Kind::NegTokenInit,
        }),
        tag if tag == Tag::application(0) && holds(&outer, Tag::OBJECT_IDENTIFIER) => {
            Some(Kind::InitialContextToken)
        }
        tag if tag == Tag::context(0) && holds(&outer, Tag::SEQUENCE) => Some(match has_hints(token) {
            true => Kind::NegTokenInit2,
            false => Kind::NegTokenInit,
        }),
        tag if tag == Tag::context(1) && holds(&outer, Tag::SEQUENCE) => Some(Kind::NegTokenResp),
        _ => None,
    }
}

/// Whether a first token is of the second form: hints under tag 3, or anything under tag 4.
fn has_hints(token: Part<'_>) -> bool {
    let framed = Element::tagged(token, Tag::application(0))
        .and_then(|frame| Some(Element::first(frame.content)?.rest(frame.content)));
    let outer = Element::tagged(framed.unwrap_or(token), Tag::context(0));
    let fields = outer.and_then(|outer| Element::tagged(outer.content, Tag::SEQUENCE));
    let elements = fields.map(|fields| fields.inside().0).unwrap_or_default();
    elements.iter().any(|element| {
        element.tag == Tag::context(4)
            || (element.tag == Tag::context(3) && Element::tagged(element.content, Tag::SEQUENCE).is_some())
    })
}

/// A first token of either form, with its framing or without.
pub(super) fn first(kind: Kind, token: Part<'_>) -> Node {
    let mut root = token.node(kind.structure());
    let framed = Element::tagged(token, Tag::application(0));
    let mut inner = token;
    if let Some(frame) = &framed {
        root.children.push(frame.header("InitialContextToken"));
        inner = frame.content;
        if let Some(mechanism) = Element::tagged(inner, Tag::OBJECT_IDENTIFIER) {
            root.children.push(mechanism::oid(&mechanism, "thisMech", None));
            inner = mechanism.rest(inner);
        }
    }
    fields(&mut root, inner, (Tag::context(0), "NegTokenInit"), init_field);
    if let Some(frame) = &framed {
        root.children.extend(behind(frame.rest(token)));
    }
    match Token::parse(token.bytes) {
        Ok(Token::Framed(parsed) | Token::Bare(parsed)) => {
            spnego_remarks::first(&mut root, &parsed, framed.is_some());
        }
        Ok(_) => root = root.failing(due(token)),
        Err(error) => place(&mut root, token.placed(error)),
    }
    root
}

/// A later token.
pub(super) fn later(token: Part<'_>) -> Node {
    let mut root = token.node(Kind::NegTokenResp.structure());
    fields(&mut root, token, (Tag::context(1), "NegTokenResp"), resp_field);
    match NegTokenResp::parse(token.bytes) {
        Ok(parsed) => spnego_remarks::later(&mut root, &parsed),
        Err(error) => place(&mut root, token.placed(error)),
    }
    root
}

/// The token of another mechanism with the framing of a first token.
pub(super) fn other(token: Part<'_>) -> Node {
    let mut root = mechanism::framed(token).unwrap_or_else(|| {
        token
            .node(Kind::InitialContextToken.structure())
            .holding(behind(token).into_iter().collect())
    });
    match Token::parse(token.bytes) {
        Ok(Token::Kerberos(_) | Token::Other(..)) => {}
        Ok(_) => root = root.failing(due(token)),
        Err(error) => place(&mut root, token.placed(error)),
    }
    root
}

/// The error for a token that is another one than it is read as.
fn due(token: Part<'_>) -> TokenError {
    let found = token.bytes.first().copied().unwrap_or_default();
    token.error("token", 0, TokenErrorKind::UnexpectedTag(found))
}

/// Adds the fields of the element that a stretch begins with, and whatever stands behind them.
fn fields(
    root: &mut Node,
    part: Part<'_>,
    (tag, name): (Tag, &'static str),
    decode: fn(&Element<'_>) -> Node,
) {
    let Some(outer) = Element::tagged(part, tag) else {
        root.children.extend(behind(part));
        return;
    };
    root.children.push(outer.header(name));
    let Some(list) = Element::tagged(outer.content, Tag::SEQUENCE) else {
        root.children.extend(behind(outer.content));
        root.children.extend(behind(outer.rest(part)));
        return;
    };
    root.children.push(list.header("Fields"));
    let (elements, rest) = list.inside();
    let mut seen = Vec::new();
    for element in &elements {
        let node = decode(element);
        root.children.push(match seen.contains(&element.tag) {
            true => node.without_paths(),
            false => node,
        });
        seen.push(element.tag);
    }
    for rest in [rest, list.rest(outer.content), outer.rest(part)] {
        root.children.extend(behind(rest));
    }
}

/// A field of a first token.
fn init_field(element: &Element<'_>) -> Node {
    let holds = |tag| Element::tagged(element.content, tag).is_some();
    match element.tag.0 & 0x1F {
        _ if element.tag < Tag::context(0) => element.whole.raw("Element"),
        0 => list(element),
        1 => element.field("reqFlags", |inner| request_flags(inner.content)),
        2 => element.field("mechToken", |inner| {
            mechanism::decode(inner.content, "mech-token")
        }),
        3 if holds(Tag::SEQUENCE) => hints(element),
        3 | 4 => element.field("mechListMIC", |inner| mechanism::code(inner.content)),
        _ => element.whole.raw("Extension"),
    }
}

/// A field of a later token.
fn resp_field(element: &Element<'_>) -> Node {
    match element.tag.0 & 0x1F {
        _ if element.tag < Tag::context(0) => element.whole.raw("Element"),
        0 => element.field("negState", |inner| state(inner.content)),
        1 => element.field("supportedMech", |inner| {
            let value = mechanism::identifier(inner.content);
            let node = inner.content.node("Identifier").with(value);
            node.at_path("supported-mech")
        }),
        2 => element.field("responseToken", |inner| {
            mechanism::decode(inner.content, "response-token")
        }),
        3 => element.field("mechListMIC", |inner| mechanism::code(inner.content)),
        _ => element.whole.raw("Extension"),
    }
}

/// mechTypes: the list is what the code is computed over, and the field in scenarios.
fn list(element: &Element<'_>) -> Node {
    let mut node = element.whole.node("mechTypes");
    node.children.push(element.header("Header"));
    let Some(list) = Element::tagged(element.content, Tag::SEQUENCE) else {
        node.children.extend(behind(element.content));
        return node;
    };
    let mut types = list.whole.node(super::MECH_TYPE_LIST);
    types.path = list.is_whole().then(|| "mech-types".to_owned());
    types.children.push(list.header("Header"));
    let (elements, rest) = list.inside();
    for (place, mechanism) in elements.iter().enumerate() {
        let path = format!("mech-types.{place}");
        types.children.push(match mechanism.tag {
            Tag::OBJECT_IDENTIFIER => mechanism::oid(mechanism, "MechType", Some(path)),
            _ => mechanism.whole.raw("Element"),
        });
    }
    types.children.extend(behind(rest));
    node.children.push(types);
    node.children.extend(behind(list.rest(element.content)));
    node
}

/// negHints.
fn hints(element: &Element<'_>) -> Node {
    let mut node = element.whole.node("negHints");
    node.children.push(element.header("Header"));
    let Some(list) = Element::first(element.content) else {
        return node;
    };
    node.children.push(list.header("Header"));
    let (elements, rest) = list.inside();
    for hint in &elements {
        node.children.push(match hint.tag.0 {
            0xA0 => hint.field("hintName", |inner| {
                let name = inner.content.text("Name", Encoding::Oem);
                name.at_path("hint-name")
            }),
            0xA1 => hint.field("hintAddress", |inner| {
                inner.content.raw("Address").at_path("hint-address")
            }),
            _ => hint.whole.raw("Element"),
        });
    }
    node.children.extend(behind(rest));
    node.children.extend(behind(list.rest(element.content)));
    node
}

/// reqFlags: the bits behind the count of unused ones.
fn request_flags(content: Part<'_>) -> Node {
    let bits = content.tail(1);
    let mut word = [0; 4];
    word.iter_mut().zip(bits.bytes).for_each(|(to, from)| *to = *from);
    let flags = ContextFlags::from_bits_retain(u32::from_be_bytes(word));
    let unnamed = flags
        .iter_names()
        .fold(flags.bits(), |rest, (_, flag)| rest & !flag.bits());
    bits.node("Bits")
        .with(Value::Flags {
            hex: format!("0x{}", hex::encode(bits.bytes)),
            names: flags.iter_names().map(|(name, _)| name).collect(),
            unnamed: (unnamed != 0).then(|| part::word(unnamed)),
        })
        .at_path("req-flags")
}

/// negState.
fn state(content: Part<'_>) -> Node {
    let state = match *content.bytes {
        [a] => i32::from(a.cast_signed()),
        [a, b] => i32::from(i16::from_be_bytes([a, b])),
        [a, b, c] => i32::from_be_bytes([a, b, c, 0]) >> 8,
        [a, b, c, d] => i32::from_be_bytes([a, b, c, d]),
        _ => return content.raw("State").at_path("neg-state"),
    };
    content
        .node("State")
        .with(Value::Enumerated {
            number: state,
            name: NegState(state).name(),
        })
        .at_path("neg-state")
}
