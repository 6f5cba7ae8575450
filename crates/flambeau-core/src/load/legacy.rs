//! Archives of PyTorch 1.0 to 1.2 (format version 1): `model.json` describes the tree of modules, each with a table
//! of tensors, attributes from `attributes.pkl`, and a file of methods. Modules have no classes there, so one is made
//! for each.

use std::sync::Arc;

use flambeau_archive::FileKind;
use flambeau_archive::legacy::{ModuleDef, TensorDef};
use flambeau_archive::pickle;
use flambeau_ir::types::{AttributeKind, ClassType, Type};
use flambeau_ir::value::{IValue, Object};
use flambeau_tensor::tensor::Quantizer;
use flambeau_tensor::{DType, Tensor};
use parking_lot::Mutex;

use super::error::{LoadError, Result};
use super::unpickle::{Unpickler, is_allowed};
use super::{Code, Loaded, Loader};
use crate::exec::{self, run};
use crate::lower::import::SourceImporter;
use crate::module::Module;
use flambeau_archive::Archive;

/// Modules below modules below modules: deeper than this is no model.
const MAX_DEPTH: usize = 200;

pub(super) fn load(archive: Arc<Mutex<Archive>>, mut loader: Loader<'_>) -> Result<Module> {
    let (model, version) = {
        let archive = archive.lock();
        (archive.legacy_model()?, archive.version().unwrap_or(1))
    };
    let tensors: Vec<Tensor> = model
        .tensors
        .iter()
        .map(|def| tensor(def, &mut loader))
        .collect::<Result<_>>()?;
    // Constants of the code are entries of the same table.
    let constants = tensors.iter().cloned().map(IValue::Tensor).collect();
    let code = Arc::new(Code {
        archive: archive.clone(),
        map_location: loader.map_location.clone(),
    });
    let importer = SourceImporter::new(code, constants, version, flambeau_ops::table());
    let mut builder = Builder {
        loader,
        tensors,
        importer: importer.clone(),
        attributes: Vec::new(),
    };
    builder.read_attributes()?;
    let object = builder.module(&model.main_module, &mut Vec::new())?;
    let kind = FileKind::TorchScriptLegacy;
    Ok(Module::loaded(
        object,
        Arc::new(Loaded {
            archive,
            version,
            kind,
            importer,
        }),
    ))
}

fn tensor(def: &TensorDef, loader: &mut Loader<'_>) -> Result<Tensor> {
    let Some(dtype) = DType::from_name(def.scalar_type) else {
        return Err(LoadError::data(format!(
            "the scalar type `{}` is not known",
            def.scalar_type
        )));
    };
    let storage = loader
        .storages
        .get(&mut loader.archive.lock(), &def.record, dtype, 0)?;
    let tensor = Tensor::from_storage(storage, &def.dims, &def.strides, def.offset, dtype)?;
    tensor.set_requires_grad(def.requires_grad);
    Ok(match def.quantized {
        Some((scale, zero_point)) => {
            tensor.with_quantizer(Some(Arc::new(Quantizer::PerTensor { scale, zero_point })))
        }
        None => tensor,
    })
}

struct Builder<'a> {
    loader: Loader<'a>,
    tensors: Vec<Tensor>,
    importer: Arc<SourceImporter>,
    attributes: Vec<IValue>,
}

impl Builder<'_> {
    /// The values that attributes refer to by number.
    fn read_attributes(&mut self) -> Result<()> {
        let pickle = {
            let archive = self.loader.archive.lock();
            if !archive.contains("attributes.pkl") {
                return Ok(());
            }
            let bytes = archive.read("attributes.pkl")?;
            pickle::read(&bytes, archive.limits(), &mut is_allowed)
                .map_err(|e| e.within("`attributes.pkl`"))?
        };
        let mut unpickler = Unpickler {
            pickle: &pickle,
            archive: self.loader.archive,
            storages: &mut self.loader.storages,
            folder: "tensors/",
            importer: Some(&self.importer),
            map_location: &self.loader.map_location,
            keep_broken: self.loader.keep_broken,
            runtime: &self.loader.runtime,
            tensors: &self.tensors,
            memo: vec![None; pickle.len()],
        };
        let values = pickle.as_sequence(pickle.root()).unwrap_or(&[]);
        self.attributes = values
            .iter()
            .map(|&v| unpickler.value(v, None))
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn numbered<T: Clone>(table: &[T], index: i64, what: &str) -> Result<Option<T>> {
        match usize::try_from(index) {
            // -1: `__setstate__` makes it.
            Err(_) => Ok(None),
            Ok(at) => match table.get(at) {
                Some(found) => Ok(Some(found.clone())),
                None => Err(LoadError::data(format!(
                    "the archive has no {what} number {index}"
                ))),
            },
        }
    }

    fn module(&mut self, def: &ModuleDef, path: &mut Vec<String>) -> Result<Object> {
        if path.len() > MAX_DEPTH {
            return Err(LoadError::data(format!("modules nest deeper than {MAX_DEPTH}")));
        }
        path.push(identifier(&def.name));
        let class = ClassType::new(format!("__torch__.{}", path.join(".")), true);
        let mut values: Vec<(usize, IValue)> = Vec::new();
        for child in &def.submodules {
            let object = self.module(child, path)?;
            let ty = Type::Class(object.class().clone());
            values.push((
                class.add_attribute(&*child.name, ty, AttributeKind::Regular),
                IValue::Object(object),
            ));
        }
        for parameter in &def.parameters {
            let kind = if parameter.is_buffer {
                AttributeKind::Buffer
            } else {
                AttributeKind::Parameter
            };
            let slot = class.add_attribute(&*parameter.name, Type::TENSOR, kind);
            if let Some(tensor) = Self::numbered(&self.tensors, parameter.tensor, "tensor")? {
                values.push((slot, IValue::Tensor(tensor)));
            }
        }
        for attribute in &def.attributes {
            if class.slot(&attribute.name).is_some() {
                continue;
            }
            let ty = self.importer.parse_type(&attribute.annotation)?;
            let value = Self::numbered(&self.attributes, attribute.value, "attribute value")?;
            let slot = class.add_attribute(&*attribute.name, ty.clone(), AttributeKind::Regular);
            if let Some(value) = value {
                values.push((slot, crate::bind::convert_value(&value, &ty).unwrap_or(value)));
            }
        }
        if let Some(code) = &def.code {
            self.importer.import_methods(&class, code)?;
        }
        let object = Object::new(class.clone());
        for (slot, value) in values {
            object.set_slot(slot, value);
        }
        if let Some(state) = def.state_attribute {
            let state = Self::numbered(&self.attributes, state, "attribute value")?.unwrap_or_default();
            if let Some(method) = class.method("__setstate__") {
                let call = || {
                    let program = exec::program_of(&method)?;
                    let args = vec![IValue::Object(object.clone()), state];
                    run::run(&self.loader.runtime, &program, args)
                };
                match call() {
                    Ok(_) => {}
                    Err(_) if self.loader.keep_broken => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        path.pop();
        Ok(object)
    }
}

/// A module's name as a part of its class's name.
fn identifier(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect();
    match name.chars().next() {
        None => "Module".into(),
        Some(c) if c.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
    }
}
