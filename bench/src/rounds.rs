//! Rounds: the sides of a work run alternately, so that disturbances affect all of them.

use std::{
    fs,
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    net::TcpStream,
    signal::unix::{SignalKind, signal},
};

use crate::{
    environment::Environment,
    machine::{self, Machine, Versions},
    numbers,
    pinned::{self, Cores, PATIENCE, Turn},
    plan::Plan,
    reading::Reading,
    report,
    results::{Results, Settings, WorkResult},
    works::{Side, Work},
};

/// Interval of progress messages.
const BEAT: Duration = Duration::from_secs(10);

/// Measures the works of a plan, stores the results, and prints the goals.
///
/// # Errors
/// A prerequisite is missing, a side failed, or the run was interrupted. Completed measurements are stored; those of an
/// interrupted run in a file beside the results.
pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let (mut terminated, mut hung_up) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    );
    tokio::select! {
        outcome = measure(plan) => outcome,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("interrupted"),
        _ = hung_up.recv() => bail!("interrupted"),
    }
}

async fn measure(plan: &Plan) -> anyhow::Result<()> {
    ensure!(plan.scale > 0.0, "--scale must be greater than 0");
    let works = plan.works()?;
    let (environment, cores) = (
        Environment {
            scale: plan.scale,
            ..Environment::from_env()?
        },
        Cores::from_env()?,
    );
    check(&environment).await?;
    let mut results = begin(plan, &environment, cores).await?;
    let (out, unfinished) = (plan.out(), plan.out().with_extension("json.part"));
    for work in works {
        let result = one(&environment, cores, work, plan.rounds).await;
        results.works.push(result);
        keep(&results, &unfinished)?;
    }
    if plan.renew {
        let kept = fs::read_to_string(&out).with_context(|| format!("{}", out.display()))?;
        let later = std::mem::replace(&mut results, serde_json::from_str(&kept)?);
        results.renew(later)?;
        keep(&results, &unfinished)?;
    }
    fs::rename(&unfinished, &out)?;
    println!("\n{}stored in {}", report::goals(&results), out.display());
    let failures = results.works.iter().flat_map(|work| &work.failures).count();
    ensure!(
        failures == 0,
        "{failures} turns failed; see the messages above and the results"
    );
    Ok(())
}

async fn begin(plan: &Plan, environment: &Environment, cores: Cores) -> anyhow::Result<Results> {
    let optimised = !cfg!(debug_assertions);
    if !optimised {
        println!(
            "warning: this program was built without optimisation; its figures are meaningless"
        );
    }
    Ok(Results {
        date: OffsetDateTime::now_utc()
            .replace_nanosecond(0)?
            .format(&Rfc3339)?,
        commit: machine::commit(),
        machine: Machine::this(),
        versions: Versions::of(environment).await,
        settings: Settings {
            whole: plan.whole(),
            rounds: plan.rounds,
            scale: plan.scale,
            cores,
            optimised,
        },
        works: Vec::new(),
    })
}

/// Checks all prerequisites, so that a run does not fail after half an hour.
async fn check(environment: &Environment) -> anyhow::Result<()> {
    listens("Kafka", &environment.kafka).await?;
    let registry = environment.registry.split("://").last().unwrap_or_default();
    listens(
        "the registry",
        registry.split('/').next().unwrap_or_default(),
    )
    .await?;
    machine::postgresql(&environment.postgres)
        .await
        .context("PostgreSQL does not respond: is the bench stack up?")?;
    let program = environment.rivals.join("rdkafka_performance");
    ensure!(
        program.is_file(),
        "{} does not exist: `make bench` builds it",
        program.display()
    );
    Ok(())
}

async fn listens(name: &str, address: &str) -> anyhow::Result<()> {
    let connecting = tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(address));
    let connected = connecting.await.map_err(anyhow::Error::from);
    connected
        .and_then(|connected| Ok(connected?))
        .with_context(|| format!("{name} does not respond at {address}: is the bench stack up?"))?;
    Ok(())
}

/// Runs all rounds of one work. A side that fails is excluded from further rounds.
async fn one(environment: &Environment, cores: Cores, work: &dyn Work, rounds: u32) -> WorkResult {
    println!("\n{}: {}", work.name(), work.title());
    let (sides, mut failures) = (work.sides(), Vec::new());
    let mut turns: Vec<Vec<Turn>> = sides.iter().map(|_| Vec::new()).collect();
    let mut able = vec![true; sides.len()];
    if let Err(error) = with_progress("preparing", work.prepare(environment)).await {
        failures.push(report_failure(format!("preparing: {error:#}")));
        able.fill(false);
    }
    for round in 1..=rounds {
        for number in order(sides, round) {
            if !able[number] {
                continue;
            }
            let side = sides[number].name;
            let what = format!("round {round} of {rounds}, {side}");
            match with_progress(&what, turn(environment, cores, work, side, round)).await {
                Ok(turn) => turns[number].push(turn),
                Err(error) => {
                    able[number] = false;
                    failures.push(report_failure(format!("{what}: {error:#}")));
                }
            }
        }
    }
    if let Err(error) = with_progress("cleaning up", work.clean(environment)).await {
        failures.push(report_failure(format!("cleaning up: {error:#}")));
    }
    WorkResult::of(work, rounds, turns, failures)
}

async fn turn(
    environment: &Environment,
    cores: Cores,
    work: &dyn Work,
    side: &str,
    round: u32,
) -> anyhow::Result<Turn> {
    let ready = tokio::time::timeout(PATIENCE, work.ready(environment, side));
    ready
        .await
        .context("not ready in time")?
        .context("restoring the state")?;
    let turn = pinned::turn(environment, cores, (work.name(), side), round).await?;
    println!("    {}", in_words(&turn.reading));
    Ok(turn)
}

fn in_words(reading: &Reading) -> String {
    let mut words = vec![format!(
        "{} events in {:.2} s",
        reading.events, reading.seconds
    )];
    if let Some(latency) = reading.latency {
        words.push(format!("p50 {:.0} µs", latency.p50));
        words.push(format!("p99 {:.0} µs", latency.p99));
    }
    for (name, value) in &reading.also {
        words.push(format!(
            "{} {}",
            name.replace('_', " "),
            numbers::plain(*value)
        ));
    }
    words.join(", ")
}

/// Returns the indices of the sides that take part in a round; each round starts with another side.
fn order(sides: &[Side], round: u32) -> Vec<usize> {
    let taking_part = |number: &usize| round == 1 || sides[*number].every_round;
    let mut order: Vec<usize> = (0..sides.len()).filter(taking_part).collect();
    let first = (round - 1) as usize % order.len().max(1);
    order.rotate_left(first);
    order
}

fn report_failure(failure: String) -> String {
    eprintln!("    failed: {failure}");
    failure
}

/// Prints what is being done, and progress messages until it is finished.
async fn with_progress<T>(what: &str, doing: impl Future<Output = T>) -> T {
    println!("  {what}");
    let begun = Instant::now();
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    tokio::pin!(doing);
    loop {
        tokio::select! {
            done = &mut doing => return done,
            _ = beat.tick() => println!("    … {} s", begun.elapsed().as_secs()),
        }
    }
}

fn keep(results: &Results, file: &Path) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(results)? + "\n";
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_another_side() {
        const SIDES: &[Side] = &[
            Side {
                name: "a",
                what: "",
                every_round: true,
            },
            Side {
                name: "b",
                what: "",
                every_round: false,
            },
            Side {
                name: "c",
                what: "",
                every_round: true,
            },
        ];
        assert_eq!(order(SIDES, 1), [0, 1, 2]);
        assert_eq!(order(SIDES, 2), [2, 0]);
        assert_eq!(order(SIDES, 3), [0, 2]);
        assert!(order(&[], 2).is_empty());
    }
}
