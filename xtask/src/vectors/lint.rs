//! Form, ids, order and counts of the data files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use serde_json::{Map, Value, json};

use super::{DataFile, canonical, members, parse};
use crate::process::{TaskError, TaskResult};

const DOCUMENT: [&str; 5] = ["$schema", "package", "token", "count", "groups"];
const GROUP: [&str; 3] = ["source", "authority", "vectors"];
const VECTOR: [&str; 11] = [
    "id", "comment", "function", "bytes", "inputs", "fields", "result", "reason", "twin", "flags", "notes",
];

/// Something wrong with a data file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    stem: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vectors/{}.json:{}: {}", self.stem, self.line, self.message)
    }
}

/// Everything that is wrong with the files.
pub(super) fn check(files: &[DataFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut results = BTreeMap::new();
    let mut readable = Vec::new();
    for file in files {
        match serde_json::from_str::<Value>(&file.text) {
            Ok(data) => {
                results.extend(
                    vectors(&data).map(|vector| (id(vector).to_owned(), text(vector, "result").to_owned())),
                );
                readable.push((file, data));
            }
            Err(error) => findings.push(finding(file, error.line(), error.to_string())),
        }
    }
    for (file, data) in &readable {
        check_form(file, data, &mut findings);
        check_numbers(file, data, &mut findings);
        for vector in vectors(data) {
            check_vector(file, vector, &results, &mut findings);
        }
    }
    findings
}

/// Writes every file in the canonical form, with true counts.
pub(super) fn fix(files: &[DataFile]) -> TaskResult {
    for file in files {
        let text = canonical(&with_order(&parse(file)?));
        if text != file.text {
            fs::write(&file.place, text).map_err(|error| {
                TaskError::Failed(format!("cannot write {}: {error}", file.place.display()))
            })?;
            println!("rewrote vectors/{}.json", file.stem);
        }
    }
    Ok(())
}

/// The same data with members in their order and a true count.
pub(super) fn with_order(data: &Value) -> Value {
    let count = vectors(data).count();
    let groups = members(data, "groups").map(|group| {
        let vectors = members(group, "vectors")
            .map(|vector| ordered(vector, &VECTOR))
            .collect();
        let mut group = ordered(group, &GROUP);
        replace(&mut group, "vectors", Value::Array(vectors));
        group
    });
    let groups = groups.collect();
    let mut data = ordered(data, &DOCUMENT);
    replace(&mut data, "count", json!(count));
    replace(&mut data, "groups", Value::Array(groups));
    data
}

fn replace(object: &mut Value, name: &str, value: Value) {
    if let Some(place) = object.get_mut(name) {
        *place = value;
    }
}

/// Members in the order given; those it does not name come last, as they were.
fn ordered(value: &Value, order: &[&str]) -> Value {
    let Some(object) = value.as_object() else {
        return value.clone();
    };
    let rank = |name: &str| {
        order
            .iter()
            .position(|known| *known == name)
            .unwrap_or(order.len())
    };
    let mut sorted: Vec<_> = object.clone().into_iter().collect();
    sorted.sort_by_key(|(name, _)| rank(name));
    Value::Object(sorted.into_iter().collect::<Map<_, _>>())
}

fn check_form(file: &DataFile, data: &Value, findings: &mut Vec<Finding>) {
    let wanted = canonical(&with_order(data));
    if wanted == file.text {
        return;
    }
    let differs = wanted
        .lines()
        .zip(file.text.lines())
        .position(|(wanted, found)| wanted != found);
    let line = differs.unwrap_or_else(|| wanted.lines().count().min(file.text.lines().count()));
    let message = "not in the canonical form; `cargo xtask vectors lint --fix` writes it";
    findings.push(finding(file, line.saturating_add(1), message.to_owned()));
}

fn check_numbers(file: &DataFile, data: &Value, findings: &mut Vec<Finding>) {
    for (index, vector) in vectors(data).enumerate() {
        let wanted = format!("{}/{}", file.stem, index.saturating_add(1));
        if id(vector) != wanted {
            findings.push(at(
                file,
                vector,
                format!("id is {:?}, by its place it is {wanted:?}", id(vector)),
            ));
        }
    }
    for group in members(data, "groups").filter(|group| members(group, "vectors").next().is_none()) {
        findings.push(finding(
            file,
            1,
            format!("group of source {} has no vectors", text_of_source(group)),
        ));
    }
}

fn check_vector(
    file: &DataFile,
    vector: &Value,
    results: &BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) {
    let mut report = |message: String| findings.push(at(file, vector, message));
    if let Some(bytes) = vector.get("bytes")
        && !bytes.as_str().is_some_and(is_hex)
    {
        report("bytes are whole bytes in lower-case hex".to_owned());
    }
    let invalid = text(vector, "result") == "invalid";
    if invalid != vector.get("reason").is_some() {
        report("an invalid vector has a reason, a valid one has none".to_owned());
    }
    match (invalid, vector.get("twin").and_then(Value::as_str)) {
        (true, None) => report("an invalid vector names its valid twin".to_owned()),
        (_, Some(twin)) if results.get(twin).is_none_or(|result| result != "valid") => {
            report(format!("twin {twin:?} is no valid vector"));
        }
        _ => {}
    }
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2)
        && text
            .chars()
            .all(|character| matches!(character, '0'..='9' | 'a'..='f'))
}

fn vectors(data: &Value) -> impl Iterator<Item = &Value> {
    members(data, "groups").flat_map(|group| members(group, "vectors"))
}

fn id(vector: &Value) -> &str {
    text(vector, "id")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn text_of_source(group: &Value) -> &str {
    group
        .get("source")
        .map(|source| text(source, "name"))
        .unwrap_or_default()
}

fn finding(file: &DataFile, line: usize, message: String) -> Finding {
    Finding {
        stem: file.stem.clone(),
        line,
        message,
    }
}

/// A finding at the line where the id of a vector stands.
fn at(file: &DataFile, vector: &Value, message: String) -> Finding {
    let mark = format!("\"id\": {}", Value::from(id(vector)));
    let line = file
        .text
        .lines()
        .position(|line| line.contains(&mark))
        .unwrap_or_default();
    finding(file, line.saturating_add(1), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(vectors: Value, count: usize) -> Value {
        json!({
            "$schema": "../schema.json", "package": "ntlm", "token": "challenge", "count": count,
            "groups": [{ "source": { "name": "somewhere" }, "authority": "own", "vectors": vectors }],
        })
    }

    fn good() -> Value {
        document(
            json!([
                { "id": "ntlm/challenge/1", "comment": "a", "bytes": "00ff", "result": "valid" },
                { "id": "ntlm/challenge/2", "comment": "b", "bytes": "00", "result": "invalid",
                  "reason": "truncated", "twin": "ntlm/challenge/1" },
            ]),
            2,
        )
    }

    fn messages(text: String) -> Vec<String> {
        let file = DataFile {
            place: "x".into(),
            stem: "ntlm/challenge".to_owned(),
            text,
        };
        check(&[file]).iter().map(ToString::to_string).collect()
    }

    /// The one message for the good file with one value exchanged.
    fn message_after(place: &str, value: Value) -> String {
        let mut data = good();
        *data.pointer_mut(place).unwrap() = value;
        let found = messages(canonical(&data));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    #[test]
    fn accepts_a_good_file() {
        assert_eq!(messages(canonical(&good())), Vec::<String>::new());
    }

    #[test]
    fn reports_other_formatting_and_order_with_the_line() {
        let text = canonical(&good()).replace("  \"package\": \"ntlm\"", "  \"package\":\"ntlm\"");
        assert!(messages(text)[0].starts_with("vectors/ntlm/challenge.json:3: not in the canonical form"));
        let mut swapped = good();
        let first = swapped.pointer_mut("/groups/0/vectors/0").unwrap();
        *first = json!({ "comment": "a", "id": "ntlm/challenge/1", "bytes": "00ff", "result": "valid" });
        assert_eq!(messages(canonical(&swapped)).len(), 1);
        assert_eq!(canonical(&with_order(&swapped)), canonical(&good()));
    }

    #[test]
    fn reports_a_wrong_count_and_fixes_it() {
        assert!(message_after("/count", json!(3)).contains(":5: not in the canonical form"));
        let mut wrong = good();
        *wrong.pointer_mut("/count").unwrap() = json!(3);
        assert_eq!(with_order(&wrong), good());
    }

    #[test]
    fn reports_an_id_out_of_order() {
        let message = message_after("/groups/0/vectors/1/id", json!("ntlm/challenge/7"));
        assert!(
            message.contains("by its place it is \"ntlm/challenge/2\""),
            "{message}"
        );
    }

    #[test]
    fn reports_bytes_that_are_not_hex() {
        for value in ["0", "0G", "FF"] {
            assert!(message_after("/groups/0/vectors/0/bytes", json!(value)).contains("lower-case hex"));
        }
    }

    #[test]
    fn reports_a_missing_twin_and_a_reason_without_need() {
        assert!(
            message_after("/groups/0/vectors/1/twin", json!("ntlm/challenge/9")).contains("no valid vector")
        );
        assert!(
            message_after("/groups/0/vectors/1/twin", json!("ntlm/challenge/2")).contains("no valid vector")
        );
        assert!(message_after("/groups/0/vectors/1/result", json!("valid")).contains("a valid one has none"));
    }

    #[test]
    fn reports_broken_json_and_an_empty_group() {
        assert!(messages("{\n  \"package\": }".to_owned())[0].starts_with("vectors/ntlm/challenge.json:2: "));
        let empty = document(json!([]), 0);
        assert!(messages(canonical(&empty))[0].contains("has no vectors"));
    }
}
