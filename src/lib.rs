//! iql: SQL on integration resources.

pub mod catalog;
pub mod drivers;
pub mod engine;
pub mod error;
pub mod sandbox;
pub mod settings;
pub mod sql;
