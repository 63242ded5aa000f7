//! A Legwork adapter that drives nothing yet. Fill it in by ADAPTERS.md, step by step.

#[allow(dead_code, unreachable_pub)]
mod legwork_adapter;

use legwork_adapter::{Adapter, Environment, Outcome, run};
use serde_json::json;

#[derive(Default)]
struct Subject;

impl Adapter for Subject {
    fn hello(&mut self) -> Outcome {
        Ok(json!({"protocol": 1, "name": "NAME", "version": "0", "drives": [], "controls": []}))
    }

    fn reset(&mut self, environment: Environment) -> Outcome {
        *self = Self;
        environment.refuse_unknown(&[])?;
        Ok(json!({}))
    }
}

fn main() -> std::io::Result<()> {
    run(&mut Subject)
}
