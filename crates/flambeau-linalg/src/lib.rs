//! Dense linear algebra over plain slices.
