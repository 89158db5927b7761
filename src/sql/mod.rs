//! Text → `Statement`, and the names in a query → the columns they mean.
//! Knows grammar and scopes; knows no provider, no service and no table but through `names::Tables`.

mod comments;
mod dialect;
mod exec;
mod hidden;
pub mod hints;
pub mod names;
mod origin;
mod own;
mod params;
mod parse;
mod short;
mod show;
pub mod split;
mod statement;
mod syntax;
#[cfg(test)]
mod tests;
mod writes;

pub use hidden::{Found, Hidden};
pub use hints::ANCHORS;
pub use origin::{Origin, Run, place};
pub use own::{Block, Content, Copy, CreateFile, CreateTable, CreateView, Dropped, Existing, Own};
pub use params::Params;
pub use parse::{Parsed, parse, parse_each};
pub use short::left_short;
pub use statement::{
    Assignment, Body, Delete, Describe, Exec, Insert, Name, OnConflict, Part, Show, ShowFilter, Source, Statement,
    Update, query,
};
