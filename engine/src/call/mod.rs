//! The documented call surface: handles, SecBuffer lists, reserved arguments, call order, and the ledger of what is
//! still to be freed. Only this module knows them.

mod accept;
mod bindings;
mod credential;
mod export;
mod handles;
mod initialize;
mod leg;
mod message;
mod query;

pub use accept::{AcceptArguments, AcceptReply};
pub use credential::{AuthIdentity, CredentialUse};
pub use export::ExportFlags;
pub use handles::{CredHandle, CtxtHandle};
pub use initialize::{InitializeArguments, InitializeReply};
pub use leg::LegReply;
pub use query::{AttributeValue, ContextAttribute};

use crate::{
    codec::utf16::Text,
    context::{Acceptor, Initiator},
    environment::Environment,
    error::{CallerMisuse, Error},
    negotiate::Negotiation,
    package::Package,
    session::Session,
    status::SecurityStatus,
};
use credential::Credential;
use handles::Table;

/// `SECURITY_NATIVE_DREP`.
pub const NATIVE_DATA_REPRESENTATION: u32 = 0x10;
/// `SECURITY_NETWORK_DREP`.
pub const NETWORK_DATA_REPRESENTATION: u32 = 0;

/// One security support provider interface with its own environment, credentials and contexts.
#[derive(Debug)]
pub struct SecurityInterface {
    environment: Environment,
    credentials: Table<Credential>,
    contexts: Table<Context>,
    buffers: Table<()>,
    begun: u32,
}

/// A refused call: the status that the caller is told, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {error}")]
pub struct Refusal {
    /// The status.
    pub status: SecurityStatus,
    /// The reason.
    pub error: Error,
}

/// Handle of memory that the package allocated for output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation(u64);

/// What a caller has still to give back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Credentials to be freed with FreeCredentialsHandle.
    pub credentials: usize,
    /// Contexts to be deleted with DeleteSecurityContext.
    pub contexts: usize,
    /// Buffers to be freed with FreeContextBuffer.
    pub buffers: usize,
}

#[derive(Debug)]
struct Context {
    number: u32,
    side: Side,
    /// The attributes that the last leg reported.
    granted: u32,
    /// The target that an initiator was given last.
    target: Option<Text>,
    /// Output that did not fit the caller's buffer: the same call with room gets it.
    pending: Option<leg::Made>,
}

#[derive(Debug)]
enum Side {
    Initiator(Initiator),
    Acceptor(Acceptor),
}

impl Side {
    fn session(&mut self) -> Option<&mut Session> {
        match self {
            Self::Initiator(initiator) => initiator.session(),
            Self::Acceptor(acceptor) => acceptor.session(),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Initiator(initiator) => initiator.is_complete(),
            Self::Acceptor(acceptor) => acceptor.is_complete(),
        }
    }

    fn negotiation(&self) -> Option<Negotiation> {
        match self {
            Self::Initiator(initiator) => initiator.negotiation(),
            Self::Acceptor(acceptor) => acceptor.negotiation(),
        }
    }
}

impl SecurityInterface {
    /// An interface in an environment.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            credentials: Table::default(),
            contexts: Table::default(),
            buffers: Table::default(),
            begun: 0,
        }
    }

    /// The environment.
    #[must_use]
    pub fn environment(&mut self) -> &mut Environment {
        &mut self.environment
    }

    /// What the caller has still to give back.
    #[must_use]
    pub fn outstanding(&self) -> Outstanding {
        Outstanding {
            credentials: self.credentials.live(),
            contexts: self.contexts.live(),
            buffers: self.buffers.live(),
        }
    }

    /// FreeContextBuffer.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`: the buffer is not to be freed.
    pub fn free_context_buffer(&mut self, allocation: Allocation) -> Result<SecurityStatus, Refusal> {
        match self.buffers.remove(allocation.0) {
            Some(()) => Ok(SecurityStatus::SEC_E_OK),
            None => Err(self.refusal(CallerMisuse::StaleContext)),
        }
    }

    /// DeleteSecurityContext. A context is deleted once; a second deletion names a handle that is not valid any more.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`: the handle was deleted before or is not ours.
    pub fn delete_security_context(&mut self, handle: CtxtHandle) -> Result<SecurityStatus, Refusal> {
        if self.contexts.remove(handle.0).is_some() {
            let continues = deviates!(self.environment, DeleteReportsContinue);
            return Ok(if continues {
                SecurityStatus::SEC_I_CONTINUE_NEEDED
            } else {
                SecurityStatus::SEC_E_OK
            });
        }
        let stale = self.contexts.was_given(handle.0);
        Err(self.refusal(if stale {
            CallerMisuse::DeletedTwice
        } else {
            CallerMisuse::ForeignContext
        }))
    }

    /// CompleteAuthToken. No leg of these packages asks for it.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`; `SEC_E_UNSUPPORTED_FUNCTION`: the package does not support it, as all but Digest.
    pub fn complete_auth_token(&mut self, handle: CtxtHandle) -> Result<SecurityStatus, Refusal> {
        let misuse = match self.context(handle) {
            Ok(_) => CallerMisuse::NothingToComplete,
            Err(misuse) => misuse,
        };
        Err(self.refusal(misuse))
    }

    /// QuerySecurityPackageInfo.
    ///
    /// # Errors
    /// `SEC_E_SECPKG_NOT_FOUND`: there is no package of this name.
    pub fn query_security_package_info(&self, name: &str) -> Result<Package, Refusal> {
        Package::from_name(name).ok_or_else(|| self.refusal(CallerMisuse::UnknownPackage))
    }

    fn context(&mut self, handle: CtxtHandle) -> Result<&mut Context, CallerMisuse> {
        let stale = self.contexts.was_given(handle.0);
        self.contexts.get(handle.0).ok_or(if stale {
            CallerMisuse::StaleContext
        } else {
            CallerMisuse::ForeignContext
        })
    }

    /// The session of a context that has keys, together with the environment. A context whose last token still waits for
    /// room is not established for its caller. Negotiate has keys before its last token.
    fn session(&mut self, handle: CtxtHandle) -> Result<(&mut Session, &Environment), CallerMisuse> {
        self.context(handle)?;
        let context = self.contexts.get(handle.0).ok_or(CallerMisuse::StaleContext)?;
        if context.pending.is_some() {
            return Err(CallerMisuse::NotEstablished);
        }
        let session = context.side.session().ok_or(CallerMisuse::NotEstablished)?;
        Ok((session, &self.environment))
    }

    fn refusal(&self, error: impl Into<Error>) -> Refusal {
        let error = error.into();
        Refusal {
            status: self.status(&error),
            error,
        }
    }

    fn status(&self, error: &Error) -> SecurityStatus {
        #[cfg(feature = "sabotage")]
        if let Some(status) = self.environment.sabotage.altered_status(error) {
            return status;
        }
        error.status()
    }
}
