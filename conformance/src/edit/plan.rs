//! What a reference does wrong on purpose: as a saboteur in every case, or as a misbehaving peer in a step of one.

use std::{
    any::Any,
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use legwork_engine::{
    buffer::BufferKind,
    negotiate::messages::{self, NegTokenInit, NegTokenResp},
    ntlm::messages::{
        Authenticate, Challenge, ClientChallenge, MessageType, Negotiate, Signature, message_type,
    },
    sabotage::{Deviation, Sabotage, Shaper},
};

use super::{self as edit, Token, fields::Fields};
use crate::{
    protocol::Buffer,
    suite::{saboteur, scenario::Edit},
};

/// Deviations of one reference.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    deviation: Option<Deviation>,
    as_sent: Vec<(String, Vec<Edit>)>,
    in_transit: Vec<(String, Vec<Edit>)>,
    next: Next,
    misconduct: Option<Misconduct>,
}

/// Edits of the next token only.
#[derive(Clone, Debug, Default)]
struct Next {
    /// The token that is meant, where there is a choice.
    token: Option<String>,
    edits: Vec<Edit>,
    /// How many edits took effect.
    applied: Arc<AtomicUsize>,
}

/// What a subject does wrong that no engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misconduct {
    /// The process dies on its second leg.
    Dies,
    /// The process does not answer on its second leg.
    FallsSilent,
    /// Its legs that go on have no attributes.
    ForgetsAttributes,
    /// A leg of Negotiate that fails goes on with another mechanism.
    FallsBack,
    /// Decodes other fields than the token has.
    Misreads,
    /// Decodes what is no token.
    TakesMalformed,
    /// Encodes another token.
    Miswrites,
    /// Computes another value.
    Miscomputes,
}

impl Plan {
    /// The plan of a saboteur; none if it misbehaves as a caller or its deviation is unknown.
    #[must_use]
    pub fn of(saboteur: &saboteur::Saboteur) -> Option<Self> {
        let mut plan = Self::default();
        match &saboteur.does {
            saboteur::Sabotage::Deviation(name) => plan.deviation = Some(Deviation::from_name(name)?),
            saboteur::Sabotage::AsSent(edits) => {
                plan.as_sent.push((edits.token.clone(), edits.edits.clone()))
            }
            saboteur::Sabotage::InTransit(edits) => {
                plan.in_transit.push((edits.token.clone(), edits.edits.clone()))
            }
            saboteur::Sabotage::Subject(name) => {
                plan.misconduct = Some(match name.as_str() {
                    "dies" => Misconduct::Dies,
                    "falls-silent" => Misconduct::FallsSilent,
                    "forgets-attributes" => Misconduct::ForgetsAttributes,
                    "falls-back" => Misconduct::FallsBack,
                    "misreads" => Misconduct::Misreads,
                    "takes-malformed" => Misconduct::TakesMalformed,
                    "miswrites" => Misconduct::Miswrites,
                    "miscomputes" => Misconduct::Miscomputes,
                    _ => return None,
                });
            }
            saboteur::Sabotage::Caller(_) => return None,
        }
        Some(plan)
    }

    /// Edits of the next token only; an empty list takes them back. A token's name tells the structure inside the
    /// NT response from the message around it.
    pub fn set_next(&mut self, token: Option<&str>, edits: &[Edit]) {
        self.next = Next {
            token: token.map(str::to_owned),
            edits: edits.to_vec(),
            applied: Arc::default(),
        };
    }

    /// How many edits of the next token have not taken effect.
    #[must_use]
    pub fn unapplied(&self) -> usize {
        self.next
            .edits
            .len()
            .saturating_sub(self.next.applied.load(Ordering::Relaxed))
    }

    /// What the subject does wrong that no engine does.
    #[must_use]
    pub fn misconduct(&self) -> Option<Misconduct> {
        self.misconduct
    }

    /// The plan in the engine's terms.
    #[must_use]
    pub fn sabotage(&self) -> Sabotage {
        let shaper = EditShaper {
            named: self.as_sent.clone(),
            next: self.next.clone(),
        };
        let idle = shaper.named.is_empty() && shaper.next.edits.is_empty();
        Sabotage {
            deviation: self.deviation,
            shaper: if idle { None } else { Some(Box::new(shaper)) },
        }
    }

    /// Changes the tokens among the buffers of a reply.
    pub fn edit_in_transit(&self, buffers: &mut [Buffer]) {
        for buffer in buffers
            .iter_mut()
            .filter(|buffer| buffer.kind == BufferKind::TOKEN.0)
        {
            let name = token_name(&buffer.bytes);
            for (_, edits) in self.in_transit.iter().filter(|(token, _)| token == name) {
                if let Ok(Token::Bytes(bytes)) = edit::in_transit(&Token::Bytes(buffer.bytes.clone()), edits)
                {
                    buffer.bytes = bytes;
                }
            }
        }
    }
}

/// The name of a token by its bytes.
#[must_use]
pub fn token_name(bytes: &[u8]) -> &'static str {
    match message_type(bytes) {
        Ok(MessageType::NEGOTIATE) => "negotiate",
        Ok(MessageType::CHALLENGE) => "challenge",
        Ok(MessageType::AUTHENTICATE) => "authenticate",
        _ => match messages::Token::parse(bytes) {
            Ok(messages::Token::Framed(init) | messages::Token::Bare(init)) if init.hints.is_some() => {
                "neg-token-init2"
            }
            Ok(messages::Token::Framed(_) | messages::Token::Bare(_)) => "neg-token-init",
            Ok(messages::Token::Resp(_)) => "neg-token-resp",
            _ => "signature",
        },
    }
}

/// Applies edits to what the engine is about to send.
#[derive(Clone, Debug)]
struct EditShaper {
    named: Vec<(String, Vec<Edit>)>,
    next: Next,
}

impl EditShaper {
    /// The edits for a token, first those that hold for every such token, then those for the next one.
    fn edits<'a>(
        &'a self,
        token: &'a str,
    ) -> (
        impl Iterator<Item = &'a Edit>,
        impl Iterator<Item = Cow<'a, Edit>>,
    ) {
        let named = self
            .named
            .iter()
            .filter(move |(name, _)| name == token)
            .flat_map(|(_, edits)| edits);
        let next = self
            .next
            .edits
            .iter()
            .filter_map(move |edit| match &self.next.token {
                Some(meant) => (meant == token).then_some(Cow::Borrowed(edit)),
                None => of_token(edit, token),
            });
        (named, next)
    }

    fn count(&self, done: bool) {
        self.next.applied.fetch_add(usize::from(done), Ordering::Relaxed);
    }
}

/// An edit as one of this token, if it is: the path of a field in the mechanism's token, which the mechanism makes
/// itself, leads through the token of Negotiate around it.
fn of_token<'e>(edit: &'e Edit, token: &str) -> Option<Cow<'e, Edit>> {
    let around = token.starts_with("neg-token-");
    let (edit, is_inner) = match edit::inside(edit, &["mech-token.", "response-token."]) {
        Some(inner) => (Cow::Owned(inner), true),
        None => (Cow::Borrowed(edit), false),
    };
    let fits = match token {
        _ if around => !is_inner,
        "signature" => !is_inner,
        "client-challenge" => in_client_challenge(&edit),
        "authenticate" => !in_client_challenge(&edit),
        _ => true,
    };
    fits.then_some(edit)
}

/// Whether an edit names a part of the client challenge: it is made there, so that the proof covers it.
fn in_client_challenge(edit: &Edit) -> bool {
    edit::path(edit).is_some_and(|path| {
        matches!(
            path,
            "response-type" | "highest-response-type" | "reserved" | "timestamp" | "challenge" | "av-pairs"
        ) || path.starts_with("av-pairs.")
    })
}

/// The owned message of a token's name.
fn fields<'a>(token: &str, message: &'a mut dyn Any) -> Option<&'a mut dyn Fields> {
    match token {
        "negotiate" => of::<Negotiate<'static>>(message),
        "challenge" => of::<Challenge<'static>>(message),
        "client-challenge" => of::<ClientChallenge<'static>>(message),
        "authenticate" => of::<Authenticate<'static>>(message),
        "neg-token-init" | "neg-token-init2" => of::<NegTokenInit<'static>>(message),
        "neg-token-resp" => of::<NegTokenResp<'static>>(message),
        _ => of::<Signature>(message),
    }
}

fn of<T: Fields + 'static>(message: &mut dyn Any) -> Option<&mut dyn Fields> {
    let message: &mut dyn Fields = message.downcast_mut::<T>()?;
    Some(message)
}

impl Shaper for EditShaper {
    fn shape(&mut self, token: &'static str, message: &mut dyn Any) {
        let Some(fields) = fields(token, message) else {
            return;
        };
        let (named, next) = self.edits(token);
        for edit in named.filter(|edit| !edit::is_raw(edit)) {
            // A saboteur whose edit does not take effect is not caught, which the kill matrix shows.
            let _ = edit::apply(fields, edit);
        }
        for edit in next.filter(|edit| !edit::is_raw(edit)) {
            self.count(edit::apply(fields, &edit).is_ok());
        }
    }

    fn shape_bytes(&mut self, token: &'static str, bytes: &mut Vec<u8>) {
        let (named, next) = self.edits(token);
        for edit in named.filter(|edit| edit::is_raw(edit)) {
            if let Ok(changed) = edit::raw(bytes, edit) {
                *bytes = changed;
            }
        }
        for edit in next.filter(|edit| edit::is_raw(edit)) {
            let changed = edit::raw(bytes, &edit);
            self.count(changed.is_ok());
            *bytes = changed.unwrap_or_else(|_| bytes.clone());
        }
    }
}
