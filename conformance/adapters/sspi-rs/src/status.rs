//! The library's statuses and errors as the protocol has them.

use serde_json::{Value, json};

use crate::legwork_adapter::Stop;

/// An error of the library is an outcome like any other.
impl From<sspi::Error> for Stop {
    fn from(error: sspi::Error) -> Self {
        let mut status = match error.error_type {
            // Its number, zero, would read as SEC_E_OK.
            sspi::ErrorKind::Unknown => json!({"namespace": "exception", "code": "sspi::ErrorKind::Unknown"}),
            #[expect(
                clippy::as_conversions,
                reason = "the discriminants are the numbers; not every version has a conversion"
            )]
            kind => json!({"namespace": "sspi", "code": format!("{:#010x}", kind as u32)}),
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
