//! What two runs differ in, check by check, from their logs. Cases are read one at a time, in the order of the new run.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, Seek},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::log::{Check, Index, Known, ReadError, checks};
use crate::{check::Verdict, protocol::Role};

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// What two runs differ in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunDiff {
    /// Version of the format.
    pub schema: u32,
    /// The run that is compared with.
    pub old: Side,
    /// The run that is compared.
    pub new: Side,
    /// Whether something got worse.
    pub worse: bool,
    /// Number of checks that are the same in both runs.
    pub same: usize,
    /// Checks that only the new run has and that did not fail.
    pub appeared: usize,
    /// Checks that only the old run has and that had not failed.
    pub gone: usize,
    /// Cases that only the new run has.
    pub cases_appeared: Vec<String>,
    /// Cases that the old run has and the new one was not to run.
    pub cases_gone: Vec<String>,
    /// Cases that the old run has, and that the new one was to run and did not.
    pub never_ran: Vec<String>,
    /// Everything else that differs, in the order of the new run.
    pub changes: Vec<Change>,
}

/// One of the two runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// Id of the run.
    pub run: String,
    /// Name of the subject.
    pub subject: String,
    /// Version of the subject, if the run came so far.
    pub version: String,
    /// Whether the run came to its end.
    pub complete: bool,
    /// Whether the subject's random numbers are the harness's.
    #[serde(default)]
    pub steered: bool,
    /// Failed checks that are known and not public.
    pub withheld: usize,
}

/// How a check differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It fails, and did not fail before.
    NewlyFailing,
    /// It fails, and was not there before.
    AppearedFailing,
    /// It fails as before, with another verdict or message.
    Changed,
    /// It cannot be decided any more.
    Undecided,
    /// It fails; the old run lacked what the case needs.
    NewlyDriven,
    /// It can be decided, and passes.
    Decided,
    /// It cannot be decided as before, for another reason.
    OtherReason,
    /// It passes, and failed before.
    NewlyPassing,
    /// It failed, and is not there any more.
    GoneFailing,
    /// It was decided; the new run lacks what the case needs.
    NoLongerDriven,
}

/// A check that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// How.
    pub kind: Kind,
    /// Whether that is worse than before.
    pub worse: bool,
    /// The case.
    pub case: String,
    /// The rule.
    pub rule: String,
    /// Whose conduct.
    pub side: Role,
    /// Number among the checks of the case that have rule and side in common, from 1.
    pub number: usize,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Judgement>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Judgement>,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What was expected and what came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether it is a known deviation of its run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

impl From<&Check> for Judgement {
    fn from(check: &Check) -> Self {
        Self {
            verdict: check.verdict,
            message: check.message.clone(),
            known: check.known.is_some(),
        }
    }
}

impl Change {
    /// Whether it is a known deviation: of the new run, or of the old one if it does not fail any more.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let fails = |judgement: &&Judgement| judgement.verdict > Verdict::Pass;
        let is = self.new.as_ref().filter(fails);
        is.or(self.old.as_ref()).is_some_and(|judgement| judgement.known)
    }
}

/// Compares two logs.
///
/// # Errors
/// A log cannot be read, or is no run log; the first number says which: 0 the old one, 1 the new one.
pub fn diff<R: BufRead + Seek>(old: &mut R, new: &mut R) -> Result<RunDiff, (usize, ReadError)> {
    let before = Index::of(&mut *old).map_err(|error| (0, error))?;
    let after = Index::of(&mut *new).map_err(|error| (1, error))?;
    let mut diff = RunDiff {
        schema: SCHEMA,
        old: side(&before),
        new: side(&after),
        worse: false,
        same: 0,
        appeared: 0,
        gone: 0,
        cases_appeared: Vec::new(),
        cases_gone: Vec::new(),
        never_ran: Vec::new(),
        changes: Vec::new(),
    };
    // Another version draws its random numbers in another order.
    let (was, is) = (&diff.old, &diff.new);
    let exact = was.steered && is.steered && (&was.subject, &was.version) == (&is.subject, &is.version);
    for key in &after.start.cases {
        let was = of_case(old, &before, key).map_err(|error| (0, error))?;
        let is = of_case(new, &after, key).map_err(|error| (1, error))?;
        diff.case(key, was, is, exact);
    }
    let planned: BTreeSet<&String> = after.start.cases.iter().collect();
    for key in before.start.cases.iter().filter(|key| !planned.contains(key)) {
        let was = of_case(old, &before, key).map_err(|error| (0, error))?;
        diff.old.withheld = diff.old.withheld.saturating_add(withheld(was.iter().flatten()));
        diff.cases_gone.extend(was.map(|_| key.clone()));
    }
    diff.worse = diff.changes.iter().any(|change| change.worse) || diff.shows_less();
    Ok(diff)
}

fn side(index: &Index) -> Side {
    let name = |hello: &crate::protocol::Hello| hello.name.clone();
    let hello = index.hello.as_ref();
    Side {
        run: index.start.run.clone(),
        subject: hello.map_or_else(|| index.start.subject.clone(), name),
        version: hello.map(|hello| hello.version.clone()).unwrap_or_default(),
        complete: index.end.is_some(),
        steered: steers_randomness(index),
        withheld: 0,
    }
}

/// Whether messages are the same in every run: the subject has no random numbers of its own.
fn steers_randomness(index: &Index) -> bool {
    let mut controls = index.hello.iter().flat_map(|hello| &hello.controls);
    controls.any(|control| control == "randomness")
}

/// The checks of a case, those that came after all cases included; none if it did not come to an end.
fn of_case<R: BufRead + Seek>(
    log: &mut R,
    index: &Index,
    key: &str,
) -> Result<Option<Vec<Check>>, ReadError> {
    let Some(span) = index.cases.get(key) else {
        return Ok(None);
    };
    let mut checks = checks(log, span)?;
    checks.extend(index.late.get(key).into_iter().flatten().cloned());
    Ok(Some(checks))
}

fn withheld<'a>(checks: impl IntoIterator<Item = &'a Check>) -> usize {
    let known = |check: &&Check| check.known == Some(Known::Withheld);
    checks.into_iter().filter(known).count()
}

impl RunDiff {
    /// Whether the new run is worse in nothing but deviations that it knows.
    #[must_use]
    pub fn is_worse_as_known(&self) -> bool {
        let mut worse = self.changes.iter().filter(|change| change.worse);
        self.worse && !self.shows_less() && worse.all(Change::is_known)
    }

    /// Whether the new run does not tell all that the old one told.
    fn shows_less(&self) -> bool {
        self.new.withheld > self.old.withheld || !self.never_ran.is_empty() || !self.new.complete
    }

    fn case(&mut self, key: &str, was: Option<Vec<Check>>, is: Option<Vec<Check>>, exact: bool) {
        let secrets = (withheld(was.iter().flatten()), withheld(is.iter().flatten()));
        self.old.withheld = self.old.withheld.saturating_add(secrets.0);
        self.new.withheld = self.new.withheld.saturating_add(secrets.1);
        let is = match (&was, is) {
            (Some(_), None) => return self.never_ran.push(key.to_owned()),
            (None, None) => return,
            (None, Some(is)) => {
                self.cases_appeared.push(key.to_owned());
                is
            }
            (Some(_), Some(is)) => is,
        };
        // What passes beside a check that is withheld has no rule: only failures can be compared.
        let open = secrets == (0, 0);
        let was = was.unwrap_or_default();
        let runs = Runs {
            exact,
            was_driven: is_driven(&was),
            is_driven: is_driven(&is),
        };
        let mut was = numbered(was, open);
        for ((rule, side, number), check) in numbered(is, open) {
            let earlier = was.remove(&(rule.clone(), side, number));
            self.check((rule, side, number), earlier.as_ref(), Some(&check), runs);
        }
        for (place, check) in was {
            self.check(place, Some(&check), None, runs);
        }
    }

    fn check(&mut self, place: Place, was: Option<&Check>, is: Option<&Check>, runs: Runs) {
        let Some(case) = is.or(was).map(|check| check.case.clone()) else {
            return;
        };
        let Some((kind, worse)) = runs.kind(was, is) else {
            let count = match (was, is) {
                (None, _) => &mut self.appeared,
                (_, None) => &mut self.gone,
                _ => &mut self.same,
            };
            *count = count.saturating_add(1);
            return;
        };
        let (rule, side, number) = place;
        self.changes.push(Change {
            kind,
            worse,
            case,
            rule,
            side,
            number,
            old: was.map(Judgement::from),
            new: is.map(Judgement::from),
        });
    }
}

/// Rule, side, and number among the checks of the case that have both in common.
type Place = (String, Role, usize);

fn numbered(checks: Vec<Check>, open: bool) -> BTreeMap<Place, Check> {
    let mut numbers: BTreeMap<(String, Role), usize> = BTreeMap::new();
    let mut placed = BTreeMap::new();
    for check in checks {
        if !open && check.verdict <= Verdict::Pass {
            continue;
        }
        let Some(rule) = check.rule.clone() else { continue };
        let number = numbers.entry((rule.clone(), check.side)).or_default();
        *number = number.saturating_add(1);
        placed.insert((rule, check.side, *number), check);
    }
    placed
}

/// Whether a case was driven to its end: nothing that it needs is lacking. Checks that come later than what is lacking
/// are not there.
fn is_driven(checks: &[Check]) -> bool {
    !checks.iter().any(|check| check.verdict == Verdict::Unsupported)
}

/// How the two runs of a case can be compared.
#[derive(Clone, Copy, Debug)]
struct Runs {
    /// Whether equal conduct has equal bytes and numbers in its messages.
    exact: bool,
    was_driven: bool,
    is_driven: bool,
}

impl Runs {
    /// How a check differs, and whether that is worse; nothing for one that is the same, or is there in one run only
    /// and does not fail. What one of the runs could not drive is neither better nor worse.
    fn kind(self, was: Option<&Check>, is: Option<&Check>) -> Option<(Kind, bool)> {
        let decided = |check: &Check| check.verdict >= Verdict::Pass;
        match (was, is) {
            (was, Some(is)) if !self.was_driven && fails(is) && !was.is_some_and(decided) => {
                Some((Kind::NewlyDriven, false))
            }
            (Some(was), Some(is)) if !self.is_driven && decided(was) && !decided(is) => {
                Some((Kind::NoLongerDriven, false))
            }
            (Some(was), None) if !self.is_driven && fails(was) => Some((Kind::NoLongerDriven, false)),
            (Some(was), Some(is)) => self.both(was, is),
            (None, Some(is)) => fails(is).then_some((Kind::AppearedFailing, true)),
            (Some(was), None) => fails(was).then_some((Kind::GoneFailing, false)),
            (None, None) => None,
        }
    }

    fn both(self, was: &Check, is: &Check) -> Option<(Kind, bool)> {
        let passes = |check: &Check| check.verdict == Verdict::Pass;
        if was.verdict == is.verdict && same_message(&was.message, &is.message, self.exact) {
            return None;
        }
        Some(match (was, is) {
            (was, is) if fails(was) && fails(is) => (Kind::Changed, is.verdict > was.verdict),
            (_, is) if fails(is) => (Kind::NewlyFailing, true),
            (was, is) if fails(was) && passes(is) => (Kind::NewlyPassing, false),
            (_, is) if passes(is) => (Kind::Decided, false),
            (was, _) if passes(was) || fails(was) => (Kind::Undecided, passes(was)),
            _ => (Kind::OtherReason, false),
        })
    }
}

fn fails(check: &Check) -> bool {
    check.verdict > Verdict::Pass
}

/// Whether two messages say the same. Bytes and numbers are left out where a subject has random numbers of its own.
fn same_message(was: &str, is: &str, exact: bool) -> bool {
    was == is || (!exact && shape(was) == shape(is))
}

/// A message without bytes in hex and decimal numbers.
pub(super) fn shape(message: &str) -> String {
    const LONG: usize = 8;
    let words = message.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    let plain = |word: &str| {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let number = !bare.is_empty() && bare.bytes().all(|letter| letter.is_ascii_digit());
        let bytes = bare.len() >= LONG && bare.bytes().all(|letter| letter.is_ascii_hexdigit());
        // One byte in hex; codes have more digits.
        let byte = bare.strip_prefix("0x").is_some_and(|digits| digits.len() <= 2);
        if number || bytes || byte {
            word.replace(bare, "…")
        } else {
            word.to_owned()
        }
    };
    words.map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_numbers_are_no_part_of_a_shape() {
        let one = shape("the code is 25c920133414ac10, recomputed 24c920133414ac10: 0x80090308");
        assert_eq!(one, "the code is …, recomputed …: 0x80090308");
        assert_eq!(shape("in position 62-63: illegal"), "in position …-…: illegal");
        assert_eq!(shape("can't decode byte 0x1f in"), "can't decode byte … in");
        assert_ne!(shape("got builtins.ValueError"), shape("got builtins.KeyError"));
        assert!(!same_message("a 25c920133414ac10", "a 35c920133414ac10", true));
        assert!(same_message("a 25c920133414ac10", "a 35c920133414ac10", false));
    }
}
