//! What `legwork adapter check` says.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    protocol::Hello,
    words::{counted, styled},
};

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Worth a look; may be right.
    Warn,
    /// The adapter has to be mended.
    Fail,
    /// There is nothing that it could be tried on.
    NotApplicable,
}

impl Verdict {
    pub(super) fn asks_for_work(self) -> bool {
        matches!(self, Self::Warn | Self::Fail)
    }

    fn label(self) -> (&'static str, Style) {
        match self {
            Self::Pass => ("pass", AnsiColor::Green.on_default()),
            Self::Warn => ("WARN", AnsiColor::Yellow.on_default()),
            Self::Fail => ("FAIL", AnsiColor::Red.on_default()),
            Self::NotApplicable => ("n/a ", Style::new()),
        }
    }
}

/// One probe and what was seen.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Name of the probe.
    pub probe: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What was seen.
    pub text: String,
    /// What to do, if something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'static str>,
}

/// All that was seen of an adapter.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Whether no probe failed.
    pub good: bool,
    /// What the adapter says of itself: name and version.
    pub subject: String,
    /// The packages and roles that it drives.
    pub drives: Vec<String>,
    /// Every probe.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(hello: &Hello, findings: Vec<Finding>) -> Self {
        Self {
            good: findings.iter().all(|finding| finding.verdict != Verdict::Fail),
            subject: format!("{} {}", hello.name, hello.version),
            drives: hello
                .drives
                .iter()
                .map(|drive| format!("{} {}", drive.package, drive.role.name()))
                .collect(),
            findings,
        }
    }

    pub(super) fn not_started(message: &str) -> Self {
        let finding = Finding {
            probe: "hello",
            verdict: Verdict::Fail,
            text: message.to_owned(),
            advice: Some(
                "the first line of the adapter answers `hello`; start it by hand and type \
                 {\"seq\":1,\"op\":\"hello\",\"protocol\":1}",
            ),
        };
        Self {
            good: false,
            subject: String::new(),
            drives: Vec::new(),
            findings: vec![finding],
        }
    }

    /// The report for people.
    #[must_use]
    pub fn text(&self, colour: bool) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        if !self.subject.is_empty() {
            let drives = match self.drives.as_slice() {
                [] => "nothing yet".to_owned(),
                drives => drives.join(", "),
            };
            let _ = writeln!(text, "{} drives {drives}\n", self.subject);
        }
        for finding in &self.findings {
            let (label, style) = finding.verdict.label();
            let label = styled(colour, style, label);
            let _ = writeln!(text, "{label}  {:16} {}", finding.probe, finding.text);
            if let Some(advice) = finding.advice {
                let _ = writeln!(text, "{:22} do: {advice}", "");
            }
        }
        let count = |verdict| {
            let found = self.findings.iter().filter(|finding| finding.verdict == verdict);
            found.count()
        };
        let _ = writeln!(
            text,
            "\n{}: {} passed, {} failed, {}, {} not applicable",
            counted(self.findings.len(), "probe"),
            count(Verdict::Pass),
            count(Verdict::Fail),
            counted(count(Verdict::Warn), "warning"),
            count(Verdict::NotApplicable),
        );
        text
    }
}
