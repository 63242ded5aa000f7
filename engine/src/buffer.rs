//! SecBuffer and SecBufferDesc: typed buffers in and out of every call.
//!
//! Source: the SecBuffer and SecBufferDesc pages. BufferType mixes a number (lower 28 bits) with attributes (upper 4).

use std::fmt;

/// The number in BufferType, without the attribute bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferKind(pub u32);

macro_rules! kinds {
    ($($name:ident = $value:literal;)*) => {
        impl BufferKind {
            $(
                #[doc = concat!("`SECBUFFER_", stringify!($name), "`.")]
                pub const $name: Self = Self($value);
            )*

            /// Every documented kind.
            pub const NAMED: &[(&str, Self)] = &[$((stringify!($name), Self::$name)),*];
        }
    };
}

kinds! {
    EMPTY = 0;
    DATA = 1;
    TOKEN = 2;
    PKG_PARAMS = 3;
    MISSING = 4;
    EXTRA = 5;
    STREAM_TRAILER = 6;
    STREAM_HEADER = 7;
    NEGOTIATION_INFO = 8;
    PADDING = 9;
    STREAM = 10;
    MECHLIST = 11;
    MECHLIST_SIGNATURE = 12;
    TARGET = 13;
    CHANNEL_BINDINGS = 14;
    CHANGE_PASS_RESPONSE = 15;
    TARGET_HOST = 16;
    ALERT = 17;
    APPLICATION_PROTOCOLS = 18;
    SRTP_PROTECTION_PROFILES = 19;
    SRTP_MASTER_KEY_IDENTIFIER = 20;
    TOKEN_BINDING = 21;
    PRESHARED_KEY = 22;
    PRESHARED_KEY_IDENTITY = 23;
    DTLS_MTU = 24;
    SEND_GENERIC_TLS_EXTENSION = 25;
    SUBSCRIBE_GENERIC_TLS_EXTENSION = 26;
    FLAGS = 27;
    TRAFFIC_SECRETS = 28;
    CERTIFICATE_REQUEST_CONTEXT = 29;
    CHANNEL_BINDINGS_RESULT = 30;
}

impl fmt::Debug for BufferKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.iter().find(|(_, value)| value == self) {
            Some((name, _)) => write!(formatter, "SECBUFFER_{name}"),
            None => write!(formatter, "BufferKind({})", self.0),
        }
    }
}

bitflags::bitflags! {
    /// Attribute bits of BufferType.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct BufferAttributes: u32 {
        /// `SECBUFFER_READONLY`: not written. The pages contradict each other on the checksum; implementations cover it.
        const READONLY = 0x8000_0000;
        /// `SECBUFFER_READONLY_WITH_CHECKSUM`: not written, covered by the checksum.
        const READONLY_WITH_CHECKSUM = 0x1000_0000;
        // Unknown bits survive.
        const _ = !0;
    }
}

impl BufferAttributes {
    /// A buffer with any of these is not written.
    pub const UNWRITTEN: Self = Self::READONLY.union(Self::READONLY_WITH_CHECKSUM);
}

/// One SecBuffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecBuffer {
    /// What the buffer is for.
    pub kind: BufferKind,
    /// How it may be used.
    pub attributes: BufferAttributes,
    /// Room that the caller provides for output, in bytes; none where the package allocates.
    pub capacity: Option<usize>,
    /// The bytes that the buffer holds.
    pub bytes: Vec<u8>,
}

impl SecBuffer {
    /// A buffer that holds bytes.
    #[must_use]
    pub fn new(kind: BufferKind, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            attributes: BufferAttributes::empty(),
            capacity: None,
            bytes: bytes.into(),
        }
    }

    /// An empty buffer with room for output.
    #[must_use]
    pub fn with_capacity(kind: BufferKind, capacity: usize) -> Self {
        Self {
            kind,
            attributes: BufferAttributes::empty(),
            capacity: Some(capacity),
            bytes: Vec::new(),
        }
    }
}

/// The first buffer of a kind, as calls look one up in a descriptor.
#[must_use]
pub fn find(buffers: &[SecBuffer], kind: BufferKind) -> Option<&SecBuffer> {
    buffers.iter().find(|buffer| buffer.kind == kind)
}

/// The first buffer of a kind, to be written.
#[must_use]
pub fn find_mut(buffers: &mut [SecBuffer], kind: BufferKind) -> Option<&mut SecBuffer> {
    buffers.iter_mut().find(|buffer| buffer.kind == kind)
}

/// The data buffers of a message in order: what is signed, as one text.
pub fn data(message: &[SecBuffer]) -> impl Iterator<Item = &[u8]> {
    let data = message.iter().filter(|buffer| buffer.kind == BufferKind::DATA);
    data.map(|buffer| buffer.bytes.as_slice())
}

/// A part of a message. All parts are covered by the checksum.
#[derive(Debug)]
pub struct Part<'a> {
    /// The bytes.
    pub bytes: &'a mut [u8],
    /// Whether the bytes are sealed; otherwise they travel as they are.
    pub sealed: bool,
}

/// A message in parts, as one text, that is sealed or unsealed in place.
pub trait Parts {
    /// The parts in order.
    fn parts_mut(&mut self) -> impl Iterator<Item = Part<'_>>;
}

/// The data buffers of a list; those that may only be read are not sealed.
impl Parts for [SecBuffer] {
    fn parts_mut(&mut self) -> impl Iterator<Item = Part<'_>> {
        let data = self.iter_mut().filter(|buffer| buffer.kind == BufferKind::DATA);
        data.map(|buffer| Part {
            sealed: !buffer.attributes.intersects(BufferAttributes::UNWRITTEN),
            bytes: &mut buffer.bytes,
        })
    }
}

impl<P: AsMut<[u8]>, const N: usize> Parts for [P; N] {
    fn parts_mut(&mut self) -> impl Iterator<Item = Part<'_>> {
        self.iter_mut().map(|bytes| Part {
            bytes: bytes.as_mut(),
            sealed: true,
        })
    }
}

/// What a SECBUFFER_CHANNEL_BINDINGS buffer holds: the channel that an exchange runs in (RFC 2744 section 3.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelBindings<'a> {
    /// Type and bytes of the initiator's address; zero and empty if it is not bound.
    pub initiator: (u32, &'a [u8]),
    /// Type and bytes of the acceptor's address; zero and empty if it is not bound.
    pub acceptor: (u32, &'a [u8]),
    /// Application data: the name of a kind of bindings and what it takes from the channel.
    pub application_data: &'a [u8],
}
