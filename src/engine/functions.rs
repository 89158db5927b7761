//! Functions of our own beside DataFusion's: those that scripts written for StackQL use. Pure.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result as PlanResult, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::catalog::secret;

/// Every function of ours.
pub fn functions() -> Vec<ScalarUDF> {
    let texts = ["string", "json"].into_iter().map(|name| ScalarUDF::from(Text::new(name)));
    texts.chain([ScalarUDF::from(Secret(Signature::any(1, Volatility::Immutable)))]).collect()
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

/// `secret('NAME')`: the marker of a secret, `{"$secret":"NAME"}`. What it is, only the driver finds out, as it sends.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Secret(Signature);

impl ScalarUDFImpl for Secret {
    fn name(&self) -> &str {
        secret::FUNCTION
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let [value] = arguments.args.as_slice() else {
            return plan_err!("secret takes one name, not {}", arguments.args.len());
        };
        let names = value.cast_to(&DataType::Utf8, None)?.into_array(arguments.number_rows)?;
        let names = names.as_string::<i32>();
        let marker = |name: Option<&str>| match name {
            Some(name) if secret::is_name(name) => Ok(secret::text(name)),
            _ => exec_err!(
                "secret('NAME') takes the name of a secret: letters, digits, `_`, `-` and `.`, with a letter or `_` first"
            ),
        };
        let markers = names.iter().map(marker).collect::<PlanResult<Vec<String>>>()?;
        match value {
            ColumnarValue::Scalar(_) => Ok(ColumnarValue::Scalar(ScalarValue::from(markers.into_iter().next()))),
            ColumnarValue::Array(_) => Ok(ColumnarValue::Array(Arc::new(StringArray::from(markers)))),
        }
    }
}
