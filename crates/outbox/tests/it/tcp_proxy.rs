//! A TCP proxy that can stop forwarding.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A TCP proxy. While paused, it accepts connections and data but forwards nothing.
pub struct TcpProxy {
    pub port: u16,
    paused: watch::Sender<bool>,
}

impl TcpProxy {
    /// Starts a proxy in front of `host:port`.
    pub async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (paused, receiver) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, upstream.clone(), receiver.clone()));
            }
        });
        Self { port, paused }
    }

    pub fn pause(&self) {
        self.paused.send_replace(true);
    }

    pub fn resume(&self) {
        self.paused.send_replace(false);
    }
}

async fn forward(client: TcpStream, upstream: String, mut paused: watch::Receiver<bool>) {
    // A connection accepted while paused looks like one to a server that does not respond.
    if paused.wait_for(|paused| !paused).await.is_err() {
        return;
    }
    let Ok(upstream) = TcpStream::connect(upstream).await else {
        return;
    };
    let ((from_client, to_client), (from_upstream, to_upstream)) =
        (client.into_split(), upstream.into_split());
    tokio::join!(
        copy(from_client, to_upstream, paused.clone()),
        copy(from_upstream, to_client, paused),
    );
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut paused: watch::Receiver<bool>,
) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if paused.wait_for(|paused| !paused).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            break;
        }
    }
}
