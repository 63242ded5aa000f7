//! A scenario: a described exchange. Axes multiply it into cases.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    grammar::Structure,
    map::UniqueMap,
    vectors::{Answers, Known, Message, TokenKind},
};
use crate::protocol::Role;

pub use super::{
    expect::{Expect, TokenForm, When},
    step::{
        AcquireStep, Change, ClockStep, DeleteStep, DropKind, Edit, ExchangeStep, FieldEdit, FragmentsStep,
        HandleChoice, How, Input, LegStep, OfStep, Overwrite, ProtectStep, QueryStep, ReAuthenticateStep,
        ReadOnly, Step, Tamper, VectorStep,
    },
};

/// One file of `scenarios/`: a topic. The id of a scenario is the place of the file and its key:
/// `scenarios/ntlm/mic.yaml`, key `tampered` → `ntlm/mic/tampered`; axes append `name:value` parts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    /// The topic, for people.
    pub title: String,
    /// The package that is driven.
    pub package: String,
    /// The scenarios by the last part of their id.
    pub scenarios: UniqueMap<Scenario>,
}

/// One scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What is shown, in a sentence.
    pub text: String,
    /// What makes the forms legal that it plays, where they are unusual: specification and section, or who sends them.
    #[serde(default)]
    pub source: Option<String>,
    /// Sides that can be judged by it.
    #[serde(default = "both")]
    pub judges: Vec<Role>,
    /// The completing twin of a rejecting scenario: differs in one thing.
    #[serde(default)]
    pub twin: Option<String>,
    /// Another scenario of the same file whose axes this one has too, before its own.
    #[serde(default)]
    pub axes_from: Option<String>,
    /// Axes in order of writing: name → value → what the value changes.
    #[serde(default)]
    pub axes: UniqueMap<UniqueMap<Variation>>,
    /// Axes whose values are not written but generated, behind the others.
    #[serde(default)]
    pub generated_axes: UniqueMap<Generator>,
    /// The world of both sides, as a patch over the default one.
    #[serde(default)]
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Step>,
    /// Whether a completed exchange ends by protecting messages both ways.
    #[serde(default = "yes")]
    pub epilogue: bool,
}

impl ScenarioFile {
    /// The scenario whose axes another one of the file has too. It has none from elsewhere itself.
    #[must_use]
    pub fn axes_of(&self, scenario: &Scenario) -> Option<&Scenario> {
        let base = self.scenarios.get(scenario.axes_from.as_deref()?)?;
        base.axes_from.is_none().then_some(base)
    }

    /// A scenario with the axes that it shares before its own, and those that are generated.
    #[must_use]
    pub fn resolved(&self, scenario: &Scenario) -> Scenario {
        let mut resolved = scenario.clone();
        if let Some(base) = self.axes_of(scenario) {
            resolved.axes = base.axes.clone();
            for (name, values) in scenario.axes.iter() {
                resolved.axes.set(name, values.clone());
            }
        }
        for (name, generator) in scenario.generated_axes.iter() {
            resolved.axes.set(name, generator.axis());
        }
        resolved
    }
}

fn both() -> Vec<Role> {
    Role::BOTH.to_vec()
}

fn yes() -> bool {
    true
}

impl Scenario {
    /// Whether it has no exchange, but calls that vectors judge.
    #[must_use]
    pub fn is_of_vectors(&self) -> bool {
        self.steps.iter().all(|step| step.of_vector().is_some())
    }
}

/// Where the values of an axis come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// Every mutation of a message, or of a structure inside one.
    Grammar(Structure),
    /// Every invalid vector of a message, in place of the token.
    InvalidVectors(Message),
    /// Every valid vector of a token.
    Decodable(TokenKind),
    /// Every vector of a token whose structure is broken.
    Malformed(TokenKind),
    /// Every vector of a token that can be made from its fields.
    Encodable(TokenKind),
    /// Every known answer of the functions of a file.
    Derivable(Answers),
}

impl Generator {
    fn axis(self) -> UniqueMap<Variation> {
        match self {
            Self::Grammar(structure) => structure.axis(),
            Self::InvalidVectors(message) => message.invalid(),
            Self::Decodable(token) => token.axis(Known::is_decodable),
            Self::Malformed(token) => token.axis(Known::is_malformed),
            Self::Encodable(token) => token.axis(Known::is_encodable),
            Self::Derivable(answers) => answers.axis(),
        }
    }
}

/// What one axis value changes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variation {
    /// Patch over the scenario's setup.
    #[serde(default)]
    pub setup: Setup,
    /// Edits taken by `change` steps that say `edits-from: <this axis>`.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Sizes taken by `fragments` steps that say `sizes-from: <this axis>`.
    #[serde(default)]
    pub sizes: Vec<usize>,
    /// Expectation taken by steps that say `expect-from: <this axis>`.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Id of the vector taken by steps that say `vector-from: <this axis>`.
    #[serde(default)]
    pub vector: Option<String>,
}

/// The world of both sides. Every part is optional; what is absent stays as it is below.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setup {
    /// Who logs on.
    #[serde(default)]
    pub identity: Option<IdentitySetup>,
    /// The acceptor's accounts (replaces the default list).
    #[serde(default)]
    pub accounts: Option<Vec<AccountSetup>>,
    /// Target name; an empty string is an empty name, `none: true` no name.
    #[serde(default)]
    pub target: Option<TargetSetup>,
    /// The initiator's side.
    #[serde(default)]
    pub initiator: SideSetup,
    /// The acceptor's side.
    #[serde(default)]
    pub acceptor: SideSetup,
}

/// The world of one side.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SideSetup {
    /// Requirement names (`integrity`, `confidentiality` …); replaces the default list.
    #[serde(default)]
    pub requirements: Option<Vec<String>>,
    /// Application data of the channel bindings as text; empty text means none.
    #[serde(default)]
    pub bindings: Option<String>,
    /// Policy switches: name → value, patched one by one.
    #[serde(default)]
    pub policy: UniqueMap<serde_json::Value>,
    /// Faults to provoke.
    #[serde(default)]
    pub faults: Option<Vec<String>>,
    /// Seconds that this side's clock is ahead of the default clock.
    #[serde(default)]
    pub clock_ahead: Option<i64>,
    /// Of the acceptor: packages that its credential may use, `ntlm`, `!kerberos`, separated by commas. The initiator's
    /// stand in the identity.
    #[serde(default)]
    pub package_list: Option<String>,
}

/// Who logs on: absent parts keep the default; `absent` lists parts to leave out altogether.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IdentitySetup {
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Domain name.
    #[serde(default)]
    pub domain: Option<String>,
    /// Password.
    #[serde(default)]
    pub password: Option<String>,
    /// Packages that may be used: `ntlm`, `!kerberos`, separated by commas.
    #[serde(default)]
    pub package_list: Option<String>,
    /// Parts to leave out: `user`, `domain`, `password`, or `identity` for no explicit identity at all.
    #[serde(default)]
    pub absent: Vec<String>,
}

/// An account of the acceptor.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountSetup {
    /// User name.
    pub user: String,
    /// Domain name.
    pub domain: String,
    /// Password.
    pub password: String,
    /// Whether somebody can log on to it: `disabled`, `expired`, `locked-out`, `password-expired`; absent if so.
    #[serde(default)]
    pub state: Option<String>,
}

/// The target name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetSetup {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// No name is given at all.
    #[serde(default)]
    pub none: bool,
}
