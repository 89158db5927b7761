//! `SHOW INSERT INTO`: a statement to fill in, in the manner of StackQL's documents.
//! Reads the catalog alone; sends nothing.

use crate::catalog::model::{Access, Resource, Type};
use crate::error::{Error, Kind, Result};

/// An INSERT of every column that it can give, or of those that it needs, each with a placeholder.
///
/// # Errors
/// `Statement`: nothing can be inserted.
pub fn insert(resource: &Resource, required: bool) -> Result<String> {
    let table = resource.full_name();
    if resource.verbs.insert.is_none() {
        return Err(Error::new(Kind::Statement, format!("`{table}` has no INSERT"))
            .with_hint(format!("`SHOW METHODS IN {table}` lists what it has")));
    }
    let fields = resource.fields.iter().filter(|field| field.access != Access::Read && (field.required || !required));
    let params = resource.params.iter().filter(|param| param.required);
    let columns: Vec<(&str, &str, &Type)> = fields
        .map(|field| (field.wire.as_str(), field.name.as_str(), &field.kind))
        .chain(params.map(|param| (param.name.as_str(), param.name.as_str(), &param.kind)))
        .collect();
    let names: Vec<String> = columns.iter().map(|(column, ..)| format!("  {column}")).collect();
    let value = |(_, name, kind): &(&str, &str, &Type)| match kind {
        Type::Boolean | Type::Integer | Type::Number => format!("  {{{{ {name} }}}}"),
        _ => format!("  '{{{{ {name} }}}}'"),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    Ok(format!("INSERT INTO {table} (\n{}\n)\nSELECT\n{};", names.join(",\n"), values.join(",\n")))
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
        let whole = insert(resource("integrations"), false).expect("an INSERT");
        let Body::Insert(read) = Statement::try_from(whole.as_str()).expect("a statement").body else {
            panic!("{whole}");
        };
        let columns: Vec<_> = read.columns.iter().map(|column| column.text.as_str()).collect();
        let expected =
            ["integrationname", "sourcearn", "targetarn", "tags", "kmskeyid", "additionalencryptioncontext", "region"];
        assert_eq!(columns, expected);
        assert!(whole.contains("  '{{ kms_key_id }}',\n  '{{ additional_encryption_context }}',\n"), "{whole}");
        let error = insert(resource("integrations_list_only"), false).expect_err("reads only");
        assert_eq!(error.message, "`awscc.redshift.integrations_list_only` has no INSERT");
    }
}
