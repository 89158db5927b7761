//! What exists and what may be done to it.

pub mod model;
