//! Every vector, all its cuts, every seed and every regression through the oracles, without a fuzzing engine.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use arbitrary::{Arbitrary, Unstructured};
use legwork::yaml::Document;
use legwork_fuzz::{
    oracle::{
        Oracle, TARGETS, der,
        mutated_exchange::Mutation,
        negotiate, round_trip, texts,
        world::{Choices, Logon},
    },
    seeds,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Runs an oracle and says what was given to it if it panics.
fn run(oracle: Oracle, name: &str, bytes: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| oracle(bytes)));
    assert!(outcome.is_ok(), "{name}: {}", hex::encode(bytes));
}

/// Names of the files in a folder that end in a suffix, without it.
fn names(folder: &Path, suffix: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn targets_files_and_manifest_agree() {
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&folder("targets"), ".rs"), known);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let listed: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|entry| entry.split('"').nth(1))
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn targets_hold_no_logic() {
    for (name, _) in TARGETS {
        let text = fs::read_to_string(folder("targets").join(name).with_extension("rs")).unwrap();
        assert_eq!(text.lines().count(), 3, "{name}");
    }
}

#[test]
fn every_seed_passes_its_oracle() {
    for (target, oracle) in TARGETS {
        let seeds = seeds::of(target);
        assert!(!seeds.is_empty(), "{target} has no seed");
        for seed in seeds {
            run(*oracle, &format!("{target} {}", seed.name), &seed.bytes);
        }
    }
}

#[test]
fn every_cut_of_every_vector_passes_every_reader() {
    const READERS: [(&str, Oracle); 6] = [
        ("negotiate", round_trip::negotiate),
        ("challenge", round_trip::challenge),
        ("authenticate", round_trip::authenticate),
        ("nt_response", round_trip::nt_response),
        ("av_pair", round_trip::av_pairs),
        ("signature", round_trip::signature),
    ];
    for (kind, seed) in seeds::vector_tokens() {
        for (reader, oracle) in READERS {
            // What another reader makes of a token is asked once; its own reader gets every cut.
            let first = if reader == kind { 0 } else { seed.bytes.len() };
            for length in first..=seed.bytes.len() {
                run(
                    oracle,
                    &format!("{reader} {} cut at {length}", seed.name),
                    &seed.bytes[..length],
                );
            }
        }
    }
}

#[test]
fn every_vector_passes_as_a_hostile_peer() {
    for (_, seed) in seeds::vector_tokens() {
        run(
            legwork_fuzz::oracle::hostile_peer::in_every_world,
            &seed.name,
            &seed.bytes,
        );
    }
}

#[test]
fn every_regression_passes() {
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    for target in names(&folder("regressions"), "") {
        if target == "README.md" {
            continue;
        }
        let oracle = TARGETS.iter().find(|(name, _)| *name == target);
        let (_, oracle) = oracle.unwrap_or_else(|| panic!("regressions/{target} is of none of {known:?}"));
        for name in names(&folder("regressions").join(&target), ".bin") {
            let file = folder("regressions")
                .join(&target)
                .join(&name)
                .with_extension("bin");
            run(*oracle, &format!("{target} {name}"), &fs::read(file).unwrap());
        }
    }
}

#[test]
fn seeds_of_exchanges_are_read_as_they_were_meant() {
    let mutation = Mutation {
        choices: Choices {
            initiator: 1,
            acceptor: 2,
            withheld: 3,
            denied: 4,
            policy: 5,
            initiator_bindings: Some(6),
            acceptor_bindings: None,
            initiator_leniency: 7,
            acceptor_leniency: 8,
            logon: Logon::Stranger,
            account: 9,
        },
        leg: 10,
        at: 11,
        removed: 12,
        inserted: vec![13, 14],
    };
    let recipe = seeds::recipe(&mutation);
    let read = Mutation::arbitrary(&mut Unstructured::new(&recipe)).unwrap();
    assert_eq!(format!("{read:?}"), format!("{mutation:?}"));
}

#[test]
fn every_file_of_the_suite_is_a_seed_that_its_reader_takes() {
    let seeds = seeds::of("texts_suite");
    assert!(seeds.len() > 30, "only {} files", seeds.len());
    for seed in seeds {
        let (kind, text) = seed.bytes.split_first().unwrap();
        let (_, read) = texts::READERS[usize::from(*kind)];
        let outcome = read(&Document::new(&seed.name, std::str::from_utf8(text).unwrap()));
        assert_eq!(outcome.map_err(|error| error.to_string()), Ok(()));
    }
}

#[test]
fn seeds_of_negotiate_are_read_as_they_were_meant() {
    for mutation in seeds::mutations() {
        let recipe = seeds::recipe_of_negotiate(&mutation);
        let read = negotiate::edits::Mutation::arbitrary(&mut Unstructured::new(&recipe)).unwrap();
        assert_eq!(format!("{read:?}"), format!("{mutation:?}"));
    }
    assert_eq!(der::length_of(&der::recipe(0x1_0000, 3)), Some(0x1_0000));
}

#[test]
fn every_cut_of_every_token_of_negotiate_passes_every_reader() {
    const READERS: [(&str, Oracle); 3] = [
        ("token", negotiate::token),
        ("negoex", negotiate::negoex),
        ("der", der),
    ];
    for target in ["negotiate_token", "negotiate_negoex"] {
        for seed in seeds::of(target) {
            for (reader, oracle) in READERS {
                for length in 0..=seed.bytes.len() {
                    let name = format!("{reader} {} cut at {length}", seed.name);
                    run(oracle, &name, &seed.bytes[..length]);
                }
            }
        }
    }
}
