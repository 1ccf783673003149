//! `shirase`: reads the command line and nothing else; each verb is a file of `app`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command = shirase::app::Cli::parse();
    match shirase::app::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("shirase: {failure}");
            failure.exit.into()
        }
    }
}
