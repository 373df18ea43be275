//! Mock servers for Kafka and the registry, in a process that is not counted.

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

/// librdkafka's mock broker, and a registry with one schema.
pub struct MockServers {
    broker: MockCluster<'static, DefaultProducerContext>,
    registry: SocketAddr,
}

impl MockServers {
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let registry = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
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

    /// Creates the topic of a run, and returns its settings.
    pub fn settings(&self, events: u64) -> anyhow::Result<BusSettings> {
        let bus = settings(&self.kafka(), &self.registry(), events);
        let topic = bus.prefixed(OrderCreated::TOPIC);
        self.broker.create_topic(&topic, PARTITIONS, 1)?;
        Ok(bus)
    }
}

/// Returns the settings of a run; each number of events has a topic of its own.
pub fn settings(kafka: &str, registry: &str, events: u64) -> BusSettings {
    let mut bus = BusSettings::new(kafka, registry);
    bus.topic_prefix = format!("{events}.");
    bus
}

/// Responds to one request of a connection.
async fn answer(stream: TcpStream) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        match header.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    let body = response_body(&request)
        .context("unexpected request")?
        .to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ";
    let answer = format!("{head}{}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// Returns the response to registering or reading the schema.
fn response_body(request: &str) -> Option<Value> {
    match request.split(' ').next()? {
        "POST" => Some(json!({ "id": 1 })),
        "GET" => Some(json!({ "schema": OrderCreated::schema().json() })),
        _ => None,
    }
}
