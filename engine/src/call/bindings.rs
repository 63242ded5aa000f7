//! SEC_CHANNEL_BINDINGS: the layout of a SECBUFFER_CHANNEL_BINDINGS buffer.
//!
//! ```text
//!  0  dwInitiatorAddrType      4  cbInitiatorLength          8  dwInitiatorOffset
//! 12  dwAcceptorAddrType      16  cbAcceptorLength          20  dwAcceptorOffset
//! 24  cbApplicationDataLength 28  dwApplicationDataOffset   32  data
//! ```

use crate::{
    buffer::{self, BufferKind, SecBuffer},
    codec,
    error::{TokenError, TokenErrorKind},
};

/// The application data of the channel bindings among the input buffers, if there are bindings.
pub(super) fn application_data(input: &[SecBuffer]) -> Result<Option<&[u8]>, TokenError> {
    let Some(buffer) = buffer::find(input, BufferKind::CHANNEL_BINDINGS) else {
        return Ok(None);
    };
    let length = codec::index(codec::u32_le(&buffer.bytes, 24, "cbApplicationDataLength")?);
    let offset = codec::index(codec::u32_le(&buffer.bytes, 28, "dwApplicationDataOffset")?);
    buffer
        .bytes
        .get(offset..)
        .and_then(|rest| rest.get(..length))
        .map(Some)
        .ok_or_else(|| TokenError::new("dwApplicationDataOffset", 28, TokenErrorKind::OutOfBounds))
}
