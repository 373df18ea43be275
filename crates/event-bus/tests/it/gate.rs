//! A door in front of a server, which can be shut and opened again.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes connections on while it is open; shutting it cuts those there are.
pub struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
    turned_away: Arc<AtomicUsize>,
}

impl Gate {
    /// A shut gate in front of the server that the URL names.
    pub async fn before(url: &str) -> Self {
        let url = reqwest::Url::parse(url).expect("a url");
        let host = url.host_str().expect("a host").to_owned();
        let port = url.port_or_known_default().expect("a port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (open, is_open) = watch::channel(false);
        let turned_away = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turned_away);
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                if *is_open.borrow() {
                    let to = TcpStream::connect((host.as_str(), port)).await;
                    tokio::spawn(pass(from, to.expect("the server"), is_open.clone()));
                } else {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self {
            address,
            open,
            turned_away,
        }
    }

    /// The same URL, through the gate.
    pub fn url(&self, url: &str) -> String {
        let mut url = reqwest::Url::parse(url).expect("a url");
        url.set_ip_host(self.address.ip()).expect("a host");
        url.set_port(Some(self.address.port())).expect("a port");
        url.to_string()
    }

    /// How many came while it was shut.
    pub fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::SeqCst)
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    pub fn shut(&self) {
        self.open.send_replace(false);
    }
}

async fn pass(mut from: TcpStream, mut to: TcpStream, mut is_open: watch::Receiver<bool>) {
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
        _ = is_open.wait_for(|open| !open) => {}
    }
}
