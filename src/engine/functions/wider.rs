//! DataFusion's functions that choose among their values, and those that count: here they take values of JSON as well.
//! To DataFusion these are texts, which have no type in common with a truth or a date, and are no numbers. What is
//! chosen from values of JSON is marked as one. And those of texts: here they take numbers, truths and times as the texts
//! that CAST makes of them, as in SQLite.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result as PlanResult;
use datafusion::functions::{core, math, string, unicode};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::{Mark, is_shown, is_text};
use crate::engine::run::raise;
use crate::error::{Error, Kind};

pub fn functions() -> impl Iterator<Item = ScalarUDF> {
    let chosen = [core::coalesce(), core::nvl(), core::nullif(), core::greatest(), core::least()];
    let counted = [
        math::abs(),
        math::cbrt(),
        math::ceil(),
        math::exp(),
        math::floor(),
        math::ln(),
        math::log(),
        math::log2(),
        math::log10(),
        math::power(),
        math::round(),
        math::signum(),
        math::sqrt(),
        math::trunc(),
    ];
    let of_texts = [
        string::ascii(),
        string::bit_length(),
        string::btrim(),
        string::contains(),
        string::ends_with(),
        string::levenshtein(),
        string::lower(),
        string::ltrim(),
        string::octet_length(),
        string::repeat(),
        string::replace(),
        string::rtrim(),
        string::split_part(),
        string::starts_with(),
        string::upper(),
        unicode::character_length(),
        unicode::find_in_set(),
        unicode::initcap(),
        unicode::left(),
        unicode::lpad(),
        unicode::reverse(),
        unicode::right(),
        unicode::rpad(),
        unicode::strpos(),
        unicode::substr_index(),
        unicode::translate(),
    ];
    let wider = |takes| move |plain| ScalarUDF::from(Wider { plain, takes, signature: any() });
    let counted = counted.into_iter().map(wider(Takes::Numbers));
    chosen.into_iter().map(wider(Takes::Values)).chain(counted).chain(of_texts.into_iter().map(wider(Takes::Texts)))
}

fn any() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

/// Whether a function counts: values of JSON are numbers to it.
pub fn counts(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Wider>().is_some_and(|wider| wider.takes == Takes::Numbers)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Takes {
    /// Of any type, and gives one of them.
    Values,
    Numbers,
    Texts,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Wider {
    plain: Arc<ScalarUDF>,
    takes: Takes,
    signature: Signature,
}

impl ScalarUDFImpl for Wider {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn aliases(&self) -> &[String] {
        self.plain.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> PlanResult<Vec<DataType>> {
        let plain = |kinds: Vec<DataType>| {
            let fields: Vec<FieldRef> =
                kinds.into_iter().map(|kind| Arc::new(Field::new(self.name(), kind, true))).collect();
            let fields = fields_with_udf(&fields, self.plain.as_ref())?;
            Ok(fields.iter().map(|field| field.data_type().clone()).collect())
        };
        match plain(kinds.to_vec()) {
            Err(_) if self.takes == Takes::Values && kinds.iter().any(is_text) => Ok(kinds.to_vec()),
            Err(refused) if self.takes == Takes::Numbers => {
                let as_numbers = kinds.iter().map(|kind| if is_text(kind) { &DataType::Float64 } else { kind });
                plain(as_numbers.cloned().collect()).map_err(|_| refused)
            }
            Err(refused) if self.takes == Takes::Texts && kinds.iter().any(is_shown) => {
                let shown = |places: usize| {
                    let mut shown = kinds.to_vec();
                    shown[..places].iter_mut().filter(|kind| is_shown(kind)).for_each(|kind| *kind = DataType::Utf8);
                    shown
                };
                // Where to cut, or how often, stays a number.
                plain(shown(1)).or_else(|_| plain(shown(kinds.len()))).map_err(|_| refused)
            }
            coerced => coerced,
        }
    }

    fn return_type(&self, kinds: &[DataType]) -> PlanResult<DataType> {
        self.plain.return_type(kinds)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> PlanResult<FieldRef> {
        if self.takes != Takes::Values {
            return self.plain.return_field_from_args(args);
        }
        // NULLIF gives its first value or none.
        let given = if self.name() == "nullif" { 1 } else { args.arg_fields.len() };
        let is_of_json = |field: &FieldRef| Mark::of(field) != Mark::Plain;
        if args.arg_fields.iter().take(given).any(is_of_json) {
            return Ok(Arc::new(Mark::Value.field(self.name())));
        }
        let mut kinds = args.arg_fields.iter().map(|field| field.data_type());
        if let Some(first) = kinds.next()
            && !args.arg_fields.iter().any(is_of_json)
            && let Some(other) = kinds.find(|kind| *kind != first)
        {
            return Err(raise(unlike(self.name(), first, other)));
        }
        self.plain.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        self.plain.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> PlanResult<ExprSimplifyResult> {
        self.plain.simplify(args, context)
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.plain.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.plain.short_circuits()
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> PlanResult<SortProperties> {
        self.plain.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.plain.documentation()
    }
}

fn unlike(name: &str, one: &DataType, other: &DataType) -> Error {
    let other = match if is_text(one) { other } else { one } {
        DataType::Boolean => "a BOOLEAN",
        DataType::Date32 | DataType::Date64 => "a DATE",
        DataType::Timestamp(..) => "a TIMESTAMP",
        DataType::List(_) | DataType::LargeList(_) => "a list",
        _ => "a value of another type",
    };
    Error::new(Kind::Statement, format!("`{name}` is given a text and {other}, which have no type in common"))
        .with_hint("`CAST(… AS TEXT)` makes a text of a value, `to_json(…)` of a list")
}
