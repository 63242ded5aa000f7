#![doc = include_str!("../README.md")]

pub mod check;
pub mod inspect;
pub mod kill;
pub mod protocol;
pub mod rules_command;
pub mod run;
pub mod runner;
pub mod subject;
pub mod suite;
pub mod yaml;
