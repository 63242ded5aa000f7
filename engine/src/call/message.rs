//! MakeSignature, VerifySignature, EncryptMessage and DecryptMessage.
//!
//! The message is the data buffers of the list in order; the token buffer holds the signature. `number` is MessageSeqNo,
//! which counts in datagram mode alone: otherwise the package counts.

use std::mem;

use super::{CtxtHandle, Refusal, SecurityInterface};
use crate::{
    buffer::{self, BufferKind, SecBuffer},
    environment::Environment,
    error::{CallerMisuse, Error},
    session::Session,
    status::SecurityStatus,
};

impl SecurityInterface {
    /// MakeSignature: writes the signature of the data buffers into the token buffer.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`; `SEC_E_INVALID_TOKEN`: no data or token buffer; `SEC_E_BUFFER_TOO_SMALL`;
    /// `SEC_E_QOP_NOT_SUPPORTED`: no protection was negotiated.
    pub fn make_signature(
        &mut self,
        handle: CtxtHandle,
        message: &mut [SecBuffer],
        number: u32,
    ) -> Result<SecurityStatus, Refusal> {
        self.per_message(handle, |session, environment| {
            require(message, BufferKind::DATA)?;
            check_room(message, session, environment)?;
            let token = session.sign(buffer::data(message), number, environment)?;
            write_token(message, &token);
            Ok(())
        })
    }

    /// VerifySignature: checks the token buffer against the data buffers.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`; `SEC_E_INVALID_TOKEN`: no data or token buffer, or a malformed signature;
    /// `SEC_E_OUT_OF_SEQUENCE`; `SEC_E_MESSAGE_ALTERED`; `SEC_E_QOP_NOT_SUPPORTED`: no protection was negotiated.
    pub fn verify_signature(
        &mut self,
        handle: CtxtHandle,
        message: &[SecBuffer],
        number: u32,
    ) -> Result<SecurityStatus, Refusal> {
        self.per_message(handle, |session, environment| {
            require(message, BufferKind::DATA)?;
            let token = require(message, BufferKind::TOKEN)?;
            session.verify(buffer::data(message), &token.bytes, number, environment)
        })
    }

    /// EncryptMessage: seals the data buffers in place and writes the signature into the token buffer.
    ///
    /// # Errors
    /// As [`Self::make_signature`]; `SEC_E_QOP_NOT_SUPPORTED`: confidentiality was not negotiated.
    pub fn encrypt_message(
        &mut self,
        handle: CtxtHandle,
        message: &mut [SecBuffer],
        number: u32,
    ) -> Result<SecurityStatus, Refusal> {
        self.per_message(handle, |session, environment| {
            if !deviates!(environment, MissingDataBufferTolerated) {
                require(message, BufferKind::DATA)?;
            }
            check_room(message, session, environment)?;
            let token = session.seal(message, number, environment)?;
            write_token(message, &token);
            Ok(())
        })
    }

    /// DecryptMessage: unseals the data buffers in place and checks the token buffer against them.
    ///
    /// # Errors
    /// As [`Self::verify_signature`]; `SEC_E_QOP_NOT_SUPPORTED`: confidentiality was not negotiated.
    pub fn decrypt_message(
        &mut self,
        handle: CtxtHandle,
        message: &mut [SecBuffer],
        number: u32,
    ) -> Result<SecurityStatus, Refusal> {
        self.per_message(handle, |session, environment| {
            require(message, BufferKind::DATA)?;
            require(message, BufferKind::TOKEN)?;
            // The token is lent out of its list while the data is changed, and put back.
            let token = swap_token(message, Vec::new());
            let outcome = session.unseal(message, &token, number, environment);
            swap_token(message, token);
            outcome
        })
    }

    fn per_message(
        &mut self,
        handle: CtxtHandle,
        call: impl FnOnce(&mut Session, &Environment) -> Result<(), Error>,
    ) -> Result<SecurityStatus, Refusal> {
        let outcome = match self.session(handle) {
            Ok((session, environment)) => call(session, environment),
            Err(misuse) => Err(misuse.into()),
        };
        outcome
            .map(|()| SecurityStatus::SEC_E_OK)
            .map_err(|error| self.refusal(error))
    }
}

fn require(message: &[SecBuffer], kind: BufferKind) -> Result<&SecBuffer, CallerMisuse> {
    buffer::find(message, kind).ok_or(CallerMisuse::MissingBuffer(kind))
}

/// Refuses before anything is changed if the signature has no room.
fn check_room(
    message: &[SecBuffer],
    session: &Session,
    environment: &Environment,
) -> Result<(), CallerMisuse> {
    let needed = session.sizes().max_signature;
    let Some(buffer) = buffer::find(message, BufferKind::TOKEN) else {
        let tolerated = deviates!(environment, MissingTokenBufferTolerated);
        return if tolerated {
            Ok(())
        } else {
            Err(CallerMisuse::MissingBuffer(BufferKind::TOKEN))
        };
    };
    let room = buffer.capacity.unwrap_or(usize::MAX);
    if room < needed && !deviates!(environment, TokenBufferTruncated) {
        return Err(CallerMisuse::BufferTooSmall { needed });
    }
    Ok(())
}

/// Writes the signature into the token buffer, which was found to have room.
fn write_token(message: &mut [SecBuffer], token: &[u8]) {
    if let Some(buffer) = buffer::find_mut(message, BufferKind::TOKEN) {
        let room = buffer.capacity.unwrap_or(usize::MAX);
        buffer.bytes.clear();
        buffer.bytes.extend(token.iter().take(room));
    }
}

/// Puts other bytes into the token buffer and returns those that it held.
fn swap_token(message: &mut [SecBuffer], bytes: Vec<u8>) -> Vec<u8> {
    buffer::find_mut(message, BufferKind::TOKEN)
        .map(|buffer| mem::replace(&mut buffer.bytes, bytes))
        .unwrap_or_default()
}
