//! Live messages over a WebSocket.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// The live messages of a user, received over a WebSocket.
pub struct LiveMessages(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl LiveMessages {
    /// Opens the WebSocket of the user with this token.
    pub async fn open(base: &str, token: &str) -> Result<Self> {
        let (socket, _) = connect_async(request(base, Some(token))?)
            .await
            .context("cannot open the WebSocket")?;
        Ok(Self(socket))
    }

    /// Waits for the next message that matches.
    pub async fn next(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Result<Value> {
        let reading = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text)?;
                        if matches(&message) {
                            return Ok(message);
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => bail!("the WebSocket was closed"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reading)
            .await
            .unwrap_or_else(|_| {
                Err(anyhow::anyhow!(
                    "timed out after 30 s waiting for the live message {what}"
                ))
            })
    }

    /// Returns whether a message received so far contains these words. Sends a ping and reads up to the pong, which the
    /// server sends after all pending messages.
    pub async fn has_received(&mut self, words: &str) -> Result<bool> {
        self.0.send(Message::Ping(Vec::new().into())).await?;
        let reading = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) if text.contains(words) => return Ok(true),
                    Some(Ok(Message::Pong(_))) => return Ok(false),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => bail!("the WebSocket was closed"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reading).await?
    }
}

/// Returns the HTTP status with which opening a WebSocket with this token is rejected.
pub async fn rejection_status(base: &str, token: Option<&str>) -> Result<u16> {
    match connect_async(request(base, token)?).await {
        Ok(_) => bail!("the WebSocket was opened"),
        Err(tungstenite::Error::Http(response)) => Ok(response.status().as_u16()),
        Err(error) => Err(error.into()),
    }
}

fn request(base: &str, token: Option<&str>) -> Result<tungstenite::handshake::client::Request> {
    let url = format!("{}/api/notifications/ws", base.replacen("http", "ws", 1));
    let mut request = url.into_client_request()?;
    if let Some(token) = token {
        request.headers_mut().insert(
            "sec-websocket-protocol",
            format!("bearer, {token}").parse()?,
        );
    }
    Ok(request)
}
