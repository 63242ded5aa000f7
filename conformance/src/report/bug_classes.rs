//! Which checks catch each class of defects, read off a run: for each role the rules that were checked, how often, and
//! the saboteurs that prove them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{check::Verdict, protocol::Role, runner::CaseResult, suite::Suite};

use super::text::push_line;

/// The classes that can occur in a package, with what catches them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BugClasses {
    /// The package.
    pub package: String,
    /// The classes in order of writing.
    pub classes: Vec<ClassCoverage>,
}

/// What catches one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCoverage {
    /// Id of the class.
    pub id: String,
    /// What goes wrong.
    pub text: String,
    /// What catches it, by role.
    pub roles: Vec<RoleCoverage>,
    /// Rules that are listed and were checked in no role.
    pub idle: Vec<String>,
}

/// What catches a class in one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleCoverage {
    /// The role of the subject.
    pub role: Role,
    /// Its rules that were checked.
    pub rules: Vec<CheckedRule>,
}

/// A rule that was checked in a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRule {
    /// Id of the rule.
    pub id: String,
    /// Checks that decided it.
    pub checks: usize,
    /// Saboteurs of the role that are made for it.
    pub saboteurs: Vec<String>,
}

impl RoleCoverage {
    /// What is missing.
    #[must_use]
    pub fn defect(&self) -> Option<&'static str> {
        match self.rules.as_slice() {
            [] => Some("no rule was checked"),
            rules if rules.iter().all(|rule| rule.saboteurs.is_empty()) => {
                Some("no saboteur is made for a rule that was checked")
            }
            _ => None,
        }
    }
}

/// Number of decided checks by role and rule.
type Checks<'a> = BTreeMap<(Role, &'a str), usize>;

impl BugClasses {
    /// Reads the classes of a package off a run.
    #[must_use]
    pub fn of(suite: &Suite, results: &[CaseResult], package: &str) -> Self {
        let checks = checks(results, package);
        let classes = suite.bug_classes.iter().filter_map(|(id, class)| {
            let rules = class.packages.get(package)?;
            let roles = Role::BOTH.map(|role| RoleCoverage {
                role,
                rules: rules
                    .iter()
                    .filter_map(|rule| checked(suite, &checks, role, rule))
                    .collect(),
            });
            let is_idle = |rule: &&String| {
                let of = |role| checks.contains_key(&(role, rule.as_str()));
                !Role::BOTH.into_iter().any(of)
            };
            Some(ClassCoverage {
                id: id.to_owned(),
                text: class.text.trim().to_owned(),
                idle: rules.iter().filter(is_idle).cloned().collect(),
                roles: roles.into(),
            })
        });
        Self {
            package: package.to_owned(),
            classes: classes.collect(),
        }
    }

    /// Whether every class is caught in both roles, and every rule that is listed was checked.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.defects().is_empty()
    }

    /// The table as text, with what is wrong and the counts at its end.
    #[must_use]
    pub fn text(&self) -> String {
        let rules = || self.roles().flat_map(|(_, role)| &role.rules);
        let width = rules().map(|rule| rule.id.len()).max().unwrap_or_default();
        let mut text = String::new();
        push_line(
            &mut text,
            &format!("{:width$}      checks  saboteurs", self.package),
        );
        for class in &self.classes {
            push_line(&mut text, &format!("\n{}: {}", class.id, class.text));
            for role in &class.roles {
                push_line(&mut text, &format!("  {}", role.role.name()));
                for rule in &role.rules {
                    let saboteurs = rule.saboteurs.join(", ");
                    let line = format!("    {:width$}  {:6}  {saboteurs}", rule.id, rule.checks);
                    push_line(&mut text, line.trim_end());
                }
            }
        }
        let defects = self.defects();
        if !defects.is_empty() {
            push_line(&mut text, "\nwrong");
        }
        for defect in &defects {
            push_line(&mut text, &format!("  {defect}"));
        }
        let caught = self.roles().filter(|(_, role)| role.defect().is_none()).count();
        let all = self.classes.len();
        let cells = self.classes.len().saturating_mul(Role::BOTH.len());
        push_line(
            &mut text,
            &format!(
                "\n{}: {all} classes, {caught} of {cells} caught by role",
                self.package
            ),
        );
        text
    }

    /// The table as JSON; one member of the list that [`json`] makes.
    fn json(&self) -> Value {
        let rule = |rule: &CheckedRule| json!({ "rule": rule.id, "checks": rule.checks, "saboteurs": rule.saboteurs });
        let role = |role: &RoleCoverage| {
            let rules: Vec<Value> = role.rules.iter().map(rule).collect();
            json!({ "role": role.role.name(), "rules": rules, "defect": role.defect() })
        };
        let class = |class: &ClassCoverage| {
            let roles: Vec<Value> = class.roles.iter().map(role).collect();
            json!({ "class": class.id, "roles": roles, "idle": class.idle })
        };
        json!({
            "package": self.package,
            "good": self.is_good(),
            "classes": self.classes.iter().map(class).collect::<Vec<_>>(),
        })
    }

    fn roles(&self) -> impl Iterator<Item = (&ClassCoverage, &RoleCoverage)> {
        self.classes
            .iter()
            .flat_map(|class| class.roles.iter().map(move |role| (class, role)))
    }

    fn defects(&self) -> Vec<String> {
        let missing = self.roles().filter_map(|(class, role)| {
            let defect = role.defect()?;
            Some(format!("{}, {}: {defect}", class.id, role.role.name()))
        });
        let idle = self.classes.iter().flat_map(|class| {
            let line = |rule| format!("{}: {rule} is listed, and was checked in no role", class.id);
            class.idle.iter().map(line)
        });
        missing.chain(idle).collect()
    }
}

/// The tables of several packages as JSON.
#[must_use]
pub fn json(tables: &[BugClasses]) -> Value {
    json!({
        "schema": 1,
        "good": tables.iter().all(BugClasses::is_good),
        "packages": tables.iter().map(BugClasses::json).collect::<Vec<_>>(),
    })
}

/// Counts the checks that a foreign subject in the role would get as well: it cannot be made to send what it would
/// not, so no check counts behind a token that its own side was made to change.
fn checks<'a>(results: &'a [CaseResult], package: &str) -> Checks<'a> {
    let mut checks = Checks::new();
    for result in results.iter().filter(|result| result.trace.package == package) {
        for finding in &result.findings {
            let real = finding
                .event
                .is_none_or(|at| result.trace.is_genuine(finding.side, at));
            if finding.verdict >= Verdict::Pass && real {
                let count = checks.entry((finding.side, &finding.rule)).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    checks
}

fn checked(suite: &Suite, checks: &Checks<'_>, role: Role, rule: &str) -> Option<CheckedRule> {
    let made_for = suite
        .saboteurs
        .iter()
        .filter(|(_, saboteur)| saboteur.rule == rule && saboteur.role.side() == Some(role));
    Some(CheckedRule {
        id: rule.to_owned(),
        checks: *checks.get(&(role, rule))?,
        saboteurs: made_for.map(|(name, _)| name.to_owned()).collect(),
    })
}
