//! What the parser reads and the planner would pass over in silence, so that rows would be wrong, or refuse in
//! words of its own: each such clause is a complaint at its place. Knows no names.
//!
//! Invariant: the nodes are taken apart without `..`, so that what a newer parser adds has to be decided here.
//! What the planner looks at: datafusion-sql 55.2, `select.rs`, `query.rs`, `cte.rs`, `relation/`, `expr/function.rs`.

use sqlparser::ast::{
    ConnectByKind, Cte, Function, FunctionArguments, GroupByExpr, GroupByWithModifier, Join, JoinConstraint,
    JoinOperator, LimitClause, NamedWindowExpr, OrderBy, OrderByKind, Query, Select, SetExpr, SetOperator, Spanned,
    TableAlias, TableFactor, TableFunctionArgs, TableSampleKind, TableSampleModifier, TableWithJoins, WindowType,
};
use sqlparser::tokenizer::{Location, Span, TokenWithSpan};

use super::super::split;
use super::super::statement::Source;
use crate::error::{Error, Kind};

/// The complaints of one run.
pub(super) struct Search<'a> {
    source: &'a Source,
    /// The script's words, once a place is looked for.
    tokens: Option<Vec<TokenWithSpan>>,
    /// Where the SELECT begins that was met last.
    start: Location,
    found: Vec<(Span, Error)>,
}

impl<'a> Search<'a> {
    pub fn new(source: &'a Source) -> Self {
        Search { source, tokens: None, start: Location::new(0, 0), found: Vec::new() }
    }

    pub fn found(self) -> Vec<(Span, Error)> {
        self.found
    }

    pub fn query(&mut self, query: &Query) {
        let Query {
            with: _,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators: _,
        } = query;
        let end = || body.span().end;
        if let Some(OrderBy { kind, interpolate }) = order_by {
            if let OrderByKind::Expressions(expressions) = kind
                && expressions.iter().any(|expression| expression.with_fill.is_some())
            {
                self.refuse("WITH FILL", end(), None);
            }
            if interpolate.is_some() {
                self.refuse("INTERPOLATE", end(), None);
            }
        }
        if let Some(LimitClause::LimitOffset { limit_by, .. }) = limit_clause
            && !limit_by.is_empty()
        {
            self.refuse("LIMIT … BY", end(), None);
        }
        if let Some(fetch) = fetch {
            match (&fetch.quantity, fetch.with_ties, fetch.percent) {
                (_, true, _) => self.refuse("FETCH … WITH TIES", end(), None),
                (_, _, true) => self.refuse("FETCH … PERCENT", end(), None),
                (Some(rows), ..) => self.refuse("FETCH", end(), Some(&format!("write `LIMIT {rows}`"))),
                (None, ..) => self.refuse("FETCH", end(), Some("write `LIMIT 1`")),
            }
        }
        for lock in locks {
            self.refuse(&format!("FOR {}", lock.lock_type), end(), None);
        }
        if let Some(clause) = for_clause {
            let shown = clause.to_string();
            self.refuse(&shown.split_whitespace().take(2).collect::<Vec<_>>().join(" "), end(), None);
        }
        if settings.is_some() {
            self.refuse("SETTINGS", end(), None);
        }
        if format_clause.is_some() {
            self.refuse("FORMAT", end(), None);
        }
    }

    pub fn select(&mut self, select: &Select) {
        let Select {
            select_token,
            // Lifted out of the text before it is parsed.
            optimizer_hints: _,
            distinct: _,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection: _,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection: _,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having: _,
            named_window,
            qualify: _,
            window_before_qualify: _,
            value_table_mode,
            flavor: _,
        } = select;
        let start = select_token.0.span.end;
        self.start = start;
        if let Some(mode) = value_table_mode {
            self.refuse(&mode.to_string(), start, None);
        }
        if let Some(modifiers) = select_modifiers {
            self.refuse(modifiers.to_string().trim(), start, None);
        }
        if top.is_some() {
            self.refuse("TOP", start, Some("write `LIMIT` at the end of the query"));
        }
        if exclude.is_some() {
            self.refuse("EXCLUDE", start, Some("write it right behind the `*`"));
        }
        if into.is_some() {
            self.refuse("INTO", start, None);
        }
        for tree in from {
            self.joins(tree);
        }
        let end = || from.last().map_or(start, |tree| start.max(tree.span().end));
        let clauses = [
            (!lateral_views.is_empty(), "LATERAL VIEW", Some("write `CROSS JOIN unnest(…)`")),
            (prewhere.is_some(), "PREWHERE", Some("write `WHERE`")),
            (!cluster_by.is_empty(), "CLUSTER BY", None),
            (!distribute_by.is_empty(), "DISTRIBUTE BY", None),
            (!sort_by.is_empty(), "SORT BY", Some("write `ORDER BY`")),
        ];
        for (_, clause, hint) in clauses.into_iter().filter(|(is_there, ..)| *is_there) {
            self.refuse(clause, end(), hint);
        }
        for clause in connect_by {
            match clause {
                ConnectByKind::ConnectBy { .. } => self.refuse("CONNECT BY", end(), Some("write `WITH RECURSIVE`")),
                ConnectByKind::StartWith { .. } => self.refuse("START WITH", end(), Some("write `WITH RECURSIVE`")),
            }
        }
        let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = group_by;
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Rollup => {
                    self.refuse("WITH ROLLUP", end(), Some("write `GROUP BY ROLLUP (…)`"));
                }
                GroupByWithModifier::Cube => self.refuse("WITH CUBE", end(), Some("write `GROUP BY CUBE (…)`")),
                GroupByWithModifier::Totals => self.refuse("WITH TOTALS", end(), None),
                GroupByWithModifier::GroupingSets(_) => {
                    self.refuse(
                        "GROUPING SETS",
                        end(),
                        Some("write `GROUP BY GROUPING SETS (…)`, with all columns in it"),
                    );
                }
            }
        }
        for window in named_window {
            if let NamedWindowExpr::WindowSpec(window) = &window.1 {
                self.window(window.window_name.as_ref().map(|name| name.span));
            }
        }
    }

    pub fn factor(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                let end = name.span().end;
                if matches!(args, Some(TableFunctionArgs { settings: Some(_), .. })) {
                    self.refuse("SETTINGS", end, None);
                }
                let clauses = [
                    (!partitions.is_empty(), "PARTITION"),
                    (*with_ordinality, "WITH ORDINALITY"),
                    (!with_hints.is_empty(), "WITH (…)"),
                    (!index_hints.is_empty(), "INDEX"),
                    (version.is_some(), "AS OF"),
                ];
                for (_, clause) in clauses.into_iter().filter(|(is_there, _)| *is_there) {
                    self.refuse(clause, end, None);
                }
                if let Some(path) = json_path {
                    self.refuse(&path.to_string(), end, None);
                }
                if let Some(sample) = sample {
                    self.refuse(sample_word(sample), end, None);
                }
                self.alias(alias.as_ref());
            }
            TableFactor::Derived { lateral: _, subquery, alias, sample } => {
                if let Some(sample) = sample {
                    self.refuse(sample_word(sample), subquery.span().end, None);
                }
                self.alias(alias.as_ref());
            }
            TableFactor::Function { lateral: _, name, args: _, with_ordinality, alias } => {
                if *with_ordinality {
                    self.refuse("WITH ORDINALITY", name.span().end, None);
                }
                self.alias(alias.as_ref());
            }
            TableFactor::UNNEST { alias, array_exprs: _, with_offset, with_offset_alias: _, with_ordinality } => {
                if *with_ordinality {
                    self.refuse("WITH ORDINALITY", self.start, None);
                }
                if *with_offset {
                    self.refuse("WITH OFFSET", self.start, None);
                }
                self.alias(alias.as_ref());
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.joins(table_with_joins);
                self.alias(alias.as_ref());
            }
            TableFactor::TableFunction { .. } => self.refuse("TABLE (…)", self.start, None),
            TableFactor::JsonTable { .. } => self.refuse("JSON_TABLE", self.start, None),
            TableFactor::OpenJsonTable { .. } => self.refuse("OPENJSON", self.start, None),
            TableFactor::XmlTable { .. } => self.refuse("XMLTABLE", self.start, None),
            TableFactor::SemanticView { .. } => self.refuse("SEMANTIC_VIEW", self.start, None),
            TableFactor::Pivot { .. } => self.refuse("PIVOT", self.start, None),
            TableFactor::Unpivot { .. } => self.refuse("UNPIVOT", self.start, None),
            TableFactor::MatchRecognize { .. } => self.refuse("MATCH_RECOGNIZE", self.start, None),
        }
    }

    pub fn function(&mut self, Function { name, parameters, over, .. }: &Function) {
        if !matches!(parameters, FunctionArguments::None) {
            self.complain(&format!("{name}(…)(…)"), name.span(), None);
        }
        if let Some(WindowType::WindowSpec(window)) = over {
            self.window(window.window_name.as_ref().map(|name| name.span));
        }
    }

    pub fn cte(&mut self, cte: &Cte, recursive: bool) {
        let Cte { alias, query, from, materialized: _, closing_paren_token } = cte;
        if let Some(from) = from {
            let hint = format!("write `FROM {from}` behind what is selected");
            self.refuse("FROM", closing_paren_token.0.span.end, Some(&hint));
        }
        self.alias(Some(alias));
        // Of a UNION in WITH RECURSIVE the planner takes the two sides alone.
        let Query { with, body, limit_clause, fetch, pipe_operators, .. } = &**query;
        if !recursive || !matches!(**body, SetExpr::SetOperation { op: SetOperator::Union, .. }) {
            return;
        }
        let end = || body.span().end;
        let hint = format!("write it where `{}` is read", alias.name);
        match limit_clause {
            Some(LimitClause::LimitOffset { limit: None, .. }) => self.refuse("OFFSET", end(), Some(&hint)),
            Some(_) => self.refuse("LIMIT", end(), Some(&hint)),
            None => {}
        }
        if fetch.is_some() {
            self.refuse("FETCH", end(), Some(&hint));
        }
        if !pipe_operators.is_empty() {
            self.complain("|>", body.span(), Some(&hint));
        }
        if let Some(with) = with {
            self.complain("WITH", with.with_token.0.span, Some("name everything in one `WITH RECURSIVE`"));
        }
    }

    fn joins(&mut self, tree: &TableWithJoins) {
        let mut left = &tree.relation;
        for Join { relation, global, join_operator } in &tree.joins {
            if *global {
                self.refuse("GLOBAL", left.span().end, None);
            }
            if let Some((clause, hint)) = unplanned(join_operator) {
                self.refuse(clause, left.span().end, hint);
            }
            left = relation;
        }
    }

    fn alias(&mut self, alias: Option<&TableAlias>) {
        let Some(TableAlias { explicit: _, name: _, columns, at }) = alias else { return };
        if let Some(at) = at {
            self.complain("AT", at.span, None);
        }
        for column in columns {
            if let Some(data_type) = &column.data_type {
                let shown = format!("{} {data_type}", column.name);
                self.complain(&shown, column.name.span, Some("`CAST` gives a column its type"));
            }
        }
    }

    /// The planner does not look at the window that a window is built on.
    fn window(&mut self, base: Option<Span>) {
        if let Some(span) = base {
            self.complain("OVER (window …)", span, Some("write the whole window, or its name without brackets"));
        }
    }

    /// Complains of a clause at the first place behind `after` that has its words, those before any `…`.
    fn refuse(&mut self, clause: &str, after: Location, hint: Option<&str>) {
        let span = self.words(clause, after).unwrap_or_else(|| Span::new(after, after));
        self.complain(clause, span, hint);
    }

    fn complain(&mut self, clause: &str, span: Span, hint: Option<&str>) {
        let error = Error::new(Kind::Statement, format!("not possible yet: `{clause}`")).at(self.source.place(span));
        self.found.push((span, hint.into_iter().fold(error, |error, hint| error.with_hint(hint))));
    }

    fn words(&mut self, clause: &str, after: Location) -> Option<Span> {
        let source = self.source;
        let tokens = self.tokens.get_or_insert_with(|| split::tokens(source.text()).unwrap_or_default());
        split::words(tokens, clause, after)
    }
}

fn sample_word(sample: &TableSampleKind) -> &'static str {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
    match sample.modifier {
        TableSampleModifier::Sample => "SAMPLE",
        TableSampleModifier::TableSample => "TABLESAMPLE",
    }
}

/// The joins that have no plan, and what to write for them.
fn unplanned(operator: &JoinOperator) -> Option<(&'static str, Option<&'static str>)> {
    Some(match operator {
        JoinOperator::Semi(_) => ("SEMI JOIN", Some("write `LEFT SEMI JOIN`")),
        JoinOperator::Anti(_) => ("ANTI JOIN", Some("write `LEFT ANTI JOIN`")),
        JoinOperator::CrossJoin(JoinConstraint::None) => return None,
        JoinOperator::CrossJoin(_) => ("CROSS JOIN … ON", Some("write `JOIN`")),
        JoinOperator::CrossApply => ("CROSS APPLY", Some("write `CROSS JOIN LATERAL`")),
        JoinOperator::OuterApply => ("OUTER APPLY", Some("write `LEFT JOIN LATERAL … ON true`")),
        JoinOperator::AsOf { .. } => ("ASOF JOIN", None),
        JoinOperator::StraightJoin(_) => ("STRAIGHT_JOIN", Some("write `JOIN`")),
        JoinOperator::ArrayJoin => ("ARRAY JOIN", None),
        JoinOperator::LeftArrayJoin => ("LEFT ARRAY JOIN", None),
        JoinOperator::InnerArrayJoin => ("INNER ARRAY JOIN", None),
        JoinOperator::Join(_)
        | JoinOperator::Inner(_)
        | JoinOperator::Left(_)
        | JoinOperator::LeftOuter(_)
        | JoinOperator::Right(_)
        | JoinOperator::RightOuter(_)
        | JoinOperator::FullOuter(_)
        | JoinOperator::LeftSemi(_)
        | JoinOperator::RightSemi(_)
        | JoinOperator::LeftAnti(_)
        | JoinOperator::RightAnti(_) => return None,
    })
}
