//! Appending a token to its data file.

use std::fs;

use serde_json::{Map, Value, json};

use super::{DataFile, canonical, files, lint, members, parse};
use crate::conformance;
use crate::process::{TaskError, TaskResult, failed, output_of};

/// What is to be added.
#[derive(Debug, Default)]
struct Addition<'a> {
    package: &'a str,
    token: &'a str,
    file: &'a str,
    source: &'a str,
    authority: &'a str,
    comment: &'a str,
}

/// Appends the bytes of a file as a vector: id by place, fields as `legwork inspect` decodes them.
pub(super) fn run(arguments: &[&str]) -> TaskResult {
    let addition = understood(arguments)?;
    let stem = format!("{}/{}", addition.package, addition.token);
    let Some(file) = files()?.into_iter().find(|file| file.stem == stem) else {
        return failed(format!(
            "there is no vectors/{stem}.json; begin it by hand, with one group"
        ));
    };
    let bytes = fs::read(addition.file)
        .map_err(|error| TaskError::Failed(format!("cannot read {}: {error}", addition.file)))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let data = with_vector(&file, &parse(&file)?, &addition, &hex, decoded(&hex)?)?;
    fs::write(&file.place, canonical(&lint::with_order(&data)))
        .map_err(|error| TaskError::Failed(format!("cannot write {}: {error}", file.place.display())))?;
    println!("added to vectors/{stem}.json; now look at its source, comment and notes");
    Ok(())
}

fn understood<'a>(arguments: &[&'a str]) -> Result<Addition<'a>, TaskError> {
    let mut addition = Addition {
        source: "Legwork: added by hand",
        authority: "own",
        comment: "not described",
        ..Addition::default()
    };
    let mut places = Vec::new();
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        let option = match word {
            "--source" => &mut addition.source,
            "--authority" => &mut addition.authority,
            "--comment" => &mut addition.comment,
            _ => {
                places.push(word);
                continue;
            }
        };
        *option = words
            .next()
            .ok_or_else(|| TaskError::Usage(format!("{word} needs a value")))?;
    }
    let [package, token, file] = places[..] else {
        return Err(TaskError::Usage("vectors add PACKAGE TOKEN FILE".to_owned()));
    };
    Ok(Addition {
        package,
        token,
        file,
        ..addition
    })
}

/// What `legwork inspect` says about the token.
fn decoded(hex: &str) -> Result<Value, TaskError> {
    let Some(text) = output_of(conformance::legwork(&["inspect", "--json", hex])) else {
        return failed("`legwork inspect` does not decode this token; an invalid vector is written by hand");
    };
    let report: Value = serde_json::from_str(&text)
        .map_err(|error| TaskError::Failed(format!("`legwork inspect --json` wrote no JSON: {error}")))?;
    match report.get("fields") {
        Some(fields) if fields.is_object() => Ok(fields.clone()),
        _ => failed("`legwork inspect --json` wrote no object named fields"),
    }
}

/// The document with the vector at its end, in the last group if source and authority are the same.
fn with_vector(
    file: &DataFile,
    data: &Value,
    addition: &Addition<'_>,
    hex: &str,
    fields: Value,
) -> Result<Value, TaskError> {
    let present: Vec<&Value> = members(data, "groups")
        .flat_map(|group| members(group, "vectors"))
        .collect();
    if let Some(same) = present
        .iter()
        .find(|vector| vector.get("bytes").and_then(Value::as_str) == Some(hex))
    {
        return failed(format!(
            "this token is there already: {}",
            same.get("id").and_then(Value::as_str).unwrap_or_default()
        ));
    }
    let mut vector = Map::new();
    vector.insert(
        "id".to_owned(),
        json!(format!("{}/{}", file.stem, present.len().saturating_add(1))),
    );
    vector.insert("comment".to_owned(), json!(addition.comment));
    vector.insert("bytes".to_owned(), json!(hex));
    vector.insert("fields".to_owned(), fields);
    vector.insert("result".to_owned(), json!("valid"));
    let mut data = data.clone();
    let Some(groups) = data.get_mut("groups").and_then(Value::as_array_mut) else {
        return failed(format!("vectors/{}.json has no list of groups", file.stem));
    };
    let source = json!({ "name": addition.source });
    let fits = groups.last().is_some_and(|group| {
        group.get("source") == Some(&source) && group.get("authority") == Some(&json!(addition.authority))
    });
    if !fits {
        groups.push(json!({ "source": source, "authority": addition.authority, "vectors": [] }));
    }
    if let Some(Value::Array(vectors)) = groups.last_mut().and_then(|group| group.get_mut("vectors")) {
        vectors.push(Value::Object(vector));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> DataFile {
        DataFile {
            place: "x".into(),
            stem: "ntlm/challenge".to_owned(),
            text: String::new(),
        }
    }

    fn document() -> Value {
        json!({ "groups": [{ "source": { "name": "here" }, "authority": "own",
            "vectors": [{ "id": "ntlm/challenge/1", "bytes": "00" }] }] })
    }

    #[test]
    fn appends_to_the_last_group_of_the_same_source() {
        let addition = Addition {
            source: "here",
            authority: "own",
            ..Addition::default()
        };
        let data = with_vector(&file(), &document(), &addition, "ff", json!({})).unwrap();
        assert_eq!(
            data.pointer("/groups/0/vectors/1/id"),
            Some(&json!("ntlm/challenge/2"))
        );
    }

    #[test]
    fn opens_a_group_for_another_source() {
        let addition = Addition {
            source: "elsewhere",
            authority: "foreign",
            ..Addition::default()
        };
        let data = with_vector(&file(), &document(), &addition, "ff", json!({})).unwrap();
        assert_eq!(
            data.pointer("/groups/1/vectors/0/id"),
            Some(&json!("ntlm/challenge/2"))
        );
    }

    #[test]
    fn refuses_a_token_that_is_there() {
        let refused = with_vector(&file(), &document(), &Addition::default(), "00", json!({}));
        assert!(matches!(refused, Err(TaskError::Failed(message)) if message.contains("ntlm/challenge/1")));
    }

    #[test]
    fn reads_options_in_any_place() {
        let addition = understood(&["ntlm", "--comment", "odd one", "challenge", "t.bin"]).unwrap();
        assert_eq!(
            (addition.package, addition.token, addition.file),
            ("ntlm", "challenge", "t.bin")
        );
        assert_eq!(addition.comment, "odd one");
        assert!(understood(&["ntlm", "challenge"]).is_err());
        assert!(understood(&["ntlm", "challenge", "t.bin", "--source"]).is_err());
    }
}
