//! Constants as source text.

use flambeau_ir::types::Type;
use flambeau_ir::value::{IValue, print};

use super::CodePrinter;

impl CodePrinter<'_> {
    pub(super) fn literal(&mut self, value: &IValue) -> String {
        match value {
            IValue::Tensor(_) | IValue::Object(_) | IValue::Capsule(_) => self.constant_name(value),
            value if has_non_ascii(value) => self.constant_name(value),
            IValue::Str(s) => print::quoted(s),
            IValue::Complex(c) => {
                let sign = if c.im >= 0.0 { '+' } else { '-' };
                // A zero's sign is not shown in the real part.
                let real = if c.re == 0.0 { 0.0 } else { c.re };
                format!("{}{sign}{}j", print::float(real), print::float(c.im.abs()))
            }
            IValue::List(list) => {
                let items: Vec<String> = list.to_vec().iter().map(|item| self.literal(item)).collect();
                let text = format!("[{}]", items.join(", "));
                if items.is_empty() || !print::is_inferable(list.element_type()) {
                    return format!("annotate({}, {text})", self.annotation(&value.ty()));
                }
                text
            }
            IValue::Dict(dict) => {
                let pairs: Vec<String> = dict
                    .pairs()
                    .iter()
                    .map(|(k, v)| format!("{}: {}", self.literal(k), self.literal(v)))
                    .collect();
                let text = format!("{{{}}}", pairs.join(", "));
                if pairs.is_empty()
                    || !print::is_inferable(dict.key_type())
                    || !print::is_inferable(dict.value_type())
                {
                    return format!("annotate({}, {text})", self.annotation(&value.ty()));
                }
                text
            }
            IValue::Tuple(tuple) => {
                let items: Vec<String> = tuple.items.iter().map(|item| self.literal(item)).collect();
                let name = match &tuple.ty {
                    Some(ty @ Type::Tuple(t)) if t.named.as_ref().is_some_and(|n| !n.name.is_empty()) => {
                        self.annotation(ty)
                    }
                    _ => String::new(),
                };
                let comma = if items.len() == 1 { "," } else { "" };
                format!("{name}({}{comma})", items.join(", "))
            }
            IValue::Enum(e) => format!("{}.{}", self.annotation(&Type::Enum(e.class.clone())), e.name),
            IValue::Device(d) => format!("torch.device({})", print::quoted(&d.to_string())),
            other => print::literal(other),
        }
    }

    fn constant_name(&mut self, value: &IValue) -> String {
        format!("CONSTANTS.c{}", self.constants.number(value))
    }
}

fn has_non_ascii(value: &IValue) -> bool {
    match value {
        IValue::Str(s) => !s.is_ascii(),
        IValue::List(l) => l.read().iter().any(has_non_ascii),
        IValue::Tuple(t) => t.items.iter().any(has_non_ascii),
        IValue::Dict(d) => d
            .read()
            .iter()
            .any(|(k, v)| has_non_ascii(&k.0) || has_non_ascii(v)),
        _ => false,
    }
}
