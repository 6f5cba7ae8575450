//! Copies of graphs, blocks and nodes, within one graph or across two.

use std::collections::HashMap;

use super::graph::{BlockId, Graph, NodeId, ValueId};

/// How values of the original are called in the copy.
pub type ValueMap = HashMap<ValueId, ValueId>;

impl Graph {
    /// An equal graph with fresh numbering, dead nodes left out.
    pub fn copy(&self) -> Graph {
        let mut new = Graph::new();
        let mut map = ValueMap::new();
        let top = new.block();
        new.copy_block_contents(self, self.block(), top, &mut map);
        new
    }

    /// Copies one node of `from` (with its blocks) into this graph, unplaced. Inputs are looked up
    /// in `map`; values missing there must be this graph's own.
    pub fn copy_node(&mut self, from: &Graph, node: NodeId, map: &mut ValueMap) -> NodeId {
        let original = from.node(node);
        let inputs: Vec<ValueId> = original.inputs.iter().map(|v| *map.get(v).unwrap_or(v)).collect();
        let copy = self.create(original.kind.clone(), &inputs, 0);
        {
            let data = self.node_mut(copy);
            data.attrs = original.attrs.clone();
            data.range = original.range.clone();
            data.inlined = original.inlined.clone();
            data.op = original.op.clone();
            data.function = original.function.clone();
        }
        for &output in &original.outputs {
            let new = self.add_output(copy, from.ty(output).clone());
            self.copy_name(new, from, output);
            map.insert(output, new);
        }
        for &block in &original.blocks {
            let new = self.add_block(copy);
            self.copy_block_contents(from, block, new, map);
        }
        copy
    }

    /// As [`Graph::copy_node`] for a node of this graph.
    pub fn clone_node(&mut self, node: NodeId) -> NodeId {
        let original = &self.nodes[node.index()];
        assert!(
            original.blocks.is_empty(),
            "nodes with blocks are copied between graphs"
        );
        let (kind, inputs) = (original.kind.clone(), original.inputs.to_vec());
        let outputs: Vec<ValueId> = original.outputs.to_vec();
        let copy = self.create(kind, &inputs, 0);
        let original = &self.nodes[node.index()];
        let (attrs, range, inlined, op, function) = (
            original.attrs.clone(),
            original.range.clone(),
            original.inlined.clone(),
            original.op.clone(),
            original.function.clone(),
        );
        let data = self.node_mut(copy);
        (data.attrs, data.range, data.inlined, data.op, data.function) =
            (attrs, range, inlined, op, function);
        for output in outputs {
            let new = self.add_output(copy, self.ty(output).clone());
            self.copy_metadata(new, output);
        }
        copy
    }

    /// Copies parameters, nodes and returns of a block of `from` to the end of `into`.
    pub fn copy_block_contents(&mut self, from: &Graph, block: BlockId, into: BlockId, map: &mut ValueMap) {
        for &param in from.params(block) {
            let new = self.add_block_param(into, from.ty(param).clone());
            self.copy_name(new, from, param);
            map.insert(param, new);
        }
        for node in from.block_nodes(block) {
            let copy = self.copy_node(from, node, map);
            self.append(into, copy);
        }
        for value in from.returns(block) {
            let value = *map.get(value).unwrap_or(value);
            self.add_return(into, value);
        }
    }

    fn copy_name(&mut self, to: ValueId, from: &Graph, value: ValueId) {
        if from.has_name(value) {
            self.set_name(to, &from.name(value));
        }
    }
}
