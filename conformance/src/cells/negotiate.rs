//! Negotiate: the state of a side is told by what its last leg said (RFC 4178 sections 3.2 and 5; MS-SPNG section 3.2.5.2).
//!
//! | side | its leg sent, and goes on | state behind it |
//! |---|---|---|
//! | initiator | its list | `expect-selection` |
//! | initiator | a token of the mechanism, or nothing of it | `negotiating` |
//! | initiator | the mechanism's last token, with a code over the list | `expect-mic` |
//! | initiator | the mechanism's last token, without | `expect-completion` |
//! | acceptor | its list, with hints | `hinted` |
//! | acceptor | an answer, and the mechanism goes on | `negotiating` |
//! | acceptor | an answer to the mechanism's last token | `expect-mic` |
//! | either | a message of the mechanism without wrapper | `unwrapped` |

use legwork_engine::{
    negotiate::messages::{InitForm, MechTypes, NegState, NegTokenInit, NegTokenResp, Oid, Token},
    ntlm::messages::{MessageType, message_type},
};

use super::{Leg, Message, Traffic, ntlm};
use crate::{
    protocol::Role,
    suite::model::{FRAMING, Model},
};

pub(super) const TRAFFIC: Traffic = Traffic { read, behind };

fn behind<'m>(model: &'m Model, leg: &Leg<'_, 'm>) -> &'m str {
    if leg.complete {
        return model.established(leg.side).unwrap_or(leg.state);
    }
    let sent = leg.event.output().and_then(|token| Token::parse(token).ok());
    match (sent, leg.side) {
        (Some(Token::Framed(_) | Token::Bare(_)), Role::Initiator) => "expect-selection",
        (Some(Token::Framed(_) | Token::Bare(_)), Role::Acceptor) => "hinted",
        (Some(Token::Resp(resp)), Role::Initiator) if !is_last(&resp) => "negotiating",
        (Some(Token::Resp(resp)), Role::Initiator) if resp.mech_list_mic.is_some() => "expect-mic",
        (Some(Token::Resp(_)), Role::Initiator) => "expect-completion",
        (Some(Token::Resp(_)), Role::Acceptor) => match leg.event.input().map(Token::parse) {
            Some(Ok(Token::Resp(answered))) if is_last(&answered) => "expect-mic",
            _ => "negotiating",
        },
        (Some(Token::Ntlm(_)), _) => "unwrapped",
        _ => leg.state,
    }
}

/// Whether a token holds the last one of its mechanism: NTLM's AUTHENTICATE.
fn is_last(resp: &NegTokenResp<'_>) -> bool {
    let token = resp.response_token.as_deref().unwrap_or_default();
    message_type(token) == Ok(MessageType::AUTHENTICATE)
}

fn read(token: &[u8]) -> Option<Box<dyn Message>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) => Some(Box::new(FirstToken {
            framing: "framed",
            init: init.into_owned(),
        })),
        Token::Bare(init) => Some(Box::new(FirstToken {
            framing: "bare",
            init: init.into_owned(),
        })),
        Token::Resp(resp) => Some(Box::new(resp.into_owned())),
        Token::Ntlm(message) => Some(Box::new(ntlm::read(message)?)),
        Token::Kerberos(_) | Token::Negoex(_) | Token::Other(..) => None,
    }
}

struct FirstToken {
    framing: &'static str,
    init: NegTokenInit<'static>,
}

impl Message for FirstToken {
    fn name(&self) -> &'static str {
        match self.init.form {
            InitForm::Rfc => "neg-token-init",
            InitForm::Microsoft => "neg-token-init2",
        }
    }

    fn form(&self, part: &str) -> &'static str {
        let Self { framing, init } = self;
        let hints = init.hints.as_ref();
        match part {
            FRAMING => framing,
            "mech-types" => list(init.mech_types.as_ref()),
            "req-flags" => presence(init.req_flags.is_some()),
            "mech-token" => mechanism_token(init.mech_token.as_deref()),
            "hint-name" => bytes(hints.and_then(|hints| hints.hint_name.as_deref())),
            "hint-address" => bytes(hints.and_then(|hints| hints.hint_address.as_deref())),
            "mech-list-mic" => bytes(init.mech_list_mic.as_deref()),
            _ => presence(!init.extensions.is_empty()),
        }
    }
}

impl Message for NegTokenResp<'static> {
    fn name(&self) -> &'static str {
        "neg-token-resp"
    }

    fn form(&self, part: &str) -> &'static str {
        match part {
            "neg-state" => self
                .neg_state
                .map_or("absent", |state| NegState::name(state).unwrap_or("other")),
            "supported-mech" => match &self.supported_mech {
                None => "absent",
                Some(oid) if *oid == Oid::NTLM => "ntlm",
                Some(_) => "other",
            },
            "response-token" => mechanism_token(self.response_token.as_deref()),
            "mech-list-mic" => bytes(self.mech_list_mic.as_deref()),
            _ => presence(!self.extensions.is_empty()),
        }
    }
}

fn presence(present: bool) -> &'static str {
    if present { "present" } else { "absent" }
}

fn bytes(part: Option<&[u8]>) -> &'static str {
    match part {
        Some([]) => "empty",
        part => presence(part.is_some()),
    }
}

fn list(list: Option<&MechTypes<'_>>) -> &'static str {
    match list.map(|list| list.iter().count()) {
        None => "absent",
        Some(0) => "empty",
        Some(1) => "one",
        Some(_) => "many",
    }
}

/// A token of a mechanism inside, by how it begins.
fn mechanism_token(token: Option<&[u8]>) -> &'static str {
    match token {
        None | Some([]) => bytes(token),
        Some(token) => match Token::parse(token) {
            Ok(Token::Ntlm(_)) => "ntlm",
            Ok(Token::Negoex(_)) => "negoex",
            _ => "other",
        },
    }
}
