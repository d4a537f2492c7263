//! Loading: COPY semantics, validation and load keys.
