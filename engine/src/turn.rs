//! The arguments of one leg, the same for every package.

use crate::{
    buffer::ChannelBindings,
    codec::utf16::Text,
    environment::{Environment, PasswordHashes},
    flags::{AcceptRequirements, InitRequirements},
};

/// Who logs on.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nobody in particular: user and password are empty (MS-NLMP section 3.3.2).
    Anonymous,
    /// A user.
    User {
        /// User name.
        user: Text,
        /// Domain name.
        domain: Text,
        /// What the password leaves.
        hashes: PasswordHashes,
    },
}

/// The arguments of one leg of an initiator.
#[derive(Debug)]
pub struct InitiatorTurn<'a> {
    /// The input token; empty on the first leg.
    pub token: &'a [u8],
    /// What the caller requires.
    pub requirements: InitRequirements,
    /// Name of the target.
    pub target: Option<&'a Text>,
    /// The channel bindings.
    pub bindings: Option<ChannelBindings<'a>>,
    /// Number of the context: the index of its randomness.
    pub context: u32,
    /// The world.
    pub environment: &'a mut Environment,
}

/// The arguments of one leg of an acceptor.
#[derive(Debug)]
pub struct AcceptorTurn<'a> {
    /// The input token.
    pub token: &'a [u8],
    /// What the caller requires.
    pub requirements: AcceptRequirements,
    /// The channel bindings.
    pub bindings: Option<ChannelBindings<'a>>,
    /// Number of the context: the index of its randomness.
    pub context: u32,
    /// The world.
    pub environment: &'a mut Environment,
}
