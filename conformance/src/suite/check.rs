//! Checks across files: every name that one part of the suite uses must exist in another. Each finding is placed
//! where the name stands.

mod mappings;
mod tables;

pub(super) use self::mappings::subject_mapping;
use super::{
    RequirementsFile, ScenarioEntry, Suite,
    files::SuiteFile,
    grammar,
    map::UniqueMap,
    names,
    rule::{About, RuleFile, Unchecked, Why},
    saboteur::{Sabotage, Saboteur, SaboteurFile},
    scenario::{
        Change, Edit, Expect, FragmentsStep, Input, Scenario, ScenarioFile, Setup, SideSetup, Step,
        Variation, VectorStep, When,
    },
    vectors,
};
use crate::{
    protocol::Role,
    yaml::{Document, End, Located, Path},
};

/// Everything that is wrong across the files of a suite. Files that do not parse are passed over: their errors
/// are known already, and names that may stand in one of them (`broken`: the folders) are not missed.
pub(super) fn all(suite: &Suite, files: &[SuiteFile], broken: &[&str]) -> Vec<Located> {
    let mut findings = Findings {
        suite,
        broken,
        errors: Vec::new(),
    };
    for file in files {
        let document = Document::new(&file.shown, &file.text);
        match file.path.split('/').next() {
            Some("rules") => findings.rules(&document),
            Some("scenarios") => {
                findings.scenarios(&document, file.place_below("scenarios").unwrap_or_default())
            }
            Some("mappings") => findings.mapping(&document, file.place_below("mappings").unwrap_or_default()),
            Some("requirements") => findings.requirements(&document),
            Some("saboteurs.yaml") => findings.saboteurs(&document),
            Some("models") => findings.model(&document, file.place_below("models").unwrap_or_default()),
            Some("bug-classes.yaml") => findings.bug_classes(&document),
            _ => {}
        }
    }
    findings.errors
}

/// Packages that scenarios can drive.
const PACKAGES: [&str; 2] = ["ntlm", "negotiate"];

/// What has been found so far.
struct Findings<'a> {
    suite: &'a Suite,
    broken: &'a [&'a str],
    errors: Vec<Located>,
}

/// One scenario and where it stands.
struct Scope<'a> {
    document: &'a Document<'a>,
    scenario: &'a Scenario,
    path: Path,
}

impl Findings<'_> {
    fn wrong(&mut self, document: &Document<'_>, path: &Path, message: String, expected: Option<String>) {
        let error = document.error(path, End::Value, message);
        self.errors.push(error.expecting(expected));
    }

    fn rules(&mut self, document: &Document<'_>) {
        let Ok(file) = document.read::<RuleFile>() else {
            return;
        };
        for (key, rule) in file.rules.iter() {
            let path = Path::root().at("rules").at(key);
            for (index, id) in rule.errata.iter().enumerate() {
                if self.suite.errata.get(id).is_none() && !self.broken.contains(&"errata.yaml") {
                    let known = self.suite.errata.iter().map(|(id, _)| id);
                    let near = nearest(id, known);
                    self.wrong(
                        document,
                        &path.at("errata").at(index),
                        format!("no erratum `{id}`"),
                        near,
                    );
                }
            }
            for (index, alias) in rule.aliases.iter().enumerate() {
                if self.suite.rules.contains_key(alias) || self.alias_count(alias) > 1 {
                    let place = path.at("aliases").at(index);
                    self.wrong(
                        document,
                        &place,
                        format!("`{alias}` is the id of another rule"),
                        None,
                    );
                }
            }
            let implicit = matches!(
                rule.unchecked,
                Some(Unchecked {
                    why: Why::Implicit,
                    ..
                })
            );
            if implicit && matches!(rule.about, About::Status | About::Flag | About::Wire) {
                let message = "a rule about a status, a flag or a token field is never implicit".to_owned();
                let expected = Some("a check, or another reason".to_owned());
                self.wrong(document, &path.at("unchecked").at("why"), message, expected);
            }
        }
    }

    fn alias_count(&self, alias: &str) -> usize {
        self.suite
            .rules
            .values()
            .filter(|entry| entry.has_alias(alias))
            .count()
    }

    fn requirements(&mut self, document: &Document<'_>) {
        let Ok(file) = document.read::<RequirementsFile>() else {
            return;
        };
        for (index, id) in file.rules.iter().enumerate() {
            self.rule_id(document, &Path::root().at("rules").at(index), id);
        }
    }

    fn saboteurs(&mut self, document: &Document<'_>) {
        let Ok(file) = document.read::<SaboteurFile>() else {
            return;
        };
        for (name, saboteur) in file.saboteurs.iter() {
            self.saboteur(document, &Path::root().at("saboteurs").at(name), saboteur);
        }
    }

    fn saboteur(&mut self, document: &Document<'_>, path: &Path, saboteur: &Saboteur) {
        self.rule_id(document, &path.at("rule"), &saboteur.rule);
        let (key, edits) = match &saboteur.does {
            Sabotage::AsSent(edits) => ("as-sent", edits),
            Sabotage::InTransit(edits) => ("in-transit", edits),
            Sabotage::Deviation(_) | Sabotage::Subject(_) | Sabotage::Caller(_) => return,
        };
        let path = path.at("does").at(key);
        self.token(document, &path.at("token"), &edits.token);
        self.edits(document, &path.at("edits"), &edits.edits, Some(&edits.token));
    }

    fn token(&mut self, document: &Document<'_>, path: &Path, token: &str) {
        let known: Vec<_> = names::TOKENS.iter().map(|(name, _)| *name).collect();
        if !known.contains(&token) {
            self.wrong(
                document,
                path,
                format!("no token is called `{token}`"),
                Some(one_of(known)),
            );
        }
    }

    fn rule_id(&mut self, document: &Document<'_>, path: &Path, id: &str) {
        if self.suite.rules.contains_key(id) || self.broken.contains(&"rules") {
            return;
        }
        let (message, expected) = match self.suite.rule(id) {
            Some((now, _)) => (
                format!("rule `{id}` has another name now"),
                Some(format!("`{now}`")),
            ),
            None => (
                format!("no rule `{id}`"),
                nearest(id, self.suite.rules.keys().map(String::as_str)),
            ),
        };
        self.wrong(document, path, message, expected);
    }

    fn scenarios(&mut self, document: &Document<'_>, place: &str) {
        let Ok(file) = document.read::<ScenarioFile>() else {
            return;
        };
        if !PACKAGES.contains(&file.package.as_str()) {
            let message = format!("no package `{}`", file.package);
            self.wrong(
                document,
                &Path::root().at("package"),
                message,
                Some(one_of(PACKAGES.to_vec())),
            );
        }
        for (key, scenario) in file.scenarios.iter() {
            let path = Path::root().at("scenarios").at(key);
            let resolved = file.resolved(scenario);
            let scope = Scope {
                document,
                scenario: &resolved,
                path,
            };
            self.axes_from(&scope, &file);
            self.axes(&scope, &scenario.axes);
            self.scenario(&scope, &format!("{place}/{key}"));
        }
    }

    fn axes_from(&mut self, scope: &Scope<'_>, file: &ScenarioFile) {
        let Some(from) = scope.scenario.axes_from.as_deref() else {
            return;
        };
        if file.axes_of(scope.scenario).is_none() {
            let own = file
                .scenarios
                .iter()
                .filter(|(_, other)| other.axes_from.is_none());
            let near = nearest(from, own.map(|(name, _)| name));
            let message = format!("no scenario `{from}` with axes of its own in this file");
            self.wrong(scope.document, &scope.path.at("axes-from"), message, near);
        }
    }

    /// The axes that stand in a scenario; those it shares are checked where they stand.
    fn axes(&mut self, scope: &Scope<'_>, axes: &UniqueMap<UniqueMap<Variation>>) {
        for (axis, values) in axes.iter() {
            for (value, variation) in values.iter() {
                let path = scope.path.at("axes").at(axis).at(value);
                self.setup(scope, &path.at("setup"), &variation.setup);
                self.edits(scope.document, &path.at("edits"), &variation.edits, None);
                if let Some(expect) = &variation.expect {
                    self.expect(scope, &path.at("expect"), expect, None);
                }
                if let Some(id) = &variation.vector {
                    self.vector(scope.document, &path.at("vector"), id);
                }
            }
        }
    }

    fn scenario(&mut self, scope: &Scope<'_>, id: &str) {
        self.twin(scope, id);
        self.setup(scope, &scope.path.at("setup"), &scope.scenario.setup);
        for (index, step) in scope.scenario.steps.iter().enumerate() {
            self.step(scope, &scope.path.at("steps").at(index), step);
        }
        if expectations(scope.scenario).is_empty() {
            let message = "a scenario that names no rule".to_owned();
            let expected = Some("a step with `expect`".to_owned());
            let error = scope.document.error(&scope.path, End::Key, message);
            self.errors.push(error.expecting(expected));
        }
    }

    fn twin(&mut self, scope: &Scope<'_>, id: &str) {
        let path = scope.path.at("twin");
        match &scope.scenario.twin {
            Some(twin) if twin == id => {
                self.wrong(
                    scope.document,
                    &path,
                    "a scenario is not its own twin".to_owned(),
                    None,
                );
            }
            Some(twin) => match self.suite.scenario(twin) {
                Some(entry) if self.completes(entry) => {}
                Some(_) => {
                    let expected = Some("a scenario that completes".to_owned());
                    self.wrong(
                        scope.document,
                        &path,
                        format!("`{twin}` is refused itself"),
                        expected,
                    );
                }
                None if self.broken.contains(&"scenarios") => {}
                None => {
                    let near = nearest(twin, self.suite.scenarios.iter().map(|entry| entry.id.as_str()));
                    self.wrong(scope.document, &path, format!("no scenario `{twin}`"), near);
                }
            },
            None if self.refused(scope.scenario) => {
                let message = "a scenario that is refused, without a twin that completes".to_owned();
                let expected = Some("a key `twin`".to_owned());
                let error = scope.document.error(&scope.path, End::Key, message);
                self.errors.push(error.expecting(expected));
            }
            None => {}
        }
    }

    fn completes(&self, entry: &ScenarioEntry) -> bool {
        !self.refused(&entry.scenario)
    }

    /// Whether somebody is refused. Where nothing is changed on the way, a condition turns on what a side chose to do.
    fn refused(&self, scenario: &Scenario) -> bool {
        let changed = scenario.steps.iter().any(|step| matches!(step, Step::Change(_)));
        let expected = expectations(scenario);
        let mut certain = expected.iter().filter(|expect| changed || expect.when.is_none());
        certain.any(|expect| self.refuses(expect))
    }

    /// Whether an expectation is fulfilled by failures only.
    fn refuses(&self, expect: &Expect) -> bool {
        let failure = |name: &String| self.suite.mapping.is_refusal(name);
        !expect.status.is_empty() && expect.status.iter().all(failure)
    }

    fn setup(&mut self, scope: &Scope<'_>, path: &Path, setup: &Setup) {
        self.side(scope, &path.at("initiator"), &setup.initiator, Role::Initiator);
        self.side(scope, &path.at("acceptor"), &setup.acceptor, Role::Acceptor);
        let parts = ["user", "domain", "password", "identity"];
        let absent = setup
            .identity
            .iter()
            .flat_map(|identity| identity.absent.iter().enumerate());
        for (index, part) in absent.filter(|(_, part)| !parts.contains(&part.as_str())) {
            let path = path.at("identity").at("absent").at(index);
            self.wrong(
                scope.document,
                &path,
                format!("no part `{part}`"),
                Some(one_of(parts)),
            );
        }
    }

    fn side(&mut self, scope: &Scope<'_>, path: &Path, side: &SideSetup, role: Role) {
        let requirements = side.requirements.iter().flatten().enumerate();
        for (index, name) in requirements.filter(|(_, name)| names::requirement(role, name).is_none()) {
            let message = format!("no requirement `{name}` of the {}", role.name());
            let near = nearest(name, names::requirements(role).iter().map(String::as_str));
            self.wrong(scope.document, &path.at("requirements").at(index), message, near);
        }
        for (name, _) in side
            .policy
            .iter()
            .filter(|(name, _)| !names::POLICIES.contains(name))
        {
            let path = path.at("policy").at(name);
            let error = scope
                .document
                .error(&path, End::Key, format!("no policy switch `{name}`"));
            let expected = Some(one_of(names::POLICIES.iter().copied()));
            self.errors.push(error.expecting(expected));
        }
        if role == Role::Initiator && side.package_list.is_some() {
            let message = "the packages of the initiator's credential stand in `identity`".to_owned();
            self.wrong(scope.document, &path.at("package-list"), message, None);
        }
        let faults = side.faults.iter().flatten().enumerate();
        for (index, name) in faults.filter(|(_, name)| !names::FAULTS.contains(&name.as_str())) {
            let expected = Some(one_of(names::FAULTS.iter().copied()));
            self.wrong(
                scope.document,
                &path.at("faults").at(index),
                format!("no fault `{name}`"),
                expected,
            );
        }
    }

    fn step(&mut self, scope: &Scope<'_>, path: &Path, step: &Step) {
        match step {
            Step::Initialize(leg) | Step::Accept(leg) => {
                let (key, role) = match step {
                    Step::Accept(_) => ("accept", Role::Acceptor),
                    _ => ("initialize", Role::Initiator),
                };
                let path = path.at(key);
                self.axis(scope, &path.at("expect-from"), leg.expect_from.as_deref());
                self.input(scope.document, &path.at("input"), leg.input.as_ref());
                self.expect_at(scope, &path.at("expect"), leg.expect.as_ref(), Some(role));
                self.expect_first(scope, &path.at("expect-first"), &leg.expect_first, Some(role));
            }
            Step::Fragments(step) => self.fragments(scope, &path.at("fragments"), step),
            Step::Change(change) => self.change(scope, &path.at("change"), change),
            Step::Sign(message) | Step::Seal(message) => {
                let path = path.at(if matches!(step, Step::Sign(_)) {
                    "sign"
                } else {
                    "seal"
                });
                self.expect_at(scope, &path.at("expect"), message.expect.as_ref(), None);
                self.expect_at(scope, &path.at("check"), message.check.as_ref(), None);
                self.expect_first(scope, &path.at("check-first"), &message.check_first, None);
                self.axis(scope, &path.at("edits-from"), message.edits_from.as_deref());
            }
            Step::Query(query) => {
                self.expect_at(scope, &path.at("query").at("expect"), query.expect.as_ref(), None)
            }
            Step::Delete(delete) => {
                self.expect_at(
                    scope,
                    &path.at("delete").at("expect"),
                    delete.expect.as_ref(),
                    None,
                );
            }
            Step::Acquire(acquire) => {
                self.expect_at(
                    scope,
                    &path.at("acquire").at("expect"),
                    acquire.expect.as_ref(),
                    None,
                );
            }
            Step::Complete(call) => {
                self.expect_at(
                    scope,
                    &path.at("complete").at("expect"),
                    call.expect.as_ref(),
                    None,
                );
            }
            Step::Transfer(call) => {
                self.expect_at(
                    scope,
                    &path.at("transfer").at("expect"),
                    call.expect.as_ref(),
                    None,
                );
            }
            Step::Decode(call) => self.of_vector(scope, &path.at("decode"), call),
            Step::Encode(call) => self.of_vector(scope, &path.at("encode"), call),
            Step::Derive(call) => self.of_vector(scope, &path.at("derive"), call),
            Step::Legs(_) | Step::Exchange(_) | Step::Clock(_) | Step::ReAuthenticate(_) => {}
        }
    }

    fn fragments(&mut self, scope: &Scope<'_>, path: &Path, step: &FragmentsStep) {
        self.axis(scope, &path.at("sizes-from"), step.sizes_from.as_deref());
        self.expect(scope, &path.at("expect"), &step.expect, None);
        if step.sizes_from.is_none() && step.sizes.last().is_none_or(|size| *size == 0) {
            let expected = Some("sizes, the last of which is not 0".to_owned());
            let message = "the fragments have no end".to_owned();
            self.wrong(scope.document, &path.at("sizes"), message, expected);
        }
    }

    fn of_vector(&mut self, scope: &Scope<'_>, path: &Path, call: &VectorStep) {
        self.axis(scope, &path.at("vector-from"), Some(&call.vector_from));
        self.expect(scope, &path.at("expect"), &call.expect, Some(call.of));
    }

    fn input(&mut self, document: &Document<'_>, path: &Path, input: Option<&Input>) {
        match input {
            Some(Input::Hex(text)) => self.hex(document, &path.at("hex"), text),
            Some(Input::Vector(id)) => self.vector(document, &path.at("vector"), id),
            _ => {}
        }
    }

    fn vector(&mut self, document: &Document<'_>, path: &Path, id: &str) {
        if vectors::bytes(id).is_none() {
            let near = nearest(id, vectors::ids());
            self.wrong(document, path, format!("no vector `{id}` with bytes"), near);
        }
    }

    fn change(&mut self, scope: &Scope<'_>, path: &Path, change: &Change) {
        self.axis(scope, &path.at("edits-from"), change.edits_from.as_deref());
        if let Some(token) = &change.token {
            self.token(scope.document, &path.at("token"), token);
        }
        self.edits(
            scope.document,
            &path.at("edits"),
            &change.edits,
            change.token.as_deref(),
        );
        if change.edits.is_empty() && change.edits_from.is_none() {
            let expected = Some("`edits` or `edits-from`".to_owned());
            self.wrong(
                scope.document,
                path,
                "a change that changes nothing".to_owned(),
                expected,
            );
        }
    }

    fn axis(&mut self, scope: &Scope<'_>, path: &Path, axis: Option<&str>) {
        let Some(axis) = axis.filter(|axis| scope.scenario.axes.get(axis).is_none()) else {
            return;
        };
        let known: Vec<_> = scope.scenario.axes.iter().map(|(name, _)| name).collect();
        let expected = if known.is_empty() {
            "an axis; the scenario has none".to_owned()
        } else {
            one_of(known)
        };
        self.wrong(scope.document, path, format!("no axis `{axis}`"), Some(expected));
    }

    fn expect_at(&mut self, scope: &Scope<'_>, path: &Path, expect: Option<&Expect>, role: Option<Role>) {
        if let Some(expect) = expect {
            self.expect(scope, path, expect, role);
        }
    }

    /// Every expectation of a list has a condition, and the last one holds always.
    fn expect_first(&mut self, scope: &Scope<'_>, path: &Path, list: &[Expect], role: Option<Role>) {
        for (index, expect) in list.iter().enumerate() {
            let last = index.saturating_add(1) == list.len();
            let path = path.at(index);
            if expect.when.is_none() || last != (expect.when == Some(When::Anything)) {
                let message =
                    "a list of expectations needs a condition for each, and `anything` for the last";
                self.wrong(scope.document, &path, message.to_owned(), None);
            }
            self.expect_of(scope, &path, expect, role);
        }
    }

    fn expect(&mut self, scope: &Scope<'_>, path: &Path, expect: &Expect, role: Option<Role>) {
        if expect.when.is_some() {
            let message = "a condition outside a list of expectations".to_owned();
            self.wrong(scope.document, &path.at("when"), message, None);
        }
        self.expect_of(scope, path, expect, role);
    }

    fn expect_of(&mut self, scope: &Scope<'_>, path: &Path, expect: &Expect, role: Option<Role>) {
        self.rule_id(scope.document, &path.at("rule"), &expect.rule);
        for (index, name) in expect.status.iter().enumerate() {
            if name != names::ANY_FAILURE && self.suite.mapping.by_name(name).is_none() {
                let near = nearest(name, self.suite.mapping.names());
                self.wrong(
                    scope.document,
                    &path.at("status").at(index),
                    format!("no status `{name}`"),
                    near,
                );
            }
        }
        for (key, list) in [("granted", &expect.granted), ("not-granted", &expect.not_granted)] {
            for (index, name) in list
                .iter()
                .enumerate()
                .filter(|(_, name)| !is_attribute(role, name))
            {
                let near = nearest(
                    name,
                    names::attributes(role.unwrap_or(Role::Initiator))
                        .iter()
                        .map(String::as_str),
                );
                self.wrong(
                    scope.document,
                    &path.at(key).at(index),
                    format!("no attribute `{name}`"),
                    near,
                );
            }
        }
        for (field, _) in expect
            .fields
            .iter()
            .filter(|(field, _)| !names::is_field(None, field))
        {
            let error = scope.document.error(
                &path.at("fields").at(field),
                End::Key,
                format!("no field `{field}`"),
            );
            self.errors.push(error);
        }
    }

    fn edits(&mut self, document: &Document<'_>, path: &Path, edits: &[Edit], token: Option<&str>) {
        for (index, edit) in edits.iter().enumerate() {
            self.edit(document, &path.at(index), edit, token);
        }
    }

    fn edit(&mut self, document: &Document<'_>, path: &Path, edit: &Edit, token: Option<&str>) {
        let (key, field) = match edit {
            Edit::Set(edit) => ("set", &edit.field),
            Edit::SetBits(edit) => ("set-bits", &edit.field),
            Edit::ClearBits(edit) => ("clear-bits", &edit.field),
            Edit::Append(edit) => ("append", &edit.field),
            Edit::Flip(field) => return self.field(document, &path.at("flip"), field, token),
            Edit::Remove(field) => return self.field(document, &path.at("remove"), field, token),
            Edit::Swap(fields) | Edit::Copy(fields) => {
                let key = if matches!(edit, Edit::Swap(_)) {
                    "swap"
                } else {
                    "copy"
                };
                for (index, field) in fields.iter().enumerate() {
                    self.field(document, &path.at(key).at(index), field, token);
                }
                return;
            }
            Edit::Extend(text) => return self.hex(document, &path.at("extend"), text),
            Edit::Replace(text) => return self.hex(document, &path.at("replace"), text),
            Edit::Overwrite(edit) => {
                return self.hex(document, &path.at("overwrite").at("bytes"), &edit.bytes);
            }
            Edit::Mutate(mutation) if !grammar::is_place(&mutation.at) => {
                let message = format!("no place `{}`", mutation.at);
                return self.wrong(document, &path.at("mutate").at("at"), message, None);
            }
            Edit::Mutate(_) | Edit::Truncate(_) | Edit::Drop(_) => return,
        };
        self.field(document, &path.at(key).at("field"), field, token);
    }

    fn field(&mut self, document: &Document<'_>, path: &Path, field: &str, token: Option<&str>) {
        if !names::is_field(token, field) {
            let whose = token.map_or(String::new(), |token| format!(" of `{token}`"));
            self.wrong(document, path, format!("no field `{field}`{whose}"), None);
        }
    }

    fn hex(&mut self, document: &Document<'_>, path: &Path, text: &str) {
        if let Err(error) = hex::decode(text) {
            let expected = Some("an even number of hex digits".to_owned());
            self.wrong(document, path, error.to_string(), expected);
        }
    }
}

fn is_attribute(role: Option<Role>, name: &str) -> bool {
    let roles = role.map_or_else(|| Role::BOTH.to_vec(), |role| vec![role]);
    roles
        .into_iter()
        .any(|role| names::attribute(role, name).is_some())
}

/// All expectations of a scenario.
pub(super) fn expectations(scenario: &Scenario) -> Vec<&Expect> {
    let of_axes = scenario.axes.iter().flat_map(|(_, values)| values.iter());
    let mut found: Vec<&Expect> = of_axes.filter_map(|(_, value)| value.expect.as_ref()).collect();
    for step in &scenario.steps {
        match step {
            Step::Initialize(leg) | Step::Accept(leg) => {
                found.extend(leg.expect.as_ref());
                found.extend(&leg.expect_first);
            }
            Step::Sign(message) | Step::Seal(message) => {
                found.extend(message.expect.as_ref());
                found.extend(message.check.as_ref());
                found.extend(&message.check_first);
            }
            Step::Fragments(step) => found.push(&step.expect),
            Step::Query(query) => found.extend(query.expect.as_ref()),
            Step::Delete(delete) => found.extend(delete.expect.as_ref()),
            Step::Acquire(acquire) => found.extend(acquire.expect.as_ref()),
            Step::Complete(call) | Step::Transfer(call) => found.extend(call.expect.as_ref()),
            Step::Decode(call) | Step::Encode(call) | Step::Derive(call) => found.push(&call.expect),
            Step::Legs(_)
            | Step::Exchange(_)
            | Step::Change(_)
            | Step::Clock(_)
            | Step::ReAuthenticate(_) => {}
        }
    }
    found
}

/// The known name that is most like a wrong one, if one is near.
fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let best = known.map(|name| (distance(wrong, name), name)).min()?;
    let limit = wrong.len().div_ceil(3);
    (best.0 <= limit).then(|| format!("`{}`, perhaps", best.1))
}

/// Number of edits that turn one text into the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        let mut next = vec![before];
        for (right, above) in to.chars().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(left != right);
            before = replaced.min(above + 1).min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", names.join(", ")),
    }
}
