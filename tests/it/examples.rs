//! Every script under `examples/` runs in the sandbox by the commands that it begins with, and the README shows them with
//! what they print.

use std::path::{Path, PathBuf};
use std::process::Output;

use super::cli::Home;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A home with the examples in it, and the program on its path.
fn home() -> Home {
    let home = Home::new();
    std::fs::create_dir(home.path().join("examples")).expect("a folder");
    for entry in std::fs::read_dir(root().join("examples")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::copy(&path, home.path().join("examples").join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    std::fs::create_dir(home.path().join("bin")).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_iql"), home.path().join("bin/iql")).expect("linked");
    home
}

fn scripts() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut scripts: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "iql")).collect();
    scripts.sort();
    scripts
}

/// The commands that a script begins with.
fn commands(script: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(script).expect("a script");
    let commands: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("-- In the sandbox:"))
        .map(|line| line.trim().into())
        .collect();
    assert!(!commands.is_empty(), "{} does not say how it is run", script.display());
    commands
}

#[test]
fn examples_hold_what_a_check_asks() {
    let home = home();
    for script in scripts() {
        let name = script.file_name().expect("a name").to_string_lossy().into_owned();
        let command = &commands(&script)[0];
        let file = command
            .split_once("-q ")
            .map_or("examples/estate.yaml", |(_, rest)| rest.split_whitespace().next().expect("the name of a file"));
        let flags = ["check", "--quiet", "-q", file, "--var", "tag=env", &format!("examples/{name}")];
        let checked = home.run(&flags);
        assert!(checked.starts_with("exit 0"), "{checked}");
    }
}

/// What somebody types at a terminal, and what is shown then.
struct Shown {
    command: String,
    lines: Vec<String>,
}

/// The README's blocks that show commands with their output.
fn blocks() -> Vec<Vec<Shown>> {
    let text = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let mut blocks: Vec<Vec<Shown>> = Vec::new();
    let mut is_within = false;
    for line in text.lines() {
        match (is_within, line) {
            (false, "```console") => {
                is_within = true;
                blocks.push(Vec::new());
            }
            (true, "```") => is_within = false,
            (true, line) => {
                let block = blocks.last_mut().expect("a block");
                match line.strip_prefix("$ ") {
                    Some(command) => block.push(Shown { command: command.into(), lines: Vec::new() }),
                    None => block.last_mut().expect("a command").lines.push(line.into()),
                }
            }
            (false, _) => {}
        }
    }
    blocks
}

/// Whether lines are those that are shown, where one that begins with `…` stands for several.
fn are_shown(shown: &[String], lines: &[&str]) -> bool {
    match (shown.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((first, rest)), Some(_)) if first.starts_with('…') => {
            (1..=lines.len()).any(|count| are_shown(rest, &lines[count..]))
        }
        (Some((first, rest)), Some((line, lines))) => first == line.trim_end() && are_shown(rest, lines),
        _ => false,
    }
}

#[test]
fn the_readme_shows_what_examples_print() {
    let home = home();
    let blocks = blocks();
    let shown: Vec<&str> = blocks.iter().flatten().map(|shown| shown.command.as_str()).collect();
    for script in scripts() {
        for command in commands(&script) {
            assert!(shown.contains(&command.as_str()), "the README does not show `{command}`");
        }
    }
    for Shown { command, lines } in blocks.into_iter().flatten() {
        // Both in one, as a terminal has them.
        let output = run(&home, &format!("exec 2>&1; {command}"));
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        let printed: Vec<&str> = printed.lines().collect();
        assert!(are_shown(&lines, &printed), "$ {command}\n{}", printed.join("\n"));
    }
}

fn run(home: &Home, command: &str) -> Output {
    let path = format!("{}:/usr/bin:/bin", home.path().join("bin").display());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", command]).current_dir(home.path()).env_clear().env("HOME", home.path()).env("PATH", path);
    shell.stdin(std::process::Stdio::null()).output().expect("a shell")
}
