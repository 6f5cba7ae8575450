//! The shared, mutable containers: lists, dicts, tuples, objects, enum members and futures.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::IValue;
use crate::types::{ClassType, EnumType, Type};

thread_local! {
    /// Contents of containers whose last handle is gone, while an outer container is being dropped.
    static DYING: std::cell::RefCell<Option<Vec<Vec<IValue>>>> = const { std::cell::RefCell::new(None) };
}

/// Drops the contents of a container without recursion: a program may link a million objects into a chain, and the
/// thread's stack would not bear dropping it link by link.
fn release(items: Vec<IValue>) {
    let nests = |v: &IValue| {
        matches!(
            v,
            IValue::Tuple(_) | IValue::List(_) | IValue::Dict(_) | IValue::Object(_)
        )
    };
    if !items.iter().any(nests) {
        return;
    }
    let is_outermost = DYING.try_with(|dying| {
        let mut dying = dying.borrow_mut();
        match &mut *dying {
            Some(pending) => {
                pending.push(items);
                false
            }
            None => {
                *dying = Some(vec![items]);
                true
            }
        }
    });
    // Without the thread's storage, at its end, the items went with the closure.
    if is_outermost != Ok(true) {
        return;
    }
    loop {
        let next = DYING.with(|dying| {
            let mut dying = dying.borrow_mut();
            let next = dying.as_mut().and_then(Vec::pop);
            if next.is_none() {
                *dying = None;
            }
            next
        });
        match next {
            Some(items) => drop(items),
            None => return,
        }
    }
}

pub struct TupleValue {
    pub items: Box<[IValue]>,
    /// Given for NamedTuples, whose type says more than the items do.
    pub ty: Option<Type>,
}

impl Drop for TupleValue {
    fn drop(&mut self) {
        release(std::mem::take(&mut self.items).into_vec());
    }
}

struct ListInner {
    element: Type,
    of_host: bool,
    items: RwLock<Vec<IValue>>,
}

impl Drop for ListInner {
    fn drop(&mut self) {
        release(std::mem::take(self.items.get_mut()));
    }
}

/// A TorchScript list. Clones share it.
#[derive(Clone)]
pub struct List(Arc<ListInner>);

impl List {
    pub fn new(element: Type, items: Vec<IValue>) -> List {
        List::made(element, items, false)
    }
    /// A list that the host holds too: calls from outside pass it as it is, where others are copied.
    pub fn of_host(element: Type, items: Vec<IValue>) -> List {
        List::made(element, items, true)
    }
    fn made(element: Type, items: Vec<IValue>, of_host: bool) -> List {
        List(Arc::new(ListInner {
            element,
            of_host,
            items: RwLock::new(items),
        }))
    }
    pub fn is_of_host(&self) -> bool {
        self.0.of_host
    }
    pub fn element_type(&self) -> &Type {
        &self.0.element
    }
    /// The items; the guard must not be held across a call into user code.
    pub fn read(&self) -> RwLockReadGuard<'_, Vec<IValue>> {
        self.0.items.read()
    }
    pub fn write(&self) -> RwLockWriteGuard<'_, Vec<IValue>> {
        self.0.items.write()
    }
    pub fn to_vec(&self) -> Vec<IValue> {
        self.read().clone()
    }
    pub fn len(&self) -> usize {
        self.read().len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn is_same(&self, other: &List) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
    /// Identity, for memo tables.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as *const () as usize
    }
    /// All items as ints, or `None` when one is something else.
    pub fn to_ints(&self) -> Option<Vec<i64>> {
        self.read().iter().map(IValue::as_int).collect()
    }
}

/// A value as a dict key: hashable, compared as Python does.
#[derive(Clone)]
pub struct DictKey(pub IValue);

impl PartialEq for DictKey {
    fn eq(&self, other: &DictKey) -> bool {
        self.0.is(&other.0)
    }
}
impl Eq for DictKey {}
impl Hash for DictKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            IValue::Bool(b) => b.hash(state),
            IValue::Int(i) => i.hash(state),
            // +0.0 == -0.0 must hash alike.
            IValue::Double(f) => (if *f == 0.0 { 0.0 } else { *f }).to_bits().hash(state),
            IValue::Complex(c) => (c.re.to_bits(), c.im.to_bits()).hash(state),
            IValue::Str(s) => s.hash(state),
            IValue::Tensor(t) => t.id().hash(state),
            IValue::Device(d) => d.hash(state),
            IValue::Enum(e) => e.name.hash(state),
            IValue::Tuple(t) => t.items.iter().for_each(|i| DictKey(i.clone()).hash(state)),
            IValue::Object(o) => o.address().hash(state),
            _ => {}
        }
    }
}

struct DictInner {
    key: Type,
    value: Type,
    of_host: bool,
    items: RwLock<IndexMap<DictKey, IValue>>,
}

impl Drop for DictInner {
    fn drop(&mut self) {
        let items = std::mem::take(self.items.get_mut());
        release(items.into_iter().flat_map(|(k, v)| [k.0, v]).collect());
    }
}

/// A TorchScript dict: insertion-ordered. Clones share it.
#[derive(Clone)]
pub struct Dict(Arc<DictInner>);

impl Dict {
    pub fn new(key: Type, value: Type) -> Dict {
        Dict::made(key, value, false)
    }
    /// A dict that the host holds too: calls from outside pass it as it is, where others are copied.
    pub fn of_host(key: Type, value: Type) -> Dict {
        Dict::made(key, value, true)
    }
    fn made(key: Type, value: Type, of_host: bool) -> Dict {
        Dict(Arc::new(DictInner {
            key,
            value,
            of_host,
            items: RwLock::default(),
        }))
    }
    pub fn is_of_host(&self) -> bool {
        self.0.of_host
    }
    pub fn from_pairs(key: Type, value: Type, pairs: impl IntoIterator<Item = (IValue, IValue)>) -> Dict {
        let dict = Dict::new(key, value);
        dict.write()
            .extend(pairs.into_iter().map(|(k, v)| (DictKey(k), v)));
        dict
    }
    pub fn key_type(&self) -> &Type {
        &self.0.key
    }
    pub fn value_type(&self) -> &Type {
        &self.0.value
    }
    pub fn read(&self) -> RwLockReadGuard<'_, IndexMap<DictKey, IValue>> {
        self.0.items.read()
    }
    pub fn write(&self) -> RwLockWriteGuard<'_, IndexMap<DictKey, IValue>> {
        self.0.items.write()
    }
    pub fn get(&self, key: &IValue) -> Option<IValue> {
        self.read().get(&DictKey(key.clone())).cloned()
    }
    pub fn insert(&self, key: IValue, value: IValue) {
        self.write().insert(DictKey(key), value);
    }
    pub fn len(&self) -> usize {
        self.read().len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn pairs(&self) -> Vec<(IValue, IValue)> {
        self.read()
            .iter()
            .map(|(k, v)| (k.0.clone(), v.clone()))
            .collect()
    }
    pub fn is_same(&self, other: &Dict) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as *const () as usize
    }
    pub(super) fn equals(&self, other: &Dict) -> bool {
        let theirs = other.pairs();
        theirs.len() == self.len() && theirs.iter().all(|(k, v)| self.get(k).as_ref() == Some(v))
    }
}

struct ObjectInner {
    class: Arc<ClassType>,
    slots: RwLock<Vec<IValue>>,
}

impl Drop for ObjectInner {
    fn drop(&mut self) {
        release(std::mem::take(self.slots.get_mut()));
    }
}

/// An instance of a script class, a module included. Clones share it.
#[derive(Clone)]
pub struct Object(Arc<ObjectInner>);

impl Object {
    /// An instance whose attributes are all unset.
    pub fn new(class: Arc<ClassType>) -> Object {
        let slots = vec![IValue::None; class.attribute_count()];
        Object(Arc::new(ObjectInner {
            class,
            slots: RwLock::new(slots),
        }))
    }
    pub fn class(&self) -> &Arc<ClassType> {
        &self.0.class
    }
    pub fn get_slot(&self, slot: usize) -> Option<IValue> {
        self.0.slots.read().get(slot).cloned()
    }
    pub fn set_slot(&self, slot: usize, value: IValue) {
        let mut slots = self.0.slots.write();
        if slot >= slots.len() {
            slots.resize(slot + 1, IValue::None);
        }
        slots[slot] = value;
    }
    pub fn get(&self, name: &str) -> Option<IValue> {
        self.get_slot(self.0.class.slot(name)?)
    }
    /// Sets an attribute that the class has; false when it has none of that name.
    pub fn set(&self, name: &str, value: IValue) -> bool {
        let Some(slot) = self.0.class.slot(name) else {
            return false;
        };
        self.set_slot(slot, value);
        true
    }
    pub fn is_same(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as *const () as usize
    }
}

pub struct EnumValue {
    pub class: Arc<EnumType>,
    pub name: Arc<str>,
    pub value: IValue,
}

/// What a forked call will have returned. The error is any that the executor uses, shared because
/// each waiter gets it.
pub type FutureResult = Result<IValue, Arc<dyn std::any::Any + Send + Sync>>;

struct FutureInner {
    element: Type,
    result: Mutex<Option<FutureResult>>,
    done: Condvar,
}

/// The result of a forked call, which may not be there yet. Clones share it.
#[derive(Clone)]
pub struct Future(Arc<FutureInner>);

impl Future {
    pub fn new(element: Type) -> Future {
        Future(Arc::new(FutureInner {
            element,
            result: Mutex::new(None),
            done: Condvar::new(),
        }))
    }
    pub fn element_type(&self) -> &Type {
        &self.0.element
    }
    pub fn complete(&self, result: FutureResult) {
        *self.0.result.lock() = Some(result);
        self.0.done.notify_all();
    }
    pub fn wait(&self) -> FutureResult {
        let mut result = self.0.result.lock();
        loop {
            if let Some(result) = &*result {
                return result.clone();
            }
            self.0.done.wait(&mut result);
        }
    }
    pub fn is_same(&self, other: &Future) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_chains_are_dropped_without_recursion() {
        let mut list = IValue::None;
        let mut tuple = IValue::None;
        for _ in 0..300_000 {
            list = IValue::list(Type::Any, vec![list]);
            tuple = IValue::tuple(vec![IValue::Int(1), tuple]);
        }
        drop((list, tuple));
    }
}
