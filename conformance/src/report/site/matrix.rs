//! Who understands whom: the table of initiators by acceptors, on the first page and as a drawing of its own.
//!
//! Pairing knows no findings that are withheld. An implementation whose log withholds something may show the same here;
//! what it is blamed for is told only if it can be none of those, or if its log tells it openly. Otherwise the whole pair
//! is withheld, for a place in the table tells the profile.

use std::{cmp::Reverse, collections::BTreeMap, io};

use askama::Template;

use super::{
    Page, Share, Sink, Site, Subject, drawing::Drawing, grouped, page, place, shares, subject, version,
};
use crate::{
    pairs::{
        Ending,
        blame::{Blame, By, Stage},
    },
    protocol::Role,
    report::matrix::{CellSummary, MatrixSummary, counts, sign_of, word},
    subject::description::Origin,
    suite::rule::Effect,
};

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) profiles: Vec<(String, String)>,
    pub(super) acceptors: Vec<Head>,
    pub(super) rows: Vec<Row>,
    pub(super) faults: Vec<Fault>,
    /// Faults that are not told.
    pub(super) withheld: usize,
    /// Exchanges by ending, in words.
    pub(super) counts: String,
}

/// An implementation, with its page if it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) label: String,
    pub(super) title: String,
    pub(super) href: Option<String>,
}

/// An initiator with its exchanges, by acceptor.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) initiator: Head,
    /// One list for each acceptor; none if the pair is withheld.
    pub(super) cells: Vec<Option<Vec<Mark>>>,
}

/// One exchange.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Id of what is told of it; none if all is as it should be.
    pub(super) id: Option<String>,
    pub(super) sign: &'static str,
    pub(super) class: &'static str,
    pub(super) profile: String,
    pub(super) between: String,
    /// How it ended.
    pub(super) ending: String,
    pub(super) blame: Option<String>,
    /// Rules that were broken, with side and number of checks.
    pub(super) broken: Vec<Broken>,
}

#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) rule: Cited,
    pub(super) side: &'static str,
    pub(super) checks: usize,
}

/// A rule, with its page if the suite has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cited {
    pub(super) id: String,
    pub(super) href: Option<String>,
}

/// What went wrong in the same way in one or several exchanges.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) who: String,
    pub(super) by: &'static str,
    pub(super) message: String,
    pub(super) rules: Vec<Cited>,
    /// Exchanges: the peers, each with profiles.
    pub(super) exchanges: Vec<(String, String)>,
    pub(super) count: usize,
}

impl Table {
    pub(super) fn new(site: &Site<'_>, matrix: &MatrixSummary) -> Self {
        let head = |label: &str| head(site, matrix, label);
        let playing = |role: Role| {
            let players = matrix
                .players
                .iter()
                .filter(move |player| player.roles.contains(&role));
            players.map(|player| player.label.as_str())
        };
        let mut number = 0;
        let mut row = |initiator: &str| {
            let mut cell = |acceptor: &str| {
                let here = |cell: &&CellSummary| cell.initiator == initiator && cell.acceptor == acceptor;
                let here = matrix.cells.iter().filter(here);
                let open = here.clone().all(|cell| may_tell(site, cell));
                open.then(|| here.map(|cell| mark(site, cell, &mut number)).collect())
            };
            Row {
                initiator: head(initiator),
                cells: playing(Role::Acceptor).map(&mut cell).collect(),
            }
        };
        Self {
            profiles: matrix.profiles.clone(),
            rows: playing(Role::Initiator).map(&mut row).collect(),
            acceptors: playing(Role::Acceptor).map(head).collect(),
            faults: faults(site, matrix),
            withheld: matrix.cells.iter().filter(|cell| !may_tell(site, cell)).count(),
            counts: counts(matrix.cells.iter().map(|cell| cell.end)),
        }
    }
}

fn head(site: &Site<'_>, matrix: &MatrixSummary, label: &str) -> Head {
    let player = matrix.players.iter().find(|player| player.label == label);
    let title = player.map(|player| player.title.clone()).unwrap_or_default();
    let same_label = || site.subjects.iter().filter(|subject| subject.label == label);
    let same = same_label().find(|subject| subject.title == title);
    let page = same.or_else(|| same_label().next_back());
    Head {
        label: label.to_owned(),
        href: page.map(|subject| place::subject(&subject.slug)),
        title,
    }
}

fn mark(site: &Site<'_>, cell: &CellSummary, number: &mut usize) -> Mark {
    let is_good = cell.end == Ending::Good;
    if !is_good {
        *number = number.saturating_add(1);
    }
    let (sign, class) = match sign_of(cell.end, cell.stage, cell.blame.as_ref()) {
        '+' => ("✓", "good"),
        '~' => ("~", "deviant"),
        '-' => ("–", "unsupported"),
        'I' => ("I", "bad"),
        'A' => ("A", "bad"),
        'i' => ("i", "bad"),
        'a' => ("a", "bad"),
        _ => ("?", "bad"),
    };
    Mark {
        id: (!is_good).then(|| format!("exchange-{number}")),
        sign,
        class,
        profile: cell.profile.clone(),
        between: format!("{} to {}", cell.initiator, cell.acceptor),
        ending: ending(cell),
        blame: cell
            .blame
            .as_ref()
            .map(|blame| first_line(&blame.message).to_owned()),
        broken: broken(site, cell),
    }
}

fn ending(cell: &CellSummary) -> String {
    let side = cell.blame.as_ref().and_then(|blame| blame.side);
    let what = match cell.stage {
        Some(Stage::Protection) => "a message fails after a good exchange",
        _ => "fails",
    };
    match (cell.end, side) {
        (Ending::Deviant, _) if cell.stage == Some(Stage::EmptyMessage) => {
            "as it should, but for messages without a byte".to_owned()
        }
        (Ending::Good, _) => "as it should".to_owned(),
        (Ending::Deviant, _) => "as it should, with broken rules".to_owned(),
        (Ending::Unsupported, _) => "one of the two cannot do it".to_owned(),
        (Ending::Bad, Some(side)) => {
            format!("{what}; at fault is the {}, {}", side.name(), player(cell, side))
        }
        (Ending::Bad, None) => format!("{what}; whose fault it is stays undecided"),
    }
}

fn player(cell: &CellSummary, role: Role) -> &str {
    match role {
        Role::Initiator => &cell.initiator,
        Role::Acceptor => &cell.acceptor,
    }
}

/// The logs of an implementation that withhold something.
fn secretive<'s>(site: &'s Site<'_>, label: &str) -> impl Iterator<Item = &'s Subject> {
    let of_label = site.subjects.iter().filter(move |subject| subject.label == label);
    of_label.filter(|subject| subject.withheld > 0)
}

/// Whether breaking a rule can be what is withheld: who gets in who should not, and what damages memory.
fn is_delicate(site: &Site<'_>, rule: &str) -> bool {
    let known = site.suite.rule(rule).map(|(_, entry)| entry.rule.effect);
    !matches!(
        known,
        Some(Effect::Downgrade | Effect::DataLoss | Effect::Interop | Effect::Hygiene)
    )
}

/// Whether a rule may be named that an implementation broke.
fn is_open(site: &Site<'_>, label: &str, rule: &str, side: Role) -> bool {
    !is_delicate(site, rule) || secretive(site, label).all(|subject| subject.openly_broke(rule, side))
}

/// Whether what a side is blamed for may be told: a refusal of what should be accepted keeps somebody out and lets nobody
/// in; anything else only if the log tells it openly.
fn may_tell(site: &Site<'_>, cell: &CellSummary) -> bool {
    let Some(blame) = &cell.blame else { return true };
    let refused = should_complete(site, &cell.profile) && blame.by != By::Process;
    refused
        || sides(blame).into_iter().all(|side| {
            let told = first_line(&blame.message);
            secretive(site, player(cell, side)).all(|subject| subject.openly_says(told, side))
        })
}

/// The side that is blamed, or both where that is undecided.
fn sides(blame: &Blame) -> Vec<Role> {
    blame.side.map_or_else(|| Role::BOTH.to_vec(), |side| vec![side])
}

/// Whether no call of a profile's scenario should fail.
fn should_complete(site: &Site<'_>, profile: &str) -> bool {
    let case = site
        .suite
        .profiles
        .get(profile)
        .and_then(|profile| site.cases.get(&profile.case));
    let refusal = |status: &str| site.suite.mapping.is_refusal(status);
    case.is_some_and(|case| !case.entry.statuses().any(|(_, status)| refusal(status)))
}

fn broken(site: &Site<'_>, cell: &CellSummary) -> Vec<Broken> {
    let rules = cell
        .broken
        .iter()
        .flat_map(|(side, rules)| rules.iter().map(move |rule| (*side, rule)));
    let open = rules.filter(|(side, (rule, _))| is_open(site, player(cell, *side), rule, *side));
    let broken = open.map(|(side, (rule, checks))| Broken {
        rule: site.cite(rule),
        side: side.name(),
        checks: *checks,
    });
    broken.collect()
}

/// What makes two faults one.
type Same = (String, &'static str, String, Vec<Cited>);

fn same(site: &Site<'_>, cell: &CellSummary, blame: &Blame) -> Same {
    let who = blame.side.map_or_else(
        || "undecided".to_owned(),
        |side| format!("{} as {}", player(cell, side), side.name()),
    );
    let open = |rule: &&String| {
        let mut sides = sides(blame).into_iter();
        sides.all(|side| is_open(site, player(cell, side), rule, side))
    };
    let rules = blame.rules.iter().filter(open).map(|rule| site.cite(rule));
    let message = first_line(&blame.message).to_owned();
    (who, word(blame.by), message, rules.collect())
}

fn faults(site: &Site<'_>, matrix: &MatrixSummary) -> Vec<Fault> {
    let mut groups: BTreeMap<Same, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for cell in matrix.cells.iter().filter(|cell| may_tell(site, cell)) {
        let Some(blame) = &cell.blame else { continue };
        let between = format!("{} to {}", cell.initiator, cell.acceptor);
        let exchanges = groups.entry(same(site, cell, blame)).or_default();
        exchanges.entry(between).or_default().push(cell.profile.clone());
    }
    let faults = groups
        .into_iter()
        .map(|((who, by, message, rules), exchanges)| Fault {
            who,
            by,
            message,
            rules,
            count: exchanges.values().map(Vec::len).sum(),
            exchanges: exchanges
                .into_iter()
                .map(|(between, profiles)| (between, profiles.join(", ")))
                .collect(),
        });
    let mut faults: Vec<Fault> = faults.collect();
    faults.sort_by_key(|fault| Reverse(fault.count));
    faults
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The first page.
#[derive(Debug, Template)]
#[template(path = "index.html")]
struct Index {
    page: Page,
    table: Option<Table>,
    subjects: Vec<Brief>,
}

/// A subject in a row.
#[derive(Debug)]
struct Brief {
    title: String,
    href: String,
    origin: Origin,
    versions: Vec<version::Listed>,
    passed: String,
    decided: String,
    shares: Vec<Share>,
    unexpected: usize,
    known: usize,
    withheld: usize,
    /// Rules broken by effect, worst first.
    effects: Vec<(String, usize)>,
}

impl Brief {
    fn of(site: &Site<'_>, subject: &Subject) -> Self {
        let (passed, decided) = subject.score();
        let (unexpected, known) = subject.unexpected_and_known();
        Self {
            title: subject.title.clone(),
            href: place::subject(&subject.slug),
            origin: subject.origin.clone(),
            versions: version::listed(site, subject),
            passed: grouped(passed),
            decided: grouped(decided),
            shares: shares(&subject.cases()),
            unexpected,
            known,
            withheld: subject.withheld,
            effects: subject::effects(subject)
                .into_iter()
                .map(|(effect, rules)| (effect, rules.len()))
                .collect(),
        }
    }
}

/// Writes the first page and the drawing.
pub(super) fn write(site: &Site<'_>, out: &mut Sink<'_>) -> io::Result<()> {
    let table = site.matrix.as_ref().map(|matrix| Table::new(site, matrix));
    if let Some(table) = &table {
        out("matrix.svg", &page(&Drawing::new(table))?)?;
    }
    let newest = site.subjects.iter().filter(|subject| !subject.older);
    let index = Index {
        page: Page::new("", "index", "Who keeps the rules, who understands whom"),
        table,
        subjects: newest.map(|subject| Brief::of(site, subject)).collect(),
    };
    out("index.html", &page(&index)?)
}
