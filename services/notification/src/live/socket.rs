//! One WebSocket of the live feed: first the messages that the client missed, then new ones as they arrive.

use std::{cell::Cell, time::Duration};

use actix_ws::{CloseCode, CloseReason, Message as Frame, MessageStream, Session};
use sea_orm::DatabaseConnection;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Subscription;
use crate::{
    domain::{FeedMessage, FeedReader},
    metrics::SOCKETS_ENDED,
    store::feed::{self, FeedEntry},
};

/// Time between pings; a client that sends no frame between two pings is disconnected.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Time limit for writing one frame to a client that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Missed messages of one audience per query.
const BATCH_SIZE: usize = 200;

/// An authenticated client.
pub(crate) struct Socket {
    /// The client's progress through its audiences.
    pub reader: FeedReader,
    /// New messages of the client's audiences.
    pub subscription: Subscription,
    /// Writes to the client.
    pub session: Session,
    /// Frames of the client.
    pub frames: MessageStream,
    /// When its token expires.
    pub expires_at: Instant,
    /// When the service stops.
    pub stopping: CancellationToken,
}

/// The reason for closing a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CloseCause {
    /// The client disconnected, or does not answer pings.
    Gone,
    /// The client reads more slowly than messages arrive.
    Slow,
    /// The client violated the protocol, or sent a frame that is too large.
    ProtocolViolation,
    /// The token has expired.
    Expired,
    /// The feed cannot be read.
    Unavailable,
    /// The service shuts down; the client resumes on another replica.
    Stopping,
}

impl CloseCause {
    /// The value of the metric's label, and the close frame.
    fn reason(self) -> (&'static str, Option<CloseReason>) {
        let reason = |code: CloseCode, text: &str| Some(CloseReason::from((code, text)));
        match self {
            Self::Gone => ("gone", None),
            Self::Slow => (
                "slow",
                reason(CloseCode::Again, "too slow; resume with your cursor"),
            ),
            Self::ProtocolViolation => (
                "nonsense",
                reason(CloseCode::Protocol, "only answers to pings are expected"),
            ),
            Self::Expired => (
                "expired",
                reason(CloseCode::Policy, "the token has expired"),
            ),
            Self::Unavailable => (
                "unavailable",
                reason(CloseCode::Again, "resume with your cursor"),
            ),
            Self::Stopping => (
                "stopping",
                reason(CloseCode::Restart, "resume with your cursor"),
            ),
        }
    }
}

/// The JSON of a text frame: the message, and this client's cursor after it.
#[derive(Serialize)]
struct FeedFrame<'a> {
    cursor: String,
    #[serde(flatten)]
    message: &'a FeedMessage,
}

impl Socket {
    /// Serves the client until either side closes the socket.
    pub async fn run(self, db: DatabaseConnection) {
        let Self {
            reader,
            subscription,
            session,
            frames,
            expires_at,
            stopping,
        } = self;
        let active = Cell::new(true);
        let writer = Writer {
            reader,
            session: session.clone(),
            active: &active,
        };
        let cause = tokio::select! {
            cause = writer.run(&db, subscription) => cause,
            cause = read(frames, session.clone(), &active) => cause,
            () = tokio::time::sleep_until(expires_at) => CloseCause::Expired,
            () = stopping.cancelled() => CloseCause::Stopping,
        };
        let (name, reason) = cause.reason();
        SOCKETS_ENDED.with_label_values(&[name]).inc();
        // A full queue cannot take the close frame either; the connection is dropped then.
        let _dropped = timeout(Duration::from_secs(1), session.close(reason)).await;
    }
}

/// Writes messages and pings to the client.
struct Writer<'a> {
    reader: FeedReader,
    session: Session,
    /// Whether the client sent a frame since the last ping.
    active: &'a Cell<bool>,
}

impl Writer<'_> {
    async fn run(mut self, db: &DatabaseConnection, mut subscription: Subscription) -> CloseCause {
        if let Err(cause) = self.catch_up(db).await {
            return cause;
        }
        let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            let written = tokio::select! {
                batch = subscription.next() => match batch {
                    Some(batch) => self.send(&batch).await,
                    None => Err(CloseCause::Slow),
                },
                _ = pings.tick() => self.ping().await,
            };
            if let Err(cause) = written {
                return cause;
            }
        }
    }

    /// Sends all messages between the client's cursor and now. Messages that are posted meanwhile are also received
    /// live; the reader filters out the duplicates.
    async fn catch_up(&mut self, db: &DatabaseConnection) -> Result<(), CloseCause> {
        let limit = i64::try_from(BATCH_SIZE).unwrap_or(i64::MAX);
        loop {
            let missed = feed::after(db, &self.reader.positions(), limit)
                .await
                .map_err(|error| {
                    tracing::warn!(%error, "the feed cannot be read for a socket");
                    CloseCause::Unavailable
                })?;
            self.send(&missed).await?;
            if missed.len() < BATCH_SIZE {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, entries: &[FeedEntry]) -> Result<(), CloseCause> {
        for entry in entries {
            if self.reader.advance(entry.audience, entry.position) {
                let frame = FeedFrame {
                    cursor: self.reader.cursor().to_string(),
                    message: &entry.message,
                };
                let text = serde_json::to_string(&frame).map_err(|error| {
                    tracing::error!(%error, "a message cannot be serialized");
                    CloseCause::Unavailable
                })?;
                with_timeout(self.session.text(text)).await?;
            }
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), CloseCause> {
        if self.active.replace(false) {
            with_timeout(self.session.ping(b"")).await
        } else {
            Err(CloseCause::Gone)
        }
    }
}

async fn with_timeout(
    write: impl Future<Output = Result<(), actix_ws::Closed>>,
) -> Result<(), CloseCause> {
    match timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(CloseCause::Gone),
        Err(_) => Err(CloseCause::Slow),
    }
}

/// Reads the client's frames, whose content is ignored; every frame shows that the client is connected.
async fn read(mut frames: MessageStream, mut session: Session, active: &Cell<bool>) -> CloseCause {
    while let Some(frame) = frames.recv().await {
        active.set(true);
        match frame {
            Ok(Frame::Ping(payload)) => {
                if let Err(cause) = with_timeout(session.pong(&payload)).await {
                    return cause;
                }
            }
            Ok(Frame::Close(_)) => return CloseCause::Gone,
            Ok(
                Frame::Pong(_)
                | Frame::Text(_)
                | Frame::Binary(_)
                | Frame::Continuation(_)
                | Frame::Nop,
            ) => {}
            Err(_) => return CloseCause::ProtocolViolation,
        }
    }
    CloseCause::Gone
}
