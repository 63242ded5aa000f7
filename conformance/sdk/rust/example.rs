//! An adapter for a library that is made up here: its package `canned` asks, and takes one answer. Where a real adapter
//! calls its library, this one calls `Exchange::step`.

#[allow(dead_code, reason = "a made-up library needs little of what adapters need")]
#[allow(unreachable_pub, reason = "the module is written to be taken in by any crate")]
mod legwork_adapter;

use legwork_adapter::{
    Acquire, Adapter, Derive, Environment, Handle, Handles, Leg, Outcome, Stop, add, returned, run,
};
use serde_json::{Value, json};

/// The made-up library: the initiator says hello, the acceptor asks, the initiator answers.
const TOKENS: [&[u8]; 3] = [b"hello", b"who is there?", b"it is me"];

/// Its one function: the token that answers another.
fn after(token: &[u8]) -> Result<&'static [u8], Refused> {
    let place = TOKENS.iter().position(|known| *known == token);
    let answer = place.and_then(|place| TOKENS.get(place + 1));
    answer.copied().ok_or(Refused)
}

/// A context of it.
struct Exchange {
    turn: usize,
}

/// Its error.
struct Refused;

impl Exchange {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Option<&'static [u8]>, Refused> {
        let due = self
            .turn
            .checked_sub(1)
            .and_then(|before| TOKENS.get(before).copied());
        if self.complete() || token != due {
            return Err(Refused);
        }
        let answer = TOKENS.get(self.turn).copied();
        self.turn += 2;
        Ok(answer)
    }

    fn complete(&self) -> bool {
        self.turn > TOKENS.len()
    }
}

impl From<Refused> for Stop {
    fn from(_: Refused) -> Self {
        Self(json!({"outcome": {"status": {"namespace": "sspi", "code": "0x80090308"}}}))
    }
}

#[derive(Default)]
struct Canned {
    credentials: Handles<String>,
    contexts: Handles<Exchange>,
}

impl Canned {
    fn leg(&mut self, leg: &Leg, turn: usize) -> Outcome {
        let credential = leg
            .credential
            .ok_or_else(|| Stop::unsupported("absent-credential"))?;
        self.credentials.find(credential)?;
        if leg.context.is_none() {
            self.contexts.keep(leg.new_context, Exchange { turn });
        }
        let context = self.contexts.find(leg.context.unwrap_or(leg.new_context))?;
        let answer = context.step(leg.token())?;
        let mut outcome = returned(context.complete());
        if let Some(token) = answer {
            let buffers = json!([{"kind": 2, "bytes": hex::encode(token)}]);
            add(&mut outcome, "buffers", buffers);
        }
        Ok(outcome)
    }
}

impl Adapter for Canned {
    fn hello(&mut self) -> Outcome {
        let drive = |role: &str, call: &str| -> Value {
            json!({
                "package": "canned", "role": role,
                "operations": ["acquire", "free-credential", call, "delete"],
                "observables": ["token", "status"], "requirements": u32::MAX, "derive": ["answer"],
            })
        };
        Ok(json!({
            "protocol": 1, "name": "canned", "version": "1", "controls": [],
            "drives": [drive("initiator", "initialize"), drive("acceptor", "accept")],
        }))
    }

    fn reset(&mut self, environment: Environment) -> Outcome {
        *self = Self::default();
        environment.refuse_unknown(&[])?;
        Ok(json!({}))
    }

    fn acquire(&mut self, request: Acquire) -> Outcome {
        if request.package != "canned" {
            return Err(Stop::unsupported(format!("package:{}", request.package)));
        }
        let user = request.identity.and_then(|identity| identity.user);
        let user = user.map(|user| user.decode()).transpose()?;
        self.credentials
            .keep(request.credential, user.unwrap_or_default());
        Ok(returned(true))
    }

    fn free_credential(&mut self, request: Handle) -> Outcome {
        self.credentials.drop(request.context)?;
        Ok(returned(true))
    }

    fn initialize(&mut self, leg: Leg) -> Outcome {
        self.leg(&leg, 0)
    }

    fn accept(&mut self, leg: Leg) -> Outcome {
        self.leg(&leg, 1)
    }

    fn delete(&mut self, request: Handle) -> Outcome {
        self.contexts.drop(request.context)?;
        Ok(returned(true))
    }

    fn derive(&mut self, request: Derive) -> Outcome {
        if request.function != "answer" {
            return Err(Stop::unsupported(format!("derive:{}", request.function)));
        }
        let value = after(&request.bytes("token")?)?;
        let mut outcome = returned(true);
        add(&mut outcome, "values", json!({"value": hex::encode(value)}));
        Ok(outcome)
    }
}

fn main() -> std::io::Result<()> {
    run(&mut Canned::default())
}
