//! EXPLAIN of a query: DataFusion's plans as rows, and above them the calls and the permissions. ANALYZE runs it.

use std::str::FromStr;

use arrow::array::RecordBatch;
use datafusion::common::format::ExplainFormat;
use datafusion::logical_expr::ExplainOption;
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt};

use crate::engine::outcome::Outcome;
use crate::engine::plan::physical;
use crate::engine::session::{Session, not_there};
use crate::engine::translate::translate;
use crate::engine::{explain, least, own, show};
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, Source};

impl Session {
    pub(super) async fn explain(
        &self,
        analyze: bool,
        verbose: bool,
        format: Option<&str>,
        inner: &Body,
        source: &Source,
    ) -> Result<Outcome> {
        let (query, source, in_use) = match inner {
            Body::Query(query) => (query.clone(), source.clone(), self.in_use()),
            Body::Own(_) if analyze => {
                return Err(Error::new(Kind::Statement, "EXPLAIN ANALYZE runs the statement, and this one keeps rows")
                    .with_context("nothing was sent")
                    .with_hint("`EXPLAIN ANALYZE` of its query tells what that costs"));
            }
            Body::Own(statement) => match own::explained(self, statement, source)? {
                Some(explained) => explained,
                None => return Ok(self.no_calls()),
            },
            Body::Other { verb } => return Err(not_there(verb)),
            _ => return Ok(self.no_calls()),
        };
        let source = &source;
        let (state, run, logical) = self.plan_with(&query, source, in_use).await?;
        let failed = |error| translate(&error, Some(source));
        let options = ExplainOption::default().with_verbose(verbose).with_analyze(analyze);
        let options = match format.map(ExplainFormat::from_str) {
            Some(format) => options.with_format(format.map_err(failed)?),
            None => options,
        };
        let explained = DataFrame::new(state.clone(), logical.clone()).explain_with_options(options).map_err(failed)?;
        // Planned once more for its calls: DataFusion's own explanation keeps its plan to itself.
        let plan = physical(&state, &logical, source).await?;
        if analyze {
            run.calls.afford(least::calls(&plan))?;
        }
        let (calls, permissions) = (explain::calls(&plan), explain::listed(&explain::permissions(&plan)));
        let explained = explained.create_physical_plan().await.map_err(failed)?;
        let mut outcome = self.execute(&state, run.clone(), explained, source)?;
        let schema = outcome.rows.schema.clone();
        let plans = std::mem::replace(&mut outcome.rows.stream, futures::stream::empty().boxed());
        // The calls first, though EXPLAIN ANALYZE knows their cost last.
        let rows = async move {
            let plans: Vec<RecordBatch> = plans.try_collect().await?;
            let calls = if analyze { format!("{calls}\nmade: {}", explain::cost(&run.meter.read())) } else { calls };
            let head = show::plan_rows(&[("calls", &calls), ("permissions", &permissions)]).with_schema(schema);
            let head = head.map_err(|e| {
                Error::new(Kind::Internal, "the explanation does not fit DataFusion's own").with_source(e)
            })?;
            Ok::<_, Error>(futures::stream::iter(std::iter::once(head).chain(plans).map(Ok)))
        };
        outcome.rows.stream = futures::stream::once(rows).try_flatten().boxed();
        Ok(outcome)
    }

    fn no_calls(&self) -> Outcome {
        self.ready(show::plan_rows(&[("calls", "no calls"), ("permissions", "none")]), Vec::new())
    }
}
