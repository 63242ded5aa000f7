//! Policy switches of the protocol, set in the engine's environment.

use legwork_engine::{
    environment::{LmCompatibilityLevel, MechListMic, NegotiatePolicy, NtlmPolicy, Policy},
    negotiate::messages::Oid,
};
use serde_json::Value;

/// Sets a switch; none if there is no such switch or value.
pub(super) fn set(policy: &mut Policy, name: &str, value: &Value) -> Option<()> {
    ntlm(&mut policy.ntlm, name, value).or_else(|| negotiate(&mut policy.negotiate, name, value))
}

fn ntlm(policy: &mut NtlmPolicy, name: &str, value: &Value) -> Option<()> {
    match name {
        "send-version" => policy.send_version = value.as_bool()?,
        "send-timestamp" => policy.send_timestamp = value.as_bool()?,
        "send-mic" => policy.send_mic = value.as_bool()?,
        "send-names" => policy.send_names = value.as_bool()?,
        "lm-compatibility-level" => {
            let level = u8::try_from(value.as_u64()?).ok()?;
            policy.level = LmCompatibilityLevel::new(level)?;
        }
        "guest" => policy.guest = value.as_bool()?,
        "require-128-bit" => policy.require_128_bit = value.as_bool()?,
        "offer" => policy.offer = u32::try_from(value.as_u64()?).ok()?,
        "grant" => policy.grant = u32::try_from(value.as_u64()?).ok()?,
        "max-clock-skew" => policy.max_clock_skew = value.as_u64()?,
        "extra-av-pairs" => policy.extra_av_pairs = hex::decode(value.as_str()?).ok()?,
        "response-trailer" => policy.response_trailer = u8::try_from(value.as_u64()?).ok()?,
        _ => return None,
    }
    Some(())
}

fn negotiate(policy: &mut NegotiatePolicy, name: &str, value: &Value) -> Option<()> {
    match name {
        "mechanisms" => policy.mechanisms = Some(mechanisms(value.as_str()?)?),
        "own-order" => policy.own_order = value.as_bool()?,
        "optimistic" => policy.optimistic = value.as_bool()?,
        "foreign-token" => policy.foreign_token = Some(hex::decode(value.as_str()?).ok()?),
        "unwrapped" => policy.unwrapped = value.as_bool()?,
        "takes-unwrapped" => policy.takes_unwrapped = value.as_bool()?,
        "mech-list-mic" => {
            let mut named = MechListMic::NAMED.iter();
            policy.mech_list_mic = named.find(|(name, _)| value == name)?.1;
        }
        "request-mic" => policy.request_mic = value.as_bool()?,
        "send-hint" => policy.send_hint = value.as_bool()?,
        "send-req-flags" => policy.send_req_flags = value.as_bool()?,
        "send-state" => policy.send_state = value.as_bool()?,
        "send-reject" => policy.send_reject = value.as_bool()?,
        "token-as-mic" => policy.token_as_mic = value.as_bool()?,
        _ => return None,
    }
    Some(())
}

/// A list of names or numbers of mechanisms: `kerberos ntlm 1.2.3.4`.
fn mechanisms(list: &str) -> Option<Vec<Oid<'static>>> {
    list.split_whitespace().map(Oid::from_text).collect()
}
