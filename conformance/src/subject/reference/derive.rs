//! The functions that the vector files have known answers of, computed by the engine.

use legwork_engine::{
    buffer::ChannelBindings,
    crypto,
    environment::Environment,
    ntlm::{
        keys::{self, ResponseKeyV2, v1},
        messages::{Authenticate, ClientChallenge},
        protection::Protection,
    },
};

use super::members::{Members, array, bytes, flags, secret, side, text};

/// The value of a function of its inputs.
pub(super) fn value(package: &str, function: &str, inputs: &Members) -> Result<Vec<u8>, String> {
    match (package, function) {
        ("ntlm", function) => of_ntlm(function, inputs),
        ("negotiate", "mech-list-mic") => mech_list_mic(inputs),
        ("negotiate", other) => Err(format!("no function is called `{other}`")),
        (other, _) => Err(format!("there is no package `{other}`")),
    }
}

fn of_ntlm(function: &str, inputs: &Members) -> Result<Vec<u8>, String> {
    match function {
        "ntowf-v1" | "lmowf-v1" | "ntowf-v2" | "lmowf-v2" => one_way(function, inputs),
        "nt-response-v1" | "lm-response-v1" | "nt-response-ess" | "lm-response-ess" => {
            response_v1(function, inputs)
        }
        "nt-proof" | "nt-response-v2" | "lm-response-v2" | "session-base-key-v2" => {
            response_v2(function, inputs)
        }
        "client-challenge-v2" => client_challenge(inputs),
        "mic" => mic(inputs),
        "channel-binding-hash" => {
            let bindings = ChannelBindings {
                application_data: &bytes(inputs, "application_data")?,
                ..ChannelBindings::default()
            };
            Ok(keys::channel_bindings_hash(bindings).to_vec())
        }
        _ => key(function, inputs),
    }
}

fn one_way(function: &str, inputs: &Members) -> Result<Vec<u8>, String> {
    let password = text(inputs, "password")?;
    let hash = keys::nt_hash(&password);
    Ok(match function {
        "ntowf-v1" => hash.0.to_vec(),
        "lmowf-v1" => {
            let hash = v1::lm_hash(&password);
            hash.ok_or("the password has no such hash")?.0.to_vec()
        }
        _ => keys::ntowf_v2(&hash, &text(inputs, "user")?, &text(inputs, "domain")?)
            .0
            .to_vec(),
    })
}

fn response_v1(function: &str, inputs: &Members) -> Result<Vec<u8>, String> {
    let challenge = || array(inputs, "server_challenge");
    let own = || array(inputs, "client_challenge");
    Ok(match function {
        "nt-response-v1" => v1::response(&secret(inputs, "ntowf_v1")?, challenge()?),
        "lm-response-v1" => v1::response(&secret(inputs, "lmowf_v1")?, challenge()?),
        "lm-response-ess" => v1::session_lm_response(own()?),
        _ => v1::session_response(&secret(inputs, "ntowf_v1")?, challenge()?, own()?),
    }
    .to_vec())
}

fn response_v2(function: &str, inputs: &Members) -> Result<Vec<u8>, String> {
    let key = ResponseKeyV2::new(&secret(inputs, "ntowf_v2")?);
    let challenge = || array(inputs, "server_challenge");
    let structure = || bytes(inputs, "client_challenge_v2");
    Ok(match function {
        "session-base-key-v2" => key.session_base_key(&array(inputs, "nt_proof")?).0.to_vec(),
        "lm-response-v2" => key
            .lm_response(challenge()?, array(inputs, "client_challenge")?)
            .to_vec(),
        "nt-proof" => key.nt_proof(challenge()?, &structure()?).to_vec(),
        _ => {
            let structure = structure()?;
            [&key.nt_proof(challenge()?, &structure)[..], &structure].concat()
        }
    })
}

fn key(function: &str, inputs: &Members) -> Result<Vec<u8>, String> {
    let exported = || secret(inputs, "exported_session_key");
    Ok(match function {
        "session-base-key-v1" => v1::session_base_key(&secret(inputs, "ntowf_v1")?).0.to_vec(),
        "key-exchange-key" => v1::key_exchange_key(
            flags(inputs)?,
            &secret(inputs, "session_base_key")?,
            Some(&secret(inputs, "lmowf_v1")?),
            &array(inputs, "lm_response")?,
            array(inputs, "server_challenge")?,
        )
        .0
        .to_vec(),
        // With an NTLMv2 response it is the session base key (MS-NLMP section 3.4.5.1).
        "key-exchange-key-v2" => secret(inputs, "session_base_key")?.0.to_vec(),
        "encrypted-session-key" => {
            crypto::rc4_once(&secret(inputs, "key_exchange_key")?.0, exported()?.0).to_vec()
        }
        "signing-key" => keys::signing_key(&exported()?, side(inputs)?).0.to_vec(),
        "sealing-key" => keys::sealing_key(flags(inputs)?, &exported()?, side(inputs)?).to_vec(),
        other => return Err(format!("no function is called `{other}`")),
    })
}

fn client_challenge(inputs: &Members) -> Result<Vec<u8>, String> {
    let structure = ClientChallenge {
        response_type: 1,
        highest_response_type: 1,
        reserved: [0; 6],
        timestamp: u64::from_le_bytes(array(inputs, "timestamp")?),
        challenge: array(inputs, "client_challenge")?,
        reserved3: [0; 4],
        av_pairs: bytes(inputs, "av_pairs")?.into(),
        trailer: vec![0; 4].into(),
    };
    let mut out = Vec::new();
    structure.emit_into(&mut out);
    Ok(out)
}

/// The code that stands in the message given counts as zeros.
fn mic(inputs: &Members) -> Result<Vec<u8>, String> {
    let authenticate = bytes(inputs, "authenticate")?;
    let parsed = Authenticate::parse(&authenticate).map_err(|error| format!("`authenticate`: {error}"))?;
    let at = parsed
        .mic_offset()
        .ok_or("`authenticate` has no place for a MIC")?;
    let behind = at.saturating_add(16);
    let messages = [
        &bytes(inputs, "negotiate")?[..],
        &bytes(inputs, "challenge")?,
        authenticate.get(..at).unwrap_or_default(),
        &[0; 16],
        authenticate.get(behind..).unwrap_or_default(),
    ];
    Ok(keys::mic(&secret(inputs, "exported_session_key")?, messages).to_vec())
}

/// The code of a side that has protected nothing yet.
fn mech_list_mic(inputs: &Members) -> Result<Vec<u8>, String> {
    let key = secret(inputs, "exported_session_key")?;
    let mut protection = Protection::new(flags(inputs)?, key, side(inputs)?);
    let list = bytes(inputs, "mech_types")?;
    let code = protection.sign_mech_list(&list, &Environment::seeded(0));
    let code = code.map_err(|error| format!("these flags sign nothing: {error}"))?;
    Ok(code.emit().to_vec())
}
