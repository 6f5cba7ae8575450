//! The subcommands and what they share.

/// `print!` to a reader that may go away: then the program ends without a complaint, as `head` expects.
macro_rules! out {
    ($($arg:tt)*) => { $crate::commands::write_out(&format!($($arg)*)) };
}
macro_rules! outln {
    () => { $crate::commands::write_out("\n") };
    ($($arg:tt)*) => { $crate::commands::write_out(&(format!($($arg)*) + "\n")) };
}

mod bench;
mod code;
mod compile;
mod graph;
mod inspect;
mod progress;
mod recorded;
mod run;
mod verify;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flambeau::{Function, IValue, LoadOptions, Module, Program, Schema};
use flambeau_ir::value::print;

use self::recorded::Recorded;
use crate::values::{self, Literal, Reader};

/// What went wrong, as a sentence for the user.
pub type Result<T, E = String> = std::result::Result<T, E>;

#[derive(Subcommand)]
pub enum Command {
    /// Call a method and show or store what it returns
    Run(run::Run),
    /// Compare a model's outputs with recorded ones
    Verify(verify::Verify),
    /// Show what an archive contains and which operators it needs
    Inspect(inspect::Inspect),
    /// Show a model's methods as TorchScript source
    Code(code::Code),
    /// Show a method's graph
    Graph(graph::Graph),
    /// Measure the time and memory of calls
    Bench(bench::Bench),
    /// Check a source file, or save what it defines as an archive
    Compile(compile::Compile),
}

impl Command {
    pub fn run(self) -> Result<ExitCode> {
        match self {
            Command::Run(command) => command.run(),
            Command::Verify(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Code(command) => command.run(),
            Command::Graph(command) => command.run(),
            Command::Bench(command) => command.run(),
            Command::Compile(command) => command.run(),
        }
    }
}

/// The model that every subcommand takes.
#[derive(Args)]
pub struct Model {
    /// The archive that `torch.jit.save` wrote, or a source file (`.py`)
    pub model: PathBuf,
    /// What to take from a source file: a function's name, or a module such as `Net(8)`
    #[arg(long, value_name = "EXPRESSION")]
    entry: Option<String>,
    /// Which module of a `torch.package` file to take
    #[arg(long, value_name = "NAME")]
    package_module: Option<String>,
}

impl Model {
    fn is_source(&self) -> bool {
        self.model.extension().is_some_and(|e| e == "py")
    }

    /// The program of a source file, and what to take from it.
    fn program(&self) -> Result<(Program, String)> {
        let program = Program::load(&self.model).map_err(|e| render(&e))?;
        if let Some(entry) = &self.entry {
            return Ok((program, entry.clone()));
        }
        let names = program.names();
        match &names[..] {
            [only] => Ok((program, only.clone())),
            [] => Err(format!(
                "{} defines no function and no module",
                self.model.display()
            )),
            _ => Err(format!(
                "{} defines several things; choose one with `--entry`: {}",
                self.model.display(),
                names.join(", ")
            )),
        }
    }

    /// The function of a source file, if that is what is asked for.
    pub fn function(&self) -> Result<Option<Function>> {
        if !self.is_source() {
            return Ok(None);
        }
        let (program, entry) = self.program()?;
        match program.is_function(&entry) {
            true => program.function(&entry).map(Some).map_err(|e| render(&e)),
            false => Ok(None),
        }
    }

    pub fn load(&self) -> Result<Module> {
        self.load_with(LoadOptions::default())
    }

    /// For commands that show and do not run: objects that cannot be restored stay empty.
    pub fn load_to_look(&self) -> Result<Module> {
        self.load_with(LoadOptions {
            keep_broken: true,
            ..LoadOptions::default()
        })
    }

    fn load_with(&self, options: LoadOptions) -> Result<Module> {
        if self.is_source() {
            let (program, entry) = self.program()?;
            return program.module(&entry).map_err(|e| render(&e));
        }
        if self.entry.is_some() {
            return Err("`--entry` is for source files; an archive has methods (`--method`)".into());
        }
        let options = LoadOptions {
            package_module: self.package_module.clone(),
            ..options
        };
        Module::load_with(&self.model, &options).map_err(|e| e.to_string())
    }
}

/// An error in a source text as the terminal shows it.
pub fn render(error: &flambeau::Error) -> String {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    error.render(color)
}

/// Whether [`render`] made the message.
pub fn is_drawn(message: &str) -> bool {
    message.starts_with("error[") || message.starts_with('\u{1b}')
}

/// The inputs of a call.
#[derive(Args)]
pub struct Inputs {
    /// Arguments: literals, `rand:1x3x224x224`, files (`.npy .npz .safetensors .json .png .jpg .wav`), `name=value`
    #[arg(value_name = "INPUT", allow_negative_numbers = true)]
    inputs: Vec<String>,
    /// A picture as the next argument; `?size=224&mean=…` after the path scales and normalises it
    #[arg(long, value_name = "FILE")]
    image: Vec<String>,
    /// Recorded inputs `in.0`, `in.1`, … of a `.safetensors` file, as `verify` reads them; they stand first
    #[arg(long, value_name = "FILE")]
    recorded: Option<PathBuf>,
    /// Seed of made inputs and of the model's random numbers
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// Arguments that fit a method.
#[derive(Default)]
pub struct Arguments {
    pub args: Vec<IValue>,
    pub kwargs: Vec<(String, IValue)>,
}

impl Arguments {
    pub fn named(&self) -> Vec<(&str, IValue)> {
        self.kwargs.iter().map(|(k, v)| (k.as_str(), v.clone())).collect()
    }
}

impl Inputs {
    pub fn read(&self, schema: &Schema) -> Result<Arguments> {
        let mut reader = Reader::new(self.seed);
        let mut found = match &self.recorded {
            Some(path) => Recorded::read(path)?.arguments(schema)?,
            None => Arguments::default(),
        };
        for text in &self.inputs {
            let (name, text) = values::split_keyword(text);
            let value = reader.read(text)?;
            match name {
                Some(name) => found
                    .kwargs
                    .push((name.to_string(), fit_named(schema, name, &value)?)),
                None => found.args.push(fit_at(schema, found.args.len(), &value)?),
            }
        }
        for path in &self.image {
            let value = reader.read_file(path)?;
            found.args.push(fit_at(schema, found.args.len(), &value)?);
        }
        Ok(found)
    }
}

/// A value as the parameter at a position wants it; `self` is not counted.
pub fn fit_at(schema: &Schema, position: usize, value: &Literal) -> Result<IValue> {
    match schema.arguments.get(position + 1) {
        Some(parameter) => {
            values::fit(value, &parameter.ty).map_err(|e| format!("argument `{}`: {e}", parameter.name))
        }
        // The call says what is wrong with one argument too many.
        None => values::untyped(value),
    }
}

pub fn fit_named(schema: &Schema, name: &str, value: &Literal) -> Result<IValue> {
    match schema.arguments.iter().find(|a| &*a.name == name) {
        Some(parameter) => values::fit(value, &parameter.ty).map_err(|e| format!("argument `{name}`: {e}")),
        None => values::untyped(value),
    }
}

/// A value for people: text as text, tensors with their numbers, large ones by shape.
pub fn show(value: &IValue) -> String {
    match value {
        IValue::Str(s) => format!("{s:?}"),
        IValue::Tensor(t) if t.numel() > 1000 => {
            let sizes: Vec<String> = t.sizes().iter().map(i64::to_string).collect();
            format!("{}[{}]", t.dtype().torch_name(), sizes.join(", "))
        }
        IValue::Tensor(_) => print::display(value),
        other => print::write(other, &show, &|t| show(&IValue::Tensor(t.clone()))),
    }
}

/// Bytes with a unit.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB"] {
        if value < 1000.0 {
            return if unit == "B" {
                format!("{bytes} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.2} GB")
}

#[derive(Clone, Copy)]
pub enum Stream {
    Out,
    Err,
}

/// Colours on a terminal, plain text elsewhere and where `NO_COLOR` is set.
pub fn paint(style: &str, text: &str, stream: Stream) -> String {
    let terminal = match stream {
        Stream::Out => std::io::stdout().is_terminal(),
        Stream::Err => std::io::stderr().is_terminal(),
    };
    match terminal && std::env::var_os("NO_COLOR").is_none() {
        true => format!("\x1b[{style}m{text}\x1b[0m"),
        false => text.to_string(),
    }
}

/// The method to call: the one asked for, or `forward`.
pub fn method_or_forward(method: &Option<String>) -> &str {
    method.as_deref().unwrap_or("forward")
}

/// The file's name without folders, for headings.
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Prints a JSON value on a line of its own.
pub fn print_json(value: &serde_json::Value) {
    outln!("{value:#}");
}

pub fn write_out(text: &str) {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!(
                "{} cannot write the output: {error}",
                paint("31;1", "error:", Stream::Err)
            );
            std::process::exit(2);
        }
    }
}
