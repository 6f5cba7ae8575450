//! Dicts, which keep the order of insertion.

use flambeau_ir::ops::Rows;
use flambeau_ir::types::Type;
use flambeau_ir::value::{Dict, DictKey, IValue, List};
use flambeau_tensor::{Error, ErrorKind, Result};

use super::{each, error};

pub fn declare(ops: &mut Rows) {
    read(ops);
    write(ops);
    make(ops);
}

fn key_error(key: &IValue) -> Error {
    Error::new(ErrorKind::Index, format!("KeyError: {}", super::text(key)))
}

fn remove(d: &Dict, key: &IValue) -> Option<IValue> {
    d.write().shift_remove(&DictKey(key.clone()))
}

fn pop_first(d: &Dict) -> Result<IValue> {
    let first = d.write().shift_remove_index(0);
    let (key, value) = first.ok_or_else(|| error("popitem(): dictionary is empty"))?;
    Ok(IValue::tuple(vec![key.0, value]))
}

fn update(d: &Dict, more: &Dict) {
    for (key, value) in more.pairs() {
        set(d, key, value);
    }
}

fn set(d: &Dict, key: IValue, value: IValue) {
    // The old value is dropped when the lock is free: it may hold the last handle of this very dict.
    let old = d.write().insert(DictKey(key), value);
    drop(old);
}

fn items(d: &Dict) -> List {
    let entry = Type::tuple(vec![d.key_type().clone(), d.value_type().clone()]);
    List::new(
        entry,
        d.pairs()
            .into_iter()
            .map(|(k, v)| IValue::tuple(vec![k, v]))
            .collect(),
    )
}

fn copy(d: &Dict) -> Dict {
    Dict::from_pairs(d.key_type().clone(), d.value_type().clone(), d.pairs())
}

fn from_list(l: &List) -> Result<Dict> {
    let (key, value) = match l.element_type().tuple_elements() {
        Some([key, value]) => (key.clone(), value.clone()),
        _ => (Type::Any, Type::Any),
    };
    let dict = Dict::new(key, value);
    for item in l.to_vec() {
        match item.as_tuple() {
            Some([k, v]) => dict.insert(k.clone(), v.clone()),
            _ => {
                return Err(error(format!(
                    "expected pairs of a key and a value, found {}",
                    item.type_name()
                )));
            }
        }
    }
    Ok(dict)
}

fn read(ops: &mut Rows) {
    each(
        ops,
        "The number of entries.",
        &[
            "aten::len.Dict_str(Dict(str, t) self) -> int",
            "aten::len.Dict_int(Dict(int, t) self) -> int",
            "aten::len.Dict_bool(Dict(bool, t) self) -> int",
            "aten::len.Dict_float(Dict(float, t) self) -> int",
            "aten::len.Dict_complex(Dict(complex, t) self) -> int",
            "aten::len.Dict_Tensor(Dict(Tensor, t) self) -> int",
        ],
        |d: Dict| d.len() as i64,
    );
    each(
        ops,
        "The keys, as a list.",
        &[
            "aten::keys.str(Dict(str, t) self) -> str[](*)",
            "aten::keys.int(Dict(int, t) self) -> int[](*)",
            "aten::keys.bool(Dict(bool, t) self) -> bool[](*)",
            "aten::keys.float(Dict(float, t) self) -> float[](*)",
            "aten::keys.complex(Dict(complex, t) self) -> complex[](*)",
            "aten::keys.Tensor(Dict(Tensor, t) self) -> Tensor[](*)",
        ],
        |d: Dict| {
            List::new(
                d.key_type().clone(),
                d.pairs().into_iter().map(|(k, _)| k).collect(),
            )
        },
    );
    each(
        ops,
        "The values, as a list.",
        &[
            "aten::values.str(Dict(str, t) self) -> t[](*)",
            "aten::values.int(Dict(int, t) self) -> t[](*)",
            "aten::values.bool(Dict(bool, t) self) -> t[](*)",
            "aten::values.float(Dict(float, t) self) -> t[](*)",
            "aten::values.complex(Dict(complex, t) self) -> t[](*)",
            "aten::values.Tensor(Dict(Tensor, t) self) -> t[](*)",
        ],
        |d: Dict| {
            List::new(
                d.value_type().clone(),
                d.pairs().into_iter().map(|(_, v)| v).collect(),
            )
        },
    );
    each(
        ops,
        "The value of a key.",
        &[
            "aten::__getitem__.Dict_str(Dict(str, t) self, str key) -> t(*)",
            "aten::__getitem__.Dict_int(Dict(int, t) self, int key) -> t(*)",
            "aten::__getitem__.Dict_bool(Dict(bool, t) self, bool key) -> t(*)",
            "aten::__getitem__.Dict_float(Dict(float, t) self, float key) -> t(*)",
            "aten::__getitem__.Dict_complex(Dict(complex, t) self, complex key) -> t(*)",
            "aten::__getitem__.Dict_Tensor(Dict(Tensor, t) self, Tensor key) -> t(*)",
        ],
        |d: Dict, key: IValue| d.get(&key).ok_or_else(|| key_error(&key)),
    );
    each(
        ops,
        "The value of a key, or None.",
        &[
            "aten::get.str(Dict(str, t) self, str key) -> t(*)?",
            "aten::get.int(Dict(int, t) self, int key) -> t(*)?",
            "aten::get.bool(Dict(bool, t) self, bool key) -> t(*)?",
            "aten::get.float(Dict(float, t) self, float key) -> t(*)?",
            "aten::get.complex(Dict(complex, t) self, complex key) -> t(*)?",
            "aten::get.Tensor(Dict(Tensor, t) self, Tensor key) -> t(*)?",
        ],
        |d: Dict, key: IValue| d.get(&key).unwrap_or_default(),
    );
    each(
        ops,
        "The value of a key, or the default.",
        &[
            "aten::get.default_str(Dict(str, t) self, str key, t default_value) -> t(*)",
            "aten::get.default_int(Dict(int, t) self, int key, t default_value) -> t(*)",
            "aten::get.default_bool(Dict(bool, t) self, bool key, t default_value) -> t(*)",
            "aten::get.default_float(Dict(float, t) self, float key, t default_value) -> t(*)",
            "aten::get.default_complex(Dict(complex, t) self, complex key, t default_value) -> t(*)",
            "aten::get.default_Tensor(Dict(Tensor, t) self, Tensor key, t default_value) -> t(*)",
        ],
        |d: Dict, key: IValue, default: IValue| d.get(&key).unwrap_or(default),
    );
    each(
        ops,
        "The entries, as a list of tuples.",
        &[
            "aten::items.str(Dict(str, t) self) -> ((str, t)[])",
            "aten::items.int(Dict(int, t) self) -> ((int, t)[])",
            "aten::items.bool(Dict(bool, t) self) -> ((bool, t)[])",
            "aten::items.float(Dict(float, t) self) -> ((float, t)[])",
            "aten::items.complex(Dict(complex, t) self) -> ((complex, t)[])",
            "aten::items.Tensor(Dict(Tensor, t) self) -> ((Tensor, t)[])",
        ],
        |d: Dict| items(&d),
    );
    each(
        ops,
        "Whether the key is there.",
        &[
            "aten::__contains__.str(Dict(str, t) dict, str key) -> bool",
            "aten::__contains__.int(Dict(int, t) dict, int key) -> bool",
            "aten::__contains__.bool(Dict(bool, t) dict, bool key) -> bool",
            "aten::__contains__.float(Dict(float, t) dict, float key) -> bool",
            "aten::__contains__.complex(Dict(complex, t) dict, complex key) -> bool",
            "aten::__contains__.Tensor(Dict(Tensor, t) dict, Tensor key) -> bool",
        ],
        |d: Dict, key: IValue| d.read().contains_key(&DictKey(key)),
    );
}

fn write(ops: &mut Rows) {
    each(
        ops,
        "The value of a key; a new key gets the default.",
        &[
            "aten::setdefault.str(Dict(str, t)(a!) self, str(b -> *) key, t(c -> *) default_value) -> t(*)",
            "aten::setdefault.int(Dict(int, t)(a!) self, int(b -> *) key, t(c -> *) default_value) -> t(*)",
            "aten::setdefault.bool(Dict(bool, t)(a!) self, bool(b -> *) key, t(c -> *) default_value) -> t(*)",
            "aten::setdefault.float(Dict(float, t)(a!) self, float(b -> *) key, t(c -> *) default_value) -> t(*)",
            "aten::setdefault.complex(Dict(complex, t)(a!) self, complex(b -> *) key, t(c -> *) default_value) -> t(*)",
            "aten::setdefault.Tensor(Dict(Tensor, t)(a!) self, Tensor(b -> *) key, t(c -> *) default_value) -> t(*)",
        ],
        |d: Dict, key: IValue, default: IValue| d.write().entry(DictKey(key)).or_insert(default).clone(),
    );
    each(
        ops,
        "Removes a key.",
        &[
            "aten::Delete.Dict_str(Dict(str, t)(a!) self, str key) -> ()",
            "aten::Delete.Dict_int(Dict(int, t)(a!) self, int key) -> ()",
            "aten::Delete.Dict_bool(Dict(bool, t)(a!) self, bool key) -> ()",
            "aten::Delete.Dict_float(Dict(float, t)(a!) self, float key) -> ()",
            "aten::Delete.Dict_complex(Dict(complex, t)(a!) self, complex key) -> ()",
            "aten::Delete.Dict_Tensor(Dict(Tensor, t)(a!) self, Tensor key) -> ()",
        ],
        |d: Dict, key: IValue| remove(&d, &key).map(drop).ok_or_else(|| key_error(&key)),
    );
    each(
        ops,
        "Removes a key and gives its value.",
        &[
            "aten::pop.Dict_str(Dict(str, t)(a!) self, str key) -> t(*)",
            "aten::pop.Dict_int(Dict(int, t)(a!) self, int key) -> t(*)",
            "aten::pop.Dict_bool(Dict(bool, t)(a!) self, bool key) -> t(*)",
            "aten::pop.Dict_float(Dict(float, t)(a!) self, float key) -> t(*)",
            "aten::pop.Dict_complex(Dict(complex, t)(a!) self, complex key) -> t(*)",
            "aten::pop.Dict_Tensor(Dict(Tensor, t)(a!) self, Tensor key) -> t(*)",
        ],
        |d: Dict, key: IValue| remove(&d, &key).ok_or_else(|| key_error(&key)),
    );
    each(
        ops,
        "Removes a key and gives its value, or the default.",
        &[
            "aten::pop.Dict_default_str(Dict(str, t)(a!) self, str key, t default_value) -> t(*)",
            "aten::pop.Dict_default_int(Dict(int, t)(a!) self, int key, t default_value) -> t(*)",
            "aten::pop.Dict_default_bool(Dict(bool, t)(a!) self, bool key, t default_value) -> t(*)",
            "aten::pop.Dict_default_float(Dict(float, t)(a!) self, float key, t default_value) -> t(*)",
            "aten::pop.Dict_default_complex(Dict(complex, t)(a!) self, complex key, t default_value) -> t(*)",
            "aten::pop.Dict_default_Tensor(Dict(Tensor, t)(a!) self, Tensor key, t default_value) -> t(*)",
        ],
        |d: Dict, key: IValue, default: IValue| remove(&d, &key).unwrap_or(default),
    );
    each(
        ops,
        "Removes and gives the first entry.",
        &[
            "aten::popitem.str(Dict(str, t)(a!) self) -> ((str, t))",
            "aten::popitem.int(Dict(int, t)(a!) self) -> ((int, t))",
            "aten::popitem.bool(Dict(bool, t)(a!) self) -> ((bool, t))",
            "aten::popitem.float(Dict(float, t)(a!) self) -> ((float, t))",
            "aten::popitem.complex(Dict(complex, t)(a!) self) -> ((complex, t))",
            "aten::popitem.Tensor(Dict(Tensor, t)(a!) self) -> ((Tensor, t))",
        ],
        |d: Dict| pop_first(&d),
    );
    each(
        ops,
        "Removes all entries.",
        &[
            "aten::clear.str(Dict(str, t)(a!) self) -> ()",
            "aten::clear.int(Dict(int, t)(a!) self) -> ()",
            "aten::clear.bool(Dict(bool, t)(a!) self) -> ()",
            "aten::clear.float(Dict(float, t)(a!) self) -> ()",
            "aten::clear.complex(Dict(complex, t)(a!) self) -> ()",
            "aten::clear.Tensor(Dict(Tensor, t)(a!) self) -> ()",
        ],
        |d: Dict| drop(std::mem::take(&mut *d.write())),
    );
    each(
        ops,
        "Adds the entries of another dict.",
        &[
            "aten::update.str(Dict(str, t)(a!) self, Dict(str, t)(a!) to_add) -> ()",
            "aten::update.int(Dict(int, t)(a!) self, Dict(int, t)(a!) to_add) -> ()",
            "aten::update.bool(Dict(bool, t)(a!) self, Dict(bool, t)(a!) to_add) -> ()",
            "aten::update.float(Dict(float, t)(a!) self, Dict(float, t)(a!) to_add) -> ()",
            "aten::update.complex(Dict(complex, t)(a!) self, Dict(complex, t)(a!) to_add) -> ()",
            "aten::update.Tensor(Dict(Tensor, t)(a!) self, Dict(Tensor, t)(a!) to_add) -> ()",
        ],
        |d: Dict, more: Dict| update(&d, &more),
    );
    each(
        ops,
        "Sets the value of a key.",
        &[
            "aten::_set_item.str(Dict(str, t)(a!) l, str(b -> *) idx, t(c -> *) v) -> ()",
            "aten::_set_item.int(Dict(int, t)(a!) l, int(b -> *) idx, t(c -> *) v) -> ()",
            "aten::_set_item.bool(Dict(bool, t)(a!) l, bool(b -> *) idx, t(c -> *) v) -> ()",
            "aten::_set_item.float(Dict(float, t)(a!) l, float(b -> *) idx, t(c -> *) v) -> ()",
            "aten::_set_item.complex(Dict(complex, t)(a!) l, complex(b -> *) idx, t(c -> *) v) -> ()",
            "aten::_set_item.Tensor(Dict(Tensor, t)(a!) l, Tensor(b -> *) idx, t(c -> *) v) -> ()",
        ],
        |d: Dict, key: IValue, value: IValue| set(&d, key, value),
    );
}

fn make(ops: &mut Rows) {
    each(
        ops,
        "A new dict of the same entries.",
        &[
            "aten::copy.Dict_str(Dict(str, t)(a) self) -> Dict(str, t)",
            "aten::copy.Dict_int(Dict(int, t)(a) self) -> Dict(int, t)",
            "aten::copy.Dict_bool(Dict(bool, t)(a) self) -> Dict(bool, t)",
            "aten::copy.Dict_float(Dict(float, t)(a) self) -> Dict(float, t)",
            "aten::copy.Dict_complex(Dict(complex, t)(a) self) -> Dict(complex, t)",
            "aten::copy.Dict_Tensor(Dict(Tensor, t)(a) self) -> Dict(Tensor, t)",
        ],
        |d: Dict| copy(&d),
    );
    each(
        ops,
        "A new dict of the same entries.",
        &[
            "aten::dict.Dict_str(Dict(str, t)(a) self) -> Dict(str, t)",
            "aten::dict.Dict_int(Dict(int, t)(a) self) -> Dict(int, t)",
            "aten::dict.Dict_bool(Dict(bool, t)(a) self) -> Dict(bool, t)",
            "aten::dict.Dict_float(Dict(float, t)(a) self) -> Dict(float, t)",
            "aten::dict.Dict_complex(Dict(complex, t)(a) self) -> Dict(complex, t)",
            "aten::dict.Dict_Tensor(Dict(Tensor, t)(a) self) -> Dict(Tensor, t)",
        ],
        |d: Dict| copy(&d),
    );
    each(
        ops,
        "A dict of the entries in a list.",
        &[
            "aten::dict.str((str, tVal)[] inputs) -> Dict(str, tVal)",
            "aten::dict.int((int, tVal)[] inputs) -> Dict(int, tVal)",
            "aten::dict.bool((bool, tVal)[] inputs) -> Dict(bool, tVal)",
            "aten::dict.float((float, tVal)[] inputs) -> Dict(float, tVal)",
            "aten::dict.complex((complex, tVal)[] inputs) -> Dict(complex, tVal)",
            "aten::dict.Tensor((Tensor, tVal)[] inputs) -> Dict(Tensor, tVal)",
        ],
        |l: List| from_list(&l),
    );
    ops.op("aten::dict() -> Dict(str, Tensor)")
        .doc("An empty dict.")
        .kernel(|| Dict::new(Type::Str, Type::TENSOR));
}
