//! Pairs: any initiator with any acceptor, the reference included, and whose fault it is when they do not understand
//! each other.
//!
//! Every leg is judged by an eavesdropper who is given all secrets: the same checks that judge a subject beside the
//! reference. [`blame`] makes a verdict of what the eavesdropper saw.

pub mod blame;
mod layout;
mod run;
mod wrapper;

pub use run::run;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::{Finding, Verdict},
    protocol::Role,
    run::case::{self, Case},
    runner::CaseResult,
    suite::Suite,
};

use blame::{Blame, Stage};

/// Everything that came of pairing implementations.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    /// The implementations, the reference last.
    pub players: Vec<Player>,
    /// What they were paired by.
    pub profiles: Vec<Profile<'a>>,
    /// One cell for each initiator, acceptor and profile that both can play, in this order.
    pub cells: Vec<Cell>,
}

/// An implementation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Player {
    /// What the harness calls it.
    pub label: String,
    /// Name and version in its own words.
    pub title: String,
    /// The roles that it plays.
    pub roles: Vec<Role>,
}

/// What implementations are paired by.
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is asked, in a sentence.
    pub text: &'a str,
    /// The case.
    pub case: Case<'a>,
}

/// One exchange of two implementations.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The initiator's place among the players.
    pub initiator: usize,
    /// The acceptor's.
    pub acceptor: usize,
    /// The profile's place among the profiles.
    pub profile: usize,
    /// What the eavesdropper saw.
    pub result: CaseResult,
    /// How it ended.
    pub end: Ending,
    /// What of it went otherwise than was due, if anything did.
    pub stage: Option<Stage>,
    /// Whose fault it is, where it ended otherwise than it should.
    pub blame: Option<Blame>,
}

/// How an exchange of two implementations ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// As it should, and every check passed.
    Good,
    /// As it should, although checks failed, or messages without a byte were refused.
    Deviant,
    /// One of the two cannot do what the profile asks.
    Unsupported,
    /// Otherwise than it should.
    Bad,
}

impl Ending {
    /// The word of reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Deviant => "deviant",
            Self::Unsupported => "unsupported",
            Self::Bad => "bad",
        }
    }
}

impl Cell {
    /// The place of a role's player.
    #[must_use]
    pub fn player(&self, role: Role) -> usize {
        match role {
            Role::Initiator => self.initiator,
            Role::Acceptor => self.acceptor,
        }
    }

    /// Rules that a side broke in it, each with the number of checks.
    #[must_use]
    pub fn broken(&self, role: Role) -> BTreeMap<&str, usize> {
        let mut broken = BTreeMap::new();
        let failed = |finding: &&Finding| finding.side == role && finding.verdict == Verdict::Fail;
        for finding in self.result.findings.iter().filter(failed) {
            let count: &mut usize = broken.entry(finding.rule.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        broken
    }
}

/// The profiles of a suite, with their cases.
///
/// # Errors
/// The name of a profile whose case the suite does not have.
pub fn profiles(suite: &Suite) -> Result<Vec<Profile<'_>>, String> {
    let cases = case::expand(suite);
    let mut profiles = Vec::new();
    for (name, profile) in suite.profiles.iter() {
        let case = cases.iter().find(|case| case.id == profile.case).cloned();
        let none = || format!("profile `{name}`: there is no case `{}`", profile.case);
        profiles.push(Profile {
            name,
            text: &profile.text,
            case: case.ok_or_else(none)?,
        });
    }
    Ok(profiles)
}
