//! Loops: moving the condition from its own block to where it is computed, and giving loops that count *and* test a
//! condition the form of a `while`, which saved code can express.

use std::collections::HashMap;

use flambeau_ir::ir::{BlockId, Graph, NodeId, ValueId};
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

/// Copies the nodes of a block to before `at`; gives what the copy returns. Names are handed over twice, as PyTorch
/// does, which decides who is called `x` and who `x.3`.
pub fn clone_block_before(g: &mut Graph, block: BlockId, at: NodeId) -> Vec<ValueId> {
    let mut map = HashMap::new();
    let nodes = g.block_nodes(block);
    let mut copies = Vec::with_capacity(nodes.len());
    for node in nodes {
        let copy = clone_node(g, node, &mut map);
        copies.push(copy);
    }
    for copy in copies {
        g.insert_before(copy, at);
    }
    g.returns(block)
        .to_vec()
        .into_iter()
        .map(|v| *map.get(&v).unwrap_or(&v))
        .collect()
}

/// Copies the contents of one block of this graph to the end of another.
pub fn clone_block_into(g: &mut Graph, block: BlockId, into: BlockId, map: &mut HashMap<ValueId, ValueId>) {
    for param in g.params(block).to_vec() {
        let ty = g.ty(param).clone();
        let new = g.add_block_param(into, ty);
        g.copy_metadata(new, param);
        map.insert(param, new);
    }
    for node in g.block_nodes(block) {
        let copy = clone_node(g, node, map);
        g.append(into, copy);
    }
    for value in g.returns(block).to_vec() {
        let value = *map.get(&value).unwrap_or(&value);
        g.add_return(into, value);
    }
}

fn clone_node(g: &mut Graph, node: NodeId, map: &mut HashMap<ValueId, ValueId>) -> NodeId {
    let inputs: Vec<ValueId> = g
        .node_inputs(node)
        .iter()
        .map(|v| *map.get(v).unwrap_or(v))
        .collect();
    let kind = g.node(node).kind.clone();
    let copy = g.create(kind, &[], 0);
    for (name, attr) in g.attrs(node).to_vec() {
        g.set_attr(copy, &name, attr);
    }
    let original = g.node(node);
    let (range, inlined, op, function) = (
        original.range.clone(),
        original.inlined.clone(),
        original.op.clone(),
        original.function.clone(),
    );
    let data = g.node_mut(copy);
    (data.range, data.inlined, data.op, data.function) = (range, inlined, op, function);
    let outputs = g.node_outputs(node).to_vec();
    let mut new = Vec::with_capacity(outputs.len());
    for &output in &outputs {
        let ty = g.ty(output).clone();
        let value = g.add_output(copy, ty);
        g.copy_metadata(value, output);
        new.push(value);
    }
    for input in inputs {
        g.add_node_input(copy, input);
    }
    for block in g.node_blocks(node).to_vec() {
        let inner = g.add_block(copy);
        clone_block_into(g, block, inner, map);
    }
    for (output, value) in outputs.into_iter().zip(new) {
        g.copy_metadata(value, output);
        map.insert(output, value);
    }
    copy
}

/// The condition is computed before the loop and at the end of its body.
pub fn inline_conditions(g: &mut Graph, block: BlockId) {
    for node in g.block_nodes(block) {
        for inner in g.node_blocks(node).to_vec() {
            inline_conditions(g, inner);
        }
        if g.kind(node) == "prim::Loop" && g.node_blocks(node).len() == 2 {
            inline_condition(g, node);
        }
    }
}

fn inline_condition(g: &mut Graph, node: NodeId) {
    let [body, header] = [g.node_blocks(node)[0], g.node_blocks(node)[1]];
    let start = clone_block_before(g, header, node);
    if let Some(&start) = start.first() {
        g.insert_node_input(node, 1, start);
    }
    let go_on = g.returns(header).first().copied();
    for moved in g.block_nodes(header) {
        g.move_to_end(moved, body);
    }
    if let Some(go_on) = go_on {
        g.insert_return(body, 0, go_on);
    }
    g.erase_block(node, 1);
}

/// Gives loops with both a trip count and a condition the form of a `while` loop.
pub fn canonicalize_modified(g: &mut Graph, table: &OpTable) {
    let top = g.block();
    canonicalize_block(g, top, table);
}

fn canonicalize_block(g: &mut Graph, block: BlockId, table: &OpTable) {
    for node in g.block_nodes(block) {
        for inner in g.node_blocks(node).to_vec() {
            canonicalize_block(g, inner, table);
        }
        if g.kind(node) == "prim::Loop" && is_modified(g, node) {
            canonicalize(g, node, table);
        }
    }
}

/// Neither `while` (endless count) nor `for` (condition always true).
fn is_modified(g: &Graph, node: NodeId) -> bool {
    let inputs = g.node_inputs(node);
    let constant = |v: ValueId| g.constant(v);
    let trip_count = constant(inputs[0]).and_then(|v| v.as_int());
    if trip_count == Some(i64::MAX) {
        return false;
    }
    let body = g.node_blocks(node)[0];
    let next = constant(g.returns(body)[0]).and_then(|v| v.as_bool());
    let first = constant(inputs[1]).and_then(|v| v.as_bool());
    !(next == Some(true) && first == Some(true))
}

fn op(g: &mut Graph, table: &OpTable, full_name: &str, inputs: &[ValueId], ty: Type) -> ValueId {
    let row = table.get(full_name);
    let name = full_name.rsplit_once('.').map_or(full_name, |(n, _)| n);
    let node = g.insert(name, inputs, 0);
    g.node_mut(node).op = row;
    g.add_output(node, ty)
}

fn canonicalize(g: &mut Graph, node: NodeId, table: &OpTable) {
    let saved = g.insert_point();
    g.set_insert_before(node);
    let zero = g.insert_constant(IValue::Int(0));
    let one = g.insert_constant(IValue::Int(1));
    let max = g.node_inputs(node)[0];
    let mut condition = op(g, table, "aten::gt.int", &[max, zero], Type::Bool);
    let endless = g.insert_constant(IValue::Int(i64::MAX));
    g.replace_input(node, 0, endless);
    let start = g.node_inputs(node)[1];
    if g.constant(start).and_then(|v| v.as_bool()) != Some(true) {
        condition = op(g, table, "aten::__and__.bool", &[condition, start], Type::Bool);
    }
    g.replace_input(node, 1, condition);
    g.add_output(node, Type::Int);
    let body = g.node_blocks(node)[0];
    g.set_insert_end(body);
    g.add_node_input(node, zero);
    let iteration = g.add_block_param(body, Type::Int);
    let count = g.params(body)[0];
    g.set_name(count, "");
    g.replace_all_uses(count, iteration);
    let next = op(g, table, "aten::add.int", &[iteration, one], Type::Int);
    g.add_return(body, next);
    let less = op(g, table, "aten::lt.int", &[next, max], Type::Bool);
    let go_on = g.returns(body)[0];
    let both = op(g, table, "aten::__and__.bool", &[less, go_on], Type::Bool);
    g.erase_return(body, 0);
    g.insert_return(body, 0, both);
    g.restore_insert_point(saved);
}
