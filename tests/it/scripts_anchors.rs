//! Files that make and unmake a resource: nothing in them runs that was not asked for, at the command line and in the shell.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use iql::script::{self, File};

use super::cli::Home;

const DELETE: &str =
    "DELETE FROM awscc.redshift.integrations WHERE region = 'us-west-2' AND integration_name = 'billing-to-dwh-001';\n";

#[test]
fn what_stands_before_the_first_anchor() {
    let home = Home::new();
    home.write("gone.iql", &format!("/*+ delete */\n{DELETE}"));
    let sections = "/*+ create */\nSELECT 'C' AS x;\n/*+ delete */\nSELECT 'D' AS x;\n";
    home.write("note.iql", &format!("/* old:\n\\i gone.iql\n*/\n{sections}"));
    home.write("if.iql", &format!("{{% if env == 'prod' %}}\n\\i gone.iql\n{{% endif %}}\n{sections}"));
    home.write("write.iql", &format!("SET awscc.region = 'us-west-2';\n{DELETE}{sections}"));
    home.write("region.iql", &format!("SET awscc.region = 'eu-west-1';\n/*+ exists */\nSELECT DISTINCT region FROM awscc.redshift.integrations;\n/*+ delete */\n{DELETE}"));
    let run = |file: &str, flags: &[&str]| {
        home.run(&[&["exec", "--sandbox", "-o", "csv", "--anchor", "delete", "-i", file], flags].concat())
    };
    assert_eq!(run("note.iql", &[]), "exit 0\n--- stdout\nx\nD\n--- stderr\n");
    assert_eq!(run("if.iql", &["--var", "env=dev"]), "exit 0\n--- stdout\nx\nD\n--- stderr\n");
    let asked_for = run("if.iql", &["--var", "env=prod", "--dry-run"]);
    assert!(asked_for.contains("DeleteIntegration"), "{asked_for}");
    insta::assert_snapshot!("anchors_unrendered", run("if.iql", &[]));
    insta::assert_snapshot!("anchors_write_before", run("write.iql", &[]));
    insta::assert_snapshot!("anchors_write_before_check", home.run(&["check", "--anchor", "delete", "write.iql"]));
    let exists = home
        .command(&["exec", "--sandbox", "-o", "csv", "--anchor", "exists", "-i", "region.iql"])
        .env("IQL_REGION", "us-east-1")
        .output();
    assert_eq!(home.shown(&exists.expect("iql runs")), "exit 0\n--- stdout\nregion\neu-west-1\n--- stderr\n");
}

#[test]
fn hints_that_are_no_anchors() {
    let home = Home::new();
    let run = |hint: &str, flags: &[&str]| {
        home.write("a.iql", &format!("/*+ exists */\nSELECT 'E' AS x;\n/*+ {hint} */\n{DELETE}"));
        home.run(&[&["exec", "--sandbox", "-o", "csv", "-i", "a.iql"], flags].concat())
    };
    let exists = ["--anchor", "exists"];
    for hint in ["AWAIT, delete", "delete\u{a0}retries=5"] {
        assert_eq!(run(hint, &exists), "exit 0\n--- stdout\nx\nE\n--- stderr\n", "{hint}");
        assert!(run(hint, &[]).contains("it is not run as a whole"), "{hint}");
    }
    for hint in ["delte", "post-delete", "delete;", "{{ op }}", "create, delete"] {
        for flags in [&exists[..], &[]] {
            let shown = run(hint, flags);
            assert!(shown.starts_with("exit 2\n--- stdout\n--- stderr\nerror: "), "{hint}: {shown}");
        }
    }
    insta::assert_snapshot!("anchors_misspelt", run("delte", &exists));
    insta::assert_snapshot!("anchors_unknown", run("destroy", &[]));
    insta::assert_snapshot!("anchors_rendered", run("{{ op }}", &["--anchor", "exists", "--var", "op=delete"]));
    home.write("b.iql", &format!("/*+ make */ SELECT 1;\n/*+ unmake */ {DELETE}"));
    home.write("c.iql", "SELECT /*+ INDEX(t) */ 1 AS a;");
    insta::assert_snapshot!("anchors_none_known", home.run(&["exec", "--sandbox", "-i", "b.iql"]));
    insta::assert_snapshot!("anchors_check", home.run(&["check", "b.iql", "c.iql"]));
}

#[test]
fn files_that_make_and_unmake_together_are_refused_before_the_first() {
    let home = Home::new();
    home.write("create.iql", "/*+ create */\nSELECT 'C' AS x;\n");
    home.write("delete.iql", "/*+ delete */\nSELECT 'D' AS x;\n");
    home.write("both.iql", "\\i create.iql\n\\i delete.iql\n");
    home.write("deep.iql", "SELECT 'S' AS x;\n\\i both.iql\n");
    home.write("misspelt.iql", "/*+ creat */\nSELECT 'C' AS x;\n/*+ delte */\nSELECT 'D' AS x;\n");
    let piped = |text: &str| {
        let mut command = home.command(&["--sandbox", "-o", "csv"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("iql runs");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
        home.shown(&child.wait_with_output().expect("iql ends"))
    };
    // What the shell asks before it runs a file.
    let load = |path: &Path| {
        let text = std::fs::read_to_string(path).expect("a file");
        Ok(File { path: path.to_path_buf(), identity: path.to_path_buf(), text })
    };
    let asked = |name: &str| {
        script::refuse_whole(&load(&home.path().join(name))?, &load).map_err(|mut errors| errors.remove(0))
    };
    for (file, expected) in [
        ("both.iql", "it has `create`, `delete`"),
        ("deep.iql", "it has `create`, `delete`"),
        ("misspelt.iql", "did you mean `/*+ create */`?"),
    ] {
        let shown = piped(&format!("\\i {file}\n"));
        assert!(shown.starts_with("exit 2\n--- stdout\n--- stderr\nerror: ") && shown.contains(expected), "{shown}");
        let refused = asked(file).expect_err("refused");
        assert!(
            refused.to_string().contains(expected) || refused.hints.iter().any(|hint| hint.contains(expected)),
            "{refused}"
        );
    }
    assert!(asked("create.iql").is_ok());
    let together =
        script::refuse_together(["create", "create", "delete"], Path::new("delete.iql")).expect_err("refused");
    assert!(together.to_string().contains("`delete.iql` would make and unmake a resource"), "{together}");
    assert!(script::refuse_together(["create", "create"], Path::new("create.iql")).is_ok());
}
