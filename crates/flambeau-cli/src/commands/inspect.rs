//! `flambeau inspect MODEL`: works on models that cannot run.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use flambeau::Module;
use serde_json::{Value, json};

use super::{Model, Result, Stream, file_name, paint, print_json, size};

#[derive(Args)]
pub struct Inspect {
    #[command(flatten)]
    model: Model,
    #[arg(long)]
    json: bool,
    /// All parameters and operators, however many
    #[arg(long)]
    all: bool,
}

/// How many rows of a long list are shown without `--all`.
const FEW: usize = 20;

struct Tensors {
    rows: Vec<(String, String, Vec<i64>, u64)>,
    bytes: u64,
}

fn tensors(named: Vec<(String, flambeau::Tensor)>) -> Tensors {
    let row = |(name, t): (String, flambeau::Tensor)| {
        let bytes = t.numel() as u64 * t.dtype().size() as u64;
        (
            name,
            t.dtype().torch_name().to_string(),
            t.sizes().to_vec(),
            bytes,
        )
    };
    let rows: Vec<_> = named.into_iter().map(row).collect();
    let bytes = rows.iter().map(|r| r.3).sum();
    Tensors { rows, bytes }
}

/// Device names of the storages, and those that the source text holds as constants.
fn devices(module: &Module) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = module.storage_devices().into_iter().collect();
    for name in module.code_files() {
        let Ok(text) = module.code_file(&name) else {
            continue;
        };
        for part in text.split("torch.device(\"").skip(1) {
            if let Some((device, _)) = part.split_once('"') {
                found.insert(device.to_string());
            }
        }
    }
    found
}

/// A method whose code does not compile, in one line; the whole error comes at the end.
fn unknown(name: &str, error: &flambeau::Error) -> String {
    let reason = error
        .message()
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("");
    format!("{name}: does not compile: {}", reason.trim())
}

impl Inspect {
    pub fn run(self) -> Result<ExitCode> {
        let module = self.model.load_to_look()?;
        let (operators, errors) = module.operators();
        let (parameters, buffers) = (
            tensors(module.named_parameters()),
            tensors(module.named_buffers()),
        );
        let missing: Vec<_> = operators.iter().filter(|o| !o.is_supported).collect();
        let classes: BTreeSet<String> = module
            .named_modules()
            .iter()
            .map(|(_, m)| m.class_name())
            .collect();
        let methods: Vec<(String, String)> = module
            .method_names()
            .into_iter()
            .map(|name| {
                let schema = module
                    .schema(&name)
                    .map_or_else(|e| unknown(&name, &e), |s| s.to_string());
                (name, schema)
            })
            .collect();
        let devices = devices(&module);
        let (version, kind) = module.format().unwrap_or_default();
        let producer = module
            .extra_file("producer_info.json")
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .or_else(|| module.producer().map(Value::String));
        if self.json {
            let rows = |t: &Tensors| -> Vec<Value> {
                let row = |(name, dtype, sizes, bytes): &(String, String, Vec<i64>, u64)| json!({"name": name, "dtype": dtype, "sizes": sizes, "bytes": bytes});
                t.rows.iter().map(row).collect()
            };
            print_json(&json!({
                "file": self.model.model, "kind": kind, "format_version": version, "producer": producer,
                "bytes": module.file_len(), "class": module.class_name(), "classes": classes,
                "methods": methods.iter().map(|(name, schema)| json!({"name": name, "schema": schema})).collect::<Vec<_>>(),
                "parameters": rows(&parameters), "buffers": rows(&buffers),
                "operators": operators.iter().map(|o| json!({"schema": o.name, "supported": o.is_supported, "places": o.places})).collect::<Vec<_>>(),
                "errors": errors.iter().map(|e| e.to_string()).collect::<Vec<_>>(),
                "extra_files": module.extra_files(), "devices": devices,
            }));
            return Ok(ExitCode::SUCCESS);
        }
        let head = |text: &str| outln!("\n{}", paint("1", text, Stream::Out));
        outln!("{}", paint("1", &file_name(&self.model.model), Stream::Out));
        outln!(
            "  {kind}, format version {version}, {}",
            size(module.file_len().unwrap_or(0) as u64)
        );
        if let Some(producer) = producer {
            match &producer {
                Value::String(text) => outln!("  written by {text}"),
                other => outln!("  written by {other}"),
            }
        }
        outln!(
            "  {}, {} classes in {} modules",
            module.class_name(),
            classes.len(),
            module.named_modules().len()
        );
        if devices.iter().any(|d| d != "cpu") {
            outln!(
                "  devices: {}",
                devices.into_iter().collect::<Vec<_>>().join(", ")
            );
        }
        let extra = module.extra_files();
        if !extra.is_empty() {
            outln!("  extra files: {}", extra.join(", "));
        }
        head("Methods");
        methods.iter().for_each(|(_, schema)| outln!("  {schema}"));
        for (name, list) in [("Parameters", &parameters), ("Buffers", &buffers)] {
            if list.rows.is_empty() {
                continue;
            }
            let elements: i64 = list.rows.iter().map(|r| r.2.iter().product::<i64>()).sum();
            head(&format!(
                "{name}: {} tensors, {elements} elements, {}",
                list.rows.len(),
                size(list.bytes)
            ));
            let shown = if self.all { list.rows.len() } else { FEW };
            let width = list.rows.iter().take(shown).map(|r| r.0.len()).max().unwrap_or(0);
            for (name, dtype, sizes, bytes) in list.rows.iter().take(shown) {
                outln!("  {name:width$}  {dtype} {sizes:?}  {}", size(*bytes));
            }
            if list.rows.len() > shown {
                outln!("  … {} more (--all shows them)", list.rows.len() - shown);
            }
        }
        head(&format!(
            "Operators: {}, of which {} are missing",
            operators.len(),
            missing.len()
        ));
        if self.all {
            operators
                .iter()
                .filter(|o| o.is_supported)
                .for_each(|o| outln!("  {}", o.name));
        }
        for operator in missing {
            outln!("  {} {}", paint("31", "missing", Stream::Out), operator.name);
            outln!("          {}", operator.places.join(", "));
        }
        if !errors.is_empty() {
            head(&format!("Code that does not compile: {} functions", errors.len()));
            errors
                .iter()
                .for_each(|e| outln!("{}", e.to_string().trim_matches('\n')));
        }
        Ok(ExitCode::SUCCESS)
    }
}
