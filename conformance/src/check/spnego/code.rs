//! mechListMIC: the code over the list of mechanisms (RFC 4178 section 5), made with the mechanism's keys.

use legwork_engine::negotiate::messages::{MechTypes, Token};

use crate::{
    check::ntlm::WrapperCode,
    protocol::Role,
    run::trace::{Event, Trace},
};

/// The rule about the code.
const OVER_LIST: &str = "wire/negotiate/mic-over-list";

/// The codes of both sides: the initiator's is over the list that it sent, the acceptor's over the one that it got.
pub(super) fn codes(trace: &Trace) -> Vec<WrapperCode> {
    let list = |role: Role| {
        trace.legs().find_map(|(_, event)| {
            let token = match role {
                Role::Initiator => event.output(),
                Role::Acceptor => event.input(),
            };
            list_of(token.filter(|_| event.side == role)?)
        })
    };
    let lists = Role::BOTH.map(|role| (role, list(role)));
    let made = trace.legs().filter_map(|(at, event)| {
        let (_, list) = lists.iter().find(|(role, _)| *role == event.side)?;
        code(at, event, list.as_ref()?)
    });
    made.collect()
}

fn code(at: usize, event: &Event, list: &MechTypes<'_>) -> Option<WrapperCode> {
    let token = event.output()?;
    let code = match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_list_mic,
        Token::Resp(response) => response.mech_list_mic,
        _ => None,
    }?;
    let start = code.as_ptr().addr().saturating_sub(token.as_ptr().addr());
    Some(WrapperCode {
        at,
        rule: (!event.altered_output).then_some(OVER_LIST),
        covered: list.0.to_vec(),
        range: start..start.saturating_add(code.len()),
        code: code.into_owned(),
    })
}

/// The list of a first token.
fn list_of(token: &[u8]) -> Option<MechTypes<'_>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_types,
        _ => None,
    }
}
