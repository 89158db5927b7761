//! The rows that an UPDATE or a DELETE is about: whatever its WHERE picks, each once, read by an ordinary SELECT.
//! Reads, and writes nothing. Invariant: a target is known by its key and its params, and only by them; by its key alone
//! where that is an ARN, which names one thing whoever looks at it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, GroupByExpr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TableWithJoins, Value as Literal, ValueWithSpan,
};

use super::cells;
use super::document::{Document, wire};
use super::site::Site;
use crate::catalog::model::Type;
use crate::engine::calls::Meter;
use crate::engine::explain::permissions;
use crate::engine::least;
use crate::engine::plan::{collect, logical, physical};
use crate::engine::rules::scans;
use crate::engine::run::Run;
use crate::engine::scan::ScanExec;
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::{Name, Part, Source, query as query_of};

/// What picks the targets.
pub struct Picked<'a> {
    pub table: &'a Name,
    pub alias: Option<&'a Part>,
    /// Further tables, as in UPDATE … FROM and DELETE … USING.
    pub others: &'a [TableWithJoins],
    pub selection: &'a Expr,
    /// What to compute for each target.
    pub values: Vec<&'a Expr>,
}

/// One row that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub key: String,
    pub params: BTreeMap<String, String>,
    pub document: Document,
    pub values: Vec<Value>,
}

pub struct Targets {
    pub found: Vec<Found>,
    /// The literals that the WHERE names its rows by, if it does.
    pub named: Option<Vec<String>>,
    /// Those of them that are not there.
    pub absent: Vec<String>,
    /// Whether the WHERE says nothing but which rows there are, so that what is absent does not exist.
    pub only_named: bool,
    pub run: Arc<Run>,
}

/// What is wrong with what picks the targets, as far as that is known before any is read.
pub async fn mistake(session: &Session, site: &Site, picked: &Picked<'_>, source: &Source) -> Option<Error> {
    let fields: Vec<String> = site.resource.fields.iter().map(|field| field.name.clone()).collect();
    let planned = async {
        let (state, _, resolved) = session.resolved(&query(picked, &fields), source, &Arc::default()).await?;
        physical(&state, &logical(&state, resolved, source).await?, source).await
    };
    planned.await.err()
}

/// Reads the targets; `call` is the one that will write.
///
/// # Errors
/// What is wrong with the WHERE; a named row of another region than the statement's; two rows that want two things of
/// one target.
pub async fn read(
    session: &Session,
    site: &Site,
    call: &str,
    picked: &Picked<'_>,
    source: &Source,
    meter: &Arc<Meter>,
) -> Result<Targets> {
    let fields: Vec<String> = site.resource.fields.iter().map(|field| field.name.clone()).collect();
    let (state, run, resolved) = session.resolved(&query(picked, &fields), source, meter).await?;
    let conditions = Conditions::of(site, picked, &resolved);
    let plan = physical(&state, &logical(&state, resolved, source).await?, source).await?;
    let scans: Vec<_> =
        scans(&plan).into_iter().filter(|scan| scan.resource.full_name() == site.resource.full_name()).collect();
    if conditions.named.iter().flatten().any(String::is_empty) {
        return Err(Error::new(Kind::Param, "`Identifier` is empty").with_context("nothing was sent"));
    }
    elsewhere(&scans, conditions.named.as_deref().unwrap_or_default())?;
    // A param that is no field is a column to read only where something binds it: it then says whose row it is.
    let is_bound = |name: &str| {
        scans.iter().any(|scan| scan.route.requests.iter().any(|request| request.params.contains_key(name)))
    };
    let signature = site.signature(call)?;
    let is_taken = |name: &str| signature.params.iter().any(|param| param.name == name);
    let hidden = site.resource.hidden_params().map(|param| param.name.clone());
    let hidden: Vec<String> = hidden.filter(|name| is_bound(name) && is_taken(name)).collect();
    let (state, run, plan) = if hidden.is_empty() {
        (state, run, plan)
    } else {
        let columns: Vec<String> = fields.iter().chain(&hidden).cloned().collect();
        let (state, run, resolved) = session.resolved(&query(picked, &columns), source, meter).await?;
        let plan = physical(&state, &logical(&state, resolved, source).await?, source).await?;
        (state, run, plan)
    };
    run.reads.get_or_init(|| permissions(&plan));
    run.calls.afford(least::calls(&plan))?;
    let rows = cells::rows(&collect(&state, plan, source).await?)?;
    let is_arn = site.identity()?.arn;
    let mut found: Vec<Found> = Vec::new();
    let mut known: HashMap<(String, Option<BTreeMap<String, String>>), usize> = HashMap::new();
    for row in rows {
        let row = target(site, &hidden, row)?;
        match known.entry((row.key.clone(), (!is_arn).then(|| row.params.clone()))) {
            Entry::Vacant(entry) => {
                entry.insert(found.len());
                found.push(row);
            }
            Entry::Occupied(entry) if found[*entry.get()].values == row.values => {}
            Entry::Occupied(_) => {
                return Err(Error::new(
                    Kind::Statement,
                    format!("two rows of the statement want two things of `{}`", row.key),
                )
                .with_context("nothing was sent")
                .with_hint("let the FROM give one row for each that is changed"));
            }
        }
    }
    let named = conditions.named;
    let keys: HashSet<&String> = found.iter().map(|row| &row.key).collect();
    let absent = named.iter().flatten().filter(|key| !keys.contains(key)).cloned().collect();
    Ok(Targets { found, named, absent, only_named: conditions.nothing_else, run })
}

/// A row of the SELECT: the fields, the hidden params, the values.
fn target(site: &Site, hidden: &[String], row: Vec<Value>) -> Result<Found> {
    let identity = site.identity()?;
    let mut cells = row.into_iter();
    let (mut document, mut params) = (Document::new(), BTreeMap::new());
    for field in &site.resource.fields {
        let value = cells.next().unwrap_or_default();
        if field.echoes {
            if let Value::String(text) = value {
                params.insert(field.name.clone(), text);
            }
            continue;
        }
        let value = wire(field, value).map_err(|message| Error::new(Kind::Internal, message))?;
        if let Some(value) = value {
            document.insert(field.wire.clone(), value);
        } else if matches!(field.kind, Type::List(_) | Type::Strings) {
            document.insert(field.wire.clone(), Value::Array(Vec::new()));
        }
    }
    for name in hidden {
        if let Some(Value::String(text)) = cells.next() {
            params.insert(name.clone(), text);
        }
    }
    let key = match document.get(&identity.wire) {
        Some(Value::String(key)) => key.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            return Err(Error::new(
                Kind::Shape,
                format!("a row has no `{}`, and cannot be told from others", identity.wire),
            )
            .with_context("nothing was sent"));
        }
    };
    Ok(Found { key, params, document, values: cells.collect() })
}

/// `SELECT columns, values FROM table, others WHERE selection`.
pub fn query(picked: &Picked<'_>, columns: &[String]) -> Query {
    let path: Vec<Ident> = match picked.alias {
        Some(alias) => vec![quoted(alias)],
        None => picked.table.parts.iter().map(quoted).collect(),
    };
    let column = |(at, name): (usize, &String)| SelectItem::ExprWithAlias {
        expr: Expr::CompoundIdentifier(path.iter().cloned().chain([Ident::with_quote('"', name)]).collect()),
        alias: Ident::with_quote('"', format!("column {at}")),
    };
    let value = |(at, expr): (usize, &&Expr)| SelectItem::ExprWithAlias {
        expr: (*expr).clone(),
        alias: Ident::with_quote('"', format!("value {at}")),
    };
    let projection = columns.iter().enumerate().map(column).chain(picked.values.iter().enumerate().map(value));
    let table = relation(picked.table, picked.alias);
    let from = std::iter::once(table).chain(picked.others.iter().cloned()).collect();
    select(projection.collect(), from, Some(picked.selection.clone()))
}

/// A table by its name in a FROM.
pub fn relation(table: &Name, alias: Option<&Part>) -> TableWithJoins {
    let alias = alias.map(|alias| TableAlias { explicit: true, name: quoted(alias), columns: Vec::new(), at: None });
    let name = ObjectName::from(table.parts.iter().map(quoted).collect::<Vec<_>>());
    let relation = TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    TableWithJoins { relation, joins: Vec::new() }
}

/// A plain SELECT.
pub fn select(projection: Vec<SelectItem>, from: Vec<TableWithJoins>, selection: Option<Expr>) -> Query {
    let select = Select { projection, from, selection, ..empty_select() };
    query_of(SetExpr::Select(Box::new(select)))
}

fn quoted(part: &Part) -> Ident {
    Ident::with_quote_and_span('"', part.span, part.text.clone())
}

/// What a WHERE says of the keys of its targets.
struct Conditions {
    named: Option<Vec<String>>,
    nothing_else: bool,
}

impl Conditions {
    fn of(site: &Site, picked: &Picked<'_>, resolved: &Query) -> Conditions {
        let nothing = Conditions { named: None, nothing_else: false };
        let SetExpr::Select(select) = resolved.body.as_ref() else { return nothing };
        let (Some(selection), Some(identity)) = (&select.selection, site.resource.identity.first()) else {
            return nothing;
        };
        let of_target = |expr: &Expr, name: &str| match expr {
            Expr::Identifier(ident) => ident.value == name,
            Expr::CompoundIdentifier(parts) => {
                let path = picked.alias.or(picked.table.parts.last()).map(|part| part.text.as_str());
                let [.., table, column] = parts.as_slice() else { return false };
                column.value == name && Some(table.value.as_str()) == path
            }
            _ => false,
        };
        let (mut named, mut nothing_else) = (None, picked.others.is_empty());
        for condition in conjuncts(selection) {
            if let Some(values) = literals(condition, &|expr| of_target(expr, identity)) {
                let allowed: HashSet<&String> = values.iter().collect();
                let both = |known: Vec<String>| known.into_iter().filter(|key| allowed.contains(key)).collect();
                named = Some(named.map_or_else(|| values.clone(), both));
            } else {
                let is_param = |name: &str| literals(condition, &|expr| of_target(expr, name)).is_some();
                nothing_else &= site.resource.params.iter().any(|param| is_param(&param.name));
            }
        }
        Conditions { named, nothing_else }
    }
}

/// The parts of a WHERE that must all hold.
fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner) => conjuncts(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        expr => vec![expr],
    }
}

/// The texts that a condition allows a column to have, when it does nothing but list them.
fn literals(condition: &Expr, is_column: &dyn Fn(&Expr) -> bool) -> Option<Vec<String>> {
    match condition {
        Expr::Nested(inner) => literals(inner, is_column),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (is_column(left), is_column(right)) {
            (true, _) => text(right).map(|text| vec![text]),
            (_, true) => text(left).map(|text| vec![text]),
            _ => None,
        },
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Some([literals(left, is_column)?, literals(right, is_column)?].concat())
        }
        Expr::InList { expr, list, negated: false } if is_column(expr) => list.iter().map(text).collect(),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => text(inner),
        // A text that is cast to a text of any length stays what it is.
        Expr::Cast {
            expr,
            data_type: DataType::Text | DataType::Varchar(None) | DataType::String(None),
            array: false,
            format: None,
            ..
        } => text(expr),
        Expr::Value(ValueWithSpan { value: Literal::SingleQuotedString(text), .. }) => Some(text.clone()),
        _ => None,
    }
}

/// A key that cannot be where the statement looks is a mistake, and not a row that does not exist. A subquery's scan of
/// the same resource may look elsewhere: so a key counts that every scan has dropped, or that the WHERE itself names.
fn elsewhere(scans: &[ScanExec], named: &[String]) -> Result<()> {
    let named: HashSet<&String> = named.iter().collect();
    let mut drops: HashMap<&String, usize> = HashMap::new();
    let mut dropped: Vec<&String> = Vec::new();
    for scan in scans {
        for key in scan.route.elsewhere.iter().collect::<HashSet<_>>() {
            *drops.entry(key).or_default() += 1;
        }
        dropped.extend(&scan.route.elsewhere);
    }
    let mut seen = HashSet::new();
    let far = dropped.into_iter().filter(|key| drops.get(key) == Some(&scans.len()) || named.contains(key));
    let far: Vec<&String> = far.filter(|key| seen.insert(*key)).collect();
    let Some(first) = far.first() else { return Ok(()) };
    let region = first.split(':').nth(3).unwrap_or_default();
    let error =
        Error::new(Kind::Param, format!("`{first}` is in the region `{region}`, where the statement does not look"));
    let error =
        far.iter().skip(1).fold(error, |error, key| error.with_context(format!("so is `{key}`, or in another")));
    let error = error.with_context("nothing was sent").with_hint(format!("write `region = '{region}'`"));
    Err(error)
}

fn empty_select() -> Select {
    Select {
        select_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        window_before_qualify: false,
        qualify: None,
        value_table_mode: None,
        flavor: sqlparser::ast::SelectFlavor::Standard,
    }
}
