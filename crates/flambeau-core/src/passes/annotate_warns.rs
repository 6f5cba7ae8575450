//! Numbers each `aten::warn`, so that it warns only once.

use std::sync::atomic::{AtomicI64, Ordering};

use flambeau_ir::ir::{Attr, BlockId, Graph};

static NEXT: AtomicI64 = AtomicI64::new(0);

pub fn run(g: &mut Graph) {
    let top = g.block();
    block(g, top);
}

fn block(g: &mut Graph, at: BlockId) {
    for node in g.block_nodes(at) {
        for inner in g.node_blocks(node).to_vec() {
            block(g, inner);
        }
        if g.kind(node) == "aten::warn" {
            g.set_attr(node, "warn_id", Attr::Int(NEXT.fetch_add(1, Ordering::Relaxed)));
        }
    }
}
