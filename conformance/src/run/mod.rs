//! Running: worlds, cases, edits of tokens, and the driver that lets two subjects talk and writes down what happens.

pub mod case;
pub mod driver;
pub mod edit;
pub mod fields;
pub mod sabotage;
pub mod trace;
pub mod world;
