//! Why the engine refuses a token that reads well: what the side does that receives it.

use legwork_engine::{
    codec::utf16::Text,
    environment::Environment,
    error::{Error, TokenError},
    flags::{AcceptRequirements, InitRequirements},
    ntlm::{
        acceptor::ExpectNegotiate,
        initiator::Start,
        keys,
        messages::{Authenticate, AvPairs, NtlmV2Response},
    },
    turn::{AcceptorTurn, Identity, InitiatorTurn},
};

/// The reason of the side that receives a token of this kind, if it refuses.
pub(super) fn reason(kind: &str, token: &[u8]) -> Option<String> {
    match kind {
        "ntlm-negotiate" => accept(token).err().map(|error| format!("acceptor: {error}")),
        "ntlm-challenge" => initiate(token).err().map(|error| format!("initiator: {error}")),
        "ntlm-authenticate" => response(token).err().map(|error| format!("acceptor: {error}")),
        _ => None,
    }
}

/// What an acceptor reads of an NTLMv2 response before it looks at secrets.
fn response(token: &[u8]) -> Result<(), TokenError> {
    let message = Authenticate::parse(token)?;
    if message.nt_response.len() <= NtlmV2Response::V1_LENGTH {
        return Ok(());
    }
    let response = NtlmV2Response::parse(&message.nt_response)?;
    let (pairs, _) = AvPairs::parse(&response.client_challenge.av_pairs)?;
    pairs.check_values().map(|_| ())
}

fn accept(token: &[u8]) -> Result<(), Error> {
    let mut environment = Environment::seeded(0);
    let mut turn = AcceptorTurn {
        token,
        requirements: AcceptRequirements::empty(),
        bindings: None,
        context: 0,
        environment: &mut environment,
    };
    ExpectNegotiate.step(&mut turn, &mut Vec::new()).map(|_| ())
}

fn initiate(token: &[u8]) -> Result<(), Error> {
    let mut environment = Environment::seeded(0);
    let identity = Identity::User {
        user: Text::from("user"),
        domain: Text::default(),
        hashes: keys::password_hashes(&Text::default()),
    };
    let mut turn = InitiatorTurn {
        token: &[],
        requirements: InitRequirements::empty(),
        target: None,
        bindings: None,
        context: 0,
        environment: &mut environment,
    };
    let waiting = Start::new(identity).step(&mut turn, &mut Vec::new());
    turn.token = token;
    waiting.step(&mut turn, &mut Vec::new()).map(|_| ())
}
