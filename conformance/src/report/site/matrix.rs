//! Who understands whom: the table of initiators by acceptors, on the first page and as a drawing of its own.
//!
//! Pairing knows no findings that are withheld. Of an implementation whose log withholds something, the table names only
//! rules that its log says openly to be broken; other words are left out.

use std::{collections::BTreeMap, io};

use askama::Template;

use super::{Page, Share, Sink, Site, Subject, escape::plain, grouped, page, place, shares, subject};
use crate::{
    pairs::{Ending, blame::Blame},
    protocol::Role,
    report::matrix::{CellSummary, MatrixSummary, sign_of, word},
    words::counted,
};

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) profiles: Vec<(String, String)>,
    pub(super) acceptors: Vec<Head>,
    pub(super) rows: Vec<Row>,
    pub(super) faults: Vec<Fault>,
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
    pub(super) cells: Vec<Vec<Mark>>,
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
            let players = matrix.players.iter().filter(move |player| player.roles.contains(&role));
            players.map(|player| player.label.as_str())
        };
        let mut number = 0;
        let mut row = |initiator: &str| {
            let mut cell = |acceptor: &str| {
                let here = |cell: &&CellSummary| cell.initiator == initiator && cell.acceptor == acceptor;
                matrix.cells.iter().filter(here).map(|cell| mark(site, cell, &mut number)).collect()
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
            counts: counts(matrix),
        }
    }
}

fn head(site: &Site<'_>, matrix: &MatrixSummary, label: &str) -> Head {
    let player = matrix.players.iter().find(|player| player.label == label);
    let title = player.map(|player| player.title.clone()).unwrap_or_default();
    let same_label = || site.subjects.iter().filter(|subject| subject.label == label);
    let same = same_label().find(|subject| subject.title == title);
    let page = same.or_else(|| same_label().next());
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
    let (sign, class) = match sign_of(cell.end, cell.blame.as_ref()) {
        '+' => ("✓", "good"),
        '~' => ("~", "deviant"),
        '-' => ("–", "unsupported"),
        'I' => ("I", "bad"),
        'A' => ("A", "bad"),
        _ => ("?", "bad"),
    };
    Mark {
        id: (!is_good).then(|| format!("exchange-{number}")),
        sign,
        class,
        profile: cell.profile.clone(),
        between: format!("{} to {}", cell.initiator, cell.acceptor),
        ending: ending(cell),
        blame: cell.blame.as_ref().map(|blame| told(site, cell, blame)),
        broken: broken(site, cell),
    }
}

fn ending(cell: &CellSummary) -> String {
    let side = cell.blame.as_ref().and_then(|blame| blame.side);
    match (cell.end, side) {
        (Ending::Good, _) => "as it should".to_owned(),
        (Ending::Deviant, _) => "as it should, with broken rules".to_owned(),
        (Ending::Unsupported, _) => "one of the two cannot do it".to_owned(),
        (Ending::Bad, Some(side)) => format!("fails; at fault is the {}, {}", side.name(), player(cell, side)),
        (Ending::Bad, None) => "fails; whose fault it is stays undecided".to_owned(),
    }
}

fn player(cell: &CellSummary, role: Role) -> &str {
    match role {
        Role::Initiator => &cell.initiator,
        Role::Acceptor => &cell.acceptor,
    }
}

/// Whether a rule may be named that an implementation broke.
fn is_open(site: &Site<'_>, label: &str, rule: &str, side: Role) -> bool {
    let of_label = site.subjects.iter().filter(|subject| subject.label == label);
    let mut secretive = of_label.filter(|subject| subject.withheld > 0);
    secretive.all(|subject| subject.openly_broke(rule, side))
}

/// What may be told of a blame: its message, if every rule that it is about may be named.
fn told(site: &Site<'_>, cell: &CellSummary, blame: &Blame) -> String {
    match may_tell(site, cell, blame) {
        true => first_line(&blame.message).to_owned(),
        false => "withheld".to_owned(),
    }
}

fn may_tell(site: &Site<'_>, cell: &CellSummary, blame: &Blame) -> bool {
    let sides = blame.side.map_or(Role::BOTH.to_vec(), |side| vec![side]);
    sides.into_iter().all(|side| {
        let open = |rule: &str| is_open(site, player(cell, side), rule, side);
        match blame.rules.is_empty() {
            true => open(""),
            false => blame.rules.iter().all(|rule| open(rule)),
        }
    })
}

fn broken(site: &Site<'_>, cell: &CellSummary) -> Vec<Broken> {
    let rules = cell.broken.iter().flat_map(|(side, rules)| rules.iter().map(move |rule| (*side, rule)));
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

fn faults(site: &Site<'_>, matrix: &MatrixSummary) -> Vec<Fault> {
    let mut groups: BTreeMap<Same, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for cell in &matrix.cells {
        let Some(blame) = &cell.blame else { continue };
        let who = blame.side.map_or("undecided".to_owned(), |side| {
            format!("{} as {}", player(cell, side), side.name())
        });
        let open = may_tell(site, cell, blame);
        let rules = blame.rules.iter().filter(|_| open).map(|rule| site.cite(rule));
        let key = (who, word(blame.by), told(site, cell, blame), rules.collect());
        let between = format!("{} to {}", cell.initiator, cell.acceptor);
        let exchanges = groups.entry(key).or_default().entry(between).or_default();
        exchanges.push(cell.profile.clone());
    }
    let faults = groups.into_iter().map(|((who, by, message, rules), exchanges)| Fault {
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
    faults.collect()
}

fn counts(matrix: &MatrixSummary) -> String {
    let mut ends: BTreeMap<Ending, usize> = BTreeMap::new();
    for cell in &matrix.cells {
        let count = ends.entry(cell.end).or_default();
        *count = count.saturating_add(1);
    }
    let parts: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {}", end.name())).collect();
    format!("{}: {}", counted(matrix.cells.len(), "exchange"), parts.join(", "))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Marks in a line of a cell, and the size of one in the drawing.
const COLUMNS: usize = 4;
const SIDE: usize = 16;

/// Width of a character, and heights of the heading, of the legend's lines and between cells.
const CHARACTER: usize = 7;
const TOP: usize = 52;
const GAP: usize = 12;

/// The drawing.
#[derive(Debug, Template)]
#[template(path = "matrix.svg")]
pub(super) struct Drawing {
    width: usize,
    height: usize,
    first: usize,
    heads: Vec<(usize, String)>,
    rows: Vec<(usize, String)>,
    marks: Vec<DrawnMark>,
    legend: usize,
    counts: String,
}

#[derive(Debug)]
struct DrawnMark {
    x: usize,
    y: usize,
    class: &'static str,
    sign: &'static str,
    title: String,
}

impl Drawing {
    pub(super) fn new(table: &Table) -> Self {
        let labels = |heads: &mut dyn Iterator<Item = &Head>| {
            let lengths = heads.map(|head| plain(&head.label).chars().count());
            lengths.max().unwrap_or(0).saturating_mul(CHARACTER)
        };
        let first = labels(&mut table.rows.iter().map(|row| &row.initiator)).saturating_add(GAP * 2);
        let marks_wide = COLUMNS * SIDE;
        let column = labels(&mut table.acceptors.iter()).max(marks_wide).saturating_add(GAP);
        let lines = table.profiles.len().div_ceil(COLUMNS).max(1);
        let row_height = lines.saturating_mul(SIDE).saturating_add(GAP);
        let x = |place: usize| first.saturating_add(place.saturating_mul(column));
        let y = |place: usize| TOP.saturating_add(place.saturating_mul(row_height));
        let legend = y(table.rows.len()).saturating_add(GAP);
        Self {
            width: x(table.acceptors.len()).max(560).saturating_add(GAP),
            height: legend.saturating_add(46),
            first,
            heads: (0..).zip(&table.acceptors).map(|(at, head)| (x(at), plain(&head.label))).collect(),
            rows: (0..)
                .zip(&table.rows)
                .map(|(at, row)| (y(at).saturating_add(lines * SIDE / 2 + 4), plain(&row.initiator.label)))
                .collect(),
            marks: drawn(table, x, y),
            legend,
            counts: table.counts.clone(),
        }
    }
}

fn drawn(table: &Table, x: impl Fn(usize) -> usize, y: impl Fn(usize) -> usize) -> Vec<DrawnMark> {
    let mut drawn = Vec::new();
    for (row, cells) in table.rows.iter().map(|row| &row.cells).enumerate() {
        for (column, marks) in cells.iter().enumerate() {
            for (place, mark) in marks.iter().enumerate() {
                drawn.push(DrawnMark {
                    x: x(column).saturating_add((place % COLUMNS) * SIDE),
                    y: y(row).saturating_add((place / COLUMNS) * SIDE),
                    class: mark.class,
                    sign: mark.sign,
                    title: format!("{}, {}: {}", mark.between, mark.profile, mark.ending),
                });
            }
        }
    }
    drawn
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
    fn of(subject: &Subject) -> Self {
        let (passed, decided) = subject.score();
        let (unexpected, known) = subject.unexpected_and_known();
        Self {
            title: subject.title.clone(),
            href: place::subject(&subject.slug),
            passed: grouped(passed),
            decided: grouped(decided),
            shares: shares(&subject.cases()),
            unexpected,
            known,
            withheld: subject.withheld,
            effects: subject::effects(subject).into_iter().map(|(effect, rules)| (effect, rules.len())).collect(),
        }
    }
}

/// Writes the first page and the drawing.
pub(super) fn write(site: &Site<'_>, out: &mut Sink<'_>) -> io::Result<()> {
    let table = site.matrix.as_ref().map(|matrix| Table::new(site, matrix));
    if let Some(table) = &table {
        out("matrix.svg", &page(&Drawing::new(table))?)?;
    }
    let index = Index {
        page: Page::new("", "index", "Who understands whom"),
        table,
        subjects: site.subjects.iter().map(Brief::of).collect(),
    };
    out("index.html", &page(&index)?)
}
