//! Two tokens of one kind, field by field.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Kind, inspect_as,
    model::{Inspection, Node, Span, Value},
    text, token_kind,
};

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Path in scenarios, or names in the specification where there is none.
    pub field: String,
    /// The field in the expected token.
    pub expected: Option<Side>,
    /// The field in the actual token.
    pub actual: Option<Side>,
}

/// A field of one of the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Where it stands.
    pub span: Span,
    /// Its value as text.
    pub shown: String,
    /// What decides whether two fields are the same.
    bytes: Vec<u8>,
    /// Names of the flags that are set.
    flags: Vec<&'static str>,
}

impl Difference {
    /// Of a word of flags: the names that only the expected token has, and those that only the actual one has.
    pub(crate) fn flags(&self) -> Option<(Vec<&'static str>, Vec<&'static str>)> {
        let (expected, actual) = (self.expected.as_ref()?, self.actual.as_ref()?);
        let only = |one: &Side, other: &Side| -> Vec<&'static str> {
            let names = one.flags.iter().filter(|name| !other.flags.contains(name));
            names.copied().collect()
        };
        let names = (only(expected, actual), only(actual, expected));
        (!(names.0.is_empty() && names.1.is_empty())).then_some(names)
    }
}

/// The fields in which two messages differ.
#[must_use]
pub fn decoded_diff(expected: &[u8], actual: &[u8]) -> String {
    let kind = |bytes| token_kind(bytes).unwrap_or(Kind::Unknown);
    write(&side_of(kind(expected), expected), &side_of(kind(actual), actual))
}

/// As [`decoded_diff`], of two tokens of a known kind.
#[must_use]
pub fn decoded_diff_as(kind: Kind, expected: &[u8], actual: &[u8]) -> String {
    write(&side_of(kind, expected), &side_of(kind, actual))
}

/// The fields in which two tokens of a kind differ, layout last.
#[must_use]
pub fn differences(kind: Kind, expected: &[u8], actual: &[u8]) -> Vec<Difference> {
    compare(&side_of(kind, expected), &side_of(kind, actual))
}

/// A token and its fields.
#[derive(Debug)]
struct Fields {
    inspection: Inspection,
    bytes: Vec<u8>,
    order: Vec<String>,
    layout: Vec<String>,
    sides: BTreeMap<String, Side>,
    /// How many fields of a name there are.
    counts: BTreeMap<String, usize>,
}

fn side_of(kind: Kind, bytes: &[u8]) -> Fields {
    let inspection = inspect_as(kind, bytes);
    let mut fields = Fields {
        inspection: inspection.clone(),
        bytes: bytes.to_vec(),
        order: Vec::new(),
        layout: Vec::new(),
        sides: BTreeMap::new(),
        counts: BTreeMap::new(),
    };
    fields.collect(&inspection.tree, "");
    fields
}

impl Fields {
    /// Takes up the fields below a node. A node with a value is a field; another one is the sum of its parts.
    fn collect(&mut self, parent: &Node, prefix: &str) {
        for node in &parent.children {
            let own = format!("{prefix}{}", node.name);
            let path = node
                .path
                .as_ref()
                .or_else(|| node.children.iter().find_map(|child| child.path.as_ref()));
            match &node.value {
                Some(Value::Descriptor { length, .. }) => {
                    self.add(own, node, true);
                    if let (0, Some(path)) = (*length, &node.path) {
                        self.add(path.clone(), &Node::new("", node.span).with(empty()), false);
                    }
                }
                Some(Value::Header { .. }) => self.add(own, node, true),
                None if !node.children.is_empty() && !super::is_pair(node) => {
                    self.collect(node, &format!("{own}."));
                }
                _ => self.add(path.cloned().unwrap_or(own), node, false),
            }
        }
    }

    /// Parts of the payload in order.
    fn parts(&self) -> &[Node] {
        let nodes = &self.inspection.tree.children;
        let payload = nodes.iter().find(|node| node.name == "Payload");
        payload.map_or(&[], |payload| &payload.children)
    }

    /// What the layout says beyond lengths: the order of the parts that both tokens have, which of them overlap, gaps,
    /// descriptors whose maximum is not the length, and lengths in more bytes than they need.
    fn shape(&self, other: &Self) -> Vec<(&str, bool)> {
        let mut end = 0;
        let mut shape = Vec::new();
        for part in self.parts() {
            let overlaps = part.span.start < end;
            end = end.max(part.span.end);
            if part.name == "Unused" || other.parts().iter().any(|found| found.name == part.name) {
                shape.push((part.name.as_str(), overlaps));
            }
        }
        for node in &self.inspection.tree.children {
            if let Some(Value::Descriptor { length, maximum, .. }) = node.value {
                shape.push((node.name.as_str(), length != maximum));
            }
        }
        let long = self
            .inspection
            .nodes()
            .filter(|node| matches!(node.value, Some(Value::Header { long: true, .. })));
        shape.extend(long.map(|node| (node.name.as_str(), true)));
        shape
    }

    fn add(&mut self, field: String, node: &Node, layout: bool) {
        let count = self.counts.entry(field.clone()).or_insert(0);
        *count = count.saturating_add(1);
        let key = match *count {
            1 => field,
            count => format!("{field} ({count})"),
        };
        let is_empty = node.value == Some(empty());
        let bytes = self.bytes.get(node.span.range()).unwrap_or_default();
        let side = Side {
            span: node.span,
            shown: node
                .value
                .as_ref()
                .map_or_else(|| "(empty)".to_owned(), text::show),
            bytes: if is_empty { Vec::new() } else { bytes.to_vec() },
            flags: match &node.value {
                Some(Value::Flags { names, .. }) => names.clone(),
                _ => Vec::new(),
            },
        };
        match layout {
            true => self.layout.push(key.clone()),
            false => self.order.push(key.clone()),
        }
        self.sides.insert(key, side);
    }
}

fn empty() -> Value {
    Value::Bytes { hex: String::new() }
}

fn compare(expected: &Fields, actual: &Fields) -> Vec<Difference> {
    let both = |known: &[String], found: &[String]| -> Vec<String> {
        let new = found.iter().filter(|key| !expected.sides.contains_key(*key));
        known.iter().chain(new).cloned().collect()
    };
    let difference = |field: String| {
        let (left, right) = (expected.sides.get(&field), actual.sides.get(&field));
        let same = left.map(|side| &side.bytes) == right.map(|side| &side.bytes);
        (!same).then(|| Difference {
            field,
            expected: left.cloned(),
            actual: right.cloned(),
        })
    };
    let order = both(&expected.order, &actual.order);
    let mut found: Vec<Difference> = order.into_iter().filter_map(difference).collect();
    let layout = both(&expected.layout, &actual.layout);
    // Lengths and offsets follow from the values as long as the parts stand in the same order.
    let implied = !found.is_empty() && expected.shape(actual) == actual.shape(expected);
    if !implied {
        found.extend(layout.into_iter().filter_map(difference));
    }
    found
}

fn write(expected: &Fields, actual: &Fields) -> String {
    let (left, right) = (&expected.inspection, &actual.inspection);
    let mut out = String::new();
    if left.kind != right.kind {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "expected {}, actual {}",
            left.kind.structure(),
            right.kind.structure()
        );
    }
    let found = compare(expected, actual);
    if found.is_empty() {
        out.push_str(match expected.bytes == actual.bytes {
            true => "no difference\n",
            false => "no decoded field differs\n",
        });
    }
    for difference in &found {
        write_one(&mut out, difference);
    }
    out
}

fn write_one(out: &mut String, difference: &Difference) {
    let Difference {
        field,
        expected,
        actual,
    } = difference;
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{field}");
    for (label, side, other) in [("- expected", expected, actual), ("+ actual  ", actual, expected)] {
        let Some(side) = side else {
            let _ = writeln!(out, "  {label}  absent");
            continue;
        };
        let range = text::span(side.span, 4);
        let shown = one_line(side, other.as_ref());
        let _ = writeln!(out, "  {label}  {range}  {shown}");
    }
    let (only_expected, only_actual) = difference.flags().unwrap_or_default();
    for (label, names) in [("only expected", only_expected), ("only actual", only_actual)] {
        if !names.is_empty() {
            let _ = writeln!(out, "    {label}: {}", names.join(" "));
        }
    }
}

/// A value on one line: of flags, the word alone; where both sides look the same, the bytes.
fn one_line(side: &Side, other: Option<&Side>) -> String {
    let first = |side: &Side| side.shown.lines().next().unwrap_or_default().to_owned();
    match other {
        Some(other) if first(other) == first(side) => hex::encode(&side.bytes),
        _ => first(side),
    }
}
