//! The messages of the adapter protocol: requests as types, replies as JSON values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One line from the harness; `rest` holds the arguments of the operation.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) seq: u64,
    pub(crate) op: String,
    #[serde(flatten)]
    pub(crate) rest: Value,
}

/// Text as UTF-16LE code units and in readable form.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Text {
    #[serde(with = "hex")]
    utf16: Vec<u8>,
    #[serde(default)]
    text: String,
}

impl Text {
    /// The text as a Rust string, unless its code units are no text.
    pub(crate) fn decode(&self) -> Result<String, Stop> {
        let units = self.utf16.chunks(2).map(|unit| match unit {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0xdfff,
        });
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map_err(|_| Stop::unsupported("text:unpaired-surrogate"))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Self {
            utf16,
            text: text.to_owned(),
        }
    }
}

/// What of the environment this library can be told.
#[derive(Default, Deserialize)]
pub(crate) struct Environment {
    pub(crate) host: Host,
    #[serde(default)]
    pub(crate) accounts: Vec<Identity>,
    #[serde(default)]
    pub(crate) policy: Map<String, Value>,
    #[serde(default)]
    pub(crate) faults: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Host {
    pub(crate) netbios_computer: String,
}

#[derive(Deserialize)]
pub(crate) struct Identity {
    pub(crate) user: Option<Text>,
    pub(crate) domain: Option<Text>,
    pub(crate) password: Option<Text>,
}

#[derive(Deserialize)]
pub(crate) struct Acquire {
    pub(crate) credential: u64,
    pub(crate) package: String,
    pub(crate) role: String,
    pub(crate) identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Leg {
    pub(crate) credential: Option<u64>,
    pub(crate) context: Option<u64>,
    pub(crate) new_context: u64,
    pub(crate) requirements: u32,
    pub(crate) target: Option<Text>,
    #[serde(default)]
    pub(crate) input: Vec<Buffer>,
    #[serde(default)]
    pub(crate) output: Vec<Buffer>,
    pub(crate) data_representation: u32,
    #[serde(default)]
    pub(crate) reserved: [u32; 2],
}

#[derive(Deserialize)]
pub(crate) struct Protect {
    pub(crate) context: u64,
    #[serde(default)]
    pub(crate) quality: u32,
    #[serde(default)]
    pub(crate) sequence: u32,
    pub(crate) form: String,
    pub(crate) buffers: Vec<Buffer>,
}

/// Arguments of the operations that name one handle.
#[derive(Deserialize)]
pub(crate) struct Handle {
    #[serde(alias = "credential")]
    pub(crate) context: u64,
    #[serde(default)]
    pub(crate) attribute: String,
    #[serde(default)]
    pub(crate) buffers: Vec<Buffer>,
}

/// A SecBuffer.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Buffer {
    pub(crate) kind: u32,
    #[serde(default)]
    pub(crate) attributes: u32,
    #[serde(default, skip_serializing)]
    pub(crate) capacity: Option<usize>,
    #[serde(default, with = "hex")]
    pub(crate) bytes: Vec<u8>,
}

/// A reply that ends the handling of a request early: an error of the library, or something it cannot do.
pub(crate) struct Stop(pub(crate) Value);

impl Stop {
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self(json!({"unsupported": {"what": what.into()}}))
    }
}

impl From<serde_json::Error> for Stop {
    fn from(error: serde_json::Error) -> Self {
        Self(json!({"fault": {"message": format!("the request was not understood: {error}")}}))
    }
}

/// An error of the library is an outcome like any other.
impl From<sspi::Error> for Stop {
    fn from(error: sspi::Error) -> Self {
        let mut status = match error.error_type {
            // Its number, zero, would read as SEC_E_OK.
            sspi::ErrorKind::Unknown => json!({"namespace": "exception", "code": "sspi::ErrorKind::Unknown"}),
            kind => json!({"namespace": "sspi", "code": format!("{:#010x}", u32::from(kind))}),
        };
        status["message"] = error.description.into();
        if let Some(minor) = error.nstatus {
            status["minor"] = minor.to_string().into();
        }
        Self(json!({"outcome": {"status": status}}))
    }
}

/// The outcome of a call that returned a status.
pub(crate) fn sspi_status(status: sspi::SecurityStatus) -> Value {
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants are the numbers; the library has no conversion"
    )]
    let number = status as u32;
    json!({"status": {"namespace": "sspi", "code": format!("{number:#010x}")}})
}

/// The outcome of a call that returned `Ok` without a status of its own.
pub(crate) fn returned() -> Value {
    json!({"status": {"namespace": "return", "code": "complete"}})
}
