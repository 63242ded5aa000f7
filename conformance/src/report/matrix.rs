//! What came of pairing implementations, as a table and as JSON. It holds no time and no path: equal matrices have equal
//! ones.

use std::{collections::BTreeMap, fmt::Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    pairs::{
        Cell, Ending, Matrix, Player,
        blame::{Blame, By, Stage},
    },
    protocol::Role,
    words::counted,
};

use super::harmless;

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// A matrix as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MatrixSummary {
    /// Version of the format.
    pub schema: u32,
    /// The implementations.
    pub players: Vec<Player>,
    /// Names of the profiles, with what each asks.
    pub profiles: Vec<(String, String)>,
    /// The cells.
    pub cells: Vec<CellSummary>,
}

/// One exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CellSummary {
    /// Label of the initiator.
    pub initiator: String,
    /// Label of the acceptor.
    pub acceptor: String,
    /// The profile.
    pub profile: String,
    /// How it ended.
    pub end: Ending,
    /// What of it went otherwise than was due, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Whose fault it is, if it ended otherwise than it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// Rules that each side broke: role, rule, number of checks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broken: BTreeMap<Role, BTreeMap<String, usize>>,
}

/// The matrix as JSON.
#[must_use]
pub fn summary(matrix: &Matrix<'_>) -> MatrixSummary {
    MatrixSummary {
        schema: SCHEMA,
        players: matrix.players.clone(),
        profiles: matrix
            .profiles
            .iter()
            .map(|profile| (profile.name.to_owned(), profile.text.to_owned()))
            .collect(),
        cells: matrix
            .cells
            .iter()
            .map(|cell| cell_summary(matrix, cell))
            .collect(),
    }
}

fn cell_summary(matrix: &Matrix<'_>, cell: &Cell) -> CellSummary {
    let broken = Role::BOTH.into_iter().filter_map(|role| {
        let rules = cell.broken(role);
        let owned = rules.into_iter().map(|(rule, count)| (rule.to_owned(), count));
        let owned: BTreeMap<String, usize> = owned.collect();
        (!owned.is_empty()).then_some((role, owned))
    });
    CellSummary {
        initiator: label(matrix, cell.initiator).to_owned(),
        acceptor: label(matrix, cell.acceptor).to_owned(),
        profile: profile(matrix, cell).to_owned(),
        end: cell.end,
        stage: cell.stage,
        blame: cell.blame.clone(),
        broken: broken.collect(),
    }
}

fn label<'m>(matrix: &'m Matrix<'_>, player: usize) -> &'m str {
    matrix
        .players
        .get(player)
        .map_or("", |player| player.label.as_str())
}

fn profile<'m>(matrix: &'m Matrix<'_>, cell: &Cell) -> &'m str {
    matrix
        .profiles
        .get(cell.profile)
        .map_or("", |profile| profile.name)
}

/// The matrix as a text: a table of initiators by acceptors, the faults, and a count.
#[must_use]
pub fn text(matrix: &Matrix<'_>) -> String {
    let mut text = table(matrix);
    text.push_str(
        "\n+ as it should, ~ as it should with broken rules, I A the initiator or the acceptor is at fault, i a for a message\nafter a good exchange, ? undecided, - \
         cannot do it;\na letter or sign for each profile: ",
    );
    let names: Vec<&str> = matrix.profiles.iter().map(|profile| profile.name).collect();
    let _ = writeln!(text, "{}\n", names.join(", "));
    faults(&mut text, matrix);
    let _ = writeln!(text, "{}", counts(matrix.cells.iter().map(|cell| cell.end)));
    text
}

fn table(matrix: &Matrix<'_>) -> String {
    let roles = |role: Role| {
        let all = matrix.players.iter().enumerate();
        let playing = all.filter(move |(_, player)| player.roles.contains(&role));
        playing.map(|(place, _)| place).collect::<Vec<usize>>()
    };
    let acceptors = roles(Role::Acceptor);
    let first = matrix
        .players
        .iter()
        .map(|player| player.label.len())
        .max()
        .unwrap_or(0);
    let width = |acceptor: usize| label(matrix, acceptor).len().max(matrix.profiles.len());
    let mut text = format!("{:first$}", "");
    for acceptor in &acceptors {
        let _ = write!(text, "  {:1$}", label(matrix, *acceptor), width(*acceptor));
    }
    text.push('\n');
    for initiator in roles(Role::Initiator) {
        let _ = write!(text, "{:first$}", label(matrix, initiator));
        for acceptor in &acceptors {
            let here = matrix.cells.iter();
            let here = here.filter(|cell| cell.initiator == initiator && cell.acceptor == *acceptor);
            let signs: String = here.map(sign).collect();
            let _ = write!(text, "  {signs:0$}", width(*acceptor));
        }
        text.push('\n');
    }
    text
}

/// A cell as one character.
#[must_use]
pub fn sign(cell: &Cell) -> char {
    sign_of(cell.end, cell.stage, cell.blame.as_ref())
}

/// An ending as one character.
pub(super) fn sign_of(end: Ending, stage: Option<Stage>, blame: Option<&Blame>) -> char {
    let sign = match (end, blame.map(|blame| blame.side)) {
        (Ending::Good, _) => '+',
        (Ending::Deviant, _) => '~',
        (Ending::Unsupported, _) => '-',
        (Ending::Bad, Some(Some(Role::Initiator))) => 'I',
        (Ending::Bad, Some(Some(Role::Acceptor))) => 'A',
        (Ending::Bad, _) => '?',
    };
    match stage {
        Some(Stage::Protection) => sign.to_ascii_lowercase(),
        _ => sign,
    }
}

fn faults(text: &mut String, matrix: &Matrix<'_>) {
    for cell in &matrix.cells {
        let Some(blame) = &cell.blame else { continue };
        let at_fault = blame.side.map_or_else(
            || "undecided".to_owned(),
            |side| format!("{} ({})", label(matrix, cell.player(side)), side.name()),
        );
        let _ = writeln!(
            text,
            "{} to {}, {}: {at_fault}, by {}",
            label(matrix, cell.initiator),
            label(matrix, cell.acceptor),
            profile(matrix, cell),
            word(blame.by),
        );
        let message = harmless(blame.message.lines().next().unwrap_or_default());
        let _ = writeln!(text, "  {message}");
        if !blame.rules.is_empty() {
            let _ = writeln!(text, "  {}", blame.rules.join(", "));
        }
    }
}

pub(super) fn word(by: By) -> &'static str {
    match by {
        By::Process => "the end of its process",
        By::Legality => "what the eavesdropper saw",
        By::ReEmission => "the same options from the reference",
        By::Substitution => "how both fare beside the reference",
        By::Undecided => "nothing",
    }
}

/// How many exchanges there are, and how they ended.
pub(super) fn counts(all: impl Iterator<Item = Ending>) -> String {
    let mut ends: BTreeMap<Ending, usize> = BTreeMap::new();
    for end in all {
        let count = ends.entry(end).or_default();
        *count = count.saturating_add(1);
    }
    let parts: Vec<String> = ends
        .iter()
        .map(|(end, count)| format!("{count} {}", end.name()))
        .collect();
    format!(
        "{}: {}",
        counted(ends.values().sum(), "exchange"),
        parts.join(", ")
    )
}
