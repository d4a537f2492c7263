//! Roll-ups: metrics by dimensions, kept as a table, and which queries of the
//! view that table answers.
//!
//! A roll-up keeps states, not results: of an average its sum and its count,
//! of an approximate count of distinct values its sketch. States of the same
//! aggregate add up, so a query by fewer dimensions is answered as well. For
//! each table whose rows were aggregated it also keeps how many they were: a
//! group that only another table has rows of is none of the query's.

use std::fmt;

use icecore_sql::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Query,
};
use icecore_sql::{SemanticKind, SemanticQuery};
use icecore_types::{Error, QualifiedName, Result};

use crate::errors::unknown;
use crate::metrics::{Placeholder, Term};
use crate::model::{ExpressionId, ExpressionKind, Home, Model, Reference};
use crate::query::{Asked, Columns, Group, Output, free};
use crate::tree::{binary, call, finished, ident, nested, number};

/// Metrics of a semantic view by dimensions, as a table keeps them.
///
/// ```
/// # use icecore_semantic::{BaseTable, Model};
/// # use icecore_sql::{Limits, SemanticQuery, Statement, parse};
/// # use icecore_types::{Name, QualifiedName};
/// # let text = "CREATE SEMANTIC VIEW v TABLES (orders) \
/// #     DIMENSIONS (orders.day AS d, orders.shop AS s) METRICS (orders.mean AS AVG(amount))";
/// # let parsed = parse(text, &Limits::default())?;
/// # let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// # let columns = ["d", "s", "amount"].map(Name::unquoted).to_vec();
/// # let orders = BaseTable { name: QualifiedName::parse("shop.public.orders")?, columns };
/// # let model = Model::new(create, vec![orders], std::sync::Arc::new(["avg".to_owned()].into()))?;
/// let names = |text: &[&str]| text.iter().map(|t| QualifiedName::parse(t)).collect::<Result<Vec<_>, _>>();
/// let rollup = model.roll_up(&names(&["orders.mean"])?, &names(&["orders.day", "shop"])?)?;
/// let kept = QualifiedName::parse("shop.public.kept")?;
/// let asked = SemanticQuery::parse("SEMANTIC_VIEW(v METRICS mean DIMENSIONS day)")?;
/// let answer = model.answer(&asked, &rollup, &kept)?.expect("it has all that is asked for");
/// assert!(answer.to_string().contains("FROM SHOP.PUBLIC.KEPT"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RollUp {
    dimensions: Vec<(ExpressionId, String)>,
    terms: Vec<(Term, Kept)>,
    /// For each group of terms: its table and relationships, and the column
    /// that counts its rows.
    presence: Vec<(Term, String)>,
    query: Query,
}

impl RollUp {
    /// The query whose result the table holds.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The columns that hold sums, which add up exactly only if they are exact
    /// numbers.
    pub fn sums(&self) -> impl Iterator<Item = &str> {
        self.terms
            .iter()
            .filter(|(_, kept)| matches!(kept.states, States::Sum | States::Average))
            .filter_map(|(_, kept)| kept.columns.first().map(String::as_str))
    }
}

/// What a roll-up has not, of what a query asks for.
///
/// ```
/// use icecore_semantic::Lacks;
/// let lacks = Lacks::Dimension("CUSTOMER.REGION".into());
/// assert_eq!(lacks.to_string(), "it is not kept by dimension CUSTOMER.REGION");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// The query has no metrics: it asks for rows.
    Metrics,
    /// A dimension or fact of the query, or of its condition.
    Dimension(String),
    /// A metric, which it could keep.
    Metric(String),
    /// A metric that cannot be had from those of smaller groups.
    Additive(String),
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metrics => write!(f, "the query asks for no metric"),
            Self::Dimension(name) => write!(f, "it is not kept by dimension {name}"),
            Self::Metric(name) => write!(f, "it does not keep {name}"),
            Self::Additive(name) => write!(f, "{name} does not add up"),
        }
    }
}

/// The columns of a term's states, and what they are.
#[derive(Clone, Debug)]
struct Kept {
    columns: Vec<String>,
    states: States,
}

/// How an aggregate is made of states that add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum States {
    Sum,
    Count,
    Min,
    Max,
    Average,
    Distinct,
}

impl States {
    /// Nothing for an aggregate of which no states are kept.
    fn of(call: &Function) -> Option<Self> {
        let FunctionArguments::List(list) = &call.args else { return None };
        let plain = list.duplicate_treatment.is_none()
            && list.clauses.is_empty()
            && list.args.len() == 1
            && call.filter.is_none()
            && call.within_group.is_empty()
            && call.null_treatment.is_none();
        let found = match call.name.to_string().to_uppercase().as_str() {
            "SUM" => Self::Sum,
            "COUNT" | "COUNT_IF" => Self::Count,
            "MIN" => Self::Min,
            "MAX" => Self::Max,
            "AVG" => Self::Average,
            "APPROX_COUNT_DISTINCT" | "HLL" => Self::Distinct,
            _ => return None,
        };
        plain.then_some(found)
    }

    /// The aggregates that give the states.
    fn calls(self, original: &Function) -> Vec<Function> {
        let named = |name: &str| {
            let mut call = original.clone();
            call.name = vec![ident(name)].into();
            call
        };
        match self {
            Self::Average => vec![named("SUM"), named("COUNT")],
            Self::Distinct => vec![named("HLL_ACCUMULATE")],
            _ => vec![original.clone()],
        }
    }

    /// The aggregate that adds states up.
    const fn adds_up_by(self) -> &'static str {
        match self {
            Self::Sum | Self::Count | Self::Average => "SUM",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Distinct => "HLL_COMBINE",
        }
    }

    /// The result, from states that are added up.
    fn result(self, states: Vec<Expr>) -> Expr {
        let mut states = states.into_iter();
        match (self, states.next(), states.next()) {
            (Self::Average, Some(sum), Some(count)) => {
                let count = call("NULLIF", vec![integer(count), number(0)]);
                nested(binary(sum, BinaryOperator::Divide, count))
            }
            (Self::Distinct, Some(sketch), _) => {
                let estimate = call("HLL_ESTIMATE", vec![sketch]);
                call("COALESCE", vec![estimate, number(0)])
            }
            (Self::Count, Some(count), _) => integer(call("COALESCE", vec![count, number(0)])),
            (_, Some(state), _) => state,
            (_, None, _) => number(0),
        }
    }
}

impl Model {
    /// The roll-up of metrics by dimensions, both by their names.
    ///
    /// # Errors
    /// `InvalidInput` for names that are none of the view's, and metrics that
    /// are not of the grain of the dimensions; `Unsupported` for a metric that
    /// does not add up: window metrics, NON ADDITIVE BY, COUNT(DISTINCT ..).
    pub fn roll_up(
        &self,
        metrics: &[QualifiedName],
        dimensions: &[QualifiedName],
    ) -> Result<RollUp> {
        let mut asked = self.nothing_asked();
        let mut kept = Vec::new();
        for name in dimensions {
            let id = self.named(name, |kind| kind == ExpressionKind::Dimension)?;
            let taken = |name: &str| kept.iter().any(|(_, known): &(_, String)| known == name);
            let column = free(self.expression(id).spec.name.as_str(), taken);
            asked.dimensions.push(self.asked_dimension(id, column.clone())?);
            asked.outputs.push((Output::Dimension(kept.len()), column.clone()));
            kept.push((id, column));
        }
        for name in metrics {
            let id = self.named(name, ExpressionKind::is_metric)?;
            asked.metrics.metric(id)?;
        }
        let originals = std::mem::take(&mut asked.metrics.terms);
        let mut columns: Vec<String> = kept.iter().map(|(_, name)| name.clone()).collect();
        let mut terms = Vec::new();
        for term in originals {
            let states = States::of(&term.call).filter(|_| term.non_additive.is_empty());
            let states = states.ok_or_else(|| {
                Error::unsupported(format_args!(
                    "a roll-up of a metric that does not add up ({})",
                    term.call
                ))
            })?;
            let names = states
                .calls(&term.call)
                .into_iter()
                .map(|call| keep(&mut asked, &mut columns, Term { call, ..term.clone() }));
            let names = names.collect();
            terms.push((term, Kept { columns: names, states }));
        }
        let presence = self.presence(&mut asked, &mut columns, &terms);
        // The columns of states are in the order of the terms, behind those of
        // the dimensions.
        let states: Vec<String> = columns.split_off(kept.len());
        let mut query = match Group::of(&asked.metrics).as_slice() {
            [only] => only.query(self, &asked, &Columns::of(only, &states))?,
            _ => self.written(&asked)?,
        };
        finished(&mut query);
        Ok(RollUp { dimensions: kept, terms, presence, query })
    }

    fn named(
        &self,
        name: &QualifiedName,
        fits: impl Fn(ExpressionKind) -> bool,
    ) -> Result<ExpressionId> {
        let parts: Vec<_> =
            name.schema.iter().chain([&name.name]).map(|part| ident(part.as_str())).collect();
        match self.resolve(&parts, Home::Query)? {
            Reference::Expression(id) if fits(self.expression(id).kind) => Ok(id),
            _ => Err(unknown(name)),
        }
    }

    /// Counts the rows of each group.
    fn presence(
        &self,
        asked: &mut Asked<'_>,
        columns: &mut Vec<String>,
        terms: &[(Term, Kept)],
    ) -> Vec<(Term, String)> {
        let mut presence: Vec<(Term, String)> = Vec::new();
        for (term, _) in terms {
            if presence.iter().any(|(known, _)| same_rows(known, term)) {
                continue;
            }
            let counted = Term { call: count_all(&term.call), ..term.clone() };
            let column = keep(asked, columns, counted.clone());
            presence.push((counted, column));
        }
        presence
    }

    /// The query of a roll-up's table that answers a query of the view, or
    /// what it has not.
    ///
    /// # Errors
    /// As [`Model::query`]: what the view cannot answer no roll-up does.
    pub fn answer(
        &self,
        asked: &SemanticQuery,
        rollup: &RollUp,
        kept_in: &QualifiedName,
    ) -> Result<std::result::Result<Query, Lacks>> {
        let asked = self.asked(asked)?;
        self.written(&asked)?;
        if asked.kind != SemanticKind::Metrics {
            return Ok(Err(Lacks::Metrics));
        }
        answer::answered(self, &asked, rollup, kept_in)
    }
}

/// Asks for a term as a column of its own; the name that the column has.
fn keep(asked: &mut Asked<'_>, columns: &mut Vec<String>, term: Term) -> String {
    let name = free(&format!("S{}", asked.metrics.terms.len() + 1), |name| {
        columns.iter().any(|known| known == name)
    });
    let place = Placeholder::Term(asked.metrics.terms.len());
    asked.metrics.terms.push(term);
    asked.outputs.push((Output::Metric(Box::new(place.expression())), name.clone()));
    columns.push(name.clone());
    name
}

/// A count that was added up, of the type that a count has.
fn integer(count: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(count),
        data_type: DataType::Int(None),
        array: false,
        format: None,
    }
}

fn same_rows(a: &Term, b: &Term) -> bool {
    a.base == b.base && a.using == b.using && a.non_additive == b.non_additive
}

/// `COUNT(*)`.
fn count_all(like: &Function) -> Function {
    let mut call = like.clone();
    call.name = vec![ident("COUNT")].into();
    call.args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)],
        clauses: Vec::new(),
    });
    call
}

mod answer;

#[cfg(test)]
mod tests;
