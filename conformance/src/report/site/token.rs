//! A token on a page: its bytes in hex, each with the field that it belongs to, and the fields in a table.

use std::ops::Range;

use crate::{
    inspect::{
        self, Kind,
        diff::{self, Difference},
        model::Node,
        text,
    },
    words::counted,
};

use super::escape::plain;

/// Bytes in a line, so that a line fits a phone.
const WIDTH: usize = 8;

/// Bytes up to which a token is shown whole.
const WHOLE: usize = 1024;

/// Bytes of a longer one that are shown at its beginning, and before and behind a mark.
const BEGINNING: usize = 256;
const AROUND: usize = 64;

/// Fields that are listed.
const FIELDS: usize = 160;

/// Characters of a value in the text that appears over its bytes.
const HINT: usize = 60;

/// A token with everything that a page shows of it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// What its fields are called in ids of the page.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    pub(super) fields: Vec<Field>,
    /// Fields that are not listed.
    pub(super) more: usize,
}

/// A line of bytes, or none: some are left out.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) offset: String,
    pub(super) runs: Vec<Run>,
    pub(super) text: String,
}

/// Bytes of a line that belong to one field.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) hex: String,
    /// Number of the field.
    pub(super) field: Option<usize>,
    /// Whether the field begins here, or in what was left out before.
    pub(super) is_first: bool,
    pub(super) is_marked: bool,
    pub(super) hint: String,
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) number: usize,
    pub(super) depth: usize,
    pub(super) range: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) remarks: Vec<String>,
    pub(super) is_marked: bool,
    span: Range<usize>,
    /// Whether its parts are not listed, so that its bytes are its own.
    is_leaf: bool,
}

impl Token {
    pub(super) fn new(id: &str, kind: Kind, bytes: &[u8], marks: &[Range<usize>]) -> Self {
        let inspection = inspect::inspect_as(kind, bytes);
        let mut fields = Vec::new();
        for child in text::visible(&inspection.tree) {
            collect(&mut fields, child, 0, marks);
        }
        let title = format!("{}, {}", kind.structure(), counted(bytes.len(), "byte"));
        let lines = lines(bytes, &fields, marks);
        let more = fields.len().saturating_sub(FIELDS);
        fields.truncate(FIELDS);
        let listed = |run: &mut Run| run.field = run.field.filter(|number| *number <= FIELDS);
        let mut token = Self {
            id: id.to_owned(),
            title,
            lines,
            fields,
            more,
        };
        token
            .lines
            .iter_mut()
            .flat_map(|line| &mut line.runs)
            .for_each(listed);
        token
    }
}

/// What a message is called in a drawing.
pub(super) fn short_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Negotiate => "NEGOTIATE",
        Kind::Challenge => "CHALLENGE",
        Kind::Authenticate => "AUTHENTICATE",
        Kind::Signature => "signature",
        Kind::NegTokenInit | Kind::NegTokenInit2 => "NegTokenInit",
        Kind::NegTokenResp => "NegTokenResp",
        _ => "token",
    }
}

fn collect(fields: &mut Vec<Field>, node: &Node, depth: usize, marks: &[Range<usize>]) {
    let children = text::visible(node);
    let span = node.span.range();
    let errors = node
        .errors
        .iter()
        .map(|error| format!("refused: {} at byte {}", error.message, error.offset));
    let warnings = node.warnings.iter().map(|warning| warning.text.clone());
    fields.push(Field {
        number: fields.len().saturating_add(1),
        depth: depth.min(4),
        range: format!("{:04x}–{:04x}", span.start, span.end),
        name: node.name.clone(),
        value: node.value.as_ref().map(text::show).unwrap_or_default(),
        remarks: errors.chain(warnings).collect(),
        is_marked: children.is_empty() && marks.iter().any(|mark| touches(mark, &span)),
        span,
        is_leaf: children.is_empty(),
    });
    for child in children {
        collect(fields, child, depth.saturating_add(1), marks);
    }
}

fn touches(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn lines(bytes: &[u8], fields: &[Field], marks: &[Range<usize>]) -> Vec<Line> {
    let owners = owners(bytes.len(), fields);
    let mut lines = Vec::new();
    let mut seen = 0;
    let mut skipping = false;
    for (number, chunk) in bytes.chunks(WIDTH).enumerate() {
        let start = number.saturating_mul(WIDTH);
        if !is_shown(start, bytes.len(), marks) {
            if !skipping {
                lines.push(left_out());
            }
            skipping = true;
            continue;
        }
        skipping = false;
        let owned = owners.get(start..).unwrap_or_default();
        lines.push(Line {
            offset: format!("{start:04x}"),
            runs: runs(start, chunk, owned, marks, fields, &mut seen),
            text: chunk.iter().map(|byte| printable(*byte)).collect(),
        });
    }
    lines
}

fn left_out() -> Line {
    Line {
        offset: "…".to_owned(),
        runs: Vec::new(),
        text: String::new(),
    }
}

fn is_shown(start: usize, length: usize, marks: &[Range<usize>]) -> bool {
    let end = start.saturating_add(WIDTH);
    let near = |mark: &Range<usize>| {
        let from = mark.start.saturating_sub(AROUND);
        let begun = mark.start.saturating_add(BEGINNING);
        let to = mark.end.min(begun).saturating_add(AROUND);
        touches(&(start..end), &(from..to))
    };
    length <= WHOLE || start < BEGINNING || marks.iter().any(near)
}

/// The innermost field of each byte. Later fields stand inside earlier ones, or where they overlap them.
fn owners(length: usize, fields: &[Field]) -> Vec<Option<usize>> {
    let mut owners = vec![None; length];
    for field in fields.iter().filter(|field| field.is_leaf) {
        let owned = owners.get_mut(field.span.start..field.span.end.min(length));
        owned
            .into_iter()
            .flatten()
            .for_each(|owner| *owner = Some(field.number));
    }
    owners
}

/// The bytes of a line by field and mark.
fn runs(
    start: usize,
    chunk: &[u8],
    owners: &[Option<usize>],
    marks: &[Range<usize>],
    fields: &[Field],
    seen: &mut usize,
) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, byte) in chunk.iter().enumerate() {
        let at = start.saturating_add(place);
        let field = owners.get(place).copied().flatten();
        let is_marked = marks.iter().any(|mark| mark.contains(&at));
        match runs
            .last_mut()
            .filter(|run| run.field == field && run.is_marked == is_marked)
        {
            Some(run) => run.hex.push_str(&format!(" {byte:02x}")),
            None => {
                let is_first = field.is_some_and(|number| number > *seen);
                *seen = field.unwrap_or(0).max(*seen);
                runs.push(Run {
                    hex: format!("{byte:02x}"),
                    hint: field
                        .and_then(|number| fields.get(number.checked_sub(1)?))
                        .map(hint)
                        .unwrap_or_default(),
                    field,
                    is_first,
                    is_marked,
                });
            }
        }
    }
    runs
}

fn hint(field: &Field) -> String {
    let value = field.value.lines().next().unwrap_or_default();
    let short: String = value.chars().take(HINT).collect();
    match short.is_empty() {
        true => field.name.clone(),
        false => format!("{}: {short}", field.name),
    }
}

fn printable(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }
}

/// What differs between two tokens.
#[derive(Clone, Debug)]
pub(super) struct Diff {
    pub(super) title: String,
    /// What the two columns are of.
    pub(super) left: &'static str,
    pub(super) right: &'static str,
    pub(super) rows: Vec<Row>,
}

/// A field that differs.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) field: String,
    pub(super) left: String,
    pub(super) right: String,
}

impl Diff {
    /// The fields that differ; of the second token only those that touch the marks, unless there are none.
    pub(super) fn new(
        title: &str,
        sides: (&'static str, &'static str),
        kind: Kind,
        tokens: (&[u8], &[u8]),
        marks: &[Range<usize>],
    ) -> Option<Self> {
        let differences = diff::differences(kind, tokens.0, tokens.1);
        let is_meant = |difference: &&Difference| {
            let at = |side: &diff::Side| marks.iter().any(|mark| touches(mark, &side.span.range()));
            marks.is_empty() || difference.actual.as_ref().is_some_and(at)
        };
        let rows: Vec<Row> = differences
            .iter()
            .filter(is_meant)
            .take(FIELDS)
            .map(row)
            .collect();
        (!rows.is_empty()).then(|| Self {
            title: title.to_owned(),
            left: sides.0,
            right: sides.1,
            rows,
        })
    }
}

fn row(difference: &Difference) -> Row {
    let shown = |side: &Option<diff::Side>| match side {
        Some(side) => side.shown.clone(),
        None => "absent".to_owned(),
    };
    let (mut left, mut right) = (shown(&difference.expected), shown(&difference.actual));
    if let Some((only_left, only_right)) = difference.flags() {
        for (text, names) in [(&mut left, only_left), (&mut right, only_right)] {
            text.truncate(text.find('\n').unwrap_or(text.len()));
            text.push_str(&format!("\n{}", names.join(" ")));
        }
    }
    Row {
        field: plain(&difference.field),
        left,
        right,
    }
}
