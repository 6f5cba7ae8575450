//! Moves constants to the front of the graph and merges equal ones.

use std::collections::HashMap;

use flambeau_ir::ir::{BlockId, Graph, NodeId};
use flambeau_ir::value::IValue;

use super::alias::{AliasDb, is_mutable};

pub fn run(g: &mut Graph) {
    let top = g.block();
    let aliases = AliasDb::new(g);
    block(g, top, &aliases, &mut HashMap::new());
}

fn block(g: &mut Graph, at: BlockId, aliases: &AliasDb, seen: &mut HashMap<String, Vec<NodeId>>) {
    for node in g.block_nodes(at) {
        if !g.node_blocks(node).is_empty() {
            for inner in g.node_blocks(node).to_vec() {
                block(g, inner, aliases, seen);
            }
            continue;
        }
        if g.kind(node) != "prim::Constant" {
            continue;
        }
        let key = g.ty(g.output(node)).to_string();
        let same = seen.entry(key).or_default();
        if let Some(&have) = same.iter().find(|have| equal(g, **have, node)) {
            let (from, to) = (g.output(node), g.output(have));
            // Two mutable constants may become one only where nobody can tell.
            if is_mutable(g.ty(from)) && !identical(g, have, node) && !aliases.may_become_one(g, from, to) {
                continue;
            }
            g.replace_all_uses(from, to);
            g.destroy(node);
            continue;
        }
        same.push(node);
        if let Some(first) = g.first_node(g.block()).filter(|f| *f != node) {
            g.move_before(node, first);
        }
    }
}

fn identical(g: &Graph, a: NodeId, b: NodeId) -> bool {
    matches!((g.constant_of(a), g.constant_of(b)), (Some(a), Some(b)) if a.is(&b))
}

/// The same type and the same value; floats by their bits.
pub fn equal(g: &Graph, a: NodeId, b: NodeId) -> bool {
    if g.ty(g.output(a)) != g.ty(g.output(b)) {
        return false;
    }
    match (g.constant_of(a), g.constant_of(b)) {
        (Some(a), Some(b)) => same(&a, &b),
        _ => false,
    }
}

fn same(a: &IValue, b: &IValue) -> bool {
    match (a, b) {
        (IValue::Double(a), IValue::Double(b)) => a.to_bits() == b.to_bits() || a == b,
        (IValue::Complex(a), IValue::Complex(b)) => a == b,
        // PyTorch compares these by identity.
        (IValue::Enum(_), IValue::Enum(_)) => {
            matches!((a, b), (IValue::Enum(a), IValue::Enum(b)) if std::sync::Arc::ptr_eq(a, b))
        }
        (IValue::Tuple(a), IValue::Tuple(b)) => {
            a.items.len() == b.items.len() && a.items.iter().zip(b.items.iter()).all(|(a, b)| same(a, b))
        }
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b) && a == b,
    }
}
