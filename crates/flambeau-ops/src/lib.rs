//! The operator rows.
