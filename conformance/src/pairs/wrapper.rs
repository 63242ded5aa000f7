//! The wrapper of Negotiate in the place of another implementation's, as far as RFC 4178 and MS-SPNG let a peer choose it.
//!
//! The codes are over the list of mechanisms in the bytes in which it was sent (RFC 4178 section 5), so that a list is sent
//! again as it was or not at all.

use legwork_engine::{
    environment::MechListMic,
    negotiate::messages::{MechTypes, NegState, NegTokenInit, NegTokenResp, Oid, Token},
};
use serde_json::{Value, json};

use crate::run::world::Side;

/// Makes the reference choose what the tokens of a side have chosen; none if it cannot send such a list.
pub(super) fn imitate<'t>(side: &mut Side, tokens: impl Iterator<Item = &'t [u8]>) -> Option<()> {
    let mut replies = Vec::new();
    for token in tokens {
        match Token::parse(token) {
            Ok(Token::Ntlm(_)) => set(side, "unwrapped", json!(true)),
            Ok(Token::Framed(init) | Token::Bare(init)) => offer(side, &init)?,
            Ok(Token::Resp(reply)) => replies.push(reply),
            _ => {}
        }
    }
    if !replies.is_empty() {
        answers(side, &replies);
    }
    Some(())
}

fn set(side: &mut Side, name: &str, value: Value) {
    side.policy.insert(name.to_owned(), value);
}

fn offer(side: &mut Side, init: &NegTokenInit<'_>) -> Option<()> {
    set(side, "send-req-flags", json!(init.req_flags.is_some()));
    set(side, "optimistic", json!(init.mech_token.is_some()));
    let list = init.mech_types.as_ref()?;
    let mechanisms: Vec<Oid<'_>> = list.iter().collect();
    if MechTypes::new(&mechanisms) != *list {
        return None;
    }
    let names: Vec<String> = mechanisms.iter().map(ToString::to_string).collect();
    set(side, "mechanisms", json!(names.join(" ")));
    if let (Some(token), false) = (&init.mech_token, mechanisms.first() == Some(&Oid::NTLM)) {
        set(side, "foreign-token", json!(hex::encode(token)));
    }
    Some(())
}

fn answers(side: &mut Side, replies: &[NegTokenResp<'_>]) {
    let last = replies.last();
    let told = last.is_some_and(|reply| reply.neg_state.is_some());
    set(side, "send-state", json!(told));
    let asked = |reply: &NegTokenResp<'_>| reply.neg_state == Some(NegState::REQUEST_MIC);
    set(side, "request-mic", json!(replies.iter().any(asked)));
    let (repeated, coded): (Vec<_>, Vec<_>) = replies
        .iter()
        .filter(|reply| reply.mech_list_mic.is_some())
        .partition(|reply| reply.mech_list_mic == reply.response_token);
    set(side, "token-as-mic", json!(!repeated.is_empty()));
    let codes = match coded.is_empty() {
        true => MechListMic::Required,
        false => MechListMic::Always,
    };
    let named = MechListMic::NAMED.iter().find(|(_, choice)| *choice == codes);
    if let Some((name, _)) = named {
        set(side, "mech-list-mic", json!(name));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use legwork_engine::negotiate::messages::{MechTypes, NegState, NegTokenInit, NegTokenResp, Oid};
    use serde_json::json;

    use super::imitate;
    use crate::run::world::Side;

    fn init(list: MechTypes<'_>) -> Vec<u8> {
        let token = NegTokenInit {
            mech_types: Some(list),
            mech_token: Some(Cow::Borrowed(b"a token")),
            ..NegTokenInit::default()
        };
        token.emit()
    }

    fn chosen(tokens: &[Vec<u8>]) -> Option<Side> {
        let mut side = Side::default();
        imitate(&mut side, tokens.iter().map(Vec::as_slice)).map(|()| side)
    }

    #[test]
    fn a_list_is_sent_again_in_its_order() {
        let list = MechTypes::new(&[Oid::KERBEROS, Oid::NTLM]);
        let side = chosen(&[init(list)]).unwrap_or_default();
        let said = |name: &str| side.policy.get(name);
        let both = format!("{} {}", Oid::KERBEROS, Oid::NTLM);
        assert_eq!(said("mechanisms"), Some(&json!(both)));
        assert_eq!(said("foreign-token"), Some(&json!(hex::encode("a token"))));
        assert_eq!(said("optimistic"), Some(&json!(true)));
        assert_eq!(said("send-req-flags"), Some(&json!(false)));
    }

    /// A length in more bytes than it needs: the reference's list would be another, and the code over it.
    #[test]
    fn a_list_that_the_reference_cannot_send_is_not_sent() {
        let canonical = MechTypes::new(&[Oid::NTLM]);
        let mut bytes = canonical.0.to_vec();
        assert!(chosen(&[init(canonical)]).is_some());
        bytes.insert(1, 0x81);
        assert!(chosen(&[init(MechTypes(Cow::Owned(bytes)))]).is_none());
    }

    #[test]
    fn replies_are_sent_again_with_the_parts_that_they_had() {
        let reply = |state, mic| NegTokenResp {
            neg_state: state,
            response_token: Some(Cow::Borrowed(b"a token")),
            mech_list_mic: mic,
            ..NegTokenResp::default()
        };
        let side = |replies: &[NegTokenResp<'_>]| {
            let tokens: Vec<Vec<u8>> = replies.iter().map(NegTokenResp::emit).collect();
            chosen(&tokens).unwrap_or_default().policy
        };
        let bare = side(&[reply(None, None)]);
        assert_eq!(bare.get("send-state"), Some(&json!(false)));
        assert_eq!(bare.get("mech-list-mic"), Some(&json!("required")));
        let asks = side(&[
            reply(Some(NegState::REQUEST_MIC), None),
            reply(Some(NegState::ACCEPT_COMPLETED), Some(Cow::Borrowed(b"a code"))),
        ]);
        assert_eq!(asks.get("request-mic"), Some(&json!(true)));
        assert_eq!(asks.get("send-state"), Some(&json!(true)));
        assert_eq!(asks.get("mech-list-mic"), Some(&json!("always")));
        let repeats = side(&[reply(None, Some(Cow::Borrowed(b"a token")))]);
        assert_eq!(repeats.get("token-as-mic"), Some(&json!(true)));
        assert_eq!(repeats.get("mech-list-mic"), Some(&json!("required")));
    }

    #[test]
    fn messages_without_wrapper_are_sent_so() {
        let side = chosen(&[b"NTLMSSP\0\x01\0\0\0".to_vec()]).unwrap_or_default();
        assert_eq!(side.policy.get("unwrapped"), Some(&json!(true)));
    }
}
