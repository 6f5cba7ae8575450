//! Right-hand sides: one node as an expression over its operands.

use flambeau_ir::ir::{Attr, Graph, NodeId, ValueId};
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::Type;
use flambeau_ir::value::{IValue, print};

use super::stmt::{needs_annotation, origin};
use super::{CodePrinter, NamedType, Scope, Tagged, is_identifier};

impl CodePrinter<'_> {
    pub(super) fn right_hand_side(&mut self, graph: &Graph, scope: &Scope, node: NodeId) -> Tagged {
        let range = origin(graph, node);
        let inputs = graph.node_inputs(node);
        let output_type = graph
            .node_outputs(node)
            .first()
            .map_or(Type::None, |&o| graph.ty(o).clone());
        let mut text = Tagged::default();
        let say = |text: &mut Tagged, part: &str| text.push(part, range.as_ref());
        let operand = |this: &Self, i: usize| this.use_of(graph, scope, inputs[i]);
        match graph.kind(node) {
            "prim::Uninitialized" => say(
                &mut text,
                &format!("uninitialized({})", self.annotation(&output_type)),
            ),
            "prim::Constant" => {
                let literal = match graph.constant_of(node) {
                    Some(IValue::Function(function)) => {
                        self.depend_on(NamedType::Function(function.clone()));
                        let ty = Type::Function(function.clone());
                        (self.rename)(&ty).unwrap_or_else(|| function.name().to_string())
                    }
                    Some(value) => self.literal(&value),
                    None => "None".into(),
                };
                say(&mut text, &literal);
            }
            "aten::ScalarImplicit" | "aten::FloatImplicit" | "aten::IntImplicit" => {
                say(
                    &mut text,
                    &format!("annotate({}, ", self.annotation(&output_type)),
                );
                text.append(&operand(self, 0));
                say(&mut text, ")");
            }
            kind @ ("aten::Int" | "aten::Float" | "aten::Bool" | "aten::str" | "prim::Print"
            | "aten::sorted") => {
                let name = match kind {
                    "aten::Int" => "int",
                    "aten::Float" => "float",
                    "aten::Bool" => "bool",
                    "aten::str" => "str",
                    "prim::Print" => "print",
                    _ => "sorted",
                };
                say(&mut text, &format!("{name}("));
                self.list(&mut text, graph, scope, inputs, range.as_ref());
                say(&mut text, ")");
            }
            "aten::__getitem__" => {
                let container = operand(self, 0);
                let plain = is_identifier(&container.text);
                say(&mut text, if plain { "" } else { "(" });
                say(&mut text, &container.text);
                say(&mut text, if plain { "[" } else { ")[" });
                text.append(&operand(self, 1));
                say(&mut text, "]");
            }
            "prim::TupleConstruct" => {
                if let Type::Tuple(t) = &output_type
                    && t.named.as_ref().is_some_and(|n| !n.name.is_empty())
                {
                    say(&mut text, &self.annotation(&output_type));
                }
                say(&mut text, "(");
                self.list(&mut text, graph, scope, inputs, range.as_ref());
                say(&mut text, if inputs.len() == 1 { ",)" } else { ")" });
            }
            "prim::TupleIndex" => {
                say(&mut text, "(");
                text.append(&operand(self, 0));
                say(&mut text, ")[");
                text.append(&operand(self, 1));
                say(&mut text, "]");
            }
            "prim::TupleSlice" => {
                let bound = |name| match graph.attr(node, name) {
                    Some(Attr::Int(i)) => *i,
                    _ => 0,
                };
                say(&mut text, "(");
                text.append(&operand(self, 0));
                say(&mut text, &format!(")[{}:{}]", bound("beg"), bound("end")));
            }
            "prim::ListConstruct" | "prim::DictConstruct" => {
                let annotated = inputs.is_empty() || needs_annotation(&output_type);
                if annotated {
                    say(
                        &mut text,
                        &format!("annotate({}, ", self.annotation(&output_type)),
                    );
                }
                if graph.kind(node) == "prim::ListConstruct" {
                    say(&mut text, "[");
                    self.list(&mut text, graph, scope, inputs, range.as_ref());
                    say(&mut text, "]");
                } else {
                    say(&mut text, "{");
                    for (i, pair) in inputs.chunks(2).enumerate() {
                        say(&mut text, if i > 0 { ", " } else { "" });
                        text.append(&self.use_of(graph, scope, pair[0]));
                        say(&mut text, ": ");
                        text.append(&self.use_of(graph, scope, pair[1]));
                    }
                    say(&mut text, "}");
                }
                if annotated {
                    say(&mut text, ")");
                }
            }
            "prim::CreateObject" => {
                let class = self.annotation(&output_type);
                say(&mut text, &format!("{class}.__new__({class})"));
            }
            "prim::GetAttr" => {
                let field = graph.str_attr(node, "name").unwrap_or_default();
                if is_identifier(field) {
                    text.append(&operand(self, 0));
                    say(&mut text, &format!(".{field}"));
                } else {
                    say(&mut text, "getattr(");
                    text.append(&operand(self, 0));
                    say(&mut text, &format!(", {})", print::quoted(field)));
                }
            }
            "prim::CallFunction" | "prim::CallMethod" => {
                let method = graph.kind(node) == "prim::CallMethod";
                say(&mut text, if method { "(" } else { "" });
                text.append(&operand(self, 0));
                if method {
                    say(
                        &mut text,
                        &format!(").{}", graph.str_attr(node, "name").unwrap_or_default()),
                    );
                    match graph.ty(inputs[0]).clone() {
                        Type::Class(c) => self.depend_on(NamedType::Class(c)),
                        Type::Interface(i) => self.depend_on(NamedType::Interface(i)),
                        _ => {}
                    }
                }
                say(&mut text, "(");
                for &input in &inputs[1..] {
                    text.append(&self.use_of(graph, scope, input));
                    say(&mut text, ", ");
                }
                say(&mut text, ")");
            }
            "prim::PythonOp" => {
                let name = graph.str_attr(node, "name").unwrap_or_default();
                say(&mut text, &format!("^{name}()("));
                for i in 0..inputs.len() {
                    say(&mut text, if i == 0 { "" } else { ", " });
                    text.append(&operand(self, i));
                }
                say(&mut text, ")");
            }
            "aten::_unwrap_optional" => {
                say(&mut text, "torch._unwrap_optional(");
                // The type of a bare None could not be recovered when the text is compiled again.
                if graph.must_be_none(inputs[0]) {
                    let optional = self.annotation(&Type::optional(output_type));
                    say(&mut text, &format!("annotate({optional}, "));
                    text.append(&operand(self, 0));
                    say(&mut text, ")");
                } else {
                    text.append(&operand(self, 0));
                }
                say(&mut text, ")");
            }
            "prim::unchecked_unwrap_optional" | "prim::unchecked_cast" => {
                say(
                    &mut text,
                    &format!("unchecked_cast({}, ", self.annotation(&output_type)),
                );
                text.append(&operand(self, 0));
                say(&mut text, ")");
            }
            "prim::isinstance" => {
                let types: Vec<String> = graph
                    .attrs(node)
                    .iter()
                    .filter_map(|(_, attr)| match attr {
                        Attr::Type(ty) => Some(vec![self.annotation(ty)]),
                        Attr::Types(types) => Some(types.iter().map(|t| self.annotation(t)).collect()),
                        _ => None,
                    })
                    .flatten()
                    .collect();
                say(&mut text, "isinstance(");
                text.append(&operand(self, 0));
                match types.as_slice() {
                    [only] => say(&mut text, &format!(", {only})")),
                    several => say(&mut text, &format!(", ({}))", several.join(", "))),
                }
            }
            "prim::tolist" => {
                say(
                    &mut text,
                    &format!("annotate({}, ", self.annotation(&output_type)),
                );
                text.append(&operand(self, 0));
                say(&mut text, ".tolist())");
            }
            kind @ ("prim::EnumValue" | "prim::EnumName") => {
                say(&mut text, "(");
                text.append(&operand(self, 0));
                say(
                    &mut text,
                    if kind == "prim::EnumValue" {
                        ").value"
                    } else {
                        ").name"
                    },
                );
            }
            kind => {
                say(&mut text, &operator_name(kind));
                say(&mut text, "(");
                let schema = graph.node(node).op.as_ref().map(|op| op.schema());
                let (necessary, outs) = schema.map_or((inputs.len(), 0), |schema| {
                    necessary_arguments(graph, schema, inputs)
                });
                for (i, &input) in inputs[..necessary].iter().enumerate() {
                    say(&mut text, if i > 0 { ", " } else { "" });
                    if let Some(argument) = schema.and_then(|s| s.arguments.get(i))
                        && argument.keyword_only
                    {
                        say(&mut text, &format!("{}=", argument.name));
                    }
                    text.append(&self.use_of(graph, scope, input));
                }
                let arguments = schema.map_or(&[][..], |s| &s.arguments[..]);
                for i in arguments.len() - outs..arguments.len() {
                    say(&mut text, &format!(", {}=", arguments[i].name));
                    text.append(&self.use_of(graph, scope, inputs[i]));
                }
                say(&mut text, ")");
            }
        }
        text
    }
}

/// `aten::add` as `torch.add`, `prim::min` as `ops.prim.min`.
fn operator_name(kind: &str) -> String {
    match kind.split_once("::") {
        Some(("aten", "backward")) => "torch.autograd.backward".into(),
        Some(("aten", "grad")) => "torch.autograd.grad".into(),
        Some(("aten", name)) => format!("torch.{name}"),
        Some((namespace, name)) => format!("ops.{namespace}.{name}"),
        None => kind.into(),
    }
}

/// How many leading arguments have to be written, and how many `out` arguments follow at the end.
/// Trailing arguments that are constants equal to their defaults are left out.
fn necessary_arguments(graph: &Graph, schema: &Schema, inputs: &[ValueId]) -> (usize, usize) {
    let arguments = &schema.arguments;
    let is_out = |a: &&Argument| a.keyword_only && a.alias.as_ref().is_some_and(|alias| alias.is_write);
    let outs = arguments.iter().rev().take_while(is_out).count();
    if inputs.len() != arguments.len() {
        return (inputs.len(), 0);
    }
    let last = (0..arguments.len() - outs).rev().find(|&i| {
        match (&arguments[i].default, graph.constant(inputs[i])) {
            // A float that equals an int is written all the same.
            (Some(default), Some(actual)) => {
                *default != actual || std::mem::discriminant(default) != std::mem::discriminant(&actual)
            }
            _ => true,
        }
    });
    (last.map_or(0, |i| i + 1), outs)
}
