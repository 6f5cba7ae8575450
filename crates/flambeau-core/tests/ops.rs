//! Operator cases recorded from PyTorch: archives whose submodules each compute something from the buffers `in_…` and
//! must return what `out_…` hold.
//!
//! ```text
//! FLAMBEAU_CONFORMANCE  the folder with `ops/`; default `../shared/conformance` beside the repository
//! CASE=add              this archive only, with every difference shown
//! ALL=1                 every archive, with every difference shown
//! HALF=1e-3             the tolerance for results of half types; default 1e-2
//! UPDATE=1              write the number of passed cases to `ops.count`, which otherwise may only grow
//! ```

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flambeau_core::exec::{Budget, ErrorKind, Runtime};
use flambeau_core::load::{LoadOptions, load};
use flambeau_core::module::Module;
use flambeau_ir::ops::Context;
use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Scalar, Tensor};

fn conformance() -> Option<PathBuf> {
    let folder = match std::env::var_os("FLAMBEAU_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    folder.join("ops").is_dir().then_some(folder)
}

enum Outcome {
    Passed,
    Failed(String),
    Unsupported(String),
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    unsupported: Vec<String>,
}

fn close(got: &Scalar, want: &Scalar, tolerance: f64) -> bool {
    let near = |a: f64, b: f64| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance + tolerance * b.abs()
    };
    match (got, want) {
        (Scalar::Int(a), Scalar::Int(b)) => a == b,
        (Scalar::Bool(a), Scalar::Bool(b)) => a == b,
        _ => {
            let (a, b) = (got.to_complex(), want.to_complex());
            near(a.re, b.re) && near(a.im, b.im)
        }
    }
}

fn compare(got: &Tensor, want: &Tensor) -> Result<(), String> {
    if got.dtype() != want.dtype() {
        return Err(format!(
            "expected dtype {}, found {}",
            want.dtype().name(),
            got.dtype().name()
        ));
    }
    if got.sizes() != want.sizes() {
        return Err(format!(
            "expected sizes {:?}, found {:?}",
            want.sizes(),
            got.sizes()
        ));
    }
    let tolerance = match want.dtype() {
        DType::Double | DType::ComplexDouble => 1e-5,
        DType::Half | DType::BFloat16 => half_tolerance(),
        _ => 1e-3,
    };
    let (a, b) = (
        got.to_scalars().map_err(|e| e.message)?,
        want.to_scalars().map_err(|e| e.message)?,
    );
    match a.iter().zip(&b).position(|(a, b)| !close(a, b, tolerance)) {
        None => Ok(()),
        Some(at) => {
            let wrong = a.iter().zip(&b).filter(|(a, b)| !close(a, b, tolerance)).count();
            Err(format!(
                "{wrong} of {} elements differ; [{at}]: expected {:?}, found {:?}",
                a.len(),
                b[at],
                a[at]
            ))
        }
    }
}

/// Results of half types may be off by some units of the last place, or by what `HALF` says.
fn half_tolerance() -> f64 {
    std::env::var("HALF")
        .ok()
        .and_then(|t| t.parse().ok())
        .unwrap_or(1e-2)
}

/// Tensors of a result in order; numbers as 0-d tensors.
fn flatten(value: &IValue, into: &mut Vec<Tensor>) -> Result<(), String> {
    match value {
        IValue::Tensor(t) => into.push(t.clone()),
        IValue::Tuple(t) => t.items.iter().try_for_each(|v| flatten(v, into))?,
        IValue::List(l) => l.to_vec().iter().try_for_each(|v| flatten(v, into))?,
        other => match other.as_scalar() {
            Some(s) => into.push(Tensor::scalar_tensor(s, s.dtype()).map_err(|e| e.message)?),
            None => return Err(format!("a result of type {}", other.type_name())),
        },
    }
    Ok(())
}

fn run_case(case: &Module) -> Outcome {
    let budget = Budget {
        deadline: Some(Instant::now() + Duration::from_secs(20)),
        ..Budget::default()
    };
    let mut context = Context::new();
    context.warn = Box::new(|_| ());
    context.stdout = Box::new(|_| ());
    let runtime = Arc::new(Runtime::new(context, budget));
    let dummy = match Tensor::zeros(&[1], DType::Float) {
        Ok(dummy) => IValue::Tensor(dummy),
        Err(error) => return Outcome::Failed(error.message),
    };
    let result = match case.call(&runtime, "forward", vec![dummy], Vec::new()) {
        Ok(result) => result,
        Err(error) if *error.kind() == ErrorKind::Unsupported => {
            return Outcome::Unsupported(error.message().to_string());
        }
        Err(error) => return Outcome::Failed(error.message().to_string()),
    };
    let mut got = Vec::new();
    if let Err(why) = flatten(&result, &mut got) {
        return Outcome::Failed(why);
    }
    let object = case.object();
    let want: Vec<Tensor> = (0..)
        .map_while(|i| {
            object
                .get(&format!("out_{i}"))
                .and_then(|v| v.as_tensor().cloned())
        })
        .collect();
    if got.len() != want.len() {
        return Outcome::Failed(format!("expected {} results, found {}", want.len(), got.len()));
    }
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        if let Err(why) = compare(got, want) {
            return Outcome::Failed(format!("out_{i}: {why}"));
        }
    }
    Outcome::Passed
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(panic.downcast_ref::<&str>().copied());
    format!("PANIC: {}", text.unwrap_or("?"))
}

fn run_archive(path: &Path) -> Tally {
    let mut tally = Tally::default();
    let module = match load(path, &LoadOptions::default()) {
        Ok(module) => module,
        Err(error) => {
            tally.failed.push(format!("load: {error}"));
            return tally;
        }
    };
    for (name, case) in module.children() {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| run_case(&case)))
            .unwrap_or_else(|panic| Outcome::Failed(message_of(&*panic)));
        match outcome {
            Outcome::Passed => tally.passed += 1,
            Outcome::Failed(why) => tally.failed.push(format!("{name}: {why}")),
            Outcome::Unsupported(why) => tally.unsupported.push(format!("{name}: {why}")),
        }
    }
    tally
}

#[test]
fn operator_cases() {
    let Some(folder) = conformance() else {
        println!("skipped: no conformance data; set FLAMBEAU_CONFORMANCE to its folder");
        return;
    };
    let only = std::env::var("CASE").ok();
    let mut archives: Vec<PathBuf> = std::fs::read_dir(folder.join("ops"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "pt"))
        .filter(|path| {
            only.as_ref()
                .is_none_or(|only| path.file_stem().is_some_and(|s| s == only.as_str()))
        })
        .collect();
    archives.sort();
    assert!(!archives.is_empty(), "no archive in {}", folder.display());

    if only.is_none() {
        // Panics are counted; their backtraces would bury the table.
        std::panic::set_hook(Box::new(|_| ()));
    }
    let results: Mutex<BTreeMap<String, Tally>> = Mutex::default();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, |n| n.get()) {
            scope.spawn(|| {
                while let Some(path) = archives.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = path
                        .file_stem()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned();
                    let tally = run_archive(path);
                    if let Ok(mut results) = results.lock() {
                        results.insert(name, tally);
                    }
                }
            });
        }
    });
    let _ = std::panic::take_hook();

    let results = results.into_inner().unwrap_or_default();
    let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
    println!("{:>7} {:>7} {:>11}  operator", "passed", "failed", "unsupported");
    for (name, tally) in &results {
        passed += tally.passed;
        failed += tally.failed.len();
        unsupported += tally.unsupported.len();
        println!(
            "{:>7} {:>7} {:>11}  {name}",
            tally.passed,
            tally.failed.len(),
            tally.unsupported.len()
        );
        let shown = if only.is_some() || std::env::var_os("ALL").is_some() {
            usize::MAX
        } else {
            1
        };
        for line in tally
            .failed
            .iter()
            .take(shown)
            .chain(tally.unsupported.iter().take(shown))
        {
            println!("{:29}{line}", "");
        }
    }
    let total = passed + failed + unsupported;
    println!("{passed} of {total} cases passed, {failed} failed, {unsupported} unsupported");
    // Another folder of cases has another count.
    if only.is_some() || std::env::var_os("ALL").is_some() {
        return;
    }
    let pin = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ops.count");
    let pinned: usize = std::fs::read_to_string(&pin)
        .ok()
        .and_then(|t| t.trim().parse().ok())
        .unwrap_or(0);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&pin, format!("{}\n", passed.max(pinned))).expect("the count can be written");
    }
    assert!(passed >= pinned, "{passed} cases pass; {pinned} did before");
}
