//! Virtual warehouses: sizes, admission, suspend and resume, metering.
