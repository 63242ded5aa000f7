//! Running: worlds, cases, and the driver that lets two subjects talk and writes down what happens.

pub mod case;
pub mod demand;
pub mod driver;
pub mod fragments;
pub mod inner;
pub mod layer;
pub mod portion;
pub mod spent;
pub mod trace;
pub mod when;
pub mod world;
