//! `SHOW INSERT INTO`: a statement to fill in, in the manner of StackQL's documents.
//! Reads the catalog alone; sends nothing.

use crate::catalog::model::{Access, Resource, Type};
use crate::error::{Error, Kind, Result};

/// An INSERT with a placeholder for each column: those that it needs stand, the others are comments beside them, so that
/// it runs once the former are filled in, and a line that is wanted loses its `--` on both sides. `required` leaves the
/// others out.
///
/// # Errors
/// `Statement`: nothing can be inserted.
pub fn insert(resource: &Resource, required: bool) -> Result<String> {
    let table = resource.full_name();
    if resource.verbs.insert.is_none() {
        return Err(Error::new(Kind::Statement, format!("`{table}` has no INSERT"))
            .with_hint(format!("`SHOW METHODS IN {table}` lists what it has")));
    }
    let sent: Vec<_> = resource.fields.iter().filter(|field| field.access != Access::Read).collect();
    let fields = sent.iter().map(|field| Column {
        column: &field.wire,
        value: value(&field.name, &field.kind),
        is_needed: field.required || resource.param(&field.name).is_some_and(|param| param.required),
    });
    let is_sent = |name: &str| sent.iter().any(|field| field.name == name);
    let params = resource.params.iter().filter(|param| param.required && !is_sent(&param.name));
    let params =
        params.map(|param| Column { column: &param.name, value: value(&param.name, &param.kind), is_needed: true });
    let (needed, mut others): (Vec<Column<'_>>, Vec<Column<'_>>) =
        fields.chain(params).partition(|column| column.is_needed);
    if required {
        others.clear();
    }
    // Without any that it needs, there is nothing that the others could stand behind.
    let (needed, others) = if needed.is_empty() { (others, Vec::new()) } else { (needed, others) };
    let lines = |of: for<'c> fn(&'c Column<'_>) -> &'c str| {
        let needed: Vec<String> = needed.iter().map(|column| format!("  {}", of(column))).collect();
        let others: String = others.iter().map(|column| format!("\n  -- , {}", of(column))).collect();
        needed.join(",\n") + &others
    };
    Ok(format!(
        "INSERT INTO {table} (\n{}\n)\nSELECT\n{};",
        lines(|column| column.column),
        lines(|column| &column.value) + if others.is_empty() { "" } else { "\n" }
    ))
}

/// A column that an INSERT can give.
struct Column<'a> {
    column: &'a str,
    value: String,
    is_needed: bool,
}

fn value(name: &str, kind: &Type) -> String {
    match kind {
        Type::Boolean | Type::Integer | Type::Number => format!("{{{{ {name} }}}}"),
        _ => format!("'{{{{ {name} }}}}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::sql::{Body, Statement};

    #[test]
    fn a_statement_to_fill_in() {
        let catalog = catalog::load(None).and_then(|drafts| drafts.catalog()).expect("the built-in documents");
        let resource = |name| catalog.resource("awscc", "redshift", name).expect("a resource");
        let required = insert(resource("integrations"), true).expect("an INSERT");
        assert_eq!(
            required,
            "INSERT INTO awscc.redshift.integrations (\n  SourceArn,\n  TargetArn,\n  region\n)\nSELECT\n  \
             '{{ source_arn }}',\n  '{{ target_arn }}',\n  '{{ region }}';"
        );
        let shown = insert(resource("integrations"), false).expect("an INSERT");
        let columns = |text: &str| {
            let Body::Insert(read) = Statement::try_from(text).expect("a statement").body else { panic!("{text}") };
            read.columns.iter().map(|column| column.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(columns(&shown), ["sourcearn", "targetarn", "region"]);
        // Each line that is wanted stands by itself.
        let one = shown.replace("-- , Tags", ", Tags").replace("-- , '{{ tags", ", '{{ tags");
        assert_eq!(columns(&one), ["sourcearn", "targetarn", "region", "tags"]);
        let whole = shown.replace("-- , ", ", ");
        let expected =
            ["sourcearn", "targetarn", "region", "integrationname", "tags", "kmskeyid", "additionalencryptioncontext"];
        assert_eq!(columns(&whole), expected);
        assert!(
            shown.contains("  -- , '{{ kms_key_id }}'\n  -- , '{{ additional_encryption_context }}'\n;"),
            "{shown}"
        );
        let error = insert(resource("integrations_list_only"), false).expect_err("reads only");
        assert_eq!(error.message, "`awscc.redshift.integrations_list_only` has no INSERT");
    }
}
