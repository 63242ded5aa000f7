//! InitializeSecurityContext.

use std::mem;

use super::{
    CredHandle, CredentialUse, CtxtHandle, LegReply, SecurityInterface, Side, bindings,
    leg::{Failure, Room, input_token},
};
use crate::{
    buffer::SecBuffer,
    codec::utf16::Text,
    context::{Initiator, Progress},
    environment::Environment,
    error::{CallerMisuse, Error},
    flags::{InitAttributes, InitRequirements},
    package::Package,
    status::SecurityStatus,
    turn::{Identity, InitiatorTurn},
};

/// The arguments of InitializeSecurityContext.
#[derive(Clone, Debug)]
pub struct InitializeArguments<'a> {
    /// phCredential; looked at on the first call only.
    pub credential: Option<CredHandle>,
    /// phContext; none on the first call.
    pub context: Option<CtxtHandle>,
    /// pszTargetName.
    pub target: Option<&'a Text>,
    /// fContextReq.
    pub requirements: InitRequirements,
    /// TargetDataRep; tokens of these packages do not depend on it.
    pub data_representation: u32,
    /// pInput.
    pub input: &'a [SecBuffer],
    /// pOutput.
    pub output: Vec<SecBuffer>,
}

/// What InitializeSecurityContext returns.
pub type InitializeReply = LegReply<InitAttributes>;

impl SecurityInterface {
    /// InitializeSecurityContext.
    pub fn initialize_security_context(&mut self, mut arguments: InitializeArguments<'_>) -> InitializeReply {
        let mut output = mem::take(&mut arguments.output);
        let outcome = self.initialize(&arguments, &mut output);
        self.reply(outcome, output)
    }

    fn initialize(
        &mut self,
        arguments: &InitializeArguments<'_>,
        output: &mut [SecBuffer],
    ) -> Result<InitializeReply, Failure> {
        self.check_representation(arguments.data_representation)?;
        let (bindings, token) = (bindings::find(arguments.input), input_token(arguments.input));
        let allocate = arguments.requirements.contains(InitRequirements::ALLOCATE_MEMORY);
        let anonymous = arguments.requirements.contains(InitRequirements::NULL_SESSION);
        let begin = |interface: &mut Self| interface.begin_initiator(arguments.credential, anonymous);
        let step = |side: &mut Side, number: u32, environment: &mut Environment, out: &mut Vec<u8>| {
            let Side::Initiator(initiator) = side else {
                return Err(CallerMisuse::ForeignContext.into());
            };
            let bindings = bindings?;
            // Without a token an initiator begins, for the first time or again, or goes on waiting for the rest of one.
            let begins = arguments.context.is_none() || initiator.may_begin();
            let token = if begins { token.unwrap_or_default() } else { token? };
            let (requirements, target) = (arguments.requirements, arguments.target);
            let mut turn = InitiatorTurn {
                token,
                requirements,
                target,
                bindings,
                context: number,
                environment,
            };
            initiator.step(&mut turn, out)
        };
        let is_ours = |side: &Side| matches!(side, Side::Initiator(_));
        let fragments = arguments.requirements.contains(InitRequirements::FRAGMENT_TO_FIT);
        let room = Room {
            buffers: output,
            allocate,
            fragments,
        };
        let leg = self.leg(arguments.context, begin, step, room, is_ours)?;
        let given = self
            .contexts
            .get(leg.context.0)
            .filter(|context| context.pending.is_none());
        let mut attributes = match given.map(|context| &context.side) {
            Some(Side::Initiator(initiator)) => initiator.granted(arguments.requirements, &self.environment),
            _ => InitAttributes::empty(),
        };
        attributes.set(
            InitAttributes::ALLOCATED_MEMORY,
            self.reports_allocation(allocate),
        );
        if deviates!(self.environment, RequirementsReported) {
            attributes |= InitAttributes::STREAM | InitAttributes::USED_COLLECTED_CREDS;
        }
        self.remember_granted(leg.context, attributes.bits());
        if let Some(context) = self.contexts.get(leg.context.0) {
            context.target = arguments.target.cloned();
        }
        Ok(InitializeReply {
            status: self.initiator_status(leg.progress, arguments.context.is_some()),
            error: None,
            context: Some(leg.context),
            output: Vec::new(),
            attributes,
            expiry: leg.expiry(&self.environment),
            allocation: leg.allocation,
        })
    }

    #[cfg_attr(
        not(feature = "sabotage"),
        allow(unused_variables, reason = "a deviation looks at it")
    )]
    fn initiator_status(&self, progress: Progress, further: bool) -> SecurityStatus {
        match progress {
            Progress::Continue if further && deviates!(self.environment, FurtherLegReportsOk) => {
                SecurityStatus::SEC_E_OK
            }
            Progress::Complete if deviates!(self.environment, SecondLegReportsContinue) => {
                SecurityStatus::SEC_I_CONTINUE_NEEDED
            }
            other => self.leg_status(other),
        }
    }

    /// Who requires a null session logs on as nobody, whatever the credential says.
    fn begin_initiator(&mut self, handle: Option<CredHandle>, anonymous: bool) -> Result<Side, Error> {
        let credential = self.credential(handle, CredentialUse::Outbound)?;
        let identity = match credential.identity {
            _ if anonymous => Identity::Anonymous,
            Some(identity) => identity,
            None => return Err(CallerMisuse::NoCredentials.into()),
        };
        Ok(match credential.package {
            Package::Ntlm => Side::Initiator(Initiator::ntlm(identity)),
            Package::Negotiate => Side::Initiator(Initiator::negotiate(identity, credential.packages)),
        })
    }
}
