//! The dialect's types over Arrow: parse, format, cast, compare, arithmetic; one meaning for COPY, CAST and functions.
