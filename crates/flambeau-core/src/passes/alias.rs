//! Which values may share memory, and what nodes write to. Values get elements; an element that points to others has
//! their locations. What comes from outside or goes into containers shares one wildcard a type.

use std::collections::{HashMap, HashSet};

use flambeau_ir::ir::{BlockId, Graph, NodeId, ValueId};
use flambeau_ir::schema::Schema;
use flambeau_ir::types::Type;

/// Whether values of a type can be changed, or hold something that can.
pub fn is_mutable(ty: &Type) -> bool {
    match ty {
        Type::Tensor(_)
        | Type::List(_)
        | Type::Dict(_)
        | Type::Class(_)
        | Type::Interface(_)
        | Type::Any
        | Type::AnyList
        | Type::AnyClass
        | Type::Future(_)
        | Type::Await(_)
        | Type::RRef(_)
        | Type::Named(_)
        | Type::Storage
        | Type::PyObject
        | Type::Var(_) => true,
        Type::Optional(inner) => is_mutable(inner),
        Type::Tuple(tuple) => tuple.elements.iter().any(is_mutable),
        Type::Union(members) => members.iter().any(is_mutable),
        Type::AnyTuple => true,
        _ => false,
    }
}

pub struct AliasDb {
    points_to: Vec<Vec<usize>>,
    elements: HashMap<ValueId, usize>,
    wildcards: HashMap<String, usize>,
    writes: HashMap<NodeId, Vec<usize>>,
}

impl AliasDb {
    pub fn new(g: &Graph) -> AliasDb {
        let mut db = AliasDb {
            points_to: Vec::new(),
            elements: HashMap::new(),
            wildcards: HashMap::new(),
            writes: HashMap::new(),
        };
        for &input in g.inputs() {
            db.wild(g, input);
        }
        db.block(g, g.block());
        db
    }

    fn fresh(&mut self) -> usize {
        self.points_to.push(Vec::new());
        self.points_to.len() - 1
    }

    fn element(&mut self, value: ValueId) -> usize {
        if let Some(&element) = self.elements.get(&value) {
            return element;
        }
        let element = self.fresh();
        self.elements.insert(value, element);
        element
    }

    fn point(&mut self, g: &Graph, from: ValueId, to: ValueId) {
        if !is_mutable(g.ty(from)) || !is_mutable(g.ty(to)) || from == to {
            return;
        }
        let (from, to) = (self.element(from), self.element(to));
        self.points_to[from].push(to);
    }

    fn wildcard(&mut self, ty: &Type) -> Vec<usize> {
        match ty {
            Type::Optional(inner) => self.wildcard(inner),
            Type::Tuple(tuple) => tuple.elements.iter().flat_map(|t| self.wildcard(t)).collect(),
            Type::Union(members) => members.iter().flat_map(|t| self.wildcard(t)).collect(),
            ty if !is_mutable(ty) => Vec::new(),
            ty => {
                let key = if ty.is_tensor() {
                    "Tensor".to_string()
                } else {
                    ty.to_string()
                };
                if let Some(&have) = self.wildcards.get(&key) {
                    return vec![have];
                }
                let element = self.fresh();
                self.wildcards.insert(key, element);
                vec![element]
            }
        }
    }

    fn wild(&mut self, g: &Graph, value: ValueId) {
        let ty = g.ty(value).clone();
        if !is_mutable(&ty) {
            return;
        }
        let wildcards = self.wildcard(&ty);
        let element = self.element(value);
        for leaf in self.leaves(element) {
            for &wildcard in &wildcards {
                if leaf != wildcard && !self.leaves(wildcard).contains(&leaf) {
                    self.points_to[leaf].push(wildcard);
                }
            }
        }
    }

    fn leaves(&self, element: usize) -> HashSet<usize> {
        let mut seen = HashSet::new();
        let mut leaves = HashSet::new();
        let mut pending = vec![element];
        while let Some(at) = pending.pop() {
            if !seen.insert(at) {
                continue;
            }
            if self.points_to[at].is_empty() {
                leaves.insert(at);
            }
            pending.extend(&self.points_to[at]);
        }
        leaves
    }

    fn block(&mut self, g: &Graph, block: BlockId) {
        for node in g.block_nodes(block) {
            self.node(g, node);
        }
    }

    fn write(&mut self, g: &Graph, node: NodeId, value: ValueId) {
        if is_mutable(g.ty(value)) {
            let element = self.element(value);
            self.writes.entry(node).or_default().push(element);
        }
    }

    fn node(&mut self, g: &Graph, node: NodeId) {
        let (inputs, outputs) = (g.node_inputs(node), g.node_outputs(node));
        match g.kind(node) {
            "prim::If" => {
                for &block in g.node_blocks(node) {
                    self.block(g, block);
                }
                for (i, &output) in outputs.iter().enumerate() {
                    for &block in g.node_blocks(node) {
                        self.point(g, output, g.returns(block)[i]);
                    }
                }
            }
            "prim::Loop" => {
                let body = g.node_blocks(node)[0];
                for (param, input) in g.params(body).iter().skip(1).zip(&inputs[2.min(inputs.len())..]) {
                    self.point(g, *param, *input);
                }
                self.block(g, body);
                for (i, &output) in outputs.iter().enumerate() {
                    self.point(g, output, g.returns(body)[i + 1]);
                    self.point(g, output, inputs[i + 2]);
                }
            }
            "prim::TupleUnpack"
            | "prim::TupleIndex"
            | "prim::TupleSlice"
            | "prim::ListUnpack"
            | "prim::PythonOp"
            | "prim::GetAttr"
            | "prim::ModuleContainerIndex"
            | "prim::EnumValue" => {
                for &output in outputs {
                    self.wild(g, output);
                }
            }
            "prim::SetAttr" => {
                self.write(g, node, inputs[0]);
                self.wild(g, inputs[1]);
            }
            "prim::unchecked_cast" | "prim::unchecked_unwrap_optional" => {
                self.point(g, outputs[0], inputs[0])
            }
            "prim::Constant"
            | "prim::Uninitialized"
            | "prim::CreateObject"
            | "prim::tolist"
            | "prim::Print"
            | "prim::isinstance"
            | "aten::percentFormat"
            | "prim::RaiseException" => {}
            "prim::TupleConstruct" | "prim::ListConstruct" | "prim::DictConstruct" => {
                // What is inside may be reached through the container, and comes out as a wildcard.
                for &output in outputs {
                    if is_mutable(g.ty(output)) {
                        self.element(output);
                    }
                }
                for &input in inputs {
                    self.wild(g, input);
                }
            }
            "prim::CallFunction" | "prim::CallMethod" | "prim::fork" | "prim::Enter" | "prim::Exit"
            | "prim::forkClosure" | "prim::Closure" | "prim::awaitable" => {
                for &input in inputs {
                    self.write(g, node, input);
                    self.wild(g, input);
                }
                for &output in outputs {
                    self.wild(g, output);
                }
            }
            _ => match &g.node(node).op {
                Some(op) => self.schema(g, node, op.schema()),
                None => {
                    // Nobody knows what an operator without a schema does to its arguments.
                    if !g.kind(node).starts_with("prim::") {
                        for &input in inputs {
                            self.write(g, node, input);
                            self.wild(g, input);
                        }
                    }
                    for &output in outputs {
                        self.wild(g, output);
                    }
                }
            },
        }
    }

    fn schema(&mut self, g: &Graph, node: NodeId, schema: &Schema) {
        let (inputs, outputs) = (g.node_inputs(node), g.node_outputs(node));
        let mut sets: HashMap<String, Vec<ValueId>> = HashMap::new();
        for (argument, &input) in schema.arguments.iter().zip(inputs) {
            // Elements of a list that are written to.
            if argument.element_alias.as_ref().is_some_and(|a| a.is_write) {
                self.write(g, node, input);
                self.wild(g, input);
            }
            let Some(alias) = &argument.alias else { continue };
            for set in &alias.before {
                sets.entry(set.to_string()).or_default().push(input);
            }
            if alias.is_write {
                self.write(g, node, input);
            }
            if alias.after.iter().any(|s| &**s == "*") {
                self.wild(g, input);
            }
        }
        for (ret, &output) in schema.returns.iter().zip(outputs) {
            let Some(alias) = &ret.alias else {
                // Lists of aliases, such as what `split` gives.
                if ret.element_alias.is_some() {
                    self.wild(g, output);
                }
                continue;
            };
            for set in alias.before.iter().chain(&alias.after) {
                if &**set == "*" {
                    self.wild(g, output);
                }
                for input in sets.get(&**set).cloned().unwrap_or_default() {
                    self.point(g, output, input);
                }
            }
        }
    }

    fn written(&self, node: NodeId) -> HashSet<usize> {
        let mut all = HashSet::new();
        for &element in self.writes.get(&node).into_iter().flatten() {
            all.extend(self.leaves(element));
        }
        all
    }

    /// Whether a node changes what is not known to be local.
    pub fn writes_to_wildcard(&self, node: NodeId) -> bool {
        if !self.writes.contains_key(&node) {
            return false;
        }
        let written = self.written(node);
        self.wildcards
            .values()
            .any(|w| self.leaves(*w).iter().any(|l| written.contains(l)))
    }

    /// Whether a node changes the memory of one of the values.
    pub fn writes_to(&self, node: NodeId, values: &HashSet<ValueId>) -> bool {
        if !self.writes.contains_key(&node) {
            return false;
        }
        let written = self.written(node);
        values.iter().any(|v| {
            self.elements
                .get(v)
                .is_some_and(|&e| self.leaves(e).iter().any(|l| written.contains(l)))
        })
    }

    /// Whether some node changes what the value refers to.
    pub fn has_writers(&self, value: ValueId) -> bool {
        let Some(&element) = self.elements.get(&value) else {
            return false;
        };
        let own = self.leaves(element);
        self.writes
            .keys()
            .any(|n| self.written(*n).iter().any(|l| own.contains(l)))
    }

    /// Whether two values may share their memory from here on: nobody writes to either, and at most one of them is
    /// seen outside.
    pub fn may_become_one(&self, g: &Graph, a: ValueId, b: ValueId) -> bool {
        !self.has_writers(a) && !self.has_writers(b) && !(self.escapes(g, a) && self.escapes(g, b))
    }

    /// Whether what the value refers to is among the function's results, or in something of unknown extent.
    fn escapes(&self, g: &Graph, value: ValueId) -> bool {
        let Some(&element) = self.elements.get(&value) else {
            return g.outputs().contains(&value);
        };
        let own = self.leaves(element);
        let reaches = |e: &usize| self.leaves(*e).iter().any(|l| own.contains(l));
        self.wildcards.values().any(reaches)
            || g.outputs()
                .iter()
                .any(|o| *o == value || self.elements.get(o).is_some_and(reaches))
    }
}
