//! What a subject does wrong that no engine does, where it takes more than a word.

use legwork_engine::{
    buffer::BufferKind,
    negotiate::messages::{MechTypes, NegState, NegTokenInit, NegTokenResp, Oid, Token},
    status::SecurityStatus,
};

use super::told;
use crate::{
    edit::plan::Misconduct,
    protocol::{Buffer, Leg, Outcome, Role},
    run::trace::buffer,
};

/// What comes of a leg of Negotiate that failed, or whose token names another mechanism than NTLM, where the subject falls
/// back: Kerberos is offered, or chosen.
pub(super) fn fall_back(outcome: Outcome, leg: &Leg, role: Role, misconduct: Option<Misconduct>) -> Outcome {
    let went_well = [SecurityStatus::SEC_E_OK, SecurityStatus::SEC_I_CONTINUE_NEEDED]
        .iter()
        .any(|status| outcome.status == told(*status, None).status);
    let received = buffer(&leg.input, BufferKind::TOKEN.0).map(Token::parse);
    let negotiates = matches!(received, Some(Ok(Token::Framed(_) | Token::Resp(_))));
    let named = match &received {
        Some(Ok(Token::Resp(resp))) => resp.supported_mech.as_ref().is_some_and(|oid| *oid != Oid::NTLM),
        _ => false,
    };
    if (went_well && !named) || !negotiates || misconduct != Some(Misconduct::FallsBack) {
        return outcome;
    }
    let token = match role {
        Role::Initiator => NegTokenInit {
            mech_types: Some(MechTypes::new(&[Oid::KERBEROS])),
            ..NegTokenInit::default()
        }
        .emit_framed(),
        Role::Acceptor => NegTokenResp {
            neg_state: Some(NegState::ACCEPT_INCOMPLETE),
            supported_mech: Some(Oid::KERBEROS),
            ..NegTokenResp::default()
        }
        .emit(),
    };
    Outcome {
        buffers: vec![Buffer::new(BufferKind::TOKEN.0, token)],
        ..told(SecurityStatus::SEC_I_CONTINUE_NEEDED, None)
    }
}
