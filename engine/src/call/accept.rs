//! AcceptSecurityContext.

use std::mem;

use super::{
    CredHandle, CredentialUse, CtxtHandle, LegReply, SecurityInterface, Side, bindings,
    leg::{Failure, Room, input_token},
};
use crate::{
    buffer::SecBuffer,
    context::Acceptor,
    environment::Environment,
    error::{CallerMisuse, Error},
    flags::{AcceptAttributes, AcceptRequirements},
    package::Package,
    turn::AcceptorTurn,
};

/// The arguments of AcceptSecurityContext.
#[derive(Clone, Debug)]
pub struct AcceptArguments<'a> {
    /// phCredential; looked at on the first call only.
    pub credential: Option<CredHandle>,
    /// phContext; none on the first call.
    pub context: Option<CtxtHandle>,
    /// fContextReq.
    pub requirements: AcceptRequirements,
    /// TargetDataRep; tokens of these packages do not depend on it.
    pub data_representation: u32,
    /// pInput.
    pub input: &'a [SecBuffer],
    /// pOutput.
    pub output: Vec<SecBuffer>,
}

/// What AcceptSecurityContext returns.
pub type AcceptReply = LegReply<AcceptAttributes>;

impl SecurityInterface {
    /// AcceptSecurityContext.
    pub fn accept_security_context(&mut self, mut arguments: AcceptArguments<'_>) -> AcceptReply {
        let mut output = mem::take(&mut arguments.output);
        let outcome = self.accept(&arguments, &mut output);
        self.reply(outcome, output)
    }

    fn accept(
        &mut self,
        arguments: &AcceptArguments<'_>,
        output: &mut [SecBuffer],
    ) -> Result<AcceptReply, Failure> {
        self.check_representation(arguments.data_representation)?;
        let (bindings, token) = (bindings::find(arguments.input), input_token(arguments.input));
        let allocate = arguments
            .requirements
            .contains(AcceptRequirements::ALLOCATE_MEMORY);
        let begin = |interface: &mut Self| interface.begin_acceptor(arguments.credential);
        let step = |side: &mut Side, number: u32, environment: &mut Environment, out: &mut Vec<u8>| {
            let Side::Acceptor(acceptor) = side else {
                return Err(CallerMisuse::ForeignContext.into());
            };
            let (bindings, requirements) = (bindings?, arguments.requirements);
            // Without a token an acceptor begins, where its package can, or goes on waiting for the rest of one.
            let begins = acceptor.may_begin(arguments.context.is_none(), requirements);
            let token = if begins { token.unwrap_or_default() } else { token? };
            let mut turn = AcceptorTurn {
                token,
                requirements,
                bindings,
                context: number,
                environment,
            };
            acceptor.step(&mut turn, out)
        };
        let is_ours = |side: &Side| matches!(side, Side::Acceptor(_));
        let fragments = arguments
            .requirements
            .contains(AcceptRequirements::FRAGMENT_TO_FIT);
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
            Some(Side::Acceptor(acceptor)) => acceptor.granted(arguments.requirements, &self.environment),
            _ => AcceptAttributes::empty(),
        };
        attributes.set(
            AcceptAttributes::ALLOCATED_MEMORY,
            self.reports_allocation(allocate),
        );
        self.remember_granted(leg.context, attributes.bits());
        Ok(AcceptReply {
            status: self.leg_status(leg.progress),
            error: None,
            context: Some(leg.context),
            output: Vec::new(),
            attributes,
            expiry: leg.expiry(&self.environment),
            allocation: leg.allocation,
        })
    }

    fn begin_acceptor(&mut self, handle: Option<CredHandle>) -> Result<Side, Error> {
        let credential = self.credential(handle, CredentialUse::Inbound)?;
        Ok(match credential.package {
            Package::Ntlm => Side::Acceptor(Acceptor::ntlm()),
            Package::Negotiate => Side::Acceptor(Acceptor::negotiate(credential.packages)),
        })
    }
}
