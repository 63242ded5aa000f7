//! One side while a case runs.

use super::{CONTEXT, CREDENTIAL, CallerDeviation, NEVER_GIVEN, OTHER, Seat};
use crate::{
    protocol::{Drive, Form, Layer, Role, Unsupported},
    run::trace::{End, Purpose},
    suite::scenario::HandleChoice,
};

/// One side while a case runs.
#[derive(Debug)]
pub(super) struct Party<'a> {
    pub(super) role: Role,
    package: &'a str,
    pub(super) seat: Seat<'a>,
    pub(super) has_context: bool,
    pub(super) has_credential: bool,
    pub(super) complete: bool,
    pub(super) deleted: bool,
    pub(super) legs: usize,
    pub(super) allocated: Vec<u64>,
    pub(super) calls: u64,
    pub(super) protected: u32,
    pub(super) checked: u32,
}

impl<'a> Party<'a> {
    pub(super) fn new(role: Role, package: &'a str, seat: Seat<'a>) -> Self {
        Self {
            role,
            package,
            seat,
            has_context: false,
            has_credential: false,
            complete: false,
            deleted: false,
            legs: 0,
            allocated: Vec::new(),
            calls: 0,
            protected: 0,
            checked: 0,
        }
    }

    /// What can be driven and seen of the subject in this role.
    pub(super) fn drive(&self) -> Option<&Drive> {
        crate::subject::drive(self.seat.hello(), self.package, self.role)
    }

    pub(super) fn needs(&self, operation: &str) -> Result<(), End> {
        match self.drive() {
            Some(drive) if drive.operations.iter().any(|name| name == operation) => Ok(()),
            _ => Err(self.unsupported(operation)),
        }
    }

    /// Whether a call for this purpose has to bring a status.
    pub(super) fn owes_status(&self, purpose: Purpose) -> bool {
        purpose != Purpose::Reset && self.shows("status")
    }

    pub(super) fn shows(&self, observable: &str) -> bool {
        self.drive()
            .is_some_and(|drive| drive.observables.iter().any(|name| name == observable))
    }

    /// What the bytes of its tokens are.
    pub(super) fn layer(&self) -> Layer {
        self.drive().map(|drive| drive.layer).unwrap_or_default()
    }

    pub(super) fn controls(&self, control: &str) -> bool {
        let hello = self.seat.hello();
        hello.controls.iter().any(|name| name == control)
    }

    /// The form of a per-message call: a list of buffers where nothing else can say it, or where there is no other.
    pub(super) fn form(&self, detached: bool, list: bool) -> Form {
        let forms = self
            .drive()
            .map(|drive| drive.forms.as_slice())
            .unwrap_or_default();
        let plain = if detached { Form::Detached } else { Form::Whole };
        if forms.contains(&Form::Buffers) && (list || !forms.contains(&plain)) {
            Form::Buffers
        } else {
            plain
        }
    }

    pub(super) fn unsupported(&self, what: &str) -> End {
        End::Unsupported(
            self.role,
            Unsupported {
                what: what.to_owned(),
                link: None,
            },
        )
    }
}

/// The context that a call after the legs names.
pub(super) fn named_context(choice: Option<HandleChoice>) -> u64 {
    match choice {
        Some(HandleChoice::ForeignContext) => NEVER_GIVEN,
        _ => CONTEXT,
    }
}

/// The context and credential handles of a leg.
pub(super) fn handles(
    party: &Party<'_>,
    choice: Option<HandleChoice>,
    caller: Option<CallerDeviation>,
) -> (Option<u64>, u64) {
    let own = party.has_context.then_some(CONTEXT);
    let own = match (own, caller) {
        (Some(_), Some(CallerDeviation::PassesWrongHandle)) => Some(OTHER),
        (own, _) => own,
    };
    match choice {
        None => (own, CREDENTIAL),
        Some(HandleChoice::StaleContext) => (Some(CONTEXT), CREDENTIAL),
        Some(HandleChoice::ForeignContext) => (Some(NEVER_GIVEN), CREDENTIAL),
        Some(HandleChoice::StaleCredential) => (own, CREDENTIAL),
        Some(HandleChoice::ForeignCredential) => (own, NEVER_GIVEN),
        Some(HandleChoice::CredentialOfPeer) => (own, OTHER),
    }
}
