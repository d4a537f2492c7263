//! The rules of definitions. An expression is right if a query of it can be
//! written.

use icecore_types::Result;

use super::{ExpressionId, ExpressionKind, Model};
use crate::metrics::{AllDimensions, Metrics};
use crate::rows::Rows;

impl Model {
    pub(super) fn check(&self) -> Result<()> {
        for id in self.ids() {
            let checked = self.check_one(id);
            checked.map_err(|error| error.context(self.label(id)))?;
        }
        Ok(())
    }

    fn check_one(&self, id: ExpressionId) -> Result<()> {
        let expression = self.expression(id);
        if let (ExpressionKind::Fact | ExpressionKind::Dimension, Some(table)) =
            (expression.kind, expression.table)
        {
            return Rows::new(self, table, Vec::new()).expression(id, &[]).map(drop);
        }
        let mut metrics = Metrics::new(self);
        if expression.kind == ExpressionKind::WindowMetric {
            metrics.window(id, &mut AllDimensions::default())?;
        } else {
            metrics.metric(id)?;
        }
        // Every other metric is checked by itself.
        let own = |home| home == super::Home::Definition(id);
        for term in metrics.terms.into_iter().filter(|term| own(term.home)) {
            let mut rows = Rows::new(self, term.base, term.using.clone());
            rows.call(&term.call, term.home)?;
            for by in &term.non_additive {
                rows.named(by.dimension, &[])?;
            }
        }
        Ok(())
    }
}
