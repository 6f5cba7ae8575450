//! The compiler and the interpreter as the comparisons need them: one thing to compile, show and call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flambeau_archive::{Archive, Limits};
use flambeau_core::bind::bind;
use flambeau_core::code;
use flambeau_core::construct::{self, Entry};
use flambeau_core::exec::{self, Budget, Runtime};
use flambeau_core::lower::error::CompileError;
use flambeau_core::lower::host::HostValue;
use flambeau_core::lower::import::{CodeSource, SourceImporter};
use flambeau_core::lower::program::Program;
use flambeau_core::module;
use flambeau_core::save::{self, SaveOptions};
use flambeau_ir::function::Function;
use flambeau_ir::ops::Context;
use flambeau_ir::types::Type;
use flambeau_ir::value::{IValue, Object};
use parking_lot::Mutex;

/// How long one call may take.
const CALL_LIMIT: Duration = Duration::from_secs(8);

/// An exception as Python would see it.
pub struct Failure {
    pub class: String,
    pub message: String,
}

impl From<Box<CompileError>> for Failure {
    fn from(error: Box<CompileError>) -> Self {
        Failure {
            class: error.kind.exception().into(),
            message: error.to_string(),
        }
    }
}

/// Where the program's own types are found.
enum Types {
    Program(Arc<Program>),
    Archive(Arc<SourceImporter>),
}

pub struct Compiled {
    function: Arc<Function>,
    /// What a method is called on.
    receiver: Option<Object>,
    types: Types,
}

/// Compiles `entry` of a program.
pub fn compile(source: &str, entry: &str) -> Result<Compiled, Failure> {
    let program = Program::parse(source, "case.py", "case", flambeau_ops::table())?;
    program.compile_decorated()?;
    let (function, receiver) = match construct::entry(&program, entry, 0)? {
        Entry::Function(function) => (function, None),
        Entry::Module(module) => {
            let any = module
                .method("forward")
                .or_else(|| module.methods().first().cloned());
            let Some(function) = any else {
                return Err(Failure {
                    class: "RuntimeError".into(),
                    message: "the module has no methods".into(),
                });
            };
            (function, Some(module.object().clone()))
        }
    };
    // Functions are compiled when they are needed; scripting needs them at once.
    function.graph().map_err(compile_failure)?;
    Ok(Compiled {
        function,
        receiver,
        types: Types::Program(program),
    })
}

fn compile_failure(error: flambeau_ir::function::DefineError) -> Failure {
    let class = error
        .downcast_ref::<CompileError>()
        .map_or("RuntimeError", |e| e.kind.exception());
    Failure {
        class: class.into(),
        message: error.to_string(),
    }
}

/// The `code/` folder of an archive.
struct Files(BTreeMap<String, String>);

impl CodeSource for Files {
    fn code(&self, path: &str) -> Option<Arc<str>> {
        self.0
            .get(&format!("code/{path}.py"))
            .map(|text| text.as_str().into())
    }
}

/// Compiles the module that PyTorch puts around a function to save it, from the archive's code.
pub fn import(files: BTreeMap<String, String>) -> Result<Compiled, Failure> {
    // The newest version: no operator needs an upgrader.
    let importer = SourceImporter::new(Arc::new(Files(files)), Vec::new(), 10, flambeau_ops::table());
    let class = importer.load_class("__torch__.PlaceholderModule")?;
    let Some(function) = class.method("forward") else {
        return Err(Failure {
            class: "RuntimeError".into(),
            message: "no method `forward`".into(),
        });
    };
    function.graph().map_err(compile_failure)?;
    Ok(Compiled {
        function,
        receiver: Some(Object::new(class)),
        types: Types::Archive(importer),
    })
}

impl Compiled {
    fn method(&self, name: Option<&str>) -> Result<Arc<Function>, String> {
        let Some(name) = name else {
            return Ok(self.function.clone());
        };
        let method = self.receiver.as_ref().and_then(|r| r.class().method(name));
        method.ok_or_else(|| format!("no method `{name}`"))
    }

    pub fn code(&self, method: Option<&str>) -> Result<String, String> {
        let function = self.method(method)?;
        match &self.receiver {
            Some(_) => code::method_code(&function)
                .map(|c| c.0)
                .map_err(|e| e.to_string()),
            None => code::function_code(&function).map_err(|e| e.to_string()),
        }
    }

    pub fn graph(&self, method: Option<&str>) -> Result<String, String> {
        self.method(method)?
            .graph()
            .map(|g| g.to_string())
            .map_err(|e| e.to_string())
    }

    pub fn schema(&self, method: Option<&str>) -> Result<String, String> {
        self.method(method)?
            .schema()
            .map(|s| s.to_string())
            .map_err(|e| e.to_string())
    }

    /// The files of `code/` in the archive that saving writes.
    pub fn archive_code(&self) -> Result<BTreeMap<String, String>, String> {
        let object = match &self.receiver {
            Some(object) => object.clone(),
            None => module::around(&self.function)
                .map_err(|e| e.to_string())?
                .object()
                .clone(),
        };
        let runtime = Arc::new(Runtime::new(Context::new(), Budget::default()));
        let call = |function: &Arc<Function>, args: Vec<IValue>| {
            module::call_function(&runtime, function, None, args, Vec::new()).map_err(|e| e.to_string())
        };
        let bytes =
            save::save_to_buffer(&object, &SaveOptions::default(), &call).map_err(|e| e.to_string())?;
        let archive = Archive::from_bytes(bytes, &Limits::default()).map_err(|e| e.to_string())?;
        let mut files = BTreeMap::new();
        for entry in archive.entries() {
            if entry.name.starts_with("code/") && entry.name.ends_with(".py") {
                let text = archive.read_text(&entry.name).map_err(|e| e.to_string())?;
                files.insert(entry.name.clone(), text.to_string());
            }
        }
        Ok(files)
    }

    /// The type of a parameter, by position (not counting the receiver) or by name.
    pub fn parameter(&self, method: Option<&str>, position: usize, name: Option<&str>) -> Option<Type> {
        let function = self.method(method).ok()?;
        let schema = function.schema().ok()?;
        let index = match name {
            Some(name) => schema.argument_index(name)?,
            None => position + usize::from(self.receiver.is_some()),
        };
        Some(schema.arguments.get(index)?.ty.clone())
    }

    /// A class, NamedTuple or enum of the program.
    pub fn find_type(&self, name: &str) -> Option<Type> {
        match &self.types {
            Types::Archive(importer) => importer.find_type(&format!("__torch__.case.{name}")).ok()?,
            Types::Program(program) => match program.lookup(name).ok()?? {
                HostValue::Class { class, .. } => Some(Type::Class(class)),
                HostValue::NamedTuple(ty) | HostValue::Enum(ty) => Some(ty),
                _ => None,
            },
        }
    }

    pub fn attribute(&self, name: &str) -> Option<IValue> {
        let mut value = IValue::Object(self.receiver.clone()?);
        for part in name.split('.') {
            value = value.as_object()?.get(part)?;
        }
        Some(value)
    }

    /// Calls the function or a method; gives the result and what was printed.
    pub fn call(
        &self,
        method: Option<&str>,
        mut args: Vec<IValue>,
        kwargs: Vec<(String, IValue)>,
    ) -> (Result<IValue, Failure>, String) {
        let printed = Arc::new(Mutex::new(String::new()));
        let mut context = Context::new();
        let sink = printed.clone();
        context.stdout = Box::new(move |text| sink.lock().push_str(text));
        context.warn = Box::new(|_| {});
        let budget = Budget {
            deadline: Some(Instant::now() + CALL_LIMIT),
            ..Budget::default()
        };
        let runtime = Arc::new(Runtime::new(context, budget));
        let plain = |message: String| Failure {
            class: "RuntimeError".into(),
            message,
        };
        let outcome = (|| {
            let function = self.method(method).map_err(plain)?;
            if let Some(receiver) = &self.receiver {
                args.insert(0, IValue::Object(receiver.clone()));
            }
            let schema = function.schema().map_err(compile_failure)?;
            let args = bind(schema, args, kwargs).map_err(plain)?;
            let failure = |error: exec::Error| {
                let raised = matches!(error.kind(), exec::ErrorKind::Raised(_));
                use flambeau_tensor::ErrorKind::NotImplemented;
                let class = match error.kind() {
                    _ if raised => "torch.jit.Error",
                    exec::ErrorKind::Operator(NotImplemented) => "NotImplementedError",
                    _ => "RuntimeError",
                };
                Failure {
                    class: class.into(),
                    message: error.to_string(),
                }
            };
            let program = exec::program_of(&function).map_err(failure)?;
            exec::run::run(&runtime, &program, args).map_err(failure)
        })();
        let printed = printed.lock().clone();
        (outcome, printed)
    }
}
