//! A bar on the standard error while a command runs, if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for so many things; it draws nothing where there is no terminal.
pub(crate) fn bar(length: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    let template = format!("{{bar:40}} {{pos}}/{{len}} {what}, {{elapsed}}  {{msg}}");
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
