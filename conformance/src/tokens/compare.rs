//! Holds what a source says against what a token holds.

use serde_json::Value;

use super::{
    dissector,
    facts::{Fact, Facts},
    record::Source,
    report::Finding,
};

/// Other names that sources have for the same value.
const ALIASES: &[(&str, &str)] = &[
    ("av_nb_domain", "av_nb_domain_name"),
    ("av_nb_computer", "av_nb_computer_name"),
    ("av_dns_domain", "av_dns_domain_name"),
    ("av_dns_computer", "av_dns_computer_name"),
    ("av_dns_tree", "av_dns_tree_name"),
    ("av_timestamp_filetime", "av_timestamp"),
];

/// Members of the ground truth that are no values, and values that only secrets give.
const OTHERS: &[&str] = &["fields", "tshark", "tshark_malformed", "error"];

/// The fields of the mechanism's token inside a token of Negotiate.
const INNER: &str = ".inner_ntlm";

/// Everything that the source says of the token. Names in `derived` are left to the recomputation.
pub(super) fn all(truth: &Source, facts: &Facts, derived: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fields = truth.0.get("fields").and_then(Value::as_object);
    let own = truth
        .0
        .iter()
        .filter(|(name, _)| !OTHERS.contains(&name.as_str()));
    for (name, value) in own {
        let ours = alias(name);
        if facts.contains_key(ours) || !derived.contains(&name.as_str()) {
            findings.push(one(name, facts.get(ours), value));
        }
    }
    for (name, value) in fields.into_iter().flatten() {
        let name = format!("fields.{name}");
        match value.as_object().filter(|_| name.ends_with(INNER)) {
            // Its members come from a dissector.
            Some(inner) => findings.extend(inner.iter().map(|(field, value)| {
                let fact = as_dissected(facts, alias(field));
                one(&format!("{name}.{field}"), fact, value)
            })),
            None => {
                let field = name.strip_prefix("fields.").unwrap_or_default();
                findings.push(one(&name, facts.get(alias(field)), value));
            }
        }
    }
    findings.extend(dissected(truth, facts));
    findings
}

fn alias(name: &str) -> &str {
    let known = ALIASES.iter().find(|(theirs, _)| *theirs == name);
    known.map_or(name, |(_, ours)| ours)
}

/// The dissector's view, unless the dissector stumbled.
fn dissected(truth: &Source, facts: &Facts) -> Vec<Finding> {
    let Some(view) = truth.0.get("tshark").and_then(Value::as_object) else {
        return Vec::new();
    };
    if truth.0.get("tshark_malformed").and_then(Value::as_bool) == Some(true) {
        let why = format!("the dissector stumbled ({} values)", view.len());
        return vec![Finding::not_comparable("tshark", why)];
    }
    let compared = view.iter().map(|(name, value)| match dissector::bit(name) {
        Some(bit) => one(name, flag(facts, bit).as_ref(), value),
        None => {
            let fact = dissector::name(name).and_then(|ours| as_dissected(facts, ours));
            one(name, fact, &without_marks(value))
        }
    });
    compared.collect()
}

/// The dissector shows the descriptor in the place of a response or key without bytes.
fn as_dissected<'f>(facts: &'f Facts, name: &str) -> Option<&'f Fact> {
    let fact = facts.get(name)?;
    match fact {
        Fact::Bytes(bytes) if bytes.is_empty() => facts.get(&format!("{name}.descriptor")).or(Some(fact)),
        _ => Some(fact),
    }
}

fn flag(facts: &Facts, bit: usize) -> Option<Fact> {
    match facts.get("flags") {
        Some(Fact::Number(flags)) => Some(Fact::Number(flags >> bit & 1)),
        _ => None,
    }
}

/// The dissector writes a word for a part without bytes, and colons between bytes.
fn without_marks(value: &Value) -> Value {
    match value {
        Value::String(text) if text == "NULL" => Value::Null,
        other => other.clone(),
    }
}

/// One value.
fn one(name: &str, fact: Option<&Fact>, expected: &Value) -> Finding {
    let Some(fact) = fact else {
        return match expected {
            Value::Null => Finding::equal(name),
            _ => Finding::not_comparable(name, "not a value that the decoder shows"),
        };
    };
    match matches(fact, expected) {
        true => Finding::equal(name),
        false => Finding::difference(name, plain(expected), shown(fact)),
    }
}

fn matches(fact: &Fact, expected: &Value) -> bool {
    match fact {
        Fact::Absent => expected.is_null(),
        Fact::Text(text) => expected.as_str().unwrap_or_default() == text && is_text(expected),
        Fact::Number(number) => number_of(expected) == Some(*number),
        Fact::Bytes(bytes) => bytes_of(expected).as_deref() == Some(bytes),
        Fact::List(numbers) => {
            let expected = items(expected).into_iter().map(number_of);
            expected.collect::<Option<Vec<_>>>().as_ref() == Some(numbers)
        }
        Fact::Texts(texts) => {
            let expected = items(expected).into_iter().map(Value::as_str);
            expected
                .collect::<Option<Vec<_>>>()
                .is_some_and(|expected| expected == *texts)
        }
        Fact::Time(time) => {
            let text = expected.as_str().unwrap_or_default();
            number_of(expected) == Some(*time) || text == dissector::time(*time)
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

fn number_of(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text,
        other => return other.as_u64(),
    };
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Bytes in hex, colons between them or not; the items of a list follow each other.
pub(super) fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let parts = items(value).into_iter().map(|item| {
        let digits = item.as_str()?.replace(':', "");
        hex::decode(digits).ok()
    });
    Some(parts.collect::<Option<Vec<_>>>()?.concat())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown(fact: &Fact) -> String {
    match fact {
        Fact::Absent => "absent".to_owned(),
        Fact::Text(text) => text.clone(),
        Fact::Number(number) => format!("{number:#010x}"),
        Fact::Bytes(bytes) => hex::encode(bytes),
        Fact::List(numbers) => format!("{numbers:?}"),
        Fact::Texts(texts) => texts.join(", "),
        Fact::Time(time) => format!("{time:#018x}"),
    }
}
