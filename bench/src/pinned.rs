//! One turn of a side: a process pinned to the program's core, while the load of the servers' core is measured.

use std::{env, fs, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
};

use crate::{
    environment::{Environment, RUN, SCALE},
    reading::Reading,
};

/// Time limit of a turn.
pub const PATIENCE: Duration = Duration::from_mins(15);

/// The cores of a run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Cores {
    /// The core of the measured program.
    pub program: usize,
    /// The core of broker, database and registry.
    pub servers: usize,
}

impl Cores {
    /// Reads the environment variables set by `scripts/bench`.
    ///
    /// # Errors
    /// A variable is not a number, or the machine has no such core.
    pub fn from_env() -> anyhow::Result<Self> {
        let core = |name: &str, usual: usize| {
            let core = env::var(name).map_or(Ok(usual), |core| core.parse());
            let core = core.with_context(|| format!("{name} must be the number of a core"))?;
            ticks(core).with_context(|| format!("{name}={core}: this machine has no such core"))?;
            Ok::<_, anyhow::Error>(core)
        };
        Ok(Self {
            program: core("BENCH_PROGRAM_CORE", 1)?,
            servers: core("BENCH_SERVER_CORE", 0)?,
        })
    }
}

/// One turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn {
    /// Number of the round, from 1.
    pub round: u32,
    /// The measurements.
    #[serde(flatten)]
    pub reading: Reading,
    /// Fraction of the process's lifetime in which the servers' core was busy.
    pub servers_busy: f64,
}

/// Runs a side of a work.
///
/// # Errors
/// The side failed or exceeded the time limit. Its processes have ended.
pub async fn turn(
    environment: &Environment,
    cores: Cores,
    (work, side): (&str, &str),
    round: u32,
) -> anyhow::Result<Turn> {
    let before = ticks(cores.servers)?;
    let child = Command::new("taskset")
        .args(["-c", &cores.program.to_string()])
        .arg(env::current_exe()?)
        .args(["side", work, side])
        .env(RUN, &environment.run)
        .env(SCALE, environment.scale.to_string())
        // The end of its output must be the cause, not a backtrace.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("cannot start taskset: install the package util-linux")?;
    let said = outcome(child).await?;
    let after = ticks(cores.servers)?;
    Ok(Turn {
        round,
        reading: last_line(&said)?,
        servers_busy: after.busy_since(before),
    })
}

/// Returns the output of a side that ended successfully.
async fn outcome(mut child: Child) -> anyhow::Result<String> {
    let mut group = Group::of(&child)?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = (
        child.stdout.take().context("piped")?,
        child.stderr.take().context("piped")?,
    );
    let ended = tokio::time::timeout(PATIENCE, async {
        tokio::try_join!(
            streams.0.read_to_end(&mut out),
            streams.1.read_to_end(&mut err),
            child.wait()
        )
    })
    .await;
    let complaint = || last_lines(&String::from_utf8_lossy(&err), 15);
    let Ok(ended) = ended else {
        let minutes = PATIENCE.as_secs() / 60;
        bail!("not finished after {minutes} minutes\n{}", complaint());
    };
    let (_, _, status) = ended?;
    group.ended();
    if !status.success() {
        bail!("{status}\n{}", complaint());
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The process group of a side. It is terminated when this value is dropped, also if the run is interrupted.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> anyhow::Result<Self> {
        let leader = child.id().context("the process has no id")?;
        Ok(Self(Some(Pid::from_raw(i32::try_from(leader)?))))
    }

    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Fails if the group has ended already.
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}

fn last_line(said: &str) -> anyhow::Result<Reading> {
    let line = said.lines().rfind(|line| !line.trim().is_empty());
    let line = line.context("it printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("its last line is not a reading: {line}"))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Busy and total time of a core since the machine started, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Ticks {
    /// Returns the fraction of the time since `before` in which the core was busy.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn busy_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.busy.saturating_sub(before.busy) as f64 / all as f64
    }
}

fn ticks(core: usize) -> anyhow::Result<Ticks> {
    let stat = fs::read_to_string("/proc/stat")?;
    ticks_in(&stat, core).with_context(|| format!("/proc/stat has no core {core}"))
}

/// `cpu0 user nice system idle iowait irq softirq steal …`
fn ticks_in(stat: &str, core: usize) -> Option<Ticks> {
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
    let fields = line.split_whitespace().take(8).map(str::parse);
    let fields: Vec<u64> = fields.collect::<Result<_, _>>().ok()?;
    let [user, nice, system, idle, waiting, hard, soft, stolen] = fields.try_into().ok()?;
    let busy = user + nice + system + hard + soft;
    Some(Ticks {
        busy,
        all: busy + idle + waiting + stolen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  30 0 20 100 0 0 0 0 0 0\n\
                        cpu0 10 1 5 50 4 2 3 25 7 0\n\
                        cpu1 20 0 10 50 0 0 0 0 0 0\n";

    #[test]
    fn a_core_is_busy_when_it_neither_idles_nor_waits() {
        let ticks = ticks_in(STAT, 0).unwrap();
        assert_eq!(ticks, Ticks { busy: 21, all: 100 });
        let before = Ticks { busy: 11, all: 80 };
        assert!((ticks.busy_since(before) - 0.5).abs() < 1e-9);
        assert!(ticks.busy_since(ticks).abs() < 1e-9);
        assert_eq!(ticks_in(STAT, 2), None);
    }

    #[test]
    fn the_reading_is_in_the_last_line() {
        let said = "a word before\n{\"events\":3,\"seconds\":1.5,\"cpu_seconds\":0.5}\n\n";
        assert_eq!(last_line(said).unwrap().events, 3);
        assert!(last_line("").is_err());
        assert!(last_line("{}").is_err());
    }

    #[test]
    fn of_a_long_complaint_the_end_is_told() {
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }

    #[tokio::test]
    async fn what_a_side_started_ends_with_it() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 600 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        drop(Group::of(&child).unwrap());
        assert!(!child.wait().await.unwrap().success());
    }
}
