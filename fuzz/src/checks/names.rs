//! Names: what a query means is what it means again once it is resolved.

use super::fine;
use super::statements::without_spans;
use iql_rooms::error::{Error, Kind, Result};
use iql_rooms::sql::names::{Column, Tables, find, resolve};
use iql_rooms::sql::{Body, Source, parse_each};

/// `name alias alias`, and a `-` before what is hidden.
const TABLES: [(&str, &[&str]); 3] = [
    (
        "awscc.redshift.integrations",
        &[
            "integration_arn IntegrationArn Identifier",
            "integration_name IntegrationName",
            "source_arn SourceArn",
            "tags Tags",
            "kms_key_id KMSKeyId",
            "-region",
        ],
    ),
    ("awscc.redshift.clusters", &["cluster_identifier Identifier", "target_arn TargetArn", "-region", "-profile"]),
    ("plain", &["region", "note", "Note"]),
];
const FUNCTIONS: [&str; 8] = ["count", "max", "lower", "json_extract", "json_each", "unnest", "coalesce", "row_number"];

struct World;

impl Tables for World {
    fn columns(&self, name: &[String]) -> Result<Vec<Column>> {
        let name = name.join(".");
        let found = TABLES.iter().find(|(known, _)| *known == name);
        let (_, columns) = found.ok_or_else(|| Error::new(Kind::Name, format!("there is no resource `{name}`")))?;
        Ok(columns.iter().map(|text| column(text)).collect())
    }

    fn canonical(&self, name: &[String]) -> Option<Vec<String>> {
        (name.len() == 2).then(|| std::iter::once("awscc".to_string()).chain(name.iter().cloned()).collect())
    }

    fn has_function(&self, name: &str) -> bool {
        FUNCTIONS.contains(&name)
    }

    fn table_function(&self, name: &str) -> Option<Vec<String>> {
        (name == "json_each").then(|| ["key", "value"].map(String::from).to_vec())
    }

    fn functions(&self) -> Vec<String> {
        FUNCTIONS.map(String::from).to_vec()
    }
}

fn column(text: &str) -> Column {
    let mut words = text.trim_start_matches('-').split(' ').map(str::to_string);
    Column { name: words.next().unwrap_or_default(), aliases: words.collect(), hidden: text.starts_with('-') }
}

pub fn names(text: &str) {
    for (table, columns) in TABLES {
        let columns: Vec<Column> = columns.iter().map(|text| column(text)).collect();
        let found = find(&columns, text);
        assert!(found.is_none_or(|at| at < columns.len()), "{table}");
    }
    // As they are written in the seeds.
    let text = text.replace("@i", "awscc.redshift.integrations").replace("@c", "awscc.redshift.clusters");
    let source = Source::new(&text, None);
    for statement in parse_each(&source).into_iter().filter_map(|parsed| parsed.statement.ok()) {
        let Body::Query(query) = statement.body else { continue };
        let mut once = query.clone();
        let found = match resolve(&mut once, &World, &statement.source) {
            Ok(found) => found,
            Err(error) => {
                fine(&error, &text);
                continue;
            }
        };
        assert!(found.tables.iter().all(|table| World.columns(&table.parts).is_ok()), "a table that is not there");
        let mut twice = once.clone();
        let again = resolve(&mut twice, &World, &statement.source)
            .unwrap_or_else(|error| panic!("what was resolved is not understood: {error}\n{once}"));
        assert_eq!(twice.to_string(), once.to_string(), "resolved twice");
        assert_eq!(without_spans(&format!("{twice:?}")), without_spans(&format!("{once:?}")), "resolved twice: {once}");
        let names = |columns: Option<Vec<Column>>| {
            columns.map(|columns| columns.into_iter().map(|column| column.name).collect::<Vec<_>>())
        };
        assert_eq!(names(again.columns), names(found.columns), "{once}");
    }
}
