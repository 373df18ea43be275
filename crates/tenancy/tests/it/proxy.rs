//! A TCP proxy in front of `PostgreSQL` that a test can close or stall.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyMode {
    /// Forwards bytes.
    Forward,
    /// Closes open and new connections.
    Refuse,
    /// Keeps connections open and forwards nothing.
    Stall,
}

pub struct TcpProxy {
    pub address: SocketAddr,
    mode: watch::Sender<ProxyMode>,
    task: JoinHandle<()>,
}

impl TcpProxy {
    pub async fn start(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let (mode, changes) = watch::channel(ProxyMode::Forward);
        let server = (host.to_owned(), port);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server.clone(), changes.clone()));
            }
        });
        Self {
            address,
            mode,
            task,
        }
    }

    pub fn set(&self, mode: ProxyMode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    mut client: TcpStream,
    server: (String, u16),
    mut mode: watch::Receiver<ProxyMode>,
) {
    if *mode.borrow() == ProxyMode::Refuse {
        return;
    }
    let opened = mode.wait_for(|mode| *mode != ProxyMode::Stall).await;
    if !opened.is_ok_and(|mode| *mode == ProxyMode::Forward) {
        return;
    }
    let mut server = TcpStream::connect(server).await.expect("PostgreSQL is up");
    loop {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server), if *mode.borrow() == ProxyMode::Forward => return,
            changed = mode.changed() => {
                if changed.is_err() || *mode.borrow() == ProxyMode::Refuse {
                    return;
                }
            }
        }
    }
}
