//! The pass held against a world of three tables, and against the planner: whatever it resolves must plan.

mod clauses;
mod ignored;
mod refused;
mod relations;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{CatalogProvider, MemTable, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;
use crate::error::{Kind, Place};
use crate::sql::{Body, Statement};

/// `name alias alias`, and a `-` before what is hidden.
const INTEGRATIONS: [&str; 9] = [
    "integration_arn IntegrationArn Identifier",
    "integration_name IntegrationName",
    "source_arn SourceArn",
    "target_arn TargetArn",
    "tags Tags",
    "create_time CreateTime",
    "kms_key_id KMSKeyId",
    "region",
    "-source_type",
];
const CLUSTERS: [&str; 4] =
    ["cluster_identifier ClusterIdentifier Identifier", "target_arn TargetArn", "region", "-source_type"];
const PLAIN: [&str; 2] = ["region", "note"];

fn table(name: &[String]) -> Option<&'static [&'static str]> {
    let name: Vec<&str> = name.iter().map(String::as_str).collect();
    match name.as_slice() {
        ["awscc", "redshift", "integrations"] | ["redshift", "integrations"] => Some(&INTEGRATIONS),
        ["awscc", "redshift", "clusters"] => Some(&CLUSTERS),
        ["plain"] => Some(&PLAIN),
        _ => None,
    }
}

fn column(text: &str) -> Column {
    let mut words = text.trim_start_matches('-').split(' ').map(str::to_string);
    Column { name: words.next().unwrap_or_default(), aliases: words.collect(), hidden: text.starts_with('-') }
}

struct World;

impl Tables for World {
    fn columns(&self, name: &[String]) -> Result<Vec<Column>> {
        let found = table(name).map(|texts| texts.iter().map(|text| column(text)).collect());
        found.ok_or_else(|| Error::new(Kind::Name, format!("there is no resource `{}`", name.join("."))))
    }

    fn canonical(&self, name: &[String]) -> Option<Vec<String>> {
        (name.len() == 2).then(|| std::iter::once("awscc".to_string()).chain(name.iter().cloned()).collect())
    }

    fn has_function(&self, name: &str) -> bool {
        self.functions().iter().any(|known| known == name)
    }

    fn functions(&self) -> Vec<String> {
        let state = PLANNER.state();
        let mut names: Vec<String> = state.udfs().into_iter().chain(state.udafs()).chain(state.udwfs()).collect();
        names.extend(state.table_functions().keys().cloned());
        names.sort();
        names
    }
}

static PLANNER: LazyLock<SessionContext> = LazyLock::new(|| {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_information_schema(true));
    let schema = |texts: &[&str]| {
        let tag = DataType::Struct(
            vec![Field::new("key", DataType::Utf8, true), Field::new("value", DataType::Utf8, true)].into(),
        );
        let field = |text: &&str| match column(text).name.as_str() {
            "tags" => Field::new("tags", DataType::List(Arc::new(Field::new_list_field(tag.clone(), true))), true),
            name => Field::new(name, DataType::Utf8, true),
        };
        Arc::new(Schema::new(texts.iter().map(field).collect::<Vec<_>>()))
    };
    let memory = |texts: &[&str]| Arc::new(MemTable::try_new(schema(texts), vec![vec![]]).expect("a table"));
    let redshift = MemorySchemaProvider::new();
    redshift.register_table("integrations".into(), memory(&INTEGRATIONS)).expect("a table");
    redshift.register_table("clusters".into(), memory(&CLUSTERS)).expect("a table");
    let awscc = MemoryCatalogProvider::new();
    awscc.register_schema("redshift", Arc::new(redshift)).expect("a schema");
    ctx.register_catalog("awscc", Arc::new(awscc));
    ctx.register_table("plain", memory(&PLAIN)).expect("a table");
    ctx
});

fn long(text: &str) -> String {
    text.replace("@i", "awscc.redshift.integrations").replace("@c", "awscc.redshift.clusters")
}

fn rewritten(sql: &str) -> Result<Query> {
    let statement = Statement::try_from(long(sql))?;
    let Body::Query(mut query) = statement.body else { panic!("not a query: {sql}") };
    resolve(&mut query, &World, &statement.source)?;
    Ok(*query)
}

/// The query becomes `expected`, which the planner plans and optimises, and resolving it again changes nothing.
fn check(sql: &str, expected: &str) {
    let query = rewritten(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(query.to_string(), long(expected), "{sql}");
    let again = rewritten(&query.to_string()).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(again.to_string(), query.to_string(), "resolved twice");
    if let Err(error) = planned(query) {
        panic!("{sql}\nbecame {expected}\n{error}");
    }
}

/// The query is refused at the words `place`, with this message, context and hints.
fn check_error(sql: &str, place: &str, expected: &[&str]) {
    let error = rewritten(sql).expect_err(sql);
    assert_eq!(error.kind, Kind::Name, "{sql}");
    let Some(Place::Sql { column, length, text, .. }) = error.place.as_deref() else { panic!("no place: {sql}") };
    let words: String = text.chars().skip(column - 1).take(*length).collect();
    assert_eq!(words, long(place), "{sql}");
    let context = error.context.iter().map(|line| match line.split_once(": ") {
        Some((_, message)) => format!("also {message}"),
        None => line.clone(),
    });
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
    let said: Vec<String> = std::iter::once(error.message.clone()).chain(context).chain(hints).collect();
    assert_eq!(said, expected.iter().map(|line| long(line)).collect::<Vec<_>>(), "{sql}");
}

fn planned(query: Query) -> Result<(), String> {
    let query = sqlparser::ast::Statement::Query(Box::new(query));
    let statement = datafusion::sql::parser::Statement::Statement(Box::new(query));
    let state = PLANNER.state();
    let plan = futures::executor::block_on(state.statement_to_plan(statement)).map_err(|error| error.to_string())?;
    state.optimize(&plan).map(drop).map_err(|error| error.to_string())
}

#[test]
fn tables_are_reported_in_the_order_of_the_text() {
    let statement = Statement::try_from(long(
        "WITH x AS (SELECT * FROM @c) SELECT 1 FROM x, @i, plain WHERE EXISTS (SELECT 1 FROM @c)",
    ))
    .expect("a statement");
    let Body::Query(mut query) = statement.body else { panic!("not a query") };
    let resolved = resolve(&mut query, &World, &statement.source).expect("resolved");
    let names: Vec<_> = resolved.tables.iter().map(|table| table.parts.join(".")).collect();
    assert_eq!(names, [long("@c"), long("@i"), "plain".into(), long("@c")]);
}

#[test]
fn long_and_deep_queries_are_resolved() {
    let either = vec!["SourceArn = 'x'"; 900].join(" OR ");
    let union = vec!["SELECT SourceArn FROM @i"; 390].join(" UNION ALL ");
    let nested = format!("{}SELECT * FROM @i{}", "SELECT * FROM (".repeat(12), ")".repeat(12));
    for sql in [format!("SELECT * FROM @i WHERE {either}"), union, nested] {
        rewritten(&sql).unwrap_or_else(|error| panic!("{}", error.message));
    }
}

proptest! {
    #[test]
    fn resolving_never_panics(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..25)) {
        let sql = format!("SELECT {}", words.join(" "));
        let Ok(statement) = Statement::try_from(long(&sql)) else { return Ok(()) };
        let Body::Query(mut query) = statement.body else { return Ok(()) };
        if let Err(error) = resolve(&mut query, &World, &statement.source) {
            prop_assert!(error.place.is_some());
        }
    }
}

const WORDS: [&str; 40] = [
    "*",
    ",",
    ",",
    "FROM",
    "FROM",
    "@i",
    "@c",
    "plain",
    "x",
    "i.",
    "SourceArn",
    "region",
    "source_type",
    "WHERE",
    "=",
    "'a'",
    "IN",
    "(",
    ")",
    "(",
    ")",
    "SELECT",
    "GROUP BY",
    "ORDER BY",
    "1",
    "JOIN",
    "USING",
    "NATURAL JOIN",
    "ON",
    "AS",
    "AS t(a, b)",
    "UNION",
    "count",
    "LATERAL",
    "EXCLUDE",
    "VALUES",
    "unnest",
    "[1]",
    "OR",
    "i.*",
];
