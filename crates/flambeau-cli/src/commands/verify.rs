//! `flambeau verify MODEL IO.safetensors`: recorded inputs `in.0`, `in.1`, … go in, and what comes out is compared with
//! the recorded `out…`. Numbers and bools among the outputs compare with tensors of no dimension.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flambeau::{CallOptions, DType, IValue, Scalar, Tensor};
use serde_json::json;

use super::recorded::Recorded;
use super::{Model, Result, Stream, method_or_forward, paint, print_json};

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    model: Model,
    /// Recorded inputs and outputs; lists, tuples and dicts by dotted names
    io: PathBuf,
    #[arg(long, short, value_name = "NAME")]
    method: Option<String>,
    /// Allowed difference relative to the expected value
    #[arg(long, default_value_t = 1e-3)]
    rtol: f64,
    /// Allowed difference
    #[arg(long, default_value_t = 1e-4)]
    atol: f64,
    #[arg(long)]
    json: bool,
    #[arg(long, default_value_t = 0)]
    threads: usize,
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// How one output compares.
struct Row {
    name: String,
    outcome: Outcome,
}

enum Outcome {
    Compared {
        sizes: Vec<i64>,
        wrong: usize,
        count: usize,
        absolute: f64,
        relative: f64,
    },
    Mismatch(String),
}

impl Row {
    fn agrees(&self) -> bool {
        matches!(self.outcome, Outcome::Compared { wrong: 0, .. })
    }
}

impl Verify {
    pub fn run(self) -> Result<ExitCode> {
        let module = self.model.load()?;
        let method = method_or_forward(&self.method);
        let schema = module.schema(method).map_err(|e| e.to_string())?;
        let recorded = Recorded::read(&self.io)?;
        if recorded.outputs.is_empty() {
            return Err(format!(
                "`{}` has no expected outputs: no name is `out` or begins with `out.`",
                self.io.display()
            ));
        }
        let arguments = recorded.arguments(&schema)?;
        module.set_num_threads(self.threads);
        let options = CallOptions {
            seed: Some(self.seed),
            ..CallOptions::default()
        };
        let result = module
            .call_with(method, &arguments.args, &arguments.named(), &options)
            .map_err(|e| e.to_string())?;
        let mut got = Vec::new();
        flatten("out", &result, &mut got);
        let rows: Vec<Row> = recorded
            .outputs
            .iter()
            .map(|(name, want)| self.compare(name, want, &got))
            .collect();
        let agrees = rows.iter().all(Row::agrees);
        match self.json {
            true => print_json(
                &json!({"agrees": agrees, "outputs": rows.iter().map(Row::json).collect::<Vec<_>>()}),
            ),
            false => self.print(&rows),
        }
        Ok(if agrees {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn compare(&self, name: &str, want: &Tensor, got: &[(String, Tensor)]) -> Row {
        let outcome = match got.iter().find(|(have, _)| have == name) {
            None => {
                let names: Vec<&str> = got.iter().map(|(n, _)| n.as_str()).collect();
                Outcome::Mismatch(format!(
                    "the model returned no such output; it returned [{}]",
                    names.join(", ")
                ))
            }
            Some((_, got)) if got.sizes() != want.sizes() => Outcome::Mismatch(format!(
                "expected sizes {:?}, found {:?}",
                want.sizes(),
                got.sizes()
            )),
            Some((_, got)) => match (got.to_scalars(), want.to_scalars()) {
                (Ok(a), Ok(b)) => {
                    let (mut wrong, mut absolute, mut relative) = (0, 0f64, 0f64);
                    for (a, b) in a.iter().zip(&b) {
                        let (a, b) = (a.to_complex(), b.to_complex());
                        let difference = if a == b || (a.re.is_nan() && b.re.is_nan()) {
                            0.0
                        } else {
                            (a - b).norm()
                        };
                        // A NaN on one side only compares as wrong.
                        if !(difference <= self.atol + self.rtol * b.norm()) {
                            wrong += 1;
                        }
                        let difference = if difference.is_nan() {
                            f64::INFINITY
                        } else {
                            difference
                        };
                        absolute = absolute.max(difference);
                        if b.norm() > 0.0 {
                            relative = relative.max(difference / b.norm());
                        }
                    }
                    Outcome::Compared {
                        sizes: want.sizes().to_vec(),
                        wrong,
                        count: a.len(),
                        absolute,
                        relative,
                    }
                }
                (Err(error), _) | (_, Err(error)) => Outcome::Mismatch(error.to_string()),
            },
        };
        Row {
            name: name.to_string(),
            outcome,
        }
    }

    fn print(&self, rows: &[Row]) {
        let width = rows.iter().map(|r| r.name.len()).max().unwrap_or(0);
        for row in rows {
            let verdict = match row.agrees() {
                true => paint("32", "ok  ", Stream::Out),
                false => paint("31", "FAIL", Stream::Out),
            };
            let detail = match &row.outcome {
                Outcome::Mismatch(why) => why.clone(),
                Outcome::Compared {
                    sizes,
                    wrong,
                    count,
                    absolute,
                    relative,
                } => {
                    let mut text =
                        format!("{sizes:?}  largest difference {absolute:.3e}, relative {relative:.3e}");
                    if *wrong > 0 {
                        text.push_str(&format!("; {wrong} of {count} elements are off"));
                    }
                    text
                }
            };
            outln!("{verdict} {:width$}  {detail}", row.name);
        }
    }
}

impl Row {
    fn json(&self) -> serde_json::Value {
        match &self.outcome {
            Outcome::Mismatch(why) => json!({"name": self.name, "agrees": false, "error": why}),
            Outcome::Compared {
                sizes,
                wrong,
                count,
                absolute,
                relative,
            } => json!({
                "name": self.name, "agrees": *wrong == 0, "sizes": sizes, "elements": count, "wrong": wrong,
                "largest_difference": absolute, "largest_relative_difference": relative,
            }),
        }
    }
}

/// Tensors and numbers of a result under dotted names.
fn flatten(name: &str, value: &IValue, into: &mut Vec<(String, Tensor)>) {
    let all = |items: &[IValue], into: &mut Vec<(String, Tensor)>| {
        items
            .iter()
            .enumerate()
            .for_each(|(i, item)| flatten(&format!("{name}.{i}"), item, into));
    };
    match value {
        IValue::Tensor(tensor) => into.push((name.to_string(), tensor.clone())),
        IValue::Tuple(tuple) => all(&tuple.items, into),
        IValue::List(list) => all(&list.to_vec(), into),
        IValue::Dict(dict) => {
            for (key, item) in dict.pairs() {
                flatten(
                    &format!("{name}.{}", flambeau_ir::value::print::display(&key)),
                    &item,
                    into,
                );
            }
        }
        IValue::Object(object) => {
            for attribute in object.class().attributes() {
                let item = object.get(&attribute.name).unwrap_or_default();
                flatten(&format!("{name}.{}", attribute.name), &item, into);
            }
        }
        value => {
            let number = match value {
                IValue::Bool(b) => Some(Scalar::Bool(*b)),
                IValue::Int(i) => Some(Scalar::Int(*i)),
                IValue::Double(f) => Some(Scalar::Float(*f)),
                IValue::Complex(c) => Some(Scalar::Complex(*c)),
                _ => None,
            };
            if let Some(Ok(tensor)) = number.map(|n| Tensor::from_scalars(&[n], &[], dtype_of(n))) {
                into.push((name.to_string(), tensor));
            }
        }
    }
}

/// A dtype that holds a number exactly.
fn dtype_of(number: Scalar) -> DType {
    match number {
        Scalar::Bool(_) => DType::Bool,
        Scalar::Int(_) => DType::Long,
        Scalar::Float(_) => DType::Double,
        Scalar::Complex(_) => DType::ComplexDouble,
    }
}
