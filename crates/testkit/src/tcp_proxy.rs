//! A TCP proxy with which a test simulates network failures.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::on_shared_runtime;

/// What a proxy does with its connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Forwarding,
    /// Connections are accepted and stay open, but nothing is forwarded.
    Stalled,
    /// Connections are closed, including new ones.
    Disconnected,
}

/// A TCP proxy in front of a server. It runs for as long as the process.
pub struct TcpProxy {
    address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
}

impl TcpProxy {
    /// Starts a forwarding proxy in front of `host:port`.
    pub async fn start(upstream: impl Into<String>) -> Self {
        let upstream = upstream.into();
        let mode = Arc::new(watch::Sender::new(Mode::Forwarding));
        let changes = Arc::clone(&mode);
        let address = on_shared_runtime(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("the listener is bound");
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(handle(client, upstream.clone(), changes.subscribe()));
                }
            });
            address
        })
        .await;
        Self { address, mode }
    }

    /// Returns the address of the proxy.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, and new ones immediately after they are accepted.
    pub fn disconnect(&self) {
        self.mode.send_replace(Mode::Disconnected);
    }

    /// Stops forwarding without closing connections, like a server that does not respond.
    pub fn stall(&self) {
        self.mode.send_replace(Mode::Stalled);
    }

    /// Forwards again.
    pub fn resume(&self) {
        self.mode.send_replace(Mode::Forwarding);
    }
}

async fn handle(client: TcpStream, upstream: String, mut mode: watch::Receiver<Mode>) {
    let forwarding = forward(client, upstream, mode.clone());
    tokio::select! {
        biased;
        _ = mode.wait_for(|mode| *mode == Mode::Disconnected) => {}
        () = forwarding => {}
    }
}

async fn forward(client: TcpStream, upstream: String, mut mode: watch::Receiver<Mode>) {
    if wait_until_forwarding(&mut mode).await.is_none() {
        return;
    }
    let Ok(upstream) = TcpStream::connect(upstream).await else {
        return;
    };
    let ((from_client, to_client), (from_upstream, to_upstream)) =
        (client.into_split(), upstream.into_split());
    tokio::join!(
        copy(from_client, to_upstream, mode.clone()),
        copy(from_upstream, to_client, mode),
    );
}

/// Copies one direction until its end, and then shuts the writing side down.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if wait_until_forwarding(&mut mode).await.is_none()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

async fn wait_until_forwarding(mode: &mut watch::Receiver<Mode>) -> Option<()> {
    let forwarding = mode.wait_for(|mode| *mode == Mode::Forwarding).await;
    forwarding.ok().map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A server that sends every byte back.
    async fn echo_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = client.split();
                    let _ended = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn echo(client: &mut TcpStream) -> std::io::Result<u8> {
        client.write_all(b"x").await?;
        client.read_u8().await
    }

    #[tokio::test]
    async fn a_proxy_forwards_stalls_and_disconnects() {
        let proxy = TcpProxy::start(echo_server().await.to_string()).await;
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(echo(&mut client).await.unwrap(), b'x');

        proxy.stall();
        let stalled = timeout(Duration::from_millis(100), echo(&mut client)).await;
        assert!(stalled.is_err());
        proxy.resume();
        assert_eq!(client.read_u8().await.unwrap(), b'x');

        proxy.disconnect();
        assert!(echo(&mut client).await.is_err());
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(echo(&mut refused).await.is_err());
        proxy.resume();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(echo(&mut client).await.unwrap(), b'x');
    }
}
