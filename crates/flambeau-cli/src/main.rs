//! `flambeau`: TorchScript archives from the shell. One file per subcommand in `commands`.

#![forbid(unsafe_code)]

mod commands;
mod values;

use std::process::ExitCode;

use clap::Parser;

/// Run, verify and look into TorchScript archives, without PyTorch.
#[derive(Parser)]
#[command(name = "flambeau", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run() {
        Ok(code) => code,
        Err(message) => {
            eprintln!(
                "{} {}",
                commands::paint("31;1", "error:", commands::Stream::Err),
                message.trim_end()
            );
            ExitCode::from(2)
        }
    }
}
