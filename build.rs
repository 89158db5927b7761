//! How the program is linked, where the linker knows how: without what no statement needs, a process starts sooner and
//! holds less memory (`benches/run`).

use std::env::{var, var_os};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Of functions that came out alike one is kept: thousands of types share what drops, clones and hashes them.
const FOLDED: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let is_gnu_linux =
        var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") && var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu");
    if !is_gnu_linux {
        return;
    }
    // The program's tables of functions hold some 280,000 addresses: where it lies at an address that is known
    // beforehand, as Go's programs do, none of them has to be written anew at each start.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    if var("PROFILE").as_deref() == Ok("release") && is_known_to_the_linker(FOLDED) {
        println!("cargo::rustc-link-arg-bins={FOLDED}");
    }
}

/// Whether an empty program can be linked so: not every linker can, and which one it is, only rustc knows.
fn is_known_to_the_linker(argument: &str) -> bool {
    let (Some(rustc), Some(folder), Ok(target)) = (var_os("RUSTC"), var_os("OUT_DIR"), var("TARGET")) else {
        return false;
    };
    let folder = PathBuf::from(folder);
    let source = folder.join("empty.rs");
    if std::fs::write(&source, "fn main() {}").is_err() {
        return false;
    }
    let mut linking = Command::new(rustc);
    linking.arg(&source).arg("--target").arg(target).arg("-o").arg(folder.join("empty"));
    linking.arg(format!("-Clink-arg={argument}"));
    if let Some(linker) = var_os("RUSTC_LINKER") {
        let mut option = std::ffi::OsString::from("-Clinker=");
        option.push(linker);
        linking.arg(option);
    }
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    linking.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    linking.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
