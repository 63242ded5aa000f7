//! ExportSecurityContext and ImportSecurityContext.

use zeroize::Zeroizing;

use super::{Context, CtxtHandle, Refusal, SecurityInterface, Side};
use crate::{
    codec,
    context::{Acceptor, Initiator},
    error::{CallerMisuse, Error},
    package::Package,
    session::Session,
    status::SecurityStatus,
};

bitflags::bitflags! {
    /// How a context is exported (fFlags).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ExportFlags: u32 {
        /// `SECPKG_CONTEXT_EXPORT_RESET_NEW`: the new context begins as if nothing had been protected yet.
        const RESET_NEW = 1;
        /// `SECPKG_CONTEXT_EXPORT_DELETE_OLD`.
        const DELETE_OLD = 2;
        // Unknown bits survive.
        const _ = !0;
    }
}

impl SecurityInterface {
    /// ExportSecurityContext: an established context as bytes, which hold its keys.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`: the handle is not that of an established context.
    pub fn export_security_context(
        &mut self,
        handle: CtxtHandle,
        flags: ExportFlags,
    ) -> Result<(SecurityStatus, Zeroizing<Vec<u8>>), Refusal> {
        let fresh = flags.contains(ExportFlags::RESET_NEW);
        let context = self.context(handle).ok();
        let (granted, complete) =
            context.map_or((0, true), |context| (context.granted, context.side.is_complete()));
        let session = match self.session(handle) {
            Ok(_) if !complete => return Err(self.refusal(CallerMisuse::NotEstablished)),
            Ok((session, environment)) => session.export(fresh || deviates!(environment, ExportForgets)),
            Err(misuse) => return Err(self.refusal(misuse)),
        };
        let mut packed = Zeroizing::new(Vec::with_capacity(session.len().saturating_add(4)));
        packed.extend_from_slice(&granted.to_le_bytes());
        packed.extend_from_slice(&session);
        if flags.contains(ExportFlags::DELETE_OLD) {
            self.delete_security_context(handle)?;
        }
        Ok((SecurityStatus::SEC_E_OK, packed))
    }

    /// ImportSecurityContext: a context of the bytes that [`Self::export_security_context`] made.
    ///
    /// # Errors
    /// `SEC_E_SECPKG_NOT_FOUND`: there is no package of this name. `SEC_E_INVALID_TOKEN`: the bytes are no context.
    pub fn import_security_context(
        &mut self,
        package: &str,
        packed: &[u8],
    ) -> Result<(SecurityStatus, CtxtHandle), Refusal> {
        let package = self.query_security_package_info(package)?;
        let unpacked = codec::u32_le(packed, 0, "PackedContext").map_err(Into::into);
        let unpacked = unpacked.and_then(|granted| {
            let session = packed.get(4..).unwrap_or_default();
            match package {
                // A context of Negotiate that is complete is one of its mechanism.
                Package::Ntlm | Package::Negotiate => Ok((granted, Session::import_ntlm(session)?)),
            }
        });
        let (granted, session) = unpacked.map_err(|error: Error| self.refusal(error))?;
        let side = if session.is_initiator() {
            Side::Initiator(Initiator::established(session))
        } else {
            Side::Acceptor(Acceptor::established(session))
        };
        let handle = self.contexts.insert(Context {
            number: self.begun,
            side,
            granted,
            target: None,
            pending: None,
        });
        self.begun = self.begun.wrapping_add(1);
        Ok((SecurityStatus::SEC_E_OK, CtxtHandle(handle)))
    }
}
