//! Rules about shape: what lies where, how long, how it is spaced.

use super::source::SourceFile;
use super::{Finding, Rule};

const FILE_LIMIT: usize = 800;
const FUNCTION_LIMIT: usize = 80;

/// Entries of the top level; dotfiles and licences come on top.
const TOP_LEVEL: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "conformance",
    "engine",
    "fuzz",
    "vectors",
    "xtask",
];

/// Entries that git ignores.
const IGNORED: [&str; 2] = ["target", "legwork-"];

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "file-length",
            reason: "a long file hides that it holds two things; split it by concept",
            check: file_length,
        },
        Rule {
            name: "function-length",
            reason: "a function longer than a screen is not reviewed, it is believed; name its parts",
            check: function_length,
        },
        Rule {
            name: "trailing-space",
            reason: "invisible characters make noise in every later change",
            check: trailing_space,
        },
    ]
}

/// Report lines for entries of the top level that do not belong there.
pub(super) fn check_top_level(names: &[String]) -> Vec<String> {
    let strange: Vec<_> = names.iter().filter(|name| !is_expected(name)).collect();
    if strange.is_empty() {
        return Vec::new();
    }
    let mut report = vec![
        "top-level: the first page a newcomer sees lists the parts and nothing else; find a part for it"
            .to_owned(),
    ];
    report.extend(
        strange
            .iter()
            .map(|name| format!("  {name}:1: is not one of the entries of the top level")),
    );
    report
}

fn is_expected(name: &str) -> bool {
    TOP_LEVEL.contains(&name)
        || name.starts_with('.')
        || name.starts_with("LICENSE")
        || IGNORED.iter().any(|ignored| name.starts_with(ignored))
}

fn file_length(file: &SourceFile) -> Vec<Finding> {
    let lines = file.text.lines().count();
    if !file.is_rust() || lines <= FILE_LIMIT {
        return Vec::new();
    }
    vec![Finding::new(
        lines,
        format!("the file has {lines} lines, more than {FILE_LIMIT}"),
    )]
}

fn function_length(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in file.code.match_indices("fn ") {
        let before = file.code.get(..at).unwrap_or_default();
        let from = file.code.get(at..).unwrap_or_default();
        let part_of_a_name =
            before.ends_with(|character: char| character.is_alphanumeric() || character == '_');
        let lines = function_lines(from);
        if !part_of_a_name && lines > FUNCTION_LIMIT {
            let line = before.matches('\n').count().saturating_add(1);
            findings.push(Finding::new(
                line,
                format!("the function has {lines} lines, more than {FUNCTION_LIMIT}"),
            ));
        }
    }
    findings
}

/// Lines from the keyword to the brace that closes the body; 0 for a declaration without one.
fn function_lines(from: &str) -> usize {
    let mut nested: usize = 0;
    let mut braces: usize = 0;
    let mut lines: usize = 1;
    for character in from.chars() {
        match character {
            '\n' => lines = lines.saturating_add(1),
            '(' | '[' => nested = nested.saturating_add(1),
            ')' | ']' => nested = nested.saturating_sub(1),
            ';' if nested == 0 && braces == 0 => return 0,
            '{' => braces = braces.saturating_add(1),
            '}' if braces <= 1 => return lines,
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    lines
}

fn trailing_space(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let number = index.saturating_add(1);
        if line.ends_with([' ', '\t']) {
            findings.push(Finding::new(number, "the line ends in a blank"));
        } else if file.is_rust() && line.contains('\t') {
            findings.push(Finding::new(number, "the line holds a tab"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(Finding::new(
            file.text.lines().count(),
            "the last line has no end",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn top_level_names_strangers_only() {
        let names = [
            "Cargo.toml",
            ".ci",
            "LICENSE-MIT",
            "target",
            "legwork-repro",
            "xtask",
            "notes.txt",
        ];
        let report = check_top_level(&names.map(str::to_owned));
        assert_eq!(report.len(), 2);
        assert!(report[1].starts_with("  notes.txt:1: "));
    }

    #[test]
    fn file_length_fires_above_the_limit() {
        assert!(findings("file-length", "a.rs", &"\n".repeat(FILE_LIMIT)).is_empty());
        assert_eq!(
            findings("file-length", "a.rs", &"\n".repeat(FILE_LIMIT + 1)).len(),
            1
        );
        assert!(findings("file-length", "a.md", &"\n".repeat(FILE_LIMIT + 1)).is_empty());
    }

    #[test]
    fn function_length_fires_above_the_limit() {
        let body = |lines: usize| {
            format!(
                "x\nfn f(a: [u8; 2]) {{\n{}}}\n\nfn g() {{}}\n",
                "    if a { b('}') }\n".repeat(lines)
            )
        };
        assert!(findings("function-length", "a.rs", &body(FUNCTION_LIMIT - 2)).is_empty());
        let found = findings("function-length", "a.rs", &body(FUNCTION_LIMIT - 1));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
    }

    #[test]
    fn function_length_ignores_declarations() {
        let text = format!(
            "trait T {{\n    fn f(&self) -> [u8; 4];\n{}}}\n",
            "\n".repeat(100)
        );
        assert!(findings("function-length", "a.rs", &text).is_empty());
    }

    #[test]
    fn trailing_space_fires_on_blanks_tabs_and_a_missing_end() {
        let lines = |text| {
            findings("trailing-space", "a.rs", text)
                .iter()
                .map(|found| found.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("a\nb \nc\t\n\td\n"), [2, 3, 4]);
        assert_eq!(lines("a\nb"), [2]);
        assert!(lines("a\nb\n").is_empty());
    }
}
