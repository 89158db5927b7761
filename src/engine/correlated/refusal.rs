//! Why a correlated subquery cannot be run, in words.

use std::collections::BTreeSet;

use datafusion::common::{Column, Location as At};
use datafusion::logical_expr::Subquery;
use sqlparser::tokenizer::{Location, Span};

use super::reach::outer_columns;
use crate::error::{Error, Kind};
use crate::sql::Source;

#[derive(Debug)]
pub enum Refusal {
    /// What is compared otherwise than by `=`, beneath what groups or numbers rows.
    Compared(Column, Above),
    /// The same beneath DISTINCT, whose rows would be there several times.
    Repeats(Column),
    /// In what SELECT shows, or within a step.
    Shown(Column),
    /// HAVING of an aggregate without GROUP BY that speaks of the outer row, or WHERE around such an aggregate.
    Having,
    /// On a step that has a row where there is none beneath it.
    Lone,
    Limit,
    /// Rows of which one value is wanted.
    Several,
    Union,
    /// On the side of an outer join that may be missing, or of EXCEPT and INTERSECT.
    Side,
    /// Within a subquery of the subquery.
    Further(Column),
    Items,
    Step,
}

#[derive(Debug, Clone, Copy)]
pub enum Above {
    Aggregate,
    Window,
    Limit,
}

const JOINED: &str = "join it: `LEFT JOIN (SELECT key, … GROUP BY key) AS s ON s.key = …`";

impl Refusal {
    pub fn told(&self, subquery: &Subquery, source: &Source) -> Error {
        let columns = outer_columns(&subquery.subquery);
        let all: BTreeSet<String> = columns.iter().map(|column| format!("`{}`", column.flat_name())).collect();
        let all = all.into_iter().collect::<Vec<_>>().join(" and ");
        let one = |column: &Column| format!("`{}`", column.flat_name());
        let (taken, why, hint) = match self {
            Refusal::Compared(column, above) => {
                let (what, hint) = match above {
                    Above::Aggregate => (
                        "what it groups or counts",
                        "join first and aggregate then: `SELECT …, count(s.key) FROM … LEFT JOIN … AS s ON … GROUP BY …`",
                    ),
                    Above::Window => (
                        "the rows that its window is of",
                        "join first, and number the joined rows: `row_number() OVER (PARTITION BY … ORDER BY …)`, with what tells the outer rows apart after PARTITION BY",
                    ),
                    Above::Limit => (
                        "the rows that its LIMIT is of",
                        "join first, and number the joined rows: `row_number() OVER (PARTITION BY … ORDER BY …) AS n`, of which `n = 1` is the first",
                    ),
                };
                (one(column), format!("{what} can only be chosen by `=` with a column of its own"), hint)
            }
            Refusal::Repeats(column) => (
                one(column),
                "what its DISTINCT or GROUP BY is of can only be chosen by `=` with a column of its own".to_string(),
                "join first, and make the joined rows distinct: `SELECT DISTINCT … FROM … JOIN … ON …`",
            ),
            Refusal::Shown(column) => (
                one(column),
                "can only compare it, in its WHERE".to_string(),
                "select what it has itself, and take the two together outside of it",
            ),
            Refusal::Having => (
                all,
                "cannot choose by it, or by a condition around it, what an aggregate without GROUP BY gives"
                    .to_string(),
                "compare outside: `(SELECT count(*) FROM …) > …`; or with `LATERAL (SELECT count(*) AS n FROM …) AS s`, `WHERE s.n > …`",
            ),
            Refusal::Lone => (
                all,
                "goes on with what an aggregate without GROUP BY gives, which has a row even of none".to_string(),
                "put the aggregate into a `LATERAL (SELECT …)` of its own, and go on outside of it",
            ),
            Refusal::Limit => (
                all,
                "cannot be run for each row".to_string(),
                "without LIMIT: `min(…)` or `max(…)`; or join a subquery that numbers its rows, `row_number() OVER (PARTITION BY … ORDER BY …) AS n`, on `n = 1`",
            ),
            Refusal::Several => (
                all,
                "may give several rows for one, where one value is wanted".to_string(),
                "select `min(…)`, `max(…)` or another aggregate; or add `ORDER BY … LIMIT 1`",
            ),
            Refusal::Union => (
                all,
                "puts together rows of several SELECTs, which cannot be done for each row".to_string(),
                "read each by a subquery of its own: `… OR EXISTS (…)`; or put them together in a WITH, and take the column outside of it",
            ),
            Refusal::Side => (
                all,
                "takes it on a side of an outer join, of EXCEPT or of INTERSECT that is not there for every row"
                    .to_string(),
                "take it in the WHERE behind the join, or in the SELECT before EXCEPT or INTERSECT",
            ),
            Refusal::Further(column) => (
                one(column),
                "takes it two levels down, in a subquery within it".to_string(),
                "take it in the WHERE of the outer one of the two, and join what the inner one reads",
            ),
            Refusal::Items => (
                all,
                "takes it before it reads the items of a column".to_string(),
                "read the items in FROM: `FROM t, json_each(t.tags) AS e JOIN …`, with DISTINCT or GROUP BY where one row is wanted",
            ),
            Refusal::Step => (all, "cannot be run for each row".to_string(), JOINED),
        };
        let message = format!("this subquery takes {taken} from outside, and {why}");
        let error = Error::new(Kind::Statement, message).with_hint(hint);
        let span = columns.iter().find_map(|column| column.spans().first()).or_else(|| subquery.spans.first());
        let at = |location: At| Location { line: location.line, column: location.column };
        match span {
            Some(span) => error.at(source.place(Span::new(at(span.start), at(span.end)))),
            None => error,
        }
    }
}
