//! Every kernel with arguments that only fit its schema's types: sizes that disagree, empty and overlapping tensors, NaN,
//! the ends of i64, names that mean nothing. Errors are right and wrong results are not seen here; panics are failures.
//!
//! ```text
//! ROUNDS=200  calls of each row; a few by default (many: with a limit of memory, `ulimit -v`)
//! SEED=7      other arguments
//! ONLY=conv   rows whose name contains this
//! ```

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flambeau_ir::ops::Context;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_ops::table;
use flambeau_tensor::{Complex, DType, Tensor};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

const DTYPES: [DType; 12] = [
    DType::Float,
    DType::Double,
    DType::Half,
    DType::BFloat16,
    DType::ComplexFloat,
    DType::ComplexDouble,
    DType::Byte,
    DType::Char,
    DType::Short,
    DType::Int,
    DType::Long,
    DType::Bool,
];

const WORDS: &[&str] = &[
    "",
    "mean",
    "sum",
    "max",
    "min",
    "amax",
    "prod",
    "none",
    "bilinear",
    "reflect",
    "replicate",
    "circular",
    "constant",
    "linear",
    "nearest",
    "lower",
    "ij",
    "xy",
    "tanh",
    "erf",
    "trunc",
    "floor",
    "ortho",
    "forward",
    "backward",
    "fro",
    "nuc",
    "L",
    "gels",
    "gelsd",
    "same",
    "valid",
    "ij,jk->ik",
    "i...->",
    "ii",
    "left",
    "right",
    "complete",
    "reduced",
    "r",
    "é",
];

/// What the arguments of one call have in common, so that some calls get past the checks.
struct Theme {
    sizes: Vec<i64>,
    dtype: DType,
}

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn int(&mut self) -> i64 {
        match self.below(24) {
            0 => i64::MAX,
            1 => i64::MIN,
            2 => [i64::MAX - 1, 1 << 62, -(1 << 62), i32::MIN as i64, -(1 << 31) - 1][self.below(5)],
            3 => self.below(300) as i64 - 150,
            _ => self.below(8) as i64 - 2,
        }
    }

    fn float(&mut self) -> f64 {
        match self.below(12) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -f64::INFINITY,
            3 => [1e308, -1e308, 1e-320, -0.0, 1e19, -1e19][self.below(6)],
            4..8 => self.below(5) as f64 - 1.0,
            _ => self.below(64) as f64 / 16.0 - 2.0,
        }
    }

    fn theme(&mut self) -> Theme {
        let dims = [0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5][self.below(11)];
        let mut sizes: Vec<i64> = (0..dims).map(|_| 1 + self.below(4) as i64).collect();
        if dims > 0 && self.one_in(8) {
            let at = self.below(dims);
            sizes[at] = 0;
        }
        if dims >= 2 && self.one_in(2) {
            sizes[dims - 1] = sizes[dims - 2];
        }
        let dtype = match self.below(6) {
            0..3 => DType::Float,
            3 => DType::Long,
            _ => DTYPES[self.below(DTYPES.len())],
        };
        Theme { sizes, dtype }
    }

    fn tensor(&mut self, theme: &Theme) -> Tensor {
        let mut sizes = theme.sizes.clone();
        match self.below(10) {
            0 => sizes = self.theme().sizes,
            1 if !sizes.is_empty() => {
                sizes.remove(0);
            }
            2 if !sizes.is_empty() => {
                sizes.pop();
            }
            3 if !sizes.is_empty() => {
                let at = self.below(sizes.len());
                sizes[at] = 1;
            }
            4 => sizes.clear(),
            _ => {}
        }
        let dtype = match self.below(6) {
            0 => DTYPES[self.below(DTYPES.len())],
            1 => DType::Long,
            2 => DType::Bool,
            _ => theme.dtype,
        };
        let n = sizes.iter().product::<i64>() as usize;
        let wild = self.one_in(4);
        let values: Vec<f64> = (0..n)
            .map(|_| {
                if wild {
                    self.float()
                } else {
                    self.below(6) as f64 - 1.0
                }
            })
            .collect();
        let plain = Tensor::from_vec(values, &sizes).unwrap().to_dtype(dtype).unwrap();
        if sizes.is_empty() || n == 0 {
            return plain;
        }
        let dim = self.below(sizes.len()) as i64;
        match self.below(6) {
            0 => plain.transpose(0, dim).unwrap(),
            1 => plain.narrow(dim, 0, 1).unwrap().expand(&sizes).unwrap(),
            2 => plain.slice(dim, Some(1), None, 1).unwrap(),
            _ => plain,
        }
    }

    fn value(&mut self, ty: &Type, theme: &Theme, depth: usize) -> Option<IValue> {
        Some(match ty {
            Type::Tensor(_) => IValue::Tensor(self.tensor(theme)),
            Type::Bool | Type::SymBool => IValue::Bool(self.one_in(2)),
            Type::Int | Type::SymInt => IValue::Int(self.int()),
            Type::Float => IValue::Double(self.float()),
            Type::Complex => IValue::Complex(Complex::new(self.float(), self.float())),
            Type::Number => match self.below(6) {
                0 => IValue::Complex(Complex::new(self.float(), self.float())),
                1 => IValue::Bool(self.one_in(2)),
                2 | 3 => IValue::Int(self.int()),
                _ => IValue::Double(self.float()),
            },
            Type::Str => IValue::str(WORDS[self.below(WORDS.len())]),
            Type::ScalarType => IValue::Int(if self.one_in(12) {
                self.int()
            } else {
                self.below(16) as i64
            }),
            Type::Layout | Type::MemoryFormat => IValue::Int(self.below(5) as i64),
            Type::Device | Type::Generator => return None,
            Type::Optional(inner) => {
                if self.one_in(2) {
                    IValue::None
                } else {
                    self.value(inner, theme, depth).unwrap_or_default()
                }
            }
            Type::List(inner) => {
                let usual = theme.sizes.len();
                let n = match self.below(6) {
                    0 => 0,
                    1 => 1,
                    2 => 2,
                    3 => self.below(7),
                    _ => usual,
                };
                // A list of sizes that fits now and then.
                if matches!(**inner, Type::Int | Type::SymInt) && self.one_in(3) {
                    return Some(IValue::ints(theme.sizes.iter().copied()));
                }
                let items: Option<Vec<IValue>> =
                    (0..n).map(|_| self.value(inner, theme, depth + 1)).collect();
                IValue::list((**inner).clone(), items?)
            }
            Type::Tuple(_) | Type::Var(_) | Type::Any if depth < 3 => match self.below(4) {
                0 => IValue::Int(self.int()),
                1 => IValue::Tensor(self.tensor(theme)),
                2 => IValue::str(WORDS[self.below(WORDS.len())]),
                _ => IValue::ints((0..self.below(4)).map(|_| 0).collect::<Vec<i64>>()),
            },
            _ => return None,
        })
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

fn show(value: &IValue) -> String {
    match value {
        IValue::Tensor(t) => format!("{}{:?}/{:?}", t.dtype().name(), t.sizes(), t.strides()),
        IValue::List(l) => format!("[{}]", l.to_vec().iter().map(show).collect::<Vec<_>>().join(", ")),
        IValue::None => "None".into(),
        IValue::Int(i) => i.to_string(),
        IValue::Double(f) => format!("{f:?}"),
        IValue::Bool(b) => b.to_string(),
        IValue::Str(s) => format!("{s:?}"),
        IValue::Complex(c) => format!("{c}"),
        other => other.type_name(),
    }
}

#[test]
fn kernels_do_not_panic() {
    let (rounds, seed) = (setting("ROUNDS", 4), setting("SEED", 1));
    let only = std::env::var("ONLY").ok();
    let rows: Vec<_> = table()
        .all()
        .into_iter()
        .filter(|op| op.kernel.is_some())
        .filter(|op| {
            only.as_ref()
                .is_none_or(|only| op.full_name().contains(only.as_str()))
        })
        // These run for as long as their arguments say.
        .filter(|op| !matches!(op.name(), "aten::_sleep" | "aten::sleep"))
        .collect();
    let panics: Mutex<BTreeMap<String, String>> = Mutex::default();
    let slow: Mutex<BTreeMap<String, String>> = Mutex::default();
    let (next, succeeded, called) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::panic::set_hook(Box::new(|_| ()));
    let running: Mutex<BTreeMap<usize, (Instant, String)>> = Mutex::default();
    let working = AtomicUsize::new(0);
    let worker = |me: usize| {
        while let Some(op) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            for round in 0..rounds {
                let name = op.full_name();
                let start = name.bytes().fold(seed.wrapping_mul(1_000_003) + round, |h, b| {
                    h.wrapping_mul(31).wrapping_add(b as u64)
                });
                let mut numbers = Numbers(start);
                numbers.below(2);
                let theme = numbers.theme();
                let args: Vec<IValue> = op
                    .schema()
                    .arguments
                    .iter()
                    .map(|a| match &a.default {
                        Some(default) if numbers.one_in(2) => default.clone(),
                        default => numbers
                            .value(&a.ty, &theme, 0)
                            .or_else(|| default.clone())
                            .unwrap_or_default(),
                    })
                    .collect();
                let text = format!("{name}({})", args.iter().map(show).collect::<Vec<_>>().join(", "));
                if std::env::var_os("TRACE").is_some() {
                    eprintln!("{text}");
                }
                let begun = Instant::now();
                if let Ok(mut running) = running.lock() {
                    running.insert(me, (begun, text.clone()));
                }
                let mut context = Context::new();
                context.warn = Box::new(|_| ());
                context.stdout = Box::new(|_| ());
                let Some(kernel) = &op.kernel else { continue };
                called.fetch_add(1, Ordering::Relaxed);
                match catch_unwind(AssertUnwindSafe(|| (kernel.run)(&context, &args).is_ok())) {
                    Ok(true) => {
                        succeeded.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(false) => {}
                    Err(panic) => {
                        let why = panic
                            .downcast_ref::<String>()
                            .cloned()
                            .or(panic.downcast_ref::<&str>().map(|s| s.to_string()))
                            .unwrap_or_default();
                        let mut panics = panics.lock().unwrap_or_else(|e| e.into_inner());
                        panics.entry(name.to_string()).or_insert(format!("{text}: {why}"));
                    }
                }
                if let Ok(mut running) = running.lock() {
                    running.remove(&me);
                }
                if begun.elapsed() > Duration::from_secs(3) {
                    let mut slow = slow.lock().unwrap_or_else(|e| e.into_inner());
                    slow.entry(text).or_insert(format!("{:?}", begun.elapsed()));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for me in 0..std::thread::available_parallelism().map_or(2, |n| n.get()) {
            working.fetch_add(1, Ordering::Relaxed);
            let (worker, working) = (&worker, &working);
            scope.spawn(move || {
                worker(me);
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        // A kernel cannot be interrupted: one that does not come back ends the test.
        while working.load(Ordering::Relaxed) > 0 {
            std::thread::sleep(Duration::from_millis(20));
            let late = running.lock().map(|r| {
                r.values()
                    .find(|r| r.0.elapsed() > Duration::from_secs(30))
                    .cloned()
            });
            if let Ok(Some((_, text))) = late {
                eprintln!("does not end: {text}");
                std::process::exit(1);
            }
        }
    });
    let _ = std::panic::take_hook();
    println!(
        "{} rows, {} calls, of which {} succeeded",
        rows.len(),
        called.into_inner(),
        succeeded.into_inner()
    );
    for (text, time) in slow.into_inner().unwrap_or_default() {
        println!("slow: {text}: {time}");
    }
    let panics = panics.into_inner().unwrap_or_default();
    let lines: Vec<&String> = panics.values().collect();
    assert!(lines.is_empty(), "{} rows panic:\n{lines:#?}", lines.len());
}
