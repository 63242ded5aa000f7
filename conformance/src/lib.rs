#![doc = include_str!("../README.md")]

pub mod audit;
pub mod check;
pub mod dead_axes;
pub mod expectations;
pub mod inspect;
pub mod kill;
pub mod protocol;
pub mod render;
pub mod report;
pub mod rules_command;
pub mod run;
pub mod runner;
pub mod serve;
pub mod subject;
pub mod suite;
pub mod yaml;
