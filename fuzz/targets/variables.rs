//! See `checks/variables.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| iql_fuzz::checks::variables(text));
