//! AcquireCredentialsHandle and FreeCredentialsHandle.

use std::fmt;

use super::{CredHandle, Refusal, SecurityInterface};
use crate::{
    codec::utf16::Text, error::CallerMisuse, negotiate::offer::PackageList, ntlm, package::Package,
    status::SecurityStatus, turn::Identity,
};

/// Which side a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialUse {
    /// `SECPKG_CRED_OUTBOUND`: initiators.
    Outbound,
    /// `SECPKG_CRED_INBOUND`: acceptors.
    Inbound,
}

/// An explicit identity (SEC_WINNT_AUTH_IDENTITY). Absent and empty parts are different things.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthIdentity {
    /// User name.
    pub user: Option<Text>,
    /// Domain name.
    pub domain: Option<Text>,
    /// Password.
    pub password: Option<Text>,
    /// PackageList (SEC_WINNT_AUTH_IDENTITY_EX): what Negotiate may use, `ntlm,!kerberos`.
    pub package_list: Option<Text>,
}

impl fmt::Debug for AuthIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthIdentity")
            .field("user", &self.user)
            .field("domain", &self.domain)
            .field("package_list", &self.package_list)
            .finish_non_exhaustive()
    }
}

/// A credential behind a handle.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub(super) package: Package,
    pub(super) usage: CredentialUse,
    pub(super) identity: Option<Identity>,
    pub(super) packages: PackageList,
}

impl SecurityInterface {
    /// AcquireCredentialsHandle. Without an identity an initiator's credential is empty, for the environment has no
    /// default user; the first leg then answers `SEC_E_NO_CREDENTIALS`.
    ///
    /// # Errors
    /// `SEC_E_SECPKG_NOT_FOUND`: there is no package of this name.
    pub fn acquire_credentials_handle(
        &mut self,
        package: &str,
        usage: CredentialUse,
        identity: Option<&AuthIdentity>,
    ) -> Result<(SecurityStatus, CredHandle), Refusal> {
        let package = self.query_security_package_info(package)?;
        let packages = identity
            .and_then(|identity| identity.package_list.as_ref())
            .map(PackageList::parse)
            .unwrap_or_default();
        let identity = identity.and_then(|identity| {
            let user = identity.user.clone()?;
            let password = identity.password.clone().unwrap_or_default();
            let domain = identity.domain.clone().unwrap_or_default();
            if user.is_empty() && password.is_empty() {
                return Some(Identity::Anonymous);
            }
            Some(Identity::User {
                user,
                domain,
                hashes: ntlm::keys::password_hashes(&password),
            })
        });
        let handle = self.credentials.insert(Credential {
            package,
            usage,
            identity,
            packages,
        });
        let continues = deviates!(self.environment, AcquireReportsContinue);
        let status = if continues {
            SecurityStatus::SEC_I_CONTINUE_NEEDED
        } else {
            SecurityStatus::SEC_E_OK
        };
        Ok((status, CredHandle(handle)))
    }

    /// FreeCredentialsHandle.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`: the handle was freed before or is not ours.
    pub fn free_credentials_handle(&mut self, handle: CredHandle) -> Result<SecurityStatus, Refusal> {
        if deviates!(self.environment, FreedCredentialAccepted) {
            return Ok(SecurityStatus::SEC_E_OK);
        }
        match self.credentials.remove(handle.0) {
            Some(_) => Ok(SecurityStatus::SEC_E_OK),
            None => Err(self.refusal(CallerMisuse::InvalidCredential)),
        }
    }

    /// The credential of a first leg.
    pub(super) fn credential(
        &mut self,
        handle: Option<CredHandle>,
        usage: CredentialUse,
    ) -> Result<Credential, CallerMisuse> {
        let handle = handle.ok_or(CallerMisuse::InvalidCredential)?;
        let credential = self
            .credentials
            .get(handle.0)
            .ok_or(CallerMisuse::InvalidCredential)?;
        let used_up = self.begun > 0 && deviates!(self.environment, CredentialUsedUp);
        let other_use = credential.usage != usage && !deviates!(self.environment, CredentialUseIgnored);
        if other_use || used_up {
            return Err(CallerMisuse::NoCredentials);
        }
        Ok(credential.clone())
    }
}
