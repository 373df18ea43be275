//! A door in front of a TCP server that a test can shut.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::world::on_shared_runtime;

/// Passes connections on to a server while it is open. Shut, it drops the ones there are and refuses new ones.
pub struct Gate {
    address: SocketAddr,
    open: Arc<AtomicBool>,
    cut: Arc<std::sync::Mutex<CancellationToken>>,
}

impl Gate {
    /// An open gate in front of `host:port`.
    pub async fn before(server: impl Into<String>) -> Self {
        let server = server.into();
        let open = Arc::new(AtomicBool::new(true));
        let cut = Arc::new(std::sync::Mutex::new(CancellationToken::new()));
        let (is_open, connections) = (Arc::clone(&open), Arc::clone(&cut));
        let address = on_shared_runtime(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    if is_open.load(Ordering::SeqCst) {
                        let end = connections.lock().expect("no holder panics").clone();
                        tokio::spawn(end.run_until_cancelled_owned(pass(client, server.clone())));
                    }
                }
            });
            address
        })
        .await;
        Self { address, open, cut }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops every connection and refuses new ones.
    pub fn shut(&self) {
        self.open.store(false, Ordering::SeqCst);
        let mut cut = self.cut.lock().expect("no holder panics");
        std::mem::replace(&mut *cut, CancellationToken::new()).cancel();
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

async fn pass(mut client: TcpStream, server: String) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        // Either side may hang up whenever it likes.
        let _ended = copy_bidirectional(&mut client, &mut server).await;
    }
}
