//! Steps beside legs and messages: changes of tokens and clocks, queries, deletions.

use super::{CONTEXT, Driver, OTHER, Seat, party::named_context};
use crate::{
    edit::{self, Token},
    protocol::{Request, Role},
    run::trace::{End, Event, Purpose},
    suite::{
        mapping::Class,
        scenario::{AcquireStep, Change, ClockStep, DeleteStep, Edit, Expect, How, OfStep, QueryStep},
    },
};

impl Driver<'_, '_> {
    pub(super) fn change(&mut self, change: &Change) -> Result<(), End> {
        let edits = match &change.edits_from {
            Some(axis) => self.case.edits(axis),
            None => &change.edits,
        };
        match change.how {
            How::InTransit => {
                self.under_way = self.edited(&self.under_way, edits)?;
                self.altered_input |= !edits.is_empty();
            }
            How::AsSent => {
                let role = self.next_role();
                self.altered_output |= !edits.is_empty();
                match &mut self.party(role).seat {
                    Seat::Reference(reference) => {
                        reference.plan(|plan| plan.set_next(change.token.as_deref(), edits))
                    }
                    Seat::Foreign(_) => {
                        let message = "a subject cannot be made to send another token";
                        return Err(End::NotApplicable(message.to_owned()));
                    }
                }
            }
        }
        Ok(())
    }

    /// A token after edits. An edit that cannot be made is the harness's fault, unless a subject takes part: neither
    /// its own tokens nor what the reference makes of them need have the field.
    pub(super) fn edited(&self, token: &Token, edits: &[Edit]) -> Result<Token, End> {
        let foreign = self
            .sides
            .iter()
            .any(|party| matches!(party.seat, Seat::Foreign(_)));
        let wrong = |message: String| match foreign {
            true => End::NotApplicable(format!("the token of this exchange: {message}")),
            false => End::HarnessFault(message),
        };
        let changed = edit::in_transit(token, edits).map_err(|error| wrong(error.to_string()))?;
        if !edits.is_empty() && changed == *token {
            return Err(wrong("the edits change nothing".to_owned()));
        }
        Ok(changed)
    }

    pub(super) fn clock(&mut self, step: &ClockStep) -> Result<(), End> {
        match &mut self.party(step.of).seat {
            Seat::Reference(reference) => {
                reference.move_clock(step.seconds);
                Ok(())
            }
            Seat::Foreign(_) => Err(self.party(step.of).unsupported("clock")),
        }
    }

    pub(super) fn query(&mut self, step: &QueryStep) -> Result<(), End> {
        self.prepare_handle(step.of, step.handle)?;
        let context = named_context(step.handle);
        self.party(step.of).needs("query")?;
        let request = Request::Query {
            context,
            attribute: step.attribute.clone(),
        };
        self.call(step.of, Purpose::Query, request, step.expect.clone())
            .map(|_| ())
    }

    pub(super) fn query_attribute(
        &mut self,
        role: Role,
        attribute: &str,
        purpose: Purpose,
        expect: Option<Expect>,
    ) -> Result<(), End> {
        let request = Request::Query {
            context: CONTEXT,
            attribute: attribute.to_owned(),
        };
        self.call(role, purpose, request, expect).map(|_| ())
    }

    pub(super) fn delete(&mut self, step: &DeleteStep) -> Result<(), End> {
        self.prepare_handle(step.of, step.handle)?;
        let context = named_context(step.handle);
        self.party(step.of).needs("delete")?;
        if context == CONTEXT {
            self.party(step.of).deleted = true;
        }
        self.call(
            step.of,
            Purpose::Step,
            Request::Delete { context },
            step.expect.clone(),
        )
        .map(|_| ())
    }

    pub(super) fn complete(&mut self, step: &OfStep) -> Result<(), End> {
        self.party(step.of).needs("complete")?;
        let request = Request::Complete {
            context: CONTEXT,
            buffers: Vec::new(),
        };
        self.call(step.of, Purpose::Step, request, step.expect.clone())
            .map(|_| ())
    }

    /// The expectation is about the context that was imported; a package that exports none ends the case.
    pub(super) fn transfer(&mut self, step: &OfStep) -> Result<(), End> {
        self.party(step.of).needs("export")?;
        self.party(step.of).needs("import")?;
        let request = Request::Export { context: CONTEXT };
        let exported = self.call(step.of, Purpose::Step, request, None)?;
        let outcome = self.trace.events.get(exported).and_then(Event::outcome);
        let buffers = outcome.map(|outcome| outcome.buffers.clone()).unwrap_or_default();
        if self.class(exported, step.of) != Some(Class::Ok) {
            return Err(self.party(step.of).unsupported("export of this context"));
        }
        let request = Request::Import {
            package: self.case.entry.package.clone(),
            context: CONTEXT,
            buffers,
        };
        self.call(step.of, Purpose::Step, request, step.expect.clone())
            .map(|_| ())
    }

    /// Both contexts go, the credentials stay.
    pub(super) fn re_authenticate(&mut self) -> Result<(), End> {
        for role in Role::BOTH {
            self.party(role).needs("delete")?;
            self.call(role, Purpose::Release, Request::Delete { context: CONTEXT }, None)?;
            let party = self.party(role);
            (party.has_context, party.complete, party.legs) = (false, false, 0);
            (party.protected, party.checked) = (0, 0);
        }
        self.under_way = Token::None;
        self.last_leg = None;
        self.sent.clear();
        Ok(())
    }

    pub(super) fn acquire_oddly(&mut self, step: &AcquireStep) -> Result<(), End> {
        let package = step
            .package
            .clone()
            .unwrap_or_else(|| self.case.entry.package.clone());
        let identity = self.case.world.identity.clone();
        let request = Request::Acquire {
            credential: OTHER,
            package,
            role: step.of,
            identity,
        };
        self.call(step.of, Purpose::Step, request, step.expect.clone())
            .map(|_| ())
    }
}
