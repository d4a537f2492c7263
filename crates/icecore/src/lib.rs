//! An embedded analytical engine: sessions, the statement path, the DataFusion catalog and planners.
