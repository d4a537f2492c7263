//! The dialect: text to statements; the only parser.
