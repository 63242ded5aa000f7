#![doc = include_str!("../README.md")]

#[macro_use]
mod macros;

pub mod buffer;
pub mod call;
pub mod codec;
pub mod context;
pub mod crypto;
pub mod environment;
pub mod error;
pub mod flags;
pub mod mechanism;
pub mod negotiate;
pub mod ntlm;
pub mod package;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod session;
pub mod status;
pub mod turn;
