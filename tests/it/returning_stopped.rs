//! A write that stops half-way gives the rows of what is done, and then says why: names and ARNs that nobody can ask for
//! again are worth more than a whole result.

use super::cli::Home;

const TABLE: &str = "awscc.redshift.integrations";
const TARGET: &str =
    "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a01";

/// Two rows that can be inserted, and between them one whose source is not there.
fn insert() -> String {
    let row = |name: &str, source: &str| {
        format!("('{name}', 'arn:aws:dynamodb:us-east-1:111122223333:table/{source}', '{TARGET}', 'us-east-1')")
    };
    let rows = [row("s-1", "s-one"), row("s-2", "no-such-table"), row("s-3", "s-three")].join(", ");
    format!(
        "INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, region) VALUES {rows} RETURNING integration_name, region"
    )
}

#[test]
fn the_rows_of_what_is_done_come_out() {
    for format in ["json", "table", "csv"] {
        let home = Home::new();
        let shown = home.run(&["exec", "--sandbox", "-o", format, &insert()]);
        insta::assert_snapshot!(format!("stopped_returning_{format}"), shown);
    }
}

#[test]
fn a_file_has_the_rows_of_what_is_done() {
    let home = Home::new();
    let shown = home.run(&["exec", "--sandbox", "-o", "jsonl", "-f", "made.jsonl", &insert()]);
    assert!(shown.starts_with("exit 1") && shown.contains("`made.jsonl` has the rows of what was done"), "{shown}");
    let made = std::fs::read_to_string(home.path().join("made.jsonl")).expect("a file");
    assert_eq!(made, "{\"integration_name\":\"s-1\",\"region\":\"us-east-1\"}\n");
    // What failed later does not take from it what was made before; what only reads leaves no file.
    let home = Home::new();
    let script = format!("{}; SELECT nothing", insert().replace("no-such-table", "s-two"));
    let shown = home.run(&["exec", "--sandbox", "-o", "csv", "-f", "made.csv", &script]);
    assert!(shown.starts_with("exit 1") && shown.contains("`made.csv` has the rows"), "{shown}");
    let made = std::fs::read_to_string(home.path().join("made.csv")).expect("a file");
    assert_eq!(made, "integration_name,region\ns-1,us-east-1\ns-2,us-east-1\ns-3,us-east-1\n");
    let shown = home.run(&["exec", "--sandbox", "-f", "read.csv", "SELECT 1 AS a; SELECT nothing"]);
    assert!(shown.starts_with("exit 1") && !home.path().join("read.csv").exists(), "{shown}");
}

#[test]
fn a_script_goes_on_behind_it_where_it_is_to() {
    let home = Home::new();
    let script = format!("{}; SELECT 'after' AS a", insert());
    let shown = home.run(&["exec", "--sandbox", "--keep-going", "-o", "json", &script]);
    insta::assert_snapshot!("stopped_returning_keep_going", shown);
}
