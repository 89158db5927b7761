//! Every script under `examples/` runs in the sandbox by the commands that it begins with.

use std::path::Path;

use super::cli::Home;

#[test]
fn examples_run_as_they_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut scripts: Vec<_> = std::fs::read_dir(root.join("examples"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "iql"))
        .collect();
    scripts.sort();
    let home = Home::new();
    std::fs::create_dir(home.path().join("examples")).expect("a folder");
    for entry in std::fs::read_dir(root.join("examples")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            continue;
        }
        std::fs::copy(&path, home.path().join("examples").join(path.file_name().expect("a name"))).expect("copied");
    }
    for script in scripts {
        let name = script.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&script).expect("a script");
        let commands: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("-- In the sandbox:")?.trim().strip_prefix("iql "))
            .collect();
        assert!(!commands.is_empty(), "{name} does not say how it is run");
        // Long, and shown elsewhere.
        if name == "inventory" {
            continue;
        }
        for command in commands {
            let words: Vec<&str> = command.split_whitespace().collect();
            let shown = home.run(&words);
            let file = words.iter().position(|word| *word == "-f").map(|at| home.path().join(words[at + 1]));
            match file {
                Some(file) => assert!(shown.starts_with("exit 0") && file.exists(), "{shown}"),
                None => insta::assert_snapshot!(format!("example_{name}"), shown),
            }
            let files =
                words.iter().position(|word| *word == "-q").map(|at| ["-q", words[at + 1]]).unwrap_or(["--var", "a=b"]);
            let path = format!("examples/{name}.iql");
            let checked = home.run(&["check", files[0], files[1], "--var", "tag=env", &path]);
            assert!(checked.starts_with("exit 0"), "{checked}");
        }
    }
}
