//! `1e300`: a number with an exponent is a FLOAT, and others are exact.

use std::ops::ControlFlow;

use icecore_sql::ast::{CastKind, DataType, ExactNumberInfo, Expr, Value, VisitMut, VisitorMut};

/// Writes the numbers with an exponent in a tree as casts of their text.
pub(super) fn float_literals(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Casting);
}

struct Casting;

impl VisitorMut for Casting {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = expression
            && let Value::Number(digits, _) = &value.value
            && digits.contains(['e', 'E'])
        {
            let text = Expr::value(Value::SingleQuotedString(digits.to_string()));
            *expression = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(text),
                data_type: DataType::Float(ExactNumberInfo::None),
                array: false,
                format: None,
            };
        }
        ControlFlow::Continue(())
    }
}
