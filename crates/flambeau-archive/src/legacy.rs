//! The archives of PyTorch 1.0 to 1.2: a tree of modules in `model.json` instead of a `data.pkl`.
//!
//! ```text
//! model.json          tensors, and modules with the records they use
//! tensors/N           storages
//! attributes.pkl      a list (proto version 2) or tuple (3 and later) of attribute values; none in version 1
//! code/NAME.py        one file of methods per module; `self` is the module
//! libs/…              classes and functions that the code imports
//! debug/NAME.pkl      source ranges
//! ```
//!
//! This file knows the shape of `model.json`, not what the modules mean: indices are given as they are, to be checked by
//! whoever uses them. `attributes.pkl` refers to tensors by their index, as `torch.jit._pickle.build_tensor_from_id`.

use crate::json::Json;
use crate::{Archive, Error, Result};

/// The contents of `model.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// 1 to 5.
    pub proto_version: i64,
    pub producer_name: String,
    pub producer_version: String,
    pub tensors: Vec<TensorDef>,
    pub main_module: ModuleDef,
}

/// One tensor of the table that parameters, constants and attributes refer to.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorDef {
    pub dims: Vec<i64>,
    pub strides: Vec<i64>,
    /// In elements.
    pub offset: i64,
    pub requires_grad: bool,
    /// PyTorch's name of the scalar type, as in its storage classes: `Float`, `Long`.
    pub scalar_type: &'static str,
    /// The entry that holds the storage; tensors may share it.
    pub record: String,
    /// `cpu`, `cuda:0`.
    pub device: String,
    /// Scale and zero point of a quantised tensor.
    pub quantized: Option<(f64, i64)>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModuleDef {
    /// The attribute name in the parent; the archive's name for the main module.
    pub name: String,
    pub parameters: Vec<ParameterDef>,
    pub attributes: Vec<AttributeDef>,
    pub submodules: Vec<ModuleDef>,
    /// The entry with the methods.
    pub code: Option<String>,
    /// The entry with their source ranges.
    pub debug: Option<String>,
    /// Which attribute value `__setstate__` is to be called with.
    pub state_attribute: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDef {
    pub name: String,
    pub is_buffer: bool,
    /// Index in the tensor table, -1 if `__setstate__` makes it.
    pub tensor: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttributeDef {
    pub name: String,
    /// A type annotation.
    pub annotation: String,
    /// Index in `attributes.pkl`, -1 if `__setstate__` makes it.
    pub value: i64,
}

impl Archive {
    /// The module tree of an archive whose kind is [`TorchScriptLegacy`](crate::FileKind::TorchScriptLegacy).
    pub fn legacy_model(&self) -> Result<Model> {
        let text = self.read_text("model.json")?;
        Model::parse(&text).map_err(|e| e.within("`model.json`"))
    }
}

impl Model {
    pub fn parse(text: &str) -> Result<Model> {
        let json = Json::parse(text)?;
        if !matches!(json, Json::Object(_)) {
            return Err(Error::corrupt(format!(
                "expected an object, found {}",
                json.describe()
            )));
        }
        let model = Model {
            proto_version: int(&json, "protoVersion")?.unwrap_or(0),
            producer_name: string(&json, "producerName")?,
            producer_version: string(&json, "producerVersion")?,
            tensors: list(&json, "tensors", tensor)?,
            main_module: match json.get("mainModule") {
                Some(json) => module(json).map_err(|e| e.within("`mainModule`"))?,
                None => return Err(Error::corrupt("there is no `mainModule`")),
            },
        };
        // Later producers wrote `data.pkl` instead.
        if !(0..6).contains(&model.proto_version) {
            return Err(Error::corrupt(format!(
                "expected a `protoVersion` below 6, found {}",
                model.proto_version
            )));
        }
        Ok(model)
    }
}

fn tensor(json: &Json) -> Result<TensorDef> {
    let quantized = match flag(json, "isQuantized")? {
        true => Some((float(json, "scale")?, int(json, "zeroPoint")?.unwrap_or(0))),
        false => None,
    };
    Ok(TensorDef {
        dims: ints(json, "dims")?,
        strides: ints(json, "strides")?,
        offset: int(json, "offset")?.unwrap_or(0),
        requires_grad: flag(json, "requiresGrad")?,
        scalar_type: scalar_type(json, quantized.is_some())?,
        record: record(json, "data")?.ok_or_else(|| Error::corrupt("there is no `data`"))?,
        device: string(json, "device")?,
        quantized,
    })
}

/// Caffe2's names and numbers of the scalar types.
fn scalar_type(json: &Json, quantized: bool) -> Result<&'static str> {
    let name = match json.get("dataType") {
        Some(Json::String(name) | Json::Number(name)) => name.as_str(),
        None => "UNDEFINED",
        Some(other) => return Err(unexpected("dataType", "a string", other)),
    };
    Ok(match (name, quantized) {
        ("INT8" | "7", true) => "QInt8",
        ("UINT8" | "6" | "BYTE" | "3", true) => "QUInt8",
        ("INT32" | "2", true) => "QInt32",
        ("FLOAT" | "1", false) => "Float",
        ("INT32" | "2", false) => "Int",
        ("BYTE" | "3" | "UINT8" | "6", false) => "Byte",
        ("BOOL" | "5", false) => "Bool",
        ("INT8" | "7", false) => "Char",
        ("INT16" | "9", false) => "Short",
        ("INT64" | "10", false) => "Long",
        ("FLOAT16" | "12", false) => "Half",
        ("DOUBLE" | "13", false) => "Double",
        _ => {
            let name = name.chars().take(40).collect::<String>();
            return Err(Error::corrupt(format!(
                "`{}` is not a type of tensors",
                name.escape_debug()
            )));
        }
    })
}

// Recursion is as deep as the JSON text, whose depth is bounded.
fn module(json: &Json) -> Result<ModuleDef> {
    Ok(ModuleDef {
        name: string(json, "name")?,
        parameters: list(json, "parameters", |json| {
            Ok(ParameterDef {
                name: string(json, "name")?,
                is_buffer: flag(json, "isBuffer")?,
                tensor: int(json, "tensorId")?.unwrap_or(0),
            })
        })?,
        attributes: list(json, "attributes", |json| {
            Ok(AttributeDef {
                name: string(json, "name")?,
                annotation: string(json, "type")?,
                value: int(json, "id")?.unwrap_or(0),
            })
        })?,
        submodules: list(json, "submodules", module)?,
        code: record(json, "torchscriptArena")?,
        debug: record(json, "torchscriptDebugArena")?,
        state_attribute: int(json, "getStateAttributeId")?,
    })
}

fn unexpected(name: &str, expected: &str, found: &Json) -> Error {
    Error::corrupt(format!(
        "`{name}` should be {expected}, found {}",
        found.describe()
    ))
}

fn list<T>(json: &Json, name: &str, each: impl Fn(&Json) -> Result<T>) -> Result<Vec<T>> {
    match json.get(name) {
        None => Ok(Vec::new()),
        Some(Json::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(i, item)| each(item).map_err(|e| e.within(format_args!("`{name}[{i}]`"))))
            .collect(),
        Some(other) => Err(unexpected(name, "an array", other)),
    }
}

fn string(json: &Json, name: &str) -> Result<String> {
    match json.get(name) {
        None => Ok(String::new()),
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => Err(unexpected(name, "a string", other)),
    }
}

fn flag(json: &Json, name: &str) -> Result<bool> {
    match json.get(name) {
        None => Ok(false),
        Some(Json::Bool(value)) => Ok(*value),
        Some(other) => Err(unexpected(name, "a boolean", other)),
    }
}

fn to_int(name: &str, json: &Json) -> Result<i64> {
    match json {
        Json::Number(text) | Json::String(text) => text
            .parse()
            .map_err(|_| Error::corrupt(format!("`{name}` should be an integer of 64 bits"))),
        other => Err(unexpected(name, "an integer", other)),
    }
}

fn int(json: &Json, name: &str) -> Result<Option<i64>> {
    json.get(name).map(|json| to_int(name, json)).transpose()
}

fn ints(json: &Json, name: &str) -> Result<Vec<i64>> {
    list(json, name, |json| to_int(name, json))
}

fn float(json: &Json, name: &str) -> Result<f64> {
    match json.get(name) {
        None => Ok(0.0),
        Some(Json::Number(text) | Json::String(text)) => text
            .parse()
            .map_err(|_| Error::corrupt(format!("`{name}` should be a number"))),
        Some(other) => Err(unexpected(name, "a number", other)),
    }
}

/// A reference to an entry: `{"key": "tensors/0"}`.
fn record(json: &Json, name: &str) -> Result<Option<String>> {
    match json.get(name) {
        None => Ok(None),
        Some(json @ Json::Object(_)) => string(json, "key").map(Some),
        Some(other) => Err(unexpected(name, "an object", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model() {
        let model = Model::parse(
            r#"{"protoVersion": "2", "producerName": "pytorch", "producerVersion": "1.0", "unknown": [1],
            "mainModule": {"torchscriptArena": {"key": "code/m.py"}, "name": "m", "optimize": true,
              "parameters": [{"isBuffer": false, "tensorId": "0", "name": "weight"},
                             {"isBuffer": true, "tensorId": 1, "name": "mean"}],
              "attributes": [{"type": "List[int]", "name": "sizes", "id": "-1"}],
              "submodules": [{"name": "fc", "getStateAttributeId": "0"}]},
            "tensors": [{"dims": ["2", "3"], "offset": "1", "strides": ["3", "1"], "requiresGrad": true,
                         "dataType": "FLOAT", "data": {"key": "tensors/0"}, "device": "cpu"},
                        {"dataType": "UINT8", "data": {"key": "tensors/1"}, "device": "cpu",
                         "isQuantized": true, "scale": 0.5, "zeroPoint": "3"}]}"#,
        )
        .unwrap();
        assert_eq!(model.proto_version, 2);
        assert_eq!(model.main_module.code.as_deref(), Some("code/m.py"));
        assert_eq!(
            model.main_module.parameters[1],
            ParameterDef {
                name: "mean".into(),
                is_buffer: true,
                tensor: 1
            }
        );
        assert_eq!(model.main_module.attributes[0].value, -1);
        assert_eq!(model.main_module.submodules[0].state_attribute, Some(0));
        let first = &model.tensors[0];
        assert_eq!(
            (&first.dims[..], &first.strides[..], first.offset),
            (&[2, 3][..], &[3, 1][..], 1)
        );
        assert_eq!((first.scalar_type, first.record.as_str()), ("Float", "tensors/0"));
        assert_eq!(
            (model.tensors[1].scalar_type, model.tensors[1].quantized),
            ("QUInt8", Some((0.5, 3)))
        );
    }

    #[test]
    fn refusals() {
        fn check(text: &str, expected: &str) {
            assert_eq!(Model::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
        check("[]", "expected an object, found an array");
        check("{}", "there is no `mainModule`");
        check(
            r#"{"mainModule": 1, "tensors": 2}"#,
            "`tensors` should be an array, found a number",
        );
        check(
            r#"{"mainModule": {}, "protoVersion": "6"}"#,
            "expected a `protoVersion` below 6, found 6",
        );
        check(
            r#"{"mainModule": {"submodules": [{"parameters": [{"tensorId": 1.5}]}]}}"#,
            "`mainModule`: `submodules[0]`: `parameters[0]`: `tensorId` should be an integer of 64 bits",
        );
        check(
            r#"{"mainModule": {}, "tensors": [{"dataType": "STRING"}]}"#,
            "`tensors[0]`: `STRING` is not a type of tensors",
        );
    }
}
