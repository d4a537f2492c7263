//! Metrics taken apart: a metric is an expression over aggregates, and each
//! aggregate is of the rows of one table.

use icecore_sql::ast::{Expr, Function, Ident, OrderByExpr, WindowType};
use icecore_types::{Code, Error, Result};

use crate::errors::invalid;
use crate::model::{
    ExpressionId, ExpressionKind, Home, Model, NonAdditiveBy, Reference, TableId, shown,
};
use crate::rows::{enter, refuse, window_used};
use crate::tree::{call_with, column, name_parts, nested, replaced};

/// An aggregate over the rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    pub(crate) base: TableId,
    pub(crate) using: Vec<usize>,
    pub(crate) non_additive: Vec<NonAdditiveBy>,
    pub(crate) call: Function,
    pub(crate) home: Home,
}

/// The relation of the placeholders of terms.
const TERM: &str = "#TERM";
/// The relation of the placeholders of dimensions.
const DIMENSION: &str = "#DIMENSION";

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    Term(usize),
    Dimension(usize),
}

impl Placeholder {
    pub(crate) fn expression(self) -> Expr {
        match self {
            Self::Term(number) => column(TERM, &number.to_string()),
            Self::Dimension(number) => column(DIMENSION, &number.to_string()),
        }
    }

    pub(crate) fn of(expression: &Expr) -> Option<Self> {
        let Expr::CompoundIdentifier(parts) = expression else { return None };
        let [Ident { value: what, .. }, Ident { value: number, .. }] = parts.as_slice() else {
            return None;
        };
        match what.as_str() {
            TERM => number.parse().ok().map(Self::Term),
            DIMENSION => number.parse().ok().map(Self::Dimension),
            _ => None,
        }
    }
}

/// The dimensions that a window metric finds in its query.
pub(crate) trait Dimensions {
    /// The place of a dimension, if it is there.
    fn place(&mut self, id: ExpressionId) -> Option<usize>;

    /// How many there are.
    fn count(&self) -> usize;
}

/// Collects the terms of metrics.
pub(crate) struct Metrics<'m> {
    model: &'m Model,
    pub(crate) terms: Vec<Term>,
    open: Vec<ExpressionId>,
    expanded: usize,
    /// How often a term was used.
    used: usize,
}

impl<'m> Metrics<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        Self { model, terms: Vec::new(), open: Vec::new(), expanded: 0, used: 0 }
    }

    /// A metric as an expression over placeholders.
    pub(crate) fn metric(&mut self, id: ExpressionId) -> Result<Expr> {
        let model = self.model;
        let expression = model.expression(id);
        match expression.kind {
            ExpressionKind::Metric | ExpressionKind::DerivedMetric => {}
            ExpressionKind::WindowMetric => return Err(window_used(model, id)),
            ExpressionKind::Fact | ExpressionKind::Dimension => return Err(outside(model, id)),
        }
        enter(model, &mut self.open, &mut self.expanded, id)?;
        let used = self.used;
        let written = self.scalar(&expression.spec.expression, Home::Definition(id));
        self.open.pop();
        let written = written?;
        if self.used == used {
            return Err(invalid(format!("a metric has no aggregate metric={}", model.label(id)))
                .with_help("write for example SUM(column)"));
        }
        Ok(written)
    }

    /// An expression over metrics and aggregates.
    pub(crate) fn scalar(&mut self, expression: &Expr, home: Home) -> Result<Expr> {
        replaced(expression, &mut |part| self.part(part, home))
    }

    fn part(&mut self, part: &Expr, home: Home) -> Result<Option<Expr>> {
        if let Some(parts) = name_parts(part) {
            return match self.model.resolve(parts, home)? {
                Reference::Expression(id) => {
                    self.check_reference(id, home)?;
                    self.metric(id).map(nested).map(Some)
                }
                Reference::Column(..) => {
                    Err(invalid(format!("column {} is used outside of an aggregate", shown(parts))))
                }
            };
        }
        if let Some(call) = self.model.aggregate(part) {
            let term = self.term(call, home)?;
            self.used += 1;
            let known = self.terms.iter().position(|known| *known == term);
            let number = known.unwrap_or_else(|| {
                self.terms.push(term);
                self.terms.len() - 1
            });
            return Ok(Some(Placeholder::Term(number).expression()));
        }
        refuse(part)?;
        Ok(None)
    }

    /// A metric of a table may use those of equal or lower granularity.
    fn check_reference(&self, id: ExpressionId, home: Home) -> Result<()> {
        let Home::Definition(own) = home else { return Ok(()) };
        let Some(table) = self.model.expression(own).table else { return Ok(()) };
        let used = self.model.expression(id);
        if !used.kind.is_metric() {
            return Err(outside(self.model, id));
        }
        match used.table {
            Some(other) if self.model.reachable(table).contains(&other) => Ok(()),
            Some(_) => Err(invalid(format!(
                "a metric of a higher granularity is used without an aggregate metric={} used={}",
                self.model.label(own),
                self.model.label(id)
            ))
            .with_help("aggregate it again, for example AVG(orders.total)")),
            None => Err(invalid(format!(
                "a metric of a table uses a derived metric metric={} used={}",
                self.model.label(own),
                self.model.label(id)
            ))),
        }
    }

    fn term(&self, call: &Function, home: Home) -> Result<Term> {
        let model = self.model;
        let Home::Definition(id) = home else {
            let tables = model.tables_of(&Expr::Function(call.clone()), home)?;
            let base = model.highest(&tables)?.ok_or_else(|| {
                invalid(format!("an aggregate of nothing that the view defines: {call}"))
                    .with_help("name one of its metrics")
            })?;
            let (using, non_additive) = (Vec::new(), Vec::new());
            return Ok(Term { base, using, non_additive, call: call.clone(), home });
        };
        let expression = model.expression(id);
        let base = expression.table.ok_or_else(|| {
            invalid(format!(
                "a derived metric combines metrics and has no aggregate of its own metric={}",
                model.label(id)
            ))
            .with_help("write table.name AS aggregate, and combine it by its name")
        })?;
        Ok(Term {
            base,
            using: expression.using.clone(),
            non_additive: expression.non_additive.clone(),
            call: call.clone(),
            home,
        })
    }

    /// A window metric over placeholders.
    pub(crate) fn window(
        &mut self,
        id: ExpressionId,
        dimensions: &mut dyn Dimensions,
    ) -> Result<Expr> {
        let spec = &self.model.expression(id).spec;
        let home = Home::Definition(id);
        let Expr::Function(function) = &spec.expression else {
            return Err(Error::internal("a window metric that is no call"));
        };
        let Some(WindowType::WindowSpec(window)) = &function.over else {
            return Err(Error::unsupported("a named window in a metric"));
        };
        let used = self.used;
        let mut written = call_with(function, &mut |part| self.scalar(part, home))?;
        if self.used == used {
            return Err(invalid(format!(
                "a window metric is a function of another metric metric={}",
                self.model.label(id)
            )));
        }
        let mut window = window.clone();
        for part in &mut window.partition_by {
            *part = self.over_dimensions(part, id, dimensions)?;
        }
        if !spec.excluding.is_empty() {
            window.partition_by = self.all_but(&spec.excluding, id, dimensions)?;
        }
        for OrderByExpr { expr, .. } in &mut window.order_by {
            *expr = self.over_dimensions(expr, id, dimensions)?;
        }
        written.over = Some(WindowType::WindowSpec(window));
        Ok(Expr::Function(written))
    }

    fn all_but(
        &mut self,
        excluding: &[Expr],
        id: ExpressionId,
        dimensions: &mut dyn Dimensions,
    ) -> Result<Vec<Expr>> {
        let mut excluded = Vec::new();
        for part in excluding {
            match Placeholder::of(&self.over_dimensions(part, id, dimensions)?) {
                Some(Placeholder::Dimension(place)) => excluded.push(place),
                _ => {
                    return Err(invalid(format!(
                        "PARTITION BY EXCLUDING takes dimensions metric={} found={part}",
                        self.model.label(id)
                    )));
                }
            }
        }
        let kept = (0..dimensions.count()).filter(|place| !excluded.contains(place));
        Ok(kept.map(|place| Placeholder::Dimension(place).expression()).collect())
    }

    /// An expression of OVER: over dimensions of the query, or metrics.
    fn over_dimensions(
        &mut self,
        expression: &Expr,
        id: ExpressionId,
        dimensions: &mut dyn Dimensions,
    ) -> Result<Expr> {
        let model = self.model;
        let home = Home::Definition(id);
        replaced(expression, &mut |part| {
            if let Some(parts) = name_parts(part)
                && let Reference::Expression(found) = model.resolve(parts, home)?
                && model.expression(found).kind == ExpressionKind::Dimension
            {
                let place = dimensions.place(found).ok_or_else(|| missing(model, id, found))?;
                return Ok(Some(Placeholder::Dimension(place).expression()));
            }
            self.part(part, home)
        })
    }

    /// The dimensions that a window metric cannot do without.
    pub(crate) fn required(model: &'m Model, id: ExpressionId) -> Result<Vec<ExpressionId>> {
        let mut all = AllDimensions::default();
        if model.expression(id).kind == ExpressionKind::WindowMetric {
            Metrics::new(model).window(id, &mut all)?;
        }
        Ok(all.0)
    }
}

/// Has every dimension that it is asked for.
#[derive(Default)]
pub(crate) struct AllDimensions(pub(crate) Vec<ExpressionId>);

impl Dimensions for AllDimensions {
    fn place(&mut self, id: ExpressionId) -> Option<usize> {
        let known = self.0.iter().position(|known| *known == id);
        Some(known.unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        }))
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

fn outside(model: &Model, id: ExpressionId) -> Error {
    invalid(format!(
        "{} is a {}, not a metric, and stands outside of an aggregate",
        model.label(id),
        model.expression(id).kind.sql().to_lowercase()
    ))
}

fn missing(model: &Model, metric: ExpressionId, dimension: ExpressionId) -> Error {
    Error::new(
        Code::MISSING_WINDOW_DIMENSION,
        format!(
            "SQL compilation error:\nInvalid window function metric: The dimension '{}' must be \
             in the query because the definition of metric '{}' uses it.",
            model.label(dimension),
            model.label(metric)
        ),
    )
}
