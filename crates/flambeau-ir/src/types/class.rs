//! Class, interface and enum types: the entries of a compilation unit's type table.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::RwLock;

use super::Type;
use crate::function::Function;
use crate::schema::Schema;
use crate::value::IValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    Regular,
    Parameter,
    Buffer,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: Arc<str>,
    pub ty: Type,
    pub kind: AttributeKind,
}

#[derive(Clone)]
pub struct Property {
    pub name: Arc<str>,
    pub getter: Arc<Function>,
    pub setter: Option<Arc<Function>>,
}

#[derive(Default)]
struct ClassBody {
    attributes: Vec<Attribute>,
    slots: IndexMap<Arc<str>, usize>,
    constants: IndexMap<Arc<str>, IValue>,
    methods: IndexMap<Arc<str>, Arc<Function>>,
    properties: Vec<Property>,
    forward_hooks: Vec<Arc<Function>>,
    forward_pre_hooks: Vec<Arc<Function>>,
    /// Attributes that could not be compiled, with the reason shown when code asks for them.
    unresolved: IndexMap<Arc<str>, String>,
}

/// A script class or a module class. Its body grows while it is being compiled, hence the lock;
/// afterwards it is only read.
pub struct ClassType {
    /// Qualified name such as `__torch__.torch.nn.modules.linear.Linear`.
    pub name: Arc<str>,
    pub is_module: bool,
    pub doc: Option<Arc<str>>,
    body: RwLock<ClassBody>,
}

impl ClassType {
    pub fn new(name: impl Into<Arc<str>>, is_module: bool) -> Arc<ClassType> {
        Arc::new(ClassType {
            name: name.into(),
            is_module,
            doc: None,
            body: RwLock::default(),
        })
    }

    /// The last part of the qualified name.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// Adds an attribute and returns its slot; a second attribute of one name replaces the first's type.
    pub fn add_attribute(&self, name: impl Into<Arc<str>>, ty: Type, kind: AttributeKind) -> usize {
        let name = name.into();
        let mut body = self.body.write();
        if let Some(&slot) = body.slots.get(&name) {
            body.attributes[slot] = Attribute { name, ty, kind };
            return slot;
        }
        let slot = body.attributes.len();
        body.slots.insert(name.clone(), slot);
        body.attributes.push(Attribute { name, ty, kind });
        slot
    }
    pub fn attributes(&self) -> Vec<Attribute> {
        self.body.read().attributes.clone()
    }
    pub fn attribute(&self, name: &str) -> Option<Attribute> {
        let body = self.body.read();
        body.slots.get(name).map(|&slot| body.attributes[slot].clone())
    }
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.body.read().slots.get(name).copied()
    }
    pub fn attribute_count(&self) -> usize {
        self.body.read().attributes.len()
    }

    pub fn add_constant(&self, name: impl Into<Arc<str>>, value: IValue) {
        self.body.write().constants.insert(name.into(), value);
    }
    pub fn constant(&self, name: &str) -> Option<IValue> {
        self.body.read().constants.get(name).cloned()
    }
    pub fn constants(&self) -> Vec<(Arc<str>, IValue)> {
        self.body
            .read()
            .constants
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    pub fn add_method(&self, method: Arc<Function>) {
        self.body
            .write()
            .methods
            .insert(method.short_name().into(), method);
    }
    pub fn method(&self, name: &str) -> Option<Arc<Function>> {
        self.body.read().methods.get(name).cloned()
    }
    pub fn methods(&self) -> Vec<Arc<Function>> {
        self.body.read().methods.values().cloned().collect()
    }

    pub fn add_property(&self, property: Property) {
        self.body.write().properties.push(property);
    }
    pub fn property(&self, name: &str) -> Option<Property> {
        self.body
            .read()
            .properties
            .iter()
            .find(|p| &*p.name == name)
            .cloned()
    }
    pub fn properties(&self) -> Vec<Property> {
        self.body.read().properties.clone()
    }

    pub fn add_forward_hook(&self, hook: Arc<Function>) {
        self.body.write().forward_hooks.push(hook);
    }
    pub fn forward_hooks(&self) -> Vec<Arc<Function>> {
        self.body.read().forward_hooks.clone()
    }
    pub fn add_forward_pre_hook(&self, hook: Arc<Function>) {
        self.body.write().forward_pre_hooks.push(hook);
    }
    pub fn forward_pre_hooks(&self) -> Vec<Arc<Function>> {
        self.body.read().forward_pre_hooks.clone()
    }

    pub fn add_unresolved(&self, name: impl Into<Arc<str>>, reason: impl Into<String>) {
        self.body.write().unresolved.insert(name.into(), reason.into());
    }
    pub fn unresolved(&self, name: &str) -> Option<String> {
        self.body.read().unresolved.get(name).cloned()
    }

    /// Drops the code, which may point back to this class: methods hold graphs whose types hold their classes. A
    /// compilation unit calls it at its end. Attributes stay, since objects may outlive the unit.
    pub fn clear(&self) {
        let mut body = self.body.write();
        let attributes = std::mem::take(&mut body.attributes);
        let slots = std::mem::take(&mut body.slots);
        *body = ClassBody {
            attributes,
            slots,
            ..ClassBody::default()
        };
    }
}

impl fmt::Debug for ClassType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A method that an interface asks for.
#[derive(Clone, Debug)]
pub struct MethodSignature {
    pub schema: Schema,
}

pub struct InterfaceType {
    pub name: Arc<str>,
    pub is_module: bool,
    methods: RwLock<IndexMap<Arc<str>, MethodSignature>>,
}

impl InterfaceType {
    pub fn new(name: impl Into<Arc<str>>, is_module: bool) -> Arc<InterfaceType> {
        Arc::new(InterfaceType {
            name: name.into(),
            is_module,
            methods: RwLock::default(),
        })
    }
    pub fn add_method(&self, schema: Schema) {
        let name = schema.name.rsplit('.').next().unwrap_or(&schema.name).into();
        self.methods.write().insert(name, MethodSignature { schema });
    }
    pub fn method(&self, name: &str) -> Option<Schema> {
        self.methods.read().get(name).map(|m| m.schema.clone())
    }
    pub fn methods(&self) -> Vec<Schema> {
        self.methods.read().values().map(|m| m.schema.clone()).collect()
    }

    /// Whether every method is there with a fitting schema. Parameters are contravariant, results covariant.
    pub fn is_implemented_by(&self, class: &ClassType) -> bool {
        self.missing_from(class).is_none()
    }

    /// The first method that `class` lacks or has with another signature, as a sentence.
    pub fn missing_from(&self, class: &ClassType) -> Option<String> {
        // As `Type::repr_str` tells apart classes of one name.
        let shown = || format!("{} (of Python compilation unit at: {:p})", class.name, class);
        if self.is_module && !class.is_module {
            return Some(format!(
                "Class '{}' is not a subtype of the module interface '{}'",
                shown(),
                self.name
            ));
        }
        for wanted in self.methods() {
            let name = wanted.name.rsplit('.').next().unwrap_or("").to_string();
            let Some(method) = class.method(&name) else {
                return Some(format!(
                    "Class '{}' does not have method '{name}' but '{}' does.",
                    shown(),
                    self.name
                ));
            };
            match method.schema() {
                Ok(schema) if schema.is_method_subtype_of(&wanted) => {}
                Ok(schema) => {
                    return Some(format!(
                        "Method on class '{}' (1) is not compatible with interface '{}' (2)\n  (1) {schema}\n  (2) {wanted}\n",
                        shown(),
                        self.name
                    ));
                }
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    }

    pub fn extends(&self, other: &InterfaceType) -> bool {
        (self.is_module || !other.is_module)
            && other.methods().iter().all(|wanted| {
                let name = wanted.name.rsplit('.').next().unwrap_or("");
                self.method(name)
                    .is_some_and(|have| have.is_method_subtype_of(wanted))
            })
    }
}

impl fmt::Debug for InterfaceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An enum class; its members all have values of one type.
#[derive(Debug)]
pub struct EnumType {
    pub name: Arc<str>,
    pub value_type: Type,
    pub members: Vec<(Arc<str>, IValue)>,
}

impl EnumType {
    pub fn member(&self, name: &str) -> Option<&IValue> {
        self.members.iter().find(|(n, _)| &**n == name).map(|(_, v)| v)
    }
}
