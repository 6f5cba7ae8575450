//! `flambeau graph MODEL`

use std::process::ExitCode;

use clap::Args;

use super::{Model, Result, method_or_forward};

#[derive(Args)]
pub struct Graph {
    #[command(flatten)]
    model: Model,
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Put the bodies of called functions in the place of the calls
    #[arg(long)]
    inlined: bool,
    /// Leave out the places in the source
    #[arg(long)]
    no_locations: bool,
}

impl Graph {
    pub fn run(self) -> Result<ExitCode> {
        if let Some(function) = self.model.function()? {
            let text = match self.inlined {
                true => function.inlined_graph().map(|g| g.to_text(!self.no_locations)),
                false => function.graph().map(|g| g.to_text(!self.no_locations)),
            };
            out!("{}", text.map_err(|e| e.to_string())?);
            return Ok(ExitCode::SUCCESS);
        }
        let module = self.model.load_to_look()?;
        let method = method_or_forward(&self.method);
        let text = match self.inlined {
            true => module
                .inlined_graph(method)
                .map_err(|e| e.to_string())?
                .to_text(!self.no_locations),
            false => module
                .graph(method)
                .map_err(|e| e.to_string())?
                .to_text(!self.no_locations),
        };
        out!("{text}");
        Ok(ExitCode::SUCCESS)
    }
}
