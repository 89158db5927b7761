//! What the pass says of names that mean nothing, or too much: the message, then the context and hints.

use super::check_error;

#[test]
fn errors_name_what_was_meant() {
    check_error(
        r#"SELECT "SOURCEARN" FROM @i"#,
        r#""SOURCEARN""#,
        &[
            "there is no column `SOURCEARN` in `@i`",
            "hint: did you mean `SourceArn`?",
            "hint: `DESCRIBE @i` lists the columns",
        ],
    );
    check_error(
        "SELECT sorce_arn FROM @i",
        "sorce_arn",
        &[
            "there is no column `sorce_arn` in `@i`",
            "hint: did you mean `source_arn`?",
            "hint: `DESCRIBE @i` lists the columns",
        ],
    );
    check_error(
        "SELECT i.sorce_arn, i.nothing FROM @i i",
        "sorce_arn",
        &[
            "there is no column `sorce_arn` in `@i`",
            "also there is no column `nothing` in `@i`",
            "hint: did you mean `source_arn`?",
            "hint: `DESCRIBE @i` lists the columns",
        ],
    );
    check_error(
        "SELECT integrations.region FROM @i i",
        "integrations.region",
        &["there is no table or alias `integrations` here", "hint: `@i` is called `i` here"],
    );
    check_error(
        "SELECT j.region FROM @i i",
        "j.region",
        &["there is no table or alias `j` here", "hint: what is here: `i`"],
    );
    check_error(
        "SELECT nothing.* FROM @i",
        "nothing",
        &["there is no table or alias `nothing` here", "hint: what is here: `@i`"],
    );
    check_error(
        "SELECT region FROM @i i JOIN @c c ON true",
        "region",
        &["`region` is ambiguous: several tables here have it", "hint: say `i.region` or `c.region`"],
    );
    check_error(
        "SELECT a.source_arn, b.source_arn FROM @i a, @i b ORDER BY source_arn",
        "source_arn",
        &[
            "`source_arn` is ambiguous: SELECT has several columns of this name",
            "hint: give each its own name with `AS`, or write its position in the SELECT list",
        ],
    );
    check_error(
        "SELECT lowr(SourceArn) FROM @i",
        "lowr",
        &["there is no function `lowr`", "hint: did you mean `lower`?", "hint: `SHOW FUNCTIONS` lists them"],
    );
    check_error(
        "SELECT * FROM awscc.redshift.integration",
        "awscc.redshift.integration",
        &["there is no resource `awscc.redshift.integration`"],
    );
    check_error(
        r#"SELECT * FROM @i WHERE region = "us-east-1""#,
        r#""us-east-1""#,
        &[
            "there is no column `us-east-1` in `@i`",
            "hint: text is written in single quotes: `'us-east-1'`",
            "hint: `DESCRIBE @i` lists the columns",
        ],
    );
    check_error(
        "SELECT x.source_type FROM (SELECT * FROM @i) x",
        "source_type",
        &["there is no column `source_type` in `x`"],
    );
    check_error(
        "SELECT * FROM @i i JOIN @c c USING (source_type)",
        "source_type",
        &[
            "`source_type` is a param, and USING takes columns only",
            "hint: say which are meant: `ON a.source_type = b.source_type`",
        ],
    );
    check_error(
        "SELECT * FROM @i i JOIN @c c USING (SourceArn)",
        "SourceArn",
        &["there is no column `SourceArn` on the right of this join"],
    );
    check_error(
        "SELECT * FROM @i i JOIN @c c USING (target_arn) JOIN plain p USING (region)",
        "region",
        &[
            "several tables on the left of this join have `region`",
            "hint: say which are meant: `ON a.region = b.region`",
        ],
    );
    check_error(
        "SELECT i.region FROM @i i WHERE region IN (SELECT nowhere FROM plain)",
        "nowhere",
        &["there is no column `nowhere` here"],
    );
    check_error(
        "SELECT y.two FROM (WITH x AS (SELECT 1 AS one) SELECT * FROM x) y",
        "two",
        &["there is no column `two` in `y`"],
    );
    check_error(
        "SELECT 1 FROM series(1, 3)",
        "series",
        &["there is no function `series`", "hint: `SHOW FUNCTIONS` lists them"],
    );
    check_error(
        "SELECT * EXCLUDE (nothing) FROM @i",
        "nothing",
        &["there is no column `nothing` in `@i`", "hint: `DESCRIBE @i` lists the columns"],
    );
    check_error(
        "SELECT region FROM (SELECT region FROM @i), (SELECT region FROM @c)",
        "region",
        &[
            "`region` is ambiguous: several tables here have it",
            "hint: give each table or subquery its own name, and say which one is meant",
        ],
    );
    for sql in ["SELECT 1 AS a, 2 AS a", "SELECT note AS A, region AS a FROM plain", "SELECT 1 AS b, 2 AS a, 3 AS a"] {
        check_error(sql, "a", &["two columns are called `a`", "hint: give one of them another name"]);
    }
}
