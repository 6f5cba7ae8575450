//! Definitions of classes, NamedTuples, interfaces and enums, as archives hold them.

use std::collections::HashSet;
use std::sync::Arc;

use flambeau_ir::function::DefineError;
use flambeau_ir::types::{AttributeKind, ClassType, EnumType, InterfaceType, Type};
use flambeau_ir::value::{IValue, print};

use super::{CodePrinter, NamedType, is_identifier};

impl CodePrinter<'_> {
    pub fn named_type(&mut self, named: &NamedType) -> Result<(), DefineError> {
        match named {
            NamedType::Function(function) => self.function(function)?,
            NamedType::Class(class) => self.class(class)?,
            NamedType::Tuple(ty) => self.named_tuple(ty),
            NamedType::Interface(interface) => self.interface(interface),
            NamedType::Enum(e) => self.enumeration(e),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.unit.body.push(text, None);
    }

    /// The name that the definition gets: the last part of what others call it.
    fn defined_name(&self, ty: &Type) -> String {
        let name = self.annotation(ty);
        name.rsplit('.').next().unwrap_or(&name).to_string()
    }

    fn class(&mut self, class: &Arc<ClassType>) -> Result<(), DefineError> {
        let name = self.defined_name(&Type::Class(class.clone()));
        self.text(&format!(
            "class {name}{}:\n",
            if class.is_module { "(Module)" } else { "" }
        ));
        self.level += 1;
        let attributes = class.attributes();
        if class.is_module {
            let names = |kind: AttributeKind| -> String {
                attributes
                    .iter()
                    .filter(|a| a.kind == kind)
                    .map(|a| format!("\"{}\", ", a.name))
                    .collect()
            };
            self.class_line(&format!("__parameters__ = [{}]", names(AttributeKind::Parameter)));
            self.class_line(&format!("__buffers__ = [{}]", names(AttributeKind::Buffer)));
            for (label, hooks) in [
                ("__forward_pre_hooks__", class.forward_pre_hooks()),
                ("__forward_hooks__", class.forward_hooks()),
            ] {
                if !hooks.is_empty() {
                    let names: String = hooks
                        .iter()
                        .map(|h| format!("\"{}\", ", h.short_name()))
                        .collect();
                    self.class_line(&format!("{label} = [{names}]"));
                }
            }
        }
        for (i, attribute) in attributes.iter().enumerate() {
            self.depend_on_type(&attribute.ty);
            let annotation = self.annotation(&attribute.ty);
            if is_identifier(&attribute.name) {
                self.class_line(&format!("{} : {annotation}", attribute.name));
            } else {
                // Children of containers are called "0", "1", …, which no annotation can name.
                if i == 0 {
                    self.class_line("__annotations__ = []");
                }
                self.class_line(&format!("__annotations__[\"{}\"] = {annotation}", attribute.name));
            }
        }
        for (name, value) in class.constants() {
            let literal = self.literal(&value);
            let annotation = self.annotation(&value.ty());
            self.class_line(&format!("{name} : Final[{annotation}] = {literal}"));
        }
        for method in class.methods() {
            self.function(&method)?;
        }
        let mut printed = HashSet::new();
        for hook in class.forward_hooks().into_iter().chain(class.forward_pre_hooks()) {
            if printed.insert(hook.short_name().to_string()) {
                self.function(&hook)?;
            }
        }
        self.level -= 1;
        Ok(())
    }

    fn class_line(&mut self, line: &str) {
        self.indent();
        self.text(line);
        self.text("\n");
    }

    fn named_tuple(&mut self, ty: &Type) {
        let Type::Tuple(tuple) = ty else { return };
        let Some(named) = &tuple.named else { return };
        let name = self.defined_name(ty);
        self.text(&format!("class {name}(NamedTuple):\n"));
        self.level += 1;
        for (field, element) in named.fields.iter().zip(&tuple.elements) {
            self.depend_on_type(element);
            self.class_line(&format!("{field} : {}", self.annotation(element)));
        }
        self.level -= 1;
    }

    fn interface(&mut self, interface: &Arc<InterfaceType>) {
        let name = self.defined_name(&Type::Interface(interface.clone()));
        let base = if interface.is_module {
            "ModuleInterface"
        } else {
            "Interface"
        };
        self.text(&format!("class {name}({base}):\n"));
        self.level += 1;
        for method in interface.methods() {
            let short = method.name.rsplit('.').next().unwrap_or_default().to_string();
            let mut line = format!("def {short}(self");
            for argument in method.arguments.iter().skip(1) {
                self.depend_on_type(&argument.ty);
                line.push_str(&format!(", {}: {}", argument.name, self.annotation(&argument.ty)));
            }
            let result = method.returns.first().map_or(Type::None, |r| r.ty.clone());
            self.depend_on_type(&result);
            line.push_str(&format!(") -> {}:", self.annotation(&result)));
            self.class_line(&line);
            self.class_line("  pass");
        }
        self.level -= 1;
    }

    fn enumeration(&mut self, e: &Arc<EnumType>) {
        let name = self.defined_name(&Type::Enum(e.clone()));
        self.text(&format!("class {name}(Enum):\n"));
        self.level += 1;
        for (member, value) in &e.members {
            let literal = match value {
                IValue::Str(s) => format!("\"{s}\""),
                other => print::literal(other),
            };
            self.class_line(&format!("{member} = {literal}"));
        }
        self.level -= 1;
    }
}
