//! What is odd in the tokens of Negotiate, as far as one token shows it.

use legwork_engine::{
    negotiate::messages::{MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, negoex},
    ntlm::messages::{SIGNATURE, Signature},
};

use super::{model::Node, rules};

/// A first token.
pub(super) fn first(root: &mut Node, token: &NegTokenInit<'_>, framed: bool) {
    if !framed {
        root.warn(rules::FIRST_TOKEN_FRAMED, "a first token without its framing");
    }
    match &token.mech_types {
        Some(types) => list(root, types),
        None => root.warn(rules::MESSAGE_DUE, "no list of mechanisms"),
    }
    if token.req_flags.is_some() {
        warn(
            root,
            "reqFlags",
            rules::REQUEST_FLAGS_OMITTED,
            "they protect nothing",
        );
    }
    optimistic(root, token);
    if token.mech_list_mic.is_some() {
        let text = "no mechanism has keys yet";
        warn(root, "mechListMIC", rules::NO_MIC_IN_FIRST_TOKEN, text);
    }
    if let Some(hints) = &token.hints {
        of_hints(root, token, hints);
    }
}

/// Warns at a field, or at the token if there is none of that name.
fn warn(root: &mut Node, name: &str, rule: Option<&'static str>, text: impl Into<String>) {
    match root.children.iter_mut().find(|node| node.name == name) {
        Some(node) => node.warn(rule, text),
        None => root.warn(rule, text),
    }
}

fn list(root: &mut Node, types: &MechTypes<'_>) {
    let mechanisms: Vec<Oid<'_>> = types.iter().collect();
    let mut warn = |rule, text| warn(root, "mechTypes", rule, text);
    if mechanisms.is_empty() {
        warn(rules::LIST_NOT_EMPTY, "empty");
    }
    let mut sorted: Vec<&[u8]> = mechanisms.iter().map(|oid| &*oid.0).collect();
    sorted.sort_unstable();
    if sorted
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
    {
        warn(rules::LIST_NOT_EMPTY, "a mechanism stands there twice");
    }
    if mechanisms.contains(&Oid::SPNEGO) {
        warn(None, "Negotiate offers itself");
    }
}

/// The optimistic token: whether it is there, and of the first mechanism.
fn optimistic(root: &mut Node, token: &NegTokenInit<'_>) {
    let Some(inner) = &token.mech_token else {
        if token.hints.is_none() && token.mech_types.is_some() {
            root.warn(rules::OPTIMISTIC_TOKEN_PRESENT, "no token of the first mechanism");
        }
        return;
    };
    let preferred = token.mech_types.as_ref().and_then(|types| types.iter().next());
    if let (Some(preferred), Some(found)) = (preferred, mechanism(inner))
        && preferred != found
    {
        let text = format!(
            "of {}, but the first mechanism is {}",
            shown(&found),
            shown(&preferred)
        );
        warn(root, "mechToken", rules::LIST_FIRST_IS_OPTIMISTIC, text);
    }
}

/// A mechanism by its name, or in dotted form.
fn shown(mechanism: &Oid<'_>) -> String {
    mechanism
        .name()
        .map_or_else(|| mechanism.to_string(), str::to_owned)
}

/// The mechanism that a token is of, if its form tells.
fn mechanism(token: &[u8]) -> Option<Oid<'static>> {
    if token.starts_with(&SIGNATURE) {
        return Some(Oid::NTLM);
    }
    token.starts_with(&negoex::SIGNATURE).then_some(Oid::NEGOEX)
}

fn of_hints(root: &mut Node, token: &NegTokenInit<'_>, hints: &NegHints<'_>) {
    let mut warn = |rule, text| warn(root, "negHints", rule, text);
    if hints.hint_name.as_deref() != Some(NegHints::NAME) {
        warn(rules::HINT_NAME, "hintName is not the fixed text");
    }
    if hints.hint_address.is_some() {
        warn(rules::HINT_ADDRESS_ABSENT, "hintAddress is there");
    }
    if token.mech_token.is_some() {
        let text = "hints beside a mechToken: an initiator sends none";
        warn(rules::HINTS_OF_ACCEPTOR_ONLY, text);
    }
}

/// A later token.
pub(super) fn later(root: &mut Node, token: &NegTokenResp<'_>) {
    if let Some(state) = token.neg_state
        && state.name().is_none()
    {
        warn(root, "negState", rules::STATE_KNOWN, "none of the four states");
    }
    if token.neg_state == Some(NegState::REJECT)
        && (token.supported_mech.is_some() || token.mech_list_mic.is_some())
    {
        let text = "reject with a supportedMech or a mechListMIC";
        warn(root, "negState", rules::REJECT_CARRIES_NOTHING, text);
    }
    let Some(code) = token.mech_list_mic.as_deref() else {
        return;
    };
    let mut warn = |rule, text| warn(root, "mechListMIC", rule, text);
    if code.is_empty() {
        warn(rules::MIC_OVER_LIST, "empty");
    } else if token.response_token.as_deref() == Some(code) {
        warn(rules::MIC_OVER_LIST, "repeats the responseToken");
    } else if let Ok(signature) = Signature::parse(code)
        && signature.version == 1
        && signature.sequence != [0; 4]
    {
        let text = "a signature of NTLM whose sequence number is not 0";
        warn(rules::MIC_SEQUENCE_ZERO, text);
    }
}
