//! The notebook-style examples, one binary with subcommands.
