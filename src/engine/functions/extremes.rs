//! `min` and `max`. They are DataFusion's, but for values of JSON whose type can no longer be seen, as in a column of a
//! subquery: to DataFusion these are texts, of which `9` is above `10`. What they give of such is one, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};

use super::arguments::{Mark, is_text};
use super::order::{ranked_of_text, value_of};

pub fn functions() -> impl Iterator<Item = AggregateUDF> {
    [(Which::Least, min_udaf()), (Which::Greatest, max_udaf())]
        .into_iter()
        .map(|(which, plain)| AggregateUDF::from(Extreme { which, plain }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Least,
    Greatest,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    which: Which,
    /// DataFusion's own, for all other values.
    plain: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn signature(&self) -> &Signature {
        self.plain.signature()
    }

    fn coerce_types(&self, kinds: &[DataType]) -> PlanResult<Vec<DataType>> {
        self.plain.coerce_types(kinds)
    }

    fn return_type(&self, kinds: &[DataType]) -> PlanResult<DataType> {
        self.plain.return_type(kinds)
    }

    fn return_field(&self, fields: &[FieldRef]) -> PlanResult<FieldRef> {
        let field = self.plain.return_field(fields)?;
        Ok(match fields {
            [given] if is_of_json(given) => Arc::new(field.as_ref().clone().with_metadata(Mark::Value.metadata())),
            _ => field,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> PlanResult<Box<dyn Accumulator>> {
        if is_of_json(&args.return_field) {
            return Ok(Box::new(Ranks::new(self.which, Forgets::Never, &args.return_field)));
        }
        self.plain.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> PlanResult<Box<dyn Accumulator>> {
        if is_of_json(&args.return_field) {
            return Ok(Box::new(Ranks::new(self.which, Forgets::Rows, &args.return_field)));
        }
        self.plain.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !is_of_json(&args.return_field) && self.plain.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> PlanResult<Box<dyn GroupsAccumulator>> {
        self.plain.create_groups_accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> PlanResult<Vec<FieldRef>> {
        self.plain.state_fields(args)
    }

    fn is_descending(&self) -> Option<bool> {
        self.plain.is_descending()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.plain.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.plain.inner().reverse_expr()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        if is_text(statistics.return_type) { None } else { self.plain.value_from_stats(statistics) }
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        if is_text(kind) { SetMonotonicity::NotMonotonic } else { self.plain.inner().set_monotonicity(kind) }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.plain.documentation()
    }
}

fn is_of_json(field: &FieldRef) -> bool {
    is_text(field.data_type()) && Mark::of(field) == Mark::Value
}

/// Whether rows that were counted leave again, as they do of a window that slides.
#[derive(Debug, PartialEq, Eq)]
enum Forgets {
    Never,
    Rows,
}

/// The values by their ranks, and how often each is there; of what is never forgotten, only the first or the last.
#[derive(Debug)]
struct Ranks {
    which: Which,
    counts: BTreeMap<String, usize>,
    forgets: Forgets,
    /// Which of the types of texts it gives.
    kind: DataType,
}

impl Ranks {
    fn new(which: Which, forgets: Forgets, gives: &FieldRef) -> Ranks {
        Ranks { which, counts: BTreeMap::new(), forgets, kind: gives.data_type().clone() }
    }

    fn best(&self) -> Option<&str> {
        let best = match self.which {
            Which::Least => self.counts.keys().next(),
            Which::Greatest => self.counts.keys().next_back(),
        };
        best.map(|ranked| value_of(ranked))
    }
}

fn ranked(values: &[ArrayRef]) -> PlanResult<Vec<String>> {
    let Some(values) = values.first() else { return Ok(Vec::new()) };
    let texts = cast(values, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().iter().flatten().map(ranked_of_text).collect())
}

impl Accumulator for Ranks {
    fn update_batch(&mut self, values: &[ArrayRef]) -> PlanResult<()> {
        for ranked in ranked(values)? {
            *self.counts.entry(ranked).or_default() += 1;
            if self.forgets == Forgets::Never && self.counts.len() > 1 {
                match self.which {
                    Which::Least => self.counts.pop_last(),
                    Which::Greatest => self.counts.pop_first(),
                };
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> PlanResult<()> {
        self.update_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> PlanResult<()> {
        for ranked in ranked(values)? {
            if let Some(count) = self.counts.get_mut(&ranked) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&ranked);
                }
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.forgets == Forgets::Rows
    }

    fn evaluate(&mut self) -> PlanResult<ScalarValue> {
        ScalarValue::Utf8(self.best().map(str::to_string)).cast_to(&self.kind)
    }

    fn state(&mut self) -> PlanResult<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.keys().map(|ranked| ranked.capacity() + 32).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Accumulator, ArrayRef, DataType, Forgets, Ranks, Which};
    use arrow::array::StringArray;
    use arrow::datatypes::Field;
    use std::sync::Arc;

    fn check(which: Which, come: &[Option<&str>], go: &[Option<&str>], expected: Option<&str>) {
        let array = |texts: &[Option<&str>]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        for kind in [DataType::Utf8, DataType::Utf8View, DataType::LargeUtf8] {
            let gives = Arc::new(Field::new("value", kind.clone(), true));
            let mut ranks = Ranks::new(which, if go.is_empty() { Forgets::Never } else { Forgets::Rows }, &gives);
            ranks.update_batch(&[array(come)]).expect("texts");
            ranks.retract_batch(&[array(go)]).expect("texts");
            let value = ranks.evaluate().expect("a text");
            assert_eq!((value.data_type(), value.try_as_str()), (kind, Some(expected)));
        }
    }

    #[test]
    fn numbers_by_their_size_and_below_texts() {
        let values = [Some("9"), None, Some("10"), Some("-3.5"), Some("000123")];
        check(Which::Greatest, &values[..4], &[], Some("10"));
        check(Which::Greatest, &values, &[], Some("000123"));
        check(Which::Least, &values, &[], Some("-3.5"));
        check(Which::Least, &[None], &[], None);
        check(Which::Greatest, &[Some("10"), Some("9"), Some("10")], &[Some("10")], Some("10"));
        check(Which::Greatest, &[Some("10"), Some("9"), Some("10")], &[Some("10"), Some("10")], Some("9"));
    }
}
