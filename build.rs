//! How the program is linked. Its tables of functions hold some 280,000 addresses: where the program lies at an address
//! that is known beforehand, as Go's programs do, none of them has to be written anew at each start, which saves a
//! quarter of the start and 5 MB of each process (`benches/run`).

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_gnu_linux =
        var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") && var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu");
    if is_gnu_linux {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
