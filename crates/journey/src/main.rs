//! Runs the journey on the local stack, for `make demo`.

use std::process::ExitCode;

use journey::{Endpoints, Report, run};

#[tokio::main]
async fn main() -> ExitCode {
    let endpoints = match Endpoints::from_environment() {
        Ok(endpoints) => endpoints,
        Err(error) => {
            eprintln!("journey: {error:#}");
            return ExitCode::from(78);
        }
    };
    let mut report = Report::printing();
    match run(endpoints, &mut report).await {
        Ok(()) => {
            report.end();
            report.print_summary();
            ExitCode::SUCCESS
        }
        Err(error) => {
            let step = report.current().unwrap_or("setup");
            eprintln!(
                "\nFAILED in step {}: {step}\n  {error:#}",
                report.steps().len() + 1
            );
            ExitCode::FAILURE
        }
    }
}
