//! Key tuples of a feed's rows: what to ask for, and which rows are like earlier ones. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{DataFusionError, Result as PlanResult, cast::as_string_array};
use datafusion::physical_expr::PhysicalExpr;

/// One value for each column that a look-up asks by.
pub type Tuple = Vec<String>;

/// The distinct tuples of some rows, in the order of their first. A tuple with a NULL matches nothing, and is left out.
pub fn tuples(keys: &[Arc<dyn PhysicalExpr>], rows: &RecordBatch) -> PlanResult<Vec<Tuple>> {
    let columns = keys.iter().map(|key| {
        let values = key.evaluate(rows)?.into_array(rows.num_rows())?;
        Ok(as_string_array(&cast(&values, &DataType::Utf8)?)?.clone())
    });
    let columns = columns.collect::<PlanResult<Vec<StringArray>>>()?;
    let mut seen = HashSet::new();
    let tuple = |row: usize| {
        let value = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_string());
        columns.iter().map(value).collect::<Option<Tuple>>()
    };
    Ok((0..rows.num_rows()).filter_map(tuple).filter(|tuple| seen.insert(tuple.clone())).collect())
}

/// Rows by the values of all of a join's keys.
pub struct Distinct {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    converter: Option<RowConverter>,
    seen: HashSet<OwnedRow>,
}

impl Distinct {
    pub fn new(keys: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Distinct { keys, converter: None, seen: HashSet::new() }
    }

    /// The rows whose keys were not there before, neither in these rows nor in earlier ones.
    pub fn new_rows(&mut self, rows: RecordBatch) -> PlanResult<RecordBatch> {
        let columns = self.keys.iter().map(|key| key.evaluate(&rows)?.into_array(rows.num_rows()));
        let columns = columns.collect::<PlanResult<Vec<_>>>()?;
        let converter = match &self.converter {
            Some(converter) => converter,
            None => {
                let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
                self.converter.insert(RowConverter::new(fields.collect())?)
            }
        };
        let converted = converter.convert_columns(&columns)?;
        let is_new: BooleanArray =
            converted.iter().map(|row| Some(self.seen.insert(row.owned()))).collect::<Vec<_>>().into();
        filter_record_batch(&rows, &is_new).map_err(DataFusionError::from)
    }
}
