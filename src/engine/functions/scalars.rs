//! The functions that take JSON and give one value: SQLite's, and those that StackQL adds to them. Each takes nested
//! columns and JSON text alike.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as PlanResult, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::arguments::{Arguments, Mark, is_text};
use super::compare::same_policy;
use super::found::{extract, extract_one, found, get, item};
use super::json::Json;
use super::mixed::is_true;
use super::order::{key_of, ranked_of, ranked_of_text, value_of};
use super::same;
use crate::engine::run::raise;
use crate::error::{Error, Kind};

/// A function by its name; the ones after `ToJson` are what operators, aggregates and `sql::names` make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    String,
    Json,
    JsonArray,
    JsonArrayLength,
    JsonEqual,
    JsonExtract,
    JsonGet,
    JsonObject,
    JsonQuote,
    JsonType,
    JsonValid,
    AwsPolicyEqual,
    ToJson,
    /// `->`
    ExtractJson,
    /// `->>`
    ExtractValue,
    /// What `json_extract` finds, as JSON: its type is kept.
    FoundJson,
    /// What `json_get` finds, as JSON.
    GetJson,
    /// JSON, and NULL where it is JSON's null.
    KnownJson,
    /// The same of any value. Of one out of JSON of which only the text is left, what is written as a number is one.
    GuessedJson,
    /// The first of some that is not NULL: `functions::mixed`.
    FirstKnown,
    /// The value that JSON has.
    Valued,
    /// NULLIF with a value of JSON: `functions::same`.
    UnlessSame,
    /// `CASE x WHEN a … WHEN b …`, the number of the first that is the same: `functions::same`.
    Position,
    /// What CASE gives of values of JSON, as it is planned: `functions::mixed`.
    Mixed,
    /// A cast whose planner's name tells that it is one: `sql::names::casts`.
    Cast,
    /// A value as a condition: `functions::mixed`.
    Truth,
    /// By which values of JSON are compared: `functions::order`.
    Key,
    /// The same with the value behind it.
    Ranked,
    /// The same of a value of which only the text is left.
    RankedText,
    /// The value behind a key.
    Unranked,
    /// What `sum` and `avg` are given: a value of JSON as a number, any other value as it is.
    Summed,
    /// What `array_agg` is given: a text in the form whose size is known to who counts memory, any other value as it is.
    Counted,
    /// `"name":value`, of which `json_group_object` is made.
    Member,
    /// A list of JSON texts as a JSON list.
    Items,
    /// A list of members as a JSON object.
    Members,
    /// The texts of a list with a separator between them, NULL if there are none.
    Joined,
    /// `tags['env']`: the `value` of the item with this `key`.
    ItemByKey,
}

/// What can be typed.
const TYPED: [Name; 13] = [
    Name::String,
    Name::Json,
    Name::JsonArray,
    Name::JsonArrayLength,
    Name::JsonEqual,
    Name::JsonExtract,
    Name::JsonGet,
    Name::JsonObject,
    Name::JsonQuote,
    Name::JsonType,
    Name::JsonValid,
    Name::AwsPolicyEqual,
    Name::ToJson,
];

/// What is found by its name, but cannot be typed: it stands in the text that is planned.
const HIDDEN: [Name; 2] = [Name::Mixed, Name::Cast];

pub fn functions() -> impl Iterator<Item = ScalarUDF> {
    TYPED.into_iter().chain(HIDDEN).map(Name::function)
}

pub fn is_hidden(name: &str) -> bool {
    HIDDEN.iter().any(|hidden| name.eq_ignore_ascii_case(hidden.text()))
}

impl Name {
    pub fn function(self) -> ScalarUDF {
        let any = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
        ScalarUDF::from(Function { name: self, signature: Signature::one_of(any, Volatility::Immutable) })
    }

    /// The function of ours that this is.
    pub fn of(function: &ScalarUDF) -> Option<Name> {
        function.inner().downcast_ref::<Function>().map(|function| function.name)
    }

    /// Whether a function of ours gives a JSON document here.
    pub fn is_document(value: &Expr) -> bool {
        match value {
            Expr::ScalarFunction(called) => {
                Name::of(&called.func).is_some_and(|name| Mark::of(&name.gives()) == Mark::Document)
            }
            _ => false,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Name::String => "string",
            Name::Json => "json",
            Name::JsonArray => "json_array",
            Name::JsonArrayLength => "json_array_length",
            Name::JsonEqual => "json_equal",
            Name::JsonExtract => "json_extract",
            Name::JsonGet => "json_get",
            Name::JsonObject => "json_object",
            Name::JsonQuote => "json_quote",
            Name::JsonType => "json_type",
            Name::JsonValid => "json_valid",
            Name::AwsPolicyEqual => "aws_policy_equal",
            Name::ToJson => "to_json",
            Name::ExtractJson => "json_extract_json",
            Name::ExtractValue => "json_extract_value",
            Name::FoundJson => "json_found",
            Name::GetJson => "json_get_value",
            Name::KnownJson => "json_known",
            Name::GuessedJson => "json_guessed",
            Name::FirstKnown => "json_first_known",
            Name::Valued => "json_valued",
            Name::UnlessSame => "json_unless_same",
            Name::Position => "json_position",
            Name::Mixed => "json_mixed",
            Name::Cast => "json_cast",
            Name::Truth => "json_truth",
            Name::Key => "json_key",
            Name::Ranked => "json_ranked",
            Name::RankedText => "json_ranked_text",
            Name::Unranked => "json_unranked",
            Name::Summed => "summed",
            Name::Counted => "counted",
            Name::Member => "json_member",
            Name::Items => "json_items",
            Name::Members => "json_members",
            Name::Joined => "texts_joined",
            Name::ItemByKey => "item_by_key",
        }
    }

    /// How many arguments there are at least and at most.
    fn takes(self) -> (usize, usize) {
        match self {
            Name::JsonArray | Name::JsonObject => (0, usize::MAX),
            Name::JsonExtract | Name::JsonGet | Name::GetJson => (2, usize::MAX),
            Name::JsonArrayLength | Name::JsonType => (1, 2),
            Name::JsonEqual | Name::AwsPolicyEqual | Name::ExtractJson | Name::ExtractValue | Name::Member => (2, 2),
            Name::ItemByKey | Name::Joined | Name::FoundJson | Name::UnlessSame => (2, 2),
            Name::Position => (2, usize::MAX),
            Name::FirstKnown | Name::Mixed => (1, usize::MAX),
            Name::String | Name::Json | Name::JsonQuote | Name::JsonValid | Name::ToJson | Name::Items => (1, 1),
            Name::Members | Name::Key | Name::Ranked | Name::Unranked | Name::Summed | Name::Counted => (1, 1),
            Name::KnownJson | Name::Truth | Name::RankedText | Name::Valued => (1, 1),
            Name::GuessedJson | Name::Cast => (1, 1),
        }
    }

    fn gives(self) -> Field {
        let name = self.text();
        match self {
            Name::JsonValid | Name::JsonEqual | Name::AwsPolicyEqual | Name::Truth => {
                Field::new(name, DataType::Boolean, true)
            }
            Name::JsonArrayLength | Name::Position => Field::new(name, DataType::Int64, true),
            Name::String | Name::JsonType | Name::Member | Name::ItemByKey | Name::Joined => Mark::Plain.field(name),
            Name::Key | Name::Ranked | Name::RankedText | Name::Counted | Name::Cast => Mark::Plain.field(name),
            Name::Summed => Field::new(name, DataType::Float64, true),
            Name::JsonExtract | Name::JsonGet | Name::ExtractValue | Name::Unranked | Name::Mixed | Name::Valued => {
                Mark::Value.field(name)
            }
            Name::KnownJson | Name::GuessedJson | Name::FirstKnown | Name::UnlessSame => Mark::Typed.field(name),
            Name::Json | Name::JsonArray | Name::JsonObject | Name::JsonQuote | Name::ToJson => {
                Mark::Document.field(name)
            }
            Name::ExtractJson | Name::FoundJson | Name::GetJson | Name::Items | Name::Members => {
                Mark::Document.field(name)
            }
        }
    }
}

/// One row's result.
enum Cell {
    Text(Option<String>),
    Truth(Option<bool>),
    Number(Option<i64>),
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: Name,
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name.text()
    }

    /// What is marked is called as if it were not.
    fn schema_name(&self, args: &[Expr]) -> PlanResult<String> {
        match (self.name, args) {
            (Name::Mixed, [value, ..]) => Ok(value.schema_name().to_string()),
            (Name::Cast, [value]) => Ok(value.to_string()),
            (name, args) => {
                let mut called = format!("{}(", name.text());
                for (at, arg) in args.iter().enumerate() {
                    write!(called, "{}{}", if at == 0 { "" } else { "," }, arg.schema_name())?;
                }
                called.push(')');
                Ok(called)
            }
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(self.name.gives().data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> PlanResult<FieldRef> {
        let (least, most) = self.name.takes();
        let (name, given) = (self.name.text(), args.arg_fields.len());
        if given < least || given > most {
            let wanted = match (least, most) {
                (least, usize::MAX) => format!("{least} values or more"),
                (least, most) if least < most => format!("{least} or {most} values"),
                (1, _) => "one value".to_string(),
                (least, _) => format!("{least} values"),
            };
            return plan_err!("`{name}` takes {wanted}, and is given {given}");
        }
        if self.name == Name::JsonObject && given % 2 == 1 {
            return plan_err!("`json_object` takes names and values by turns, and the last name has no value");
        }
        let field = &args.arg_fields.first();
        if let (Name::Summed, Some(field)) = (self.name, field) {
            return match (is_text(field.data_type()), Mark::of(field)) {
                (true, Mark::Plain) => plan_err!(
                    "`sum` and `avg` take numbers, and `{}` is text: write `CAST({0} AS DOUBLE)`",
                    field.name()
                ),
                (true, _) => Ok(Arc::new(self.name.gives())),
                (false, _) => Ok((*field).clone()),
            };
        }
        if let (Name::Counted, Some(field)) = (self.name, field) {
            let kind = if *field.data_type() == DataType::Utf8View { &DataType::Utf8 } else { field.data_type() };
            return Ok(Arc::new(field.as_ref().clone().with_data_type(kind.clone())));
        }
        if let (Name::Cast, Some(field)) = (self.name, field) {
            return Ok((*field).clone());
        }
        if let (Name::UnlessSame, Some(field)) = (self.name, field) {
            return Ok(Arc::new(field.as_ref().clone().with_nullable(true)));
        }
        // With columns that it may give: whether one of them has values of JSON.
        if let (Name::Mixed, [value, columns @ ..]) = (self.name, args.arg_fields)
            && !columns.is_empty()
            && !columns.iter().any(|column| Mark::of(column) == Mark::Value)
        {
            return Ok(value.clone());
        }
        Ok(Arc::new(self.name.gives()))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        match self.name {
            Name::UnlessSame => return same::unless_same(&args),
            Name::Position => return same::position(&args),
            Name::Mixed | Name::Cast => return Ok(args.args.swap_remove(0)),
            _ => {}
        }
        let mut arguments = Arguments::of(&args)?;
        let rows = arguments.rows;
        let cells = (0..rows).map(|row| cell(self.name, &mut arguments, row)).collect::<PlanResult<Vec<_>>>()?;
        let array = column(cells, self.name.gives().data_type());
        match arguments.constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)),
            false => Ok(ColumnarValue::Array(array)),
        }
    }
}

fn column(cells: Vec<Cell>, kind: &DataType) -> ArrayRef {
    match kind {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(cells.into_iter().map(|cell| match cell {
            Cell::Truth(truth) => truth,
            _ => None,
        }))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(cells.into_iter().map(|cell| match cell {
            Cell::Number(number) => number,
            _ => None,
        }))),
        _ => Arc::new(StringArray::from_iter(cells.into_iter().map(|cell| match cell {
            Cell::Text(text) => text,
            _ => None,
        }))),
    }
}

fn cell(name: Name, arguments: &mut Arguments<'_>, row: usize) -> PlanResult<Cell> {
    Ok(match name {
        Name::String => Cell::Text(arguments.text(0, row)?),
        Name::Json => Cell::Text(arguments.document(0, row)?.map(|json| json.to_string())),
        Name::ToJson => {
            Cell::Text(Some(arguments.value(0, row)?).filter(|json| *json != Json::Null).map(|json| json.to_string()))
        }
        Name::JsonQuote => Cell::Text(Some(arguments.value(0, row)?.to_string())),
        Name::JsonArray => {
            let items = (0..arguments.count()).map(|at| arguments.value(at, row)).collect::<PlanResult<_>>()?;
            Cell::Text(Some(Json::Array(items).to_string()))
        }
        Name::JsonObject => Cell::Text(Some(object(arguments, row)?.to_string())),
        Name::JsonExtract => Cell::Text(extract(arguments, row)?),
        Name::JsonGet => Cell::Text(get(arguments, row)?.and_then(Json::into_sql)),
        Name::GetJson => Cell::Text(get(arguments, row)?.map(|json| json.to_string())),
        Name::FoundJson => Cell::Text(found(arguments, row)?.map(|json| json.to_string())),
        Name::KnownJson => {
            Cell::Text(arguments.document(0, row)?.filter(|json| *json != Json::Null).map(|json| json.to_string()))
        }
        Name::FirstKnown => {
            let known = (0..arguments.count()).map(|at| arguments.text(at, row)).find(|text| !matches!(text, Ok(None)));
            Cell::Text(known.transpose()?.flatten())
        }
        Name::GuessedJson => {
            Cell::Text(Some(arguments.guessed(0, row)?).filter(|json| *json != Json::Null).map(|json| json.to_string()))
        }
        Name::Truth => Cell::Truth(arguments.text(0, row)?.map(|text| is_true(&text))),
        Name::Key => Cell::Text(arguments.document(0, row)?.and_then(key_of)),
        Name::Ranked => Cell::Text(arguments.document(0, row)?.and_then(ranked_of)),
        Name::RankedText => Cell::Text(arguments.text(0, row)?.map(|text| ranked_of_text(&text))),
        Name::Unranked => Cell::Text(arguments.text(0, row)?.map(|ranked| value_of(&ranked).to_string())),
        Name::Valued => Cell::Text(arguments.document(0, row)?.and_then(Json::into_sql)),
        Name::Summed | Name::Counted | Name::Mixed | Name::Cast | Name::UnlessSame | Name::Position => {
            return plan_err!("`{}` was not planned as what it stands for", name.text());
        }
        Name::ExtractJson => Cell::Text(extract_one(arguments, row)?.map(|json| json.to_string())),
        Name::ExtractValue => Cell::Text(extract_one(arguments, row)?.and_then(Json::into_sql)),
        Name::JsonType => Cell::Text(found(arguments, row)?.map(|json| json.kind().to_string())),
        Name::JsonArrayLength => Cell::Number(found(arguments, row)?.map(|json| match json {
            Json::Array(items) => i64::try_from(items.len()).unwrap_or(i64::MAX),
            _ => 0,
        })),
        Name::JsonValid => Cell::Truth(match arguments.value(0, row)? {
            Json::Null => None,
            Json::String(text) => Some(Json::read(&text).is_ok()),
            _ => Some(true),
        }),
        Name::JsonEqual | Name::AwsPolicyEqual => {
            let (one, other) = (arguments.document(0, row)?, arguments.document(1, row)?);
            let same = if name == Name::JsonEqual { Json::is_like } else { same_policy };
            Cell::Truth(one.zip(other).map(|(one, other)| same(&one, &other)))
        }
        Name::Member => {
            let key = arguments.text(0, row)?.map(|key| Json::String(key).to_string());
            Cell::Text(match key {
                Some(key) => Some(format!("{key}:{}", arguments.value(1, row)?)),
                None => None,
            })
        }
        Name::Joined => {
            let texts = texts(arguments, row)?;
            let separator = arguments.text(1, row)?.unwrap_or_default();
            Cell::Text((!texts.is_empty()).then(|| texts.join(&separator)))
        }
        Name::Items => Cell::Text(Some(joined(arguments, row, '[', ']')?)),
        Name::Members => Cell::Text(Some(joined(arguments, row, '{', '}')?)),
        Name::ItemByKey => Cell::Text(item(arguments, row)?),
    })
}

fn object(arguments: &Arguments<'_>, row: usize) -> PlanResult<Json> {
    let mut members = Vec::new();
    for at in (0..arguments.count()).step_by(2) {
        let name = arguments
            .text(at, row)?
            .ok_or_else(|| raise(Error::new(Kind::Statement, "a name in `json_object` is NULL")))?;
        members.push((name, arguments.value(at + 1, row)?));
    }
    Ok(Json::Object(members))
}

/// A list of JSON texts between brackets.
fn joined(arguments: &Arguments<'_>, row: usize, open: char, close: char) -> PlanResult<String> {
    Ok(format!("{open}{}{close}", texts(arguments, row)?.join(",")))
}

/// The texts of a list; what is NULL is left out.
fn texts(arguments: &Arguments<'_>, row: usize) -> PlanResult<Vec<String>> {
    Ok(match arguments.value(0, row)? {
        Json::Array(items) => items.into_iter().filter_map(Json::into_sql).collect(),
        _ => Vec::new(),
    })
}
