//! A mail server that takes what it is given, or answers as it is told.

use std::sync::{Arc, Mutex};

use testkit::on_shared_runtime;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Default)]
struct State {
    /// What is said to the next recipients; after them everyone is welcome.
    refusals: Arc<Mutex<Vec<&'static str>>>,
    taken: Arc<Mutex<Vec<String>>>,
}

pub struct MailServer {
    pub url: String,
    state: State,
}

impl MailServer {
    /// A server that answers the first recipients so.
    pub async fn refusing(first: &[&'static str]) -> Self {
        let state = State {
            refusals: Arc::new(Mutex::new(first.to_vec())),
            ..State::default()
        };
        let serving = state.clone();
        let url = on_shared_runtime(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("smtp://{}", listener.local_addr().unwrap());
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(converse(client, serving.clone()));
                }
            });
            url
        })
        .await;
        Self { url, state }
    }

    /// What it has taken so far.
    pub fn taken(&self) -> Vec<String> {
        self.state.taken.lock().unwrap().clone()
    }
}

/// RFC 5321, as much of it as a client needs. Whatever breaks ends the conversation.
async fn converse(client: TcpStream, state: State) -> Option<()> {
    let mut client = BufReader::new(client);
    client.write_all(b"220 mail.test\r\n").await.ok()?;
    let mut line = String::new();
    loop {
        line.clear();
        if client.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let answer = match line.get(..4)?.to_ascii_uppercase().as_str() {
            "EHLO" | "MAIL" | "RSET" | "NOOP" => "250 ok",
            "RCPT" => {
                let mut refusals = state.refusals.lock().unwrap();
                if refusals.is_empty() {
                    "250 ok"
                } else {
                    refusals.remove(0)
                }
            }
            "DATA" => {
                client.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if client.read_line(&mut text).await.ok()? == 0 {
                        return None;
                    }
                }
                state.taken.lock().unwrap().push(text);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "500 what",
        };
        client
            .write_all(format!("{answer}\r\n").as_bytes())
            .await
            .ok()?;
    }
}
