//! Versions: log, commit, head, clone, time travel, undrop, retention and collection.
