//! `flambeau compile SOURCE`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flambeau::Program;

use super::{Model, Result, render};

#[derive(Args)]
pub struct Compile {
    #[command(flatten)]
    model: Model,
    /// Save the function or the module as an archive that PyTorch loads
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Compile {
    pub fn run(self) -> Result<ExitCode> {
        if let Some(output) = &self.output {
            let module = self.model.load()?;
            module.save(output).map_err(|e| e.to_string())?;
            return Ok(ExitCode::SUCCESS);
        }
        let path = &self.model.model;
        let program = Program::load(path).map_err(|e| render(&e))?;
        let errors = program.check();
        for error in &errors {
            eprint!("{}", render(error));
        }
        match errors.len() {
            0 => {
                outln!("{}: {}", path.display(), program.names().join(", "));
                Ok(ExitCode::SUCCESS)
            }
            1 => Err(format!("{}: one error", path.display())),
            count => Err(format!("{}: {count} errors", path.display())),
        }
    }
}
