//! AV_PAIR lists under inspection.

use std::collections::BTreeSet;

use legwork_engine::{
    error::{TokenError, TokenErrorKind},
    ntlm::messages::{AvId, AvPairs},
};

use super::{
    model::{Encoding, Node, Problem, Value},
    part::{self, Part},
    rules,
};

/// Most pairs that are read: as many as the longest list that a field can describe has.
const MOST_PAIRS: usize = 16_384;

/// Bits of MsvAvFlags that have a name.
const FLAG_NAMES: [(u32, &str); 3] = [
    (1, "CONSTRAINED_ACCOUNT"),
    (2, "MIC_PRESENT"),
    (4, "UNTRUSTED_TARGET_NAME"),
];

/// A decoded list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) node: Node,
    pub(super) summary: Summary,
    /// Offset behind the terminator, or where reading ended.
    pub(super) end: usize,
}

/// What other fields depend on.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) ids: BTreeSet<AvId>,
    pub(super) flags: Option<u32>,
    pub(super) timestamp: Option<[u8; 8]>,
    pub(super) terminated: bool,
}

/// Decodes a list and what follows it.
pub(super) fn decode(part: Part<'_>, name: &str, path: &str) -> List {
    let mut list = scan(part, path);
    list.node.name = name.to_owned();
    list.node.span = part.span();
    if list.end < part.length() {
        let mut rest = part.tail(list.end).raw("Trailing");
        let text = match list.summary.terminated {
            true => "bytes behind the end of the list",
            false => "more pairs than a message can hold; the rest is not decoded",
        };
        rest.warn(None, text);
        list.node.children.push(rest);
    }
    list
}

/// Decodes a list; its node ends behind the terminator.
pub(super) fn scan(part: Part<'_>, path: &str) -> List {
    let mut summary = Summary::default();
    let mut children = Vec::new();
    let mut at = 0;
    let mut error = None;
    while error.is_none() && !summary.terminated && children.len() < MOST_PAIRS {
        match pair(part, at, path, &mut summary) {
            Ok((node, next)) => {
                children.push(node);
                at = next;
            }
            Err(found) => error = Some(found),
        }
    }
    let broken = error.map(|error| (error, part.tail(at)));
    if broken.is_some() {
        at = part.length();
    }
    let mut node = part.sub(0, at).node("AvPairs").holding(children);
    match broken {
        Some((error, rest)) => fail(&mut node, rest, error),
        // Too many pairs to show: what the engine says of the rest holds for the list.
        None if !summary.terminated => {
            let error = AvPairs::parse(part.bytes).err().map(|error| part.placed(error));
            node.errors.extend(error.map(Problem::from));
        }
        None => {}
    }
    List {
        node,
        summary,
        end: at,
    }
}

/// Places an error at the rest that is no pair, or at the list if nothing is left.
fn fail(list: &mut Node, rest: Part<'_>, error: TokenError) {
    if rest.length() > 0 {
        let name = rest.u16(0, "AvId").map(|id| name(AvId(id)));
        let mut node = rest
            .raw(name.unwrap_or_else(|_| "Undecoded".to_owned()))
            .failing(error);
        node.children.push(rest.sub(0, 2).number("AvId", None));
        if rest.length() > 2 {
            node.children.push(rest.sub(2, 2).number("AvLen", None));
        }
        list.children.push(node);
        return;
    }
    list.errors.push(error.into());
    list.warn(rules::AV_PAIRS_TERMINATED, "the list does not end with MsvAvEOL");
}

/// The pair at an offset, and the offset behind it.
fn pair(part: Part<'_>, at: usize, path: &str, summary: &mut Summary) -> Result<(Node, usize), TokenError> {
    if at >= part.length() {
        return Err(part.error("AvPairs", at, TokenErrorKind::Unterminated));
    }
    let id = AvId(part.u16(at, "AvId")?);
    let length = usize::from(part.u16(at.saturating_add(2), "AvLen")?);
    let value = part.sub(at.saturating_add(4), length);
    if value.length() < length {
        return Err(part.error("AvPair", at, TokenErrorKind::OutOfBounds));
    }
    let whole = part.sub(at, length.saturating_add(4));
    let mut decoded = value_node(id, value);
    let mut node = whole.node(name(id));
    node.value = decoded.value.clone();
    warn(&mut node, id, summary);
    let path = path_of(path, id, summary);
    match length {
        0 => node.path = Some(path),
        _ => decoded.path = Some(path),
    }
    note(summary, id, value);
    node.children = vec![
        whole.sub(0, 2).number("AvId", id.name()),
        whole.sub(2, 2).number("AvLen", None),
    ];
    if length > 0 || decoded.is_remarkable() {
        node.children.push(decoded);
    }
    Ok((node, at.saturating_add(4).saturating_add(length)))
}

fn name(id: AvId) -> String {
    id.name().map_or_else(|| format!("AvId {}", id.0), str::to_owned)
}

/// The path of a pair: its name in scenarios, or its number. A second pair of the same id gets a mark.
fn path_of(list: &str, id: AvId, summary: &Summary) -> String {
    let named = AvId::NAMED.iter().find(|(.., known)| *known == id);
    let name = named.map_or_else(|| id.0.to_string(), |(_, name, _)| (*name).to_owned());
    let again = if summary.ids.contains(&id) { "#again" } else { "" };
    format!("{list}.{name}{again}")
}

fn warn(node: &mut Node, id: AvId, summary: &Summary) {
    if id.name().is_none() {
        node.warn(None, "unknown id; readers skip it");
    }
    if summary.ids.contains(&id) {
        node.warn(None, "second pair of this id; the first one counts");
    }
    if id == AvId::EOL && node.span.length() > 4 {
        node.warn(rules::AV_PAIRS_TERMINATED, "the end of the list has a value");
    }
    let named = [AvId::NB_COMPUTER_NAME, AvId::NB_DOMAIN_NAME];
    if named.contains(&id) && node.span.length() == 4 {
        node.warn(None, "empty name");
    }
}

fn note(summary: &mut Summary, id: AvId, value: Part<'_>) {
    summary.terminated |= id == AvId::EOL;
    if !summary.ids.insert(id) {
        return;
    }
    match id {
        AvId::FLAGS => summary.flags = value.u32(0, "MsvAvFlags").ok(),
        AvId::TIMESTAMP => summary.timestamp = value.bytes.first_chunk().copied(),
        _ => {}
    }
}

fn value_node(id: AvId, value: Part<'_>) -> Node {
    match id {
        AvId::FLAGS => fixed(value, "MsvAvFlags", 4, |value| {
            let bits = value.u32(0, "MsvAvFlags").unwrap_or_default();
            value.node("Value").with(flags(bits))
        }),
        AvId::TIMESTAMP => fixed(value, "MsvAvTimestamp", 8, |value| value.timestamp("Value")),
        AvId::CHANNEL_BINDINGS => fixed(value, "MsvAvChannelBindings", 16, |value| value.raw("Value")),
        AvId::SINGLE_HOST => single_host(value),
        AvId::NB_COMPUTER_NAME
        | AvId::NB_DOMAIN_NAME
        | AvId::DNS_COMPUTER_NAME
        | AvId::DNS_DOMAIN_NAME
        | AvId::DNS_TREE_NAME
        | AvId::TARGET_NAME => text(id, value),
        _ => value.raw("Value"),
    }
}

fn text(id: AvId, value: Part<'_>) -> Node {
    let mut node = value.text(id.name().unwrap_or("AvPair"), Encoding::Utf16);
    if id == AvId::TARGET_NAME {
        for warning in &mut node.warnings {
            warning.rule = rules::TARGET_NAME_COPIED;
        }
    }
    node.name = "Value".to_owned();
    node
}

/// A value of a fixed size: a shorter one is an error, a longer one a newer form.
fn fixed(value: Part<'_>, field: &'static str, size: usize, decode: impl FnOnce(Part<'_>) -> Node) -> Node {
    if value.length() < size {
        let error = value.error(field, 0, TokenErrorKind::BadLength(value.length()));
        return value.raw("Value").failing(error);
    }
    let mut node = decode(value.sub(0, size));
    node.span = value.span();
    if value.length() > size {
        node.warn(None, format!("has {} bytes instead of {size}", value.length()));
    }
    if field == "MsvAvFlags" {
        warn_of_flags(&mut node);
    }
    node
}

fn flags(bits: u32) -> Value {
    let known = FLAG_NAMES.iter().filter(|(bit, _)| bits & bit != 0);
    let unnamed = FLAG_NAMES.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    Value::Flags {
        hex: part::word(bits),
        names: known.map(|(_, name)| *name).collect(),
        unnamed: (unnamed != 0).then(|| part::word(unnamed)),
    }
}

fn warn_of_flags(node: &mut Node) {
    if let Some(Value::Flags {
        unnamed: Some(bits), ..
    }) = &node.value
    {
        let text = format!("unknown bits {bits} are set");
        node.warn(None, text);
    }
}

/// Single_Host_Data.
fn single_host(value: Part<'_>) -> Node {
    let mut node = value.raw("Value");
    if value.length() < 48 {
        node.warn(None, format!("has {} bytes instead of 48", value.length()));
        return node;
    }
    node.children = vec![
        value.sub(0, 4).number("Size", None),
        value.sub(4, 4).number("Z4", None),
        value.sub(8, 8).raw("CustomData"),
        value.sub(16, 32).raw("MachineID"),
    ];
    node
}
