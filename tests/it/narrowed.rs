//! Generated conditions on a table of a service, of which some reach it as params and filters, held against the same
//! conditions on a copy of the whole table, where none does.

use fastrand::Rng;

use crate::lab::Lab;

const NATIVE: &str = "aws.redshift.integrations";
/// One of them has nothing.
const REGIONS: &[&str] = &["eu-west-1", "us-west-2", "ap-south-1"];
const CONDITIONS: usize = 120;

struct Row {
    arn: String,
    source: String,
}

#[tokio::test]
async fn a_condition_means_what_it_means_of_a_copy() {
    let lab = Lab::new().await;
    let columns = "region, integration_arn, integration_name, source_arn, status";
    let listed = format!("region IN ('{}')", REGIONS.join("', '"));
    lab.count(&format!("CREATE TABLE whole AS SELECT {columns} FROM {NATIVE} WHERE {listed}")).await.expect("a copy");
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().expect("text").to_string();
    let rows = lab.rows("SELECT integration_arn, source_arn FROM whole").await.expect("rows");
    let rows: Vec<Row> =
        rows.iter().map(|row| Row { arn: text(row, "integration_arn"), source: text(row, "source_arn") }).collect();
    let mut random = Rng::with_seed(20_261_122);
    let mut with_some = 0;
    for number in 0..CONDITIONS {
        let condition = condition(&rows, &mut random, 3);
        let of = |table: &str| format!("SELECT {columns} FROM {table} WHERE {listed} AND ({condition}) ORDER BY 2");
        let expected = lab.rows(&of("whole")).await.unwrap_or_else(|error| panic!("{number}: {condition}\n{error}"));
        let found = lab.rows(&of(NATIVE)).await.unwrap_or_else(|error| panic!("{number}: {condition}\n{error}"));
        assert_eq!(found, expected, "{number}: {condition}");
        with_some += usize::from(!found.is_empty() && found.len() < rows.len());
    }
    assert!(with_some > CONDITIONS / 3, "{with_some}");
}

fn condition(rows: &[Row], random: &mut Rng, depth: usize) -> String {
    if depth == 0 || random.u8(..4) == 0 {
        return single(rows, random);
    }
    let (left, right) = (condition(rows, random, depth - 1), condition(rows, random, depth - 1));
    match random.u8(..8) {
        0 => format!("NOT ({left})"),
        1 => format!("(({left}) IS NOT TRUE)"),
        2 => format!("CASE WHEN {left} THEN {right} ELSE status = 'active' END"),
        3..=5 => format!("({left} AND {right})"),
        _ => format!("({left} OR {right})"),
    }
}

/// A condition on one column, or on none, by values that exist, that do not, and that are none.
fn single(rows: &[Row], random: &mut Rng) -> String {
    let column =
        ["region", "integration_arn", "source_arn", "status", "Identifier", "integration_name"][random.usize(..6)];
    let value = |random: &mut Rng| {
        let row = &rows[random.usize(..rows.len())];
        match (random.u8(..10), column) {
            (0, _) => "NULL".to_string(),
            // What is no ARN the service refuses.
            (1, "integration_arn" | "Identifier") => format!("'{}0'", &row.arn[..row.arn.len() - 1]),
            (1, "source_arn") => format!("'{}0'", &row.source[..row.source.len() - 1]),
            (1, _) => "'nothing''s'".to_string(),
            (_, "region") => format!("'{}'", REGIONS[random.usize(..REGIONS.len())]),
            (_, "source_arn") => format!("'{}'", row.source),
            (_, "status") => format!("'{}'", ["active", "failed", "syncing", "ACTIVE"][random.usize(..4)]),
            (_, "integration_name") => "'orders'".to_string(),
            _ => format!("'{}'", row.arn),
        }
    };
    let values = |random: &mut Rng| (0..random.usize(1..5)).map(|_| value(random)).collect::<Vec<_>>().join(", ");
    match random.u8(..14) {
        0..=3 => format!("{column} = {}", value(random)),
        4 => format!("{} = {column}", value(random)),
        5..=7 => format!("{column} IN ({})", values(random)),
        8 => format!("{column} NOT IN ({})", values(random)),
        9 => format!("{column} <> {}", value(random)),
        10 => format!("{column} >= {}", value(random)),
        11 => format!("coalesce({column}, 'x') = {}", value(random)),
        12 => format!("{column} LIKE '%{}%'", ["a", "1", "west"][random.usize(..3)]),
        _ => ["true", "NULL", "1 = 2", "status = region", "source_arn IS NULL"][random.usize(..5)].to_string(),
    }
}
