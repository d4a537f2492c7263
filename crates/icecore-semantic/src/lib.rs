//! Semantic models, metric queries as SQL trees, incremental refresh plans.
