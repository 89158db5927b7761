//! See `checks/templates.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| iql_fuzz::checks::templates(text));
