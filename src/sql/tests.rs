//! Reading: what a script becomes, and where its errors are.

mod exec;
mod own;
mod writes;

use proptest::prelude::*;

use super::*;
use crate::error::{Error, Kind, Place};

/// The statements of a script, each in a line.
fn check(script: &str, expected: &[&str]) {
    let statements = parse(script, None).unwrap_or_else(|error| panic!("{script}: {error}"));
    let shown: Vec<String> = statements.iter().map(|statement| show(&statement.body)).collect();
    assert_eq!(shown, expected, "{script}");
}

fn show(body: &Body) -> String {
    let filtered = |filter: &Option<ShowFilter>| match filter {
        None => String::new(),
        Some(ShowFilter::Like(pattern)) => format!(" like {pattern}"),
        Some(ShowFilter::Where(condition)) => format!(" where {condition}"),
    };
    let more = |extended: &bool| if *extended { " extended" } else { "" };
    match body {
        Body::Query(query) => query.to_string(),
        Body::Explain { analyze, verbose, format, inner } => {
            let flags = [(*analyze, "analyze "), (*verbose, "verbose ")];
            let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            format!("explain {flags}{}{}", format.iter().map(|f| format!("{f} ")).collect::<String>(), show(inner))
        }
        Body::Show(Show::Providers { extended, filter }) => format!("providers{}{}", more(extended), filtered(filter)),
        Body::Show(Show::Services { extended, name, filter }) => {
            format!("services{} {name}{}", more(extended), filtered(filter))
        }
        Body::Show(Show::Resources { extended, name, filter }) => {
            format!("resources{} {name}{}", more(extended), filtered(filter))
        }
        Body::Show(Show::Methods { extended, name, filter }) => {
            format!("methods{} {name}{}", more(extended), filtered(filter))
        }
        Body::Show(Show::Settings { filter }) => format!("settings{}", filtered(filter)),
        Body::Show(Show::Tables { filter }) => format!("tables{}", filtered(filter)),
        Body::Show(Show::Functions { filter }) => format!("functions{}", filtered(filter)),
        Body::Show(Show::Version) => "version".into(),
        Body::Show(Show::Variable { name }) => format!("variable {name}"),
        Body::Describe(Describe::Resource { extended, name }) => format!("describe{} {name}", more(extended)),
        Body::Describe(Describe::Method { extended, name }) => format!("describe method{} {name}", more(extended)),
        Body::Set { name, values, .. } => format!("set {name} {values:?}"),
        Body::Reset { name } => format!("reset {name}"),
        Body::Show(Show::Insert { required, name }) => {
            format!("insert{} {name}", if *required { " required" } else { "" })
        }
        Body::Insert(insert) => writes::insert(insert),
        Body::Update(update) => writes::update(update),
        Body::Delete(delete) => writes::delete(delete),
        Body::Exec(exec) => exec::show(exec),
        Body::Show(Show::Views { filter }) => format!("views{}", filtered(filter)),
        Body::Own(own) => own::own(own),
        Body::Block(block) => format!("{block:?}").split([' ', '(']).next().unwrap_or_default().to_lowercase(),
        Body::Other { verb } => format!("other {verb}"),
    }
}

#[test]
fn a_script_is_its_statements() {
    check("", &[]);
    check(" ; -- nothing\n ;", &[]);
    check("SELECT 1; SELECT ';' ; -- ;\n/* ; */ VALUES (2)", &["SELECT 1", "SELECT ';'", "VALUES (2)"]);
    check("(SELECT 1) UNION SELECT 2", &["(SELECT 1) UNION SELECT 2"]);
    check("WITH a AS (SELECT 1) SELECT * FROM a", &["WITH a AS (SELECT 1) SELECT * FROM a"]);
    check("FROM t SELECT a", &["FROM t SELECT a"]);
}

#[test]
fn comments_of_both_kinds_end_with_their_line() {
    check(
        "SELECT 1 // one; two\n; # three\nSELECT '# x', 'https://y' -- z",
        &["SELECT 1", "SELECT '# x', 'https://y'"],
    );
    check("SELECT a #> b, a #>> b, a -> b FROM t", &["SELECT a #> b, a #>> b, a -> b FROM t"]);
    let error = parse("SELECT 1 // note\nFROM t WHERE # it's\n)", None).expect_err("a bracket");
    assert_eq!(pointed(&error), ")");
}

#[test]
fn shown_and_described() {
    check("SHOW PROVIDERS; show extended providers", &["providers", "providers extended"]);
    check("SHOW SERVICES IN Awscc LIKE 'r%'", &["services awscc like r%"]);
    check("SHOW EXTENDED SERVICES FROM awscc WHERE title = 'x'", &["services extended awscc where title = 'x'"]);
    check("SHOW RESOURCES IN awscc.redshift", &["resources awscc.redshift"]);
    check("SHOW METHODS IN awscc.redshift.\"Odd\"", &["methods awscc.redshift.Odd"]);
    check("SHOW SETTINGS LIKE 'iql%'; SHOW ALL; SHOW VERSION", &["settings like iql%", "settings", "version"]);
    check("SHOW TABLES; SHOW FUNCTIONS LIKE 'arr%'", &["tables", "functions like arr%"]);
    check("SHOW awscc.region", &["variable awscc.region"]);
    check("SHOW INSERT INTO awscc.redshift.integrations", &["insert awscc.redshift.integrations"]);
    check("show insert /*+ required */ into a.b.c", &["insert required a.b.c"]);
    check("DESCRIBE awscc.redshift.integrations", &["describe awscc.redshift.integrations"]);
    check("DESC EXTENDED awscc.redshift.integrations", &["describe extended awscc.redshift.integrations"]);
    check("SHOW COLUMNS FROM a.b.c", &["describe a.b.c"]);
    check("DESCRIBE METHOD a.b.c.get", &["describe method a.b.c.get"]);
    check("DESCRIBE METHOD EXTENDED a.b.c.get", &["describe method extended a.b.c.get"]);
    check("DESC EXTENDED METHOD a.b.c.get", &["describe method extended a.b.c.get"]);
    check("DESCRIBE method.b.c", &["describe method.b.c"]);
}

#[test]
fn settings() {
    check("SET awscc.region = 'eu-west-1'", &[r#"set awscc.region ["eu-west-1"]"#]);
    check(
        "SET awscc.region = ('a', 'b'); SET Awscc.Region TO 'a', 'b'",
        &[r#"set awscc.region ["a", "b"]"#, r#"set awscc.region ["a", "b"]"#],
    );
    check("SET iql.tries = 3", &[r#"set iql.tries ["3"]"#]);
    check("SET iql.partial = on", &[r#"set iql.partial ["on"]"#]);
    check("SET awscc.region = us-east-1", &[r#"set awscc.region ["us-east-1"]"#]);
    check("SET x.y = -1", &[r#"set x.y ["-1"]"#]);
    check("RESET awscc.region", &["reset awscc.region"]);
}

#[test]
fn any_statement_may_be_explained() {
    check("EXPLAIN SELECT 1", &["explain SELECT 1"]);
    check("EXPLAIN ANALYZE VERBOSE SELECT 1", &["explain analyze verbose SELECT 1"]);
    check("EXPLAIN FORMAT TREE SELECT 1", &["explain tree SELECT 1"]);
    check("EXPLAIN (ANALYZE, FORMAT tree) SELECT 1", &["explain analyze tree SELECT 1"]);
    check("EXPLAIN (SELECT 1)", &["explain (SELECT 1)"]);
    check("EXPLAIN DELETE FROM a.b.c WHERE d = 1", &["explain delete a.b.c where d = 1"]);
    check("EXPLAIN ANALYZE INSERT INTO a.b.c (x) SELECT 1", &["explain analyze insert a.b.c (x) SELECT 1"]);
    check("EXPLAIN UPDATE t SET x = 1 WHERE true", &["explain update t set x = 1 where true"]);
    check("EXPLAIN EXEC a.b.c.d @x = 1", &["explain exec a.b.c.d x = 1"]);
    check("EXPLAIN SELECT * FROM (EXEC a.b.c.d)", &["explain SELECT * FROM (SELECT * FROM a.b.c)"]);
    check("EXPLAIN SHOW PROVIDERS", &["explain providers"]);
}

#[test]
fn what_is_not_answered_is_never_a_query() {
    check("SELECT * INTO t FROM a", &["other SELECT INTO"]);
    check("CREATE INDEX i ON t (a); DROP SCHEMA s", &["other CREATE", "other DROP"]);
}

#[test]
fn hints_are_lifted() {
    let statements = parse(
        "INSERT /*+ AWAIT, SHOWRESULTS */ INTO a.b.c (d) VALUES (1); /*+ X */ SELECT /*+ Y */ 1 --+ Z\n; SELECT 1",
        None,
    );
    let statements = statements.expect("statements");
    let hints: Vec<_> = statements.iter().map(|statement| statement.hints.clone()).collect();
    assert_eq!(hints, [vec!["AWAIT", "SHOWRESULTS"], vec!["X", "Y", "Z"], vec![]]);
    let Body::Query(query) = &statements[1].body else { panic!("not a query") };
    assert_eq!(query.to_string(), "SELECT 1");
}

#[test]
fn a_statement_has_its_own_text() {
    let statements = parse(" SELECT 'é' ;\r\n\tSELECT 2 -- two\r\n", None).expect("statements");
    let texts: Vec<_> = statements.iter().map(|statement| statement.text.as_str()).collect();
    assert_eq!(texts, ["SELECT 'é'", "SELECT 2"]);
    assert!(Statement::try_from("SELECT 1; SELECT 2").is_err());
    assert!(Statement::try_from(" ").is_err());
}

/// The statements with every name in full, while nothing is in use.
fn parse_in_full(script: &str) -> crate::error::Result<Vec<Statement>> {
    let mut statements = parse(script, None)?;
    statements.iter_mut().try_for_each(|statement| statement.in_full(None, &|_| false))?;
    Ok(statements)
}

/// The script is refused with this report.
fn check_error(script: &str, expected: &str) {
    let error = parse_in_full(script).expect_err(script);
    assert_eq!(error.to_string(), expected, "{script}");
}

/// The script is refused, at these words, in these words, with these hints.
fn refused(script: &str, at: &str, message: &str, hints: &[&str]) {
    let error = parse_in_full(script).expect_err(script);
    assert_eq!((pointed(&error).as_str(), error.message.as_str()), (at, message), "{script}");
    assert_eq!(error.hints, hints, "{script}: {error}");
    if error.kind == Kind::Statement {
        assert_eq!(error.context, ["nothing was sent"], "{script}");
    }
}

/// The text that an error points at.
fn pointed(error: &Error) -> String {
    match error.place.as_deref() {
        Some(Place::Sql { column, length, text, .. }) => text.chars().skip(column - 1).take(*length).collect(),
        _ => panic!("no place: {error}"),
    }
}

#[test]
fn errors_point_at_the_word() {
    check_error("SELECT a, , b", "expected an expression, found `,`\n  1 | SELECT a, , b\n    |           ^");
    check_error("SELECT (1", "expected `)`, found the end of the statement\n  1 | SELECT (1\n    |          ^");
    check_error(
        "SELECT 1;\r\n\tSELCT 'é' FROM t",
        "expected a statement, found `SELCT`\n  2 | \tSELCT 'é' FROM t\n    | \t^^^^^\n\nhint: did you mean `SELECT`?",
    );
    check_error(
        "SELECT 1\nSELECT 2",
        "expected the end of the statement, found `SELECT`\n  2 | SELECT 2\n    | ^^^^^^\n\nhint: statements are separated by `;`",
    );
    check_error(
        "SELECT 'é', 'abc",
        "this text is not closed\n  1 | SELECT 'é', 'abc\n    |             ^\n\nhint: close it with `'`; a quote within it is written `''`",
    );
    check_error(
        "SELECT 1; /* a */ SELECT /* b",
        "this comment is not closed\n  1 | SELECT 1; /* a */ SELECT /* b\n    |                          ^\n\nhint: close it with `*/`",
    );
    check_error(
        "SELECT \"a",
        "this quoted name is not closed\n  1 | SELECT \"a\n    |        ^\n\nhint: close it with `\"`",
    );
    check_error(
        "SHOW PROVIDER",
        "expected what to show: PROVIDERS, SERVICES, RESOURCES, METHODS, SETTINGS…, found `PROVIDER`\n  1 | SHOW PROVIDER\n    |      ^^^^^^^^\n\nhint: did you mean `SHOW PROVIDERS`?",
    );
    check_error(
        "SHOW RESOURCES IN awscc",
        "SHOW RESOURCES needs `provider.service`, found `awscc`\n  1 | SHOW RESOURCES IN awscc\n    |                   ^^^^^\n\nhint: for example `SHOW RESOURCES IN awscc.redshift`",
    );
    check_error(
        "SHOW SERVICES",
        "SHOW SERVICES needs `IN provider`\n  1 | SHOW SERVICES\n    | ^^^^^^^^^^^^^\n\nhint: for example `SHOW SERVICES IN awscc`",
    );
    check_error("SET a.b", "expected `=`, found the end of the statement\n  1 | SET a.b\n    |        ^");
    check_error(
        "EXPLAIN EXPLAIN SELECT 1",
        "expected the statement to explain, found `EXPLAIN`\n  1 | EXPLAIN EXPLAIN SELECT 1\n    |         ^^^^^^^",
    );
}

#[test]
fn hints_say_what_was_meant() {
    let check = |script: &str, expected: &[&str]| {
        let error = parse_in_full(script).expect_err(script);
        assert_eq!(error.hints, expected, "{script}: {error}");
    };
    check("SELECT * FORM t", &["did you mean `FROM`?"]);
    check("SELECT a FORM t", &["did you mean `FROM`?"]);
    check("SELECT * FROM t WHER x", &["did you mean `WHERE`?"]);
    check("SELECT * FROM t WHER x = 1", &["did you mean `WHERE`?"]);
    check("SELECT * FROM t GROPU BY x", &["did you mean `GROUP`?"]);
    check("SELECT * FROM t ODER BY x", &["did you mean `ORDER`?"]);
    check("SELECT * FROM t LIMT 5", &["did you mean `LIMIT`?"]);
    check("SELECT a FROM t LIMIT 1 WHERE x", &[]);
    check("SELECT a b c", &[]);
    let straight = "text is written in straight single quotes: `'…'`";
    check("SELECT * FROM t WHERE x = ‘a’", &[straight]);
    check("SELECT “a” FROM t", &[straight]);
    check("SELECT * FROM t WHERE x = 'a’", &[straight]);
    check("SELECT '‘' a b", &[]);
    check("DESCRIBE awscc.redshift", &["for example `DESCRIBE awscc.redshift.integrations`"]);
}

#[test]
fn short_names_are_completed_by_what_is_in_use() {
    let full = |script: &str, in_use: Option<&str>| {
        let mut statement = Statement::try_from(script).expect(script);
        let done = statement.in_full(in_use, &|name| name == "own");
        done.map(|()| show(&statement.body)).map_err(|error| error.message)
    };
    let check =
        |script: &str, in_use: &str, expected: &str| assert_eq!(full(script, Some(in_use)), Ok(expected.into()));
    check("SHOW SERVICES", "a", "services a");
    check("SHOW SERVICES", "a.b", "services a");
    check("SHOW SERVICES IN z", "a", "services z");
    check("SHOW RESOURCES LIKE 'x'", "a.b", "resources a.b like x");
    check("SHOW RESOURCES IN b", "a", "resources a.b");
    check("SHOW RESOURCES IN z", "a.b", "resources a.z");
    check("SHOW METHODS IN c", "a.b", "methods a.b.c");
    check("SHOW METHODS IN b.c", "a.b", "methods a.b.c");
    check("SHOW METHODS IN x.y.z", "a.b", "methods x.y.z");
    check("SHOW INSERT INTO b.c", "a", "insert a.b.c");
    check("DESCRIBE own", "a.b", "describe own");
    check("DESCRIBE c", "a.b", "describe a.b.c");
    check("DESCRIBE c", "a", "describe c");
    check("DESCRIBE METHOD c.d", "a.b", "describe method a.b.c.d");
    check("EXPLAIN EXEC b.c.d", "a", "explain exec a.b.c.d");
    for (script, in_use) in
        [("SHOW SERVICES", None), ("SHOW RESOURCES", Some("a")), ("SHOW METHODS IN c", Some("a")), ("EXEC c.d", None)]
    {
        assert!(full(script, in_use).is_err(), "{script}");
    }
    let script = parse("USE a; SHOW RESOURCES IN b; USE a.b; SHOW RESOURCES; RESET iql.provider; SHOW RESOURCES", None);
    let mistakes = super::left_short(&script.expect("statements"), None);
    assert_eq!(mistakes.iter().map(pointed).collect::<Vec<_>>(), ["SHOW RESOURCES"]);
}

#[test]
fn show_insert_is_refused_without_a_table() {
    refused("SHOW INSERT a.b.c", "a", "expected `INTO provider.service.resource`, found `a`", &[]);
    refused(
        "SHOW EXTENDED INSERT INTO a.b.c",
        "INSERT",
        "expected PROVIDERS, SERVICES, RESOURCES, METHODS or COLUMNS, found `INSERT`",
        &[],
    );
    refused(
        "SHOW INSERT INTO a.b",
        "a.b",
        "SHOW INSERT INTO needs `provider.service.resource`, found `a.b`",
        &["for example `SHOW INSERT INTO awscc.redshift.integrations`"],
    );
}

#[test]
fn a_file_is_named() {
    let error = parse("\nSELECT", Some(std::path::Path::new("a.iql"))).expect_err("no columns");
    let Some(Place::Sql { file, line, column, .. }) = error.place.as_deref() else { panic!("no place") };
    assert_eq!((file.as_deref(), *line, *column), (Some(std::path::Path::new("a.iql")), 2, 7));
}

#[test]
fn depth_and_length_are_errors() {
    let nested = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&nested, None).expect_err("nested").message.contains("nested too deeply"));
    let queries = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(2000), ")".repeat(2000));
    assert!(parse(&queries, None).is_err());
    let explained = format!("{}SELECT 1", "EXPLAIN ".repeat(3000));
    assert!(parse(&explained, None).is_err());
    let chain = |terms: usize| format!("SELECT 1 WHERE {}", vec!["a = 'x'"; terms].join(" OR "));
    assert!(parse(&chain(50_000), None).expect_err("a chain").message.contains("more than"));
    assert!(parse(&chain(900), None).is_ok());
    assert!(parse(&format!("SELECT {}1", "- ".repeat(3000)), None).is_err());
    assert!(parse(&format!("SELECT 1{}", " IS NULL".repeat(1900)), None).is_ok());
    assert!(parse(&vec!["SELECT 1"; 900].join(" UNION ALL "), None).is_ok());
    let list = vec!["'x'"; 50_000].join(", ");
    assert!(parse(&format!("SELECT 1 WHERE a IN ({list})"), None).is_ok());
}

#[test]
fn a_buffer_is_complete_when_more_text_would_not_help() {
    let check = |buffer: &str, expected| assert_eq!(split::is_complete(buffer), expected, "{buffer}");
    check("", true);
    check(" -- a", true);
    check("SELECT 1", false);
    check("SELECT 1;", true);
    check("SELECT 1; -- done", true);
    check("SELECT ';", false);
    check("SELECT \"a;", false);
    check("SELECT /* ;", false);
    check("SELECT 1; SELECT", false);
    check("SELECT $$ a;", false);
}

fn sql_like() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "SELECT",
        "FROM",
        "WHERE",
        "SHOW",
        "SERVICES",
        "IN",
        "DESCRIBE",
        "METHOD",
        "SET",
        "RESET",
        "EXPLAIN",
        "ANALYZE",
        "(",
        ")",
        "[",
        "]",
        ",",
        ";",
        ".",
        "=",
        "*",
        "'",
        "\"",
        "''",
        "--",
        "\n",
        "\r\n",
        "\t",
        "/*",
        "*/",
        "/*+",
        "a",
        "é",
        "1",
        "-",
        "::",
        "@x",
        "$$",
        "WITH",
        "AS",
        "UNION",
        "JOIN",
        "USING",
        "VALUES",
        "INSERT",
        "INTO",
        "LIKE",
        "EXTENDED",
        "COPY",
        "TO",
        "CREATE",
        "EXTERNAL",
        "TABLE",
        "EXEC",
        "NULL",
        "E'",
        "x'",
        "{{",
        "UPDATE",
        "DELETE",
        "RETURNING",
        "ON CONFLICT",
        "DO NOTHING",
        "IGNORE",
        "DEFAULT",
        "EXEC a.b.c.d",
        "@@json",
        "(EXEC a.b.c.d",
        "@",
        "@@",
        "'{\"a\": 1}'",
        "INSERT INTO a (b)",
        "UPDATE a SET b = 1",
    ]);
    prop::collection::vec((words, prop::bool::ANY), 0..40).prop_map(|words| {
        words.into_iter().map(|(word, space)| format!("{word}{}", if space { " " } else { "" })).collect()
    })
}

proptest! {
    #[test]
    fn reading_never_panics(text in prop_oneof![sql_like(), ".*"]) {
        if let Err(error) = parse(&text, None) {
            let _ = error.to_string();
        }
        let _ = split::is_complete(&text);
    }

    #[test]
    fn splitting_loses_nothing(text in sql_like()) {
        if let Ok(tokens) = split::tokens(&text) {
            let words: Vec<_> = tokens.iter().filter(|token| !split::is_space(&token.token)).collect();
            let split: Vec<_> = split::statements(&tokens).flatten().filter(|token| !split::is_space(&token.token)).collect();
            let ends = words.iter().filter(|token| token.token == sqlparser::tokenizer::Token::SemiColon).count();
            prop_assert_eq!(split.len() + ends, words.len());
        }
    }
}
