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
        blame::{Blame, By, Stage},
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
    // What a side tells its own caller is nothing to its peer.
    let blame = blamed(&matrix, "no-attributes", "refuses", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::Legality));
    assert_eq!(
        cell(&matrix, "no-attributes", "plain", "default").end,
        Ending::Deviant
    );
}

/// What is not legal in the peer's tokens is not the reason: without it they are refused just the same.
#[test]
fn a_second_try_shows_what_was_not_the_reason() {
    let suite = suite();
    let matrix = paired(&suite, &["wrong-proof", "refuses"]);
    let blame = blamed(&matrix, "wrong-proof", "refuses", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::ReEmission));
}

/// The reference sends the names and the size of the response as the peer has them: so they are known to be the reason.
#[test]
fn who_refuses_a_legal_form_is_at_fault() {
    let suite = suite();
    for (sends, likes) in [("upper-domain", "likes-case"), ("no-trailer", "likes-trailer")] {
        let matrix = paired(&suite, &["plain", sends, likes]);
        assert_ne!(
            cell(&matrix, "plain", likes, "default").end,
            Ending::Bad,
            "{likes}"
        );
        assert_ne!(
            cell(&matrix, sends, "plain", "default").end,
            Ending::Bad,
            "{sends}"
        );
        let blame = blamed(&matrix, sends, likes, "default");
        assert_eq!(
            (blame.side, blame.by),
            (Some(Role::Acceptor), By::Legality),
            "{sends}"
        );
    }
}

/// So it is with Negotiate: with the message of NTLM inside, and with the wrapper itself.
#[test]
fn who_refuses_a_legal_form_of_negotiate_is_at_fault() {
    let suite = suite();
    for (sends, likes) in [("no-trailer", "likes-trailer"), ("no-state", "likes-state")] {
        let matrix = paired(&suite, &[sends, likes]);
        for (initiator, acceptor) in [("reference", likes), (sends, "reference")] {
            let cell = cell(&matrix, initiator, acceptor, "negotiate");
            assert_eq!(cell.end, Ending::Good, "{initiator} {acceptor}");
        }
        let blame = blamed(&matrix, sends, likes, "negotiate");
        assert_eq!(
            (blame.side, blame.by),
            (Some(Role::Acceptor), By::Legality),
            "{sends}"
        );
    }
}

/// Who takes no wrapper refuses the reference as it is, but not for what it refuses here.
#[test]
fn the_reference_wears_the_wrapper_of_whom_it_replaces() {
    let suite = suite();
    let matrix = paired(&suite, &["bare-unsigned", "bare"]);
    assert_eq!(cell(&matrix, "reference", "bare", "negotiate").end, Ending::Bad);
    let blame = blamed(&matrix, "bare-unsigned", "bare", "negotiate");
    assert_eq!((blame.side, blame.by), (Some(Role::Initiator), By::Substitution));
}

/// To imitate who grants no signing, the reference would have to break the same rule: that try proves nothing.
#[test]
fn who_can_be_imitated_by_breaking_a_rule_alone_is_at_fault() {
    let suite = suite();
    let matrix = paired(&suite, &["no-sign", "wants-sign"]);
    let blame = blamed(&matrix, "wants-sign", "no-sign", "default");
    assert_eq!((blame.side, blame.by), (Some(Role::Acceptor), By::Substitution));
    assert_eq!(blame.rules, ["wire/ntlm/challenge-echoes-sign"]);
}

/// Exchange, protection and empty messages are told apart: who refuses messages without a byte has understood the rest.
#[test]
fn empty_messages_do_not_colour_an_exchange() {
    let suite = suite();
    let matrix = paired(&suite, &["plain", "no-empty", "deaf", "wrong-checksum"]);
    for (initiator, acceptor) in [
        ("plain", "no-empty"),
        ("no-empty", "plain"),
        ("no-empty", "no-empty"),
    ] {
        let cell = cell(&matrix, initiator, acceptor, "default");
        assert_eq!(
            (cell.end, cell.stage, &cell.blame),
            (Ending::Deviant, Some(Stage::EmptyMessage), &None),
            "{initiator} {acceptor}"
        );
    }
    for (initiator, acceptor, side) in [
        ("plain", "deaf", Role::Acceptor),
        ("wrong-checksum", "plain", Role::Initiator),
        // The signature is wrong, whatever else its peer refuses later.
        ("wrong-checksum", "no-empty", Role::Initiator),
    ] {
        let cell = cell(&matrix, initiator, acceptor, "default");
        assert_eq!((cell.end, cell.stage), (Ending::Bad, Some(Stage::Protection)));
        let blame = cell.blame.as_ref().unwrap();
        assert_eq!(
            (blame.side, blame.by),
            (Some(side), By::Legality),
            "{initiator} {acceptor}"
        );
        assert_eq!(matrix::sign(cell), if side == Role::Acceptor { 'a' } else { 'i' });
    }
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
