//! Rules about what is written, anywhere in the tree.

use super::source::SourceFile;
use super::{Finding, Rule, paths};

/// Most hex digits in a row that a string literal may hold.
const HEX_LIMIT: usize = 32;

/// Most bytes that an array literal may hold.
const ARRAY_LIMIT: usize = 24;

/// The one file of the harness that knows the YAML reader.
const YAML_FILE: &str = "conformance/src/yaml.rs";

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "golden-bytes",
            reason: "known answers live in vectors/, with their source, where other projects can use them",
            check: golden_bytes,
        },
        Rule {
            name: "unfinished",
            reason: "what is not done belongs in the issue tracker, where somebody looks",
            check: unfinished,
        },
        Rule {
            name: "machine-path",
            reason: "a path of one machine works on that machine",
            check: machine_path,
        },
        Rule {
            name: "yaml-behind-one-module",
            reason: "the YAML reader is no longer developed; replacing it must touch one file",
            check: yaml_behind_one_module,
        },
        Rule {
            name: "checks-recompute",
            reason: "an expected value taken from the code that is judged proves nothing; checks may use codec and crypto only",
            check: checks_recompute,
        },
    ]
}

fn golden_bytes(file: &SourceFile) -> Vec<Finding> {
    if file.path.starts_with("vectors/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for literal in &file.literals {
        let longest = literal
            .text
            .split(|character: char| !character.is_ascii_hexdigit())
            .map(str::len)
            .max();
        if longest.is_some_and(|length| length > HEX_LIMIT) {
            findings.push(Finding::new(
                literal.line,
                format!("a literal of more than {HEX_LIMIT} hex digits"),
            ));
        }
    }
    for (at, _) in file.code.match_indices('[') {
        let inner = file.code.get(at..).unwrap_or_default().trim_start_matches('[');
        let inner = inner.split([']', '[', '{', ';']).next().unwrap_or_default();
        let items: Vec<&str> = inner
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect();
        if items.len() > ARRAY_LIMIT && items.iter().all(|item| is_byte(item)) {
            let line = file
                .code
                .get(..at)
                .unwrap_or_default()
                .matches('\n')
                .count()
                .saturating_add(1);
            findings.push(Finding::new(
                line,
                format!("an array literal of more than {ARRAY_LIMIT} bytes"),
            ));
        }
    }
    findings
}

/// Whether an item of an array is a number; of a byte character only its prefix is left here.
fn is_byte(item: &str) -> bool {
    item == "b" || item.starts_with(|character: char| character.is_ascii_digit())
}

fn unfinished(file: &SourceFile) -> Vec<Finding> {
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut findings = Vec::new();
    let prose = if file.is_rust() {
        &file.comments
    } else {
        &file.text
    };
    for (index, line) in prose.lines().enumerate() {
        let mut words = line.split(|character: char| !character.is_alphanumeric() && character != '_');
        if words.any(|word| notes.contains(&word)) {
            findings.push(Finding::new(
                index.saturating_add(1),
                "a note that something is missing",
            ));
        }
    }
    for (index, line) in file.code.lines().enumerate() {
        for mark in ["todo!", "unimplemented!", "#[ignore"] {
            if line.contains(mark) {
                findings.push(Finding::new(
                    index.saturating_add(1),
                    format!("{mark} in the code"),
                ));
            }
        }
    }
    findings
}

fn machine_path(file: &SourceFile) -> Vec<Finding> {
    let starts = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("C:", "\\Us", "ers"),
    ];
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for start in starts {
            if line
                .match_indices(start)
                .any(|(at, _)| begins_a_path(line.get(..at).unwrap_or_default()))
            {
                findings.push(Finding::new(
                    index.saturating_add(1),
                    format!("a path below {start}"),
                ));
            }
        }
    }
    findings
}

/// Whether a path can begin after this text; inside an address or a longer path it cannot.
fn begins_a_path(before: &str) -> bool {
    !before.ends_with(|character: char| character.is_alphanumeric() || "._-~)}>".contains(character))
}

fn yaml_behind_one_module(file: &SourceFile) -> Vec<Finding> {
    if !file.path.starts_with("conformance/src/") || file.path == YAML_FILE {
        return Vec::new();
    }
    let lines = file
        .code
        .lines()
        .enumerate()
        .filter(|(_, line)| has_word(line, "serde_yaml"));
    lines
        .map(|(index, _)| Finding::new(index.saturating_add(1), format!("only {YAML_FILE} names it")))
        .collect()
}

/// Whether a line of code holds a whole name.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|found| found == word)
}

fn checks_recompute(file: &SourceFile) -> Vec<Finding> {
    if !file.path.starts_with("conformance/src/check/") && file.path != "conformance/src/check.rs" {
        return Vec::new();
    }
    let named = paths::beginning_with("legwork_engine", &file.code);
    named
        .into_iter()
        .filter(|path| is_judged(&path.segments))
        .map(|path| Finding::new(path.line, format!("a check names {}", path.segments.join("::"))))
        .collect()
}

/// Whether a path of the engine is behaviour, which checks judge, or a glob that may bring it in.
fn is_judged(segments: &[String]) -> bool {
    let names: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    matches!(
        names.as_slice(),
        [] | ["*" | "call" | "context" | "session", ..] | [_, "*" | "initiator" | "acceptor", ..]
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn golden_bytes_fires_on_long_hex_and_long_arrays() {
        let hex = |digits: usize| format!("let a = \"{}\";\n", "0f".repeat(digits / 2));
        assert!(findings("golden-bytes", "engine/src/a.rs", &hex(HEX_LIMIT)).is_empty());
        assert_eq!(
            findings("golden-bytes", "engine/src/a.rs", &hex(HEX_LIMIT + 2)).len(),
            1
        );
        let array = |items: usize| format!("\nlet a = [{}];\n", "0x0f, b'a', 7,\n".repeat(items / 3));
        assert!(findings("golden-bytes", "engine/src/a.rs", &array(ARRAY_LIMIT)).is_empty());
        assert_eq!(
            findings("golden-bytes", "fuzz/src/a.rs", &array(ARRAY_LIMIT + 3))[0].line,
            2
        );
        assert!(findings("golden-bytes", "vectors/src/a.rs", &hex(HEX_LIMIT + 2)).is_empty());
    }

    #[test]
    fn golden_bytes_leaves_words_and_repetitions_alone() {
        let text =
            "let a = [0u8; 64]; let b = \"session key to client-to-server signing key magic constant\";\n";
        assert!(findings("golden-bytes", "engine/src/a.rs", text).is_empty());
    }

    #[test]
    fn unfinished_fires_on_notes_and_macros() {
        let note = concat!("TO", "DO");
        assert_eq!(
            findings("unfinished", "a.rs", &format!("// {note}: later\n")).len(),
            1
        );
        assert_eq!(findings("unfinished", "a.md", &format!("a\n{note}\n"))[0].line, 2);
        assert_eq!(
            findings("unfinished", "a.rs", concat!("fn f() { to", "do!() }\n")).len(),
            1
        );
        assert_eq!(
            findings("unfinished", "a.rs", concat!("fn f() { unimple", "mented!() }\n")).len(),
            1
        );
        assert_eq!(
            findings("unfinished", "a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n")[0].line,
            2
        );
        assert!(
            findings(
                "unfinished",
                "a.rs",
                &format!("let a = \"{note}\"; // todo list\n")
            )
            .is_empty()
        );
    }

    #[test]
    fn machine_path_fires_on_paths_and_not_on_addresses() {
        let folder = concat!("/ho", "me/");
        assert_eq!(
            findings("machine-path", "a.md", &format!("see {folder}me\n")).len(),
            1
        );
        assert_eq!(
            findings("machine-path", "a.yaml", &format!("a\npath: \"{folder}me\"\n"))[0].line,
            2
        );
        assert!(
            findings(
                "machine-path",
                "a.md",
                &format!("https://example.test{folder}me\n")
            )
            .is_empty()
        );
    }

    #[test]
    fn yaml_behind_one_module_fires_elsewhere() {
        let text = "// serde_yaml\nuse serde_yaml::Value;\n";
        assert_eq!(
            findings("yaml-behind-one-module", "conformance/src/rule.rs", text)[0].line,
            2
        );
        assert!(findings("yaml-behind-one-module", YAML_FILE, text).is_empty());
    }

    #[test]
    fn checks_recompute_fires_on_behaviour_and_globs() {
        let bad = [
            "use legwork_engine::ntlm::initiator::Start;",
            "use legwork_engine::ntlm::{keys, acceptor};",
            "use legwork_engine::{call, codec};",
            "use legwork_engine::context::Initiator;",
            "let s = legwork_engine::session::Session::new();",
            "use legwork_engine::*;",
            "use legwork_engine::ntlm::*;",
        ];
        for text in bad {
            let found = findings(
                "checks-recompute",
                "conformance/src/check/mic.rs",
                &format!("{text}\n"),
            );
            assert_eq!(found.len(), 1, "{text}");
            assert!(findings("checks-recompute", "conformance/src/run.rs", text).is_empty());
        }
    }

    #[test]
    fn checks_recompute_allows_codec_crypto_messages_and_keys() {
        let text = "use legwork_engine::{codec, crypto, flags::InitRequirements, ntlm::{keys, messages::Challenge}};\n";
        assert!(findings("checks-recompute", "conformance/src/check/mic.rs", text).is_empty());
    }
}
