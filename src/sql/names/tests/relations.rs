//! Joins, subqueries, CTEs and set operations: what is typed, and what is planned.

use super::check;

#[test]
fn joins() {
    check(
        "SELECT i.SourceArn FROM (@i i JOIN @c c ON i.TargetArn = c.TargetArn) JOIN plain p ON p.region = i.Region",
        r#"SELECT i."source_arn" AS "SourceArn" FROM (@i i JOIN @c c ON i."target_arn" = c."target_arn") JOIN plain p ON p."region" = i."region""#,
    );
    check(
        "SELECT * FROM @i i JOIN @c c USING (TargetArn)",
        r#"SELECT "i"."target_arn", "integration_arn", "integration_name", "source_arn", "tags", "create_time", "kms_key_id", "i"."region", "cluster_identifier", "c"."region" FROM @i i JOIN @c c USING("target_arn")"#,
    );
    check(
        "SELECT TargetArn, i.TargetArn, c.TargetArn FROM @i i LEFT JOIN @c c USING (TARGET_ARN)",
        r#"SELECT "i"."target_arn" AS "TargetArn", i."target_arn" AS "TargetArn_2", c."target_arn" AS "TargetArn_3" FROM @i i LEFT JOIN @c c USING("target_arn")"#,
    );
    check(
        "SELECT target_arn FROM @i i RIGHT JOIN @c c USING (target_arn) WHERE TargetArn = 'x'",
        r#"SELECT "c"."target_arn" FROM @i i RIGHT JOIN @c c USING("target_arn") WHERE "c"."target_arn" = 'x'"#,
    );
    check(
        "SELECT target_arn, count(*) FROM @i i FULL JOIN @c c USING (target_arn) GROUP BY target_arn ORDER BY TargetArn",
        r#"SELECT coalesce("i"."target_arn", "c"."target_arn") AS "target_arn", count(*) FROM @i i FULL JOIN @c c USING("target_arn") GROUP BY coalesce("i"."target_arn", "c"."target_arn") ORDER BY "target_arn""#,
    );
    check(
        "SELECT * FROM @i i FULL JOIN @c c USING (target_arn, region)",
        r#"SELECT coalesce("i"."target_arn", "c"."target_arn") AS "target_arn", coalesce("i"."region", "c"."region") AS "region", "integration_arn", "integration_name", "source_arn", "tags", "create_time", "kms_key_id", "cluster_identifier" FROM @i i FULL JOIN @c c USING("target_arn", "region")"#,
    );
    check(
        "SELECT note FROM @i i JOIN @c c USING (target_arn, region) JOIN plain p USING (region)",
        r#"SELECT "note" FROM @i i JOIN @c c USING("target_arn", "region") JOIN plain p ON "i"."region" = "p"."region""#,
    );
    check(
        "SELECT note FROM @i i FULL JOIN @c c USING (target_arn, region) LEFT JOIN plain p USING (region)",
        r#"SELECT "note" FROM @i i FULL JOIN @c c USING("target_arn", "region") LEFT JOIN plain p ON coalesce("i"."region", "c"."region") = "p"."region""#,
    );
    check(
        "SELECT cluster_identifier FROM @i NATURAL JOIN @c",
        r#"SELECT "cluster_identifier" FROM @i JOIN @c USING("target_arn", "region")"#,
    );
    check(
        "SELECT * FROM @i i NATURAL LEFT JOIN @c c",
        r#"SELECT "i"."target_arn", "i"."region", "integration_arn", "integration_name", "source_arn", "tags", "create_time", "kms_key_id", "cluster_identifier" FROM @i i LEFT JOIN @c c USING("target_arn", "region")"#,
    );
    check("SELECT n FROM @i NATURAL JOIN (VALUES (1)) v(n)", r#"SELECT "n" FROM @i CROSS JOIN (VALUES (1)) v (n)"#);
    check(
        "SELECT n FROM @i NATURAL LEFT JOIN (VALUES (1)) v(n)",
        r#"SELECT "n" FROM @i LEFT JOIN (VALUES (1)) v (n) ON true"#,
    );
    check(
        "SELECT SourceArn FROM (SELECT SourceArn FROM @i) a JOIN (SELECT TargetArn AS source_arn FROM @i) b USING (source_arn)",
        r#"SELECT "SourceArn" FROM (SELECT "source_arn" AS "SourceArn" FROM @i) a JOIN (SELECT "target_arn" AS source_arn FROM @i) b ON "SourceArn" = "source_arn""#,
    );
    check(
        "SELECT region FROM @i LEFT SEMI JOIN @c c ON c.TargetArn = integrations.TargetArn",
        r#"SELECT "region" FROM @i LEFT SEMI JOIN @c c ON c."target_arn" = integrations."target_arn""#,
    );
    check(
        "SELECT region FROM @i i CROSS JOIN (VALUES (1)) v(n) WHERE N = 1",
        r#"SELECT "region" FROM @i i CROSS JOIN (VALUES (1)) v (n) WHERE "n" = 1"#,
    );
}

#[test]
fn derived_tables_and_ctes() {
    check(
        "SELECT x.SourceArn FROM (SELECT * FROM @i) x",
        r#"SELECT x."source_arn" AS "SourceArn" FROM (SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i) x"#,
    );
    check(
        "SELECT x.SourceArn FROM (SELECT SourceArn FROM @i) x",
        r#"SELECT x."SourceArn" FROM (SELECT "source_arn" AS "SourceArn" FROM @i) x"#,
    );
    check(
        "SELECT x.sourcearn FROM (SELECT SourceArn FROM @i) x",
        r#"SELECT x."SourceArn" FROM (SELECT "source_arn" AS "SourceArn" FROM @i) x"#,
    );
    check(
        "SELECT source_arn FROM (SELECT SourceArn FROM @i) x WHERE x.source_arn = 'a' ORDER BY source_arn",
        r#"SELECT "SourceArn" AS "source_arn" FROM (SELECT "source_arn" AS "SourceArn" FROM @i) x WHERE x."SourceArn" = 'a' ORDER BY "source_arn""#,
    );
    check(
        r#"SELECT "count(*)" FROM (SELECT SourceArn, count(*) FROM @i GROUP BY SourceArn)"#,
        r#"SELECT "count(*)" FROM (SELECT "source_arn" AS "SourceArn", count(*) FROM @i GROUP BY "source_arn")"#,
    );
    check(
        "SELECT createtime FROM (SELECT CreateTime::timestamp FROM @i) x",
        r#"SELECT "CreateTime" FROM (SELECT "create_time"::TIMESTAMP AS "CreateTime" FROM @i) x"#,
    );
    check(
        "SELECT a, b FROM (SELECT SourceArn, Region FROM @i) AS t(a, b)",
        r#"SELECT "a", "b" FROM (SELECT "source_arn" AS "SourceArn", "region" FROM @i) AS t (a, b)"#,
    );
    check(
        "SELECT a, Region, source_type FROM @i AS t(a, b, c)",
        r#"SELECT "a", "region", "source_type" FROM @i AS t (a, b, c, "target_arn", "tags", "create_time", "kms_key_id", "region", "source_type")"#,
    );
    check("SELECT N FROM (VALUES (1, 'a')) v(n, t)", r#"SELECT "n" FROM (VALUES (1, 'a')) v (n, t)"#);
    check("SELECT column1 FROM (VALUES (1, 'a')) v", r#"SELECT "column1" FROM (VALUES (1, 'a')) v"#);
    check(
        "WITH a AS (SELECT SourceArn, Region FROM @i), b AS (SELECT * FROM a) SELECT source_arn, b.Region FROM b WHERE SourceArn LIKE 'a%'",
        r#"WITH a AS (SELECT "source_arn" AS "SourceArn", "region" FROM @i), b AS (SELECT * FROM a) SELECT "SourceArn" AS "source_arn", b."region" FROM b WHERE "SourceArn" LIKE 'a%'"#,
    );
    check(
        "WITH a(x, Y) AS (SELECT SourceArn, Region FROM @i) SELECT X, y FROM a",
        r#"WITH a (x, Y) AS (SELECT "source_arn" AS "SourceArn", "region" FROM @i) SELECT "x", "y" FROM a"#,
    );
    check(
        "WITH integrations AS (SELECT 1 AS one) SELECT One FROM integrations",
        r#"WITH integrations AS (SELECT 1 AS one) SELECT "one" FROM integrations"#,
    );
    check(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE I < 5) SELECT i FROM n",
        r#"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT "i" + 1 FROM n WHERE "i" < 5) SELECT "i" FROM n"#,
    );
    check(
        "WITH RECURSIVE a AS (SELECT SourceArn FROM @i UNION ALL SELECT SourceArn FROM a WHERE SourceArn < 'x') SELECT source_arn FROM a",
        r#"WITH RECURSIVE a AS (SELECT "source_arn" AS "SourceArn" FROM @i UNION ALL SELECT "SourceArn" FROM a WHERE "SourceArn" < 'x') SELECT "SourceArn" AS "source_arn" FROM a"#,
    );
}

#[test]
fn an_inner_cte_hides_an_outer_one() {
    check(
        "WITH a AS (SELECT SourceArn FROM @i) SELECT * FROM (WITH a AS (SELECT * FROM a WHERE source_arn = 'x') SELECT a.SourceArn FROM a) y, a",
        r##"WITH a AS (SELECT "source_arn" AS "SourceArn" FROM @i) SELECT * FROM (WITH "#1" AS (SELECT * FROM a WHERE "SourceArn" = 'x') SELECT a."SourceArn" FROM "#1" AS a) y, a"##,
    );
}

#[test]
fn set_operations() {
    check(
        "SELECT SourceArn FROM @i UNION SELECT TargetArn FROM @c ORDER BY SourceArn",
        r#"SELECT "source_arn" AS "SourceArn" FROM @i UNION SELECT "target_arn" AS "TargetArn" FROM @c ORDER BY "SourceArn""#,
    );
    check(
        "SELECT SourceArn FROM @i UNION ALL SELECT TargetArn FROM @c ORDER BY source_arn LIMIT 3",
        r#"SELECT "source_arn" AS "SourceArn" FROM @i UNION ALL SELECT "target_arn" AS "TargetArn" FROM @c ORDER BY "SourceArn" LIMIT 3"#,
    );
    check(
        "SELECT SourceArn FROM @i EXCEPT SELECT TargetArn FROM @c",
        r#"SELECT "source_arn" AS "SourceArn" FROM @i EXCEPT SELECT "target_arn" AS "TargetArn" FROM @c"#,
    );
    check(
        "(SELECT SourceArn FROM @i) UNION ALL (SELECT TargetArn FROM @c ORDER BY TargetArn LIMIT 1)",
        r#"(SELECT "source_arn" AS "SourceArn" FROM @i) UNION ALL (SELECT "target_arn" AS "TargetArn" FROM @c ORDER BY "TargetArn" LIMIT 1)"#,
    );
    check(
        "SELECT SourceArn FROM @i UNION BY NAME SELECT TargetArn FROM @c",
        r#"SELECT "source_arn" AS "SourceArn" FROM @i UNION BY NAME SELECT "target_arn" AS "TargetArn" FROM @c"#,
    );
    check(
        "SELECT u.source_arn FROM (SELECT SourceArn FROM @i INTERSECT SELECT TargetArn FROM @c) u",
        r#"SELECT u."SourceArn" AS "source_arn" FROM (SELECT "source_arn" AS "SourceArn" FROM @i INTERSECT SELECT "target_arn" AS "TargetArn" FROM @c) u"#,
    );
    check("VALUES (1, 'a'), (2, 'b') ORDER BY column1", r#"VALUES (1, 'a'), (2, 'b') ORDER BY "column1""#);
}

#[test]
fn subqueries_see_the_scopes_around_them() {
    check(
        "SELECT IntegrationName FROM @i i WHERE EXISTS (SELECT 1 FROM @c c WHERE c.TargetArn = i.TargetArn)",
        r#"SELECT "integration_name" AS "IntegrationName" FROM @i i WHERE EXISTS (SELECT 1 FROM @c c WHERE c."target_arn" = i."target_arn")"#,
    );
    check(
        "SELECT IntegrationName FROM @i i WHERE NOT EXISTS (SELECT * FROM @c WHERE TargetArn = i.TargetArn)",
        r#"SELECT "integration_name" AS "IntegrationName" FROM @i i WHERE NOT EXISTS (SELECT "cluster_identifier", "target_arn", "region" FROM @c WHERE "target_arn" = i."target_arn")"#,
    );
    check(
        "SELECT IntegrationName FROM @i WHERE TargetArn IN (SELECT TargetArn FROM @c)",
        r#"SELECT "integration_name" AS "IntegrationName" FROM @i WHERE "target_arn" IN (SELECT "target_arn" AS "TargetArn" FROM @c)"#,
    );
    check(
        "SELECT IntegrationName, (SELECT max(ClusterIdentifier) FROM @c c WHERE c.TargetArn = integrations.TargetArn) AS c FROM @i",
        r#"SELECT "integration_name" AS "IntegrationName", (SELECT max("cluster_identifier") FROM @c c WHERE c."target_arn" = integrations."target_arn") AS c FROM @i"#,
    );
    check(
        "SELECT IntegrationName FROM @i WHERE SourceArn IN (SELECT note FROM plain WHERE note = TargetArn)",
        r#"SELECT "integration_name" AS "IntegrationName" FROM @i WHERE "source_arn" IN (SELECT "note" FROM plain WHERE "note" = "target_arn")"#,
    );
    check(
        "SELECT IntegrationName FROM @i WHERE EXISTS (SELECT 1 FROM (VALUES ('a')) v(source_arn) WHERE v.source_arn = SourceArn)",
        r#"SELECT "integration_name" AS "IntegrationName" FROM @i WHERE EXISTS (SELECT 1 FROM (VALUES ('a')) v (source_arn) WHERE v."source_arn" = "awscc"."redshift"."integrations"."source_arn")"#,
    );
    check(
        "SELECT i.IntegrationName, l.n FROM @i i, LATERAL (SELECT count(*) AS n FROM @c c WHERE c.TargetArn = i.TargetArn) l",
        r#"SELECT i."integration_name" AS "IntegrationName", l."n" FROM @i i, LATERAL (SELECT count(*) AS n FROM @c c WHERE c."target_arn" = i."target_arn") l"#,
    );
    check(
        "SELECT i.IntegrationName, l.N FROM @i i LEFT JOIN LATERAL (SELECT count(*) AS n FROM @c WHERE target_arn = i.TargetArn) l ON true",
        r#"SELECT i."integration_name" AS "IntegrationName", l."n" FROM @i i LEFT JOIN LATERAL (SELECT count(*) AS n FROM @c WHERE "target_arn" = i."target_arn") l ON true"#,
    );
    check(
        "SELECT a.SourceArn FROM @i a WHERE a.SourceArn > ALL (SELECT TargetArn FROM @c b WHERE b.Region = a.Region)",
        r#"SELECT a."source_arn" AS "SourceArn" FROM @i a WHERE a."source_arn" > ALL(SELECT "target_arn" AS "TargetArn" FROM @c b WHERE b."region" = a."region")"#,
    );
    check(
        "SELECT i.IntegrationName, t.key FROM @i i CROSS JOIN LATERAL (SELECT unnest(i.Tags)) t(key)",
        r#"SELECT i."integration_name" AS "IntegrationName", t."key" FROM @i i CROSS JOIN LATERAL (SELECT unnest(i."tags")) t (key)"#,
    );
}

#[test]
fn table_functions_have_columns_that_nobody_knows() {
    check("SELECT value FROM generate_series(1, 3)", "SELECT value FROM generate_series(1, 3)");
    check("SELECT v FROM generate_series(1, 3) AS g(v)", r#"SELECT "v" FROM generate_series(1, 3) AS g (v)"#);
    check(
        "SELECT g.value, IntegrationName FROM @i, generate_series(1, 3) g",
        r#"SELECT g.value, "integration_name" AS "IntegrationName" FROM @i, generate_series(1, 3) g"#,
    );
    check(
        "SELECT u.x, IntegrationName FROM @i, unnest([1, 2]) AS u(x)",
        r#"SELECT u."x", "integration_name" AS "IntegrationName" FROM @i, UNNEST([1, 2]) AS u (x)"#,
    );
}

#[test]
fn what_has_no_name_is_given_one_where_it_needs_it() {
    check(
        "SELECT region FROM @i FULL JOIN (SELECT 'a' AS region) USING (region)",
        r##"SELECT coalesce("awscc"."redshift"."integrations"."region", "#1"."region") AS "region" FROM @i FULL JOIN (SELECT 'a' AS region) AS "#1" USING("region")"##,
    );
    check(
        "SELECT * FROM @c c JOIN plain p USING (region), (SELECT count(*) FROM plain)",
        r##"SELECT "c"."region", "c"."cluster_identifier", "c"."target_arn", "p"."note", "#1".* FROM @c c JOIN plain p USING("region"), (SELECT count(*) FROM plain) AS "#1""##,
    );
    check(
        "SELECT one, two FROM (@i i JOIN (SELECT 1 AS one) ON true) CROSS JOIN (SELECT 2 AS Two)",
        r##"SELECT "one", "two" FROM (@i i JOIN (SELECT 1 AS one) AS "#1" ON true) CROSS JOIN (SELECT 2 AS Two) AS "#2""##,
    );
    check(
        "SELECT value, region FROM @i, generate_series(1, 2)",
        r##"SELECT value, "region" FROM @i, generate_series(1, 2) AS "#1""##,
    );
}

#[test]
fn a_short_name_is_planned_in_full() {
    check(
        "SELECT SourceArn, integrations.Region, redshift.integrations.tags FROM Redshift.Integrations",
        r#"SELECT "source_arn" AS "SourceArn", integrations."region", redshift.integrations."tags" FROM "awscc"."redshift"."integrations""#,
    );
}
