//! See `checks/statements.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| iql_fuzz::checks::statements(text));
