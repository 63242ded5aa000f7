//! Rules about the engine: layers, no world of its own, documented modules.

use super::content::has_word;
use super::source::SourceFile;
use super::{Finding, Rule, paths};

/// Modules at the top of the engine by layer; a module may name its own layer and lower ones.
///
/// Packages are not in the table: their parts are `messages` 30, `keys` 40, everything else 50.
const LAYERS: [(&str, u8); 16] = [
    ("status", 0),
    ("flags", 0),
    ("buffer", 0),
    ("package", 0),
    ("error", 10),
    ("sabotage", 15),
    ("codec", 20),
    ("crypto", 20),
    ("environment", 25),
    ("turn", 45),
    ("session", 55),
    ("mechanism", 55),
    ("negotiate", 60),
    ("credssp", 70),
    ("context", 80),
    ("call", 90),
];

/// Packages that stand on nothing but the lower layers.
const PACKAGES: [&str; 4] = ["ntlm", "kerberos", "digest", "schannel"];

/// Packages that stand on other packages; their parts are layered like those of the others.
const COMPOSED_PACKAGES: [&str; 2] = ["negotiate", "credssp"];

/// Parts of the standard library that look at the world.
const WORLD: [&str; 7] = ["time", "net", "fs", "env", "process", "thread", "io"];

/// Crates that look at the world.
const WORLD_CRATES: [&str; 3] = ["rand", "getrandom", "rand_core"];

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "engine-module-docs",
            reason: "a reader enters a file through its first paragraph",
            check: module_docs,
        },
        Rule {
            name: "engine-no-unsafe",
            reason: "the engine reads what strangers send; the compiler's guarantees are the first line of defence",
            check: no_unsafe,
        },
        Rule {
            name: "engine-no-world",
            reason: "clock, randomness, files and sockets come from the environment: same environment, same bytes",
            check: no_world,
        },
        Rule {
            name: "engine-layers",
            reason: "a lower layer can be read, tested and fuzzed by itself only as long as it names no higher one",
            check: layers,
        },
        Rule {
            name: "engine-messages-know-bytes",
            reason: "a token parser without state, randomness or keys can be called and fuzzed by itself",
            check: messages_know_bytes,
        },
    ]
}

/// Files without a layer: the root, and macros, whose paths are resolved where they are used.
const WITHOUT_LAYER: [&str; 2] = ["lib", "macros"];

/// Module path of an engine source file; nothing for other files and for those without a layer.
fn module(file: &SourceFile) -> Option<Vec<String>> {
    let inner = file.path.strip_prefix("engine/src/")?.strip_suffix(".rs")?;
    let mut names: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    let first = names.first()?;
    (!WITHOUT_LAYER.contains(&first.as_str()) && names.last().is_some_and(|name| name != "tests"))
        .then_some(names)
}

/// Layer of a path below the engine's root; nothing if the table does not know it.
fn layer(names: &[&str]) -> Option<u8> {
    let (first, inner) = names.split_first()?;
    let composed = COMPOSED_PACKAGES.contains(first);
    if composed || PACKAGES.contains(first) {
        match inner.first() {
            Some(&"messages") => return Some(30),
            Some(&"keys") => return Some(40),
            _ if !composed => return Some(50),
            _ => {}
        }
    }
    LAYERS
        .iter()
        .find(|(name, _)| name == first)
        .map(|(_, layer)| *layer)
}

/// Paths that a file names, from the engine's root, with the line; unit tests are left out.
fn named(file: &SourceFile, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let code = file.code_without_tests();
    let mut found: Vec<_> = paths::beginning_with("crate", code)
        .into_iter()
        .map(|path| (path.line, path.segments.into_iter().skip(1).collect::<Vec<_>>()))
        .collect();
    let inside = |name: &str, depth: usize| {
        paths::beginning_with(name, code)
            .into_iter()
            .map(move |path| (path.line, depth, path.segments))
    };
    let own = inside("self", module.len()).map(|(line, depth, names)| (line, depth, names, 1));
    let upward = inside("super", module.len()).map(|(line, depth, names)| {
        let climbs = names.iter().take_while(|name| *name == "super").count();
        (line, depth.saturating_sub(climbs), names, climbs)
    });
    for (line, depth, names, skipped) in own.chain(upward) {
        let mut path: Vec<String> = module.iter().take(depth).cloned().collect();
        path.extend(names.into_iter().skip(skipped));
        found.push((line, path));
    }
    found
}

fn layers(file: &SourceFile) -> Vec<Finding> {
    let Some(module) = module(file) else {
        return Vec::new();
    };
    let own_names: Vec<&str> = module.iter().map(String::as_str).collect();
    let Some(own) = layer(&own_names) else {
        return vec![Finding::new(
            1,
            "the table of layers in xtask/src/tidy/engine.rs does not know this module",
        )];
    };
    let mut findings = Vec::new();
    for (line, path) in named(file, &module) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Some(used) = layer(&names)
            && used > own
        {
            let message = format!(
                "{} (layer {own}) names {} (layer {used})",
                module.join("::"),
                path.join("::")
            );
            findings.push(Finding::new(line, message));
        }
    }
    findings
}

fn messages_know_bytes(file: &SourceFile) -> Vec<Finding> {
    let Some(module) = module(file).filter(|module| module.get(1).is_some_and(|part| part == "messages"))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (line, path) in named(file, &module) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if matches!(names.as_slice(), ["environment" | "crypto", ..] | [_, "keys", ..]) {
            findings.push(Finding::new(line, format!("a message names {}", path.join("::"))));
        }
    }
    findings
}

fn module_docs(file: &SourceFile) -> Vec<Finding> {
    if !(file.path.starts_with("engine/src/") && file.is_rust()) {
        return Vec::new();
    }
    let first = file
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    if first.starts_with("//!") || first.starts_with("#![doc") {
        return Vec::new();
    }
    vec![Finding::new(1, "the file does not begin with //!")]
}

fn no_unsafe(file: &SourceFile) -> Vec<Finding> {
    if !file.path.starts_with("engine/") {
        return Vec::new();
    }
    let lines = file
        .code
        .lines()
        .enumerate()
        .filter(|(_, line)| has_word(line, "unsafe"));
    lines
        .map(|(index, _)| Finding::new(index.saturating_add(1), "unsafe in the engine"))
        .collect()
}

fn no_world(file: &SourceFile) -> Vec<Finding> {
    if !file.path.starts_with("engine/src/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for path in paths::beginning_with("std", &file.code) {
        if path
            .segments
            .get(1)
            .is_some_and(|part| WORLD.contains(&part.as_str()))
        {
            findings.push(Finding::new(
                path.line,
                format!("the engine names {}", path.segments.join("::")),
            ));
        }
    }
    for name in WORLD_CRATES {
        for path in paths::beginning_with(name, &file.code) {
            findings.push(Finding::new(
                path.line,
                format!("the engine names {}", path.segments.join("::")),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;

    fn count(rule: &str, path: &str, text: &str) -> usize {
        findings(rule, path, text).len()
    }

    #[test]
    fn layers_fires_on_an_import_from_above() {
        let bad = [
            ("status.rs", "use crate::error::Error;"),
            ("buffer.rs", "fn f() { crate::codec::g() }"),
            ("codec/reader.rs", "use crate::ntlm::messages::Negotiate;"),
            ("ntlm/messages/negotiate.rs", "use crate::ntlm::keys;"),
            (
                "ntlm/messages/negotiate.rs",
                "use crate::{status, ntlm::initiator::Start};",
            ),
            ("ntlm/messages/mod.rs", "use super::keys::Key;"),
            (
                "ntlm/messages/negotiate.rs",
                "use super::super::acceptor::Acceptor;",
            ),
            ("ntlm/keys.rs", "use super::protection::Side;"),
            ("ntlm/initiator.rs", "use crate::context::Context;"),
            ("ntlm/initiator.rs", "use crate::negotiate::Mechanism;"),
            ("negotiate/mechanism.rs", "use crate::credssp::Binding;"),
            ("session.rs", "use crate::call::Handle;"),
        ];
        for (path, text) in bad {
            assert_eq!(
                count("engine-layers", &format!("engine/src/{path}"), text),
                1,
                "{path}: {text}"
            );
        }
    }

    #[test]
    fn layers_allows_what_lies_below_or_beside() {
        let good = [
            ("error.rs", "use crate::status::SecurityStatus;"),
            (
                "ntlm/messages/negotiate.rs",
                "use super::{av_pair::AvPair, flags::Flags}; use crate::codec::Reader;",
            ),
            (
                "ntlm/mod.rs",
                "mod a; use self::keys::Key; pub use initiator::Start;",
            ),
            (
                "ntlm/initiator.rs",
                "use super::{keys, messages::Challenge, protection::Session};",
            ),
            (
                "credssp/initiator.rs",
                "use crate::{negotiate, ntlm, kerberos::keys};",
            ),
            (
                "call/initialize.rs",
                "use crate::{context::Initiator, session::Session};",
            ),
            (
                "codec/reader.rs",
                "fn f() {}\n#[cfg(test)]\nmod tests { use crate::ntlm::messages::Negotiate; }",
            ),
            ("ntlm/tests.rs", "use crate::call::Handle;"),
            ("lib.rs", "pub use crate::call::Handle;"),
            ("macros.rs", "macro_rules! m { () => { crate::call::Handle } }"),
        ];
        for (path, text) in good {
            assert_eq!(
                count("engine-layers", &format!("engine/src/{path}"), text),
                0,
                "{path}: {text}"
            );
        }
    }

    #[test]
    fn layers_fires_on_a_module_it_does_not_know() {
        assert_eq!(count("engine-layers", "engine/src/helpers.rs", "fn f() {}"), 1);
    }

    #[test]
    fn messages_know_bytes_fires_on_environment_crypto_and_keys() {
        let path = "engine/src/ntlm/messages/challenge.rs";
        for text in [
            "use crate::environment::Environment;",
            "use crate::crypto::md5;",
            "use super::super::keys::Key;",
        ] {
            assert_eq!(count("engine-messages-know-bytes", path, text), 1, "{text}");
        }
        assert_eq!(
            count("engine-messages-know-bytes", path, "use crate::codec::Reader;"),
            0
        );
        assert_eq!(
            count(
                "engine-messages-know-bytes",
                "engine/src/ntlm/keys.rs",
                "use crate::crypto::md5;"
            ),
            0
        );
    }

    #[test]
    fn module_docs_fires_on_a_file_without_them() {
        assert_eq!(count("engine-module-docs", "engine/src/a.rs", "use b;\n"), 1);
        assert_eq!(
            count("engine-module-docs", "engine/src/a.rs", "\n//! What it is.\n"),
            0
        );
        assert_eq!(
            count(
                "engine-module-docs",
                "engine/src/lib.rs",
                "#![doc = include_str!(\"../README.md\")]\n"
            ),
            0
        );
    }

    #[test]
    fn no_unsafe_fires_on_the_keyword_only() {
        assert_eq!(
            count(
                "engine-no-unsafe",
                "engine/src/a.rs",
                "fn f() { unsafe { g() } }\n"
            ),
            1
        );
        assert_eq!(
            count(
                "engine-no-unsafe",
                "engine/src/lib.rs",
                "#![forbid(unsafe_code)] // no unsafe\n"
            ),
            0
        );
    }

    #[test]
    fn no_world_fires_on_clock_files_sockets_and_randomness() {
        for text in [
            "use std::time::SystemTime;",
            "use std::{fmt, fs::File};",
            "std::net::x();",
            "rand::random();",
        ] {
            assert_eq!(count("engine-no-world", "engine/src/a.rs", text), 1, "{text}");
        }
        assert_eq!(
            count(
                "engine-no-world",
                "engine/src/a.rs",
                "use std::{fmt, mem}; let random = 4;"
            ),
            0
        );
    }
}
