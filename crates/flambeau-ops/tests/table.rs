//! What every row must satisfy, checked in one loop over the table.

use std::collections::HashSet;

use flambeau_ir::ops::custom::accepts;
use flambeau_ir::schema::Schema;
use flambeau_ops::{rows, table};

/// Namespaces that the list of PyTorch's schemas does not have: of other libraries, and of its profiler.
const UNLISTED: [&str; 4] = [
    "torch_scatter::",
    "torch_cluster::",
    "torch_sparse::",
    "profiler::",
];

#[test]
fn schemas_print_back() {
    let mut wrong = Vec::new();
    for op in table().all() {
        match Schema::parse(op.text()) {
            Ok(schema) if schema.to_string() == op.text() => {}
            Ok(schema) => wrong.push(format!("{}\n  prints as {schema}", op.text())),
            Err(error) => wrong.push(format!("{}\n  {error}", op.text())),
        }
    }
    assert!(wrong.is_empty(), "{} schemas:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rows_are_known_and_unique() {
    let known: HashSet<&str> = include_str!("../src/schemas.txt").lines().collect();
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    for op in rows().rows {
        let text = op.text().to_string();
        let ours = UNLISTED.iter().any(|ns| text.starts_with(ns));
        assert!(
            ours || known.contains(text.as_str()),
            "PyTorch has no such schema: {text}"
        );
        if !seen.insert(text.clone()) {
            twice.push(text);
        }
    }
    assert!(twice.is_empty(), "declared twice:\n{}", twice.join("\n"));
}

/// The closure's parameters must read as the schema's.
#[test]
fn kernels_take_what_schemas_say() {
    let mut wrong = Vec::new();
    for op in rows().rows {
        let Some(native) = op.kernel.as_ref().and_then(|k| k.parameters.clone()) else {
            continue;
        };
        let declared: Vec<String> = op.schema().arguments.iter().map(|a| a.ty.schema_str()).collect();
        let fits = native.len() == declared.len() && native.iter().zip(&declared).all(|(n, d)| accepts(n, d));
        if !fits {
            wrong.push(format!("{}\n  takes ({})", op.text(), native.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
