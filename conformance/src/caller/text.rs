//! What a trace was judged to be, as text.

use std::{collections::BTreeSet, fmt::Write as _};

use super::Check;
use crate::{check::Verdict, rules_command::wrap, suite::Suite, words::counted};

/// The checks of a trace: those of broken rules with their lines, then these rules. Verbose: also the rules that are kept.
#[must_use]
pub fn text(suite: &Suite, file: &str, checks: &[Check], verbose: bool) -> String {
    let mut text = String::new();
    for check in checks.iter().filter(|check| verbose || check.is_broken()) {
        let line = format!("{file}:{}: {} {}", check.line, check.verdict.name(), check.rule);
        let _ = match check.is_broken() {
            true => writeln!(text, "{line}: {}", check.message),
            false => writeln!(text, "{line}"),
        };
    }
    let broken = checks.iter().filter(|check| check.is_broken());
    let broken: BTreeSet<&str> = broken.map(|check| check.rule).collect();
    for (id, entry) in broken.iter().filter_map(|rule| suite.rule(rule)) {
        let _ = writeln!(text, "\n{id} ({}; {})", entry.page, entry.rule.source.section);
        wrap(&mut text, &entry.rule.text, 2);
    }
    if !broken.is_empty() {
        text.push('\n');
    }
    let of = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let _ = writeln!(
        text,
        "{file}: {}, {} failed, {} warned",
        counted(checks.len(), "check"),
        of(Verdict::Fail),
        of(Verdict::Warn)
    );
    text
}
