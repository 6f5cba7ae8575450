//! Closures and forks. A closure is emitted as a node with a block; here the block becomes a graph, and what it uses
//! from outside a tuple that it gets. A fork of a closure then takes those values as inputs of its own.

use std::collections::HashMap;

use flambeau_ir::ir::{Attr, BlockId, Graph, NodeId, ValueId};
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;

use crate::lower::error::{CompileError, ErrorKind, Result};

use super::cleanup;

pub fn lift(g: &mut Graph, table: &'static OpTable) -> Result<()> {
    let top = g.block();
    lift_block(g, top, table)
}

fn lift_block(g: &mut Graph, block: BlockId, table: &'static OpTable) -> Result<()> {
    for node in g.block_nodes(block) {
        if g.kind(node) == "prim::Closure" {
            lift_closure(g, node, table)?;
        } else {
            for inner in g.node_blocks(node).to_vec() {
                lift_block(g, inner, table)?;
            }
        }
    }
    Ok(())
}

fn lift_closure(g: &mut Graph, node: NodeId, table: &'static OpTable) -> Result<()> {
    let Some(&block) = g.node_blocks(node).first() else {
        return Ok(());
    };
    let pack = g.create("prim::TupleConstruct", &[], 1);
    g.insert_after(pack, node);
    let mut body = Graph::new();
    let context = body.add_input("context", Type::TENSOR);
    let unpack = body.insert("prim::TupleUnpack", &[context], 0);

    // Values from outside, in the order in which the body first uses them.
    let mut map: HashMap<ValueId, ValueId> = HashMap::new();
    let mut captured = Vec::new();
    let mut inner = std::collections::HashSet::new();
    collect(g, block, &mut inner, &mut captured);
    for &value in &captured {
        g.add_node_input(pack, value);
        let ty = g.ty(value).clone();
        let copy = body.add_output(unpack, ty);
        if g.has_name(value) {
            body.set_name(copy, &g.name(value));
        }
        map.insert(value, copy);
    }
    let top = body.block();
    body.copy_block_contents(g, block, top, &mut map);
    let types: Vec<Type> = captured.iter().map(|v| g.ty(*v).clone()).collect();
    let context_type = Type::tuple(types);
    body.set_type(context, context_type.clone());
    let packed = g.output(pack);
    g.set_type(packed, context_type.clone());
    let pair = g.create("prim::TupleConstruct", &[], 1);
    g.insert_after(pair, pack);
    let (closure, both) = (g.output(node), g.output(pair));
    g.replace_all_uses(closure, both);
    g.add_node_input(pair, closure);
    g.add_node_input(pair, packed);
    let closure_type = g.ty(closure).clone();
    g.set_type(both, Type::tuple(vec![closure_type, context_type]));
    g.erase_block(node, 0);
    cleanup(&mut body, table)?;
    g.set_attr(node, "Subgraph", Attr::Graph(body.into()));
    Ok(())
}

/// What a block uses and does not define.
fn collect(
    g: &Graph,
    block: BlockId,
    inner: &mut std::collections::HashSet<ValueId>,
    captured: &mut Vec<ValueId>,
) {
    inner.extend(g.params(block).iter().copied());
    let note =
        |values: &[ValueId], inner: &std::collections::HashSet<ValueId>, captured: &mut Vec<ValueId>| {
            for value in values {
                if !inner.contains(value) && !captured.contains(value) {
                    captured.push(*value);
                }
            }
        };
    for node in g.block_nodes(block) {
        note(g.node_inputs(node), inner, captured);
        for &nested in g.node_blocks(node) {
            collect(g, nested, inner, captured);
        }
        inner.extend(g.node_outputs(node).iter().copied());
    }
    note(g.returns(block), inner, captured);
}

pub fn inline_forked(g: &mut Graph, table: &'static OpTable) -> Result<()> {
    let top = g.block();
    inline_block(g, top, table)
}

fn inline_block(g: &mut Graph, block: BlockId, table: &'static OpTable) -> Result<()> {
    for node in g.block_nodes(block) {
        match g.kind(node) {
            "prim::forkClosure" => inline_fork(g, node, "prim::fork", table)?,
            "prim::awaitableClosure" => inline_fork(g, node, "prim::awaitable", table)?,
            _ => {
                for inner in g.node_blocks(node).to_vec() {
                    inline_block(g, inner, table)?;
                }
            }
        }
    }
    Ok(())
}

fn inline_fork(g: &mut Graph, node: NodeId, kind: &str, table: &'static OpTable) -> Result<()> {
    let cannot = || CompileError::new(ErrorKind::Compile, "Cannot fork this value");
    let pair = g.defining_node(g.node_inputs(node)[0]).ok_or_else(cannot)?;
    let [closure, context] = g.node_inputs(pair)[..] else {
        return Err(cannot());
    };
    let (Some(closure), Some(context)) = (g.defining_node(closure), g.defining_node(context)) else {
        return Err(cannot());
    };
    let Some(Attr::Graph(body)) = g.attr(closure, "Subgraph") else {
        return Err(cannot());
    };
    let mut body = body.copy();
    let fork = g.create(kind, &[], 1);
    g.insert_after(fork, node);
    let range = g.node(node).range.clone();
    g.node_mut(fork).range = range;
    if body.inputs().len() != 1 {
        return Err(CompileError::new(
            ErrorKind::Compile,
            "Cannot fork lambda with parameters",
        ));
    }
    let top = body.block();
    let unpack = body
        .all_nodes()
        .into_iter()
        .find(|n| body.kind(*n) == "prim::TupleUnpack" && body.node_inputs(*n) == body.inputs());
    for (i, value) in g.node_inputs(context).to_vec().into_iter().enumerate() {
        g.add_node_input(fork, value);
        let ty = g.ty(value).clone();
        let param = body.insert_block_param(top, i, ty);
        if g.has_name(value) {
            body.set_name(param, &g.name(value));
        }
        if let Some(unpack) = unpack {
            let unpacked = body.node_outputs(unpack)[i];
            body.replace_all_uses(unpacked, param);
        }
    }
    if let Some(unpack) = unpack {
        body.destroy(unpack);
    }
    let last = body.inputs().len() - 1;
    body.erase_block_param(top, last);
    let (old, new) = (g.output(node), g.output(fork));
    g.copy_metadata(new, old);
    g.replace_all_uses(old, new);
    g.destroy(node);
    cleanup(&mut body, table)?;
    g.set_attr(fork, "Subgraph", Attr::Graph(body.into()));
    Ok(())
}
