//! What InitializeSecurityContext and AcceptSecurityContext have in common: one leg on a context.

use super::{Allocation, Context, CtxtHandle, SecurityInterface, Side, query};
use crate::{
    buffer::{self, BufferKind, SecBuffer},
    context::Progress,
    environment::Environment,
    error::{CallerMisuse, Error, TokenError, TokenErrorKind},
    negotiate::fragments,
    status::SecurityStatus,
};

/// What InitializeSecurityContext and AcceptSecurityContext return; `A` are the attributes of the side.
#[derive(Clone, Debug)]
pub struct LegReply<A> {
    /// The status.
    pub status: SecurityStatus,
    /// Why the call failed, if it did.
    pub error: Option<Error>,
    /// phNewContext, on any success.
    pub context: Option<CtxtHandle>,
    /// pOutput as filled.
    pub output: Vec<SecBuffer>,
    /// pfContextAttr. Security attributes show only with the final success.
    pub attributes: A,
    /// ptsExpiry or ptsTimeStamp, with the final success: 100 ns units since 1601-01-01.
    pub expiry: Option<u64>,
    /// Memory that the caller has to free.
    pub allocation: Option<Allocation>,
}

/// What a state machine made of a leg: its result, and a token whether it failed or not.
#[derive(Clone, Debug)]
pub(super) struct Made {
    result: Result<Progress, Error>,
    token: Vec<u8>,
    /// Bytes of the token that are out already.
    given: usize,
}

impl Made {
    fn rest(&self) -> &[u8] {
        self.token.get(self.given..).unwrap_or_default()
    }

    /// What the caller is told of a leg whose token was delivered: it goes on while a part of the token is left.
    #[cfg_attr(
        not(feature = "sabotage"),
        allow(unused_variables, reason = "a deviation looks at it")
    )]
    fn conclude(self, context: &mut Context, environment: &Environment) -> Result<Progress, Error> {
        if self.rest().is_empty() || deviates!(environment, FragmentEndsLeg) {
            return self.result;
        }
        context.pending = Some(self);
        Ok(Progress::Continue)
    }
}

/// Where a caller wants the output token.
pub(super) struct Room<'a> {
    /// pOutput.
    pub(super) buffers: &'a mut [SecBuffer],
    /// The package allocates.
    pub(super) allocate: bool,
    /// A token that does not fit may come in fragments.
    pub(super) fragments: bool,
}

/// A leg that failed. Its token may be in memory that the package allocated.
#[derive(Debug)]
pub(super) struct Failure {
    error: Error,
    allocation: Option<Allocation>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            allocation: None,
        }
    }
}

/// A leg that succeeded.
pub(super) struct Leg {
    pub(super) context: CtxtHandle,
    pub(super) progress: Progress,
    pub(super) allocation: Option<Allocation>,
}

impl Leg {
    pub(super) fn expiry(&self, environment: &Environment) -> Option<u64> {
        let end = if deviates!(environment, ExpiryAtOnce) {
            0
        } else {
            query::NEVER
        };
        (self.progress == Progress::Complete).then_some(end)
    }
}

/// The input token: an absent or empty one is an error where a token is due.
pub(super) fn input_token(input: &[SecBuffer]) -> Result<&[u8], TokenError> {
    buffer::find(input, BufferKind::TOKEN)
        .map(|buffer| buffer.bytes.as_slice())
        .filter(|token| !token.is_empty())
        .ok_or(TokenError::new("token", 0, TokenErrorKind::Missing))
}

impl SecurityInterface {
    /// One leg on a context: on the one behind `handle`, or on a new one, which is kept only if the leg succeeds.
    /// `is_ours` tells the side that the call is for: the context of the other side is not touched. A leg that fails
    /// gives its token, if it has one and there is room.
    pub(super) fn leg(
        &mut self,
        handle: Option<CtxtHandle>,
        begin: impl FnOnce(&mut Self) -> Result<Side, Error>,
        step: impl FnOnce(&mut Side, u32, &mut Environment, &mut Vec<u8>) -> Result<Progress, Error>,
        room: Room<'_>,
        is_ours: fn(&Side) -> bool,
    ) -> Result<Leg, Failure> {
        let Some(handle) = handle else {
            let mut context = Context {
                number: self.begun,
                side: begin(self)?,
                granted: 0,
                target: None,
                pending: None,
            };
            let mut made = make(&mut context, &mut self.environment, step);
            let allocation = self.deliver_made(&mut made, room)?;
            let progress = made.conclude(&mut context, &self.environment)?;
            self.begun = self.begun.wrapping_add(1);
            let given = self.contexts.insert(context);
            if deviates!(self.environment, ContextNotKept) {
                self.contexts.remove(given);
            }
            return Ok(Leg {
                context: CtxtHandle(given),
                progress,
                allocation,
            });
        };
        if !is_ours(&self.context(handle)?.side) {
            return Err(CallerMisuse::ForeignContext.into());
        }
        let Some(context) = self.contexts.get(handle.0) else {
            return Err(CallerMisuse::StaleContext.into());
        };
        let mut made = make(context, &mut self.environment, step);
        let delivered = self.deliver_made(&mut made, room);
        let Some(context) = self.contexts.get(handle.0) else {
            return Err(CallerMisuse::StaleContext.into());
        };
        match delivered {
            Ok(allocation) => Ok(Leg {
                context: handle,
                progress: made.conclude(context, &self.environment)?,
                allocation,
            }),
            Err(failure) => {
                context.pending = Some(made).filter(|made| made.result.is_ok());
                Err(failure)
            }
        }
    }

    /// Delivers the token of a leg. Where the leg failed that is what is told, whether there was room or not.
    fn deliver_made(&mut self, made: &mut Made, room: Room<'_>) -> Result<Option<Allocation>, Failure> {
        let part = self.part(made, &room);
        let token = part.unwrap_or_else(|| made.rest());
        let delivered = self.deliver(token, room.buffers, room.allocate);
        let given = made.given.saturating_add(token.len());
        match &made.result {
            Ok(_) => {
                let allocation = delivered?;
                made.given = given;
                Ok(allocation)
            }
            Err(error) => Err(Failure {
                error: error.clone(),
                allocation: delivered.ok().flatten(),
            }),
        }
    }

    /// The next fragment of a token that does not fit, where the caller takes fragments (MS-SPNG section 3.1.5.6).
    fn part<'m>(&self, made: &'m Made, room: &Room<'_>) -> Option<&'m [u8]> {
        let taken = room.fragments && !deviates!(self.environment, FragmentToFitIgnored)
            || deviates!(self.environment, FragmentsUnasked);
        let buffer = buffer::find(room.buffers, BufferKind::TOKEN)?;
        let capacity = buffer.capacity.filter(|_| taken && !room.allocate)?;
        fragments::part(&made.token, made.given, capacity).filter(|_| made.result.is_ok())
    }

    /// The reply to a call, with the output buffers as they are now.
    pub(super) fn reply<A: bitflags::Flags>(
        &self,
        outcome: Result<LegReply<A>, Failure>,
        output: Vec<SecBuffer>,
    ) -> LegReply<A> {
        match outcome {
            Ok(reply) => LegReply { output, ..reply },
            Err(Failure { error, allocation }) => LegReply {
                status: self.status(&error),
                error: Some(error),
                context: None,
                output,
                attributes: A::empty(),
                expiry: None,
                allocation,
            },
        }
    }

    /// Puts an output token where the caller wants it, and accounts for memory that the package allocates.
    fn deliver(
        &mut self,
        token: &[u8],
        output: &mut [SecBuffer],
        allocate: bool,
    ) -> Result<Option<Allocation>, CallerMisuse> {
        let Some(buffer) = buffer::find_mut(output, BufferKind::TOKEN) else {
            return if token.is_empty() {
                Ok(None)
            } else {
                Err(CallerMisuse::MissingBuffer(BufferKind::TOKEN))
            };
        };
        if deviates!(self.environment, TokenInDataBuffer) {
            buffer.kind = BufferKind::DATA;
        }
        if allocate {
            buffer.bytes = token.to_vec();
            return Ok((!token.is_empty()).then(|| Allocation(self.buffers.insert(()))));
        }
        let capacity = buffer.capacity.unwrap_or(usize::MAX);
        if token.len() > capacity && !deviates!(self.environment, OutputTruncatedToCapacity) {
            return Err(CallerMisuse::BufferTooSmall { needed: token.len() });
        }
        buffer.bytes = token.get(..capacity).unwrap_or(token).to_vec();
        Ok(None)
    }

    /// Both data representations are as good: tokens of these packages do not depend on it.
    pub(super) fn check_representation(&self, representation: u32) -> Result<(), CallerMisuse> {
        let network = representation == super::NETWORK_DATA_REPRESENTATION;
        if network && deviates!(self.environment, NetworkRepresentationRefused) {
            return Err(CallerMisuse::InvalidRequirement);
        }
        Ok(())
    }

    /// Remembers the attributes that a leg reports.
    pub(super) fn remember_granted(&mut self, context: CtxtHandle, granted: u32) {
        if let Some(context) = self.contexts.get(context.0) {
            context.granted = granted;
        }
    }

    pub(super) fn reports_allocation(&self, allocate: bool) -> bool {
        allocate && !deviates!(self.environment, AllocationNotReported)
            || deviates!(self.environment, AllocationAlwaysReported)
    }

    pub(super) fn leg_status(&self, progress: Progress) -> SecurityStatus {
        match progress {
            Progress::Continue if deviates!(self.environment, FirstLegReportsOk) => SecurityStatus::SEC_E_OK,
            Progress::Continue if deviates!(self.environment, AsksForCompletion) => {
                SecurityStatus::SEC_I_COMPLETE_AND_CONTINUE
            }
            Progress::Continue => SecurityStatus::SEC_I_CONTINUE_NEEDED,
            Progress::Complete => SecurityStatus::SEC_E_OK,
        }
    }
}

/// Lets the state machine make its leg, unless the last one still waits for room.
fn make(
    context: &mut Context,
    environment: &mut Environment,
    step: impl FnOnce(&mut Side, u32, &mut Environment, &mut Vec<u8>) -> Result<Progress, Error>,
) -> Made {
    context.pending.take().unwrap_or_else(|| {
        let mut token = Vec::new();
        let result = step(&mut context.side, context.number, environment, &mut token);
        let given = 0;
        Made { result, token, given }
    })
}
