//! Functions of our own beside DataFusion's: those that scripts written for StackQL use. Pure.

use arrow::datatypes::DataType;
use datafusion::common::{Result as PlanResult, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// Every function of ours.
pub fn functions() -> Vec<ScalarUDF> {
    ["string", "json"].into_iter().map(|name| ScalarUDF::from(Text::new(name))).collect()
}

/// `string(…)` and `JSON(…)`: a value as text. In StackQL they keep a JSON literal a text, as it is here in any case.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Text {
    name: &'static str,
    signature: Signature,
}

impl Text {
    fn new(name: &'static str) -> Self {
        Text { name, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Text {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> PlanResult<DataType> {
        match arguments {
            [kind] if kind.is_nested() => plan_err!("{} takes no {kind}", self.name),
            _ => Ok(DataType::Utf8),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        match arguments.args.as_slice() {
            [value] => value.cast_to(&DataType::Utf8, None),
            other => plan_err!("{} takes one value, not {}", self.name, other.len()),
        }
    }
}
