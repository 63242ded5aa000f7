//! The versions of a subject: their order, and a page for what differs between one and the next.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    io,
};

use askama::Template;

use super::{Page, Sink, Site, Subject, grouped, matrix::Cited, page, place};
use crate::{
    check::Verdict,
    protocol::Role,
    report::{
        diff::{Change, Judgement, Kind, RunDiff},
        diff_text,
    },
    rules_command::word,
    suite::rule::Effect,
    words::counted,
};

/// Cases of an entry that are named.
const CASES: usize = 3;

/// What the changes are told under, in order: what got worse, what got better, what only one of the runs could see.
const PARTS: [(&str, &str, &[Kind]); 4] = [
    (
        "worse",
        "Worse",
        &[Kind::NewlyFailing, Kind::AppearedFailing, Kind::Undecided],
    ),
    ("fixed", "Fixed", &[Kind::NewlyPassing, Kind::GoneFailing]),
    ("new", "New", &[Kind::NewlyDriven, Kind::Decided]),
    (
        "otherwise",
        "Otherwise",
        &[Kind::Changed, Kind::OtherReason, Kind::NoLongerDriven],
    ),
];

/// The runs of a subject in two versions, one after the other.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// What the harness calls the subject.
    label: String,
    old: String,
    new: String,
    diff: RunDiff,
}

impl Upgrade {
    /// What differs between the runs of two versions of a subject.
    #[must_use]
    pub fn new(old: &Subject, new: &Subject, diff: RunDiff) -> Self {
        Self {
            label: new.label.clone(),
            old: old.hello.version.clone(),
            new: new.hello.version.clone(),
            diff,
        }
    }

    /// Failed cases of the older and of the newer run that show what differs: one of each kind, rule and side.
    #[must_use]
    pub fn examples(&self) -> [BTreeSet<String>; 2] {
        let fails = |judgement: &Option<Judgement>| {
            let verdict = judgement.as_ref().map(|judgement| judgement.verdict);
            verdict.is_some_and(|verdict| verdict > Verdict::Pass)
        };
        let mut examples = [BTreeSet::new(), BTreeSet::new()];
        for changes in groups(&self.diff).values() {
            let [old, new] = &mut examples;
            let of = |which: fn(&Change) -> &Option<Judgement>| {
                let failed = changes.iter().find(|change| fails(which(change)));
                failed.map(|change| change.case.clone())
            };
            old.extend(of(|change| &change.old));
            new.extend(of(|change| &change.new));
        }
        examples
    }

    fn is_to(&self, subject: &Subject) -> bool {
        self.label == subject.label && self.new == subject.hello.version
    }
}

/// The pairs of runs that are of one subject in two versions, with no other between them: places of the older and the newer.
#[must_use]
pub fn successions(subjects: &[Subject]) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, &Subject)> = subjects.iter().enumerate().collect();
    places.sort_by(|(_, one), (_, other)| order(one, other));
    let pairs = places.iter().zip(places.iter().skip(1));
    let same = pairs.filter(|((_, old), (_, new))| old.label == new.label);
    same.map(|((old, _), (new, _))| (*old, *new)).collect()
}

/// Subjects by name, the versions of one from old to new.
pub(super) fn order(one: &Subject, other: &Subject) -> Ordering {
    let versions = || ascending(&one.hello.version, &other.hello.version);
    let labels = one.label.cmp(&other.label);
    labels
        .then_with(versions)
        .then_with(|| one.title.cmp(&other.title))
}

/// The order of versions: numbers in them count as numbers, and what begins with `~` comes before nothing.
fn ascending(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    while !one.is_empty() && !other.is_empty() {
        let (left, right) = (part(&mut one), part(&mut other));
        let numbers = left.starts_with(is_digit) && right.starts_with(is_digit);
        let by_size = |text: &str| text.trim_start_matches('0').len();
        let sizes = by_size(left).cmp(&by_size(right));
        let texts = left.trim_start_matches('0').cmp(right.trim_start_matches('0'));
        let kept = |text: &str| !text.starts_with('~');
        let found = if numbers {
            sizes.then(texts)
        } else {
            kept(left).cmp(&kept(right)).then(left.cmp(right))
        };
        if found != Ordering::Equal {
            return found;
        }
    }
    let rest = |text: &str| (!text.starts_with('~'), !text.is_empty());
    rest(one).cmp(&rest(other))
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

/// Takes the digits at the beginning, or what stands before the next digit.
fn part<'t>(text: &mut &'t str) -> &'t str {
    let digits = text.starts_with(is_digit);
    let end = text.find(|character| is_digit(character) != digits);
    let (part, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    part
}

/// A version in the list of a subject's page.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) title: String,
    /// Its page; none for that on whose page the list stands.
    pub(super) href: Option<String>,
    pub(super) passed: String,
    pub(super) decided: String,
    /// Rules that it breaks, as far as is public.
    pub(super) broken: usize,
    /// The version before it, and the page of what differs.
    pub(super) since: Option<(String, String)>,
}

/// The versions of a subject, newest first; none if there is only this one.
pub(super) fn listed(site: &Site<'_>, here: &Subject) -> Vec<Listed> {
    let of_label = |subject: &&Subject| subject.label == here.label;
    let versions = site.subjects.iter().rev().filter(of_label);
    let listed = versions.map(|subject| {
        let (passed, decided) = subject.score();
        let upgrade = site.upgrades.iter().find(|upgrade| upgrade.is_to(subject));
        Listed {
            title: subject.title.clone(),
            href: (subject.slug != here.slug).then(|| place::subject(&subject.slug)),
            passed: grouped(passed),
            decided: grouped(decided),
            broken: subject.anomalies.len(),
            since: upgrade.map(|upgrade| (upgrade.old.clone(), place::changes(&subject.slug))),
        }
    });
    let listed: Vec<Listed> = listed.collect();
    if listed.len() > 1 { listed } else { Vec::new() }
}

/// The pages of differences, with their titles.
pub(super) fn titles(site: &Site<'_>) -> impl Iterator<Item = (String, String)> {
    ends(site).map(|(upgrade, _, new)| (title(upgrade, new), place::changes(&new.slug)))
}

fn title(upgrade: &Upgrade, new: &Subject) -> String {
    format!("{} {} → {}", new.hello.name, upgrade.old, upgrade.new)
}

/// The upgrades with the older and the newer subject.
fn ends<'s>(site: &'s Site<'_>) -> impl Iterator<Item = (&'s Upgrade, &'s Subject, &'s Subject)> {
    site.upgrades.iter().filter_map(|upgrade| {
        let mut versions = site
            .subjects
            .iter()
            .filter(|subject| subject.label == upgrade.label);
        let old = versions
            .clone()
            .find(|subject| subject.hello.version == upgrade.old)?;
        Some((upgrade, old, versions.find(|subject| upgrade.is_to(subject))?))
    })
}

/// The page of what differs between two versions.
#[derive(Debug, Template)]
#[template(path = "changes.html")]
struct Changes<'a> {
    page: Page,
    diff: &'a RunDiff,
    old: Head,
    new: Head,
    same: String,
    parts: Vec<Part>,
    /// Cases of one run only, by what is said of them.
    cases: Vec<(&'static str, &'a [String])>,
}

#[derive(Debug)]
struct Head {
    title: String,
    href: String,
}

/// What got worse, or better, or neither.
#[derive(Debug)]
struct Part {
    id: &'static str,
    title: &'static str,
    entries: Vec<Entry>,
    checks: usize,
}

/// Changes of one kind, of one rule on one side.
#[derive(Debug)]
struct Entry {
    kind: &'static str,
    rule: Cited,
    text: String,
    effect: Option<Effect>,
    side: &'static str,
    checks: usize,
    spread: String,
    was: Option<Told>,
    is: Option<Told>,
    cases: Vec<CaseLink>,
    more: usize,
    /// The command that replays the first case, if none has a page.
    repro: Option<String>,
    /// The page of all such failures of each version that has some.
    failures: Vec<(String, String)>,
}

#[derive(Debug)]
struct Told {
    verdict: &'static str,
    message: String,
}

impl Told {
    fn of(judgement: &Judgement) -> Self {
        Self {
            verdict: judgement.verdict.name(),
            message: judgement.message.clone(),
        }
    }
}

/// A case, with the pages that versions have of it.
#[derive(Debug)]
struct CaseLink {
    key: String,
    pages: Vec<(String, String)>,
}

/// Writes the pages of differences.
pub(super) fn write(site: &Site<'_>, out: &mut Sink<'_>) -> io::Result<()> {
    for (upgrade, old, new) in ends(site) {
        let diff = &upgrade.diff;
        let head = |subject: &Subject| Head {
            title: subject.title.clone(),
            href: place::subject(&subject.slug),
        };
        let cases = [
            ("did not run", diff.never_ran.as_slice()),
            ("appeared", &diff.cases_appeared),
            ("are gone", &diff.cases_gone),
        ];
        let changes = Changes {
            page: Page::new("../", "index", title(upgrade, new)),
            diff,
            old: head(old),
            new: head(new),
            same: grouped(diff.same),
            parts: parts(site, diff, old, new),
            cases: cases.into_iter().filter(|(_, keys)| !keys.is_empty()).collect(),
        };
        out(&place::changes(&new.slug), &page(&changes)?)?;
    }
    Ok(())
}

/// Changes by part, kind, rule and side.
type Groups<'d> = BTreeMap<(&'static str, Kind, &'d str, Role), Vec<&'d Change>>;

fn groups(diff: &RunDiff) -> Groups<'_> {
    let mut groups = Groups::new();
    for change in &diff.changes {
        let place = (part_of(change), change.kind, change.rule.as_str(), change.side);
        groups.entry(place).or_default().push(change);
    }
    groups
}

fn parts(site: &Site<'_>, diff: &RunDiff, old: &Subject, new: &Subject) -> Vec<Part> {
    let groups = groups(diff);
    let entries = |id: &str| {
        let here = groups.iter().filter(|((part, ..), _)| *part == id);
        let mut entries: Vec<Entry> = here
            .filter_map(|(_, changes)| entry(site, changes, old, new))
            .collect();
        entries.sort_by_key(|entry| (entry.effect, std::cmp::Reverse(entry.checks)));
        entries
    };
    let parts = PARTS.iter().map(|(id, title, _)| {
        let entries = entries(id);
        Part {
            id,
            title,
            checks: entries.iter().map(|entry| entry.checks).sum(),
            entries,
        }
    });
    parts.filter(|part| part.checks > 0).collect()
}

/// The part that a change is told in; what is worse is told first, whatever its kind.
fn part_of(change: &Change) -> &'static str {
    let mut of_kind = PARTS.iter().filter(|(_, _, kinds)| kinds.contains(&change.kind));
    match change.worse {
        true => "worse",
        false => of_kind
            .find(|(id, ..)| *id != "worse")
            .map_or("otherwise", |(id, ..)| id),
    }
}

fn entry(site: &Site<'_>, changes: &[&Change], old: &Subject, new: &Subject) -> Option<Entry> {
    let first = changes.first()?;
    let rule = site.suite.rule(&first.rule).map(|(_, entry)| &entry.rule);
    let mut keys: Vec<&str> = changes.iter().map(|change| change.case.as_str()).collect();
    keys.dedup();
    let cases = case_links(&keys, old, new);
    let without_page = cases.first().filter(|case| case.pages.is_empty());
    let failures = |subject: &Subject| {
        let broke = subject.openly_broke(&first.rule, first.side);
        broke.then(|| place::anomaly(&subject.slug, &first.rule, first.side))
    };
    Some(Entry {
        kind: diff_text::title(first.kind),
        rule: site.cite(&first.rule),
        text: rule.map(|rule| rule.text.clone()).unwrap_or_default(),
        effect: rule.map(|rule| rule.effect),
        side: first.side.name(),
        checks: changes.len(),
        spread: spread(changes, keys.len()),
        was: first.old.as_ref().map(Told::of),
        is: first.new.as_ref().map(Told::of),
        more: keys.len().saturating_sub(cases.len()),
        repro: without_page.map(|case| new.repro(&case.key)),
        cases,
        failures: links([old, new], failures),
    })
}

fn spread(changes: &[&Change], cases: usize) -> String {
    let known = changes.iter().filter(|change| change.is_known()).count();
    let known = match known {
        0 => String::new(),
        known => format!(", {known} known"),
    };
    format!(
        "{} in {}{known}",
        counted(changes.len(), "check"),
        counted(cases, "case")
    )
}

/// Some of the cases, those with a page before others.
fn case_links(keys: &[&str], old: &Subject, new: &Subject) -> Vec<CaseLink> {
    let link = |key: &&str| CaseLink {
        key: (*key).to_owned(),
        pages: links([old, new], |subject| case_page(subject, key)),
    };
    let mut cases: Vec<CaseLink> = keys.iter().map(link).collect();
    cases.sort_by_key(|case| case.pages.is_empty());
    cases.truncate(CASES);
    cases
}

fn case_page(subject: &Subject, key: &str) -> Option<String> {
    let is_kept = subject.kept.iter().any(|kept| kept.key == key);
    is_kept.then(|| place::case(&subject.slug, key))
}

/// The pages that versions have of something, each with its version.
fn links(subjects: [&Subject; 2], page: impl Fn(&Subject) -> Option<String>) -> Vec<(String, String)> {
    let pages = subjects.into_iter();
    pages
        .filter_map(|subject| Some((subject.hello.version.clone(), page(subject)?)))
        .collect()
}

impl Entry {
    /// The effect of breaking the rule, in words.
    fn effect(&self) -> String {
        let effect = self.effect.as_ref();
        effect
            .map(|effect| word(effect).replace('-', " "))
            .unwrap_or_default()
    }
}

impl Changes<'_> {
    /// Whether what depends on random numbers may differ in any two runs.
    fn is_random(&self) -> bool {
        !(self.diff.old.steered && self.diff.new.steered)
    }

    fn verdict(&self) -> &'static str {
        diff_text::verdict(self.diff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_order_of_their_numbers() {
        let ascending_versions = [
            "",
            "0.9",
            "0.10~rc1",
            "0.10",
            "0.10.1",
            "0.10.02",
            "0.10.3-1",
            "0.10.3-1+deb12u9",
            "0.10.3-1+deb12u15",
            "2:0.1",
            "99999999999999999999999",
            "v1",
        ];
        for (place, one) in ascending_versions.iter().enumerate() {
            for (other_place, other) in ascending_versions.iter().enumerate() {
                assert_eq!(ascending(one, other), place.cmp(&other_place), "{one} {other}");
            }
        }
    }

    #[test]
    fn every_kind_of_change_has_its_part() {
        for (kind, title) in diff_text::TITLES {
            let parts = PARTS.iter().filter(|(_, _, kinds)| kinds.contains(&kind));
            assert_eq!(parts.count(), 1, "{title}");
        }
    }
}
