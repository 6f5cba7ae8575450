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
    if let Some(bytes) = free_memory() {
        flambeau::set_max_allocation(bytes);
    }
    match cli.command.run() {
        Ok(code) => code,
        // An error in a program's text is drawn already.
        Err(message) if commands::is_drawn(&message) => {
            eprint!("{message}");
            ExitCode::from(2)
        }
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

/// What memory and swap have left, where the system says so. One tensor that is larger would end the process without a
/// word instead of with an error.
fn free_memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()
    };
    let bytes = kilobytes("MemAvailable:")? + kilobytes("SwapFree:").unwrap_or(0);
    bytes.checked_mul(1024)
}
