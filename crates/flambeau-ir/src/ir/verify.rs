//! Whether a graph is well formed: edges agree in both directions, every value is defined before it is used and in
//! scope there, and structural nodes have the blocks and arities that the interpreter relies on. Checked after every
//! pass in debug builds and in tests.

use super::graph::{BlockId, Def, Graph, NodeId, Use, User, ValueId};

impl Graph {
    /// The first thing that is wrong with the graph, as a sentence.
    pub fn verify(&self) -> Result<(), String> {
        let mut verifier = Verifier {
            g: self,
            in_scope: vec![false; self.values.len()],
        };
        verifier.block(self.block(), None)?;
        for (i, value) in self.values.iter().enumerate() {
            for used in &value.uses {
                verifier.use_of(ValueId(i as u32), used)?;
            }
        }
        for (name, &value) in &self.names {
            if self.values[value.index()].name.as_ref() != Some(name) {
                return Err(format!(
                    "the name `{name}` is kept for a value that does not have it"
                ));
            }
        }
        Ok(())
    }

    /// Panics where [`Graph::verify`] finds something, in debug builds only. `pass` is who made the graph.
    pub fn debug_verify(&self, pass: &str) {
        if cfg!(debug_assertions)
            && let Err(why) = self.verify()
        {
            panic!("after `{pass}`: {why}\n{self}");
        }
    }
}

struct Verifier<'a> {
    g: &'a Graph,
    in_scope: Vec<bool>,
}

impl Verifier<'_> {
    fn fail<T>(&self, node: NodeId, why: &str) -> Result<T, String> {
        Err(format!("{why}: `{}`", self.g.node_text(node)))
    }

    fn block(&mut self, block: BlockId, owner: Option<NodeId>) -> Result<(), String> {
        let g = self.g;
        if g.block_owner(block) != owner {
            return Err("a block has another owner than the node that holds it".into());
        }
        let mut defined: Vec<ValueId> = Vec::new();
        for &param in g.params(block) {
            if g.value(param).def != Def::Param(block) {
                return Err(format!(
                    "`%{}` is a parameter of a block and defined elsewhere",
                    g.name(param)
                ));
            }
            self.in_scope[param.index()] = true;
            defined.push(param);
        }
        let mut previous = None;
        for node in g.block_nodes(block) {
            if g.owning_block(node) != Some(block) || g.prev_node(node) != previous || g.is_destroyed(node) {
                return self.fail(node, "the list of nodes is broken");
            }
            previous = Some(node);
            self.node(node)?;
            for &output in g.node_outputs(node) {
                if g.value(output).def != Def::Node(node) {
                    return self.fail(node, "an output is defined elsewhere");
                }
                self.in_scope[output.index()] = true;
                defined.push(output);
            }
        }
        if g.last_node(block) != previous {
            return Err("a block's last node is not the end of its list".into());
        }
        for (index, &value) in g.returns(block).iter().enumerate() {
            if !self.in_scope[value.index()] {
                return Err(format!(
                    "a block returns `%{}`, which is not in scope",
                    g.name(value)
                ));
            }
            self.has_use(
                value,
                Use {
                    user: User::Return(block),
                    index,
                },
            )?;
        }
        for value in defined {
            self.in_scope[value.index()] = false;
        }
        Ok(())
    }

    fn has_use(&self, value: ValueId, wanted: Use) -> Result<(), String> {
        match self.g.uses(value).contains(&wanted) {
            true => Ok(()),
            false => Err(format!("`%{}` does not know one of its uses", self.g.name(value))),
        }
    }

    fn node(&mut self, node: NodeId) -> Result<(), String> {
        let g = self.g;
        for (index, &input) in g.node_inputs(node).iter().enumerate() {
            if !self.in_scope[input.index()] {
                let why = format!("`%{}` is used where it is not in scope", g.name(input));
                return self.fail(node, &why);
            }
            let wanted = Use {
                user: User::Node(node),
                index,
            };
            self.has_use(input, wanted)?;
        }
        for &block in g.node_blocks(node) {
            self.block(block, Some(node))?;
        }
        let (inputs, outputs, blocks) = (
            g.node_inputs(node).len(),
            g.node_outputs(node).len(),
            g.node_blocks(node),
        );
        match g.kind(node) {
            "prim::Constant" if inputs != 0 || outputs != 1 => {
                self.fail(node, "a constant has one output and no inputs")
            }
            "prim::If" => {
                let arities = blocks
                    .iter()
                    .all(|&b| g.params(b).is_empty() && g.returns(b).len() == outputs);
                match inputs == 1 && blocks.len() == 2 && arities {
                    true => Ok(()),
                    false => self.fail(
                        node,
                        "`prim::If` has one input and two blocks that return its outputs",
                    ),
                }
            }
            // Before the conversion to SSA form a loop has a second block, for its condition.
            "prim::Loop" if blocks.len() == 1 => {
                let (params, returns) = (g.params(blocks[0]).len(), g.returns(blocks[0]).len());
                match inputs == outputs + 2 && params == outputs + 1 && returns == outputs + 1 {
                    true => Ok(()),
                    false => self.fail(node, "`prim::Loop` carries as many values in as round and out"),
                }
            }
            _ => Ok(()),
        }
    }

    fn use_of(&self, value: ValueId, used: &Use) -> Result<(), String> {
        let found = match used.user {
            User::Node(node) => {
                if self.g.is_destroyed(node) {
                    return Err(format!(
                        "`%{}` is used by a node that is gone",
                        self.g.name(value)
                    ));
                }
                self.g.node_inputs(node).get(used.index)
            }
            User::Return(block) => self.g.returns(block).get(used.index),
        };
        match found == Some(&value) {
            true => Ok(()),
            false => Err(format!(
                "`%{}` lists a use that is another value's",
                self.g.name(value)
            )),
        }
    }
}
