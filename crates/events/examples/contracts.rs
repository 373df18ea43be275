//! Writes what is derived from the contracts in `proto/`: `make release-schemas`, `make asyncapi`.
#![allow(clippy::print_stdout)]

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use event_bus_core::{EventType, compatibility::faults};

fn main() -> ExitCode {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let done = match env::args().nth(1).as_deref() {
        Some("asyncapi") => asyncapi(&proto.join("asyncapi.json")),
        Some("release") => release(&proto.join("released")),
        other => Err(anyhow::anyhow!(
            "unknown command {other:?} (known: asyncapi, release)"
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the document of all topics and types.
fn asyncapi(file: &Path) -> Result<()> {
    let document = events::asyncapi();
    fs::write(file, format!("{document:#}\n")).with_context(|| file.display().to_string())
}

/// Keeps the schemas of today as released ones. What was released before is never written again.
fn release(folder: &Path) -> Result<()> {
    let mut written = 0;
    for known in events::CATALOGUE {
        let released: Vec<EventType> = events::released(known.ty).copied().collect();
        let faults = faults(known, &released)?;
        if !faults.is_empty() {
            bail!("nothing more is released:\n{}", faults.join("\n"));
        }
        if released.iter().any(|old| old.version == known.version) {
            continue;
        }
        let schema = (known.schema)();
        let folder = folder.join(schema.full_name());
        let file = folder.join(format!("{}.avsc", known.version));
        let json: serde_json::Value = serde_json::from_str(schema.json())?;
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        fs::write(&file, format!("{json:#}\n")).with_context(|| file.display().to_string())?;
        println!("released {} version {}", known.ty, known.version);
        written += 1;
    }
    println!(
        "{written} released, {} were already",
        events::RELEASED.len()
    );
    Ok(())
}
