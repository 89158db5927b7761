//! `json_each`, `json_tree` and `json_array_elements_text` in FROM: a row for each item of a document. What they read
//! may stand to their left in the same FROM; `engine::lateral` makes a plan of that.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Column, NullHandling, Result as PlanResult, ScalarValue, UnnestOptions, plan_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use sqlparser::ast::{FunctionArg, FunctionArgExpr, ObjectNamePart, TableFactor};

use super::arguments::{Arguments, Mark};
use super::json::Json;
use super::path::Path;

/// Each with its columns; what is not text but a number is said in `field`.
const TABLES: [(Which, &str, &[&str]); 3] = [
    (Which::Each, "json_each", &COLUMNS),
    (Which::Tree, "json_tree", &COLUMNS),
    (Which::Texts, "json_array_elements_text", &["value"]),
];
const COLUMNS: [&str; 8] = ["key", "value", "type", "atom", "id", "parent", "fullkey", "path"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Each,
    Tree,
    Texts,
}

/// The columns of a table function of ours.
pub fn columns(name: &str) -> Option<Vec<String>> {
    let (.., columns) = TABLES.iter().find(|(_, known, _)| *known == name)?;
    Some(columns.iter().map(|column| (*column).to_string()).collect())
}

pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(_, name, _)| *name)
}

/// Plans the table functions: the rows of a list that a scalar function makes of the argument.
#[derive(Debug)]
pub struct Tables;

impl RelationPlanner for Tables {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> PlanResult<RelationPlanning> {
        let TableFactor::Function { lateral, name, args, with_ordinality, alias } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let called = match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => context.normalize_ident(ident.clone()),
            _ => String::new(),
        };
        let Some((which, name_of_it, columns)) = TABLES.iter().find(|(_, known, _)| *known == called) else {
            let original = TableFactor::Function { lateral, name, args, with_ordinality, alias };
            return Ok(RelationPlanning::Original(Box::new(original)));
        };
        let mut values = Vec::new();
        for arg in args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = arg else {
                return plan_err!("`{name_of_it}` takes values, and not `{arg}`");
            };
            values.push(context.sql_to_expr(value, &datafusion::common::DFSchema::empty())?);
        }
        let rows = ScalarUDF::from(Rows { which: *which, signature: Signature::variadic_any(Volatility::Immutable) });
        // Not a name that a user's column may have.
        let item = "#item";
        let options = UnnestOptions { null_handling: NullHandling::Drop, ..UnnestOptions::default() };
        let plan = LogicalPlanBuilder::empty(true)
            .project([rows.call(values).alias(item)])?
            .unnest_column_with_options(item, options)?;
        let column = |name: &&str| {
            let item = Expr::Column(Column::from_name(item));
            let value = if *which == Which::Texts { item } else { get_field(item, *name) };
            let mark = match *name {
                "key" | "value" | "atom" if *which != Which::Texts => Mark::Value,
                _ => Mark::Plain,
            };
            value.alias_with_metadata(*name, Some(mark.metadata().into()))
        };
        let plan = plan.project(columns.iter().map(column).collect::<Vec<_>>())?;
        let plan = match &alias {
            Some(_) => plan.build()?,
            None => plan.alias(*name_of_it)?.build()?,
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// A list of the rows, NULL when there are none.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rows {
    which: Which,
    signature: Signature,
}

impl Rows {
    fn item(&self) -> FieldRef {
        let kind = match self.which {
            Which::Texts => DataType::Utf8,
            _ => DataType::Struct(fields()),
        };
        Arc::new(Field::new("item", kind, true))
    }
}

fn fields() -> Fields {
    let field = |name: &&str| match *name {
        "id" | "parent" => Field::new(*name, DataType::Int64, true),
        name => Field::new(name, DataType::Utf8, true),
    };
    COLUMNS.iter().map(field).collect()
}

impl ScalarUDFImpl for Rows {
    fn name(&self) -> &str {
        match self.which {
            Which::Each => "json_each_rows",
            Which::Tree => "json_tree_rows",
            Which::Texts => "json_array_elements",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::List(self.item()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> PlanResult<FieldRef> {
        let given = args.arg_fields.len();
        let called = self.name().trim_end_matches("_rows");
        match (self.which, given) {
            (Which::Each | Which::Tree, 1 | 2) => {}
            (Which::Each | Which::Tree, _) => {
                return plan_err!("`{called}` takes a document and perhaps a path, and is given {given} values");
            }
            (Which::Texts, 1) => {}
            (Which::Texts, _) => return plan_err!("`{called}_text` takes one document, and is given {given} values"),
        }
        Ok(Arc::new(Field::new(self.name(), DataType::List(self.item()), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let mut arguments = Arguments::of(&args)?;
        let mut lengths = Vec::with_capacity(arguments.rows);
        let mut all = Found::default();
        for row in 0..arguments.rows {
            let before = all.rows.len();
            if let Some(json) = arguments.document(0, row)? {
                let path = match arguments.count() {
                    1 => Path::default(),
                    _ => match arguments.path(1, row)? {
                        Some(path) => path,
                        None => {
                            lengths.push(0);
                            continue;
                        }
                    },
                };
                all.read(self.which, &json, &path);
            }
            lengths.push(all.rows.len() - before);
        }
        let nulls = NullBuffer::from_iter(lengths.iter().map(|length| *length > 0));
        let list = ListArray::new(self.item(), OffsetBuffer::from_lengths(lengths), all.array(self.which), Some(nulls));
        match arguments.constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&list, 0)?)),
            false => Ok(ColumnarValue::Array(Arc::new(list))),
        }
    }
}

struct Row {
    key: Option<String>,
    value: Option<String>,
    kind: &'static str,
    atom: Option<String>,
    id: i64,
    parent: Option<i64>,
    fullkey: String,
    path: String,
}

#[derive(Default)]
struct Found {
    rows: Vec<Row>,
}

/// Where a value stands within its document.
struct Place {
    key: Option<String>,
    /// The number of the value, by the order of the text, in which a member's name counts as one.
    id: i64,
    fullkey: String,
    path: String,
}

impl Found {
    fn read(&mut self, which: Which, document: &Json, path: &Path) {
        let mut place = Place { key: None, id: 0, fullkey: "$".to_string(), path: "$".to_string() };
        let mut json = document;
        for step in path.steps() {
            let Some(at) = step.position(json) else { return };
            let Some((inner, next)) = children(json, &place).nth(at) else { return };
            (json, place) = (inner, next);
        }
        match which {
            Which::Tree => self.tree(json, place, None),
            _ if matches!(json, Json::Array(_) | Json::Object(_)) => {
                for (inner, place) in children(json, &place) {
                    self.push(inner, place, None);
                }
            }
            // The one value, which no list has as an item.
            _ => {
                let path = place.fullkey.clone();
                self.push(json, Place { key: None, path, ..place }, None);
            }
        }
    }

    fn tree(&mut self, json: &Json, place: Place, parent: Option<i64>) {
        let id = place.id;
        let inner: Vec<_> = children(json, &place).collect();
        self.push(json, place, parent);
        for (json, place) in inner {
            self.tree(json, place, Some(id));
        }
    }

    fn push(&mut self, json: &Json, place: Place, parent: Option<i64>) {
        let value = json.clone().into_sql();
        let nested = matches!(json, Json::Array(_) | Json::Object(_));
        let atom = value.clone().filter(|_| !nested);
        let Place { key, id, fullkey, path } = place;
        self.rows.push(Row { key, value, kind: json.kind(), atom, id, parent, fullkey, path });
    }

    fn array(self, which: Which) -> ArrayRef {
        let texts = |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
            Arc::new(StringArray::from_iter(self.rows.iter().map(of)))
        };
        let value = texts(&|row| row.value.clone());
        if which == Which::Texts {
            return value;
        }
        let columns: Vec<ArrayRef> = vec![
            texts(&|row| row.key.clone()),
            value,
            texts(&|row| Some(row.kind.to_string())),
            texts(&|row| row.atom.clone()),
            Arc::new(Int64Array::from_iter_values(self.rows.iter().map(|row| row.id))),
            Arc::new(Int64Array::from_iter(self.rows.iter().map(|row| row.parent))),
            texts(&|row| Some(row.fullkey.clone())),
            texts(&|row| Some(row.path.clone())),
        ];
        Arc::new(StructArray::new(fields(), columns, None))
    }
}

/// The items of a list or the members of an object, with their places; a plain value has none.
fn children<'j>(json: &'j Json, place: &Place) -> Box<dyn Iterator<Item = (&'j Json, Place)> + 'j> {
    let path = place.fullkey.clone();
    let mut id = place.id + 1;
    match json {
        Json::Array(items) => Box::new(items.iter().enumerate().map(move |(at, item)| {
            let found = Place { key: Some(at.to_string()), id, fullkey: format!("{path}[{at}]"), path: path.clone() };
            id += size(item);
            (item, found)
        })),
        Json::Object(members) => Box::new(members.iter().map(move |(name, value)| {
            let fullkey = format!("{path}.{}", label(name));
            let found = Place { key: Some(name.clone()), id: id + 1, fullkey, path: path.clone() };
            id += 1 + size(value);
            (value, found)
        })),
        _ => Box::new(std::iter::empty()),
    }
}

fn size(json: &Json) -> i64 {
    match json {
        Json::Array(items) => 1 + items.iter().map(size).sum::<i64>(),
        Json::Object(members) => 1 + members.iter().map(|(_, value)| 1 + size(value)).sum::<i64>(),
        _ => 1,
    }
}

/// A name as SQLite writes it in a path.
fn label(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    if plain { name.to_string() } else { format!("\"{name}\"") }
}
