//! Clauses that the planner would pass over: what is typed, the words that are pointed at, and what is said.

use super::*;

fn check(sql: &str, place: &str, expected: &[&str]) {
    let error = rewritten(sql).expect_err(sql);
    assert_eq!(error.kind, Kind::Statement, "{sql}");
    let Some(Place::Sql { column, length, text, .. }) = error.place.as_deref() else { panic!("no place: {sql}") };
    let words: String = text.chars().skip(column - 1).take(*length).collect();
    assert_eq!(words, place, "{sql}");
    let hints = error.hints.iter().map(String::as_str);
    assert_eq!(std::iter::once(error.message.as_str()).chain(hints).collect::<Vec<_>>(), expected, "{sql}");
}

/// The clause is refused at its own words, with this hint.
fn check_clause(sql: &str, clause: &str, hint: &[&str]) {
    let message = format!("not possible yet: `{clause}`");
    let said: Vec<&str> = std::iter::once(message.as_str()).chain(hint.iter().copied()).collect();
    check(sql, clause, &said);
}

#[test]
fn clauses_of_select() {
    check_clause("SELECT note FROM plain PREWHERE region = 'a'", "PREWHERE", &["write `WHERE`"]);
    check_clause(
        "SELECT note FROM plain START WITH note = 'a' CONNECT BY PRIOR note = region",
        "START WITH",
        &["write `WITH RECURSIVE`"],
    );
    check_clause("SELECT note FROM plain CONNECT BY note = region", "CONNECT BY", &["write `WITH RECURSIVE`"]);
    check_clause(
        "SELECT note FROM plain LATERAL VIEW explode(note) x AS y",
        "LATERAL VIEW",
        &["write `CROSS JOIN unnest(…)`"],
    );
    check_clause("SELECT note FROM plain CLUSTER BY note", "CLUSTER BY", &[]);
    check_clause("SELECT note FROM plain DISTRIBUTE BY note", "DISTRIBUTE BY", &[]);
    check_clause("SELECT note FROM plain SORT BY note", "SORT BY", &["write `ORDER BY`"]);
    check_clause("SELECT TOP 1 note FROM plain", "TOP", &["write `LIMIT` at the end of the query"]);
    check_clause("SELECT * FROM (SELECT note INTO x FROM plain) y", "INTO", &[]);
    check_clause(
        "SELECT note, count(*) FROM plain GROUP BY note WITH ROLLUP",
        "WITH ROLLUP",
        &["write `GROUP BY ROLLUP (…)`"],
    );
    check_clause(
        "SELECT note, count(*) FROM plain GROUP BY ALL WITH CUBE",
        "WITH CUBE",
        &["write `GROUP BY CUBE (…)`"],
    );
    check_clause("SELECT note, count(*) FROM plain GROUP BY note WITH TOTALS", "WITH TOTALS", &[]);
}

#[test]
fn clauses_of_a_table() {
    check_clause("SELECT note FROM plain TABLESAMPLE (10 PERCENT)", "TABLESAMPLE", &[]);
    check_clause("SELECT note FROM plain p TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE", &[]);
    check_clause("SELECT note FROM (SELECT * FROM plain) p TABLESAMPLE (10 PERCENT)", "TABLESAMPLE", &[]);
    check_clause("SELECT note FROM plain PARTITION (a)", "PARTITION", &[]);
    check("SELECT note FROM plain WITH (NOLOCK)", "WITH", &["not possible yet: `WITH (…)`"]);
    check_clause("SELECT note FROM plain WITH ORDINALITY", "WITH ORDINALITY", &[]);
    check_clause("SELECT 1 FROM unnest([1]) WITH ORDINALITY", "WITH ORDINALITY", &[]);
    check_clause("SELECT 1 FROM unnest([1]) WITH OFFSET", "WITH OFFSET", &[]);
    check("SELECT 1 FROM plain AS p(a INT, b)", "a", &["not possible yet: `a INT`", "`CAST` gives a column its type"]);
    check_clause("SELECT 1 FROM plain GLOBAL JOIN plain p ON true", "GLOBAL", &[]);
    check_clause("SELECT 1 FROM plain CROSS APPLY plain p", "CROSS APPLY", &["write `CROSS JOIN LATERAL`"]);
    check_clause("SELECT 1 FROM plain SEMI JOIN plain p ON true", "SEMI JOIN", &["write `LEFT SEMI JOIN`"]);
}

#[test]
fn clauses_of_a_query() {
    check_clause("SELECT note FROM plain FOR UPDATE", "FOR UPDATE", &[]);
    check_clause("SELECT note FROM plain FOR SHARE", "FOR SHARE", &[]);
    check_clause("SELECT note FROM plain FOR JSON AUTO", "FOR JSON", &[]);
    check_clause("SELECT note FROM plain SETTINGS a = 1", "SETTINGS", &[]);
    check_clause("SELECT note FROM plain FORMAT JSON", "FORMAT", &[]);
    check("SELECT note FROM plain LIMIT 1 BY note", "LIMIT", &["not possible yet: `LIMIT … BY`"]);
    check_clause("SELECT note FROM plain FETCH FIRST 5 ROWS ONLY", "FETCH", &["write `LIMIT 5`"]);
    check("SELECT note FROM plain FETCH FIRST 5 ROWS WITH TIES", "FETCH", &["not possible yet: `FETCH … WITH TIES`"]);
    check("SELECT note FROM plain FETCH FIRST 5 PERCENT ROWS ONLY", "FETCH", &["not possible yet: `FETCH … PERCENT`"]);
    check_clause("SELECT note FROM plain ORDER BY note WITH FILL", "WITH FILL", &[]);
    check_clause("SELECT note FROM plain ORDER BY note INTERPOLATE (region AS 'a')", "INTERPOLATE", &[]);
}

#[test]
fn what_the_planner_drops_within_a_clause() {
    check_clause(
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t LIMIT 3) SELECT * FROM t",
        "LIMIT",
        &["write it where `t` is read"],
    );
    check(
        "SELECT sum(1) OVER (w ORDER BY note) FROM plain WINDOW w AS (PARTITION BY region)",
        "w",
        &["not possible yet: `OVER (window …)`", "write the whole window, or its name without brackets"],
    );
    check("SELECT lower(0.5)(note) FROM plain", "lower", &["not possible yet: `lower(…)(…)`"]);
    check_clause("WITH t (SELECT 1 AS n) FROM t SELECT 1", "FROM", &["write `FROM t` behind what is selected"]);
    check_clause("SELECT note FROM plain |> CROSS JOIN plain p TABLESAMPLE (1 PERCENT)", "TABLESAMPLE", &[]);
    check_clause("SELECT (SELECT TOP 1 note FROM plain)", "TOP", &["write `LIMIT` at the end of the query"]);
}
