//! Reads lines. What `#[serde(flatten)]` derives copies the fields of a message before it reads them; these do not.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

use super::{Outcome, Reply, ReplyLine, Request, RequestLine, Unsupported};

/// The fields of a reply line.
#[derive(Deserialize)]
struct Fields {
    seq: u64,
    outcome: Option<Box<Outcome>>,
    unsupported: Option<Unsupported>,
    fault: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

impl<'de> Deserialize<'de> for ReplyLine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ReplyVisitor)
    }
}

struct ReplyVisitor;

impl<'de> Visitor<'de> for ReplyVisitor {
    type Value = ReplyLine;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a reply")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ReplyLine, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        let reply = match (fields.outcome, fields.unsupported, fields.fault) {
            (Some(outcome), None, None) => Reply::Outcome(outcome),
            (None, Some(unsupported), None) => Reply::Unsupported(unsupported),
            (None, None, Some(Fault { message })) => Reply::Fault { message },
            _ => {
                let expected = "a reply has exactly one of `outcome`, `unsupported`, `fault`";
                return Err(A::Error::custom(expected));
            }
        };
        let seq = fields.seq;
        Ok(ReplyLine { seq, reply })
    }
}

impl<'de> Deserialize<'de> for RequestLine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(RequestVisitor)
    }
}

struct RequestVisitor;

impl<'de> Visitor<'de> for RequestVisitor {
    type Value = RequestLine;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RequestLine, A::Error> {
        let mut before = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key != "seq" {
                before.insert(key, map.next_value()?);
                continue;
            }
            let seq = map.next_value()?;
            if before.is_empty() {
                let request = Request::deserialize(MapAccessDeserializer::new(map))?;
                return Ok(RequestLine { seq, request });
            }
            while let Some((key, value)) = map.next_entry()? {
                before.insert(key, value);
            }
            let request = Request::deserialize(Value::Object(before)).map_err(A::Error::custom)?;
            return Ok(RequestLine { seq, request });
        }
        Err(A::Error::missing_field("seq"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Reply, ReplyLine, Request, RequestLine};

    fn request(text: &str) -> Result<RequestLine, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn reply(text: &str) -> Result<ReplyLine, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_number_may_stand_anywhere() {
        let expected = Ok(RequestLine {
            seq: 7,
            request: Request::Delete { context: 1 },
        });
        for text in [
            r#"{"seq":7,"op":"delete","context":1}"#,
            r#"{"op":"delete","seq":7,"context":1}"#,
            r#"{"context":1,"op":"delete","seq":7}"#,
        ] {
            assert_eq!(request(text), expected, "{text}");
        }
        let outcome = Ok(ReplyLine {
            seq: 7,
            reply: Reply::Outcome(Box::default()),
        });
        assert_eq!(reply(r#"{"seq":7,"outcome":{}}"#), outcome);
        assert_eq!(reply(r#"{"outcome":{},"more":[],"seq":7}"#), outcome);
    }

    #[test]
    fn a_number_is_needed_and_an_operation_that_exists() {
        for (text, said) in [
            (r#"{"op":"delete","context":1}"#, "missing field `seq`"),
            (r#"{"seq":7,"context":1}"#, "missing field `op`"),
            (r#"{"seq":7,"op":"invent"}"#, "unknown variant `invent`"),
            (r#"{"op":"invent","seq":7}"#, "unknown variant `invent`"),
            (r#"{"seq":7,"op":"delete"}"#, "missing field `context`"),
            ("[]", "expected a request"),
        ] {
            let error = request(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_reply_is_exactly_one_of_three() {
        for text in [
            json!({"seq": 1}),
            json!({"seq": 1, "outcome": {}, "fault": {"message": "no"}}),
            json!({"seq": 1, "unsupported": {"what": "x"}, "fault": {"message": "no"}}),
        ] {
            let error = reply(&text.to_string()).expect_err("it is not");
            assert!(error.starts_with("a reply has exactly one of"), "{text}: {error}");
            assert!(error.contains(" at line 1 column "), "{text}: {error}");
        }
        assert!(reply(r#"{"outcome":{}}"#).is_err_and(|error| error.starts_with("missing field `seq`")));
    }
}
