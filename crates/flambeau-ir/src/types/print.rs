//! The three spellings of a type: as graphs print it (`Display`), as schemas print it
//! ([`Type::schema_str`]) and as code annotates it ([`Type::annotation_str`]).

use std::fmt;

use super::{TensorInfo, Type};

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(Some(info)) => write_tensor(info, f),
            Type::List(t) => write!(f, "{t}[]"),
            Type::Optional(t) => write!(f, "{t}?"),
            Type::Future(t) => write!(f, "Future[{t}]"),
            Type::Await(t) => write!(f, "Await[{t}]"),
            Type::RRef(t) => write!(f, "RRef[{t}]"),
            Type::Tuple(t) => {
                f.write_str(if t.named.is_some() { "NamedTuple(" } else { "(" })?;
                for (i, element) in t.elements.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(named) = &t.named {
                        write!(f, "{} : ", named.fields[i])?;
                    }
                    write!(f, "{element}")?;
                    if let Some(named) = &t.named
                        && let Some(default) = (i + named.defaults.len())
                            .checked_sub(t.elements.len())
                            .and_then(|d| named.defaults.get(d))
                    {
                        write!(f, " = {}", crate::value::print::display(default))?;
                    }
                }
                f.write_str(")")
            }
            Type::Function(_) => f.write_str("Function"),
            other => f.write_str(&other.schema_str()),
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `Float(2, *, strides=[3, 1], requires_grad=0, device=cpu)`.
fn write_tensor(info: &TensorInfo, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(dtype) = info.dtype else {
        return f.write_str("Tensor");
    };
    f.write_str(dtype.name())?;
    let Some(sizes) = &info.sizes else {
        return f.write_str("(*)");
    };
    let dim = |d: &Option<i64>| d.map_or("*".to_string(), |d| d.to_string());
    let mut parts: Vec<String> = sizes.iter().map(dim).collect();
    if let Some(strides) = &info.strides {
        parts.push(format!(
            "strides=[{}]",
            strides.iter().map(dim).collect::<Vec<_>>().join(", ")
        ));
    }
    if let Some(grad) = info.requires_grad {
        parts.push(format!("requires_grad={}", grad as u8));
    }
    if let Some(device) = &info.device {
        parts.push(format!("device={device}"));
    }
    write!(f, "({})", parts.join(", "))
}

impl Type {
    /// The spelling of schemas: `Tensor?`, `int[]`, `Dict(str, t)`.
    pub fn schema_str(&self) -> String {
        match self {
            Type::Var(name) => name.to_string(),
            Type::List(t) => format!("{}[]", t.schema_str()),
            Type::Optional(t) => format!("{}?", t.schema_str()),
            Type::Future(t) => format!("Future({})", t.schema_str()),
            Type::Await(t) => format!("Await({})", t.schema_str()),
            Type::RRef(t) => format!("RRef({})", t.schema_str()),
            Type::Dict(kv) => format!("Dict({}, {})", kv.0.schema_str(), kv.1.schema_str()),
            Type::Tuple(t) => match &t.named {
                Some(named) if !named.name.is_empty() => named.name.to_string(),
                _ => format!("({})", join(&t.elements, Type::schema_str)),
            },
            Type::Union(members) => format!("Union({})", join(&number_last(members), Type::schema_str)),
            Type::Class(class) => class.name.to_string(),
            Type::Interface(interface) => format!("InterfaceType<{}>", last_part(&interface.name)),
            Type::Enum(e) => format!("Enum<{}>", e.name),
            Type::Function(_) => "Function".into(),
            Type::Named(name) => name.to_string(),
            plain => plain.plain_name().unwrap_or_default().into(),
        }
    }

    /// The spelling of messages: that of annotations, and whether a tensor was only assumed.
    pub fn repr_str(&self) -> String {
        match self {
            Type::Tensor(Some(info)) if info.inferred => "Tensor (inferred)".into(),
            Type::Enum(e) => format!("Enum<{}>", e.name),
            // Tells apart classes of one name.
            Type::Class(c) => format!(
                "{} (of Python compilation unit at: {:#x})",
                c.name,
                self.address()
            ),
            other => other.annotation_str(),
        }
    }

    /// The spelling of annotations in code: `Optional[Tensor]`, `List[int]`.
    pub fn annotation_str(&self) -> String {
        self.annotation_str_with(&|_| None)
    }

    /// As [`Type::annotation_str`], with other names for the types that `rename` knows. Archives
    /// need it where two classes share a name.
    pub fn annotation_str_with(&self, rename: &dyn Fn(&Type) -> Option<String>) -> String {
        if let Some(name) = rename(self) {
            return name;
        }
        let spell = |t: &Type| t.annotation_str_with(rename);
        let join = |types: &[Type]| types.iter().map(spell).collect::<Vec<_>>().join(", ");
        match self {
            Type::Number => "number".into(),
            Type::List(t) => format!("List[{}]", spell(t)),
            Type::Optional(t) => format!("Optional[{}]", spell(t)),
            Type::Future(t) => format!("Future[{}]", spell(t)),
            Type::Await(t) => format!("Await[{}]", spell(t)),
            Type::RRef(t) => format!("RRef[{}]", spell(t)),
            Type::Dict(kv) => format!("Dict[{}, {}]", spell(&kv.0), spell(&kv.1)),
            Type::Tuple(t) => match &t.named {
                Some(named) if !named.name.is_empty() => named.name.to_string(),
                // Python's grammar has no empty subscript, hence the odd spelling.
                _ if t.elements.is_empty() => "Tuple[()]".into(),
                _ => format!("Tuple[{}]", join(&t.elements)),
            },
            Type::Union(members) => format!("Union[{}]", join(&number_last(members))),
            Type::Interface(interface) => interface.name.to_string(),
            Type::Enum(e) => e.name.to_string(),
            Type::ScalarType | Type::Layout | Type::MemoryFormat | Type::SymInt => "int".into(),
            Type::SymBool => "bool".into(),
            other => other.schema_str(),
        }
    }
}

fn join(types: &[Type], spell: fn(&Type) -> String) -> String {
    types.iter().map(spell).collect::<Vec<_>>().join(", ")
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The three kinds of numbers together are one member, the last.
fn number_last(members: &[Type]) -> Vec<Type> {
    let numbers = [Type::Float, Type::Int, Type::Complex];
    if !numbers.iter().all(|n| members.contains(n)) {
        return members.to_vec();
    }
    members
        .iter()
        .filter(|m| !numbers.contains(m))
        .cloned()
        .chain([Type::Number])
        .collect()
}
