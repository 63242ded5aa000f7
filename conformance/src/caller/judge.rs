//! The rules for programs, checked call by call.

use std::collections::BTreeMap;

use super::{
    Check,
    context::{Context, State},
    trace::{Call, Entry, LookedAt, Trace},
};
use crate::{
    check::{self, Verdict},
    protocol::{Leg, Outcome, Request, Role},
    run::trace::{TOKEN, buffer},
    suite::{Suite, mapping::Class},
};

/// The number of SECBUFFER_EMPTY.
const EMPTY: u32 = 0;
/// Packages that want an empty buffer behind the token.
const STREAMS: [&str; 2] = ["credssp", "schannel"];
/// Attributes of contexts that are not about security, and hold before the exchange is complete.
const HARMLESS: [&str; 4] = ["sizes", "stream-sizes", "package-info", "negotiation-info"];

/// Holds what a program did against the rules for programs; in order of lines.
#[must_use]
pub fn judge(suite: &Suite, trace: &Trace) -> Vec<Check> {
    let mut judge = Judge {
        suite,
        checks: Vec::new(),
        credentials: BTreeMap::new(),
        contexts: BTreeMap::new(),
        allocated: BTreeMap::new(),
        last: None,
    };
    for entry in &trace.entries {
        match entry {
            Entry::Call(call) => judge.call(call),
            Entry::Sent { line, bytes } => judge.sent(*line, bytes),
            Entry::LookedAt { line, what } => judge.looked_at(*line, *what),
        }
    }
    judge.end();
    judge.checks.sort_by_key(|check| check.line);
    judge.checks
}

/// A credential that a program has: the package, and the line that gave it out.
struct Credential {
    package: String,
    line: usize,
}

struct Judge<'a> {
    suite: &'a Suite,
    checks: Vec<Check>,
    credentials: BTreeMap<u64, Credential>,
    contexts: BTreeMap<u64, Context>,
    /// Lines of calls whose buffers are to be freed, by the number of the request.
    allocated: BTreeMap<u64, usize>,
    /// The context of the last leg.
    last: Option<u64>,
}

impl Judge<'_> {
    fn check(&mut self, rule: &'static str, line: usize, holds: bool, message: impl FnOnce() -> String) {
        let verdict = match holds {
            true => Verdict::Pass,
            false => check::severity(self.suite, rule),
        };
        self.checks.push(Check {
            rule,
            line,
            verdict,
            message: if holds { String::new() } else { message() },
        });
    }

    fn call(&mut self, call: &Call) {
        let Some(outcome) = &call.outcome else { return };
        let class = self.class(outcome);
        if outcome.allocated {
            self.allocated.insert(call.sequence, call.line);
        }
        match &call.request {
            Request::Acquire {
                credential, package, ..
            } if class == Some(Class::Ok) => {
                let (package, line) = (package.to_ascii_lowercase(), call.line);
                self.credentials.insert(*credential, Credential { package, line });
            }
            Request::FreeCredential { credential } => self.free_credential(*credential),
            Request::FreeBuffers { of } => self.free_buffers(*of),
            Request::Initialize(leg) => self.leg(call.line, Role::Initiator, leg, outcome),
            Request::Accept(leg) => self.leg(call.line, Role::Acceptor, leg, outcome),
            Request::Complete { context, .. } => self.complete(call.line, *context, outcome),
            Request::Query { context, attribute } => self.query(call.line, *context, attribute),
            Request::Sign(protect)
            | Request::Verify(protect)
            | Request::Seal(protect)
            | Request::Unseal(protect) => self.used(call.line, protect.context),
            Request::Export { context } => {
                self.used(call.line, *context);
                self.delete(*context);
            }
            Request::Import { context, .. } if class == Some(Class::Ok) => {
                self.give(*context, Role::Initiator, call.line, State::Complete);
            }
            Request::Delete { context } => self.delete(*context),
            _ => {}
        }
    }

    fn class(&self, outcome: &Outcome) -> Option<Class> {
        let meaning = self.suite.mapping.meaning(outcome.status.as_ref()?, "");
        Some(meaning.map_or(Class::Failure, |meaning| meaning.class))
    }

    // ---- legs

    fn leg(&mut self, line: usize, side: Role, leg: &Leg, outcome: &Outcome) {
        self.check(
            "caller/general/reserved-zero",
            line,
            leg.reserved == [0, 0],
            || format!("the reserved arguments are {:?}", leg.reserved),
        );
        self.empty_buffer(line, side, leg);
        match leg.context {
            Some(context) => self.further_leg(line, context),
            None if side == Role::Initiator => {
                let named = leg.target.as_ref().is_some_and(|target| !target.utf16.is_empty());
                self.check("caller/general/target-name-given", line, named, || {
                    "no target is named".to_owned()
                });
            }
            None => {}
        }
        self.after_leg(line, side, leg, outcome);
    }

    fn empty_buffer(&mut self, line: usize, side: Role, leg: &Leg) {
        let credential = leg
            .credential
            .and_then(|credential| self.credentials.get(&credential));
        let stream = credential.is_some_and(|known| STREAMS.contains(&known.package.as_str()));
        if !stream || (side == Role::Initiator && leg.context.is_none()) {
            return;
        }
        let kinds = leg.input.iter().map(|buffer| buffer.kind);
        let behind = kinds.skip_while(|kind| *kind != TOKEN).any(|kind| kind == EMPTY);
        self.check("caller/general/empty-buffer", line, behind, || {
            "no SECBUFFER_EMPTY buffer follows the token".to_owned()
        });
    }

    fn further_leg(&mut self, line: usize, number: u64) {
        let known = self.contexts.get(&number).is_some_and(|context| !context.deleted);
        self.check("caller/general/same-context-handle", line, known, || {
            format!("context {number} was not given out, or is deleted")
        });
        self.used(line, number);
        self.settle(number);
    }

    /// A context is used: it may not have failed.
    fn used(&mut self, line: usize, number: u64) {
        let Some(context) = self.contexts.get(&number).filter(|context| !context.deleted) else {
            return;
        };
        let fit = context.state != State::Failed;
        self.check("caller/general/no-use-after-error", line, fit, || {
            format!("context {number} is used after a leg on it failed")
        });
    }

    /// What was due on a context before the next leg.
    fn settle(&mut self, number: u64) {
        let Some(context) = self.contexts.get_mut(&number) else {
            return;
        };
        let unsent = context.unsent.take();
        let due = context.state.asked();
        context.state = context.state.completed();
        if let Some((line, token)) = unsent {
            self.check("caller/general/send-every-token", line, false, || {
                format!("a token of {} bytes was not sent", token.len())
            });
        }
        if let Some(line) = due {
            self.not_completed(line);
        }
    }

    fn not_completed(&mut self, line: usize) {
        self.check("caller/general/complete-auth-token", line, false, || {
            "CompleteAuthToken was asked for and is not called in time".to_owned()
        });
    }

    fn after_leg(&mut self, line: usize, side: Role, leg: &Leg, outcome: &Outcome) {
        let Some(class) = self.class(outcome) else { return };
        let number = leg.context.unwrap_or(leg.new_context);
        self.last = Some(number);
        let Some(state) = State::after(class, line) else {
            return;
        };
        match (leg.context, self.contexts.get_mut(&number)) {
            (Some(_), Some(context)) => context.state = state,
            // A call on a handle that nobody gave out, or a first call that failed, gives out nothing.
            (Some(_), None) => return,
            (None, _) if class == Class::Failure => return,
            (None, _) => self.give(number, side, line, state),
        }
        let token = buffer(&outcome.buffers, TOKEN).filter(|token| !token.is_empty());
        if let (Some(token), true) = (token, class != Class::Failure) {
            self.owe(number, line, token);
        }
    }

    fn give(&mut self, number: u64, side: Role, line: usize, state: State) {
        let fresh = Context {
            side,
            line,
            state,
            unsent: None,
            deleted: false,
        };
        if let Some(old) = self.contexts.insert(number, fresh) {
            self.returned(&old);
        }
    }

    fn owe(&mut self, number: u64, line: usize, token: &[u8]) {
        if let Some(context) = self.contexts.get_mut(&number) {
            context.unsent = Some((line, token.to_vec()));
        }
    }

    fn complete(&mut self, line: usize, number: u64, outcome: &Outcome) {
        self.used(line, number);
        let failed = self.class(outcome) == Some(Class::Failure);
        let finished = buffer(&outcome.buffers, TOKEN).map(<[u8]>::to_vec);
        let Some(context) = self.contexts.get_mut(&number) else {
            return;
        };
        let due = context.state.asked();
        context.state = match failed {
            true => State::Failed,
            false => context.state.completed(),
        };
        if let (Some(token), Some(unsent)) = (finished, context.unsent.as_mut()) {
            unsent.1 = token;
        }
        if let Some(asked) = due {
            self.check("caller/general/complete-auth-token", asked, true, String::new);
        }
    }

    // ---- what the program does with what it got

    fn sent(&mut self, line: usize, bytes: &[u8]) {
        let fits = |context: &&mut Context| context.unsent.as_ref().is_some_and(|(_, token)| token == bytes);
        let Some(context) = self.contexts.values_mut().find(fits) else {
            return;
        };
        let made = context.unsent.take().map_or(line, |(made, _)| made);
        let due = context.state.asked();
        context.state = context.state.completed();
        self.check("caller/general/send-every-token", made, true, String::new);
        if let Some(asked) = due {
            self.not_completed(asked);
        }
    }

    fn looked_at(&mut self, line: usize, what: LookedAt) {
        let complete = self.is_complete(self.last);
        match what {
            LookedAt::Attributes => self.attributes(line, complete),
            LookedAt::Expiry => self.expiry(line, complete),
        }
    }

    fn query(&mut self, line: usize, number: u64, attribute: &str) {
        self.used(line, number);
        let failed = self
            .contexts
            .get(&number)
            .is_some_and(|context| context.state == State::Failed);
        let complete = self.is_complete(Some(number));
        match attribute {
            // That the context is used at all is what is wrong then.
            _ if failed => {}
            "lifespan" => self.expiry(line, complete),
            other if HARMLESS.contains(&other) => {}
            _ => self.attributes(line, complete),
        }
    }

    fn is_complete(&self, number: Option<u64>) -> bool {
        let context = number.and_then(|number| self.contexts.get(&number));
        context.is_some_and(|context| context.state == State::Complete)
    }

    fn attributes(&mut self, line: usize, complete: bool) {
        self.check("caller/general/attributes-after-success", line, complete, || {
            "attributes about security are looked at before the exchange is complete".to_owned()
        });
    }

    fn expiry(&mut self, line: usize, complete: bool) {
        self.check("caller/general/expiry-after-success", line, complete, || {
            "the time of expiry is looked at before the exchange is complete".to_owned()
        });
    }

    // ---- giving back

    fn free_buffers(&mut self, of: u64) {
        if let Some(line) = self.allocated.remove(&of) {
            self.check("caller/general/free-allocated-buffers", line, true, String::new);
        }
    }

    fn free_credential(&mut self, number: u64) {
        if let Some(credential) = self.credentials.remove(&number) {
            self.check(
                "caller/general/free-credential",
                credential.line,
                true,
                String::new,
            );
        }
    }

    fn delete(&mut self, number: u64) {
        self.conclude(number);
        if let Some(context) = self.contexts.get_mut(&number) {
            context.deleted = true;
        }
    }

    /// The end of an exchange. Whoever gives up in the middle owes the peer nothing.
    fn conclude(&mut self, number: u64) {
        let state = self.contexts.get(&number).map(|context| context.state);
        if matches!(
            state,
            Some(State::Complete | State::CompletionDue { continues: false, .. })
        ) {
            self.settle(number);
        }
    }

    /// Whether a context that is not heard of any more was given back.
    fn returned(&mut self, context: &Context) {
        self.check(
            "caller/general/delete-context",
            context.line,
            context.deleted,
            || format!("the context of the {} is not deleted", context.side.name()),
        );
    }

    fn end(&mut self) {
        let numbers: Vec<u64> = self.contexts.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.conclude(number));
        for context in std::mem::take(&mut self.contexts).into_values() {
            self.returned(&context);
        }
        for line in std::mem::take(&mut self.allocated).into_values() {
            self.check("caller/general/free-allocated-buffers", line, false, || {
                "buffers that the package allocated are not freed".to_owned()
            });
        }
        for credential in std::mem::take(&mut self.credentials).into_values() {
            self.check("caller/general/free-credential", credential.line, false, || {
                format!("the credential for {} is not freed", credential.package)
            });
        }
    }
}
