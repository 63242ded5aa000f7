//! What a case asks of one side, and whether a subject declares it in `hello`.
//!
//! This counts; it decides nothing. Whether a case can be played is what the driver meets and what the adapter answers.

use std::collections::BTreeSet;

use legwork_engine::ntlm::messages::NegotiateFlags;
use serde_json::Value;

use super::{
    case::Case,
    layer,
    world::{Side, World},
};
use crate::{
    protocol::{Drive, Form, Hello, Role},
    subject,
    suite::{
        names,
        scenario::{How, Input, LegStep, ProtectStep, Step, Tamper},
    },
};

/// Legs of a side in an ordinary exchange: NTLM has three messages (MS-NLMP section 1.3.1.1), the last of which an
/// acceptor answers with none.
const LEGS: usize = 2;

/// What a case needs of a side that the subject's `hello` does not declare, in order; nothing if all of it is declared.
#[must_use]
pub fn undeclared(hello: &Hello, case: &Case<'_>, role: Role) -> Vec<String> {
    let package = &case.entry.package;
    let Some(drive) = subject::drive(hello, package, role) else {
        return vec![format!("{package} {}", role.name())];
    };
    let mut demands = Demands {
        role,
        case,
        legs: [0, 0],
        changed: false,
        all: BTreeSet::new(),
    };
    demands.of_steps();
    if !case.entry.scenario.is_of_vectors() {
        demands.of_world(drive);
    }
    let all = demands.all.into_iter();
    all.filter(|demand| !demand.is_declared(hello, drive))
        .map(|demand| demand.name())
        .collect()
}

/// Requirement bits of a side that the interface cannot express, and that something hangs on: a connection is what
/// there is anyway, and the protection of messages is seen neither in messages nor in attributes where a subject shows
/// none.
#[must_use]
pub(crate) fn inexpressible(drive: &Drive, side: &Side, role: Role) -> u32 {
    let shows = |name: &str| drive.observables.iter().any(|shown| shown == name);
    let protection = ["integrity", "confidentiality", "replay-detect", "sequence-detect"];
    let unprotected = !shows("per-message") && !shows("attributes");
    let idle = if unprotected { protection.as_slice() } else { &[] };
    let idle = idle.iter().chain(&["connection"]);
    let idle = idle.filter_map(|name| names::requirement(role, name));
    side.requirements & !drive.requirements & !idle.fold(0, |all, bit| all | bit)
}

/// Something that a case needs of a side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Demand {
    Layer(&'static str),
    Operation(&'static str),
    Observable(&'static str),
    Control(&'static str),
    Requirements(u32),
    /// Per-message calls in the form `buffers`.
    BufferLists,
    /// A token or function of `decode`, `encode` or `derive`.
    Known(&'static str, String),
    /// What `honours` has names for.
    Setting(String),
    /// What only the reference has.
    Reference(&'static str),
}

impl Demand {
    fn is_declared(&self, hello: &Hello, drive: &Drive) -> bool {
        let has = |list: &[String], name: &str| list.iter().any(|listed| listed == name);
        match self {
            Self::Layer(_) => layer::is_spoken(drive.layer),
            Self::Operation(name) => has(&drive.operations, name),
            Self::Observable(name) => has(&drive.observables, name),
            Self::Control(name) => has(&hello.controls, name),
            Self::Requirements(bits) => *bits == 0,
            Self::BufferLists => drive.forms.contains(&Form::Buffers),
            Self::Known("decode", name) => has(&drive.decode, name),
            Self::Known("encode", name) => has(&drive.encode, name),
            Self::Known(_, name) => has(&drive.derive, name),
            Self::Setting(name) => honours(drive, name),
            Self::Reference(_) => false,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Layer(name) => format!("layer {name}"),
            Self::Operation(name) | Self::Observable(name) | Self::Control(name) | Self::Reference(name) => {
                name.to_owned()
            }
            Self::Requirements(bits) => format!("requirements 0x{bits:08x}"),
            Self::BufferLists => "form buffers".to_owned(),
            Self::Known(operation, name) => format!("{operation} {name}"),
            Self::Setting(name) => name,
        }
    }
}

/// Whether a subject declares that it honours a setting. A name that is listed stands for all that begin with it and a
/// colon; without a list everything is claimed.
#[must_use]
pub fn honours(drive: &Drive, setting: &str) -> bool {
    let Some(listed) = &drive.honours else {
        return true;
    };
    let covers = |name: &String| {
        let rest = setting.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    listed.iter().any(covers)
}

/// Whether a name is one that settings begin with.
#[must_use]
pub fn is_setting(name: &str) -> bool {
    let mut parts = name.split(':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let among = |known: &[&str]| second.is_none_or(|second| known.contains(&second));
    match first {
        "bindings" => second.is_none(),
        "character-set" => among(&["oem"]),
        "fault" => among(names::FAULTS),
        "identity" => among(&["absent", "user-absent", "domain-absent", "password-absent"]),
        "leg" => among(&["first-with-token", "after-the-last"]),
        "package" => among(&["other"]),
        "policy" => among(names::POLICIES),
        // Scenarios ask for attributes that no package has, too.
        "query" => true,
        "target" => among(&["absent"]),
        _ => false,
    }
}

/// The names of what a policy asks for beyond the default: of a mask each flag that is to be left out, of a switch its
/// value.
#[must_use]
pub fn policy_settings(policy: &str, value: &Value) -> Vec<String> {
    let mask = value.as_u64().and_then(|mask| u32::try_from(mask).ok());
    match (policy, mask) {
        ("offer" | "grant", Some(mask)) => {
            let left_out = NegotiateFlags::from_bits_retain(!mask);
            let names = left_out.iter_names().map(|(name, _)| word(name));
            names.map(|name| format!("policy:{policy}:{name}")).collect()
        }
        _ => match value {
            Value::Bool(_) | Value::Number(_) => vec![format!("policy:{policy}:{value}")],
            _ => vec![format!("policy:{policy}")],
        },
    }
}

fn word(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

struct Demands<'c> {
    role: Role,
    case: &'c Case<'c>,
    /// Legs of the initiator and of the acceptor.
    legs: [usize; 2],
    /// Whether the scenario has put a token in the place of what is under way.
    changed: bool,
    all: BTreeSet<Demand>,
}

impl Demands<'_> {
    fn add(&mut self, demand: Demand) {
        self.all.insert(demand);
    }

    fn setting(&mut self, name: &str) {
        self.add(Demand::Setting(name.to_owned()));
    }

    fn of_world(&mut self, drive: &Drive) {
        let world = &self.case.world;
        let side = world.side(self.role);
        self.add(Demand::Layer(drive.layer.name()));
        self.add(Demand::Requirements(inexpressible(drive, side, self.role)));
        for (policy, value) in &side.policy {
            let settings = policy_settings(policy, value);
            self.all.extend(settings.into_iter().map(Demand::Setting));
        }
        for fault in &side.faults {
            self.setting(&format!("fault:{fault}"));
        }
        if side.bindings.is_some() {
            self.setting("bindings");
        }
        if has_no_unicode(world) {
            self.setting("character-set:oem");
        }
        match self.role {
            Role::Initiator => self.of_identity(world),
            Role::Acceptor if world.accounts.iter().any(|account| account.state.is_some()) => {
                self.add(Demand::Control("account-state"));
            }
            Role::Acceptor => {}
        }
    }

    fn of_identity(&mut self, world: &World) {
        if world.target.is_none() {
            self.setting("target:absent");
        }
        let Some(identity) = &world.identity else {
            return self.setting("identity:absent");
        };
        let parts = [
            (&identity.user, "identity:user-absent"),
            (&identity.domain, "identity:domain-absent"),
            (&identity.password, "identity:password-absent"),
        ];
        for (part, name) in parts {
            if part.is_none() {
                self.setting(name);
            }
        }
    }

    fn of_steps(&mut self) {
        for step in &self.case.entry.scenario.steps {
            self.of_step(step);
        }
    }

    fn of_step(&mut self, step: &Step) {
        let mine = |of: Role| of == self.role;
        match step {
            Step::Legs(count) => {
                for _ in 0..*count {
                    let [initiator, acceptor] = self.legs;
                    let acceptor_next = initiator > acceptor;
                    let next = if acceptor_next {
                        Role::Acceptor
                    } else {
                        Role::Initiator
                    };
                    self.of_leg(next, &LegStep::default());
                }
            }
            Step::Initialize(leg) => self.of_leg(Role::Initiator, leg),
            Step::Accept(leg) => self.of_leg(Role::Acceptor, leg),
            Step::Fragments(_) => {
                self.changed = true;
                self.add(Demand::Observable("status"));
            }
            Step::Change(change) => self.changed |= change.how == How::InTransit,
            Step::Clock(clock) if mine(clock.of) => self.add(Demand::Reference("a clock that moves")),
            Step::Sign(step) => self.of_message(step, "sign", "verify"),
            Step::Seal(step) => self.of_message(step, "seal", "unseal"),
            Step::Query(query) if mine(query.of) => self.of_query(&query.attribute, query.handle.is_some()),
            Step::Delete(delete) if mine(delete.of) => {
                self.add(Demand::Operation("delete"));
                self.of_handle(delete.handle.is_some());
            }
            Step::Complete(of) if mine(of.of) => self.add(Demand::Operation("complete")),
            Step::Transfer(of) if mine(of.of) => {
                self.add(Demand::Operation("export"));
                self.add(Demand::Operation("import"));
            }
            Step::ReAuthenticate(_) => {
                self.add(Demand::Operation("delete"));
                self.legs = [0, 0];
            }
            Step::Acquire(acquire) if mine(acquire.of) && acquire.package.is_some() => {
                self.setting("package:other");
            }
            Step::Decode(vector) | Step::Encode(vector) | Step::Derive(vector) if mine(vector.of) => {
                self.of_vector(step);
            }
            _ => {}
        }
    }

    fn of_leg(&mut self, role: Role, leg: &LegStep) {
        let [initiator, acceptor] = &mut self.legs;
        let legs = if role == Role::Initiator {
            initiator
        } else {
            acceptor
        };
        let before = *legs;
        *legs = before.saturating_add(1);
        if role != self.role {
            return;
        }
        self.add(Demand::Operation(match role {
            Role::Initiator => "initialize",
            Role::Acceptor => "accept",
        }));
        self.of_handle(leg.handle.is_some());
        if leg.capacity.is_some() || leg.no_output_buffer {
            self.add(Demand::Observable("buffers"));
        }
        let token = match &leg.input {
            None => self.changed,
            Some(input) => !matches!(input, Input::None),
        };
        if role == Role::Initiator && before == 0 && token {
            self.setting("leg:first-with-token");
        }
        if before >= LEGS {
            self.setting("leg:after-the-last");
        }
    }

    fn of_handle(&mut self, odd: bool) {
        if odd {
            self.add(Demand::Observable("handles"));
        }
    }

    fn of_message(&mut self, step: &ProtectStep, making: &'static str, checking: &'static str) {
        let checked = step.check.is_some() || step.expect.is_none() || step.tamper == Some(Tamper::Lose);
        if step.by == self.role {
            self.add(Demand::Operation(making));
            self.of_handle(step.handle.is_some());
            if step.without.is_some() || step.capacity.is_some() {
                self.add(Demand::BufferLists);
            }
        } else if checked {
            self.add(Demand::Operation(checking));
        }
        if step.read_only.is_some() {
            self.add(Demand::Observable("buffer-attributes"));
        }
    }

    fn of_query(&mut self, attribute: &str, odd: bool) {
        self.add(Demand::Operation("query"));
        self.of_handle(odd);
        match attribute {
            "session-key" => self.add(Demand::Observable("session-key")),
            "names" => self.add(Demand::Observable("peer-name")),
            other => self.setting(&format!("query:{other}")),
        }
    }

    fn of_vector(&mut self, step: &Step) {
        let Some(known) = step
            .of_vector()
            .and_then(|step| self.case.vector(&step.vector_from))
        else {
            return;
        };
        let (operation, name) = match step {
            Step::Decode(_) => ("decode", known.token()),
            Step::Encode(_) => ("encode", known.token()),
            _ => ("derive", known.function().unwrap_or_default()),
        };
        self.add(Demand::Known(operation, name.to_owned()));
    }
}

/// Whether what one side leaves out keeps both from Unicode.
fn has_no_unicode(world: &World) -> bool {
    let without = |side: &Side, mask| !side.mask(mask).contains(NegotiateFlags::UNICODE);
    without(&world.initiator, "offer") || without(&world.acceptor, "grant")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{run::case, subject::reference::HELLO, suite::Suite};

    /// What a case needs of a side that declares all but settings.
    fn settings(suite: &Suite, id: &str, role: Role) -> Vec<String> {
        let mut hello = HELLO.clone();
        for drive in &mut hello.drives {
            drive.honours = Some(Vec::new());
        }
        let cases = case::expand(suite);
        let case = cases.iter().find(|case| case.id == id);
        case.map(|case| undeclared(&hello, case, role))
            .unwrap_or_default()
    }

    #[test]
    fn a_case_needs_what_its_world_and_its_steps_ask_for() {
        let Ok(suite) = Suite::embedded() else { return };
        use Role::{Acceptor, Initiator};
        for (id, role, needed) in [
            ("ntlm/good/default", Initiator, &[][..]),
            ("ntlm/bindings/match/bindings:end-point", Acceptor, &["bindings"]),
            (
                "ntlm/policy/strong-encryption",
                Initiator,
                &["policy:require-128-bit:true"],
            ),
            (
                "ntlm/policy/acceptor-weak-offer",
                Initiator,
                &["policy:offer:negotiate-128"],
            ),
            (
                "ntlm/cells/initiator-start/input:empty",
                Initiator,
                &["leg:first-with-token"],
            ),
            (
                "ntlm/queries/flags-acceptor/protection:both",
                Acceptor,
                &["query:flags"],
            ),
            ("ntlm/queries/flags-acceptor/protection:both", Initiator, &[]),
        ] {
            assert_eq!(settings(&suite, id, role), needed, "{id} {role:?}");
        }
    }

    #[test]
    fn every_setting_of_the_suite_has_a_name_that_hello_may_list() {
        let Ok(suite) = Suite::embedded() else { return };
        let mut hello = HELLO.clone();
        for drive in &mut hello.drives {
            drive.honours = Some(Vec::new());
        }
        let cases = case::expand(&suite);
        let needed = cases
            .iter()
            .flat_map(|case| Role::BOTH.map(|role| undeclared(&hello, case, role)));
        let strange: Vec<String> = needed
            .flatten()
            .filter(|name| name != "a clock that moves" && !is_setting(name))
            .collect();
        assert_eq!(strange, [""; 0]);
    }

    #[test]
    fn a_name_stands_for_all_that_begin_with_it_and_a_colon() {
        let mut drive = HELLO.drives.first().cloned().unwrap_or_else(|| unreachable!());
        drive.honours = Some(vec!["policy:offer".to_owned()]);
        assert!(honours(&drive, "policy:offer:key-exch"));
        assert!(!honours(&drive, "policy:offers"));
        drive.honours = None;
        assert!(honours(&drive, "policy:offers"));
    }

    #[test]
    fn of_a_mask_each_flag_that_is_left_out_is_a_setting() {
        let named = policy_settings("offer", &json!(0x9fff_ffff_u32));
        assert_eq!(named, ["policy:offer:negotiate-128", "policy:offer:key-exch"]);
        assert_eq!(
            policy_settings("send-mic", &json!(false)),
            ["policy:send-mic:false"]
        );
    }
}
