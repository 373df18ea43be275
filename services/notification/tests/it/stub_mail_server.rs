//! A stub SMTP server that accepts messages, or refuses recipients with given replies.

use std::sync::{Arc, Mutex};

use testkit::on_shared_runtime;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Default)]
struct State {
    /// Replies to the next recipients; later recipients are accepted.
    refusals: Arc<Mutex<Vec<&'static str>>>,
    accepted: Arc<Mutex<Vec<String>>>,
}

pub struct StubMailServer {
    pub url: String,
    state: State,
}

impl StubMailServer {
    /// A server that refuses the first recipients with these replies.
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
                    tokio::spawn(serve(client, serving.clone()));
                }
            });
            url
        })
        .await;
        Self { url, state }
    }

    /// The messages that were accepted so far.
    pub fn accepted(&self) -> Vec<String> {
        self.state.accepted.lock().unwrap().clone()
    }
}

/// Serves one connection: the subset of RFC 5321 that the client uses. Ends at the first error.
async fn serve(client: TcpStream, state: State) -> Option<()> {
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
                client.write_all(b"354 send the message\r\n").await.ok()?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if client.read_line(&mut text).await.ok()? == 0 {
                        return None;
                    }
                }
                state.accepted.lock().unwrap().push(text);
                "250 accepted"
            }
            "QUIT" => "221 bye",
            _ => "500 unknown command",
        };
        client
            .write_all(format!("{answer}\r\n").as_bytes())
            .await
            .ok()?;
    }
}
