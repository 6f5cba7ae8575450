//! `flambeau run MODEL INPUT…`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use flambeau::CallOptions;

use super::{Inputs, Model, Result, method_or_forward, show};
use crate::values;

#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    inputs: Inputs,
    /// The method to call
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Write the result to a file: `.npy .npz .safetensors .json .pt .png .wav`
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Threads for the operators; 0 for one per core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Stop the model after so many seconds
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<f64>,
}

impl Run {
    pub fn run(self) -> Result<ExitCode> {
        let module = self.model.load()?;
        let method = method_or_forward(&self.method);
        let arguments = self
            .inputs
            .read(&module.schema(method).map_err(|e| e.to_string())?)?;
        module.set_num_threads(self.threads);
        let limit =
            match self.time_limit {
                Some(seconds) => Some(Duration::try_from_secs_f64(seconds).map_err(|_| {
                    format!("expected a number of seconds for `--time-limit`, found {seconds}")
                })?),
                None => None,
            };
        let options = CallOptions {
            seed: Some(self.inputs.seed),
            max_time: limit,
            ..CallOptions::default()
        };
        let result = module
            .call_with(method, &arguments.args, &arguments.named(), &options)
            .map_err(|e| e.to_string())?;
        if let Some(path) = &self.output {
            values::write_file(path, &values::literal(&result)?)?;
        }
        if self.json {
            outln!("{}", values::to_json(&values::literal(&result)?)?);
        } else if self.output.is_none() {
            outln!("{}", show(&result));
        }
        Ok(ExitCode::SUCCESS)
    }
}
