//! The functions of the crate datafusion-functions-json that give a type: `json_get_int`, `json_contains` and others.
//! They know JSON text; here they take nested columns as well.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion_functions_json::udfs;

use super::arguments::Mark;
use super::scalars::Name;

pub fn functions() -> impl Iterator<Item = ScalarUDF> {
    [
        udfs::json_get_bool_udf(),
        udfs::json_get_float_udf(),
        udfs::json_get_int_udf(),
        udfs::json_get_str_udf(),
        udfs::json_get_json_udf(),
        udfs::json_as_text_udf(),
        udfs::json_contains_udf(),
        udfs::json_length_udf(),
        udfs::json_object_keys_udf(),
    ]
    .into_iter()
    .map(|function| ScalarUDF::from(OfNested { function }))
}

/// A function whose first argument may be nested: it is given as JSON text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfNested {
    function: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for OfNested {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> PlanResult<DataType> {
        let mut arguments = arguments.to_vec();
        if let Some(first) = arguments.first_mut().filter(|first| first.is_nested()) {
            *first = DataType::Utf8;
        }
        self.function.return_type(&arguments)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> PlanResult<arrow::datatypes::FieldRef> {
        let mut fields = args.arg_fields.to_vec();
        if let Some(first) = fields.first_mut().filter(|first| first.data_type().is_nested()) {
            *first = Arc::new(Mark::Document.field(first.name()));
        }
        self.function.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, ..args })
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        if let [value, ..] = args.args.as_slice()
            && value.data_type().is_nested()
        {
            let text = Name::ToJson.function().invoke_with_args(ScalarFunctionArgs {
                args: vec![value.clone()],
                arg_fields: vec![args.arg_fields[0].clone()],
                return_field: Arc::new(Mark::Document.field("to_json")),
                number_rows: args.number_rows,
                config_options: args.config_options.clone(),
            })?;
            args.args[0] = text;
            args.arg_fields[0] = Arc::new(Mark::Document.field("to_json"));
        }
        self.function.invoke_with_args(args)
    }
}
