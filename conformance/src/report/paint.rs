//! Colour, where it is wanted.

use clap::builder::styling::{AnsiColor, Style};

use crate::{check::Verdict, words::styled};

pub(super) const STRONG: Style = Style::new().bold();
pub(super) const QUIET: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Text with or without colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        styled(self.0, style, text)
    }

    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        let style = match verdict {
            Verdict::Pass => GOOD,
            Verdict::NotApplicable | Verdict::Unsupported => QUIET,
            Verdict::Warn | Verdict::HarnessFault => ODD,
            Verdict::Fail | Verdict::Hang | Verdict::Crash | Verdict::AdapterFault => BAD,
        };
        self.paint(style, text)
    }
}
