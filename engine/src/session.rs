//! What both sides have once there are keys: protection of messages, and what can be asked about the peer.

use zeroize::Zeroizing;

use crate::{
    buffer::Parts, codec::utf16::Text, environment::Environment, error::Error, flags, mechanism::Mechanism,
    ntlm, package::Package,
};

/// An established context of any package.
#[derive(Debug)]
#[non_exhaustive]
pub enum Session {
    /// NTLM.
    Ntlm(ntlm::Established),
}

/// Sizes of per-message tokens in bytes (SecPkgContext_Sizes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Largest token of an exchange.
    pub max_token: usize,
    /// Largest signature.
    pub max_signature: usize,
    /// Messages are best sealed in multiples of this; zero if nothing hangs on it.
    pub block_size: usize,
    /// Room that sealing needs beside the message.
    pub security_trailer: usize,
}

impl Session {
    /// Signs a message given in parts; returns the token. The caller's number of the message counts only where the
    /// transport may lose messages. Its 16 bytes are those of every package so far.
    ///
    /// # Errors
    /// Signing is not possible on this context.
    pub fn sign<'a>(
        &mut self,
        message: impl IntoIterator<Item = &'a [u8]>,
        number: u32,
        environment: &Environment,
    ) -> Result<[u8; 16], Error> {
        match self {
            Self::Ntlm(ntlm) => Ok(ntlm.protection.sign(message, number, environment)?.emit()),
        }
    }

    /// Verifies the token of a message given in parts.
    ///
    /// # Errors
    /// The token is malformed, out of sequence, or does not match the message.
    pub fn verify<'a>(
        &mut self,
        message: impl IntoIterator<Item = &'a [u8]>,
        token: &[u8],
        number: u32,
        environment: &Environment,
    ) -> Result<(), Error> {
        match self {
            Self::Ntlm(ntlm) => ntlm.protection.verify(message, token, number, environment),
        }
    }

    /// Seals a message in place, part by part; returns the token.
    ///
    /// # Errors
    /// Sealing is not possible on this context.
    pub fn seal(
        &mut self,
        message: &mut (impl Parts + ?Sized),
        number: u32,
        environment: &Environment,
    ) -> Result<[u8; 16], Error> {
        match self {
            Self::Ntlm(ntlm) => Ok(ntlm.protection.seal(message, number, environment)?.emit()),
        }
    }

    /// Unseals a message in place, part by part, and verifies its token.
    ///
    /// # Errors
    /// As [`Self::verify`], or sealing is not possible on this context.
    pub fn unseal(
        &mut self,
        message: &mut (impl Parts + ?Sized),
        token: &[u8],
        number: u32,
        environment: &Environment,
    ) -> Result<(), Error> {
        match self {
            Self::Ntlm(ntlm) => ntlm.protection.unseal(message, token, number, environment),
        }
    }

    /// The code over Negotiate's list of mechanisms (RFC 4178 section 5). It takes the first number of its direction.
    ///
    /// # Errors
    /// Signing is not possible on this context.
    pub fn sign_mech_list(&mut self, list: &[u8], environment: &Environment) -> Result<[u8; 16], Error> {
        match self {
            Self::Ntlm(ntlm) => Ok(ntlm.protection.sign_mech_list(list, environment)?.emit()),
        }
    }

    /// Verifies the peer's code over Negotiate's list of mechanisms.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_mech_list(
        &mut self,
        list: &[u8],
        token: &[u8],
        environment: &Environment,
    ) -> Result<(), Error> {
        match self {
            Self::Ntlm(ntlm) => ntlm.protection.verify_mech_list(list, token, environment),
        }
    }

    /// Whether messages can be signed.
    #[must_use]
    pub fn has_integrity(&self) -> bool {
        match self {
            Self::Ntlm(ntlm) => ntlm
                .protection
                .flags()
                .intersects(ntlm::messages::NegotiateFlags::SIGN | ntlm::messages::NegotiateFlags::SEAL),
        }
    }

    /// Whether the mechanism wants codes over Negotiate's list of mechanisms, whatever RFC 4178 says. NTLM does if its
    /// own messages have a code: acceptors on Windows refuse the one without the other.
    #[must_use]
    pub fn demands_mech_list_mic(&self) -> bool {
        match self {
            Self::Ntlm(ntlm) => ntlm.has_mic,
        }
    }

    /// The mechanism that the session is of.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Self::Ntlm(_) => Mechanism::Ntlm,
        }
    }

    /// The attributes that an initiator is granted.
    #[must_use]
    pub fn granted_initiator(
        &self,
        requirements: flags::InitRequirements,
        environment: &Environment,
    ) -> flags::InitAttributes {
        match self {
            Self::Ntlm(ntlm) => {
                ntlm::attributes::initiator(requirements, ntlm.protection.flags(), environment)
            }
        }
    }

    /// The attributes that an acceptor is granted.
    #[must_use]
    pub fn granted_acceptor(
        &self,
        requirements: flags::AcceptRequirements,
        environment: &Environment,
    ) -> flags::AcceptAttributes {
        match self {
            Self::Ntlm(ntlm) => {
                ntlm::attributes::acceptor(requirements, ntlm.protection.flags(), environment)
            }
        }
    }

    /// The context as bytes, which hold its keys. With `fresh` it begins as if nothing had been protected yet.
    #[must_use]
    pub fn export(&self, fresh: bool) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Ntlm(ntlm) => ntlm::exported::write(ntlm, fresh),
        }
    }

    /// An NTLM context of the bytes that [`Self::export`] made.
    ///
    /// # Errors
    /// The bytes are no context.
    pub fn import_ntlm(packed: &[u8]) -> Result<Self, Error> {
        Ok(Self::Ntlm(ntlm::exported::read(packed)?))
    }

    /// Whether the context is an initiator's.
    #[must_use]
    pub fn is_initiator(&self) -> bool {
        match self {
            Self::Ntlm(ntlm) => ntlm.protection.own() == ntlm::keys::Sender::Initiator,
        }
    }

    /// Whether there is a session key that both sides know.
    #[must_use]
    pub fn has_key(&self) -> bool {
        match self {
            Self::Ntlm(ntlm) => ntlm.has_key,
        }
    }

    /// What the acceptor told of itself; empty on its own side.
    #[must_use]
    pub fn target_info(&self) -> &[u8] {
        match self {
            Self::Ntlm(ntlm) => &ntlm.target_info,
        }
    }

    /// The session key.
    #[must_use]
    pub fn session_key(&self) -> &[u8] {
        match self {
            Self::Ntlm(ntlm) => &ntlm.protection.session_key().0,
        }
    }

    /// Domain and user that are logged on.
    #[must_use]
    pub fn names(&self) -> (&Text, &Text) {
        match self {
            Self::Ntlm(ntlm) => (&ntlm.domain, &ntlm.user),
        }
    }

    /// Sizes of per-message tokens.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        match self {
            Self::Ntlm(_) => Sizes {
                max_token: Package::Ntlm.max_token(),
                max_signature: ntlm::messages::Signature::SIZE,
                block_size: 0,
                security_trailer: ntlm::messages::Signature::SIZE,
            },
        }
    }
}
