//! Names of values. A value is called by its number until it gets a name; a name given twice
//! goes to the newcomer, and the earlier owner is renamed with the next free suffix.

use super::graph::{Graph, ValueId};

impl Graph {
    pub fn has_name(&self, value: ValueId) -> bool {
        self.values[value.index()].name.is_some()
    }
    /// The name without `%`.
    pub fn name(&self, value: ValueId) -> String {
        let data = &self.values[value.index()];
        data.name
            .as_ref()
            .map_or_else(|| data.unique.to_string(), |n| n.to_string())
    }
    /// The name without its numeric suffix.
    pub fn name_base(&self, value: ValueId) -> String {
        split_suffix(&self.name(value)).0.to_string()
    }
    pub(super) fn forget_name(&mut self, value: ValueId) {
        if let Some(name) = self.values[value.index()].name.take() {
            self.names.remove(&name);
        }
    }
    /// Names a value. An empty name takes the name away; a number is no name and is ignored.
    pub fn set_name(&mut self, value: ValueId, name: &str) {
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
            return;
        }
        self.forget_name(value);
        if name.is_empty() {
            return;
        }
        if let Some(&owner) = self.names.get(name) {
            let (base, suffix) = split_suffix(name);
            let base = base.to_string();
            let mut suffix = suffix.unwrap_or(1);
            if let Some(last) = self.suffixes.get(&base) {
                suffix = suffix.max(last + 1);
            }
            let replacement = loop {
                let candidate = format!("{base}.{suffix}");
                suffix += 1;
                if !self.names.contains_key(candidate.as_str()) {
                    break candidate;
                }
            };
            self.suffixes.insert(base, suffix);
            self.set_name(owner, &replacement);
        }
        let name: std::sync::Arc<str> = name.into();
        self.names.insert(name.clone(), value);
        self.values[value.index()].name = Some(name);
    }
    /// Gives `to` the type and, where `from` has one, the name of `from`.
    pub fn copy_metadata(&mut self, to: ValueId, from: ValueId) {
        self.values[to.index()].ty = self.values[from.index()].ty.clone();
        if let Some(name) = self.values[from.index()].name.clone() {
            self.set_name(to, &name);
        }
    }
}

/// `x.12` as `("x", Some(12))`; a name without a numeric last part stays whole.
fn split_suffix(name: &str) -> (&str, Option<usize>) {
    match name.rsplit_once('.') {
        Some((base, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            (base, digits.parse().ok())
        }
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::Graph;
    use crate::types::Type;

    #[test]
    fn the_earlier_owner_is_renamed() {
        let mut g = Graph::new();
        let values: Vec<_> = (0..4).map(|_| g.add_input("n", Type::Int)).collect();
        let names: Vec<String> = values.iter().map(|&v| g.name(v)).collect();
        assert_eq!(names, ["n.1", "n.3", "n.5", "n"]);
    }
}
