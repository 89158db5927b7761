//! The house's rules, held against `src/`: arrows between rooms, file sizes, heads, printing, the environment, sockets,
//! and one version of the crates that must be DataFusion's own.

use std::path::{Path, PathBuf};

/// A room, and the rooms that it may use besides `error` and `settings`.
const ARROWS: &[(&str, &[&str])] = &[
    ("cli", &["deploy", "serve", "script", "sandbox", "engine", "sql", "catalog"]),
    ("deploy", &["script", "engine", "patch"]),
    ("serve", &["engine", "sql"]),
    ("engine", &["sql", "catalog", "drivers", "patch"]),
    ("drivers", &["catalog"]),
    ("script", &["sql", "patch"]),
    ("sql", &[]),
    ("catalog", &[]),
    ("patch", &[]),
    ("sandbox", &[]),
    ("error", &[]),
    ("settings", &[]),
];
const MOST_LINES: usize = 500;

struct SourceFile {
    path: String,
    room: String,
    text: String,
    /// The text without `#[cfg(test)]` modules at its end, and without comments.
    code: String,
}

fn files() -> Vec<SourceFile> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let path = path.strip_prefix(&root).expect("below src").display().to_string();
        let room = path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_string();
        let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        SourceFile { path, room, text, code }
    };
    paths.into_iter().map(read).collect()
}

/// Files of tests alone.
fn is_test(file: &SourceFile) -> bool {
    let path = &file.path;
    path.ends_with("tests.rs")
        || path.contains("/tests/")
        || file.text.starts_with("//! For the tests")
        || path.ends_with("double.rs")
}

#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn arrows_go_down() {
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| file.path != "lib.rs" && file.path != "main.rs") {
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == file.room) else {
            complaints.push(format!("src/{} is in no room", file.path));
            continue;
        };
        for part in file.text.split("crate::").skip(1) {
            let part = part.split('{').next().unwrap_or_default();
            let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let known = ARROWS.iter().any(|(room, _)| *room == used);
            let fine = used == file.room || used == "error" || used == "settings" || allowed.contains(&used.as_str());
            if !fine && (known || used.is_empty()) {
                complaints.push(format!("src/{} uses `{}`, which room `{}` may not", file.path, used, file.room));
            }
        }
    }
    none(complaints);
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    let mut complaints = Vec::new();
    for file in files() {
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            complaints.push(format!("src/{} has {lines} lines, over {MOST_LINES}", file.path));
        }
        if !file.text.starts_with("//! ") {
            complaints.push(format!("src/{} does not begin with what it is for", file.path));
        }
    }
    none(complaints);
}

#[test]
fn what_only_one_place_may_do() {
    // What is looked for, and the files that may have it.
    let rules: &[(&[&str], &[&str])] = &[
        (&["println!", "eprintln!", "print!(", "eprint!(", "io::stdout()", "io::stderr()"], &["cli/output.rs"]),
        (&["env::var", "env::vars", "env::remove_var", "env::set_var"], &["settings.rs"]),
        (&["env::args"], &["cli/mod.rs"]),
        (&["aws_sdk", "aws_config", "aws_smithy", "TcpStream::connect"], &["drivers/"]),
        (&["unsafe ", "todo!(", "unimplemented!(", "#[allow"], &[]),
    ];
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| !is_test(file)) {
        for (words, places) in rules {
            for word in words.iter().filter(|word| file.code.contains(**word)) {
                if !places.iter().any(|place| file.path.starts_with(place)) {
                    complaints.push(format!("src/{} has `{word}`", file.path));
                }
            }
        }
        // `sql` names DataFusion's parser and nothing else of it.
        for part in file.code.split("datafusion::").skip(1) {
            if file.room != "engine" && !(file.room == "sql" && part.starts_with("sql::")) {
                complaints.push(format!("src/{} names DataFusion", file.path));
            }
        }
    }
    none(complaints);
}

#[test]
fn one_version_of_the_crates_that_are_datafusions() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).expect("Cargo.lock");
    for name in ["arrow", "sqlparser", "datafusion"] {
        assert_eq!(lock.matches(&format!("name = \"{name}\"\n")).count(), 1, "{name}");
    }
}
