//! IN lists in a form that DataFusion 55.2 combines rightly. Where two of them ask about the same thing, its simplifier
//! takes what is in both, as sets: NULL, which no value equals, and another column, whose value is not known yet, are
//! members to it like any other; and what is in neither it calls false (or true, of two NOT IN beside OR) even where the
//! thing asked about is NULL.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;

#[derive(Debug)]
pub struct Lists;

impl AnalyzerRule for Lists {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> PlanResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let asked = if matches!(plan, LogicalPlan::Filter(_)) { Asked::Truth } else { Asked::Value };
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| match expr.exists(|inner| Ok(subject(inner).is_some()))? {
                true => {
                    let name = names.save(&expr);
                    Ok(Transformed::yes(name.restore(mended(expr, asked)?)))
                }
                false => Ok(Transformed::no(expr)),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "lists"
    }
}

/// What is wanted of a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Whether it is true: false and unknown are the same.
    Truth,
    Value,
}

fn mended(expr: Expr, asked: Asked) -> PlanResult<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let mut terms = vec![*right];
            let mut first = *left;
            loop {
                match first {
                    Expr::BinaryExpr(BinaryExpr { left, op: same, right }) if same == op => {
                        terms.push(*right);
                        first = *left;
                    }
                    other => break terms.push(other),
                }
            }
            let terms = terms.into_iter().rev().map(|term| mended(term, asked)).collect::<PlanResult<Vec<_>>>()?;
            Ok(together(terms, op, asked))
        }
        Expr::InList(list) if !list.expr.is_volatile() => {
            let InList { expr, list, negated } = list;
            let expr = Box::new(mended(*expr, Asked::Value)?);
            let list = list.into_iter().map(|item| mended(item, Asked::Value)).collect::<PlanResult<Vec<_>>>()?;
            Ok(apart(InList { expr, list, negated }, asked))
        }
        other => other.map_children(|child| Ok(Transformed::yes(mended(child, Asked::Value)?))).data(),
    }
}

/// Of a list what is known and no NULL, and beside it the rest.
fn apart(InList { expr, list, negated }: InList, asked: Asked) -> Expr {
    let is_null = |item: &Expr| match item {
        Expr::Cast(cast) => is_null_literal(&cast.expr),
        item => is_null_literal(item),
    };
    let (nulls, rest): (Vec<Expr>, Vec<Expr>) = list.into_iter().partition(is_null);
    let (known, others): (Vec<Expr>, Vec<Expr>) = rest.into_iter().partition(is_known);
    let mut terms = Vec::new();
    for other in others {
        terms.push(if negated { (*expr).clone().not_eq(other) } else { (*expr).clone().eq(other) });
    }
    if !known.is_empty() {
        terms.push(Expr::InList(InList { expr, list: known, negated }));
    }
    // Beside an IN, unknown is as good as false to who asks for truth.
    if terms.is_empty() || (!nulls.is_empty() && (negated || asked == Asked::Value)) {
        terms.push(lit(ScalarValue::Boolean(None)));
    }
    let op = if negated { Operator::And } else { Operator::Or };
    joined(terms, op)
}

fn is_null_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

fn is_known(item: &Expr) -> bool {
    match item {
        Expr::Literal(..) => true,
        Expr::Cast(cast) => is_known(&cast.expr),
        Expr::Negative(inner) => is_known(inner),
        _ => false,
    }
}

/// Conditions joined, with what keeps the whole unknown where two of them ask about the same NULL.
fn together(terms: Vec<Expr>, op: Operator, asked: Asked) -> Expr {
    let mut about: Vec<(&Expr, usize, bool)> = Vec::new();
    let terms_of = terms.iter().filter_map(|term| subject(term));
    for (subject, negated) in terms_of {
        // Two of the one kind beside AND, or of the other beside OR, make one list with the members of both.
        let differs = negated != (op == Operator::And);
        match about.iter_mut().find(|(known, ..)| *known == subject) {
            Some((_, count, unlike)) => (*count, *unlike) = (*count + 1, *unlike || differs),
            None => about.push((subject, 1, differs)),
        }
    }
    let kept = about.into_iter().filter(|(_, count, unlike)| *count > 1 && *unlike);
    let kept: Vec<Expr> = kept.map(|(subject, ..)| subject.clone()).collect();
    if op == Operator::And && asked == Asked::Truth {
        return joined(terms, op);
    }
    // Only what asks about the NULL is unknown for it: what stands beside may decide the whole.
    let mut rest = terms;
    let mut groups = Vec::new();
    for of in kept {
        let (about, others) =
            rest.into_iter().partition(|term| subject(term).is_some_and(|(subject, _)| *subject == of));
        let (whole, unknown) = (joined(about, op), lit(ScalarValue::Boolean(None)));
        groups.push(match op {
            Operator::And => whole.or(of.is_null().and(unknown)),
            _ => whole.and(of.is_not_null().or(unknown)),
        });
        rest = others;
    }
    joined(groups.into_iter().chain(rest).collect(), op)
}

/// What a condition asks about by a list, or may after it is simplified; and whether by NOT IN.
fn subject(condition: &Expr) -> Option<(&Expr, bool)> {
    match condition {
        Expr::InList(list) => Some((bare(&list.expr), list.negated)),
        Expr::Not(inner) => subject(inner).map(|(subject, negated)| (subject, !negated)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (one, other) = (either(left)?, either(right)?);
            (one == other).then_some((one, false))
        }
        _ => None,
    }
}

/// What one of two conditions beside OR asks about, if they become one list.
fn either(condition: &Expr) -> Option<&Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (bare(left), bare(right)) {
            (column @ Expr::Column(_), Expr::Literal(..)) | (Expr::Literal(..), column @ Expr::Column(_)) => {
                Some(column)
            }
            _ => None,
        },
        condition => subject(condition).filter(|(_, negated)| !negated).map(|(subject, _)| subject),
    }
}

/// What is asked about, whatever type it is compared in.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => bare(&cast.expr),
        expr => expr,
    }
}

fn joined(terms: Vec<Expr>, op: Operator) -> Expr {
    let all = terms.into_iter().reduce(|all, term| if op == Operator::And { all.and(term) } else { all.or(term) });
    all.unwrap_or_else(|| lit(op == Operator::And))
}
