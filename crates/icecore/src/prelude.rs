//! What most programs need.
//!
//! ```
//! use icecore::prelude::*;
//! assert_eq!(col("carrier").to_string(), "CARRIER");
//! assert_eq!(col("\"carrier\"").to_string(), "carrier");
//! ```

pub use datafusion::logical_expr::lit;
pub use datafusion::prelude::DataFrame;

pub use crate::{At, Icecore, QueryResult, Session, Table};

use datafusion::common::Column;
use datafusion::logical_expr::Expr;

/// A column by its name, which is a SQL identifier: `carrier` is CARRIER. With
/// DataFusion's own `col` neither spelling would be found.
pub fn col(name: &str) -> Expr {
    let parts = icecore_types::QualifiedName::parse(name);
    let column = match parts {
        Ok(name) => match &name.schema {
            Some(table) => Column::new(Some(table.as_str()), name.name.as_str()),
            None => Column::new_unqualified(name.name.as_str()),
        },
        // No identifier: then it can only be the name of a computed column.
        Err(_) => Column::new_unqualified(name),
    };
    Expr::Column(column)
}
