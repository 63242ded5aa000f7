//! Seeds of the targets for texts: the files of the suite, small data files, and conversations of the adapter
//! protocol.

use std::{
    fs,
    path::{Path, PathBuf},
};

use legwork_engine::codec::utf16::Text;
use serde_json::{Value, json};

use super::Seed;
use crate::oracle::texts::READERS;

/// The seeds of a target.
pub(super) fn of(target: &str) -> Vec<Seed> {
    match target {
        "texts_suite" => suite(),
        "texts_vectors" => vectors(),
        _ => protocol(),
    }
}

/// Every file of the suite behind the byte that chooses its reader, and the expectations and codes of every subject.
fn suite() -> Vec<Seed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    let mut seeds = Vec::new();
    for (kind, (place, _)) in (0_u8..).zip(READERS) {
        let mut files = Vec::new();
        let of_subject = matches!(place, "expectations.yaml" | "mapping.yaml");
        let folder = if of_subject { "adapters" } else { place };
        collect(&root.join(folder), &mut files);
        for file in files {
            let name = file
                .strip_prefix(&root)
                .unwrap_or(&file)
                .to_string_lossy()
                .replace('/', "-");
            let nested = place == "mappings" && name.starts_with("mappings-attributes-");
            let other = nested || (of_subject && !name.ends_with(place));
            if let (false, Ok(text)) = (other, fs::read(&file)) {
                seeds.push(Seed::new(name, [&[kind][..], &text].concat()));
            }
        }
    }
    seeds
}

/// YAML files at or below a path.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.extension().is_some_and(|extension| extension == "yaml") {
        files.push(path.to_owned());
    }
    let mut below: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    below.sort();
    for path in below {
        collect(&path, files);
    }
}

/// Every data file with the first vector of each group: inputs stay small.
fn vectors() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for file in legwork_vectors::files() {
        let Ok(mut document) = legwork_vectors::load(file.path) else {
            continue;
        };
        document
            .groups
            .iter_mut()
            .for_each(|group| group.vectors.truncate(1));
        if let Ok(text) = serde_json::to_vec(&document) {
            seeds.push(Seed::new(file.path.replace('/', "-"), text));
        }
    }
    seeds
}

/// Conversations: an exchange from either side, and messages on a context that is not there.
fn protocol() -> Vec<Seed> {
    let text = |text: &str| json!({"utf16": hex::encode(Text::from(text).to_le_bytes()), "text": text});
    let identity = json!({"user": text("user"), "domain": text("EXAMPLE"), "password": text("secret")});
    let account = json!({"user": text("user"), "domain": text("EXAMPLE"), "password": text("secret")});
    let host = json!({
        "netbios-computer": "HOST", "netbios-domain": "EXAMPLE",
        "dns-computer": "host.example.org", "dns-domain": "example.org", "dns-tree": "example.org",
    });
    let environment = json!({"seed": "07", "clock": 5, "host": host, "accounts": [account]});
    let output = json!([{"kind": 2, "capacity": 4096}]);
    let leg = json!({"credential": 1, "new-context": 1, "requirements": 0x1001C, "output": output, "data-representation": 16});
    let token = json!([{"kind": 2, "bytes": hex::encode(b"NTLMSSP")}]);
    let message =
        json!({"context": 1, "form": "buffers", "buffers": [{"kind": 1, "bytes": "00"}, {"kind": 2}]});
    let begin = [
        request("hello", json!({"protocol": 1})),
        request("reset", json!({ "environment": environment })),
    ];
    let scripts = [
        (
            "initiator",
            vec![
                request(
                    "acquire",
                    json!({"credential": 1, "package": "ntlm", "role": "initiator", "identity": identity}),
                ),
                request("initialize", leg.clone()),
                request("initialize", merged(&leg, json!({"context": 1, "input": token}))),
                request("delete", json!({"context": 1})),
            ],
        ),
        (
            "acceptor",
            vec![
                request(
                    "acquire",
                    json!({"credential": 1, "package": "ntlm", "role": "acceptor"}),
                ),
                request("accept", merged(&leg, json!({"input": token}))),
                request("query", json!({"context": 1, "attribute": "flags"})),
                request("free-credential", json!({"credential": 1})),
            ],
        ),
        (
            "messages",
            ["sign", "verify", "seal", "unseal"]
                .map(|op| request(op, message.clone()))
                .to_vec(),
        ),
    ];
    let mut seeds = Vec::new();
    for (name, script) in scripts {
        let end = [
            request("free-buffers", json!({"of": 1})),
            request("bye", json!({})),
        ];
        let lines: Vec<String> = begin.iter().cloned().chain(script).chain(end).collect();
        let lines = lines.join("\n");
        let mut replies = Vec::new();
        if legwork::serve::serve(lines.as_bytes(), &mut replies).is_ok() {
            seeds.push(Seed::new(format!("{name}-replies"), replies));
        }
        seeds.push(Seed::new(format!("{name}-requests"), lines));
    }
    seeds
}

/// A request line.
fn request(operation: &str, members: Value) -> String {
    merged(&json!({"seq": 1, "op": operation}), members).to_string()
}

/// An object with the members of another.
fn merged(base: &Value, members: Value) -> Value {
    let mut merged = base.clone();
    if let (Value::Object(merged), Value::Object(members)) = (&mut merged, members) {
        merged.extend(members);
    }
    merged
}
