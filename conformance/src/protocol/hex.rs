//! Bytes as hex, for `#[serde(with = "hex")]`. The crate of that name grows its text and its bytes one by one.

use std::fmt;

use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
    ser::Error as _,
};

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut digits = vec![0; bytes.len().saturating_mul(2)];
    ::hex::encode_to_slice(bytes, &mut digits).map_err(S::Error::custom)?;
    serializer.serialize_str(str::from_utf8(&digits).map_err(S::Error::custom)?)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    from.deserialize_str(Digits)
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Vec<u8>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("hex digits")
    }

    fn visit_str<E: Error>(self, digits: &str) -> Result<Vec<u8>, E> {
        let mut bytes = vec![0; digits.len() / 2];
        ::hex::decode_to_slice(digits, &mut bytes).map_err(E::custom)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::Buffer;

    #[test]
    fn bytes_are_lower_case_hex_and_either_case_is_read() {
        let buffer = Buffer::new(2, [0x00, 0xAB, 0x9F, 0xFF]);
        let text = serde_json::to_string(&buffer).expect("a buffer can be written");
        assert_eq!(text, r#"{"kind":2,"bytes":"00ab9fff"}"#);
        for text in [text, r#"{"kind":2,"bytes":"00AB9fFF"}"#.to_owned()] {
            assert_eq!(
                serde_json::from_str::<Buffer>(&text).ok(),
                Some(buffer.clone()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_hex_is_told() {
        for (digits, said) in [
            ("\"0\"", "Odd number of digits"),
            ("\"0g\"", "Invalid character 'g' at position 1"),
            ("\"ä0\"", "Odd number of digits"),
            ("7", "expected hex digits"),
        ] {
            let text = format!(r#"{{"kind":2,"bytes":{digits}}}"#);
            let error = serde_json::from_str::<Buffer>(&text)
                .expect_err(digits)
                .to_string();
            assert!(error.contains(said), "{digits}: {error}");
        }
    }
}
