//! NTLMSSP_MESSAGE_SIGNATURE under inspection.

use legwork_engine::{error::TokenErrorKind, ntlm::messages::Signature};

use super::{
    model::{Kind, Node},
    part::Part,
    rules,
};

/// Name, offset, size and path of the fields.
const FIELDS: [(&str, usize, usize, &str); 3] = [
    ("Version", 0, 4, "version"),
    ("Checksum", 4, 8, "checksum"),
    ("SeqNum", 12, 4, "sequence"),
];

pub(super) fn decode(token: Part<'_>) -> Node {
    let mut root = token.node(Kind::Signature.structure());
    if token.length() != Signature::SIZE {
        root = root.failing(token.error("Signature", 0, TokenErrorKind::BadLength(token.length())));
    }
    for (name, at, size, path) in FIELDS {
        let field = token.sub(at, size);
        if field.length() < size {
            if field.length() > 0 {
                root.children.push(field.raw(name));
            }
            return root;
        }
        let mut node = match name {
            "Checksum" => field.raw(name),
            _ => field.number(name, None),
        };
        if name == "Version" && field.bytes != [1, 0, 0, 0] {
            node.warn(rules::SIGNATURE_VERSION, "not 1");
        }
        root.children.push(node.at_path(path));
    }
    if token.length() > Signature::SIZE {
        root.children.push(token.tail(Signature::SIZE).raw("Trailing"));
    }
    root
}
