//! Scripts at the command line: variables, files within files, anchors, assertions, `check`, `permissions`, formats.

use std::path::Path;
use std::process::Stdio;

use super::cli::Home;

/// The INSERT and UPDATE that the provider's documentation prints, as a resource's file.
const RESOURCE: &str = "/*+ create */
INSERT INTO awscc.redshift.integrations (
 IntegrationName,
 SourceArn,
 TargetArn,
 Tags,
 AdditionalEncryptionContext,
 KMSKeyId,
 region
)
SELECT
 '{{ integration_name }}',
 '{{ source_arn }}',
 '{{ target_arn }}',
 '{{ tags }}',
 '{{ additional_encryption_context }}',
 '{{ kms_key_id }}',
 '{{ region }}';

/*+ update */
UPDATE awscc.redshift.integrations
SET PatchDocument = string('{{ {
    \"IntegrationName\": new_name,
    \"Tags\": tags
} | generate_patch_document }}')
WHERE region = '{{ region }}'
AND Identifier = '{{ integration_arn }}';

/*+ delete */
DELETE FROM awscc.redshift.integrations
WHERE Identifier = '{{ integration_arn }}'
AND region = '{{ region }}';
";

fn variables(home: &Home, arn: &str) {
    let text = serde_json::json!({
        "integration_name": "o-brien", "new_name": "o-brien-2", "region": "us-east-1", "integration_arn": arn,
        "source_arn": "arn:aws:dynamodb:us-east-1:111122223333:table/orders",
        "target_arn": "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/4dfbc7ae-0001-4002-8003-100000000001",
        "tags": [{"Key": "owner", "Value": "O'Brien"}, {"Key": "né", "Value": "a = b"}],
        "additional_encryption_context": {"purpose": "it's\na {{ test }}"},
        "kms_key_id": "arn:aws:kms:us-east-1:111122223333:key/c0b4bf4c-ed7d-4599-b5dc-d11a505393fe",
    });
    home.write("vars.json", &text.to_string());
}

fn arn(home: &Home, name: &str) -> String {
    let sql = format!(
        "SELECT integration_arn FROM awscc.redshift.integrations WHERE region = 'us-east-1' AND integration_name = '{name}'"
    );
    let shown = home.run(&["exec", "--sandbox", "-o", "text", &sql]);
    shown.lines().find(|line| line.starts_with("arn:")).unwrap_or_else(|| panic!("{shown}")).to_string()
}

#[test]
fn a_resource_is_made_changed_and_unmade() {
    let home = Home::new();
    home.write("integration.iql", RESOURCE);
    variables(&home, "");
    let run = |anchor: &str| {
        let flags = ["exec", "--sandbox", "--await", "-q", "vars.json", "--anchor", anchor, "-i", "integration.iql"];
        home.run(&flags)
    };
    let refused = home.run(&["exec", "--sandbox", "-q", "vars.json", "-i", "integration.iql"]);
    insta::assert_snapshot!("resource_refused", refused);
    let created = run("create");
    assert!(created.starts_with("exit 0"), "{created}");
    variables(&home, &arn(&home, "o-brien"));
    let updated = run("update");
    assert!(updated.starts_with("exit 0"), "{updated}");
    let sql = "SELECT integration_name, tags, additional_encryption_context FROM awscc.redshift.integrations WHERE region = 'us-east-1' AND integration_name = 'o-brien-2'";
    insta::assert_snapshot!("resource_as_it_became", home.run(&["exec", "--sandbox", "-o", "json", sql]));
    let deleted = run("delete");
    assert!(deleted.starts_with("exit 0"), "{deleted}");
    insta::assert_snapshot!("resource_no_anchor", run("creat"));
}

#[test]
fn variables_and_what_goes_over_what() {
    let home = Home::new();
    home.write("a.yaml", "a: 1\nb: 1\nlist: [x, \"it's\"]\n");
    home.write("b.env", "B=2\n");
    home.write("block.iql", "<<<json\n{\"a\": 0, \"d\": {\"e\": false}}\n>>>\nSELECT '{{ a }}', '{{ b }}', {{ .d.e }} AS f, 'x' IN {{ list | sql_list }}");
    let show = |extra: &[&str]| {
        let flags = ["exec", "-o", "json"].iter().chain(extra).copied().collect::<Vec<_>>();
        home.run(&flags)
    };
    insta::assert_snapshot!("variables_over", show(&["-q", "a.yaml", "--var", "b=O'Brien, é", "-i", "block.iql"]));
    let environment = home
        .command(&["exec", "-o", "text", "--env", "SHOWN", "SELECT '{{ env.SHOWN }}'"])
        .env("SHOWN", "it's")
        .output();
    assert!(home.shown(&environment.expect("iql runs")).contains("\nit's\n"));
    let script = "-- a note\nSELECT '{{ name }}';\n";
    let made = home.run(&["exec", "--dryrun", "-H", "-o", "text", "--var", "name=O'Brien", script]);
    assert_eq!(made, "exit 0\n--- stdout\n-- a note\nSELECT 'O''Brien';\n--- stderr\n");
    for (name, flags) in [
        ("variables_missing", &["--var", "name=x", "SELECT 1,\n  '{{ nmae }}'"][..]),
        ("variables_bare", &["--var", "name=x", "SELECT {{ name }}"]),
        ("variables_hidden", &["--env", "HOME", "SELECT '{{ env.PATH }}'"]),
        ("variables_unset", &["--env", "NOT_THERE", "SELECT '{{ env.NOT_THERE }}'"]),
        ("variables_none", &["SELECT '{{ nothing }}' AS a"]),
        ("variables_no_file", &["-q", "missing.yaml", "SELECT 1"]),
        ("variables_no_name", &["--var", "a b", "SELECT 1"]),
        ("variables_place", &["--var", "name=x", "SELECT '{{ name }}',\n  {% if true %}nothing{% endif %}"]),
        ("dry_run_rendered", &["--dry-run", "--var", "n=1", "SELECT {{ n }} AS a; SHOW PROVIDERS LIKE 'x'"]),
    ] {
        insta::assert_snapshot!(name, show(flags));
    }
}

#[test]
fn files_within_files() {
    let home = Home::new();
    home.write("a.iql", "SELECT 'a' AS x;\n\\i dir/b.iql\nSELECT 'c' AS x;\n");
    home.write("dir/b.iql", "-- of b\nSELECT 'b' AS x;\n.read c.iql\n");
    home.write("dir/c.iql", "SELECT wrong;\n");
    home.write("round.iql", "\\i round.iql\n");
    home.write("gone.iql", "SELECT 1;\n\\i missing.iql\n");
    let run = |flags: &[&str]| home.run(&["exec", "-o", "csv"].iter().chain(flags).copied().collect::<Vec<_>>());
    insta::assert_snapshot!("files_error", run(&["-i", "a.iql"]));
    insta::assert_snapshot!("files_round", run(&["-i", "round.iql"]));
    insta::assert_snapshot!("files_gone", run(&["-i", "gone.iql"]));
    insta::assert_snapshot!("files_keep_going", run(&["--keep-going", "-i", "a.iql", "-i", "dir/c.iql"]));
    home.write("dir/c.iql", "SELECT 'd' AS x\n");
    insta::assert_snapshot!("files_several", run(&["-i", "a.iql", "-i", "dir/c.iql"]));
    home.write("dir/c.iql", "SELEC 1; SELECT 'x' AS x; SELECT 3 4 5\n");
    insta::assert_snapshot!("files_mistakes", run(&["-i", "a.iql"]));
}

#[test]
fn assertions() {
    let home = Home::new();
    let script = "-- some\nSELECT 1 AS a; SELECT 2 AS a WHERE false; SHOW PROVIDERS LIKE 'x'";
    for (name, flags) in [
        ("assert_no_rows", &["--fail-on-rows", script][..]),
        ("assert_rows", &["--fail-on-empty", script]),
        ("assert_holds", &["--fail-on-rows", "SELECT 1 AS a WHERE false"]),
        ("assert_one", &["--fail-on-rows", "SELECT 1 AS a"]),
        ("assert_failed", &["--fail-on-rows", "--keep-going", "SELECT 1 AS a; SELECT nothing; SELECT 2 AS b"]),
    ] {
        insta::assert_snapshot!(
            name,
            home.run(&["exec", "-o", "csv"].iter().chain(flags).copied().collect::<Vec<_>>())
        );
    }
}

#[test]
fn check_finds_every_mistake_and_calls_nothing() {
    let home = Home::new();
    let table = "awscc.redshift.integrations";
    home.write("good/a.iql", &format!("SELECT * FROM {table} WHERE region = 'us-east-1';\nUPDATE {table} SET tags = '[]' WHERE region = 'us-east-1';"));
    home.write("good/sub/b.iql", &format!("SET iql.max_calls = 5; SELECT * FROM {table} WHERE region = '{{{{ region }}}}';\nINSERT INTO {table} (SourceArn, TargetArn, region) SELECT source_arn, target_arn, region FROM {table} WHERE region = 'us-east-1'"));
    home.write("bad/a.iql", &format!("SELECT nothing FROM {table} WHERE region = 'us-east-1';\n\nSELECT * FROM {table};\nSELECT integration_name + 1 FROM {table} WHERE region = 'us-east-1';\nSET iql.max_calls = 'many'"));
    home.write("bad/b.iql", &format!("INSERT INTO {table} (SourceArn, CreateTime, region) SELECT 'x', 'y', 'us-east-1';\nUPDATE {table} SET nothing = 1, source_arn = 2 WHERE region = 'us-east-1';\nDELETE FROM awscc.redshift.integration WHERE region = 'us-east-1'"));
    home.write("bad/c.iql", "SELEC 1;\nSELECT 1;\nSELECT '{{ x");
    home.write("bad/d.iql", "SELEC 1;\nSELECT 1;\nINSER 2;");
    insta::assert_snapshot!("check_good", home.run(&["check", "--var", "region=us-east-1", "good"]));
    insta::assert_snapshot!("check_bad", home.run(&["check", "bad", "good/a.iql"]));
    insta::assert_snapshot!("check_none", home.run(&["check", "missing.iql"]));
    std::fs::create_dir(home.path().join("empty")).expect("a folder");
    insta::assert_snapshot!("check_empty", home.run(&["check", "empty"]));
}

#[test]
fn permissions_of_scripts() {
    let home = Home::new();
    home.write("read.iql", "SELECT integration_name FROM aws.redshift.integrations WHERE region = 'us-east-1'; SELECT * FROM immuta.integrations.integrations WHERE immuta_host = 'x.example'");
    home.write("tags.iql", "UPDATE awscc.redshift.integrations SET tags = '[]' WHERE region = 'us-east-1'");
    home.write("integration.iql", RESOURCE);
    variables(&home, "arn:aws:redshift:us-east-1:111122223333:integration:x");
    insta::assert_snapshot!("permissions_read", home.run(&["permissions", "read.iql"]));
    insta::assert_snapshot!("permissions_tags", home.run(&["permissions", "tags.iql"]));
    insta::assert_snapshot!("permissions_resource", home.run(&["permissions", "-q", "vars.json", "integration.iql"]));
}

#[test]
fn more_formats() {
    let home = Home::new();
    let sql = "SELECT 1 AS n, 'a|b' AS \"x_y\", NULL AS z, [1, 2] AS l, named_struct('k', 'v') AS s UNION ALL SELECT 2, 'c', NULL, [3], named_struct('k', 'w')";
    insta::assert_snapshot!("format_markdown", home.run(&["exec", "-o", "markdown", sql]));
    insta::assert_snapshot!(
        "format_semicolon",
        home.run(&["exec", "-o", "csv", "-d", ";", "SELECT 'a;b' AS a, 'c,d' AS b"])
    );
    insta::assert_snapshot!("format_delimiter", home.run(&["exec", "-o", "csv", "-d", "ab", "SELECT 1"]));
    insta::assert_snapshot!(
        "format_several",
        home.run(&["exec", "-o", "parquet", "-f", "x.parquet", "SELECT 1; SET iql.tries = 3; SELECT 2"])
    );
    for (format, magic) in [("arrow", &b"\xff\xff\xff\xff"[..]), ("parquet", b"PAR1")] {
        let output = home.command(&["exec", "-o", format, sql]).stdout(Stdio::piped()).output().expect("iql runs");
        assert!(output.status.success() && output.stdout.starts_with(magic), "{format}");
        let shown = home.run(&["exec", "-o", format, "-f", "rows", sql]);
        assert!(shown.starts_with("exit 0"), "{shown}");
        assert_eq!(rows(format, &home.path().join("rows")), 2);
    }
}

fn rows(format: &str, path: &Path) -> usize {
    let file = std::fs::File::open(path).expect("a file");
    let count = |batches: Vec<arrow::array::RecordBatch>| {
        let names: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["n", "x_y", "z", "l", "s"]);
        batches.iter().map(arrow::array::RecordBatch::num_rows).sum()
    };
    if format == "arrow" {
        let reader = arrow::ipc::reader::StreamReader::try_new(file, None).expect("a stream");
        return count(reader.collect::<Result<_, _>>().expect("batches"));
    }
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("a file");
    count(reader.build().expect("a reader").collect::<Result<_, _>>().expect("batches"))
}

#[test]
fn what_stackql_calls_otherwise() {
    let home = Home::new();
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let registry = format!("{{\"url\": \"file://{}\"}}", documents.display());
    let sql = "SHOW PROVIDERS LIKE 'awscc'";
    let found = home.run(&["exec", "-o", "csv", "--registry", &registry, sql]);
    assert!(found.starts_with("exit 0") && !found.contains("does nothing"), "{found}");
    insta::assert_snapshot!(
        "stackql_nothing",
        home.run(&[
            "exec",
            "-o",
            "csv",
            "--registry",
            "{\"url\": \"https://registry.example\"}",
            "--approot",
            ".stackql",
            "SELECT 1"
        ])
    );
    insta::assert_snapshot!("stackql_auth", home.run(&["exec", "--auth", "{\"aws\": {\"type\": \"aws_signing_v4\", \"keyIDenvvar\": \"NOT_SET\", \"credentialsenvvar\": \"NOT_SET\"}}", "SELECT 1"]));
}

#[test]
fn completions_and_the_man_page() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let shown = home.run(&["completions", shell]);
        assert!(shown.starts_with("exit 0") && shown.contains("keep-going"), "{shell}");
    }
    let page = home.run(&["man", "exec"]);
    assert!(page.starts_with("exit 0") && page.contains(".TH iql-exec") && page.contains("fail\\-on\\-rows"), "{page}");
    assert!(home.run(&["man"]).contains("iql\\-sandbox"));
    assert!(home.run(&["man", "exce"]).contains("did you mean `exec`?"));
}
