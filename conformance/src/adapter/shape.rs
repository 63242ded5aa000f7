//! What a reply line has to look like: the three answers, the fields of the schema and no others, the types behind
//! them, and codes in the form of their namespace.

use std::sync::LazyLock;

use schemars::schema_for;
use serde_json::Value;

use crate::protocol::{Namespace, Outcome, Reply, Status, Unsupported};

/// The answers, of which a reply has exactly one.
const ANSWERS: [&str; 3] = ["outcome", "unsupported", "fault"];

static OUTCOME: LazyLock<Value> = LazyLock::new(|| schema_for!(Outcome).to_value());
static UNSUPPORTED: LazyLock<Value> = LazyLock::new(|| schema_for!(Unsupported).to_value());

/// Everything in a reply that is not of the protocol, as sentences; nothing for a good one.
pub(super) fn faults(reply: &Value) -> Vec<String> {
    let Some(fields) = reply.as_object() else {
        return vec!["a reply is a JSON object".to_owned()];
    };
    let answers: Vec<&str> = ANSWERS
        .into_iter()
        .filter(|name| fields.contains_key(*name))
        .collect();
    let [answer] = answers.as_slice() else {
        return vec![format!(
            "a reply has exactly one of `outcome`, `unsupported`, `fault`; this one has {}",
            if answers.is_empty() {
                "none".to_owned()
            } else {
                answers.join(" and ")
            }
        )];
    };
    let mut faults: Vec<String> = fields
        .keys()
        .filter(|name| *name != "seq" && name != answer)
        .map(|name| format!("`{name}` is no field of a reply"))
        .collect();
    let body = fields.get(*answer).unwrap_or(&Value::Null);
    let schema = match *answer {
        "outcome" => Some(&*OUTCOME),
        "unsupported" => Some(&*UNSUPPORTED),
        _ => None,
    };
    if let Some(schema) = schema {
        strangers(body, schema, schema, answer, &mut faults);
    }
    let typed = serde_json::json!({ *answer: body }).to_string();
    let mut reader = serde_json::Deserializer::from_str(&typed);
    if let Err(error) = serde_path_to_error::deserialize::<_, Reply>(&mut reader) {
        faults.push(format!("{}: {}", error.path(), plain(&error.inner().to_string())));
    }
    in_lower_case(body, answer, &mut faults);
    faults
}

/// The reader's message without its place, which is one in a text that nobody sees.
fn plain(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// Fields that the schema does not know. A misspelt field would pass for an absent one.
fn strangers(value: &Value, schema: &Value, root: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema, root);
    match value {
        Value::Object(fields) => {
            let Some(known) = schema.get("properties") else {
                return;
            };
            for (name, value) in fields {
                let place = format!("{place}.{name}");
                match known.get(name) {
                    Some(schema) => strangers(value, schema, root, &place, faults),
                    None => faults.push(format!("`{place}` is no field of the protocol")),
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (number, item) in items.iter().enumerate() {
                strangers(item, schema, root, &format!("{place}[{number}]"), faults);
            }
        }
        _ => {}
    }
}

/// A schema behind its reference; of an optional one, that of the value.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let named = |schema: &Value| Some(schema.get("$ref")?.as_str()?.trim_start_matches('#').to_owned());
    let optional = schema.get("anyOf").and_then(Value::as_array);
    let schema = optional
        .and_then(|either| either.iter().find(|one| one.get("$ref").is_some()))
        .unwrap_or(schema);
    named(schema)
        .and_then(|path| root.pointer(&path))
        .unwrap_or(schema)
}

/// Byte strings are lower-case hex: a report shows them as they came.
fn in_lower_case(value: &Value, place: &str, faults: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{place}.{name}");
                let bytes = matches!(name.as_str(), "bytes" | "utf16" | "session-key");
                match value.as_str() {
                    Some(text) if bytes && text.chars().any(|digit| digit.is_ascii_uppercase()) => {
                        faults.push(format!("{place}: bytes are lower-case hex"));
                    }
                    _ => in_lower_case(value, &place, faults),
                }
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                in_lower_case(item, &format!("{place}[{number}]"), faults);
            }
        }
        _ => {}
    }
}

/// What is wrong with the form of a status, if anything is.
pub(super) fn status_fault(status: &Status) -> Option<String> {
    let code = status.code.as_str();
    let number = code.strip_prefix("0x").is_some_and(|digits| {
        (1..=8).contains(&digits.len()) && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    });
    let wanted = match status.namespace {
        Namespace::Sspi | Namespace::Gss if !number => "`0x` and up to eight hex digits",
        Namespace::Ntstatus if !number && !code.contains("STATUS_") => {
            "`0x` and up to eight hex digits, or a name of NTSTATUS"
        }
        Namespace::Return if !matches!(code, "continue" | "complete" | "silent") => {
            "`continue`, `complete` or `silent`"
        }
        Namespace::Exception if code.is_empty() || code.contains(char::is_whitespace) => {
            "the name of a class"
        }
        _ if code.is_empty() => "something",
        _ => return None,
    };
    Some(format!(
        "code {code:?} of namespace `{}` should be {wanted}",
        namespace(status)
    ))
}

/// The namespace by its name in the protocol.
pub(super) fn namespace(status: &Status) -> String {
    let name = serde_json::to_value(status.namespace).ok();
    name.and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_good_reply_has_no_faults() {
        let reply = json!({"seq": 1, "outcome": {"status": {"namespace": "sspi", "code": "0x00000000"},
            "buffers": [{"kind": 2, "bytes": "00ff"}], "values": {"anything": {"at": "all"}}}});
        assert_eq!(faults(&reply), Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        for (reply, expected) in [
            (json!([]), "JSON object"),
            (json!({"seq": 1}), "has none"),
            (
                json!({"outcome": {}, "fault": {"message": ""}}),
                "outcome and fault",
            ),
            (
                json!({"outcome": {}, "status": 0}),
                "`status` is no field of a reply",
            ),
            (json!({"outcome": {"atributes": 0}}), "`outcome.atributes`"),
            (
                json!({"outcome": {"buffers": [{"kind": 2, "byte": ""}]}}),
                "`outcome.buffers[0].byte`",
            ),
            (
                json!({"outcome": {"buffers": [{"kind": 2, "bytes": "abc"}]}}),
                "outcome.buffers[0].bytes",
            ),
            (
                json!({"outcome": {"buffers": [{"kind": 2, "bytes": "AB"}]}}),
                "lower-case",
            ),
            (
                json!({"outcome": {"status": {"namespace": "win32", "code": "1"}}}),
                "outcome.status.namespace",
            ),
            (json!({"unsupported": {"reason": "x"}}), "`unsupported.reason`"),
            (json!({"fault": "x"}), "fault"),
        ] {
            let found = faults(&reply);
            assert!(
                found.iter().any(|fault| fault.contains(expected)),
                "{reply}: {found:?}"
            );
        }
    }

    #[test]
    fn codes_have_the_form_of_their_namespace() {
        let status = |namespace, code: &str| Status {
            namespace,
            code: code.to_owned(),
            minor: None,
            mechanism: None,
            message: None,
        };
        assert_eq!(status_fault(&status(Namespace::Sspi, "0x80090308")), None);
        assert_eq!(
            status_fault(&status(Namespace::Ntstatus, "NT_STATUS_WRONG_PASSWORD")),
            None
        );
        assert!(status_fault(&status(Namespace::Ntstatus, "-1073741718")).is_some());
        assert_eq!(status_fault(&status(Namespace::Return, "continue")), None);
        assert!(status_fault(&status(Namespace::Sspi, "2148074248")).is_some());
        assert!(status_fault(&status(Namespace::Return, "ok")).is_some());
        assert!(status_fault(&status(Namespace::Exception, "bad token")).is_some());
    }
}
