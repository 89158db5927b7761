//! `secret('NAME')`: what stands for a secret in a statement. Knows no value of one.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result as PlanResult, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::catalog::secret;

pub fn function() -> ScalarUDF {
    ScalarUDF::from(Secret(Signature::any(1, Volatility::Immutable)))
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
