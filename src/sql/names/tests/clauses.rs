//! The clauses of one SELECT: what is typed, and what is planned. `@i` and `@c` are the two resources.

use super::check;

#[test]
fn a_selected_column_keeps_the_spelling_typed() {
    check("SELECT SourceArn FROM @i", r#"SELECT "source_arn" AS "SourceArn" FROM @i"#);
    check("SELECT source_arn FROM @i", r#"SELECT "source_arn" FROM @i"#);
    check("SELECT Source_Arn FROM @i", r#"SELECT "source_arn" FROM @i"#);
    check("SELECT sourcearn FROM @i", r#"SELECT "source_arn" FROM @i"#);
    check(r#"SELECT "SourceArn" FROM @i"#, r#"SELECT "source_arn" AS "SourceArn" FROM @i"#);
    check(
        "SELECT Identifier, KMSKeyId, data__SourceArn FROM @i",
        r#"SELECT "integration_arn" AS "Identifier", "kms_key_id" AS "KMSKeyId", "source_arn" AS "data__SourceArn" FROM @i"#,
    );
    check("SELECT data__source_arn FROM @i", r#"SELECT "source_arn" AS "data__source_arn" FROM @i"#);
    check("SELECT data__SOURCEARN FROM @i", r#"SELECT "source_arn" FROM @i"#);
    check("SELECT SourceArn AS Src FROM @i ORDER BY Src", r#"SELECT "source_arn" AS Src FROM @i ORDER BY "src""#);
    check(
        r#"SELECT SourceArn AS "Src" FROM @i ORDER BY Src, region"#,
        r#"SELECT "source_arn" AS "Src" FROM @i ORDER BY "Src", "region""#,
    );
    check("SELECT CreateTime::date FROM @i", r#"SELECT "create_time"::DATE AS "CreateTime" FROM @i"#);
    check(
        "SELECT SourceArn, SourceArn FROM @i",
        r#"SELECT "source_arn" AS "SourceArn", "source_arn" AS "SourceArn_2" FROM @i"#,
    );
    check(
        "SELECT *, region, SourceArn FROM @i",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region", "region" AS "region_2", "source_arn" AS "SourceArn" FROM @i"#,
    );
    check(
        "SELECT a.SourceArn, b.SourceArn FROM @i a JOIN @i b ON a.Identifier = b.Identifier ORDER BY a.SourceArn",
        r#"SELECT a."source_arn" AS "SourceArn", b."source_arn" AS "SourceArn_2" FROM @i a JOIN @i b ON a."integration_arn" = b."integration_arn" ORDER BY "SourceArn""#,
    );
    check(
        "SELECT a.region, b.region FROM @i a JOIN @i b ON a.Identifier = b.Identifier ORDER BY a.region",
        r#"SELECT a."region", b."region" FROM @i a JOIN @i b ON a."integration_arn" = b."integration_arn" ORDER BY a."region""#,
    );
    check(
        "SELECT SourceArn || ':' || TargetArn, [SourceArn], named_struct('a', TargetArn) FROM @i",
        r#"SELECT "source_arn" || ':' || "target_arn", ["source_arn"], named_struct('a', "target_arn") FROM @i"#,
    );
}

#[test]
fn qualified_names() {
    check("SELECT i.SourceArn, i.region FROM @i i", r#"SELECT i."source_arn" AS "SourceArn", i."region" FROM @i i"#);
    check("SELECT I.SourceArn FROM @i AS I", r#"SELECT I."source_arn" AS "SourceArn" FROM @i AS I"#);
    check(
        "SELECT @i.SourceArn, integrations.region, redshift.integrations.TargetArn FROM @i",
        r#"SELECT @i."source_arn" AS "SourceArn", integrations."region", redshift.integrations."target_arn" AS "TargetArn" FROM @i"#,
    );
    check(
        "SELECT AWSCC.Redshift.Integrations.SourceArn FROM AWSCC.Redshift.Integrations",
        r#"SELECT AWSCC.Redshift.Integrations."source_arn" AS "SourceArn" FROM AWSCC.Redshift.Integrations"#,
    );
    check(
        "SELECT region FROM @i i WHERE i.Region = 'x' AND i.data__IntegrationName LIKE 'a%'",
        r#"SELECT "region" FROM @i i WHERE i."region" = 'x' AND i."integration_name" LIKE 'a%'"#,
    );
    check(
        "SELECT SourceArn, i.region FROM @i i, (VALUES ('a')) v(source_arn)",
        r#"SELECT "i"."source_arn" AS "SourceArn", i."region" FROM @i i, (VALUES ('a')) v (source_arn)"#,
    );
}

#[test]
fn star() {
    check("FROM plain", "SELECT * FROM plain");
    check(
        "SELECT * FROM @i",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i"#,
    );
    check("SELECT * FROM plain", "SELECT * FROM plain");
    check("SELECT p.* FROM plain p", "SELECT p.* FROM plain p");
    check(
        "SELECT i.* FROM @i i",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i i"#,
    );
    check(
        "SELECT i.* FROM @i i JOIN @c c ON i.TargetArn = c.TargetArn",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "i"."target_arn", "tags", "create_time", "kms_key_id", "i"."region" FROM @i i JOIN @c c ON i."target_arn" = c."target_arn""#,
    );
    check(
        "SELECT * FROM @i i JOIN @c c ON i.TargetArn = c.TargetArn",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "i"."target_arn", "tags", "create_time", "kms_key_id", "i"."region", "cluster_identifier", "c"."target_arn", "c"."region" FROM @i i JOIN @c c ON i."target_arn" = c."target_arn""#,
    );
    check(
        "SELECT region, * FROM @i",
        r#"SELECT "region", "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" AS "region_2" FROM @i"#,
    );
    check(
        "SELECT * EXCLUDE (SourceArn, tags) FROM @i",
        r#"SELECT "integration_arn", "integration_name", "target_arn", "create_time", "kms_key_id", "region" FROM @i"#,
    );
    check(
        "SELECT * EXCEPT (SourceArn) FROM @i",
        r#"SELECT "integration_arn", "integration_name", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i"#,
    );
    check(
        "SELECT * REPLACE (upper(Region) AS region) FROM @i",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", upper("region") AS "region" FROM @i"#,
    );
    check(
        "SELECT * RENAME (SourceArn AS src) FROM @i",
        r#"SELECT "integration_arn", "integration_name", "source_arn" AS "src", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i"#,
    );
    check("SELECT * ILIKE '%arn' FROM @i", r#"SELECT "integration_arn", "source_arn", "target_arn" FROM @i"#);
    check(
        "SELECT * FROM @i WHERE source_type = 'a'",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i WHERE "source_type" = 'a'"#,
    );
    check(
        "SELECT * FROM @i WHERE source_type IN ('a', 'a')",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i WHERE "source_type" IN ('a', 'a')"#,
    );
    check(
        "SELECT * FROM @i WHERE source_type IN ('a', 'b')",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region", "source_type" FROM @i WHERE "source_type" IN ('a', 'b')"#,
    );
    check(
        "SELECT * FROM @i WHERE region = 'x' AND (source_type = 'a' OR source_type = 'b')",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region", "source_type" FROM @i WHERE "region" = 'x' AND ("source_type" = 'a' OR "source_type" = 'b')"#,
    );
    check(
        "SELECT i.* FROM @i i WHERE i.source_type IN ('a', 'b')",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region", "source_type" FROM @i i WHERE i."source_type" IN ('a', 'b')"#,
    );
    check(
        "SELECT * FROM @i i CROSS JOIN unnest([1, 2]) AS u(x)",
        r#"SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region", "x" FROM @i i CROSS JOIN UNNEST([1, 2]) AS u (x)"#,
    );
    check(
        "SELECT * FROM @i i CROSS JOIN generate_series(1, 2) AS g",
        r#"SELECT "i"."integration_arn", "i"."integration_name", "i"."source_arn", "i"."target_arn", "i"."tags", "i"."create_time", "i"."kms_key_id", "i"."region", "g".* FROM @i i CROSS JOIN generate_series(1, 2) AS g"#,
    );
    check(
        "SELECT x.* FROM (SELECT * FROM @i WHERE source_type = 'a') x",
        r#"SELECT x.* FROM (SELECT "integration_arn", "integration_name", "source_arn", "target_arn", "tags", "create_time", "kms_key_id", "region" FROM @i WHERE "source_type" = 'a') x"#,
    );
}

#[test]
fn grouping_and_windows() {
    check(
        "SELECT region, count(*) FROM @i GROUP BY Region HAVING count(*) > 1 ORDER BY 2 DESC",
        r#"SELECT "region", count(*) FROM @i GROUP BY "region" HAVING count(*) > 1 ORDER BY 2 DESC"#,
    );
    check(
        "SELECT SourceArn, count(*) AS n FROM @i GROUP BY SourceArn HAVING n > 1 ORDER BY SourceArn, N",
        r#"SELECT "source_arn" AS "SourceArn", count(*) AS n FROM @i GROUP BY "source_arn" HAVING "n" > 1 ORDER BY "SourceArn", "n""#,
    );
    check(
        "SELECT SourceArn, TargetArn, count(*) FROM @i GROUP BY ROLLUP (SourceArn, TargetArn)",
        r#"SELECT "source_arn" AS "SourceArn", "target_arn" AS "TargetArn", count(*) FROM @i GROUP BY ROLLUP ("source_arn", "target_arn")"#,
    );
    check(
        "SELECT SourceArn, TargetArn, count(*) FROM @i GROUP BY CUBE (SourceArn, TargetArn)",
        r#"SELECT "source_arn" AS "SourceArn", "target_arn" AS "TargetArn", count(*) FROM @i GROUP BY CUBE ("source_arn", "target_arn")"#,
    );
    check(
        "SELECT SourceArn, TargetArn, count(*) FROM @i GROUP BY GROUPING SETS ((SourceArn), (TargetArn), ())",
        r#"SELECT "source_arn" AS "SourceArn", "target_arn" AS "TargetArn", count(*) FROM @i GROUP BY GROUPING SETS (("source_arn"), ("target_arn"), ())"#,
    );
    check(
        "SELECT SourceArn, count(*) FROM @i GROUP BY 1",
        r#"SELECT "source_arn" AS "SourceArn", count(*) FROM @i GROUP BY 1"#,
    );
    check(
        "SELECT SourceArn, count(*) FROM @i GROUP BY ALL",
        r#"SELECT "source_arn" AS "SourceArn", count(*) FROM @i GROUP BY ALL"#,
    );
    check(
        "SELECT split_part(SourceArn, ':', 3) AS kind, count(*) FROM @i GROUP BY kind ORDER BY Kind",
        r#"SELECT split_part("source_arn", ':', 3) AS kind, count(*) FROM @i GROUP BY "kind" ORDER BY "kind""#,
    );
    check(
        "SELECT CAST(SourceArn AS text), count(*) FROM @i GROUP BY CAST(SourceArn AS text) ORDER BY SourceArn",
        r#"SELECT CAST("source_arn" AS TEXT) AS "SourceArn", count(*) FROM @i GROUP BY CAST("source_arn" AS TEXT) ORDER BY "SourceArn""#,
    );
    check(
        "SELECT SourceArn, row_number() OVER (PARTITION BY Region ORDER BY CreateTime) AS rn FROM @i QUALIFY rn = 1",
        r#"SELECT "source_arn" AS "SourceArn", row_number() OVER (PARTITION BY "region" ORDER BY "create_time") AS rn FROM @i QUALIFY "rn" = 1"#,
    );
    check(
        "SELECT SourceArn, row_number() OVER w FROM @i WINDOW w AS (PARTITION BY Region ORDER BY CreateTime DESC)",
        r#"SELECT "source_arn" AS "SourceArn", row_number() OVER w FROM @i WINDOW w AS (PARTITION BY "region" ORDER BY "create_time" DESC)"#,
    );
    check(
        "SELECT sum(length(SourceArn)) OVER (PARTITION BY Region) FROM @i",
        r#"SELECT sum(length("source_arn")) OVER (PARTITION BY "region") FROM @i"#,
    );
    check(
        "SELECT count(*) FILTER (WHERE KMSKeyId IS NOT NULL), array_agg(SourceArn ORDER BY CreateTime) FROM @i",
        r#"SELECT count(*) FILTER (WHERE "kms_key_id" IS NOT NULL), array_agg("source_arn" ORDER BY "create_time") FROM @i"#,
    );
    check(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(SourceArn)) FROM @i",
        r#"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length("source_arn")) FROM @i"#,
    );
    check(
        "SELECT count(DISTINCT SourceArn), count(*), count(i.*) FROM @i i",
        r#"SELECT count(DISTINCT "source_arn"), count(*), count(i.*) FROM @i i"#,
    );
}

#[test]
fn order_distinct_limit() {
    check(
        "SELECT DISTINCT SourceArn FROM @i ORDER BY SourceArn",
        r#"SELECT DISTINCT "source_arn" AS "SourceArn" FROM @i ORDER BY "SourceArn""#,
    );
    check(
        "SELECT DISTINCT SourceArn FROM @i ORDER BY source_arn",
        r#"SELECT DISTINCT "source_arn" AS "SourceArn" FROM @i ORDER BY "SourceArn""#,
    );
    check(
        "SELECT DISTINCT i.SourceArn FROM @i i ORDER BY i.SourceArn",
        r#"SELECT DISTINCT i."source_arn" AS "SourceArn" FROM @i i ORDER BY "SourceArn""#,
    );
    check(
        "SELECT DISTINCT ON (SourceArn) SourceArn, IntegrationName FROM @i ORDER BY SourceArn, CreateTime DESC",
        r#"SELECT DISTINCT ON ("SourceArn") "source_arn" AS "SourceArn", "integration_name" AS "IntegrationName" FROM @i ORDER BY "SourceArn", "create_time" DESC"#,
    );
    check(
        "SELECT SourceArn FROM @i ORDER BY length(SourceArn), TargetArn NULLS LAST LIMIT 3 OFFSET 1",
        r#"SELECT "source_arn" AS "SourceArn" FROM @i ORDER BY length("source_arn"), "target_arn" NULLS LAST LIMIT 3 OFFSET 1"#,
    );
    check(
        "SELECT upper(region) AS region FROM @i ORDER BY region",
        r#"SELECT upper("region") AS region FROM @i ORDER BY "region""#,
    );
    check(
        "SELECT coalesce(KMSKeyId, 'x') AS KMSKeyId FROM @i ORDER BY KMSKeyId",
        r#"SELECT coalesce("kms_key_id", 'x') AS KMSKeyId FROM @i ORDER BY "kmskeyid""#,
    );
    check(
        "SELECT a.SourceArn FROM @i a JOIN @i b ON a.Identifier = b.Identifier ORDER BY SourceArn",
        r#"SELECT a."source_arn" AS "SourceArn" FROM @i a JOIN @i b ON a."integration_arn" = b."integration_arn" ORDER BY "SourceArn""#,
    );
    check(
        "SELECT max(SourceArn) FROM @i ORDER BY max(SourceArn)",
        r#"SELECT max("source_arn") FROM @i ORDER BY max("source_arn")"#,
    );
}

#[test]
fn expressions_of_every_form() {
    check(
        "SELECT CASE WHEN Region = 'x' THEN SourceArn || '' ELSE 'y' END FROM @i WHERE CreateTime BETWEEN '1' AND '2'",
        r#"SELECT CASE WHEN "region" = 'x' THEN "source_arn" || '' ELSE 'y' END FROM @i WHERE "create_time" BETWEEN '1' AND '2'"#,
    );
    check(
        "SELECT trim(IntegrationName), substring(IntegrationName FROM 1 FOR 2), position('a' IN SourceArn) FROM @i",
        r#"SELECT TRIM("integration_name"), SUBSTRING("integration_name" FROM 1 FOR 2), POSITION('a' IN "source_arn") FROM @i"#,
    );
    check(
        "SELECT EXTRACT(year FROM CAST(CreateTime AS timestamp)), current_date, now() FROM @i",
        r#"SELECT EXTRACT(YEAR FROM CAST("create_time" AS TIMESTAMP)), current_date, now() FROM @i"#,
    );
    check(
        "SELECT region FROM @i WHERE SourceArn ILIKE 'a%' OR NOT (Region IN ('a', TargetArn)) OR KMSKeyId IS NULL",
        r#"SELECT "region" FROM @i WHERE "source_arn" ILIKE 'a%' OR NOT ("region" IN ('a', "target_arn")) OR "kms_key_id" IS NULL"#,
    );
    check(
        "SELECT Tags[1]['key'], i.tags[1]['value'], i.Tags[2].Key, i.Tags[1:2] FROM @i i",
        r#"SELECT "tags"[1]['key'], i."tags"[1]['value'], i."tags"[2]['key'], i."tags"[1:2] FROM @i i"#,
    );
    check(
        "SELECT integrations.Tags[1] FROM @i WHERE Tags[1]['key'] = 'a'",
        r#"SELECT integrations."tags"[1] FROM @i WHERE "tags"[1]['key'] = 'a'"#,
    );
    check(
        "SELECT IntegrationName, unnest(Tags) FROM @i",
        r#"SELECT "integration_name" AS "IntegrationName", unnest("tags") FROM @i"#,
    );
}
