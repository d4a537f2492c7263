//! Every function that a session knows.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use datafusion_expr::{AggregateUDF, ScalarUDF};
use datafusion_functions_aggregate as aggregate;

use crate::spec::Tabled;
use crate::{aggregates, clock, dates, lowered, rounding, strings, total};

/// Functions of DataFusion that a session does not know, and why: each means
/// something else in the dialect under the same name, reads what a plan must
/// not read, or gives a type that the dialect does not have.
pub const REFUSED: &[(&str, &str)] = &[
    ("arrow_cast", "gives types that the dialect does not have"),
    ("arrow_try_cast", "gives types that the dialect does not have"),
    ("arrow_field", "gives types that the dialect does not have"),
    ("arrow_metadata", "gives types that the dialect does not have"),
    ("cast_to_type", "gives types that the dialect does not have"),
    ("try_cast_to_type", "gives types that the dialect does not have"),
    ("with_metadata", "changes declared types"),
    ("named_struct", "gives types that the dialect does not have"),
    ("struct", "gives types that the dialect does not have"),
    ("union_extract", "takes types that the dialect does not have"),
    ("union_tag", "takes types that the dialect does not have"),
    ("file_row_index", "reads the place of a row in a file"),
    ("input_file_name", "reads the place of a row in a file"),
    ("version", "is the version of DataFusion"),
    ("random", "is a 64-bit integer in the dialect, and is not seeded"),
    ("uuid", "is not seeded"),
    ("concat_ws", "is NULL in the dialect if an argument is"),
    ("regexp_like", "matches the whole text in the dialect"),
    ("regexp_match", "gives types that the dialect does not have"),
    ("regexp_replace", "replaces every match in the dialect"),
    ("make_date", "is DATE_FROM_PARTS in the dialect"),
    ("make_time", "is TIME_FROM_PARTS in the dialect"),
    ("date_bin", "is TIME_SLICE in the dialect"),
    ("from_unixtime", "is TO_TIMESTAMP in the dialect"),
    ("to_unixtime", "is DATE_PART(EPOCH, ..) in the dialect"),
    ("to_local_time", "depends on a time zone that is always UTC"),
    ("to_timestamp_seconds", "is TO_TIMESTAMP in the dialect"),
    ("to_timestamp_millis", "is TO_TIMESTAMP in the dialect"),
    ("to_timestamp_micros", "is TO_TIMESTAMP in the dialect"),
    ("to_timestamp_nanos", "is TO_TIMESTAMP in the dialect"),
];

/// The scalar functions of a session: ours, and those of DataFusion that mean
/// the same in the dialect.
///
/// ```
/// let functions = icecore_functions::scalar_functions();
/// let has = |name: &str| {
///     let named = |alias: &String| alias == name;
///     functions.iter().any(|f| f.name() == name || f.aliases().iter().any(named))
/// };
/// assert!(has("iff") && has("upper") && has("dateadd"));
/// assert!(!has("random"));
/// ```
pub fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions = own_scalars();
    let taken: HashSet<String> = functions.iter().flat_map(|f| names(f)).collect();
    let refused: HashSet<&str> = REFUSED.iter().map(|(name, _)| *name).collect();
    for function in datafusion_functions::all_default_functions() {
        if refused.contains(function.name()) || taken.contains(function.name()) {
            continue;
        }
        // A name of ours stays ours where DataFusion has it as a second name.
        let free = !function.aliases().iter().any(|alias| taken.contains(alias));
        if free {
            functions.push(function);
        }
    }
    functions
}

/// The aggregate functions of a session.
///
/// ```
/// let functions = icecore_functions::aggregate_functions();
/// assert!(functions.iter().any(|function| function.name() == "count_if"));
/// ```
pub fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let ours = own_aggregates();
    let taken: HashSet<String> = ours.iter().map(|function| function.name().to_owned()).collect();
    let theirs = aggregate::all_default_aggregate_functions()
        .into_iter()
        .filter(|function| !taken.contains(function.name()))
        .map(|function| match aliases(function.name()) {
            [] => function,
            aliases => Arc::new(function.as_ref().clone().with_aliases(aliases.iter().copied())),
        });
    ours.into_iter().chain(theirs).collect()
}

/// The dialect's names of DataFusion's aggregates.
fn aliases(name: &str) -> &'static [&'static str] {
    match name {
        "approx_distinct" => &["approx_count_distinct", "hll"],
        "approx_percentile_cont" => &["approx_percentile"],
        "string_agg" => &["listagg"],
        "var" | "var_samp" => &["variance", "variance_samp"],
        "var_pop" => &["variance_pop"],
        "bool_and" => &["booland_agg"],
        "bool_or" => &["boolor_agg"],
        "bit_and" => &["bitand_agg"],
        "bit_or" => &["bitor_agg"],
        "bit_xor" => &["bitxor_agg"],
        _ => &[],
    }
}

/// Aggregates of this crate.
pub(crate) fn own_aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut functions = total::functions();
    functions.push(aggregates::count_if());
    functions
}

fn own_scalars() -> Vec<Arc<ScalarUDF>> {
    let mut functions = lowered::functions();
    functions.extend(Tabled::functions(&dates::PARTS));
    functions.extend(Tabled::functions(&dates::SPECS));
    functions.extend(Tabled::functions(&strings::SPECS));
    functions.extend(rounding::functions());
    functions.extend(clock::functions());
    functions
}

fn names(function: &ScalarUDF) -> Vec<String> {
    let first = std::iter::once(function.name().to_owned());
    first.chain(function.aliases().iter().cloned()).collect()
}

/// Ours, by every name.
static OWN: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(own_scalars);

/// Names under which the expression of one of our functions is written, so
/// that the function of that name is DataFusion's on purpose.
const WRITTEN_WITH: [&str; 4] = ["greatest", "least", "power", "coalesce"];

/// Our function in place of DataFusion's of the same name, which a `DataFrame`
/// or the planner took from there; none if there is none, or if it is ours.
pub(crate) fn replacement(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    if WRITTEN_WITH.contains(&function.name()) {
        return None;
    }
    let same_name = |ours: &&Arc<ScalarUDF>| names(ours).iter().any(|n| n == function.name());
    let ours = OWN.iter().find(same_name)?;
    let ours_type: &dyn std::any::Any = ours.inner().as_ref();
    let their_type: &dyn std::any::Any = function.inner().as_ref();
    (ours_type.type_id() != their_type.type_id()).then(|| Arc::clone(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_function() {
        let mut seen = HashSet::new();
        for function in scalar_functions() {
            for name in names(&function) {
                assert!(seen.insert(name.clone()), "{name} twice");
            }
        }
    }

    #[test]
    fn what_is_refused_is_there_to_be_refused_and_is_not_known() {
        let known: HashSet<_> = scalar_functions().iter().flat_map(|f| names(f)).collect();
        let theirs = datafusion_functions::all_default_functions();
        for (name, _) in REFUSED {
            assert!(theirs.iter().any(|function| function.name() == *name), "{name}");
            assert!(!known.contains(*name), "{name}");
        }
    }

    #[test]
    fn nothing_of_datafusion_is_lost_unless_it_is_refused() {
        let known: HashSet<_> = scalar_functions().iter().flat_map(|f| names(f)).collect();
        let refused: HashSet<_> = REFUSED.iter().map(|(name, _)| *name).collect();
        for function in datafusion_functions::all_default_functions() {
            let name = function.name();
            assert!(known.contains(name) || refused.contains(name), "{name}");
        }
    }

    #[test]
    fn aggregates_have_their_names() {
        let functions = aggregate_functions();
        for name in ["sum", "avg", "listagg", "approx_count_distinct", "count_if", "variance"] {
            let found = functions.iter().any(|function| {
                function.name() == name || function.aliases().iter().any(|alias| alias == name)
            });
            assert!(found, "{name}");
        }
    }
}
