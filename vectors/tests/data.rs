//! The data files against the schema, the loader, and each other.

use std::collections::{BTreeMap, BTreeSet};

use legwork_vectors::{Authority, Document, Outcome, SCHEMA, Vector, all, files, load};
use pretty_assertions::assert_eq;
use serde_json::Value;

fn documents() -> Vec<(&'static str, Document)> {
    files()
        .iter()
        .map(|file| (file.path, load(file.path).expect("every file loads")))
        .collect()
}

fn vectors() -> Vec<Vector> {
    all()
        .expect("every file loads")
        .map(|(_, vector)| vector)
        .collect()
}

/// Calls `visit` with every string of `value` and the name it stands under.
fn visit_strings<'a>(name: &'a str, value: &'a Value, visit: &mut impl FnMut(&'a str, &'a str)) {
    match value {
        Value::String(text) => visit(name, text),
        Value::Array(items) => items.iter().for_each(|item| visit_strings(name, item, visit)),
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| visit_strings(name, member, visit));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn every_file_obeys_the_schema() {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    for file in files() {
        let data = serde_json::from_str(file.text).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&data)
            .map(|error| format!("{}{}: {error}", file.path, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_schema_refuses_what_it_should() {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let authenticate = files().iter().find(|file| file.path == "ntlm/authenticate.json");
    let good: Value = serde_json::from_str(authenticate.unwrap().text).unwrap();
    assert!(schema.is_valid(&good));
    let broken: [(&str, Value); 6] = [
        ("/groups/0/vectors/0/id", "ntlm/authenticate/01".into()),
        ("/groups/0/vectors/0/bytes", "4E54".into()),
        ("/groups/0/vectors/0/bytes", "4e5".into()),
        ("/groups/0/vectors/0/result", "acceptable".into()),
        ("/groups/0/vectors/0/fields/flags", 5.into()),
        ("/groups/0/authority", "rumour".into()),
    ];
    for (place, value) in broken {
        let mut data = good.clone();
        *data.pointer_mut(place).unwrap() = value;
        assert!(!schema.is_valid(&data), "accepted another value at {place}");
    }
}

#[test]
fn every_file_says_where_it_is() {
    for (path, document) in documents() {
        let token = if document.token == "exchange" {
            format!("exchanges/{}.json", document.package)
        } else {
            format!("{}/{}.json", document.package, document.token)
        };
        assert_eq!(token, path);
    }
}

#[test]
fn ids_are_place_and_running_number_and_counts_are_true() {
    for (path, document) in documents() {
        let stem = path.strip_suffix(".json").unwrap();
        let ids: Vec<String> = document
            .groups
            .iter()
            .flat_map(|group| &group.vectors)
            .map(|vector| vector.id.clone())
            .collect();
        let wanted: Vec<String> = (1..=document.count)
            .map(|number| format!("{stem}/{number}"))
            .collect();
        assert_eq!(ids, wanted);
    }
    let ids: BTreeSet<String> = vectors().into_iter().map(|vector| vector.id).collect();
    assert_eq!(ids.len(), vectors().len());
}

#[test]
fn invalid_vectors_name_a_reason_and_differ_from_a_valid_twin_of_their_file() {
    let mut seen = 0;
    for (path, document) in documents() {
        let by_id: BTreeMap<String, Vector> = document
            .groups
            .into_iter()
            .flat_map(|group| group.vectors)
            .map(|vector| (vector.id.clone(), vector))
            .collect();
        for vector in by_id.values().filter(|vector| vector.result == Outcome::Invalid) {
            assert!(vector.reason.is_some(), "{} names no reason", vector.id);
            let twin = vector.twin.as_ref().and_then(|twin| by_id.get(twin));
            let twin = twin.unwrap_or_else(|| panic!("{} has no twin in {path}", vector.id));
            assert_eq!(twin.result, Outcome::Valid, "{}", vector.id);
            assert!(
                twin.bytes != vector.bytes || twin.inputs != vector.inputs,
                "{} is its twin",
                vector.id
            );
            seen += 1;
        }
    }
    assert!(seen >= 60, "only {seen} invalid vectors");
}

#[test]
fn no_token_stands_twice_in_one_file() {
    for (path, document) in documents() {
        let mut seen = BTreeMap::new();
        for vector in document.groups.into_iter().flat_map(|group| group.vectors) {
            if vector.function.is_none() {
                let earlier = seen.insert((vector.bytes.clone(), vector.fields.len()), vector.id.clone());
                let exchange = vector.bytes.is_none();
                assert!(
                    exchange || earlier.is_none(),
                    "{path}: {} repeats {earlier:?}",
                    vector.id
                );
            }
        }
    }
}

#[test]
fn hex_values_are_whole_bytes_in_lower_case() {
    /// Members that hold text for people or characters, not bytes.
    const TEXT: [&str; 27] = [
        "text",
        "user",
        "domain",
        "workstation",
        "password",
        "target_name",
        "target",
        "computer",
        "side",
        "operation",
        "token",
        "vector",
        "name",
        "flags",
        "exchange",
        "attribute",
        "code",
        "form",
        "looked-at",
        "namespace",
        "op",
        "package",
        "role",
        "mech_types",
        "supported_mech",
        "hint_name",
        "error",
    ];
    for vector in vectors() {
        for members in [&vector.inputs, &vector.fields] {
            for (name, value) in members {
                visit_strings(name, value, &mut |name, text| {
                    let well_formed = hex::decode(text).is_ok_and(|bytes| hex::encode(bytes) == text);
                    assert!(
                        well_formed || TEXT.contains(&name),
                        "{}: {name} is {text:?}",
                        vector.id
                    );
                });
            }
        }
    }
}

#[test]
fn references_name_vectors_with_the_same_bytes() {
    let by_id: BTreeMap<String, Vector> = vectors()
        .into_iter()
        .map(|vector| (vector.id.clone(), vector))
        .collect();
    for vector in by_id.values() {
        if let Some(Value::String(exchange)) = vector.inputs.get("exchange") {
            assert!(by_id.contains_key(exchange), "{} names {exchange}", vector.id);
        }
        for leg in vector
            .fields
            .get("legs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(token) = leg["vector"].as_str() {
                let bytes = by_id[token].bytes.as_ref().map(hex::encode);
                assert_eq!(bytes.as_deref(), leg["bytes"].as_str(), "{}", vector.id);
            }
        }
    }
}

#[test]
fn what_is_loaded_writes_the_same_json() {
    for (path, document) in documents() {
        let written = serde_json::to_value(&document).unwrap();
        let stored: Value =
            serde_json::from_str(files().iter().find(|file| file.path == path).unwrap().text).unwrap();
        assert_eq!(written, stored);
    }
}

#[test]
fn every_authority_is_present_and_errata_are_named() {
    let authorities: BTreeSet<String> = all()
        .unwrap()
        .map(|(group, _)| format!("{:?}", group.authority))
        .collect();
    assert_eq!(
        authorities.len(),
        [Authority::Spec, Authority::Foreign, Authority::Own].len()
    );
    let notes: Vec<String> = vectors().into_iter().flat_map(|vector| vector.notes).collect();
    for erratum in ["N1:", "N2:", "N3:", "N4:", "N5:", "N6:", "N7:"] {
        assert!(
            notes.iter().any(|note| note.starts_with(erratum)),
            "{erratum} is named nowhere"
        );
    }
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    assert_eq!(
        load("ntlm/nothing.json").unwrap_err().to_string(),
        "no vector file at \"ntlm/nothing.json\""
    );
}
