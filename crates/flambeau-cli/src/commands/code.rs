//! `flambeau code MODEL`

use std::process::ExitCode;

use clap::Args;

use super::{Model, Result};

#[derive(Args)]
pub struct Code {
    #[command(flatten)]
    model: Model,
    /// This method only
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// The source files of the archive, as they are
    #[arg(long, conflicts_with = "method")]
    files: bool,
}

impl Code {
    pub fn run(self) -> Result<ExitCode> {
        if let Some(function) = self.model.function()? {
            out!("{}", function.code().map_err(|e| e.to_string())?);
            return Ok(ExitCode::SUCCESS);
        }
        let module = self.model.load_to_look()?;
        if self.files {
            for name in module.code_files() {
                outln!(
                    "# {name}\n{}",
                    module.code_file(&name).map_err(|e| e.to_string())?
                );
            }
            return Ok(ExitCode::SUCCESS);
        }
        let methods = match &self.method {
            Some(method) => vec![method.clone()],
            None => module.method_names(),
        };
        for method in methods {
            out!("{}", module.code(&method).map_err(|e| e.to_string())?);
        }
        Ok(ExitCode::SUCCESS)
    }
}
