//! Development only: a manual clock, faulty and counting stores, data generators.
