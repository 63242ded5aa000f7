//! Negotiate: SPNEGO (RFC 4178, MS-SPNG) over the other packages.

pub mod messages;
