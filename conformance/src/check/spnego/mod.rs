//! The tokens of Negotiate, each held against what its maker had seen before; and the mechanism's tokens in them.

use std::collections::BTreeSet;

use legwork_engine::{
    negotiate::messages::{NegHints, NegState, NegTokenInit, NegTokenResp, Oid, Token},
    ntlm::messages::{Authenticate, Negotiate, NegotiateFlags},
};

mod agreement;
mod calls;
mod fragments;
mod queries;
mod turns;
mod view;

use self::view::View;
use super::{
    Judge,
    calls::requires,
    ntlm::{self, WrapperCode},
};
use crate::{
    protocol::Role,
    run::{
        inner,
        trace::{Event, Purpose},
        when,
    },
    suite::mapping::Class,
};

pub(super) fn check(judge: &mut Judge<'_>) {
    fragments::check(judge);
    fragments::of_whole_tokens(judge, whole);
}

fn whole(judge: &mut Judge<'_>) {
    let codes = tokens(judge);
    calls::deletions(judge);
    queries::check(judge);
    mechanism(judge, &codes);
}

/// The mechanism's tokens and keys. What is found is told of the tokens around them.
fn mechanism(judge: &mut Judge<'_>, codes: &[WrapperCode]) {
    let trace = inner::unwrapped(judge.trace);
    let mut inside = Judge {
        suite: judge.suite,
        trace: &trace,
        sides: judge.sides,
        findings: Vec::new(),
    };
    ntlm::check_tokens(&mut inside, codes);
    for mut finding in inside.findings {
        let event = finding.event.and_then(|at| judge.trace.events.get(at));
        let leg = event.filter(|event| event.leg().is_some());
        let start = leg.and_then(Event::output).map_or(0, inner::start);
        let range = finding
            .range
            .map(|range| range.start.saturating_add(start)..range.end.saturating_add(start));
        finding.range = range;
        judge.findings.push(finding);
    }
}

/// Checks all tokens of the negotiation; the codes over the list are for whoever knows the keys.
fn tokens(judge: &mut Judge<'_>) -> Vec<WrapperCode> {
    let mut codes = Vec::new();
    let mut views: [View; 2] = Default::default();
    let trace = judge.trace;
    for (at, event) in trace.legs() {
        let [initiator, acceptor] = &mut views;
        let view = match event.side {
            Role::Initiator => initiator,
            Role::Acceptor => acceptor,
        };
        if view.complete || event.purpose == Purpose::Leg(0) {
            *view = View::default();
        }
        if let Some(token) = event.input() {
            view.hear(token, event.side.peer(), false);
        }
        let class = judge.meaning(event).map(|meaning| meaning.class);
        let before = view.clone();
        let token = event.output().filter(|token| !token.is_empty());
        if let Some(token) = token.filter(|_| !event.altered_output) {
            view.hear(token, event.side, true);
            let made = made(judge, at, event, (&before, view), token);
            codes.extend(made);
        }
        if class == Some(Class::Ok) {
            // An acceptor has no key of a guest: it looks at no code, and has none to send.
            if !of_guest(judge, event) {
                completed(judge, at, view);
            }
            view.complete = true;
        }
        calls::leg(judge, at, event, view);
    }
    agreement::check(judge, &views);
    codes
}

/// Checks a token; the code in it, if there is one. The views are those before and behind it.
fn made(
    judge: &mut Judge<'_>,
    at: usize,
    event: &Event,
    views: (&View, &View),
    token: &[u8],
) -> Option<WrapperCode> {
    let parsed = Token::parse(token);
    let raw = matches!(parsed, Ok(Token::Ntlm(_)));
    if raw && (views.0.raw || (event.side == Role::Initiator && views.0.offered.is_empty())) {
        return None;
    }
    let first = match event.side {
        Role::Initiator => views.0.offered.is_empty(),
        Role::Acceptor => views.0.answers == 0 && event.input().is_none_or(<[u8]>::is_empty),
    };
    let due = match &parsed {
        Ok(Token::Framed(_) | Token::Bare(_)) => first,
        // A leg that fails may reject before anything was offered, as one of a context that has ended does.
        Ok(Token::Resp(resp)) => !first || resp.neg_state == Some(NegState::REJECT),
        _ => false,
    };
    judge.check("wire/negotiate/message-due", at, due, || match &parsed {
        Err(error) => format!("the token cannot be read: {error}"),
        Ok(_) if first => "the token is no list of mechanisms".to_owned(),
        Ok(_) => "the token is no answer".to_owned(),
    });
    let (loose, code) = match &parsed {
        Ok(Token::Framed(init) | Token::Bare(init)) => {
            let framed = matches!(parsed, Ok(Token::Framed(_)));
            let rule = if first {
                "first-token-framed"
            } else {
                "later-tokens-bare"
            };
            judge.check(&wire(rule), at, framed == first, || format!("framed: {framed}"));
            match event.side {
                Role::Initiator => offer(judge, at, init),
                Role::Acceptor => hint(judge, at, init),
            }
            (init.tolerated, &init.mech_list_mic)
        }
        Ok(Token::Resp(resp)) => {
            if !first {
                judge.check("wire/negotiate/later-tokens-bare", at, true, String::new);
            }
            answer(judge, at, event, views, resp);
            (resp.tolerated, &resp.mech_list_mic)
        }
        _ => return None,
    };
    let emitted = parsed.as_ref().ok().and_then(emitted);
    let strict = loose.is_empty() && emitted.as_deref() == Some(token);
    judge.check("wire/negotiate/encoding-distinguished", at, strict, || {
        let differs = emitted
            .iter()
            .flatten()
            .zip(token)
            .position(|(canonical, sent)| canonical != sent);
        format!(
            "from byte {} on it is not the distinguished form",
            differs.unwrap_or(token.len())
        )
    });
    let code = code.as_deref().filter(|code| !code.is_empty() && !views.1.lost)?;
    let start = inner::place(token, code);
    Some(WrapperCode {
        at,
        covered: views.1.covered(),
        code: code.to_vec(),
        range: start..start.saturating_add(code.len()),
    })
}

/// The distinguished form of a token.
fn emitted(token: &Token<'_>) -> Option<Vec<u8>> {
    match token {
        Token::Framed(init) => Some(init.emit_framed()),
        Token::Bare(init) => Some(init.emit()),
        Token::Resp(resp) => Some(resp.emit()),
        _ => None,
    }
}

fn wire(name: &str) -> String {
    format!("wire/negotiate/{name}")
}

/// The initiator's list.
fn offer(judge: &mut Judge<'_>, at: usize, init: &NegTokenInit<'_>) {
    let list: Vec<Oid<'_>> = init.mech_types.iter().flat_map(|list| list.iter()).collect();
    judge.check("wire/negotiate/list-not-empty", at, !list.is_empty(), || {
        "the list has no mechanism".to_owned()
    });
    let different: BTreeSet<&[u8]> = list.iter().map(|oid| &*oid.0).collect();
    let repeated = list.len().saturating_sub(different.len());
    judge.check(
        "wire/negotiate/list-without-repetition",
        at,
        repeated == 0,
        || format!("{repeated} mechanisms of the list are there before"),
    );
    // A peer may leave the token out, and may tell its requirements: what the world asks for is no fault.
    let world = judge.trace.world.side(Role::Initiator);
    if !world.policy.contains_key("mechanisms") {
        let itself = list.contains(&Oid::SPNEGO);
        judge.check("wire/negotiate/list-without-spnego", at, !itself, || {
            "the list has the negotiation itself".to_owned()
        });
    }
    if world.switch("optimistic") {
        let present = init.mech_token.is_some();
        judge.check("wire/negotiate/optimistic-token-present", at, present, || {
            "the list comes without a token of its first mechanism".to_owned()
        });
    }
    if let (Some(token), Some(first)) = (&init.mech_token, list.first())
        && let Some(fits) = is_of(first, token)
    {
        judge.check("wire/negotiate/list-first-is-optimistic", at, fits, || {
            format!("the token is not one of {}", named(first))
        });
    }
    if world.policy.get("send-req-flags") != Some(&true.into()) {
        let omitted = init.req_flags.is_none();
        judge.check("wire/negotiate/request-flags-omitted", at, omitted, || {
            "the list has reqFlags".to_owned()
        });
    }
    if list.first() == Some(&Oid::NTLM) {
        let none = init.mech_list_mic.is_none();
        judge.check("wire/negotiate/no-mic-in-first-token", at, none, || {
            "the list has a mechListMIC".to_owned()
        });
    }
    integrity_requested(judge, at, init);
    judge.check(
        "wire/negotiate/hints-of-acceptor-only",
        at,
        init.hints.is_none(),
        || "the list of an initiator has hints".to_owned(),
    );
}

/// NTLM's first message asks for signing, unless the caller does not want it.
fn integrity_requested(judge: &mut Judge<'_>, at: usize, init: &NegTokenInit<'_>) {
    let message = init.mech_token.as_deref().map(Negotiate::parse);
    let unwanted = judge
        .trace
        .events
        .get(at)
        .is_some_and(|event| requires(event, "no-integrity"));
    if let (Some(Ok(message)), false) = (message, unwanted) {
        let asks = message.flags.contains(NegotiateFlags::SIGN);
        judge.check("wire/negotiate/integrity-requested", at, asks, || {
            format!("the NEGOTIATE message has flags {:#010x}", message.flags.bits())
        });
    }
}

/// The acceptor's list, which answers nothing.
fn hint(judge: &mut Judge<'_>, at: usize, init: &NegTokenInit<'_>) {
    let any = init
        .mech_types
        .as_ref()
        .is_some_and(|list| list.iter().next().is_some());
    judge.check("wire/negotiate/hint-list", at, any, || {
        "the hint lists no mechanism".to_owned()
    });
    let hints = init.hints.as_ref();
    let name = hints.and_then(|hints| hints.hint_name.as_deref());
    judge.check(
        "wire/negotiate/hint-name",
        at,
        name == Some(NegHints::NAME),
        || format!("the hint is {:?}", name.map(String::from_utf8_lossy)),
    );
    let address = hints.is_some_and(|hints| hints.hint_address.is_some());
    judge.check("wire/negotiate/hint-address-absent", at, !address, || {
        "the hint has an address".to_owned()
    });
}

/// An answer of either side.
fn answer(
    judge: &mut Judge<'_>,
    at: usize,
    event: &Event,
    (before, behind): (&View, &View),
    resp: &NegTokenResp<'_>,
) {
    let first = event.side == Role::Acceptor && before.answers == 0;
    let state = resp.neg_state;
    let rejects = state == Some(NegState::REJECT);
    let shown = || state.map_or_else(|| "none".to_owned(), shown);
    if let Some(state) = state {
        judge.check("wire/negotiate/state-known", at, state.name().is_some(), shown);
    }
    if first {
        judge.check("wire/negotiate/state-in-first-reply", at, state.is_some(), || {
            "the first answer has no negState".to_owned()
        });
        let named = resp.supported_mech.is_some();
        judge.check(
            "wire/negotiate/selection-in-first-reply",
            at,
            named || rejects,
            || "the first answer names no mechanism".to_owned(),
        );
    } else {
        let asks = state == Some(NegState::REQUEST_MIC);
        judge.check(
            "wire/negotiate/request-mic-in-first-reply-only",
            at,
            !asks,
            || "a token that is not the acceptor's first says request-mic".to_owned(),
        );
        let named = resp.supported_mech.is_none();
        judge.check("wire/negotiate/selection-in-first-reply-only", at, named, || {
            "a token that is not the acceptor's first has a supportedMech".to_owned()
        });
    }
    if let (Some(chosen), true) = (&resp.supported_mech, first && !before.lost) {
        selection(judge, at, before, chosen, state);
    }
    if rejects {
        let nothing = resp.supported_mech.is_none() && resp.mech_list_mic.is_none();
        judge.check("wire/negotiate/reject-carries-nothing", at, nothing, || {
            "a reject names a mechanism, or has a mechListMIC".to_owned()
        });
    }
    state_and_status(judge, at, event, state);
    turns::check(judge, at, event, before, resp);
    code(judge, at, event, before, behind, resp);
}

fn selection(judge: &mut Judge<'_>, at: usize, before: &View, chosen: &Oid<'_>, state: Option<NegState>) {
    let offered = before.offered.contains(chosen);
    judge.check("wire/negotiate/selection-offered", at, offered, || {
        format!("{} was not offered", named(chosen))
    });
    if offered && !before.prefers(chosen) && state != Some(NegState::REJECT) {
        let asks = state == Some(NegState::REQUEST_MIC);
        judge.check("wire/negotiate/request-mic-when-not-preferred", at, asks, || {
            format!(
                "{} is not the first of the list, and the state is no request-mic",
                named(chosen)
            )
        });
    }
}

/// The state in a token and the status of the call that made it tell the same.
fn state_and_status(judge: &mut Judge<'_>, at: usize, event: &Event, state: Option<NegState>) {
    let Some(class) = judge.meaning(event).map(|meaning| meaning.class) else {
        return;
    };
    let status = || super::calls::told(event.side.name(), event);
    match state {
        Some(NegState::ACCEPT_COMPLETED) if class != Class::Silent => {
            judge.check(
                "wire/negotiate/completed-only-when-done",
                at,
                class == Class::Ok,
                || format!("accept-completed, and {}", status()),
            );
        }
        Some(NegState::ACCEPT_INCOMPLETE | NegState::REQUEST_MIC) if class != Class::Silent => {
            judge.check(
                "wire/negotiate/incomplete-while-due",
                at,
                class == Class::Continue,
                || format!("the token says that the exchange goes on, and {}", status()),
            );
        }
        _ => {}
    }
}

/// When a code may be there, and when it must.
fn code(
    judge: &mut Judge<'_>,
    at: usize,
    event: &Event,
    before: &View,
    behind: &View,
    resp: &NegTokenResp<'_>,
) {
    let made = resp.mech_list_mic.as_ref().is_some_and(|code| !code.is_empty());
    if made && !behind.lost {
        let integrity = behind.integrity();
        judge.check(
            "wire/negotiate/mic-when-mechanism-is-done",
            at,
            integrity.is_some(),
            || "a mechListMIC before the mechanism is done".to_owned(),
        );
        judge.check(
            "wire/negotiate/mic-forbidden-without-integrity",
            at,
            integrity != Some(false) && !of_guest(judge, event),
            || "a mechListMIC of a mechanism without integrity".to_owned(),
        );
    }
    if made {
        let [again, _] = before.codes;
        judge.check("wire/negotiate/no-mic-repeated", at, !again, || {
            "a second mechListMIC".to_owned()
        });
    }
    let token = resp.response_token.as_deref().unwrap_or_default();
    if event.side == Role::Initiator && behind.integrity() == Some(true) {
        let protected = Authenticate::parse(token).is_ok_and(|message| when::announced(&message));
        let policy = judge.trace.world.side(event.side).policy.get("mech-list-mic");
        let withheld = policy.is_some_and(|policy| policy == "never" || policy == "required");
        let makes_none = policy.is_some_and(|policy| policy == "never");
        if behind.codes_due() && before.agreed.is_none() && !makes_none && !event.altered_input {
            judge.check("wire/negotiate/mic-required", at, made, || {
                "codes are due, and the mechanism's last token comes without".to_owned()
            });
        }
        let failed = judge
            .meaning(event)
            .is_some_and(|meaning| meaning.class == Class::Failure);
        if protected && !withheld && !failed {
            judge.check("wire/negotiate/mic-needs-ntlm-mic", at, made, || {
                "the NTLM message announces a MIC, and the token has no mechListMIC".to_owned()
            });
        }
    }
}

/// Whether a leg is the acceptor's with a guest.
fn of_guest(judge: &Judge<'_>, event: &Event) -> bool {
    event.side == Role::Acceptor && judge.trace.world.makes_guest()
}

/// What a side that is complete must have sent and got.
fn completed(judge: &mut Judge<'_>, at: usize, view: &View) {
    let [sent, got] = view.codes;
    if view.raw || view.lost {
        return;
    }
    if view.codes_due() {
        judge.check("wire/negotiate/mic-required", at, sent && got, || {
            format!("complete, and a mechListMIC is missing: sent {sent}, received {got}")
        });
    }
    if got && view.integrity() == Some(true) {
        judge.check("wire/negotiate/mic-answered", at, sent, || {
            "a mechListMIC was received, and none sent".to_owned()
        });
    }
}

/// Whether a token is one of a mechanism; none if nobody can tell.
fn is_of(mechanism: &Oid<'_>, token: &[u8]) -> Option<bool> {
    let found = Token::parse(token);
    let kerberos = [Oid::KERBEROS, Oid::MS_KERBEROS, Oid::KERBEROS_USER_TO_USER];
    if *mechanism == Oid::NTLM {
        Some(matches!(found, Ok(Token::Ntlm(_))))
    } else if *mechanism == Oid::NEGOEX {
        Some(matches!(found, Ok(Token::Negoex(_))))
    } else if kerberos.contains(mechanism) {
        Some(matches!(found, Ok(Token::Kerberos(_))))
    } else {
        None
    }
}

pub(super) fn named(oid: &Oid<'_>) -> String {
    oid.name().map_or_else(|| hex::encode(&oid.0), str::to_owned)
}

fn shown(state: NegState) -> String {
    state
        .name()
        .map_or_else(|| format!("negState is {}", state.0), str::to_owned)
}
