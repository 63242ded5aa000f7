//! The kill matrix as text and as JSON.

use serde_json::{Value, json};

use crate::kill::{Killed, Matrix};

use super::text::push_line;

/// The matrix as text: what is wrong, and the counts. Verbose: also every saboteur with the rules whose checks failed.
#[must_use]
pub fn text(matrix: &Matrix, verbose: bool) -> String {
    let mut text = String::new();
    if verbose {
        for killed in &matrix.saboteurs {
            push_line(&mut text, &row(killed));
        }
        text.push('\n');
    }
    let lists: [(&str, Vec<String>); 4] = [
        (
            "saboteurs that the check of their own rule does not catch",
            survivors(matrix),
        ),
        ("checked rules that no saboteur proves", matrix.open.clone()),
        (
            "rules that the reference itself breaks",
            matrix.broken.iter().cloned().collect(),
        ),
        (
            "rules that fail for more than a tenth of all saboteurs, and so prove little",
            matrix.noisy.iter().cloned().collect(),
        ),
    ];
    for (title, entries) in &lists {
        if !entries.is_empty() {
            push_line(&mut text, title);
        }
        for entry in entries {
            push_line(&mut text, &format!("  {entry}"));
        }
        if !entries.is_empty() {
            text.push('\n');
        }
    }
    push_line(&mut text, &counts(matrix));
    text
}

fn row(killed: &Killed) -> String {
    let caught = if killed.caught() { "caught" } else { "SURVIVES" };
    let others: Vec<&str> = killed
        .failed
        .keys()
        .filter(|rule| **rule != killed.rule)
        .map(String::as_str)
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(" (also {})", others.join(", "))
    };
    format!("{} {caught}: {}{others}", killed.name, killed.rule)
}

fn survivors(matrix: &Matrix) -> Vec<String> {
    let surviving = matrix.saboteurs.iter().filter(|killed| !killed.caught());
    let row = |killed: &Killed| {
        let failed: Vec<&str> = killed.failed.keys().map(String::as_str).collect();
        let failed = if failed.is_empty() {
            "nothing failed".to_owned()
        } else {
            format!("failed: {}", failed.join(", "))
        };
        format!("{} ({}): {failed}", killed.name, killed.rule)
    };
    surviving.map(row).collect()
}

fn counts(matrix: &Matrix) -> String {
    let caught = matrix.saboteurs.iter().filter(|killed| killed.caught()).count();
    format!(
        "{} saboteurs, {caught} caught, {} survive; {} rules open, {} in unfinished files, {} broken, {} noisy",
        matrix.saboteurs.len(),
        matrix.survivors.len(),
        matrix.open.len(),
        matrix.unfinished.len(),
        matrix.broken.len(),
        matrix.noisy.len(),
    )
}

/// The matrix as JSON: every saboteur with its rule and the number of failed checks by rule, and what is wrong.
#[must_use]
pub fn json(matrix: &Matrix) -> Value {
    let row = |killed: &Killed| json!({ "saboteur": killed.name, "rule": killed.rule, "caught": killed.caught(), "failed": killed.failed });
    json!({
        "schema": 1,
        "full": matrix.is_full(),
        "saboteurs": matrix.saboteurs.iter().map(row).collect::<Vec<_>>(),
        "survivors": matrix.survivors,
        "open": matrix.open,
        "unfinished": matrix.unfinished,
        "broken": matrix.broken,
        "noisy": matrix.noisy,
    })
}
