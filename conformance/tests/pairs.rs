//! Whose fault it is when two implementations do not understand each other.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{path::Path, time::Duration};

use legwork::{
    pairs::{
        self, Cell, Ending, Matrix,
        blame::{Blame, By},
    },
    protocol::Role,
    report::matrix,
    runner::Options,
    subject::{
        description::{Description, Located},
        isolation,
    },
    suite::Suite,
};
use pretty_assertions::assert_eq;

/// The reference with a habit, as a subject.
fn player(habit: &str) -> Located {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs/player.py");
    let words = [
        "python3",
        "-B",
        script.to_str().unwrap(),
        env!("CARGO_BIN_EXE_legwork"),
        habit,
    ];
    Located {
        description: Description {
            name: habit.to_owned(),
            command: words.map(str::to_owned).into(),
            ..Description::default()
        },
        ..Located::default()
    }
}

fn paired<'a>(suite: &'a Suite, habits: &[&str]) -> Matrix<'a> {
    isolation::install(env!("CARGO_BIN_EXE_legwork").into());
    let players: Vec<Located> = habits.iter().map(|habit| player(habit)).collect();
    let options = Options {
        deadline: Duration::from_secs(30),
        ..Options::default()
    };
    pairs::run(suite, &players, &options, |_| {}, || {}).unwrap()
}

fn suite() -> Suite {
    Suite::embedded().unwrap_or_else(|errors| panic!("{} errors", errors.len()))
}

fn cell<'m>(matrix: &'m Matrix<'_>, initiator: &str, acceptor: &str, profile: &str) -> &'m Cell {
    let name = |place: usize| matrix.players.get(place).unwrap().label.as_str();
    let found = matrix.cells.iter().find(|cell| {
        name(cell.initiator) == initiator
            && name(cell.acceptor) == acceptor
            && matrix.profiles.get(cell.profile).unwrap().name == profile
    });
    found.unwrap_or_else(|| panic!("no cell {initiator} {acceptor} {profile}"))
}

fn blamed<'m>(matrix: &'m Matrix<'_>, initiator: &str, acceptor: &str, profile: &str) -> &'m Blame {
    let cell = cell(matrix, initiator, acceptor, profile);
    assert_eq!(cell.end, Ending::Bad);
    cell.blame.as_ref().unwrap()
}

#[test]
fn conforming_implementations_understand_each_other() {
    let suite = suite();
    let matrix = paired(&suite, &["plain", "odd-name"]);
    assert_eq!(matrix.cells.len(), 3 * 3 * matrix.profiles.len());
    for cell in &matrix.cells {
        assert_eq!(
            (cell.end, &cell.blame),
            (Ending::Good, &None),
            "{}",
            cell.result.case
        );
    }
    assert!(matrix::text(&matrix).contains(&format!("{} good", matrix.cells.len())));
}

#[test]
fn who_sends_what_is_not_legal_is_at_fault() {
    let suite = suite();
    let matrix = paired(&suite, &["plain", "wrong-proof"]);
    let blame = blamed(&matrix, "wrong-proof", "plain", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Initiator), By::Legality));
    assert!(
        blame.rules.contains(&"wire/ntlm/nt-proof".to_owned()),
        "{blame:?}"
    );
}

#[test]
fn who_refuses_what_is_legal_is_at_fault() {
    let suite = suite();
    let matrix = paired(&suite, &["plain", "no-attributes", "refuses"]);
    let blame = blamed(&matrix, "plain", "refuses", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::Legality));
    assert_eq!(blame.rules, ["asc/ntlm/valid-logon-accepted"]);
    // What is not legal in the peer's tokens is not the reason: without it they are refused just the same.
    let blame = blamed(&matrix, "no-attributes", "refuses", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::ReEmission));
    assert_eq!(
        cell(&matrix, "no-attributes", "plain", "default").end,
        Ending::Deviant
    );
}

#[test]
fn who_accepts_a_wrong_secret_or_dies_is_at_fault() {
    let suite = suite();
    let matrix = paired(&suite, &["plain", "gullible", "dies"]);
    let blame = blamed(&matrix, "plain", "gullible", "wrong-password");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::Legality));
    let blame = blamed(&matrix, "plain", "dies", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::Process));
}

/// Legal tokens are refused, and the reference's with the same options are not: nothing tells what the reason is.
#[test]
fn what_nothing_decides_stays_undecided() {
    let suite = suite();
    let matrix = paired(&suite, &["odd-name", "dislikes-odd"]);
    let blame = blamed(&matrix, "odd-name", "dislikes-odd", "default");
    assert_eq!((blame.side, blame.by), (None, By::Undecided));
    assert!(matrix::text(&matrix).contains("undecided"));
}

#[test]
fn the_same_pairs_give_the_same_matrix() {
    let suite = suite();
    let one = || serde_json::to_string(&matrix::summary(&paired(&suite, &["plain", "refuses"]))).unwrap();
    assert_eq!(one(), one());
}
