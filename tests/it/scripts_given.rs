//! What a script is given and what it wants: templates without values, values without templates, and the checks that need
//! neither settings nor accounts.

use super::cli::Home;

const TABLE: &str = "awscc.redshift.integrations";

#[test]
fn every_mistake_in_one_run() {
    let home = Home::new();
    home.write(
        "a.iql",
        &format!(
            "SELECT * FROM {TABLE} WHERE region = {{{{ region }}}};\nSELEC 1;\nSELECT nothing FROM {TABLE} WHERE region IN \
             {{{{ sets.regions | sql_list }}}};\n-- {{{{ author }}}}\nSELECT nope;"
        ),
    );
    home.write("b.iql", "SELEC 1;\nSELECT nope;\nSELECT '{{ x");
    home.write("c.iql", "SELECT '{{ env.NAME }}' WHER 1");
    insta::assert_snapshot!("check_every_mistake", home.run(&["check", "a.iql", "b.iql", "c.iql"]));
    insta::assert_snapshot!("permissions_every_mistake", home.run(&["permissions", "a.iql", "b.iql"]));
    insta::assert_snapshot!("exec_unrendered", home.run(&["exec", "-i", "a.iql"]));
}

#[test]
fn files_that_cannot_be_read_and_all_else_in_one_run() {
    let home = Home::new();
    home.write("a.iql", "\\i missing.iql\nSELEC 1;\n\\i sub/b.iql\n\\i a.iql\nSELECT nope;");
    home.write("sub/b.iql", "SELECT nope;\n\\i gone.iql\n");
    insta::assert_snapshot!("check_unread", home.run(&["check", "a.iql"]));
    insta::assert_snapshot!("exec_unread", home.run(&["exec", "-i", "a.iql"]));
    let printed = home.run(&["exec", "--dryrun", "-i", "a.iql"]);
    assert!(printed.starts_with("exit 1\n--- stdout\n--- stderr") && printed.contains("gone.iql"), "{printed}");
}

#[test]
fn a_write_is_pointed_at_where_it_is_wrong_and_told_of_whole() {
    let home = Home::new();
    home.write(
        "a.iql",
        &format!(
            "UPDATE {TABLE} SET tags = '[]',\n  nothing = 1 WHERE region = 'Frankfurt';\n\
             UPDATE {TABLE} SET nothing = 1 WHERE region = 'us-east-1';\n\
             UPDATE {TABLE} SET region = 'x', KMSKeyID = 'x' WHERE regoin = 'us-east-1';\n\
             INSERT INTO {TABLE} (IntegrationName,\n  Nothing, region) SELECT nope, 1, 'us-east-1' FROM {TABLE};\n\
             INSERT INTO {TABLE} (SourceArn, TargetArn, Nme, region) SELECT 'a', 'b', 'c', 'us-east-1a'"
        ),
    );
    insta::assert_snapshot!("check_writes", home.run(&["check", "a.iql"]));
}

#[test]
fn commands_of_the_shell_are_known_for_what_they_are() {
    let home = Home::new();
    home.write(
        "a.iql",
        "\\set x 1\nSELECT 1;\nSELECT 2; \\i b.iql\n;\n\\if true\nSELECT 3;\n.mode csv\n;SELECT 4 \\g out.csv\n;\nSELECT 5;",
    );
    insta::assert_snapshot!("exec_commands", home.run(&["exec", "-i", "a.iql"]));
}

#[test]
fn what_a_comment_opens_is_the_comments() {
    let home = Home::new();
    let text = "-- {{ braces, {% and {# signs\nSELECT '{{ a }}' AS a; /* {{ never\nclosed */ # {{\nSELECT '{{ a | upper }}' AS b -- by {{ a }}, {{";
    home.write("a.iql", text);
    let shown = home.run(&["exec", "-o", "text", "--var", "a=x", "-i", "a.iql"]);
    assert_eq!(shown, "exit 0\n--- stdout\nx\nX\n--- stderr\n");
    let printed = home.run(&["exec", "--dryrun", "-o", "text", "-H", "--var", "a=x", "-i", "a.iql"]);
    assert!(printed.contains("-- {{ braces, {% and {# signs\n") && printed.contains("-- by x, {{"), "{printed}");
    home.write("b.iql", "SELECT 1;\n-- {{ a }}\nSELECT '{{ a';");
    let wrong = home.run(&["exec", "--var", "a=x", "-i", "b.iql"]);
    assert!(wrong.contains("b.iql:3:9"), "{wrong}");
}

#[test]
fn checks_need_nothing_that_only_a_call_needs() {
    let home = Home::new();
    home.write(
        "immuta.iql",
        "SELECT * FROM immuta.integrations.integrations;\nSELECT status FROM immuta.integrations.status WHERE id = '1';\n\
         EXEC immuta.integrations.scripts.delete @id = '7';\nDELETE FROM immuta.integrations.integrations WHERE id = '3'",
    );
    let checked = home.run(&["check", "immuta.iql"]);
    assert!(checked.starts_with("exit 0") && checked.contains("4 statements in 1 file"), "{checked}");
    let permissions = home.run(&["permissions", "immuta.iql"]);
    assert!(permissions.starts_with("exit 0") && permissions.contains("APPLICATION_ADMIN"), "{permissions}");
    // What a statement itself lacks is a mistake all the same.
    home.write("aws.iql", &format!("SELECT * FROM {TABLE} WHERE region = $region AND Identifier = $arn"));
    let checked = home.run(&["check", "--param", "region=us-east-1", "aws.iql"]);
    assert!(checked.contains("nothing is given for `$arn`") && !checked.contains("`$region`"), "{checked}");
}

#[test]
fn an_empty_file_of_variables_is_one() {
    let home = Home::new();
    for (file, text) in [("v.json", "{}"), ("v.yaml", ""), ("v.env", "# none yet\n")] {
        home.write(file, text);
        let run = |sql: &str| home.run(&["exec", "-o", "text", "-q", file, sql]);
        assert!(run("SELECT '{{ a | default('x') }}'").starts_with("exit 0\n--- stdout\nx\n"), "{file}");
        assert!(run("SELECT '{{ a }}'").contains("there is no variable `a`"), "{file}");
    }
}

#[test]
fn what_nothing_names_is_said_once() {
    let home = Home::new();
    home.write("a.iql", "SELECT '{{ name }}' AS a LIMIT {{ limit | default(5) }};\n\\i b.iql\n");
    home.write("b.iql", "-- by {{ author }}\nSELECT $region AS b;\n");
    let given = ["name=x", "author=me", "nmae=y", "limt=3", "region=r"].map(|pair| ["--var", pair]).concat();
    let given = [given, ["--param", "region=r", "--param", "rgion=q"].to_vec()].concat();
    let run = |words: &[&str]| home.run(&words.iter().copied().chain(given.iter().copied()).collect::<Vec<_>>());
    insta::assert_snapshot!("unused_exec", run(&["exec", "-o", "csv", "-i", "a.iql"]));
    insta::assert_snapshot!("unused_check", run(&["check", "a.iql"]));
    let quiet = home.run(&["exec", "--quiet", "-o", "csv", "--var", "nmae=y", "SELECT 1 AS a"]);
    assert!(!quiet.contains("nmae"), "{quiet}");
}

#[test]
fn what_a_script_makes_is_known_to_what_follows_and_gone_afterwards() {
    let home = Home::new();
    home.write(
        "made.iql",
        "CREATE TABLE estate AS SELECT region, integration_name FROM aws.redshift.integrations WHERE region = 'us-east-1';\n\
         SELECT count(*) FROM estate WHERE region = 'us-east-1';\n\
         COPY (SELECT *, 1 AS one FROM estate) TO 'estate.csv';\n\
         SELECT region, one + 1 FROM 'estate.csv';\n\
         CREATE EXTERNAL TABLE read STORED AS CSV LOCATION './estate.csv';\n\
         SELECT integration_name FROM read;\n\
         COPY (SELECT * FROM read) TO 'again.parquet';\n\
         SELECT one FROM 'again.parquet' JOIN 'estate.csv' USING (one);\n\
         INSERT INTO estate SELECT 'a', 'b';\n\
         CREATE VIEW inventory AS SELECT * FROM awscc.redshift.integrations;\n\
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM inventory WHERE region = 'eu-west-1';\n\
         REFRESH MATERIALIZED VIEW kept;\n\
         SELECT * FROM kept JOIN inventory i ON i.Identifier = kept.integration_arn WHERE i.region = 'us-east-1';\n\
         DROP MATERIALIZED VIEW kept;\nDROP VIEW inventory;\nDROP TABLE estate;\n",
    );
    let checked = home.run(&["check", "made.iql"]);
    assert!(checked.starts_with("exit 0"), "{checked}");
    let permissions = home.run(&["permissions", "made.iql"]);
    assert!(
        permissions.starts_with("exit 0") && permissions.contains("redshift:DescribeIntegrations"),
        "{permissions}"
    );
    assert!(!home.path().join("estate.csv").exists());
    home.write(
        "unmade.iql",
        "COPY (SELECT 1 AS one) TO 'made.json';\nSELECT two FROM 'made.json';\nSELECT 1 FROM 'other.json'",
    );
    insta::assert_snapshot!("check_of_files", home.run(&["check", "unmade.iql"]));
    home.write(
        "wrong.iql",
        "CREATE TABLE t AS SELECT * FROM aws.redshift.integrations;\nCREATE VIEW v AS SELECT nothing;",
    );
    insta::assert_snapshot!("check_made_wrongly", home.run(&["check", "wrong.iql"]));
    // The user's own views are there, and stay.
    assert!(home.sql("CREATE VIEW own AS SELECT 1 AS a").starts_with("exit 0"));
    home.write("own.iql", "SELECT a FROM own;\nDROP VIEW own;\nCREATE VIEW own AS SELECT 2 AS b;\nSELECT b FROM own");
    let checked = home.run(&["check", "--sandbox", "own.iql"]);
    assert!(checked.starts_with("exit 0"), "{checked}");
    assert!(home.sql("SELECT a FROM own").starts_with("exit 0"));
}
