//! A door in front of a TCP server behind which a test can make it fall silent.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes bytes on. Held, it takes connections and bytes as before, and nothing comes back.
pub struct Gate {
    pub port: u16,
    held: watch::Sender<bool>,
}

impl Gate {
    /// An open gate in front of `host:port`.
    pub async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (held, holds) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), holds.clone()));
            }
        });
        Self { port, held }
    }

    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn open(&self) {
        self.held.send_replace(false);
    }
}

async fn pass(client: TcpStream, server: String, holds: watch::Receiver<bool>) {
    let mut waits = holds.clone();
    // Whoever comes while it is held waits for a server that does not answer.
    if waits.wait_for(|held| !held).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::join!(
        one_way(from_client, to_server, holds.clone()),
        one_way(from_server, to_client, holds),
    );
}

async fn one_way(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut holds: watch::Receiver<bool>,
) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if holds.wait_for(|held| !held).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            break;
        }
    }
}
