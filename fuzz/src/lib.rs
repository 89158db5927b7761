//! What has to hold of iql's readers, whatever they are given. `fuzz/run` runs it.

pub mod checks;
