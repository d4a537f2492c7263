//! Every function that a session knows.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use datafusion_expr::{AggregateUDF, ScalarUDF};
use datafusion_functions_aggregate as aggregate;

use crate::spec::Tabled;
use crate::{
    aggregates, calls, chance, changes, clock, collected, dates, digests, distances, distinct,
    encodings, listagg, lowered, median, moments, regexps, rounding, strings, total, zones,
};

/// Functions of DataFusion that a session does not know: each means something
/// else in the dialect under the same name, reads what a plan must not read, or
/// gives a type that the dialect does not have. `why_refused` says which.
pub const REFUSED: &[&str] = &{
    let mut names = [""; REASONS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = REASONS[index].0;
        index += 1;
    }
    names
};

/// Why a function of DataFusion is refused, if it is.
///
/// ```
/// assert_eq!(icecore_functions::why_refused("uuid"), Some("is not seeded"));
/// assert_eq!(icecore_functions::why_refused("upper"), None);
/// ```
pub fn why_refused(name: &str) -> Option<&'static str> {
    REASONS.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
}

const REASONS: &[(&str, &str)] = &[
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
    ("regexp_match", "gives types that the dialect does not have"),
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

/// The scalar functions of a session: those of DataFusion that mean the same in
/// the dialect, then ours, which take over a name that both have.
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
    let ours = own_scalars();
    let taken: HashSet<&str> = ours.iter().map(|function| function.name()).collect();
    let theirs = datafusion_functions::all_default_functions()
        .into_iter()
        .filter(|function| !REFUSED.contains(&function.name()) && !taken.contains(function.name()));
    theirs.chain(ours.clone()).collect()
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
        "approx_percentile_cont" => &["approx_percentile"],
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
    functions.extend(distinct::functions());
    functions.extend(calls::functions());
    functions.extend(collected::functions());
    functions.extend(moments::functions());
    functions.extend([aggregates::count_if(), median::median(), listagg::listagg()]);
    functions.push(changes::change_event());
    functions
}

fn own_scalars() -> Vec<Arc<ScalarUDF>> {
    let mut functions = lowered::functions();
    functions.extend(Tabled::functions(&dates::PARTS));
    functions.extend(Tabled::functions(&dates::SPECS));
    functions.extend(Tabled::functions(&strings::SPECS));
    functions.extend(Tabled::functions(&encodings::SPECS));
    functions.extend(Tabled::functions(&digests::SPECS));
    functions.extend(Tabled::functions(&zones::SPECS));
    functions.extend(Tabled::functions(&chance::SPECS));
    functions.push(digests::hash());
    functions.extend(Tabled::functions(&distinct::SPECS));
    functions.extend(Tabled::functions(&distances::SPECS));
    functions.extend(Tabled::functions(&regexps::SPECS));
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

/// The function of this crate with this name, for the planner of syntax that
/// has none.
pub(crate) fn own(name: &'static str) -> Arc<ScalarUDF> {
    let function = OWN.iter().find(|function| function.name() == name);
    Arc::clone(function.expect("the planner names functions of this crate"))
}

/// Functions of DataFusion that expressions of ours are written with, and that
/// therefore stay what they are.
const WRITTEN_WITH: [&str; 4] = ["greatest", "least", "power", "coalesce"];

/// Ours in place of DataFusion's, by every name that both have.
static REPLACEMENTS: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let theirs = datafusion_functions::all_default_functions();
    let theirs: HashSet<&str> = theirs.iter().map(|function| function.name()).collect();
    let all = OWN.iter().flat_map(|ours| names(ours).into_iter().map(move |name| (name, ours)));
    all.filter(|(name, _)| theirs.contains(name.as_str()) && !WRITTEN_WITH.contains(&name.as_str()))
        .map(|(name, ours)| (name, Arc::clone(ours)))
        .collect()
});

/// Our function in place of DataFusion's of the same name, which a `DataFrame`
/// or the planner took from there; none if there is none, or if it is ours.
pub(crate) fn replacement(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    let ours = REPLACEMENTS.get(function.name())?;
    let ours_type: &dyn std::any::Any = ours.inner().as_ref();
    let their_type: &dyn std::any::Any = function.inner().as_ref();
    (ours_type.type_id() != their_type.type_id()).then(|| Arc::clone(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a session knows by each name: the last that has it.
    fn known() -> HashMap<String, Arc<ScalarUDF>> {
        let all = scalar_functions().into_iter();
        all.flat_map(|f| names(&f).into_iter().map(move |name| (name, Arc::clone(&f)))).collect()
    }

    #[test]
    fn every_name_of_ours_is_one_function_and_ours() {
        let known = known();
        let mut seen = HashSet::new();
        for function in own_scalars() {
            for name in names(&function) {
                assert!(seen.insert(name.clone()), "{name} twice");
                assert_eq!(known[&name].name(), function.name(), "{name}");
            }
        }
    }

    #[test]
    fn what_is_refused_is_there_to_be_refused_and_is_not_known() {
        let known = known();
        let theirs = datafusion_functions::all_default_functions();
        for name in REFUSED {
            assert!(theirs.iter().any(|function| function.name() == *name), "{name}");
            assert!(!known.contains_key(*name), "{name}");
        }
    }

    #[test]
    fn nothing_of_datafusion_is_lost_unless_it_is_refused() {
        let known = known();
        for function in datafusion_functions::all_default_functions() {
            let name = function.name();
            assert!(known.contains_key(name) || why_refused(name).is_some(), "{name}");
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
