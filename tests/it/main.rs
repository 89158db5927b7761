//! The whole program through its front doors: SQL on the sandbox, the command line, and the house's own rules.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod allocations;
mod calls;
mod canary;
mod chaos;
mod cli;
mod convergence;
mod documents;
mod examples;
mod fewest;
mod files;
mod flows;
mod governed;
mod immuta;
mod immuta_writes;
mod invented;
mod joins;
mod joins_alike;
mod lab;
mod login;
mod narrowed;
mod partial;
mod refusals;
mod rest;
mod returning_stopped;
mod scopes;
mod scripts;
mod scripts_anchors;
mod scripts_cli;
mod scripts_given;
mod service;
mod slt;
mod swap;
mod tables;
mod tidy;
mod trouble;
mod views;
mod writes;
