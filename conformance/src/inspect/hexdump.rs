//! Bytes in hex, sixteen a line, with the ranges that matter marked underneath.

use std::{fmt::Write as _, ops::Range};

/// Bytes in a line.
const WIDTH: usize = 16;

/// Lines without a mark that are shown beside one with a mark.
const CONTEXT: usize = 2;

/// Bytes up to which every line is shown.
const SHORT: usize = 256;

/// The bytes in hex and as text. Under each line stand the marks of the ranges that touch it, with the label at the
/// first line of a range. Ranges are cut at the end of the bytes; an empty one marks the byte it stands before. In
/// long tokens, lines far from every mark are left out.
#[must_use]
pub fn annotated_hex(bytes: &[u8], marks: &[(Range<usize>, impl AsRef<str>)]) -> String {
    let marks: Vec<(Range<usize>, &str)> = marks
        .iter()
        .map(|(range, label)| (cut(range, bytes.len()), label.as_ref()))
        .collect();
    let last = marks
        .iter()
        .map(|(range, _)| range.start / WIDTH)
        .max()
        .unwrap_or(0);
    let lines = bytes.len().div_ceil(WIDTH).max(last.saturating_add(1));
    let touching = by_line(&marks, lines);
    let complete = bytes.len() <= SHORT || marks.is_empty();
    let digits = format!("{:x}", bytes.len()).len().max(4);
    let mut out = String::new();
    let mut skipping = false;
    for (line, touched) in touching.iter().enumerate() {
        if !complete && !is_near(line, &touching) {
            if !skipping {
                out.push_str("…\n");
            }
            skipping = true;
            continue;
        }
        skipping = false;
        write_line(&mut out, line, digits, bytes);
        for (range, label) in touched {
            write_mark(&mut out, line, digits, range, label);
        }
    }
    out
}

/// The marks that touch each line.
fn by_line<'m>(marks: &[(Range<usize>, &'m str)], lines: usize) -> Vec<Vec<(Range<usize>, &'m str)>> {
    let mut touching = vec![Vec::new(); lines];
    for (range, label) in marks {
        for line in touching.get_mut(touched(range)).into_iter().flatten() {
            line.push((range.clone(), *label));
        }
    }
    touching
}

fn cut(range: &Range<usize>, length: usize) -> Range<usize> {
    let start = range.start.min(length);
    start..range.end.min(length).max(start)
}

/// The lines that a range touches; an empty one touches the line of its offset.
fn touched(range: &Range<usize>) -> Range<usize> {
    let end = range.end.max(range.start.saturating_add(1));
    range.start / WIDTH..end.div_ceil(WIDTH)
}

/// Whether a mark touches a line or one close to it.
fn is_near<T>(line: usize, touching: &[Vec<T>]) -> bool {
    let end = line.saturating_add(CONTEXT).saturating_add(1).min(touching.len());
    let close = touching.get(line.saturating_sub(CONTEXT)..end);
    close.unwrap_or_default().iter().any(|marks| !marks.is_empty())
}

/// Column of a byte of a line: after eight bytes there is a wider gap.
fn column(place: usize) -> usize {
    place.saturating_mul(3).saturating_add(place / 8)
}

fn write_line(out: &mut String, line: usize, digits: usize, bytes: &[u8]) {
    let start = line.saturating_mul(WIDTH);
    let chunk = bytes.chunks(WIDTH).nth(line).unwrap_or_default();
    let mut text = format!("{start:0digits$x}  ");
    for (place, byte) in chunk.iter().enumerate() {
        let gap = if place == 8 { " " } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{gap}{byte:02x} ");
    }
    let shown: String = chunk.iter().map(|byte| printable(*byte)).collect();
    let width = digits.saturating_add(2).saturating_add(column(WIDTH));
    out.push_str(format!("{text:width$} {shown}").trim_end());
    out.push('\n');
}

fn printable(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    }
}

fn write_mark(out: &mut String, line: usize, digits: usize, range: &Range<usize>, label: &str) {
    let first = line.saturating_mul(WIDTH);
    let from = range.start.saturating_sub(first);
    let to = range.end.saturating_sub(first).min(WIDTH);
    let start = column(from);
    let (mark, length) = match range.is_empty() {
        true => ("|", 1),
        false => (
            "^",
            column(to.saturating_sub(1))
                .saturating_add(2)
                .saturating_sub(start),
        ),
    };
    let indent = digits.saturating_add(2).saturating_add(start);
    let label = if line == range.start / WIDTH { label } else { "" };
    out.push_str(format!("{:indent$}{} {label}", "", mark.repeat(length)).trim_end());
    out.push('\n');
}
