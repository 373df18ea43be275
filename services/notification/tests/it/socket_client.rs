//! A WebSocket client of the live feed.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue, Response},
    },
};

/// Time limit for a message; far longer than one takes.
const DEADLINE: Duration = Duration::from_secs(20);

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The cursor of the last message.
    pub cursor: Option<String>,
}

impl Socket {
    /// Connects with the token as a sub-protocol, as a browser does.
    pub async fn open(base: &str, token: &str, cursor: Option<&str>) -> Self {
        let query = cursor.map_or_else(String::new, |cursor| format!("?cursor={cursor}"));
        let headers = [("sec-websocket-protocol", format!("bearer, {token}"))];
        let (socket, answer) = Self::try_open(base, &query, &headers)
            .await
            .expect("the socket is accepted");
        assert_eq!(answer.headers()["sec-websocket-protocol"], "bearer");
        socket
    }

    /// Attempts to connect with these headers.
    pub async fn try_open(
        base: &str,
        query: &str,
        headers: &[(&'static str, String)],
    ) -> Result<(Self, Response<Option<Vec<u8>>>), Error> {
        let url = format!("{}/api/notifications/ws{query}", base.replace("http", "ws"));
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        let (stream, answer) = connect_async(request).await?;
        Ok((
            Self {
                stream,
                cursor: None,
            },
            answer,
        ))
    }

    /// The status with which a connection attempt is refused.
    pub async fn refused(base: &str, query: &str, headers: &[(&'static str, String)]) -> u16 {
        match Self::try_open(base, query, headers).await {
            Ok(_) => panic!("accepted with {headers:?} and {query}"),
            Err(Error::Http(answer)) => answer.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        let next = self.next_within(DEADLINE).await;
        next.expect("a message before the deadline")
    }

    /// The next message, if one arrives within this time.
    pub async fn next_within(&mut self, time: Duration) -> Option<Value> {
        let next = tokio::time::timeout(time, async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("expected a message, got {other:?}"),
                }
            }
        });
        let message: Value = serde_json::from_str(&next.await.ok()?).expect("JSON");
        self.cursor = Some(message["cursor"].as_str().expect("a cursor").to_owned());
        Some(message)
    }

    /// The types of the next `count` messages.
    pub async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            types.push(
                self.next().await["type"]
                    .as_str()
                    .expect("a type")
                    .to_owned(),
            );
        }
        types
    }

    pub async fn send(&mut self, message: Message) {
        self.stream
            .send(message)
            .await
            .expect("the frame is written");
    }

    /// The close code of the server; none if the connection ends without one.
    pub async fn close_code(&mut self) -> Option<u16> {
        let closed = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        tokio::time::timeout(DEADLINE, closed)
            .await
            .expect("the server closes the socket before the deadline")
    }
}
