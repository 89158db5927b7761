//! Scripts as pieces: files within files, anchors, blocks of variables.

use std::path::{Path, PathBuf};

use super::{File, Reader, Script, Variables, Whole};
use crate::error::{Error, Kind, Result};

fn files(path: &Path) -> Result<File> {
    let text = match path.to_str().unwrap_or_default().replace("/./", "/").as_str() {
        "dir/a.iql" => "SELECT 'a';\n\\i b.iql\nSELECT 'c'",
        "dir/b.iql" => "SELECT 'b' -- ;\n",
        "dir/round.iql" => "SELECT 1;\n.read './round.iql';",
        "dir/holes.iql" => "\\i none.iql\n\\i open.iql\n\\i gone.iql\nSELEC 1;",
        "dir/open.iql" => "SELECT 2;",
        "resource.iql" => {
            "-- note\n/*+ exists */\nSELECT 1\n\n/*+ create, retries=3 */\nINSERT INTO a.b.c (x) SELECT '{{ missing }}'\n/*+ delete */\nDELETE FROM a.b.c WHERE x = 1;"
        }
        "within.iql" => "/*+ create */\nSELECT 1;\n\\i within/two.iql\nSELECT 4;\n/*+ delete */ SELECT 5;",
        "within/two.iql" => "SELECT 2; /*+ delete */ SELECT 3;",
        "both.iql" => "\\i within/create.iql\n\\i within/delete.iql\n",
        "within/create.iql" => "/*+ create */ SELECT 1;",
        "within/delete.iql" => "/*+ delete retries=5 */ SELECT 2;",
        "block.iql" => {
            "<<<json\n{ \"service\": { \"d\": \">>> it's\", \"v\": \"v1\" } }\n>>>\nSELECT '{{ .service.d }}', '{{ .service.v }}';"
        }
        "jsonnet.iql" => "<<<jsonnet\nlocal x = 1;\n{}\n>>>\nSELECT 1",
        "wrong.iql" => "SELECT 1;\nSELEC 2;\nSELECT 3 4 5;\nSELECT '{{ x }}",
        _ => return Err(Error::new(Kind::Usage, format!("there is no `{}`", path.display()))),
    };
    let identity = path.components().filter(|part| part.as_os_str() != ".").collect();
    Ok(File { path: path.to_path_buf(), identity, text: text.into() })
}

fn read(path: &str, anchor: Option<&str>) -> Result<Script> {
    let file = files(Path::new(path))?;
    let variables = Variables::default();
    Reader { variables: &variables, anchor, whole: Whole::Refused, load: &files }.read(&file.text, Some(&file))
}

fn texts(script: &Script) -> Vec<String> {
    script.statements().expect("statements").into_iter().map(|statement| statement.text).collect()
}

#[test]
fn files_within_files() {
    let script = read("dir/a.iql", None).expect("a script");
    assert_eq!(texts(&script), ["SELECT 'a'", "SELECT 'b'", "SELECT 'c'"]);
    let files: Vec<Option<PathBuf>> =
        script.statements().expect("statements").iter().map(|s| s.source.file().map(Path::to_path_buf)).collect();
    assert_eq!(files, [Some("dir/a.iql".into()), Some("dir/b.iql".into()), Some("dir/a.iql".into())]);
    let round = read("dir/round.iql", None).expect("a script").statements().expect_err("a circle");
    let round = round[0].to_string();
    assert!(round.contains("`./round.iql` is within itself\n  dir/round.iql:2:1"), "{round}");
}

#[test]
fn every_file_that_cannot_be_read_is_told_of_with_all_else() {
    let script = read("dir/holes.iql", None).expect("a script");
    assert!(!script.is_whole() && script.check_anchor(Some("create")).is_ok());
    let mistakes = script.statements().expect_err("mistakes");
    let lines: Vec<String> = mistakes.iter().map(|mistake| mistake.to_string().replace('\n', "|")).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, expected) in lines.iter().zip(["holes.iql:1:1", "holes.iql:3:1", "holes.iql:4:1"]) {
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn a_resource_file_is_not_run_whole() {
    insta::assert_snapshot!(read("resource.iql", None).expect_err("refused"));
    let script = read("resource.iql", Some("exists")).expect("a script");
    assert_eq!(texts(&script), ["SELECT 1"]);
    let script = read("resource.iql", Some("delete")).expect("a script");
    assert_eq!(texts(&script), ["DELETE FROM a.b.c WHERE x = 1"]);
    let script = read("resource.iql", Some("updat")).expect("a script");
    insta::assert_snapshot!(script.check_anchor(Some("updat")).expect_err("nothing there"));
}

#[test]
fn a_file_within_stands_under_the_anchor_that_it_is_asked_for_under() {
    let under = |file: &str, anchor: &str| texts(&read(file, Some(anchor)).expect("a script"));
    assert_eq!(under("within.iql", "create"), ["SELECT 1", "SELECT 2", "SELECT 4"]);
    assert_eq!(under("within.iql", "delete"), ["SELECT 5"]);
    assert_eq!(under("both.iql", "delete"), ["SELECT 2"]);
}

#[test]
fn files_that_make_and_unmake_together_are_not_run_whole() {
    let refused = |script: &Script| script.check_anchor(None).expect_err("refused").to_string();
    let both = refused(&read("both.iql", None).expect("a script"));
    assert!(both.contains("it has `create`, `delete`") && both.contains("within/delete.iql:1:1"), "{both}");
    let two = read("within/create.iql", None).expect("a script");
    assert!(two.check_anchor(None).is_ok());
    assert!(refused(&two.and(read("within/delete.iql", None).expect("a script"))).contains("within/delete.iql:1:1"));
}

fn given(text: &str, anchor: Option<&str>, values: &[(&str, &str)]) -> Result<Script> {
    let mut variables = Variables::default();
    values.iter().for_each(|(name, value)| variables.set(*name, *value));
    Reader { variables: &variables, anchor, whole: Whole::Refused, load: &files }.read(text, None)
}

fn mistakes(script: &Script) -> String {
    script.statements().expect_err("mistakes").iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_that_is_not_asked_for_is_not_run() {
    let sections = "/*+ create */ SELECT 'C';\n/*+ delete */ SELECT 'D';";
    for before in
        ["/* old:\n\\i within/delete.iql\n*/", "-- \\i within/delete.iql", "/* /* */\n\\i within/delete.iql\n*/"]
    {
        let script = given(&format!("{before}\n{sections}"), Some("delete"), &[]).expect("a script");
        assert_eq!(texts(&script), ["SELECT 'D'"], "{before}");
    }
    let include = "\n\\i within/delete.iql\n";
    for (before, expected) in [
        (format!("{{% if env == 'prod' %}}{include}{{% endif %}}"), &["SELECT 'D'"][..]),
        (format!("{{% if env == 'dev' %}}{include}{{% endif %}}"), &["SELECT 2", "SELECT 'D'"]),
        (format!("{{#{include}#}}"), &["SELECT 'D'"]),
    ] {
        let script = given(&format!("{before}\n{sections}"), Some("delete"), &[("env", "dev")]).expect("a script");
        assert_eq!(texts(&script), expected, "{before}");
        // Without variables it is no template, and is not taken for SQL either.
        assert!(given(&format!("{before}\n{sections}"), Some("delete"), &[]).expect("a script").statements().is_err());
    }
    let text = given(&format!("SELECT '{include}';\n{sections}"), Some("delete"), &[]).expect("a script");
    assert!(mistakes(&text).contains("1 statement stands before the first anchor"), "{}", mistakes(&text));
    let split = format!("{{% if env == 'prod' %}}\n{sections}\n{{% else %}}\n{sections}\n{{% endif %}}");
    for anchor in ["create", "delete"] {
        let script = given(&split, Some(anchor), &[("env", "dev")]).expect("a script");
        assert_eq!(texts(&script).len(), 1, "{anchor}: {:?}", texts(&script));
    }
}

#[test]
fn what_holds_for_every_anchor() {
    let text = "USE awscc.redshift;\nSET awscc.region = 'eu-west-1';\n{% set s = 'x' %}\n/*+ exists */\nSELECT '{{ gone }}';\n\
                /*+ delete */\nSELECT '{{ s }}';";
    let script = given(text, Some("delete"), &[("a", "1")]).expect("a script");
    assert_eq!(texts(&script), ["USE awscc.redshift", "SET awscc.region = 'eu-west-1'", "SELECT 'x'"]);
    let text = "SET a.b = 'c'; DELETE FROM a.b.c WHERE x = 1; SELECT 1\n/*+ delete */ SELECT 2;";
    let told = mistakes(&given(text, Some("delete"), &[]).expect("a script"));
    assert!(told.contains("2 statements stand before the first anchor"), "{told}");
}

#[test]
fn a_hint_that_is_no_anchor_leaves_nothing_to_the_one_before() {
    let text = "/*+ exists */ SELECT 1;\n/*+ delte */\nDELETE FROM a.b.c WHERE x = 1;";
    for anchor in [Some("exists"), None] {
        let told = mistakes(&given(text, anchor, &[]).expect("a script"));
        assert!(told.contains("`delte` is no anchor"), "{told}");
    }
    let text = "/*+ exists */ SELECT 1;\n/*+ AWAIT, delete */\nDELETE FROM a.b.c WHERE x = 1;";
    assert_eq!(texts(&given(text, Some("exists"), &[]).expect("a script")), ["SELECT 1"]);
    assert!(given(text, None, &[]).is_err());
    let text = "/*+ create */ SELECT 1;\n/*+ {{ op }} */ SELECT 2;";
    for (anchor, values) in
        [(Some("create"), &[("op", "delete")][..]), (None, &[("op", "delete")]), (Some("create"), &[])]
    {
        let told = mistakes(&given(text, anchor, values).expect("a script"));
        assert!(told.contains("`/*+ {{ op }} */` could be any anchor"), "{told}");
    }
    let text = "/*+ create, retries={{ n }} */ SELECT 1;\n/*+ delete */ SELECT 2;";
    assert_eq!(texts(&given(text, Some("create"), &[("n", "5, delete")]).expect("a script")), ["SELECT 1"]);
    assert_eq!(texts(&given(text, Some("delete"), &[("n", "5, delete")]).expect("a script")), ["SELECT 2"]);
}

#[test]
fn a_block_of_variables() {
    let script = read("block.iql", None).expect("a script");
    assert_eq!(texts(&script), ["SELECT '>>> it''s', 'v1'"]);
    let error = read("jsonnet.iql", None).expect_err("Jsonnet").to_string();
    assert!(error.contains("jsonnet.iql:2") && error.contains("Jsonnet is not evaluated"), "{error}");
}

#[test]
fn every_mistake_of_a_script() {
    let script = read("wrong.iql", None).expect("a script");
    // The last cannot be cut into words: those before it are read all the same.
    let mistakes = script.statements().expect_err("mistakes");
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    let file =
        File { text: "SELECT 1;\nSELEC 2;\nSELECT 3 4 5".into(), ..files(Path::new("wrong.iql")).expect("a file") };
    let variables = Variables::default();
    let script = Reader { variables: &variables, anchor: None, whole: Whole::Refused, load: &files }
        .read(&file.text, Some(&file));
    let mistakes = script.expect("a script").statements().expect_err("mistakes");
    let lines: Vec<String> = mistakes.iter().map(|mistake| mistake.to_string().replace('\n', "|")).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("wrong.iql:2:1") && lines[1].contains("wrong.iql:3:"), "{lines:?}");
}
