//! The whole program: exit code, standard output and standard error, as snapshots. Nothing of the caller's environment
//! reaches it, and nothing that it does leaves the machine.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A home of its own, with nothing in it.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Home {
        Home(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iql"));
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        command.env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
        command
    }

    /// Runs `iql`, and tells what came of it.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.shown(&self.command(arguments).output().expect("iql runs"))
    }

    /// `iql exec --sandbox SQL`
    pub fn sql(&self, sql: &str) -> String {
        self.run(&["exec", "--sandbox", sql])
    }

    pub fn shown(&self, output: &Output) -> String {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace(&self.path().display().to_string(), "[home]");
            regex::Regex::new(r"127\.0\.0\.1:\d+")
                .expect("a pattern")
                .replace_all(&text, "127.0.0.1:[port]")
                .into_owned()
        };
        let code = output.status.code().map_or("a signal".into(), |code| code.to_string());
        format!("exit {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
    }
}

#[test]
fn formats() {
    let home = Home::new();
    let sql = "SELECT integration_name, tags, kms_key_id, additional_encryption_context AS context, create_time, 1.5 AS n, true AS b, '' AS e \
               FROM awscc.redshift.integrations WHERE region = 'eu-west-1' ORDER BY integration_name LIMIT 2";
    for format in ["table", "json", "jsonl", "csv", "text"] {
        insta::assert_snapshot!(format!("format_{format}"), home.run(&["exec", "--sandbox", "-o", format, sql]));
    }
    insta::assert_snapshot!(
        "format_csv_without_header",
        home.run(&["exec", "--sandbox", "-H", "-o", "csv", "SELECT 1 AS a, 'x,y' AS b, NULL AS c"])
    );
    insta::assert_snapshot!(
        "json_without_rows",
        home.run(&["exec", "--sandbox", "-o", "json", "SELECT 1 AS a WHERE false"])
    );
    insta::assert_snapshot!(
        "json_repeated_name",
        home.run(&["exec", "--sandbox", "-o", "json", "SELECT l.r, m.r FROM (SELECT 1 AS r) l, (SELECT 2 AS r) m"])
    );
}

#[test]
fn help() {
    let home = Home::new();
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_exec", &["exec", "--help"]),
        ("help_sandbox", &["sandbox", "--help"]),
        ("help_none", &[]),
    ] {
        insta::assert_snapshot!(name, home.run(arguments));
    }
}

#[test]
fn bad_input() {
    let home = Home::new();
    let table = "awscc.redshift.integrations";
    for (name, sql) in [
        ("no_region", format!("SELECT * FROM {table}")),
        ("no_region_second_line", format!("SELECT i.*\nFROM {table} i\nWHERE status = 'x'")),
        ("unknown_region", format!("SELECT * FROM {table} WHERE region = 'us-east-l'")),
        ("unlisted_region", format!("SELECT * FROM {table} WHERE region = 'us-east-9'")),
        ("empty_region", format!("SELECT * FROM {table} WHERE region = ''")),
        ("unknown_provider", "SELECT * FROM awsc.redshift.integrations".into()),
        ("unknown_service", "SELECT * FROM awscc.redshif.integrations".into()),
        ("unknown_resource", "SELECT * FROM awscc.redshift.integration WHERE region = 'us-east-1'".into()),
        ("short_name", "SELECT * FROM integrations WHERE region = 'us-east-1'".into()),
        ("unknown_field", format!("SELECT integration_nam FROM {table} WHERE region = 'us-east-1'")),
        ("unknown_function", format!("SELECT uper(integration_name) FROM {table} WHERE region = 'us-east-1'")),
        (
            "ambiguous",
            format!("SELECT region FROM {table} a, {table} b WHERE a.region = 'us-east-1' AND b.region = 'us-east-1'"),
        ),
        ("syntax", "SELECT 1 +\nFROM".into()),
        ("syntax_keyword", "SELEC 1".into()),
        ("syntax_quote", "SELECT 'abc".into()),
        ("unbound_param", "SELECT source_type FROM aws.redshift.integrations WHERE region = 'us-east-1'".into()),
        ("number_for_text", format!("SELECT * FROM {table} WHERE region = 1")),
        ("not_there_yet", "ALTER TABLE t ADD COLUMN b INT".into()),
        ("unknown_setting", "SET iql.trys = 3".into()),
        ("bad_setting", "SET iql.tries = 'many'".into()),
        ("unknown_show", "SHOW PROVIDER".into()),
        ("unknown_method", "DESCRIBE METHOD awscc.redshift.integrations.create".into()),
        ("division", "SELECT 1 / 0".into()),
        ("second_of_three", "SELECT 1 AS a; SELECT * FROM nowhere; SELECT 2".into()),
        ("nothing", " -- only a comment".into()),
    ] {
        insta::assert_snapshot!(format!("bad_{name}"), home.sql(&sql));
    }
}

#[test]
fn wrong_usage() {
    let home = Home::new();
    home.write("settings.yaml", "iql.trys: 3\niql.timeout: soon\n");
    home.write("documents/acme/things.yaml", "driver: aws.redshif\nresources:\n  things:\n    fields:\n      id: {type: strin}\n    methods:\n      list: {call: DescribeIntegrations}\n    verbs: {selct: list}\n");
    for (name, arguments) in [
        ("no_file", &["exec", "--sandbox", "-i", "missing.iql"][..]),
        (
            "no_output_folder",
            &[
                "exec",
                "--sandbox",
                "-f",
                "missing/out.csv",
                "SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1'",
            ],
        ),
        ("output_is_a_folder", &["exec", "--sandbox", "-f", "documents", "SELECT 1"]),
        ("unknown_flag", &["exec", "--sandbx", "SELECT 1"]),
        ("sandbox_folder_apart", &["exec", "--sandbox", "state", "SELECT 1"]),
        ("unknown_format", &["exec", "-o", "xml", "SELECT 1"]),
        ("bad_timeout", &["exec", "--timeout", "soon", "SELECT 1"]),
        ("settings_mistakes", &["exec", "--settings", "settings.yaml", "SELECT 1"]),
        ("no_settings", &["exec", "--settings", "missing.yaml", "SELECT 1"]),
        ("document_mistakes", &["exec", "--providers", "documents", "SELECT 1"]),
        ("no_providers", &["exec", "--providers", "missing", "SELECT 1"]),
        ("sandbox_folder_is_a_file", &["exec", "--sandbox=settings.yaml", "SELECT 1"]),
    ] {
        insta::assert_snapshot!(format!("usage_{name}"), home.run(arguments));
    }
}

#[test]
fn show_and_describe() {
    let home = Home::new();
    let sql = "SHOW PROVIDERS; SHOW SERVICES IN awscc; SHOW EXTENDED SERVICES IN aws; SHOW RESOURCES IN awscc.redshift;
        SHOW RESOURCES FROM aws.redshift LIKE '%integrations'; SHOW METHODS IN awscc.redshift.integrations;
        SHOW METHODS IN awscc.redshift.integrations WHERE SQLVerb = 'SELECT'; SHOW METHODS IN aws.redshift.integrations;
        DESCRIBE awscc.redshift.integrations; DESCRIBE METHOD awscc.redshift.integrations.create_resource;
        DESCRIBE METHOD aws.redshift.integrations.describe_integrations";
    insta::assert_snapshot!(home.sql(sql));
    let sql = "EXPLAIN SELECT i.integration_name, c.endpoint_address FROM aws.redshift.integrations i
        JOIN aws.redshift.clusters c ON c.cluster_namespace_arn = i.target_arn
        WHERE i.region IN ('us-east-1', 'eu-west-1') AND i.status = 'failed' AND c.region = 'us-east-1' LIMIT 3";
    insta::assert_snapshot!("explain_table", home.sql(sql));
    insta::assert_snapshot!("describe_extended", home.sql("DESCRIBE EXTENDED aws.redshift.integrations"));
    insta::assert_snapshot!("session_settings", home.sql("SET awscc.region = 'eu-west-1'; SET iql.tries = 3; SHOW SETTINGS; SELECT count(*) AS n FROM awscc.redshift.integrations"));
}

/// A serverless namespace exists as soon as it is named.
const INSERT: &str =
    "INSERT INTO awscc.redshift.integrations (IntegrationName, SourceArn, TargetArn, Tags, region) VALUES
    ('w-orders', 'arn:aws:dynamodb:us-east-1:111122223333:table/w-orders',
     'arn:aws:redshift-serverless:us-east-1:111122223333:namespace/4dfbc7ae-0001-4002-8003-100000000001',
     '[{\"Key\": \"env\", \"Value\": \"test\"}]', 'us-east-1')";
const UPDATE: &str = "UPDATE awscc.redshift.integrations SET integration_name = concat(integration_name, '-2')
    WHERE region = 'eu-central-1' AND integration_name LIKE 'orders%'";

/// Without what is another in each run.
fn without_ids(shown: &str) -> String {
    let ids = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}").expect("a pattern");
    let times = regex::Regex::new("20[0-9-]{8}T[0-9:.]{8,}Z").expect("a pattern");
    times.replace_all(&ids.replace_all(shown, "[id]"), "[time]").into_owned()
}

#[test]
fn writes() {
    let home = Home::new();
    let run = |arguments: &[&str]| without_ids(&home.run(&[&["exec", "--sandbox"], arguments].concat()));
    let insert = format!("{INSERT} RETURNING IntegrationName, tags, region");
    insta::assert_snapshot!("write_insert", run(&["-o", "json", &insert]));
    insta::assert_snapshot!("write_insert_again", run(&["-o", "json", &insert]));
    insta::assert_snapshot!("write_not_agreed_to", run(&[UPDATE]));
    insta::assert_snapshot!("write_read_only", run(&["--read-only", "--yes", UPDATE]));
    insta::assert_snapshot!(
        "write_stays_read_only",
        run(&["--read-only", &format!("SET iql.read_only = off; {UPDATE}")])
    );
    let script = format!(
        "SET awscc.region = 'us-east-1';\n-- the new names\n{UPDATE}; {INSERT} ON CONFLICT DO NOTHING; SELECT 1 AS a; EXPLAIN ANALYZE SELECT 2 AS b"
    );
    insta::assert_snapshot!("write_dry_run", run(&["--dry-run", &script]));
    insta::assert_snapshot!("write_agreed_to", run(&["--yes", "--audit", "writes.jsonl", UPDATE]));
    let audit = std::fs::read_to_string(home.path().join("writes.jsonl")).expect("a file");
    insta::assert_snapshot!("write_audit", without_ids(&audit));
    assert_eq!(run(&["--yes", "--quiet", &UPDATE.replace("orders%", "carts%")]), "exit 0\n--- stdout\n--- stderr\n");
    let delete =
        "DELETE FROM awscc.redshift.integrations WHERE region = 'eu-central-1' AND integration_name LIKE 'events-%'";
    insta::assert_snapshot!("write_then_failure", run(&[&format!("{delete}; SELECT nowhere; SELECT 2")]));
    insta::assert_snapshot!(
        "write_not_settled",
        run(&["--await", "--await-time", "3s", &delete.replace("events-", "billing-to")])
    );
}

#[test]
fn a_write_whose_rows_cannot_be_written_says_that_it_was_done() {
    let home = Home::new();
    let insert = format!("{INSERT} RETURNING IntegrationName");
    insta::assert_snapshot!(without_ids(&home.run(&["exec", "--sandbox", "-o", "csv", "-f", "/dev/full", &insert])));
}

#[test]
fn scripts_come_from_text_file_and_pipe() {
    let home = Home::new();
    home.write("two.iql", "-- first\nSELECT 1 AS a; -- done\nSELECT ';' AS b;\n");
    insta::assert_snapshot!("script_file", home.run(&["exec", "--sandbox", "-i", "two.iql"]));
    let mut command = home.command(&["exec", "--sandbox", "-o", "csv"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("iql runs");
    child.stdin.take().expect("a pipe").write_all(b"SELECT 'piped' AS a").expect("written");
    insta::assert_snapshot!("script_pipe", home.shown(&child.wait_with_output().expect("iql ends")));
    home.write("marked.iql", "\u{feff}SELECT 1 AS a;\n");
    assert_eq!(
        home.run(&["exec", "--sandbox", "-o", "csv", "-i", "marked.iql"]),
        "exit 0\n--- stdout\na\n1\n--- stderr\n"
    );
    std::fs::write(home.path().join("latin.iql"), b"SELECT '\xe9'").expect("written");
    insta::assert_snapshot!("script_not_utf8", home.run(&["exec", "--sandbox", "-i", "latin.iql"]));
    home.write("bad.iql", "SELECT 1;\nSELECT 2 FORM x;\n");
    insta::assert_snapshot!("script_bad", home.run(&["exec", "--sandbox", "-i", "bad.iql"]));
}

#[test]
fn the_inventory_example_is_readable() {
    let home = Home::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/inventory.iql");
    insta::assert_snapshot!(home.run(&["exec", "--sandbox", "-i", &example.display().to_string()]));
}

#[test]
fn an_output_file_appears_when_all_is_done() {
    let home = Home::new();
    assert!(
        home.run(&["exec", "--sandbox", "-o", "csv", "-f", "out.csv", "SELECT 1 AS a; SELECT 2 AS b"])
            .starts_with("exit 0")
    );
    assert_eq!(std::fs::read_to_string(home.path().join("out.csv")).expect("a file"), "a\n1\nb\n2\n");
    let failed = home.run(&["exec", "--sandbox", "-o", "csv", "-f", "out.csv", "SELECT 3 AS a; SELECT nowhere"]);
    assert!(failed.starts_with("exit 1"), "{failed}");
    assert_eq!(std::fs::read_to_string(home.path().join("out.csv")).expect("a file"), "a\n1\nb\n2\n");
    assert_eq!(
        std::fs::read_dir(home.path())
            .expect("a folder")
            .filter(|e| e.as_ref().is_ok_and(|e| e.file_name() != ".local"))
            .count(),
        1
    );
}

#[test]
fn an_output_file_keeps_its_link_and_its_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::new();
    let path = |name: &str| home.path().join(name);
    let write = |name: &str| home.run(&["exec", "--sandbox", "-o", "csv", "-f", name, "SELECT 1 AS a"]);
    home.write("far/kept.csv", "before");
    std::fs::set_permissions(path("far/kept.csv"), PermissionsExt::from_mode(0o662)).expect("a mode");
    symlink("far/kept.csv", path("link.csv")).expect("a link");
    symlink("link.csv", path("link_to_link.csv")).expect("a link");
    symlink("far/new.csv", path("link_to_nothing.csv")).expect("a link");
    symlink("round.csv", path("round.csv")).expect("a link");
    for (name, target) in
        [("link.csv", "far/kept.csv"), ("link_to_link.csv", "far/kept.csv"), ("link_to_nothing.csv", "far/new.csv")]
    {
        let shown = write(name);
        assert!(shown.starts_with("exit 0"), "{shown}");
        assert!(path(name).is_symlink(), "{name}");
        assert_eq!(std::fs::read_to_string(path(target)).expect("a file"), "a\n1\n");
    }
    assert_eq!(std::fs::metadata(path("far/kept.csv")).expect("a file").permissions().mode() & 0o777, 0o662);
    let shown = write("round.csv");
    assert!(shown.starts_with("exit 1") && path("round.csv").is_symlink(), "{shown}");
}

#[test]
fn an_output_that_is_no_file_is_written_and_stays() {
    use std::os::unix::fs::FileTypeExt;
    let home = Home::new();
    let shown = home.run(&["exec", "--sandbox", "-o", "csv", "-f", "/dev/stdout", "SELECT 1 AS a"]);
    assert!(shown.starts_with("exit 0\n--- stdout\na\n1\n---"), "{shown}");
    let pipe = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let mut writer =
        home.command(&["exec", "--sandbox", "-o", "csv", "-f", "pipe", "SELECT 1 AS a"]).spawn().expect("iql runs");
    assert_eq!(std::fs::read_to_string(&pipe).expect("rows"), "a\n1\n");
    assert!(writer.wait().expect("iql ends").success());
    assert!(std::fs::metadata(&pipe).expect("a pipe").file_type().is_fifo());
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let home = Home::new();
    let mut command = home.command(&["exec", "--sandbox", "-o", "jsonl", "SELECT a.integration_arn, b.tags FROM awscc.redshift.integrations a, awscc.redshift.integrations b WHERE a.region = 'us-east-1' AND b.region = 'us-east-1'"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("iql runs");
    let mut first = [0; 10];
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut first).expect("a first row");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("iql ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_sandbox_ends_quietly_when_told_to() {
    for signal in ["-INT", "-TERM"] {
        let home = Home::new();
        let mut command = home.command(&["sandbox", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("iql runs");
        let mut stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
        let mut told = String::new();
        while !told.contains("Ctrl-C ends it") {
            assert!(std::io::BufRead::read_line(&mut stderr, &mut told).expect("a line") > 0, "{told}");
        }
        assert!(told.contains(" AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n"), "{told}");
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs").success());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut rest).expect("text");
        assert_eq!((child.wait().expect("iql ends").code(), rest.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_taken_port_gets_a_hint() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    insta::assert_snapshot!(home.run(&["sandbox", "--port", &port]));
}

#[test]
fn missing_credentials_are_said_at_once() {
    let home = Home::new();
    let sql = "SELECT * FROM awscc.redshift.integrations WHERE region = 'us-east-1'";
    let mut command = home.command(&["exec", sql]);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    insta::assert_snapshot!(home.shown(&command.output().expect("iql runs")));
}

#[test]
fn a_long_statement_fits_the_stack() {
    let home = Home::new();
    let sum = format!("SELECT {} AS n", vec!["1"; 1200].join("+"));
    let union = format!("SELECT 1 AS n{}", " UNION ALL SELECT 1".repeat(500));
    // At once, since each takes its time without optimisation.
    let running = [(sum, 1), (union, 501)].map(|(sql, rows)| {
        let mut command = home.command(&["exec", "-o", "jsonl", &sql]);
        (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("iql runs"), rows)
    });
    for (child, rows) in running {
        let shown = home.shown(&child.wait_with_output().expect("iql ends"));
        assert!(shown.starts_with("exit 0"), "{}", &shown[..40]);
        assert_eq!(shown.matches("{\"n\":1").count(), rows);
    }
}

#[test]
fn a_run_on_the_sandbox_reaches_no_real_service() {
    let home = Home::new();
    // The one secret that Immuta answers with in clear.
    let trino = "SELECT config FROM immuta.integrations.integrations WHERE type = 'Trino'";
    let shown = home.shown(&home.command(&["exec", "--sandbox", "-o", "text", trino]).output().expect("it runs"));
    assert!(shown.contains(r#""apiKey":"…""#), "{shown}");
    let mut command = home.command(&["exec", "--sandbox", "SELECT id FROM immuta.integrations.integrations"]);
    let output =
        command.env("IMMUTA_HOST", "http://127.0.0.1:1").env("IMMUTA_API_KEY", "canary").output().expect("it runs");
    let shown = home.shown(&output);
    assert!(shown.starts_with("exit 0") && !shown.contains("canary"), "{shown}");
    let elsewhere = "SELECT id FROM immuta.integrations.integrations WHERE immuta_host = 'https://acme.example'";
    let shown = home.shown(&home.command(&["exec", "--sandbox", elsewhere]).output().expect("it runs"));
    assert!(shown.contains("`acme.example` is another machine, and the sandbox asks none"), "{shown}");
}
