#[allow(dead_code)] // the subcommands use it
mod values;

fn main() {}
