//! TorchScript without PyTorch: loads the archives that `torch.jit.save` wrote and runs them.
//!
//! ```
//! use flambeau::{DType, IValue, Module, Tensor};
//!
//! # fn main() -> Result<(), flambeau::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/digits/model.pt");
//! let module = Module::load(path)?;
//! for method in module.methods()? {
//!     println!("{method}");
//! }
//! let image = Tensor::zeros(&[1, 1, 8, 8], DType::Float)?;
//! let scores = module.call("features", &[IValue::from(image)], &[])?;
//! assert_eq!(scores.as_tensor().map(|t| t.sizes().to_vec()), Some(vec![1, 10]));
//! # Ok(())
//! # }
//! ```
//!
//! Source texts compile without Python: see [`compile`].
//!
//! This file and `program.rs` are the whole public interface. A [`Module`] is `Send + Sync`: calls from several threads run side by side
//! and share its weights. A model that keeps state between calls gets one [`Session`] per stream. Every failure is an
//! [`Error`]; no file, argument or shape makes a call panic.

#![forbid(unsafe_code)]

mod custom;
mod program;

use std::fmt;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flambeau_core::load::{LoadError, Loaded};
use flambeau_core::module::Module as CoreModule;
use flambeau_core::{code, exec, load, passes, save};
use flambeau_ir::function::Function as CoreFunction;
use parking_lot::Mutex;

pub use flambeau_core::exec::TraceFrame;
pub use flambeau_core::load::{Limits, LoadOptions};
pub use flambeau_ir::ir::Graph;
pub use flambeau_ir::ops::Context;
pub use flambeau_ir::schema::Schema;
pub use flambeau_ir::types::Type;
pub use flambeau_ir::value::{Device, Dict, IValue, List, Object};
pub use flambeau_tensor::{Complex, DType, Scalar, Tensor};
pub use program::{Function, Program, compile};

pub use custom::{register_op, register_script_op};
/// Kernels and tensors' own operations, for operators that users register.
pub use flambeau_tensor as tensor;

pub type Result<T, E = Error> = std::result::Result<T, E>;

// ---- errors ----------------------------------------------------------------------------------------------------

/// What sort of failure an [`Error`] is; the text is for people, this is for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file is not a TorchScript archive, or a damaged one.
    File,
    /// The code does not compile.
    Compile,
    /// The arguments do not fit the method.
    Arguments,
    /// The program raised an exception; its qualified Python class, such as `builtins.ValueError`.
    Raised(String),
    /// An operator failed.
    Operator,
    /// The program needs an operator that Flambeau lacks.
    Unsupported,
    /// The call's budget was used up, or it was cancelled.
    Stopped,
    /// A panic below this interface, which is a defect of Flambeau.
    Internal,
}

/// A failure, with the text that PyTorch would show and the program's call stack.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    text: String,
    trace: Vec<TraceFrame>,
    diagnostics: Vec<flambeau_syntax::Diagnostic>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let message = message.into();
        Error {
            kind,
            text: message.clone(),
            message,
            trace: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
    /// The sentence alone; `Display` adds the call stack.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// Errors of the program's text drawn for people: the line with the place underlined, what explains it, a hint,
    /// and a stable code in brackets. Other failures give their text.
    pub fn render(&self, color: bool) -> String {
        match self.diagnostics.is_empty() {
            true => self.text.clone(),
            false => flambeau_syntax::render(&self.diagnostics, color),
        }
    }
    /// The stable codes of the errors in a program's text, such as `type.mismatch`.
    pub fn codes(&self) -> Vec<&'static str> {
        self.diagnostics.iter().map(|d| d.code).collect()
    }
    /// The TorchScript calls that led to the failure, outermost first.
    pub fn trace(&self) -> &[TraceFrame] {
        &self.trace
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl std::error::Error for Error {}

impl From<exec::Error> for Error {
    fn from(error: exec::Error) -> Error {
        let kind = match error.kind() {
            exec::ErrorKind::Raised(class) => {
                ErrorKind::Raised(class.as_deref().unwrap_or("builtins.RuntimeError").to_string())
            }
            exec::ErrorKind::Compile => ErrorKind::Compile,
            exec::ErrorKind::Arguments => ErrorKind::Arguments,
            exec::ErrorKind::Stopped => ErrorKind::Stopped,
            exec::ErrorKind::Unsupported => ErrorKind::Unsupported,
            exec::ErrorKind::Operator(_) | exec::ErrorKind::Runtime => ErrorKind::Operator,
        };
        Error {
            kind,
            message: error.message().to_string(),
            text: error.to_string(),
            trace: error.trace().to_vec(),
            diagnostics: Vec::new(),
        }
    }
}
impl From<LoadError> for Error {
    fn from(error: LoadError) -> Error {
        match error {
            LoadError::Run(error) => error.into(),
            LoadError::Code(error) => Error::new(ErrorKind::Compile, error.to_string()),
            other => Error::new(ErrorKind::File, other.to_string()),
        }
    }
}
impl From<flambeau_tensor::Error> for Error {
    fn from(error: flambeau_tensor::Error) -> Error {
        Error::new(ErrorKind::Operator, error.message)
    }
}
impl From<flambeau_ir::function::DefineError> for Error {
    fn from(error: flambeau_ir::function::DefineError) -> Error {
        Error::new(ErrorKind::Compile, error.to_string())
    }
}

/// Runs `body`; a panic, which is a defect of ours, becomes an error.
fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Error::new(
            ErrorKind::Internal,
            format!("internal error of Flambeau: {text}"),
        ))
    })
}

/// Sets the largest memory of one tensor, in bytes, for all of the process: what asks for more gets an error instead of
/// a system that runs out of memory. There is no bound at first.
pub fn set_max_allocation(bytes: usize) {
    flambeau_tensor::alloc::set_max_allocation(bytes);
}

// ---- how calls run ---------------------------------------------------------------------------------------------

/// Stops calls from another thread.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub fn new() -> Cancel {
        Cancel::default()
    }
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What one call may take and where its output goes.
#[derive(Clone, Default)]
pub struct CallOptions {
    /// Calls and loop iterations together.
    pub max_steps: Option<u64>,
    pub max_time: Option<Duration>,
    pub cancel: Option<Cancel>,
    /// The seed of the call's random numbers, as `torch.manual_seed` takes it. Without one, a module's calls go on
    /// where the last call stopped.
    pub seed: Option<u64>,
    /// Receives what `print` writes instead of the standard output.
    pub stdout: Option<Arc<dyn Fn(&str) + Send + Sync>>,
    /// Receives warnings instead of the standard error.
    pub warn: Option<Arc<dyn Fn(&str) + Send + Sync>>,
    /// Whether operators that read files may run.
    pub allow_files: bool,
}

impl CallOptions {
    fn runtime(&self, generator: Option<&Arc<Mutex<flambeau_tensor::random::Generator>>>) -> exec::Runtime {
        let mut context = Context::new();
        // Calls are inference: nothing is recorded for gradients, as under `torch.no_grad()`.
        context.set_grad_enabled(false);
        match (self.seed, generator) {
            (Some(seed), _) => {
                context.generator = Arc::new(Mutex::new(flambeau_tensor::random::Generator::new(seed)));
            }
            (None, Some(generator)) => context.generator = generator.clone(),
            (None, None) => {}
        }
        if let Some(stdout) = self.stdout.clone() {
            context.stdout = Box::new(move |text| stdout(text));
        }
        if let Some(warn) = self.warn.clone() {
            context.warn = Box::new(move |text| warn(text));
        }
        context.allow_files = self.allow_files;
        let budget = exec::Budget {
            steps: self.max_steps,
            deadline: self.max_time.map(|t| Instant::now() + t),
            cancel: self.cancel.as_ref().map(|c| c.0.clone()),
            ..exec::Budget::default()
        };
        exec::Runtime::new(context, budget)
    }
}

/// Time of one operator over a profiled call.
#[derive(Clone, Debug)]
pub struct OperatorTime {
    pub name: String,
    pub calls: u64,
    pub time: Duration,
}

// ---- modules ---------------------------------------------------------------------------------------------------

/// A TorchScript module. Clones share it.
#[derive(Clone)]
pub struct Module {
    inner: CoreModule,
    shared: Arc<Shared>,
}

struct Shared {
    /// 0 stands for one per core.
    threads: AtomicUsize,
    generator: Arc<Mutex<flambeau_tensor::random::Generator>>,
}

impl Module {
    fn wrap(inner: CoreModule) -> Module {
        let generator = Context::new().generator;
        Module {
            inner,
            shared: Arc::new(Shared {
                threads: AtomicUsize::new(0),
                generator,
            }),
        }
    }

    /// Loads an archive. Weights stay in the file's memory map; code is compiled when it is first called.
    pub fn load(path: impl AsRef<Path>) -> Result<Module> {
        Module::load_with(path, &LoadOptions::default())
    }
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Module> {
        guarded(|| Ok(Module::wrap(load::load(path, options)?)))
    }
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, options: &LoadOptions) -> Result<Module> {
        guarded(|| Ok(Module::wrap(load::load_bytes(bytes.into(), options)?)))
    }
    /// Reads the archive to its end first; a file is better given by its path.
    pub fn from_reader(mut reader: impl Read, options: &LoadOptions) -> Result<Module> {
        let mut bytes = Vec::new();
        reader
            .by_ref()
            .take(options.limits.file_bytes)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::new(ErrorKind::File, format!("cannot read the archive: {e}")))?;
        Module::from_bytes(bytes, options)
    }
    /// A module around an object that a program returned.
    pub fn from_object(object: Object) -> Result<Module> {
        if !object.class().is_module {
            let message = format!("expected a module, found an object of `{}`", object.class().name);
            return Err(Error::new(ErrorKind::Arguments, message));
        }
        Ok(Module::wrap(CoreModule::new(object)))
    }

    /// Calls `forward` with positional arguments.
    pub fn forward(&self, args: &[IValue]) -> Result<IValue> {
        self.call("forward", args, &[])
    }
    /// Calls a method with positional and keyword arguments. Values are converted as in a call from Python; defaults
    /// are filled in.
    pub fn call(&self, method: &str, args: &[IValue], kwargs: &[(&str, IValue)]) -> Result<IValue> {
        self.call_with(method, args, kwargs, &CallOptions::default())
    }
    pub fn call_with(
        &self,
        method: &str,
        args: &[IValue],
        kwargs: &[(&str, IValue)],
        options: &CallOptions,
    ) -> Result<IValue> {
        self.run(method, args, kwargs, Arc::new(self.runtime(options)))
    }
    /// Calls a method and measures its operators, the slowest first.
    pub fn profile(
        &self,
        method: &str,
        args: &[IValue],
        kwargs: &[(&str, IValue)],
        options: &CallOptions,
    ) -> Result<(IValue, Vec<OperatorTime>)> {
        let runtime = Arc::new(self.runtime(options).with_profile());
        let result = self.run(method, args, kwargs, runtime.clone())?;
        let rows = runtime.profile().into_iter();
        Ok((
            result,
            rows.map(|(name, calls, time)| OperatorTime { name, calls, time })
                .collect(),
        ))
    }

    /// Calls a method of an object that the program made and returned, with this module's threads and random numbers.
    pub fn call_object(
        &self,
        object: &Object,
        method: &str,
        args: &[IValue],
        kwargs: &[(&str, IValue)],
    ) -> Result<IValue> {
        let of_object = Module {
            inner: CoreModule::new(object.clone()),
            shared: self.shared.clone(),
        };
        of_object.call(method, args, kwargs)
    }

    fn run(
        &self,
        method: &str,
        args: &[IValue],
        kwargs: &[(&str, IValue)],
        runtime: Arc<exec::Runtime>,
    ) -> Result<IValue> {
        let kwargs = kwargs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        let call = || Ok(self.inner.call(&runtime, method, args.to_vec(), kwargs)?);
        let threads = self.shared.threads.load(Ordering::Relaxed);
        flambeau_tensor::parallel::with_threads(threads, || guarded(call))
    }

    fn runtime(&self, options: &CallOptions) -> exec::Runtime {
        options.runtime(Some(&self.shared.generator))
    }

    /// How many threads the operators of this module's calls use; 0 for one per core. Nothing else is affected.
    pub fn set_num_threads(&self, threads: usize) {
        self.shared.threads.store(threads, Ordering::Relaxed);
    }
    /// Seeds the random numbers of this module's calls.
    pub fn manual_seed(&self, seed: u64) {
        *self.shared.generator.lock() = flambeau_tensor::random::Generator::new(seed);
    }

    /// A copy with state of its own and the same weights, for one stream of calls.
    pub fn session(&self) -> Result<Session> {
        guarded(|| {
            let module = Module::wrap(self.inner.with_own_state()?);
            module.set_num_threads(self.shared.threads.load(Ordering::Relaxed));
            Ok(Session { module })
        })
    }

    /// Switches to evaluation: dropout off, running statistics used.
    pub fn eval(&self) {
        self.inner.train(false);
    }
    pub fn train(&self, on: bool) {
        self.inner.train(on);
    }
    pub fn is_training(&self) -> bool {
        self.inner.is_training()
    }

    /// The qualified name of the class: `__torch__.torchvision.models.resnet.ResNet`.
    pub fn class_name(&self) -> String {
        self.inner.class_name().to_string()
    }
    /// Parameters with dotted names, each once.
    pub fn named_parameters(&self) -> Vec<(String, Tensor)> {
        self.inner.named_parameters()
    }
    pub fn named_buffers(&self) -> Vec<(String, Tensor)> {
        self.inner.named_buffers()
    }
    /// This module under the empty name, and all below it.
    pub fn named_modules(&self) -> Vec<(String, Module)> {
        let wrap = |(name, inner)| {
            (
                name,
                Module {
                    inner,
                    shared: self.shared.clone(),
                },
            )
        };
        self.inner.named_modules().into_iter().map(wrap).collect()
    }
    /// Attributes of this module itself, with their declared types.
    pub fn attributes(&self) -> Vec<(String, Type, IValue)> {
        let rows = self.inner.attributes().into_iter();
        rows.map(|(name, ty, value)| (name.to_string(), ty, value))
            .collect()
    }
    pub fn attribute(&self, name: &str) -> Option<IValue> {
        self.inner.object().get(name)
    }
    /// Replaces an attribute's value; it must be of the declared type.
    pub fn set_attribute(&self, name: &str, value: IValue) -> Result<()> {
        let attribute = self.inner.object().class().attribute(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Arguments,
                format!("`{}` has no attribute `{name}`", self.class_name()),
            )
        })?;
        if !value.ty().is_subtype_of(&attribute.ty) {
            let (wanted, found) = (attribute.ty.annotation_str(), value.type_name());
            let message = format!("`{name}`: expected a value of type {wanted}, found {found}");
            return Err(Error::new(ErrorKind::Arguments, message));
        }
        self.inner.object().set(name, value);
        Ok(())
    }
    pub fn object(&self) -> &Object {
        self.inner.object()
    }

    // ---- what is inside ------------------------------------------------------------------------

    fn function(&self, method: &str) -> Result<Arc<CoreFunction>> {
        self.inner.method(method).ok_or_else(|| {
            let names: Vec<String> = self
                .inner
                .methods()
                .iter()
                .map(|m| m.short_name().to_string())
                .collect();
            let message = format!(
                "`{}` has no method `{method}`; it has [{}]",
                self.class_name(),
                names.join(", ")
            );
            Error::new(ErrorKind::Arguments, message)
        })
    }
    /// The methods' schemas, in the order of the class.
    pub fn methods(&self) -> Result<Vec<Schema>> {
        guarded(|| {
            self.inner
                .methods()
                .iter()
                .map(|m| Ok(m.schema()?.clone()))
                .collect()
        })
    }
    pub fn method_names(&self) -> Vec<String> {
        self.inner
            .methods()
            .iter()
            .map(|m| m.short_name().to_string())
            .collect()
    }
    pub fn schema(&self, method: &str) -> Result<Schema> {
        guarded(|| Ok(self.function(method)?.schema()?.clone()))
    }
    /// A method as TorchScript source.
    pub fn code(&self, method: &str) -> Result<String> {
        guarded(|| Ok(code::method_code(&self.function(method)?)?.0))
    }
    /// A method's graph, with calls as calls.
    pub fn graph(&self, method: &str) -> Result<Arc<Graph>> {
        guarded(|| Ok(self.function(method)?.graph()?.clone()))
    }
    /// A method's graph with the bodies of all calls in their place.
    pub fn inlined_graph(&self, method: &str) -> Result<Graph> {
        guarded(|| {
            let mut graph = self.function(method)?.graph()?.copy();
            passes::inline::run(&mut graph)?;
            Ok(graph)
        })
    }

    fn origin(&self) -> Result<&Arc<Loaded>> {
        self.inner
            .origin()
            .ok_or_else(|| Error::new(ErrorKind::File, "the module does not come from a file"))
    }
    /// Names of the extra files in the archive.
    pub fn extra_files(&self) -> Vec<String> {
        self.inner.origin().map(|o| o.extra_files()).unwrap_or_default()
    }
    pub fn extra_file(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.origin()?.extra_file(name)?)
    }
    /// The source files in the archive: `code/__torch__.py`.
    pub fn code_files(&self) -> Vec<String> {
        self.inner.origin().map(|o| o.code_files()).unwrap_or_default()
    }
    pub fn code_file(&self, name: &str) -> Result<String> {
        Ok(self.origin()?.code_file(name)?)
    }
    /// The format version of the archive, and what kind of archive it is.
    pub fn format(&self) -> Option<(u64, String)> {
        self.inner
            .origin()
            .map(|o| (o.version, o.kind.describe().to_string()))
    }
    /// The devices that the archive's tensors were on: `cuda:0`. Here they are on the CPU.
    pub fn storage_devices(&self) -> Vec<String> {
        self.inner
            .origin()
            .map(|o| o.storage_devices())
            .unwrap_or_default()
    }
    /// What wrote the archive, where it says so; only archives of PyTorch 1.0 to 1.2 do.
    pub fn producer(&self) -> Option<String> {
        self.inner.origin().and_then(|o| o.producer())
    }
    pub fn file_len(&self) -> Option<usize> {
        self.inner.origin().map(|o| o.file_len())
    }

    /// Writes an archive that PyTorch loads.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let options = save::SaveOptions::default();
        let call = |function: &Arc<CoreFunction>, args: Vec<IValue>| {
            let runtime = Arc::new(self.runtime(&CallOptions::default()));
            let program = exec::program_of(function).map_err(|e| e.to_string())?;
            exec::run::run(&runtime, &program, args).map_err(|e| e.to_string())
        };
        guarded(|| {
            save::save_to_path(self.inner.object(), path.as_ref(), &options, &call)
                .map_err(|e| Error::new(ErrorKind::File, e.to_string()))
        })
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({})", self.class_name())
    }
}

/// One stream of calls on a model that keeps state: its own mutable attributes, the module's weights.
pub struct Session {
    module: Module,
}

impl Session {
    pub fn call(&mut self, method: &str, args: &[IValue], kwargs: &[(&str, IValue)]) -> Result<IValue> {
        self.module.call(method, args, kwargs)
    }
    pub fn forward(&mut self, args: &[IValue]) -> Result<IValue> {
        self.module.forward(args)
    }
    /// The session's own module, for everything else.
    pub fn module(&self) -> &Module {
        &self.module
    }
}

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Module>();
    shared::<Program>();
    shared::<Error>();
};

/// Every operator that a graph of the module names: its schema (or bare name), whether Flambeau can run it, and the
/// places that use it. Code that does not compile is listed under its error.
pub struct OperatorUse {
    pub name: String,
    pub is_supported: bool,
    /// `code/__torch__.py:12`
    pub places: Vec<String>,
}

impl Module {
    /// The operators that the methods of this module and of all below use, sorted by name, and what did not compile.
    pub fn operators(&self) -> (Vec<OperatorUse>, Vec<Error>) {
        let found = flambeau_core::module::operators(&self.inner);
        let uses = found
            .uses
            .into_iter()
            .map(|(name, (is_supported, places))| OperatorUse {
                name,
                is_supported,
                places,
            });
        (
            uses.collect(),
            found.errors.into_iter().map(Error::from).collect(),
        )
    }
}
