//! Python text to a small syntax tree with spans, and back.
