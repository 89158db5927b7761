//! Generated joins that feed params, held against the same joins over tables that are listed whole.

use std::collections::HashSet;

use fastrand::Rng;

use crate::lab::Lab;

const NATIVE: &str = "aws.redshift.integrations";
const INBOUND: &str = "aws.redshift.inbound_integrations";
/// The regions that a feed may name, and one that has nothing.
const REGIONS: &[&str] = &["eu-west-1", "us-west-2", "eu-central-1", "ap-southeast-2", "ap-south-1"];
const QUERIES: usize = 40;

struct Row {
    region: String,
    arn: String,
    status: String,
}

#[tokio::test]
async fn a_join_that_feeds_gives_what_a_join_of_whole_tables_gives() {
    let lab = Lab::new().await;
    let regions = format!("'{}'", REGIONS.join("', '"));
    let all = format!("SELECT region, integration_arn, status FROM {NATIVE} WHERE region IN ({regions})");
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().expect("text").to_string();
    let row = |row: &serde_json::Value| Row {
        region: text(row, "region"),
        arn: text(row, "integration_arn"),
        status: text(row, "status"),
    };
    let rows: Vec<Row> = lab.rows(&all).await.expect("rows").iter().map(row).collect();
    let mut random = Rng::with_seed(20_261_122);
    let mut with_rows = 0;
    for number in 0..QUERIES {
        let table = random.choice([NATIVE, NATIVE, INBOUND]).expect("a table");
        let query = query(&rows, &mut random);
        let columns = "region, integration_arn, source_arn, status";
        let open = query.replace("{detail}", &format!("(SELECT {columns} FROM {table})"));
        // A limit is what no condition goes through: nothing is bound by the join here.
        let whole = format!("(SELECT {columns} FROM {table} WHERE region IN ({regions}) LIMIT 100000)");
        let whole = query.replace("{detail}", &whole);
        let expected = sorted(&lab, &whole).await.unwrap_or_else(|error| panic!("{number}: {whole}\n{error}"));
        lab.sandbox.clear_requests();
        let found = sorted(&lab, &open).await.unwrap_or_else(|error| panic!("{number}: {open}\n{error}"));
        assert_eq!(found, expected, "{number}: {open}");
        with_rows += usize::from(!found.is_empty());
        let mut seen = HashSet::new();
        for request in lab.sandbox.requests() {
            let call = format!("{} {} {:?}", request.action, request.region, request.parameters);
            assert!(seen.insert(call.clone()), "{number}: {call} was made twice\n{open}");
        }
    }
    assert!(with_rows > QUERIES / 2, "{with_rows}");
}

async fn sorted(lab: &Lab, sql: &str) -> Result<Vec<String>, String> {
    let rows = lab.rows(sql).await.map_err(|error| error.to_string())?;
    let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
    rows.sort();
    Ok(rows)
}

fn query(rows: &[Row], random: &mut Rng) -> String {
    let feed = feed(rows, random);
    let on = random.usize(..7);
    let condition = [
        "d.region = v.r",
        "d.region = v.r AND d.integration_arn = v.a",
        "d.integration_arn = v.a AND d.region = split_part(v.a, ':', 4)",
        "d.region = v.r AND d.status = v.s",
        "d.integration_arn = v.a AND d.region = 'eu-west-1'",
        // What is left to check when the keys are equal.
        "d.region = v.r AND d.status > v.s",
        "d.region = v.r AND d.integration_arn = v.a AND d.status <> v.s",
    ][on];
    let shapes = [
        "SELECT v.*, d.* FROM {feed} v JOIN {detail} d ON {on}",
        "SELECT v.*, d.* FROM {feed} v LEFT JOIN {detail} d ON {on}",
        "SELECT v.*, d.* FROM {detail} d JOIN {feed} v ON {on}",
        "SELECT v.*, d.* FROM {detail} d RIGHT JOIN {feed} v ON {on}",
        "SELECT v.* FROM {feed} v WHERE EXISTS (SELECT 1 FROM {detail} d WHERE {on})",
        "SELECT v.* FROM {feed} v WHERE NOT EXISTS (SELECT 1 FROM {detail} d WHERE {on})",
        "SELECT d.* FROM {detail} d WHERE EXISTS (SELECT 1 FROM {feed} v WHERE {on})",
        "SELECT d.* FROM {detail} d WHERE d.region IN (SELECT v.r FROM {feed} v) AND d.status <> 'syncing'",
        "SELECT v.r, g.n FROM {feed} v LEFT JOIN (SELECT region, count(*) AS n FROM {detail} x GROUP BY region) g ON g.region = v.r",
        "SELECT v.a, d.status, e.source_arn FROM {feed} v JOIN {detail} d ON {on} JOIN {detail} e ON e.region = d.region AND e.integration_arn = d.integration_arn",
        "SELECT v.a, u.status FROM {feed} v JOIN (SELECT region, status FROM {detail} x UNION ALL SELECT region, integration_arn FROM {detail} y) u ON u.region = v.r",
        "SELECT v.r, (SELECT count(*) FROM {detail} d WHERE {on}) AS n FROM {feed} v",
    ];
    // A count by an inequality with the outer row is no join.
    let shape = shapes[random.usize(..if on < 5 { shapes.len() } else { shapes.len() - 1 })];
    let query = shape.replace("{feed}", &feed).replace("{on}", condition);
    // Rounds are small where something may stop early.
    if random.bool() { format!("{query} LIMIT 100000") } else { query }
}

fn feed(rows: &[Row], random: &mut Rng) -> String {
    let listed = |random: &mut Rng| {
        let (one, other) = (REGIONS[random.usize(..3)], REGIONS[random.usize(..4)]);
        format!(
            "SELECT region AS r, integration_arn AS a, status AS s FROM {NATIVE} WHERE region IN ('{one}', '{other}') AND status <> 'active'"
        )
    };
    match random.u8(..5) {
        0 => format!("({})", listed(random)),
        1 => format!("({} UNION ALL SELECT * FROM {})", listed(random), values(rows, random)),
        2 => format!("(SELECT r, max(a) AS a, min(s) AS s FROM {} GROUP BY r)", values(rows, random)),
        _ => format!("(SELECT * FROM {})", values(rows, random)),
    }
}

/// Rows that exist, more than once, and rows that do not: without a value, with another's region, with an ARN of nothing.
fn values(rows: &[Row], random: &mut Rng) -> String {
    let literal = |text: &str| format!("'{text}'");
    let value = |random: &mut Rng| {
        let Row { region, arn, status } = &rows[random.usize(..rows.len())];
        let (mut region, mut arn) = (literal(region), literal(arn));
        match random.u8(..12) {
            0 => region = "NULL".into(),
            1 => arn = "NULL".into(),
            2 => region = literal(REGIONS[random.usize(..REGIONS.len())]),
            3 => region = literal(["nowhere", ""][random.usize(..2)]),
            4 => arn = format!("{}0'", &arn[..arn.len() - 2]),
            _ => {}
        }
        format!("({region}, {arn}, '{status}')")
    };
    let most = [4, 40][random.usize(..2)];
    let count = random.usize(1..=most);
    let mut values: Vec<String> = (0..count).map(|_| value(random)).collect();
    values.extend(values[..count / 3].to_vec());
    format!("(VALUES {}) f(r, a, s)", values.join(", "))
}
