//! The payload of a message as a whole: order, overlaps, and bytes that belong to nothing.

use super::{
    model::{Node, Span},
    part::Part,
    rules,
};

/// The payload as a node, and what follows it. `header_end` is the end of the fixed part.
pub(super) fn payload(token: Part<'_>, header_end: usize, parts: Vec<Node>, order: &[&str]) -> Vec<Node> {
    let base = token.span().start;
    let end = token.length();
    let local = |at: usize| at.saturating_sub(base);
    let disordered = order_of(&parts, order);
    let mut parts = parts;
    parts.sort_by_key(|node| node.span);
    let mut children: Vec<Node> = Vec::new();
    let mut reached = header_end;
    for mut node in parts {
        let start = local(node.span.start);
        if start > reached {
            children.push(unused(token.sub(reached, start.saturating_sub(reached))));
        }
        if start < reached {
            node.warn(rules::FIELDS_WITHIN_MESSAGE, overlap(&children));
        }
        reached = reached.max(local(node.span.end));
        children.push(node);
    }
    let mut nodes = Vec::new();
    if let Some(span) = cover(&children) {
        let mut payload = Node::new("Payload", span).holding(children);
        if let Some(text) = disordered {
            payload.warn(None, text);
        }
        nodes.push(payload);
    }
    if reached < end {
        let mut trailing = token.tail(reached).raw("Trailing");
        trailing.warn(None, "bytes behind the last field");
        nodes.push(trailing);
    }
    nodes
}

fn unused(part: Part<'_>) -> Node {
    let mut gap = part.raw("Unused");
    gap.warn(None, "bytes that no field describes");
    gap
}

/// What a part overlaps: the one before it that reaches furthest, or the fixed part.
fn overlap(before: &[Node]) -> String {
    match before.iter().max_by_key(|node| node.span.end) {
        Some(other) => format!("overlaps {}", other.name),
        None => "begins within the fixed part".to_owned(),
    }
}

fn cover(nodes: &[Node]) -> Option<Span> {
    nodes.iter().map(|node| node.span).reduce(Span::cover)
}

/// Says so if the parts stand in another order than usual.
fn order_of(parts: &[Node], order: &[&str]) -> Option<String> {
    let place = |node: &Node| order.iter().position(|name| *name == node.name);
    let mut found: Vec<&Node> = parts.iter().filter(|node| place(node).is_some()).collect();
    found.sort_by_key(|node| node.span);
    if found.is_sorted_by_key(|node| place(node)) {
        return None;
    }
    let names: Vec<&str> = found.iter().map(|node| node.name.as_str()).collect();
    Some(format!("unusual order: {}", names.join(", ")))
}
