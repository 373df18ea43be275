//! Servers and services of a single test, which can kill and restart them. They are stopped when they are dropped.

mod kafka;
mod process;
mod redis;
mod service;

use std::{net::TcpListener, time::Duration};

use crate::eventually_within;

pub use kafka::Kafka;
pub use redis::Redis;
pub use service::Service;

/// Returns a port that is currently free.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("the listener is bound").port()
}

async fn wait_until_listening(what: &str, port: u16, deadline: Duration) {
    eventually_within(deadline, &format!("{what} on port {port}"), || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .ok()
    })
    .await;
}
