//! The tree as text: ranges in hex, names, values, and under each what is to be said about it.

use clap::builder::styling::{AnsiColor, Style};

use super::model::{Inspection, Node, Span, Value};
use crate::words::{counted, styled};

/// Most bytes that are shown of a value.
const MOST_BYTES: usize = 32;

/// Most columns that flag names take.
const FLAG_COLUMNS: usize = 72;

const RANGE: Style = Style::new().dimmed();
const NAME: Style = Style::new().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();
const RULE: Style = Style::new().dimmed();

/// The tree as text, with ANSI colour if asked for. Text from the token is escaped: it cannot steer a terminal.
#[must_use]
pub fn tree(inspection: &Inspection, colour: bool) -> String {
    let mut printer = Printer {
        out: String::new(),
        colour,
        digits: digits(inspection.length),
        names: width(&inspection.tree, 0),
    };
    printer.head(inspection);
    printer.remarks(&inspection.tree, 0);
    for child in &inspection.tree.children {
        printer.node(child, 0);
    }
    printer.out
}

/// Hex digits of the offsets of a token.
fn digits(length: usize) -> usize {
    format!("{length:x}").len().max(4)
}

/// Columns that the names take, with their indentation.
fn width(node: &Node, depth: usize) -> usize {
    let children = visible(node).iter();
    let widths = children.map(|child| {
        let own = child.name.chars().count().saturating_add(depth.saturating_mul(2));
        own.max(width(child, depth.saturating_add(1)))
    });
    widths.max().unwrap_or(0)
}

/// The children that are shown: a value says it all unless there is a remark below it.
pub(crate) fn visible(node: &Node) -> &[Node] {
    match node.value {
        Some(_) if !node.children.iter().any(has_remark) => &[],
        _ => &node.children,
    }
}

fn has_remark(node: &Node) -> bool {
    node.is_remarkable() || node.children.iter().any(has_remark)
}

#[derive(Debug)]
struct Printer {
    out: String,
    colour: bool,
    digits: usize,
    names: usize,
}

impl Printer {
    fn head(&mut self, inspection: &Inspection) {
        let mut parts = vec![counted(inspection.length, "byte")];
        for (count, what) in [
            (inspection.errors().count(), "error"),
            (inspection.warnings().count(), "warning"),
        ] {
            if count > 0 {
                parts.push(counted(count, what));
            }
        }
        let name = self.styled(NAME, inspection.kind.structure());
        self.line(&format!("{name}, {}", parts.join(", ")));
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn styled(&self, style: Style, text: &str) -> String {
        styled(self.colour, style, text)
    }

    fn node(&mut self, node: &Node, depth: usize) {
        let range = self.styled(RANGE, &span(node.span, self.digits));
        let indent = depth.saturating_mul(2);
        let names = self.names.saturating_sub(indent);
        let name = format!("{:indent$}{:names$}", "", node.name);
        let value = node.value.as_ref().map(show).unwrap_or_default();
        let mut lines = value.lines();
        self.line(&format!("{range}  {name}  {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.line(&format!("{:1$}{line}", "", self.value_column()));
        }
        self.remarks(node, depth);
        for child in visible(node) {
            self.node(child, depth.saturating_add(1));
        }
    }

    fn value_column(&self) -> usize {
        self.digits
            .saturating_mul(2)
            .saturating_add(self.names)
            .saturating_add(6)
    }

    fn remarks(&mut self, node: &Node, depth: usize) {
        let column = self.digits.saturating_mul(2).saturating_add(4);
        let column = column.saturating_add(depth.saturating_mul(2)).saturating_add(2);
        for error in &node.errors {
            let mark = self.styled(ERROR, "error:");
            let text = format!("{} at byte {}: {}", error.field, error.offset, error.message);
            self.line(&format!("{:column$}{mark} {text}", ""));
        }
        for warning in &node.warnings {
            let mark = self.styled(WARNING, "warning:");
            let rule = warning.rule.map(|rule| self.styled(RULE, &format!(" [{rule}]")));
            let text = format!("{mark} {}{}", warning.text, rule.unwrap_or_default());
            self.line(&format!("{:column$}{text}", ""));
        }
    }
}

/// A range in hex.
pub(super) fn span(span: Span, digits: usize) -> String {
    format!("{:0digits$x}..{:0digits$x}", span.start, span.end)
}

/// A value as text; names of flags stand on lines of their own.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Number { number, hex, meaning } => {
            let meaning = meaning.map(|meaning| format!(" {meaning}")).unwrap_or_default();
            format!("{number} ({hex}){meaning}")
        }
        Value::Flags { hex, names, unnamed } => {
            let unnamed = unnamed.iter().map(|bits| format!("and {bits}"));
            let names = names.iter().map(|name| (*name).to_owned());
            format!("{hex}{}", wrapped(names.chain(unnamed)))
        }
        Value::Text { text, .. } => format!("\"{}\"", text.escape_debug()),
        Value::Bytes { hex } => bytes(hex),
        Value::Timestamp { ticks, utc } => format!("{utc} ({ticks})"),
        Value::Version {
            major,
            minor,
            build,
            revision,
        } => format!("{major}.{minor}.{build}, revision {revision}"),
        Value::Descriptor {
            length,
            maximum,
            offset,
        } => descriptor(*length, *maximum, *offset),
        Value::Header { tag, length, .. } => match length {
            Some(length) => format!("{tag}, {}", counted(*length, "byte")),
            None => format!("{tag}, no length"),
        },
        Value::Oid { oid, name } => match name {
            Some(name) => format!("{name} ({oid})"),
            None => oid.clone(),
        },
        Value::Enumerated { number, name } => match name {
            Some(name) => format!("{number} {name}"),
            None => number.to_string(),
        },
    }
}

fn wrapped(names: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    let mut column = FLAG_COLUMNS;
    for name in names {
        let wide = name.len().saturating_add(1);
        if column.saturating_add(wide) > FLAG_COLUMNS {
            out.push('\n');
            column = 0;
        } else {
            out.push(' ');
        }
        column = column.saturating_add(wide);
        out.push_str(&name);
    }
    out
}

fn bytes(hex: &str) -> String {
    let length = hex.len() / 2;
    match hex.get(..MOST_BYTES.saturating_mul(2)) {
        _ if hex.is_empty() => "(empty)".to_owned(),
        Some(start) if length > MOST_BYTES => format!("{start}… ({length} bytes)"),
        _ => hex.to_owned(),
    }
}

fn descriptor(length: u16, maximum: u16, offset: u32) -> String {
    let maximum = match maximum == length {
        true => String::new(),
        false => format!(", MaxLen {maximum}"),
    };
    let length = match length {
        0 => "empty,".to_owned(),
        length => counted(usize::from(length), "byte"),
    };
    format!("{length} at 0x{offset:x}{maximum}")
}
