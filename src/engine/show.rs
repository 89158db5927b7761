//! SHOW and DESCRIBE: the catalog as rows, with the column names that StackQL's users know.
//! Reads the catalog and the drivers' signatures; sends nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DFSchema;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use sqlparser::ast::{Expr, ExprWithAlias, Ident, SetExpr, Value};

use crate::catalog::model::{Access, Catalog, Method, Origin, Resource, Type};
use crate::catalog::required_params;
use crate::drivers::Signature;
use crate::engine::skeleton;
use crate::engine::translate::translate;
use crate::error::{Error, Kind, Result, nearest};
use crate::sql::names::{Column, Tables, resolve};
use crate::sql::{Body, Describe, Name, Show, ShowFilter, Source, Statement};

/// What a session knows besides its catalog.
pub struct Known {
    /// Name, value and description.
    pub settings: Vec<(String, String, String)>,
    pub functions: Vec<String>,
    /// The session's own tables.
    pub own: Vec<String>,
}

/// The rows of a SHOW, and the condition that LIKE or WHERE puts on them.
///
/// # Errors
/// `Name`, with its place: a provider, service, resource or setting that does not exist.
pub fn show(catalog: &Catalog, known: &Known, shown: &Show, source: &Source) -> Result<(RecordBatch, Option<Expr>)> {
    match shown {
        Show::Insert { required, name } => {
            let statement = at(skeleton::insert(resource(catalog, name, source)?, *required), name.span(), source)?;
            Ok((table(&["insert_statement"], vec![vec![statement]]), None))
        }
        Show::Providers { filter, .. } => Ok((providers(catalog), condition(filter, "name"))),
        Show::Services { extended, name, filter } => {
            let provider = at(catalog.provider(&name.to_string()), name.span(), source)?;
            let mut columns = vec!["id", "name", "title"];
            columns.extend(if *extended { &["description", "version", "preferred"][..] } else { &[] });
            let rows = provider.services.iter().map(|service| {
                let id = format!("{}.{}", provider.name, service.name);
                let extra = [service.description.clone(), service.version.clone(), "true".to_string()];
                [id, service.name.clone(), service.title.clone()].into_iter().chain(extra).take(columns.len()).collect()
            });
            Ok((table(&columns, rows.collect()), condition(filter, "name")))
        }
        Show::Resources { extended, name, filter } => {
            let [provider, service] = name.parts.as_slice() else { return Err(short(name)) };
            let found = at(catalog.provider(&provider.text), provider.span, source)
                .and_then(|_| at(catalog.service(&provider.text, &service.text), service.span, source))?;
            let mut columns = vec!["name", "id"];
            columns.extend(extended.then_some("description"));
            let rows = found.resources.iter().map(|resource| {
                let row = [resource.name.clone(), resource.full_name(), resource.description.clone()];
                row.into_iter().take(columns.len()).collect()
            });
            Ok((table(&columns, rows.collect()), condition(filter, "name")))
        }
        Show::Methods { extended, name, filter } => {
            let resource = resource(catalog, name, source)?;
            let mut columns = vec!["MethodName", "RequiredParams", "SQLVerb"];
            columns.extend(extended.then_some("description"));
            let rows = resource.methods.iter().map(|method| {
                let required = required_params(resource, method).join(", ");
                let row = [method.name.clone(), required, verb(resource, method).into(), method.description.clone()];
                row.into_iter().take(columns.len()).collect()
            });
            Ok((table(&columns, rows.collect()), condition(filter, "MethodName")))
        }
        Show::Settings { filter } => {
            let rows =
                known.settings.iter().map(|(name, value, about)| vec![name.clone(), value.clone(), about.clone()]);
            Ok((table(&["name", "value", "description"], rows.collect()), condition(filter, "name")))
        }
        Show::Tables { filter } => {
            let services = catalog.providers.iter().flat_map(|provider| &provider.services);
            let rows = services
                .flat_map(|service| &service.resources)
                .filter(|resource| !resource.fields.is_empty())
                .map(|resource| vec![resource.provider.clone(), resource.service.clone(), resource.name.clone()]);
            let own = known.own.iter().map(|name| vec!["local".to_string(), "main".to_string(), name.clone()]);
            Ok((
                table(&["table_catalog", "table_schema", "table_name"], rows.chain(own).collect()),
                condition(filter, "table_name"),
            ))
        }
        // The session's own to answer: they are no part of the catalog.
        Show::Views { filter } => Ok((table(&["name"], Vec::new()), condition(filter, "name"))),
        Show::Functions { filter } => {
            let rows = known.functions.iter().map(|name| vec![name.clone()]).collect();
            Ok((table(&["name"], rows), condition(filter, "name")))
        }
        Show::Version => Ok((table(&["version"], vec![vec![env!("CARGO_PKG_VERSION").into()]]), None)),
        Show::Variable { name } => match known.settings.iter().find(|(setting, ..)| setting == name) {
            Some((_, value, _)) => Ok((table(&["name", "value"], vec![vec![name.clone(), value.clone()]]), None)),
            None => {
                let error = Error::new(Kind::Name, format!("there is nothing called `{name}` to show"));
                Err(match nearest(name, known.settings.iter().map(|(setting, ..)| setting.as_str())) {
                    Some(near) => error.with_hint(format!("did you mean `SHOW {near}`?")),
                    None => error.with_hint(
                        "`SHOW PROVIDERS`, `SERVICES IN`, `RESOURCES IN`, `METHODS IN`, `TABLES`, `FUNCTIONS`, `SETTINGS` and `VERSION` are there",
                    ),
                })
            }
        },
    }
}

/// Invariant: names are in full here.
fn short(name: &Name) -> Error {
    Error::new(Kind::Internal, format!("`{name}` was not completed"))
}

/// The rows of a DESCRIBE, and what else is worth saying.
///
/// # Errors
/// `Name`, with its place: a resource or method that does not exist.
pub fn describe<'s>(
    catalog: &Catalog,
    described: &Describe,
    source: &Source,
    signature: impl Fn(&Resource, &str) -> Option<Signature<'s>>,
) -> Result<(RecordBatch, Vec<String>)> {
    match described {
        Describe::Resource { extended, name } => {
            let resource = resource(catalog, name, source)?;
            let alone = resource.fields.is_empty().then(|| methods_alone(resource));
            let examples = if *extended { examples(resource) } else { Vec::new() };
            Ok((fields(resource, *extended), alone.into_iter().chain(examples).collect()))
        }
        Describe::Method { extended, name } => {
            let parts = name.texts();
            let [provider, service, table, method] = parts.as_slice() else {
                return Err(Error::new(
                    Kind::Name,
                    format!("`{name}` is no method: write provider.service.resource.method"),
                )
                .at(source.place(name.span())));
            };
            let resource = at(catalog.resource(provider, service, table), name.span(), source)?;
            let method = at(catalog.method(provider, service, table, method), name.span(), source)?;
            Ok((method_rows(resource, method, signature(resource, &method.call), *extended), Vec::new()))
        }
    }
}

/// What `SET` returns: no rows and no columns.
pub fn nothing() -> RecordBatch {
    RecordBatch::new_empty(Arc::new(Schema::empty()))
}

/// The rows of DESCRIBE for a table of the user's own: name, type and other names of each column.
pub fn own_fields(columns: Vec<[String; 3]>, extended: bool) -> RecordBatch {
    match extended {
        true => table(&["name", "type", "other_names"], columns.into_iter().map(Vec::from).collect()),
        false => table(&["name", "type"], columns.into_iter().map(|[name, kind, _]| vec![name, kind]).collect()),
    }
}

/// Rows of EXPLAIN, in DataFusion's own columns.
pub fn plan_rows(rows: &[(&str, &str)]) -> RecordBatch {
    table(&["plan_type", "plan"], rows.iter().map(|(kind, plan)| vec![kind.to_string(), plan.to_string()]).collect())
}

/// The rows of a SHOW that its LIKE or WHERE lets through; the same SQL as everywhere decides.
///
/// # Errors
/// What is wrong with the condition.
pub async fn filtered(state: &SessionState, batch: RecordBatch, filter: Expr, source: &Source) -> Result<RecordBatch> {
    let failed = |error| translate(&error, Some(source));
    let plan = filter_plan(state, &batch, filter, source)?;
    let plan = Box::pin(state.create_physical_plan(&plan)).await.map_err(failed)?;
    let stream = execute_stream(plan, state.task_ctx()).map_err(failed)?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(failed)?;
    arrow::compute::concat_batches(&batch.schema(), &batches)
        .map_err(|e| Error::new(Kind::Internal, "the rows of SHOW do not fit together").with_source(e))
}

/// The plan that picks from the rows of a SHOW those that its condition lets through.
fn filter_plan(state: &SessionState, batch: &RecordBatch, condition: Expr, source: &Source) -> Result<LogicalPlan> {
    struct Shown<'a>(&'a RecordBatch, &'a SessionState);
    impl Tables for Shown<'_> {
        fn columns(&self, _: &[String]) -> Result<Vec<Column>> {
            let schema = self.0.schema();
            let column = |field: &Arc<Field>| Column { name: field.name().clone(), aliases: Vec::new(), hidden: false };
            Ok(schema.fields().iter().map(column).collect())
        }
        fn canonical(&self, _: &[String]) -> Option<Vec<String>> {
            None
        }
        fn has_function(&self, name: &str) -> bool {
            self.1.scalar_functions().contains_key(&name.to_lowercase()) && !crate::engine::functions::is_hidden(name)
        }
        fn functions(&self) -> Vec<String> {
            self.1.scalar_functions().keys().cloned().collect()
        }
    }
    let Body::Query(mut query) = Statement::try_from("SELECT * FROM shown")?.body else {
        return Err(Error::new(Kind::Internal, "a query is not read as one"));
    };
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(condition);
    }
    resolve(&mut query, &Shown(batch, state), source)?;
    let SetExpr::Select(select) = *query.body else {
        return Err(Error::new(Kind::Internal, "a query is not read as one"));
    };
    let failed = |error| translate(&error, Some(source));
    let schema = DFSchema::try_from(batch.schema()).map_err(failed)?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).map_err(failed)?;
    let plan = LogicalPlanBuilder::scan("shown", provider_as_source(Arc::new(table)), None).map_err(failed)?;
    let plan = match select.selection {
        Some(condition) => {
            let condition = state
                .create_logical_expr_from_sql_expr(ExprWithAlias { expr: condition, alias: None }, &schema)
                .map_err(failed)?;
            plan.filter(condition).map_err(failed)?
        }
        None => plan,
    };
    plan.build().map_err(failed)
}

fn providers(catalog: &Catalog) -> RecordBatch {
    let rows = catalog.providers.iter().map(|provider| {
        let mut versions: Vec<&str> = provider.services.iter().map(|service| service.version.as_str()).collect();
        versions.dedup();
        let origins = provider.services.iter().map(|service| match &service.origin {
            Origin::Embedded => format!("{}: built in", service.name),
            Origin::File(path) => format!("{}: {}", service.name, path.display()),
        });
        vec![provider.name.clone(), versions.join(", "), origins.collect::<Vec<_>>().join("; ")]
    });
    table(&["name", "version", "origin"], rows.collect())
}

fn fields(resource: &Resource, extended: bool) -> RecordBatch {
    let identity = |name: &String| if resource.identity.first() == Some(name) { " (Identifier)" } else { "" };
    let fields = resource.fields.iter().map(|field| {
        let access = match field.access {
            _ if field.echoes => "param",
            Access::Read => "read only",
            Access::Create if field.required => "create only, required",
            Access::Create => "create only",
            Access::Write if field.required => "write, required",
            Access::Write => "write",
            Access::Secret => "secret",
        };
        let wire = format!("{}{}", field.wire, identity(&field.name));
        vec![field.name.clone(), type_name(&field.kind), field.description.clone(), wire, access.to_string()]
    });
    let params = resource.hidden_params().map(|param| {
        let access = if param.required { "param, required" } else { "param" };
        vec![param.name.clone(), type_name(&param.kind), param.description.clone(), String::new(), access.to_string()]
    });
    match extended {
        true => table(&["name", "type", "description", "wire_name", "access"], fields.chain(params).collect()),
        false => table(&["name", "type"], fields.map(|row| row.into_iter().take(2).collect()).collect()),
    }
}

/// What a resource without fields is.
fn methods_alone(resource: &Resource) -> String {
    let name = resource.full_name();
    let methods: Vec<String> = resource.methods.iter().map(|method| method.name.clone()).collect();
    format!("`{name}` has methods alone, which `EXEC {name}.…` runs: {}", methods.join(", "))
}

fn examples(resource: &Resource) -> Vec<String> {
    let examples = resource.examples.iter().map(|example| format!("example: {}", example.trim()));
    let type_name = resource.type_name.iter().map(|name| format!("{}: {name}", resource.full_name()));
    type_name.chain(examples).collect()
}

fn method_rows(resource: &Resource, method: &Method, signature: Option<Signature<'_>>, extended: bool) -> RecordBatch {
    let selects = resource.verbs.select.contains(&method.name);
    let required = required_params(resource, method);
    let named = |name: &str| resource.fields.iter().find(|field| field.wire == name || field.name == name);
    let argument = |name: &str| method.arguments.iter().find(|field| field.wire == name);
    let named = |name: &str| argument(name).or_else(|| named(name));
    let described = |name: &str| match (named(name), resource.param(name)) {
        (Some(field), _) => (type_name(&field.kind), field.description.clone()),
        (None, Some(param)) => (type_name(&param.kind), param.description.clone()),
        (None, None) => match (name, resource.identity.first().and_then(|identity| resource.field(identity))) {
            ("Identifier", Some(field)) => (type_name(&field.kind), format!("the same as `{}`", field.name)),
            ("PatchDocument", _) => ("string".into(), "JSON Patch operations (RFC 6902) on wire names".into()),
            _ => ("string".into(), String::new()),
        },
    };
    let row = |name: &str, role: &str| {
        let (kind, about) = described(name);
        vec![name.to_string(), kind.clone(), role.to_string(), kind, about]
    };
    let is_new = |name: &str, field: &str| !required.iter().any(|known| known == name || known == field);
    let mut rows: Vec<Vec<String>> = required.iter().map(|name| row(name, "input_required")).collect();
    if selects {
        let inputs = signature.into_iter().flat_map(|signature| signature.inputs);
        let keyed = required.iter().any(|name| name == "Identifier");
        let inputs = inputs.filter_map(|input| resource.fields.iter().find(|field| field.wire == input.wire && !keyed));
        rows.extend(
            inputs.filter(|field| is_new(&field.wire, &field.name)).map(|field| row(&field.name, "input_optional")),
        );
        rows.extend(
            resource.hidden_params().filter(|p| is_new(&p.name, &p.name)).map(|p| row(&p.name, "input_optional")),
        );
        rows.extend(resource.fields.iter().map(|field| row(&field.name, "output")));
    } else if !resource.is_bound(&method.name) {
        let optional = method.arguments.iter().filter(|argument| is_new(&argument.wire, &argument.name));
        rows.extend(optional.map(|argument| row(&argument.wire, "input_optional")));
        let params = resource.params.iter().filter(|param| is_new(&param.name, &param.name));
        rows.extend(params.map(|param| row(&param.name, "input_optional")));
        rows.extend(method.gives.iter().map(|field| {
            let kind = type_name(&field.kind);
            vec![field.name.clone(), kind.clone(), "output".into(), kind, field.description.clone()]
        }));
        if method.gives.is_empty() {
            let given = signature.map(|signature| signature.fields).unwrap_or_default();
            let fields = resource.fields.iter().filter(|field| given.contains(&field.wire.as_str()));
            rows.extend(fields.map(|field| row(&field.name, "output")));
        }
    } else {
        let creates = resource.verbs.insert.as_ref() == Some(&method.name);
        let updates = resource.verbs.update.as_ref() == Some(&method.name);
        let sent = resource.fields.iter().filter(|field| match field.access {
            Access::Read => false,
            Access::Create => creates,
            Access::Write | Access::Secret => creates || updates,
        });
        rows.extend(
            sent.filter(|field| is_new(&field.wire, &field.name)).map(|field| row(&field.wire, "input_optional")),
        );
    }
    let right =
        |name: &String, role: &str, about: &str| [name.as_str(), "", role, "", about].map(String::from).to_vec();
    if extended {
        rows.extend(method.permissions.iter().map(|name| right(name, "permission", "asked for by the service")));
    }
    let privileges = method.privileges.iter();
    rows.extend(privileges.map(|name| right(name, "privilege", "of the platform's account that carries this out")));
    let columns = ["name", "type", "param_type", "shape", "description"];
    let width = if extended { 5 } else { 4 };
    rows.iter_mut().for_each(|row| row.truncate(width));
    table(&columns[..width], rows)
}

fn verb(resource: &Resource, method: &Method) -> &'static str {
    let is = |verb: &Option<String>| verb.as_ref() == Some(&method.name);
    let verbs = &resource.verbs;
    match () {
        _ if verbs.select.contains(&method.name) => "SELECT",
        _ if is(&verbs.insert) => "INSERT",
        _ if is(&verbs.update) => "UPDATE",
        _ if verbs.delete.contains(&method.name) => "DELETE",
        _ => "EXEC",
    }
}

/// A type as DESCRIBE shows it: `list<key: string, value: string>`.
fn type_name(kind: &Type) -> String {
    match kind {
        Type::String => "string".into(),
        Type::Boolean => "boolean".into(),
        Type::Integer => "integer".into(),
        Type::Number => "number".into(),
        Type::Timestamp => "timestamp".into(),
        Type::Strings => "list<string>".into(),
        Type::Map => "map<string, string>".into(),
        Type::Json => "json".into(),
        Type::List(members) => {
            let members = members.iter().map(|member| format!("{}: {}", member.name, type_name(&member.kind)));
            format!("list<{}>", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn resource<'a>(catalog: &'a Catalog, name: &Name, source: &Source) -> Result<&'a Resource> {
    match name.texts().as_slice() {
        [provider, service, resource] => at(catalog.resource(provider, service, resource), name.span(), source),
        _ => Err(Error::new(Kind::Name, format!("`{name}` is no resource: write provider.service.resource"))
            .at(source.place(name.span()))),
    }
}

fn at<T>(found: Result<T>, span: sqlparser::tokenizer::Span, source: &Source) -> Result<T> {
    found.map_err(|error| error.at(source.place(span)))
}

pub fn condition(filter: &Option<ShowFilter>, column: &str) -> Option<Expr> {
    match filter.as_ref()? {
        ShowFilter::Where(condition) => Some(condition.clone()),
        ShowFilter::Like(pattern) => Some(Expr::Like {
            negated: false,
            any: false,
            expr: Box::new(Expr::Identifier(Ident::with_quote('"', column))),
            pattern: Box::new(Expr::value(Value::SingleQuotedString(pattern.clone()))),
            escape_char: None,
        }),
    }
}

/// Rows of text as a batch.
fn table(columns: &[&str], rows: Vec<Vec<String>>) -> RecordBatch {
    let schema = Schema::new(columns.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect::<Vec<_>>());
    let arrays = (0..columns.len())
        .map(|index| Arc::new(StringArray::from_iter(rows.iter().map(|row| row.get(index)))) as ArrayRef);
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    #[expect(clippy::expect_used, reason = "every array is text and has one value a row, as the schema says")]
    RecordBatch::try_new_with_options(Arc::new(schema), arrays.collect(), &options)
        .expect("columns of text, all of one length")
}
