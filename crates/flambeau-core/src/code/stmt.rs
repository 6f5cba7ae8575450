//! Statements: blocks, control flow and assignments.

use flambeau_ir::ir::{Attr, BlockId, Graph, NodeId, User, ValueId};
use flambeau_ir::source::SourceRange;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::{CodePrinter, Scope, Tagged, inline};

/// Expressions from this length on (with the indentation) get a line of their own.
const LONG_LINE: usize = 40;

impl CodePrinter<'_> {
    pub(super) fn function_body(&mut self, graph: &Graph, scope: &mut Scope) {
        self.body_of(graph, graph.block(), scope);
    }

    /// Constants first, in the order in which they are used (most disappear into their uses), then
    /// the statements, then the result.
    fn body_of(&mut self, graph: &Graph, block: BlockId, scope: &mut Scope) {
        let mut constants = Vec::new();
        collect_constants(graph, block, &mut constants);
        scope.inline.extend(inline::find(graph, block));
        self.level += 1;
        for constant in constants {
            let outer = std::mem::replace(&mut self.at, origin(graph, constant));
            let ty = graph.ty(graph.output(constant)).clone();
            if !matches!(ty, Type::Function(_)) {
                self.depend_on_type(&ty);
            }
            self.expression_statement(graph, scope, constant);
            self.at = outer;
        }
        self.block(graph, scope, block, !graph.returns(block).is_empty());
        if !graph.returns(block).is_empty() {
            self.indent();
            let mut line = Tagged::default();
            line.push("return ", None);
            self.list(&mut line, graph, scope, graph.returns(block), None);
            line.push("\n", None);
            self.unit.body.append(&line);
        }
        self.level -= 1;
    }

    fn block(&mut self, graph: &Graph, scope: &mut Scope, block: BlockId, more_follows: bool) {
        if !more_follows && graph.first_node(block).is_none() {
            self.line("pass");
        }
        for node in graph.block_nodes(block) {
            if graph.kind(node) != "prim::Constant" {
                self.statement(graph, scope, node);
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.indent();
        self.unit.body.push(text, self.at.as_ref());
        self.unit.body.push("\n", self.at.as_ref());
    }

    fn statement(&mut self, graph: &Graph, scope: &mut Scope, node: NodeId) {
        let outer = std::mem::replace(&mut self.at, origin(graph, node));
        self.statement_of(graph, scope, node);
        self.at = outer;
    }

    fn statement_of(&mut self, graph: &Graph, scope: &mut Scope, node: NodeId) {
        let values = graph.node_inputs(node).iter().chain(graph.node_outputs(node));
        for ty in values.map(|&v| graph.ty(v).clone()).collect::<Vec<_>>() {
            self.depend_on_type(&ty);
        }
        for (_, attr) in graph.attrs(node) {
            if let Attr::Type(ty) = attr {
                self.depend_on_type(ty);
            }
        }
        let range = origin(graph, node);
        let (inputs, outputs) = (graph.node_inputs(node), graph.node_outputs(node));
        match graph.kind(node) {
            "prim::If" => self.if_statement(graph, scope, node),
            "prim::Loop" => self.loop_statement(graph, scope, node),
            "prim::TupleUnpack" | "prim::ListUnpack" => {
                self.name_all(graph, scope, outputs);
                let mut line = Tagged::default();
                if !outputs.is_empty() {
                    self.list(&mut line, graph, scope, outputs, range.as_ref());
                    // The trailing comma makes the compiler unpack even a single value.
                    line.push(", = ", range.as_ref());
                }
                line.append(&self.use_of(graph, scope, inputs[0]));
                self.emit(line, range.as_ref());
            }
            "prim::SetAttr" => {
                let mut line = self.use_of(graph, scope, inputs[0]);
                let name = graph.str_attr(node, "name").unwrap_or_default();
                line.push(&format!(".{name} = "), range.as_ref());
                line.append(&self.use_of(graph, scope, inputs[1]));
                self.emit(line, range.as_ref());
            }
            "prim::fork" => {
                let Some(Attr::Graph(subgraph)) = graph.attr(node, "Subgraph") else {
                    return;
                };
                let name = self.new_name("__forked_function");
                self.line(&format!("def {name}():"));
                let mut inner = Scope::default();
                for (&param, &input) in subgraph.inputs().iter().zip(inputs) {
                    inner.expressions.insert(param, self.use_of(graph, scope, input));
                }
                self.function_body(subgraph, &mut inner);
                let mut call = Tagged::default();
                call.push(&format!("fork({name})"), range.as_ref());
                self.define_outputs(graph, scope, node, call);
            }
            "prim::Enter" => {
                let mut line = Tagged::default();
                line.push("with ", range.as_ref());
                line.append(&self.use_of(graph, scope, inputs[0]));
                if graph.has_uses(outputs[0]) {
                    let name = self.name_for(graph, outputs[0]);
                    line.push(&format!(" as {name}"), range.as_ref());
                    scope.names.insert(outputs[0], name);
                }
                line.push(":", range.as_ref());
                self.emit(line, range.as_ref());
                self.level += 1;
            }
            "prim::Exit" => {
                if graph
                    .prev_node(node)
                    .is_some_and(|prev| graph.kind(prev) == "prim::Enter")
                {
                    self.line("pass");
                }
                self.level = self.level.saturating_sub(1);
            }
            "prim::ModuleContainerIndex" => {
                self.name_all(graph, scope, outputs);
                let mut line = self.use_of(graph, scope, outputs[0]);
                line.push(
                    &format!(" : {} = ", graph.ty(outputs[0]).annotation_str()),
                    range.as_ref(),
                );
                line.append(&self.use_of(graph, scope, inputs[0]));
                line.push("[", range.as_ref());
                line.append(&self.use_of(graph, scope, inputs[1]));
                line.push("]", range.as_ref());
                self.emit(line, range.as_ref());
            }
            _ => self.expression_statement(graph, scope, node),
        }
    }

    /// A node with a right-hand side: a line of its own, or an expression for later.
    fn expression_statement(&mut self, graph: &Graph, scope: &mut Scope, node: NodeId) {
        let is_constant = graph.kind(node) == "prim::Constant";
        let expression = self.right_hand_side(graph, scope, node);
        let long = self.is_long(&expression);
        // A long constant may get a line of its own at once; for anything else the order of
        // evaluation has to be kept, see `split_long`.
        if !scope.inline.contains(&node) || (is_constant && long) {
            self.define_outputs(graph, scope, node, expression);
            return;
        }
        let output = graph.output(node);
        scope.expressions.insert(output, expression);
        if long {
            self.split_long(graph, scope, output);
        }
    }

    fn is_long(&self, expression: &Tagged) -> bool {
        expression.text.len() + self.level * 2 >= LONG_LINE
    }

    /// Gives names to a long operand and to all operands evaluated before it, which must not be
    /// overtaken: in `foo(x.add_(b), long + expression)` the addition in place runs first.
    fn split_long(&mut self, graph: &Graph, scope: &mut Scope, value: ValueId) {
        let Some(first) = graph.uses(value).first().copied() else {
            return;
        };
        let mut split = Vec::new();
        let (mut user, mut offset) = (first.user, first.index as isize);
        loop {
            let inputs = match user {
                User::Node(node) => graph.node_inputs(node),
                User::Return(block) => graph.returns(block),
            };
            let seen = scope.split_until.get(&user).copied();
            let from = seen.map_or(0, |last| last + 1);
            for i in (from..=offset).rev() {
                let operand = inputs[i as usize];
                let inlined = graph.defining_node(operand).filter(|n| scope.inline.contains(n));
                if inlined.is_some_and(|n| graph.kind(n) != "prim::Constant") {
                    split.push(operand);
                }
            }
            scope.split_until.insert(user, offset);
            let User::Node(node) = user else { break };
            if seen.is_some() || !scope.inline.contains(&node) {
                break;
            }
            let Some(next) = graph.uses(graph.output(node)).first() else {
                break;
            };
            // The use itself is still being written, so it cannot be split off.
            (user, offset) = (next.user, next.index as isize - 1);
        }
        for operand in split.into_iter().rev() {
            let Some(node) = graph.defining_node(operand) else {
                continue;
            };
            let expression = self.use_of(graph, scope, operand);
            self.define_outputs(graph, scope, node, expression);
        }
    }

    fn define_outputs(&mut self, graph: &Graph, scope: &mut Scope, node: NodeId, expression: Tagged) {
        let outputs = graph.node_outputs(node);
        self.name_all(graph, scope, outputs);
        let range = origin(graph, node);
        let mut line = Tagged::default();
        if !outputs.is_empty() {
            self.list(&mut line, graph, scope, outputs, range.as_ref());
            line.push(" = ", range.as_ref());
        }
        line.append(&expression);
        self.emit(line, range.as_ref());
    }

    fn emit(&mut self, mut line: Tagged, range: Option<&SourceRange>) {
        self.unit.body.push(&"  ".repeat(self.level), range);
        line.push("\n", range);
        self.unit.body.append(&line);
    }

    /// Values separated by commas.
    pub(super) fn list(
        &self,
        into: &mut Tagged,
        graph: &Graph,
        scope: &Scope,
        values: &[ValueId],
        range: Option<&SourceRange>,
    ) {
        for (i, &value) in values.iter().enumerate() {
            if i > 0 {
                into.push(", ", range);
            }
            into.append(&self.use_of(graph, scope, value));
        }
    }

    /// How a value is written where it is used.
    pub(super) fn use_of(&self, graph: &Graph, scope: &Scope, value: ValueId) -> Tagged {
        let mut text = Tagged::default();
        if let Some(name) = scope.names.get(&value) {
            text.push(name, self.at.as_ref());
        } else if let Some(expression) = scope.expressions.get(&value) {
            text = expression.clone();
        } else {
            // Only a graph that the verifier refuses gets here; its own name is the best answer.
            text.push(&format!("_{}", graph.name(value)), None);
        }
        text
    }

    fn assign(&mut self, graph: &Graph, scope: &mut Scope, left: &[ValueId], right: &[ValueId]) {
        if left.is_empty() {
            return;
        }
        let mut line = Tagged::default();
        let at = self.at.clone();
        self.list(&mut line, graph, scope, left, at.as_ref());
        // Python has no annotations in assignments to several names.
        if let [only] = left
            && is_union(graph.ty(*only))
            && !scope.expressions.contains_key(only)
            && scope.annotated.insert(*only)
        {
            line.push(&format!(" : {}", self.annotation(graph.ty(*only))), at.as_ref());
        }
        line.push(" = ", at.as_ref());
        self.list(&mut line, graph, scope, right, at.as_ref());
        self.emit(line, at.as_ref());
    }

    fn if_statement(&mut self, graph: &Graph, scope: &mut Scope, node: NodeId) {
        let outputs = graph.node_outputs(node).to_vec();
        self.name_all(graph, scope, &outputs);
        let range = origin(graph, node);
        let mut line = Tagged::default();
        line.push("if ", range.as_ref());
        line.append(&self.use_of(graph, scope, graph.node_inputs(node)[0]));
        line.push(":", range.as_ref());
        self.emit(line, range.as_ref());
        for (i, &block) in graph.node_blocks(node).iter().enumerate() {
            if i == 1 {
                self.line("else:");
            }
            self.level += 1;
            self.block(graph, scope, block, !outputs.is_empty());
            self.assign(graph, scope, &outputs, graph.returns(block));
            self.level -= 1;
        }
    }

    /// Loop-carried values are the loop's outputs: they are assigned before the loop and at the end
    /// of each trip.
    fn loop_statement(&mut self, graph: &Graph, scope: &mut Scope, node: NodeId) {
        let inputs = graph.node_inputs(node);
        let outputs = graph.node_outputs(node).to_vec();
        let body = graph.node_blocks(node)[0];
        let params = graph.params(body).to_vec();
        let is_for = is_for_loop(graph, node);
        let range = origin(graph, node);
        self.name_all(graph, scope, &outputs);
        for (&param, output) in params[1..].iter().zip(&outputs) {
            let name = scope.names[output].clone();
            scope.names.insert(param, name);
            // The variable is declared before the loop, and may be declared once.
            scope.annotated.insert(param);
        }
        for (&output, &input) in outputs.iter().zip(&inputs[2..]) {
            let mut line = self.use_of(graph, scope, output);
            let annotate = match is_union(graph.ty(output)) {
                true => scope.annotated.insert(output),
                false => graph.ty(output) != graph.ty(input),
            };
            if annotate {
                line.push(
                    &format!(": {}", self.annotation(graph.ty(output))),
                    range.as_ref(),
                );
            }
            line.push(" = ", range.as_ref());
            line.append(&self.use_of(graph, scope, input));
            self.emit(line, range.as_ref());
        }
        // In a `while` loop the trip count is unused and its name serves for the condition.
        self.name_all(graph, scope, &params[..1]);
        let mut line = Tagged::default();
        if is_for {
            line.push("for ", range.as_ref());
            line.append(&self.use_of(graph, scope, params[0]));
            line.push(" in range(", range.as_ref());
            line.append(&self.use_of(graph, scope, inputs[0]));
            line.push("):", range.as_ref());
        } else {
            self.assign(graph, scope, &params[..1], &inputs[1..2]);
            line.push("while ", range.as_ref());
            line.append(&self.use_of(graph, scope, params[0]));
            line.push(":", range.as_ref());
        }
        self.emit(line, range.as_ref());
        let first = is_for as usize;
        self.level += 1;
        self.block(graph, scope, body, params.len() > first);
        self.assign(graph, scope, &params[first..], &graph.returns(body)[first..]);
        self.level -= 1;
    }
}

/// Where a node was written: in the original source where that is known.
pub(super) fn origin(graph: &Graph, node: NodeId) -> Option<SourceRange> {
    let range = graph.node(node).range.as_ref()?;
    match &range.source.origin {
        // Of a loaded archive: what its records say, nothing included.
        Some(find) => find(range.start),
        None => Some(range.clone()),
    }
}

fn is_for_loop(graph: &Graph, node: NodeId) -> bool {
    let body = graph.node_blocks(node)[0];
    let always = |value| matches!(graph.constant(value), Some(IValue::Bool(true)));
    let unlimited = matches!(
        graph.constant(graph.node_inputs(node)[0]),
        Some(IValue::Int(i64::MAX))
    );
    let counted = !unlimited || graph.has_uses(graph.params(body)[0]);
    always(graph.node_inputs(node)[1]) && always(graph.returns(body)[0]) && counted
}

fn collect_constants(graph: &Graph, block: BlockId, into: &mut Vec<NodeId>) {
    let add = |values: &[ValueId], into: &mut Vec<NodeId>| {
        for &value in values {
            if let Some(node) = graph.defining_node(value)
                && graph.kind(node) == "prim::Constant"
                && !into.contains(&node)
            {
                into.push(node);
            }
        }
    };
    for node in graph.block_nodes(block) {
        add(graph.node_inputs(node), into);
        for &inner in graph.node_blocks(node) {
            collect_constants(graph, inner, into);
        }
    }
    add(graph.returns(block), into);
}

/// A list type that the text must spell out.
pub(super) fn needs_annotation(ty: &Type) -> bool {
    match ty {
        Type::List(element) => !flambeau_ir::value::print::is_inferable(element),
        Type::Dict(pair) => {
            !flambeau_ir::value::print::is_inferable(&pair.0)
                || !flambeau_ir::value::print::is_inferable(&pair.1)
        }
        _ => false,
    }
}

/// Types that a value assigned to a name does not show by itself.
fn is_union(ty: &Type) -> bool {
    matches!(ty, Type::Union(_) | Type::Optional(_))
}
