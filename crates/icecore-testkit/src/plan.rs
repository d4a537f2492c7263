//! Which fault comes next.

use object_store::path::Path;
use object_store::{PutOptions, PutPayload};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{Chances, Fault, Rule, Verb};

/// A put that was said to have timed out.
#[derive(Debug)]
pub(crate) struct Late {
    due: u64,
    pub(crate) location: Path,
    pub(crate) payload: PutPayload,
    pub(crate) options: PutOptions,
}

/// Faults to come: by rule first, then by chance.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    operations: u64,
    rules: Vec<Rule>,
    chance: Option<(Chances, StdRng)>,
    crashed: bool,
    late: Vec<Late>,
}

impl Plan {
    pub(crate) fn seeded(chances: Chances, seed: u64) -> Self {
        Self { chance: Some((chances, StdRng::seed_from_u64(seed))), ..Self::default() }
    }

    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations
    }

    pub(crate) fn late_puts(&self) -> usize {
        self.late.len()
    }

    pub(crate) fn heal(&mut self) {
        self.rules.clear();
        self.chance = None;
        self.crashed = false;
    }

    /// The fault of the operation that begins now.
    pub(crate) fn next(&mut self, verb: Verb, path: &Path) -> Option<Fault> {
        self.operations += 1;
        if self.crashed {
            return Some(Fault::Crash);
        }
        let fault = self.by_rule(verb, path.as_ref()).or_else(|| self.by_chance(verb));
        self.crashed = fault == Some(Fault::Crash);
        fault
    }

    fn by_rule(&mut self, verb: Verb, path: &str) -> Option<Fault> {
        let mut found = None;
        self.rules.retain_mut(|rule| {
            if !rule.matches(verb, path) {
                return true;
            }
            rule.left -= 1;
            if rule.left == 0 {
                found.get_or_insert(rule.fault);
            }
            rule.left > 0
        });
        found
    }

    fn by_chance(&mut self, verb: Verb) -> Option<Fault> {
        let (chances, random) = self.chance.as_mut()?;
        let drawn: f64 = random.random();
        let later = Fault::LandLater { after_operations: random.random_range(1..=8) };
        let put = |chance: f64| if verb == Verb::Put { chance } else { 0.0 };
        let mut below = 0.0;
        [
            (chances.fail_before, Fault::FailBefore),
            (chances.fail_after, Fault::FailAfter),
            (put(chances.spurious_conflict), Fault::SpuriousConflict),
            (put(chances.land_later), later),
        ]
        .into_iter()
        .find(|(chance, _)| {
            below += chance;
            drawn < below
        })
        .map(|(_, fault)| fault)
    }

    /// Keeps a put that lands when so many more operations have begun.
    pub(crate) fn postpone(&mut self, after_operations: u64, put: (Path, PutPayload, PutOptions)) {
        let (location, payload, options) = put;
        let due = self.operations + after_operations;
        self.late.push(Late { due, location, payload, options });
    }

    /// The puts that land before the operation that has just begun, in the
    /// order in which they were made.
    pub(crate) fn landing(&mut self) -> Vec<Late> {
        let operations = self.operations;
        self.late.extract_if(.., |late| late.due <= operations).collect()
    }

    pub(crate) fn landing_all(&mut self) -> Vec<Late> {
        std::mem::take(&mut self.late)
    }
}
