//! Kafka and the registry without their servers, in a process that is not counted.

use std::net::SocketAddr;

use anyhow::Context;
use event_bus::{BusSettings, Event as _};
use events::order::OrderCreated;
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const PARTITIONS: i32 = 6;

/// A broker of librdkafka's own, and a registry that knows one schema.
pub struct StandIn {
    broker: MockCluster<'static, DefaultProducerContext>,
    registry: SocketAddr,
}

impl StandIn {
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let registry = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((asker, _)) = listener.accept().await {
                tokio::spawn(answer(asker));
            }
        });
        let broker = MockCluster::new(1)?;
        Ok(Self { broker, registry })
    }

    pub fn kafka(&self) -> String {
        self.broker.bootstrap_servers()
    }

    pub fn registry(&self) -> String {
        format!("http://{}/", self.registry)
    }

    /// The settings for a run with so many events, whose topic is there.
    pub fn settings(&self, events: u64) -> anyhow::Result<BusSettings> {
        let bus = settings(&self.kafka(), &self.registry(), events);
        let topic = bus.prefixed(OrderCreated::TOPIC);
        self.broker.create_topic(&topic, PARTITIONS, 1)?;
        Ok(bus)
    }
}

/// Each number of events has a topic of its own, with just so many in it.
pub fn settings(kafka: &str, registry: &str, events: u64) -> BusSettings {
    let mut bus = BusSettings::new(kafka, registry);
    bus.topic_prefix = format!("{events}.");
    bus
}

/// One connection, one answer.
async fn answer(asker: TcpStream) -> anyhow::Result<()> {
    let mut asker = BufReader::new(asker);
    let mut request = String::new();
    asker.read_line(&mut request).await?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        asker.read_line(&mut header).await?;
        match header.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    asker.read_exact(&mut vec![0; length]).await?;
    let body = said(&request).context("nobody asks that")?.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ";
    let answer = format!("{head}{}\r\n\r\n{body}", body.len());
    asker.write_all(answer.as_bytes()).await?;
    Ok(asker.shutdown().await?)
}

/// Registering gives the id that asking for the schema uses.
fn said(request: &str) -> Option<Value> {
    match request.split(' ').next()? {
        "POST" => Some(json!({ "id": 1 })),
        "GET" => Some(json!({ "schema": OrderCreated::schema().json() })),
        _ => None,
    }
}
