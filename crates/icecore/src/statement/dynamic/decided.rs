//! How queries are refreshed, decided once: the decision asks for the types of
//! many expressions, each of which is planned for it.

use std::collections::HashMap;

use icecore_semantic::{Reason, RefreshPlan};
use icecore_types::{DynamicDefinition, FrontierInput, Hash, Name, Result};
use parking_lot::Mutex;

/// Decisions that are kept; more than that begin anew.
const MOST: usize = 256;

/// The decision for a query, or why it is computed as a whole.
type Decided = std::result::Result<RefreshPlan, Reason>;

/// What was decided, by all that it depends on.
#[derive(Debug, Default)]
pub(crate) struct DecidedPlans(Mutex<HashMap<Hash, Decided>>);

impl DecidedPlans {
    /// The decision for what this hash is of.
    pub(super) fn of(
        &self,
        key: Hash,
        decide: impl FnOnce() -> Result<Decided>,
    ) -> Result<Decided> {
        if let Some(known) = self.0.lock().get(&key) {
            return Ok(known.clone());
        }
        let decided = decide()?;
        let mut plans = self.0.lock();
        if plans.len() >= MOST {
            plans.clear();
        }
        plans.insert(key, decided.clone());
        Ok(decided)
    }
}

/// All that a decision depends on: the query, what its names mean, the columns
/// of what it reads and its own.
pub(super) fn key(dynamic: &DynamicDefinition, inputs: &[FrontierInput], columns: &[Name]) -> Hash {
    let inputs: Vec<_> = inputs.iter().map(|input| (input.id, input.shape)).collect();
    let text = format!(
        "{:?} {:?} {:?} {inputs:?} {columns:?}",
        dynamic.query, dynamic.database, dynamic.schema
    );
    Hash::of(text.as_bytes())
}
