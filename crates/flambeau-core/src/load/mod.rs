//! Archives to modules: values from `data.pkl` and `constants.pkl`, classes and functions from `code/`, tensors in
//! place from the mapped file. Code is compiled when it is first called.

mod debug;
mod error;
mod legacy;
mod storages;
mod unpickle;

use std::path::Path;
use std::sync::Arc;

pub use flambeau_archive::Limits;
use flambeau_archive::{Archive, FileKind, Mapping, pickle};
use flambeau_ir::ops::Context;
use flambeau_ir::source::Origin;
use flambeau_ir::value::{Device, IValue};
use parking_lot::Mutex;

pub use error::{LoadError, Result};
pub use unpickle::CustomObject;

use crate::exec::{Budget, Runtime};
use crate::lower::import::{CodeSource, SourceImporter};
use crate::module::Module;
use debug::Origins;
use storages::Storages;
use unpickle::Unpickler;

/// How an archive is loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The device that every tensor and every device constant of the code goes to. There is only the CPU.
    pub map_location: Device,
    /// What the file may ask for.
    pub limits: Limits,
    /// What `__setstate__` methods may take while loading.
    pub budget: Budget,
    /// Which TorchScript module of a `torch.package` file to load, where it holds several.
    pub package_module: Option<String>,
    /// Whether an object whose `__setstate__` fails is left without its attributes instead of failing the load: to look
    /// into models that cannot run.
    pub keep_broken: bool,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            map_location: Device::cpu(),
            limits: Limits::default(),
            budget: Budget::default(),
            package_module: None,
            keep_broken: false,
        }
    }
}

/// The file behind a loaded module, kept for its code, its extra files and its origins.
pub struct Loaded {
    archive: Arc<Mutex<Archive>>,
    /// The archive's format version.
    pub version: u64,
    pub kind: FileKind,
    pub importer: Arc<SourceImporter>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.importer.clear();
    }
}

impl Loaded {
    /// Names of the extra files, without `extra/`.
    pub fn extra_files(&self) -> Vec<String> {
        self.archive.lock().extra_files().map(str::to_string).collect()
    }
    pub fn extra_file(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.archive.lock().read(&format!("extra/{name}"))?.into_owned())
    }
    /// The names of the source files: `code/__torch__.py`.
    pub fn code_files(&self) -> Vec<String> {
        let archive = self.archive.lock();
        let names = archive.entries().iter().map(|e| e.name.clone());
        names
            .filter(|n| n.starts_with("code/") && n.ends_with(".py"))
            .collect()
    }
    pub fn code_file(&self, name: &str) -> Result<String> {
        Ok(self.archive.lock().read_text(name)?)
    }
    /// The devices that the file says its tensors are on, each once.
    pub fn storage_devices(&self) -> Vec<String> {
        let archive = self.archive.lock();
        let mut found = std::collections::BTreeSet::new();
        if let Ok(model) = archive.legacy_model() {
            found.extend(model.tensors.into_iter().map(|t| t.device));
        }
        for name in ["data.pkl", "constants.pkl"] {
            let Ok(bytes) = archive.read(name) else { continue };
            let Ok(pickle) = pickle::read(&bytes, archive.limits(), &mut unpickle::is_allowed) else {
                continue;
            };
            for &id in pickle.postorder() {
                // ("storage", class, key, device, element count)
                if let pickle::View::Persistent(id) = pickle.view(pickle::Value::Node(id))
                    && let Some(&[_, _, _, device, ..]) = pickle.as_tuple(id)
                    && let Some(device) = pickle.as_str(device)
                {
                    found.insert(device.to_string());
                }
            }
        }
        found.into_iter().collect()
    }
    /// The program that wrote the file and its version, which only `model.json` of old archives tells.
    pub fn producer(&self) -> Option<String> {
        let model = self.archive.lock().legacy_model().ok()?;
        Some(format!("{} {}", model.producer_name, model.producer_version))
    }
    /// Bytes of the whole file.
    pub fn file_len(&self) -> usize {
        self.archive.lock().file_len()
    }
}

/// The texts of an archive, read when the importer asks.
struct Code {
    archive: Arc<Mutex<Archive>>,
    map_location: Device,
}

/// The device that stands for another one: nothing is on a GPU here. `meta` is no place and stays.
fn mapped(device: Device, map_location: &Device) -> Device {
    match &*device.kind {
        "cpu" | "meta" => device,
        _ => map_location.clone(),
    }
}

/// Source text with its device constants mapped. Offsets in the text stay what they were, since the records of where
/// code came from count on them, so the new name is padded behind.
fn map_devices(text: String, map_location: &Device) -> String {
    const OPEN: &str = "torch.device(\"";
    if !text.contains(OPEN) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find(OPEN) {
        let (before, after) = rest.split_at(at + OPEN.len());
        out.push_str(before);
        rest = after;
        let named = after
            .split_once("\")")
            .and_then(|(name, tail)| Some((name, Device::parse(name)?, tail)));
        if let Some((name, device, tail)) = named {
            let new = mapped(device, map_location).to_string();
            let padding = " ".repeat(name.len().saturating_sub(new.len()));
            out.push_str(&format!("{new}\"{padding})"));
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

impl CodeSource for Code {
    fn code(&self, path: &str) -> Option<Arc<str>> {
        let archive = self.archive.lock();
        let text = archive.read_text(&format!("code/{path}.py"));
        // What the methods of PyTorch 1.1 and 1.2 import is apart from them.
        let text = text
            .or_else(|_| archive.read_text(&format!("libs/{path}.py")))
            .ok()?;
        drop(archive);
        Some(map_devices(text, &self.map_location).into())
    }

    fn origin(&self, path: &str) -> Option<Origin> {
        let archive = self.archive.lock();
        // Named after the file it is for; before PyTorch 1.5 in a folder of its own.
        let names = [format!("code/{path}.py.debug_pkl"), format!("debug/{path}.pkl")];
        let name = names.into_iter().find(|n| archive.contains(n))?;
        let (archive, limits) = (self.archive.clone(), archive.limits().clone());
        let origins = std::sync::OnceLock::new();
        Some(Box::new(move |at| {
            let read = || {
                archive
                    .lock()
                    .read(&name)
                    .map(|b| b.into_owned())
                    .unwrap_or_default()
            };
            origins
                .get_or_init(|| Origins::new(read(), limits.clone()))
                .find(at)
        }))
    }
}

/// Loads a file.
pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Module> {
    let path = path.as_ref();
    let archive = Archive::open(path, &options.limits)?;
    // Every refusal of the file as a whole names it.
    load_archive(archive, options).map_err(|e| match e {
        LoadError::Archive(_) | LoadError::Data(_) => e.within(&format!("`{}`", path.display())),
        other => other,
    })
}

/// Loads an archive that is in memory.
pub fn load_bytes(bytes: impl Into<Mapping>, options: &LoadOptions) -> Result<Module> {
    load_archive(Archive::from_bytes(bytes, &options.limits)?, options)
}

/// Loads an opened archive.
pub fn load_archive(archive: Archive, options: &LoadOptions) -> Result<Module> {
    if &*options.map_location.kind != "cpu" {
        let found = &options.map_location;
        return Err(LoadError::data(format!(
            "`map_location`: expected `cpu`, found `{found}`; there is no other device"
        )));
    }
    let archive = match (
        archive.kind(),
        &options.package_module,
        archive.package_modules().as_slice(),
    ) {
        (FileKind::Package, Some(name), _) => archive.into_package_module(name)?,
        (FileKind::Package, None, [only]) => {
            let only = only.to_string();
            archive.into_package_module(&only)?
        }
        _ => archive,
    };
    archive.expect_torchscript()?;
    let (kind, version) = (archive.kind(), archive.version()?);
    let archive = Arc::new(Mutex::new(archive));
    let mut loader = Loader {
        map_location: options.map_location.clone(),
        keep_broken: options.keep_broken,
        archive: &archive,
        storages: Storages::default(),
        runtime: Arc::new(Runtime::new(Context::new(), options.budget.clone())),
    };
    if kind == FileKind::TorchScriptLegacy {
        return legacy::load(archive.clone(), loader);
    }
    let has_constants = archive.lock().contains("constants.pkl");
    let constants = match has_constants {
        true => loader.pickle("constants.pkl", "constants/", None)?,
        false => IValue::tuple(Vec::new()),
    };
    let constants = constants.as_tuple().map(<[IValue]>::to_vec).unwrap_or_default();
    for constant in constants.iter().filter_map(IValue::as_tensor) {
        // Tracing turned the numbers of the program into 0-d tensors; they choose dtypes as numbers.
        constant.set_wrapped_number(constant.dim() == 0);
    }
    let code = Arc::new(Code {
        archive: archive.clone(),
        map_location: options.map_location.clone(),
    });
    let importer = SourceImporter::new(code, constants, version, flambeau_ops::table());
    let root = loader.pickle("data.pkl", "data/", Some(&importer))?;
    let IValue::Object(object) = root else {
        let message = format!("`data.pkl`: expected a module, found {}", root.type_name());
        return Err(LoadError::data(message));
    };
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

struct Loader<'a> {
    map_location: Device,
    keep_broken: bool,
    archive: &'a Mutex<Archive>,
    storages: Storages,
    runtime: Arc<Runtime>,
}

impl Loader<'_> {
    fn pickle(&mut self, name: &str, folder: &str, importer: Option<&Arc<SourceImporter>>) -> Result<IValue> {
        let pickle = {
            let archive = self.archive.lock();
            let bytes = archive.read(name)?;
            pickle::read(&bytes, archive.limits(), &mut unpickle::is_allowed)
                .map_err(|e| e.within(format!("`{name}`")))?
        };
        let mut unpickler = Unpickler {
            pickle: &pickle,
            archive: self.archive,
            storages: &mut self.storages,
            folder,
            importer,
            map_location: &self.map_location,
            keep_broken: self.keep_broken,
            runtime: &self.runtime,
            tensors: &[],
            memo: vec![None; pickle.len()],
        };
        unpickler.root(None).map_err(|e| e.within(&format!("`{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_constants() {
        let check = |text: &str, expected: &str| {
            let mapped = map_devices(text.into(), &Device::cpu());
            assert_eq!(mapped, expected);
            assert_eq!(mapped.len(), text.len());
        };
        check("x", "x");
        check(
            "torch.zeros(x, torch.device(\"cuda:0\"), y)",
            "torch.zeros(x, torch.device(\"cpu\"   ), y)",
        );
        check(
            "torch.device(\"meta\"), torch.device(\"cpu\"), torch.device(\"mps\")",
            "torch.device(\"meta\"), torch.device(\"cpu\"), torch.device(\"cpu\")",
        );
        check(
            "torch.device(\"nowhere\"), torch.device(\"",
            "torch.device(\"nowhere\"), torch.device(\"",
        );
    }
}
