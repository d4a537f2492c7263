//! `icecore`: the shell and batch runner of the engine.

mod completion;
mod interactive;
mod options;
mod output;
mod progress;
mod script;
mod shell;

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use crate::options::{Input, Options};
use crate::shell::{Ended, Shell};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::from_command_line();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format_args!("no threads to run on: {error}")),
    };
    let shell = match runtime.block_on(Shell::open(&options)) {
        Ok(shell) => shell,
        Err(error) => {
            output::print_error(&error);
            return ExitCode::FAILURE;
        }
    };
    let interactive = options.inputs.is_empty() && io::stdin().is_terminal();
    let (shell, ended) = if interactive {
        interactive::run(shell, &runtime)
    } else {
        runtime.block_on(run_inputs(shell, &options))
    };
    if let Err(error) = runtime.block_on(shell.close()) {
        output::print_error(&error);
        return ExitCode::FAILURE;
    }
    match ended {
        Ok(Ended { failures: 0 }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        // Nobody reads any more, as in `icecore -c .. | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn fail(what: impl std::fmt::Display) -> ExitCode {
    eprintln!("error: {what}");
    ExitCode::FAILURE
}

/// Runs what the options name, in their order; the standard input if they name
/// nothing.
async fn run_inputs(mut shell: Shell, options: &Options) -> (Shell, io::Result<Ended>) {
    let standard_input = [Input::Piped];
    let inputs: &[Input] =
        if options.inputs.is_empty() { &standard_input } else { &options.inputs };
    let mut ended = Ended::default();
    for input in inputs {
        let outcome = match read(input) {
            Ok(text) => shell.run_script(&text).await,
            Err(error) => {
                eprintln!("error: {error}");
                Ok(Ended { failures: 1 })
            }
        };
        match outcome {
            Ok(outcome) => ended.failures += outcome.failures,
            Err(error) => return (shell, Err(error)),
        }
        if ended.failures > 0 && !options.continue_on_error {
            break;
        }
    }
    (shell, Ok(ended))
}

fn read(input: &Input) -> io::Result<String> {
    match input {
        Input::Text(text) => Ok(text.clone()),
        Input::File(path) => std::fs::read_to_string(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        Input::Piped => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            Ok(text)
        }
    }
}
