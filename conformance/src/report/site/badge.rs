//! A badge: a small drawing for the front page of a subject.

use askama::Template;

use super::{Subject, escape::plain, grouped};

/// Width of a character, and of the room at both ends of a half.
const CHARACTER: usize = 7;
const ROOM: usize = 12;

/// The drawing.
#[derive(Debug, Template)]
#[template(path = "badge.svg")]
pub(super) struct Badge {
    title: String,
    text: String,
    /// Widths of both halves.
    left: usize,
    right: usize,
    class: &'static str,
}

impl Badge {
    pub(super) fn new(subject: &Subject) -> Self {
        let (passed, decided) = subject.score();
        let text = format!("{} of {} pass", grouped(passed), grouped(decided));
        let (unexpected, known) = subject.unexpected_and_known();
        let class = match (unexpected, known.saturating_add(subject.withheld)) {
            (0, 0) if decided > 0 => "good",
            (0, _) => "known",
            _ => "unexpected",
        };
        Self {
            title: format!(
                "Legwork: {} passes {} of {} cases",
                plain(&subject.title),
                grouped(passed),
                grouped(decided)
            ),
            left: width("legwork"),
            right: width(&text),
            text,
            class,
        }
    }
}

fn width(text: &str) -> usize {
    text.chars()
        .count()
        .saturating_mul(CHARACTER)
        .saturating_add(ROOM)
}
