//! What an exchange that nobody touches comes to: who completes it, with which attributes, or which leg refuses it and
//! with which status. Written down from MS-NLMP and the tables of the two calls, without a look at tokens.

use legwork_engine::{
    environment::AccountState,
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    ntlm::messages::NegotiateFlags as Flags,
    status::SecurityStatus as Status,
};

use super::world::{Choices, Logon};

/// A refusal: the number of the leg, from 0, and its status.
pub type Refusal = (u8, Status);

/// Whom the acceptor takes the initiator for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guise {
    /// The owner of the account.
    Owner,
    /// A guest: the two sides have no key in common.
    Guest,
    /// Nobody in particular.
    Nobody,
}

/// What both sides end with.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    /// The flags that both sides agree on.
    pub flags: Flags,
    /// Whom the acceptor takes the initiator for.
    pub guise: Guise,
}

/// Foretells an exchange.
///
/// # Errors
/// The leg that refuses, and its status.
pub fn forecast(choices: &Choices) -> Result<Forecast, Refusal> {
    let offered = offered(choices);
    let chosen = chosen(choices, offered)?;
    let flags = agreed(choices, offered, chosen)?;
    let guise = guise(choices)?;
    bindings(choices)?;
    Ok(Forecast { flags, guise })
}

/// The flags of a set, if a condition holds.
fn only_if(condition: bool, flags: Flags) -> Flags {
    if condition { flags } else { Flags::empty() }
}

fn offered(choices: &Choices) -> Flags {
    use InitRequirements as Requirements;
    let wants = choices.init_requirements();
    let protects = Requirements::INTEGRITY
        | Requirements::REPLAY_DETECT
        | Requirements::SEQUENCE_DETECT
        | Requirements::CONFIDENTIALITY;
    let always = Flags::UNICODE | Flags::OEM | Flags::KEY_EXCH | Flags::NEGOTIATE_128 | Flags::NEGOTIATE_56;
    let all = always
        | only_if(wants.intersects(protects), Flags::SIGN)
        | only_if(wants.contains(Requirements::CONFIDENTIALITY), Flags::SEAL)
        | only_if(wants.contains(Requirements::IDENTIFY), Flags::IDENTIFY)
        | only_if(wants.contains(Requirements::DATAGRAM), Flags::DATAGRAM)
        | only_if(choices.initiator_level() >= 1, Flags::EXTENDED_SESSIONSECURITY);
    all - Flags::from_bits_retain(choices.withheld)
}

/// What the acceptor chooses of an offer, or of its own one if the initiator left the first word to it.
fn chosen(choices: &Choices, offered: Flags) -> Result<Flags, Refusal> {
    let refusal = (1, Status::SEC_E_INVALID_TOKEN);
    let datagram = offered.contains(Flags::DATAGRAM);
    if datagram
        && !choices
            .accept_requirements()
            .contains(AcceptRequirements::DATAGRAM)
    {
        return Err(refusal);
    }
    let optional = Flags::SIGN | Flags::SEAL | Flags::EXTENDED_SESSIONSECURITY;
    let strength = Flags::KEY_EXCH | Flags::NEGOTIATE_128 | Flags::NEGOTIATE_56;
    let offered = match datagram {
        true => Flags::UNICODE | Flags::DATAGRAM | optional | strength,
        false => offered,
    };
    let common = offered - Flags::from_bits_retain(choices.denied);
    if !common.intersects(Flags::UNICODE | Flags::OEM) {
        return Err(refusal);
    }
    let oem = !common.contains(Flags::UNICODE);
    let protects = common.intersects(Flags::SIGN | Flags::SEAL);
    let chosen = common & (optional | Flags::IDENTIFY | Flags::UNICODE)
        | only_if(oem, Flags::OEM)
        | only_if(protects, common & strength)
        | only_if(
            common.contains(Flags::DATAGRAM),
            Flags::DATAGRAM | Flags::KEY_EXCH,
        );
    if !chosen.contains(Flags::NEGOTIATE_128) && choices.policy & 32 != 0 {
        return Err((1, Status::SEC_E_UNSUPPORTED_FUNCTION));
    }
    Ok(chosen)
}

/// What the initiator accepts of the choice, and the acceptor of that.
fn agreed(choices: &Choices, offered: Flags, chosen: Flags) -> Result<Flags, Refusal> {
    let common = offered & chosen;
    if !common.intersects(Flags::UNICODE | Flags::OEM) {
        return Err((2, Status::SEC_E_INVALID_TOKEN));
    }
    let unsupported = |leg| Err((leg, Status::SEC_E_UNSUPPORTED_FUNCTION));
    if offered.contains(Flags::DATAGRAM) && !common.contains(Flags::DATAGRAM | Flags::KEY_EXCH) {
        return unsupported(2);
    }
    let weak = !common.contains(Flags::NEGOTIATE_128);
    if weak && choices.policy & 16 != 0 {
        return unsupported(2);
    }
    if weak && choices.policy & 32 != 0 {
        return unsupported(3);
    }
    Ok(common)
}

fn sends_version_two(choices: &Choices) -> bool {
    choices.initiator_level() >= 3 && choices.who() != Logon::Nobody
}

fn guise(choices: &Choices) -> Result<Guise, Refusal> {
    let denied = Err((3, Status::SEC_E_LOGON_DENIED));
    if choices.who() == Logon::Nobody {
        let allows = AcceptRequirements::ALLOW_NULL_SESSION;
        return match choices.accept_requirements().contains(allows) {
            true => Ok(Guise::Nobody),
            false => denied,
        };
    }
    if !sends_version_two(choices) && choices.acceptor_level() == 5 {
        return denied;
    }
    match choices.who() {
        Logon::Owner if choices.account_state() == AccountState::Enabled => Ok(Guise::Owner),
        Logon::Stranger if choices.guests() => Ok(Guise::Guest),
        _ => denied,
    }
}

/// Only a response of version 2 tells what channel the initiator is in.
fn bindings(choices: &Choices) -> Result<(), Refusal> {
    let Some(own) = choices.acceptor_bindings else {
        return Ok(());
    };
    let told = choices.initiator_bindings.filter(|_| sends_version_two(choices));
    let may_be_missing = choices
        .accept_requirements()
        .contains(AcceptRequirements::ALLOW_MISSING_BINDINGS);
    match told {
        Some(told) if told == own => Ok(()),
        None if may_be_missing => Ok(()),
        _ => Err((3, Status::SEC_E_BAD_BINDINGS)),
    }
}

/// The two sides have the same attributes in bits of their own.
macro_rules! granted {
    ($forecast:ident, $wants:expr, $protects:expr, $Attributes:ident, $Requirements:ident) => {{
        let (flags, wants, protects) = ($forecast.flags, $wants, $protects);
        let signs = protects && flags.contains(Flags::SIGN);
        let mut granted = $Attributes::empty();
        granted.set($Attributes::INTEGRITY, signs);
        granted.set(
            $Attributes::CONFIDENTIALITY,
            protects && flags.contains(Flags::SEAL),
        );
        granted.set(
            $Attributes::REPLAY_DETECT,
            signs && wants.contains($Requirements::REPLAY_DETECT),
        );
        granted.set(
            $Attributes::SEQUENCE_DETECT,
            signs && wants.contains($Requirements::SEQUENCE_DETECT),
        );
        granted.set($Attributes::CONNECTION, wants.contains($Requirements::CONNECTION));
        granted.set($Attributes::IDENTIFY, flags.contains(Flags::IDENTIFY));
        granted.set($Attributes::DATAGRAM, flags.contains(Flags::DATAGRAM));
        granted.set($Attributes::NULL_SESSION, $forecast.guise == Guise::Nobody);
        granted
    }};
}

impl Forecast {
    /// The attributes that the initiator is granted. It does not know that it is a guest.
    #[must_use]
    pub fn init_attributes(&self, choices: &Choices) -> InitAttributes {
        granted!(
            self,
            choices.init_requirements(),
            self.guise != Guise::Nobody,
            InitAttributes,
            InitRequirements
        )
    }

    /// The attributes that the acceptor is granted. With a guest or nobody there is no key to protect anything with.
    #[must_use]
    pub fn accept_attributes(&self, choices: &Choices) -> AcceptAttributes {
        let protects = self.guise == Guise::Owner;
        granted!(
            self,
            choices.accept_requirements(),
            protects,
            AcceptAttributes,
            AcceptRequirements
        )
    }
}
