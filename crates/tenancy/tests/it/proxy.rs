//! A wire to `PostgreSQL` that a test can cut or stop.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// Bytes pass.
    Open,
    /// Connections are closed, new ones too.
    Cut,
    /// Connections stay and nothing passes.
    Hung,
}

pub struct Proxy {
    pub address: SocketAddr,
    wire: watch::Sender<Wire>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let (wire, seen) = watch::channel(Wire::Open);
        let server = (host.to_owned(), port);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), seen.clone()));
            }
        });
        Self {
            address,
            wire,
            task,
        }
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, server: (String, u16), mut wire: watch::Receiver<Wire>) {
    if *wire.borrow() == Wire::Cut {
        return;
    }
    let opened = wire.wait_for(|wire| *wire != Wire::Hung).await;
    if !opened.is_ok_and(|wire| *wire == Wire::Open) {
        return;
    }
    let mut server = TcpStream::connect(server).await.expect("PostgreSQL is up");
    loop {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server), if *wire.borrow() == Wire::Open => return,
            changed = wire.changed() => {
                if changed.is_err() || *wire.borrow() == Wire::Cut {
                    return;
                }
            }
        }
    }
}
