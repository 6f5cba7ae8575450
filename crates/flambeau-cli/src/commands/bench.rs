//! `flambeau bench MODEL INPUT…`: the first call, the steady state, memory, and operators by time.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use flambeau::CallOptions;
use serde_json::json;

use super::progress::Progress;
use super::{Inputs, Model, Result, Stream, method_or_forward, paint, print_json, size};

#[derive(Args)]
pub struct Bench {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    inputs: Inputs,
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Threads for the operators; 0 for one per core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seconds of steady calls
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many operators to list
    #[arg(long, default_value_t = 15)]
    top: usize,
    #[arg(long)]
    json: bool,
}

/// Resident memory now and at its highest, where the system tells.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Bench {
    pub fn run(self) -> Result<ExitCode> {
        let start = Instant::now();
        let module = self.model.load()?;
        let load = start.elapsed();
        let method = method_or_forward(&self.method);
        let arguments = self
            .inputs
            .read(&module.schema(method).map_err(|e| e.to_string())?)?;
        module.set_num_threads(self.threads);
        let options = CallOptions {
            seed: Some(self.inputs.seed),
            ..CallOptions::default()
        };
        let call = || {
            let start = Instant::now();
            let result = module.call_with(method, &arguments.args, &arguments.named(), &options);
            result.map(|_| start.elapsed()).map_err(|e| e.to_string())
        };
        let first = call()?;
        let budget = Duration::try_from_secs_f64(self.seconds).map_err(|_| {
            format!(
                "expected a number of seconds for `--seconds`, found {}",
                self.seconds
            )
        })?;
        let (start, cpu_start) = (Instant::now(), cpu_time());
        let mut times = vec![call()?];
        let mut progress = Progress::new("calls");
        while start.elapsed() < budget && times.len() < 100_000 {
            times.push(call()?);
            progress.set(start.elapsed().as_secs_f64() / budget.as_secs_f64());
        }
        drop(progress);
        let cpu = cpu_start
            .zip(cpu_time())
            .map(|(a, b)| b.saturating_sub(a) / times.len() as u32);
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        let memory = memory();
        let (_, operators) = module
            .profile(method, &arguments.args, &arguments.named(), &options)
            .map_err(|e| e.to_string())?;
        let total: Duration = operators.iter().map(|o| o.time).sum();
        if self.json {
            print_json(&json!({
                "load_ms": millis(load), "first_ms": millis(first), "median_ms": millis(at(0.5)),
                "p10_ms": millis(at(0.1)), "p90_ms": millis(at(0.9)), "calls": times.len(),
                "cpu_ms": cpu.map(millis),
                "resident_bytes": memory.map(|m| m.0), "peak_bytes": memory.map(|m| m.1),
                "operators": operators.iter().map(|o| json!({"name": o.name, "calls": o.calls, "ms": millis(o.time)})).collect::<Vec<_>>(),
            }));
            return Ok(ExitCode::SUCCESS);
        }
        outln!("load        {:10.3} ms", millis(load));
        outln!("first call  {:10.3} ms", millis(first));
        outln!(
            "steady      {:10.3} ms   median of {} calls; 80 % between {:.3} and {:.3} ms",
            millis(at(0.5)),
            times.len(),
            millis(at(0.1)),
            millis(at(0.9))
        );
        if let Some((now, peak)) = memory {
            outln!("memory      {:>13}   at most {}", size(now), size(peak));
        }
        outln!("\n{}", paint("1", "operators by time", Stream::Out));
        for operator in operators.iter().take(self.top) {
            let share = 100.0 * operator.time.as_secs_f64() / total.as_secs_f64().max(1e-12);
            outln!(
                "{:9.3} ms {share:5.1} %  {:6} ×  {}",
                millis(operator.time),
                operator.calls,
                operator.name
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How long this thread has run on a processor, where the system tells: a busy machine does not add to it.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}
