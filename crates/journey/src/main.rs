//! Walks the journey on the local stack: `make demo`.

use std::process::ExitCode;

use journey::{Places, Report, walk};

#[tokio::main]
async fn main() -> ExitCode {
    let places = match Places::from_environment() {
        Ok(places) => places,
        Err(error) => {
            eprintln!("journey: {error:#}");
            return ExitCode::from(78);
        }
    };
    let mut report = Report::printing();
    match walk(places, &mut report).await {
        Ok(()) => {
            report.end();
            report.table();
            ExitCode::SUCCESS
        }
        Err(error) => {
            let step = report.current().unwrap_or("the start");
            eprintln!(
                "\nFAILED in step {}: {step}\n  {error:#}",
                report.steps().len() + 1
            );
            ExitCode::FAILURE
        }
    }
}
