//! SEC_CHANNEL_BINDINGS: the layout of a SECBUFFER_CHANNEL_BINDINGS buffer.
//!
//! ```text
//!  0  dwInitiatorAddrType      4  cbInitiatorLength          8  dwInitiatorOffset
//! 12  dwAcceptorAddrType      16  cbAcceptorLength          20  dwAcceptorOffset
//! 24  cbApplicationDataLength 28  dwApplicationDataOffset   32  data
//! ```

use crate::{
    buffer::{self, BufferKind, ChannelBindings, SecBuffer},
    codec,
    error::CallerMisuse,
};

/// The channel bindings among the input buffers, if there are any. They are the caller's own: no peer has a part in
/// what is wrong with them.
pub(super) fn find(input: &[SecBuffer]) -> Result<Option<ChannelBindings<'_>>, CallerMisuse> {
    buffer::find(input, BufferKind::CHANNEL_BINDINGS)
        .map(|buffer| parse(&buffer.bytes).ok_or(CallerMisuse::MalformedBindings))
        .transpose()
}

fn parse(bytes: &[u8]) -> Option<ChannelBindings<'_>> {
    let number = |at| codec::u32_le(bytes, at, "SEC_CHANNEL_BINDINGS").ok();
    // Length and offset; an empty part is empty wherever its offset points.
    let part = |at: usize| {
        let (length, offset) = (codec::index(number(at)?), codec::index(number(at + 4)?));
        match length {
            0 => Some(&[][..]),
            length => bytes.get(offset..)?.get(..length),
        }
    };
    Some(ChannelBindings {
        initiator: (number(0)?, part(4)?),
        acceptor: (number(12)?, part(16)?),
        application_data: part(24)?,
    })
}
