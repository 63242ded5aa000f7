//! What each side knows of a negotiation, by the tokens that it has sent and received.

use legwork_engine::{
    negotiate::messages::{MechTypes, NegState, Oid, Token},
    ntlm::messages::{Authenticate, Challenge, MessageType, NegotiateFlags, message_type},
};

use crate::{check::ntlm::recompute::ResponseForm, protocol::Role};

/// What a side knows of an exchange.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The initiator's list as it is encoded.
    pub(super) list: Vec<u8>,
    /// The mechanisms in it.
    pub(super) offered: Vec<Oid<'static>>,
    /// What the acceptor chose.
    pub(super) chosen: Option<Oid<'static>>,
    /// Answers of the acceptor so far.
    pub(super) answers: usize,
    /// Whether the first of them asks for codes.
    requested: bool,
    /// The state in the last token of the peer.
    pub(super) told: Option<NegState>,
    /// Whether this side has sent a code, and whether it has got one.
    pub(super) codes: [bool; 2],
    /// The tokens go without wrapper.
    pub(super) raw: bool,
    /// The challenge of NTLM.
    challenge: Option<NegotiateFlags>,
    /// What both agreed on, once NTLM is done, and whether nobody in particular logs on.
    pub(super) agreed: Option<(NegotiateFlags, bool)>,
    /// NTLM's third message has a code over all three.
    pub(super) announced: bool,
    /// A token could not be read: what its maker or reader knows since then is not known here.
    pub(super) lost: bool,
    /// The side's exchange is complete.
    pub(super) complete: bool,
}

impl View {
    /// Takes in a token of either side.
    pub(super) fn hear(&mut self, token: &[u8], from: Role, own: bool) {
        match Token::parse(token) {
            Ok(Token::Framed(init) | Token::Bare(init)) if from == Role::Initiator => {
                if let Some(list) = &init.mech_types {
                    self.list = list.0.to_vec();
                    self.offered = list.iter().map(Oid::into_owned).collect();
                }
                self.code(init.mech_list_mic.as_deref(), init.mech_token.as_deref(), own);
                self.inner(init.mech_token.as_deref(), own);
            }
            Ok(Token::Resp(resp)) => {
                if from == Role::Acceptor {
                    self.answers = self.answers.saturating_add(1);
                    self.requested |= self.answers == 1 && resp.neg_state == Some(NegState::REQUEST_MIC);
                    self.chosen = self
                        .chosen
                        .take()
                        .or_else(|| resp.supported_mech.clone().map(Oid::into_owned));
                }
                if !own {
                    self.told = resp.neg_state;
                }
                self.code(resp.mech_list_mic.as_deref(), resp.response_token.as_deref(), own);
                self.inner(resp.response_token.as_deref(), own);
            }
            Ok(Token::Ntlm(message)) => {
                self.raw = true;
                self.inner(Some(message), own);
            }
            // An acceptor's own list offers nothing.
            Ok(Token::Framed(_) | Token::Bare(_)) => {}
            _ => self.lost |= !token.is_empty(),
        }
    }

    /// What a code over the list may cover: the list as it was sent, and its distinguished encoding, which RFC 4178
    /// section 5 names; they differ only if the list is not in that encoding. Nothing if nobody can tell.
    pub(super) fn covered(&self) -> Vec<Vec<u8>> {
        if self.lost {
            return Vec::new();
        }
        let distinguished = MechTypes::new(&self.offered).0.into_owned();
        let mut covered = vec![self.list.clone(), distinguished];
        covered.dedup();
        covered
    }

    /// A code that repeats the token beside it is none.
    fn code(&mut self, code: Option<&[u8]>, token: Option<&[u8]>, own: bool) {
        let [sent, got] = &mut self.codes;
        let seen = if own { sent } else { got };
        *seen |= code.is_some_and(|code| !code.is_empty()) && code != token;
    }

    fn inner(&mut self, token: Option<&[u8]>, own: bool) {
        let Some(token) = token else { return };
        match message_type(token) {
            Ok(MessageType::CHALLENGE) => {
                let message = Challenge::parse(token).ok();
                self.lost |= !own && message.is_none();
                self.challenge = message.map(|message| message.flags);
            }
            Ok(MessageType::AUTHENTICATE) => {
                let message = Authenticate::parse(token).ok();
                self.lost |= !own && message.is_none();
                self.announced = message.as_ref().is_some_and(|message| message.mic.is_some());
                let agreed = message.zip(self.challenge);
                self.agreed = agreed.map(|(message, challenge)| {
                    let anonymous = ResponseForm::of(&message) == ResponseForm::Anonymous;
                    (message.flags & challenge, anonymous)
                });
            }
            _ => {}
        }
    }

    /// Whether the mechanism can sign; none while it is not done.
    pub(super) fn integrity(&self) -> Option<bool> {
        let (flags, anonymous) = self.agreed?;
        // Whoever seals can sign as well.
        let signs = flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL);
        Some(signs && !anonymous)
    }

    /// Whether codes are due, as far as a side can tell.
    pub(super) fn codes_due(&self) -> bool {
        let other = self.chosen.as_ref().is_some_and(|chosen| !self.prefers(chosen));
        self.integrity() == Some(true) && (other || self.requested)
    }

    /// Whether a mechanism is the first of the list. Kerberos has two identifiers.
    pub(super) fn prefers(&self, chosen: &Oid<'_>) -> bool {
        let kerberos = |oid: &Oid<'_>| [Oid::KERBEROS, Oid::MS_KERBEROS].contains(oid);
        let same = |first: &Oid<'_>| first == chosen || kerberos(first) && kerberos(chosen);
        self.offered.first().is_some_and(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of NTLM alone in a token without frame, with a longer length than it needs.
    fn long_list() -> Vec<u8> {
        let around = [0xa0, 0x13, 0x30, 0x11, 0xa0, 0x0f];
        [&around[..], &list(&[0x30, 0x81, 0x0c])].concat()
    }

    /// NTLM behind the beginning of a list.
    fn list(begin: &[u8]) -> Vec<u8> {
        [begin, &[0x06, 0x0a], &Oid::NTLM.0].concat()
    }

    fn heard(token: &[u8]) -> View {
        let mut view = View::default();
        view.hear(token, Role::Initiator, false);
        view
    }

    #[test]
    fn a_code_covers_the_list_as_it_came_or_its_distinguished_encoding() {
        let expected = [list(&[0x30, 0x81, 0x0c]), list(&[0x30, 0x0c])];
        assert_eq!(heard(&long_list()).covered(), expected);
    }

    #[test]
    fn nobody_can_tell_what_was_taken_from_a_token_that_cannot_be_read() {
        let mut token = long_list();
        token.iter_mut().skip(3).take(1).for_each(|length| *length += 1);
        let view = heard(&token);
        assert!(view.lost);
        assert!(view.covered().is_empty());
    }
}
