//! The live messages of one person.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// An open WebSocket.
pub struct Live(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Live {
    /// Opens the WebSocket of the person with this token.
    pub async fn open(base: &str, token: &str) -> Result<Self> {
        let (socket, _) = connect_async(request(base, Some(token))?)
            .await
            .context("the WebSocket was not opened")?;
        Ok(Self(socket))
    }

    /// The next message that fits.
    pub async fn next(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let reading = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text)?;
                        if fits(&message) {
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
                    "waited 30 s in vain for the live message {what}"
                ))
            })
    }

    /// Whether anything that has arrived by now holds these words. What the server has still to say is given the time
    /// of one ping there and back: it answers in order.
    pub async fn heard(&mut self, words: &str) -> Result<bool> {
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

/// The status with which a WebSocket is refused to this token.
pub async fn refused(base: &str, token: Option<&str>) -> Result<u16> {
    match connect_async(request(base, token)?).await {
        Ok(_) => bail!("the WebSocket was opened"),
        Err(tungstenite::Error::Http(answer)) => Ok(answer.status().as_u16()),
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
