//! Words and styles that everything written for people shares.

use clap::builder::styling::Style;

/// A number of things.
#[must_use]
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Text in a style, if colour is wanted.
pub(crate) fn styled(colour: bool, style: Style, text: &str) -> String {
    match colour {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    }
}
