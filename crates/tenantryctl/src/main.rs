#![doc = include_str!("../README.md")]

mod consume;
mod dlq;
mod groups;
mod produce;
mod table;
mod topics;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use event_bus::{BusSettings, RegistryAccess, Security, admin::Admin};
use serde::Deserialize;

/// The exit code if an operation was not applied to all selected dead letters.
const INCOMPLETE: u8 = 3;

/// Operate the event bus: topics, records, consumer groups, dead letters.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    bus: BusArguments,
    #[command(subcommand)]
    command: Command,
}

/// How to connect to the bus.
#[derive(clap::Args)]
struct BusArguments {
    /// Kafka bootstrap servers, as host:port
    #[arg(
        long,
        global = true,
        env = "TENANTRY_KAFKA",
        default_value = "127.0.0.1:9092"
    )]
    kafka: String,
    /// The schema registry's Confluent API
    #[arg(
        long,
        global = true,
        env = "TENANTRY_REGISTRY",
        default_value = "http://127.0.0.1:8081/apis/ccompat/v7"
    )]
    registry: String,
    /// A TOML file with credentials and TLS settings for Kafka and the registry, and further librdkafka settings
    #[arg(long, global = true, env = "TENANTRY_BUS_ACCESS")]
    access: Option<PathBuf>,
    /// Prefix of all topic and group names
    #[arg(
        long,
        global = true,
        env = "TENANTRY_TOPIC_PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    /// Timeout of broker requests, in seconds
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Create, list and describe topics
    #[command(subcommand)]
    Topics(topics::Topics),
    /// Print the records of a topic: position, time, envelope, decoded payload, and failure headers of dead letters
    Consume(consume::Consume),
    /// Publish records to a topic, one per line of standard input
    #[command(long_about = produce::HELP)]
    Produce(produce::Produce),
    /// List consumer groups: state, members, and lag by partition
    Groups(groups::Groups),
    /// List, show, replay and discard dead letters
    #[command(subcommand)]
    Dlq(Box<dlq::Dlq>),
}

/// The connection to the bus, shared by all commands.
struct Bus {
    settings: BusSettings,
    admin: Admin,
    timeout: Duration,
}

/// Credentials and TLS settings, in the format of `event-bus`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AccessFile {
    security: Security,
    registry_access: RegistryAccess,
    /// Further librdkafka settings.
    extra: BTreeMap<String, String>,
}

impl AccessFile {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let access: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let checked = access.security.check();
        checked.with_context(|| path.display().to_string())?;
        Ok(access)
    }
}

impl Bus {
    fn new(arguments: BusArguments) -> anyhow::Result<Self> {
        let mut settings = BusSettings::new(arguments.kafka, arguments.registry);
        if let Some(path) = &arguments.access {
            let access = AccessFile::read(path)?;
            settings.security = access.security;
            settings.registry_access = access.registry_access;
            settings.extra = access.extra;
        }
        settings.topic_prefix = arguments.prefix;
        "tenantryctl".clone_into(&mut settings.client_id);
        let timeout = Duration::from_secs(arguments.timeout);
        Ok(Self {
            admin: Admin::new(&settings, timeout),
            settings,
            timeout,
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let bus = match Bus::new(cli.bus) {
        Ok(bus) => bus,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let result = match cli.command {
        Command::Topics(topics) => topics.run(&bus).await,
        Command::Consume(consume) => consume.run(&bus).await,
        Command::Produce(produce) => produce.run(&bus).await,
        Command::Groups(groups) => groups.run(&bus).await,
        Command::Dlq(dlq) => dlq.run(&bus).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error, &bus));
            if error.is::<dlq::Incomplete>() {
                ExitCode::from(INCOMPLETE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Returns whether the reader of the output, for instance `head` or a pager, has closed the pipe.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

fn one_line(error: &anyhow::Error, bus: &Bus) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let unavailable = [
        "no answer in time",
        "BrokerTransportFailure",
        "OperationTimedOut",
        "AllBrokersDown",
        "TimedOut",
        "Resolve",
    ];
    if unavailable.iter().any(|name| text.contains(name)) {
        return format!(
            "kafka at {} does not respond ({text}); check that it is running and that TENANTRY_KAFKA is correct",
            bus.settings.bootstrap
        );
    }
    text
}
