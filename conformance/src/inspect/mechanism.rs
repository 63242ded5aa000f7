//! The token of a mechanism inside a token of Negotiate: decoded in its place, with paths below that of the field.

use legwork_engine::{
    codec::der::Tag,
    negotiate::messages::{Oid, negoex},
    ntlm::messages::{SIGNATURE, Signature},
};

use super::{
    Kind,
    element::{Element, behind},
    message_kind,
    model::{Node, Value},
    negoex as extended,
    part::Part,
    signature, unknown,
};

/// A field that holds a token of whatever mechanism. A token of Negotiate in there is not read: nothing recurses.
pub(super) fn decode(token: Part<'_>, path: &'static str) -> Node {
    let decoded = if token.bytes.starts_with(&SIGNATURE) {
        match message_kind(token.bytes) {
            Some(kind) => super::decode(kind, token),
            None => unknown::decode(token),
        }
    } else if token.bytes.starts_with(&negoex::SIGNATURE) {
        extended::decode(token)
    } else {
        framed(token).unwrap_or_else(|| token.raw("Token"))
    };
    below(decoded, path)
}

/// A code over the list of mechanisms: a signature of NTLM where it looks like one.
pub(super) fn code(code: Part<'_>) -> Node {
    let path = "mech-list-mic";
    match code.bytes.starts_with(&[1, 0, 0, 0]) && code.length() == Signature::SIZE {
        true => below(signature::decode(code), path),
        false => code.raw("Code").at_path(path),
    }
}

/// The token of a mechanism with the framing of a first token: read as far as the framing goes.
pub(super) fn framed(token: Part<'_>) -> Option<Node> {
    let frame = Element::tagged(token, Tag::application(0))?;
    let identifier = Element::tagged(frame.content, Tag::OBJECT_IDENTIFIER)?;
    let mut node = token.node(Kind::InitialContextToken.structure());
    node.children = vec![frame.header("Header"), oid(&identifier, "thisMech", None)];
    let inner = identifier.rest(frame.content);
    if inner.length() > 0 {
        node.children.push(inner.raw("innerContextToken"));
    }
    node.children.extend(behind(frame.rest(token)));
    Some(node)
}

/// An object identifier; its content has the path.
pub(super) fn oid(element: &Element<'_>, name: &'static str, path: Option<String>) -> Node {
    let value = identifier(element.content);
    let mut content = element.content.node("Identifier").with(value.clone());
    content.path = path.filter(|_| element.is_whole());
    let mut node = element.whole.node(name).with(value);
    node.children = vec![element.header("Header"), content];
    node
}

/// The value of an object identifier.
pub(super) fn identifier(content: Part<'_>) -> Value {
    let oid = Oid(content.bytes.into());
    Value::Oid {
        oid: oid.to_string(),
        name: oid.name(),
    }
}

/// The node as the value of a field: its paths stand below that of the field.
fn below(mut node: Node, path: &str) -> Node {
    fn prefix(nodes: &mut [Node], path: &str) {
        for node in nodes {
            if let Some(own) = &mut node.path {
                own.insert_str(0, path);
            }
            prefix(&mut node.children, path);
        }
    }
    prefix(&mut node.children, &format!("{path}."));
    node.at_path(path)
}
