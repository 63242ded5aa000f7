//! Our own text inputs: files of a suite, data files of vectors, and lines of the adapter protocol. Any text is read or
//! refused, and a refusal says where.

use std::fmt::Debug;

use legwork::{
    expectations::ExpectationsFile,
    protocol::{ReplyLine, Request, RequestLine},
    serve::serve,
    suite::{
        RequirementsFile,
        bug_class::BugClassFile,
        errata::ErrataFile,
        mapping::{AttributeFile, MappingFile, SubjectMappingFile},
        model::Model,
        rule::RuleFile,
        saboteur::SaboteurFile,
        scenario::ScenarioFile,
    },
    yaml::{self, Document, End, Located, Path, SIZE_LIMIT},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A reader of a kind of file: what is wrong with a document, if anything is.
type Reader = fn(&Document<'_>) -> Result<(), Box<Located>>;

/// The readers of a suite, by the folder or name of their files. The first byte of an input chooses one.
pub const READERS: [(&str, Reader); 11] = [
    ("scenarios", |document| document.read::<ScenarioFile>().map(drop)),
    ("rules", |document| document.read::<RuleFile>().map(drop)),
    ("models", |document| document.read::<Model>().map(drop)),
    ("mappings", |document| document.read::<MappingFile>().map(drop)),
    ("requirements", |document| {
        document.read::<RequirementsFile>().map(drop)
    }),
    ("saboteurs.yaml", |document| {
        document.read::<SaboteurFile>().map(drop)
    }),
    ("errata.yaml", |document| document.read::<ErrataFile>().map(drop)),
    ("bug-classes.yaml", |document| {
        document.read::<BugClassFile>().map(drop)
    }),
    ("expectations.yaml", |document| {
        document.read::<ExpectationsFile>().map(drop)
    }),
    ("mappings/attributes", |document| {
        document.read::<AttributeFile>().map(drop)
    }),
    ("mapping.yaml", |document| {
        document.read::<SubjectMappingFile>().map(drop)
    }),
];

/// Name of the file that inputs stand for.
const FILE: &str = "input.yaml";

/// Paths into a document that are looked up, at most.
const PATHS: usize = 8;

/// Files of a suite: the first byte chooses the kind, the rest is the text.
///
/// # Panics
/// An error has no place in the text, or cannot be shown.
pub fn suite(bytes: &[u8]) {
    let Some((kind, text)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Some((_, read)) = READERS.get(usize::from(*kind) % READERS.len()) else {
        return;
    };
    if text.len() > SIZE_LIMIT {
        return;
    }
    let document = Document::new(FILE, text);
    if let Err(error) = read(&document) {
        placed(&error, text);
    }
    // What is found after reading is shown where it stands.
    if let Ok(value) = yaml::to_json(FILE, text) {
        let mut paths = vec![Path::root()];
        collect(&value, &Path::root(), &mut paths);
        for path in &paths {
            placed(&document.error(path, End::Value, "not known"), text);
        }
    }
}

/// Paths to the values within a value.
fn collect(value: &Value, path: &Path, paths: &mut Vec<Path>) {
    let parts: Vec<(Path, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| (path.at(key.as_str()), member))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (path.at(index), item))
            .collect(),
        _ => Vec::new(),
    };
    for (path, inner) in parts {
        if paths.len() < PATHS {
            paths.push(path.clone());
            collect(inner, &path, paths);
        }
    }
}

/// Whether an error names the file and a place in it, and can be shown.
fn placed(error: &Located, text: &str) {
    // YAML ends lines with other signs too, a carriage return by itself among them. An error about the end stands behind
    // the last line.
    let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = text.matches(breaks).count().saturating_add(2);
    assert_eq!(error.file, FILE);
    assert!(
        (1..=lines).contains(&error.line),
        "line {} of {lines}: {error}",
        error.line
    );
    assert!(error.column >= 1, "{error}");
    assert!(!error.message.is_empty());
    let head = format!("{FILE}:{}:{}: ", error.line, error.column);
    assert!(error.to_string().starts_with(&head), "{error}");
    assert!(error.render(false).contains(FILE));
}

/// Data files of vectors: what is read is written and read again.
///
/// # Panics
/// A document does not survive, or an error does not say where.
pub fn vectors(bytes: &[u8]) {
    survives::<legwork_vectors::Document>(bytes);
}

/// Lines of the adapter protocol: requests and replies survive, and the reference answers every line of a conversation
/// until `bye`, whatever stands in it.
///
/// # Panics
/// A line does not survive or is not answered, or an error does not say where.
pub fn protocol(bytes: &[u8]) {
    let lines = || {
        bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
    };
    let mut due: usize = 0;
    let mut open = true;
    for line in lines() {
        survives::<ReplyLine>(line);
        let request = survives::<RequestLine>(line);
        due = due.saturating_add(open.into());
        open &= !request.is_some_and(|line| line.request == Request::Bye);
    }
    let mut replies = Vec::new();
    serve(bytes, &mut replies).expect("memory can be read and written");
    let answered = replies
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| serde_json::from_slice::<ReplyLine>(line).is_ok());
    assert_eq!(answered.count(), due, "{}", String::from_utf8_lossy(&replies));
}

/// Reads a value; what is read comes back from its text. Numbers with a fraction may come back rounded.
fn survives<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    match serde_json::from_slice::<T>(bytes) {
        Ok(value) => {
            let text = serde_json::to_vec(&value).expect("what is read can be written");
            let again = serde_json::from_slice::<T>(&text).expect("what is written can be read");
            let rounded = serde_json::from_slice(bytes).is_ok_and(|value| has_fraction(&value));
            if !rounded {
                assert_eq!(again, value);
            }
            Some(value)
        }
        Err(error) => {
            assert!(error.line() >= 1, "{error}");
            None
        }
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}
