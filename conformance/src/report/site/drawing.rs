//! The matrix as a drawing by itself, for pages that show pictures only.

use askama::Template;

use super::{
    escape::plain,
    matrix::{Head, Table},
};

/// Marks in a line of a cell, and the size of one in the drawing.
const COLUMNS: usize = 4;
const SIDE: usize = 16;

/// Width of a character, and heights of the heading, of the legend's lines and between cells.
const CHARACTER: usize = 8;
const TOP: usize = 52;
const GAP: usize = 12;

/// The drawing.
#[derive(Debug, Template)]
#[template(path = "matrix.svg")]
pub(super) struct Drawing {
    width: usize,
    height: usize,
    first: usize,
    heads: Vec<(usize, String)>,
    rows: Vec<(usize, String)>,
    marks: Vec<DrawnMark>,
    /// Where pairs stand that are withheld.
    withheld: Vec<(usize, usize)>,
    legend: usize,
    counts: String,
}

#[derive(Debug)]
struct DrawnMark {
    x: usize,
    y: usize,
    class: &'static str,
    sign: &'static str,
    title: String,
}

impl Drawing {
    pub(super) fn new(table: &Table) -> Self {
        let labels = |heads: &mut dyn Iterator<Item = &Head>| {
            let lengths = heads.map(|head| plain(&head.label).chars().count());
            lengths.max().unwrap_or(0).saturating_mul(CHARACTER)
        };
        let first = labels(&mut table.rows.iter().map(|row| &row.initiator)).saturating_add(GAP * 2);
        let marks_wide = COLUMNS * SIDE;
        let column = labels(&mut table.acceptors.iter())
            .max(marks_wide)
            .saturating_add(GAP);
        let lines = table.profiles.len().div_ceil(COLUMNS).max(1);
        let row_height = lines.saturating_mul(SIDE).saturating_add(GAP);
        let x = |place: usize| first.saturating_add(place.saturating_mul(column));
        let y = |place: usize| TOP.saturating_add(place.saturating_mul(row_height));
        let legend = y(table.rows.len()).saturating_add(GAP);
        Self {
            width: x(table.acceptors.len()).max(500).saturating_add(GAP),
            height: legend.saturating_add(46),
            first,
            heads: (0..)
                .zip(&table.acceptors)
                .map(|(at, head)| (x(at), plain(&head.label)))
                .collect(),
            rows: (0..)
                .zip(&table.rows)
                .map(|(at, row)| {
                    (
                        y(at).saturating_add(lines * SIDE / 2 + 4),
                        plain(&row.initiator.label),
                    )
                })
                .collect(),
            marks: drawn(table, x, y),
            withheld: withheld(table, x, y),
            legend,
            counts: table.counts.clone(),
        }
    }
}

fn drawn(table: &Table, x: impl Fn(usize) -> usize, y: impl Fn(usize) -> usize) -> Vec<DrawnMark> {
    let mut drawn = Vec::new();
    for (row, cells) in table.rows.iter().map(|row| &row.cells).enumerate() {
        for (column, marks) in cells.iter().enumerate() {
            for (place, mark) in marks.iter().flatten().enumerate() {
                drawn.push(DrawnMark {
                    x: x(column).saturating_add((place % COLUMNS) * SIDE),
                    y: y(row).saturating_add((place / COLUMNS) * SIDE),
                    class: mark.class,
                    sign: mark.sign,
                    title: format!("{}, {}: {}", mark.between, mark.profile, mark.ending),
                });
            }
        }
    }
    drawn
}

fn withheld(table: &Table, x: impl Fn(usize) -> usize, y: impl Fn(usize) -> usize) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for (row, cells) in table.rows.iter().map(|row| &row.cells).enumerate() {
        let closed = cells.iter().enumerate().filter(|(_, marks)| marks.is_none());
        places.extend(closed.map(|(column, _)| (x(column), y(row).saturating_add(SIDE))));
    }
    places
}
