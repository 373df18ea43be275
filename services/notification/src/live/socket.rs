//! One client: what it missed, then what happens.

use std::{cell::Cell, time::Duration};

use actix_ws::{CloseCode, CloseReason, Message as Frame, MessageStream, Session};
use sea_orm::DatabaseConnection;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Membership;
use crate::{
    domain::{Message, Reader},
    metrics::SOCKETS_ENDED,
    store::feed::{self, Posted},
};

/// How often a client is asked whether it is there; one that says nothing until the next time is gone.
const PING: Duration = Duration::from_secs(20);
/// How long a client may leave its full queue standing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages read from the past in one go.
const IN_ONE_PAGE: usize = 200;

/// A client that has been let in.
pub(crate) struct Socket {
    /// How far it is.
    pub reader: Reader,
    /// What happens from now on.
    pub membership: Membership,
    /// To the client.
    pub session: Session,
    /// From the client.
    pub frames: MessageStream,
    /// When its token ends.
    pub ends: Instant,
    /// When the service stops.
    pub stopping: CancellationToken,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client went, or says nothing any more.
    Gone,
    /// The client does not read as fast as it is told.
    Slow,
    /// The client broke the protocol, or sent more than anybody needs to.
    Nonsense,
    /// The token has expired.
    Expired,
    /// The feed cannot be read.
    Unavailable,
    /// The service stops; another replica, or the next start, goes on.
    Stopping,
}

impl End {
    fn reason(self) -> (&'static str, Option<CloseReason>) {
        let because = |code: CloseCode, words: &str| Some(CloseReason::from((code, words)));
        match self {
            Self::Gone => ("gone", None),
            Self::Slow => (
                "slow",
                because(CloseCode::Again, "too slow; resume with your cursor"),
            ),
            Self::Nonsense => (
                "nonsense",
                because(CloseCode::Protocol, "only answers to pings are expected"),
            ),
            Self::Expired => (
                "expired",
                because(CloseCode::Policy, "the token has expired"),
            ),
            Self::Unavailable => (
                "unavailable",
                because(CloseCode::Again, "resume with your cursor"),
            ),
            Self::Stopping => (
                "stopping",
                because(CloseCode::Restart, "resume with your cursor"),
            ),
        }
    }
}

/// What goes over the wire: the message with the cursor of this client after it.
#[derive(Serialize)]
struct Wire<'a> {
    cursor: String,
    #[serde(flatten)]
    message: &'a Message,
}

impl Socket {
    /// Serves the client until one of both has enough.
    pub async fn run(self, db: DatabaseConnection) {
        let Self {
            reader,
            membership,
            session,
            frames,
            ends,
            stopping,
        } = self;
        let heard = Cell::new(true);
        let telling = Telling {
            reader,
            session: session.clone(),
            heard: &heard,
        };
        let end = tokio::select! {
            end = telling.run(&db, membership) => end,
            end = listen(frames, session.clone(), &heard) => end,
            () = tokio::time::sleep_until(ends) => End::Expired,
            () = stopping.cancelled() => End::Stopping,
        };
        let (name, reason) = end.reason();
        SOCKETS_ENDED.with_label_values(&[name]).inc();
        // A queue that is full takes no farewell either.
        let _gone = timeout(Duration::from_secs(1), session.close(reason)).await;
    }
}

struct Telling<'a> {
    reader: Reader,
    session: Session,
    heard: &'a Cell<bool>,
}

impl Telling<'_> {
    async fn run(mut self, db: &DatabaseConnection, mut membership: Membership) -> End {
        if let Err(end) = self.catch_up(db).await {
            return end;
        }
        let mut pings = tokio::time::interval_at(Instant::now() + PING, PING);
        loop {
            let told = tokio::select! {
                batch = membership.next() => match batch {
                    Some(batch) => self.tell(&batch).await,
                    None => Err(End::Slow),
                },
                _ = pings.tick() => self.ping().await,
            };
            if let Err(end) = told {
                return end;
            }
        }
    }

    /// Everything between the client's cursor and now. What is posted meanwhile may come twice, here and live; the
    /// reader passes over the second.
    async fn catch_up(&mut self, db: &DatabaseConnection) -> Result<(), End> {
        let limit = i64::try_from(IN_ONE_PAGE).unwrap_or(i64::MAX);
        loop {
            let missed = feed::after(db, &self.reader.places(), limit)
                .await
                .map_err(|error| {
                    tracing::warn!(%error, "the feed cannot be read for a socket");
                    End::Unavailable
                })?;
            self.tell(&missed).await?;
            if missed.len() < IN_ONE_PAGE {
                return Ok(());
            }
        }
    }

    async fn tell(&mut self, messages: &[Posted]) -> Result<(), End> {
        for posted in messages {
            if self.reader.advance(posted.audience, posted.place) {
                let wire = Wire {
                    cursor: self.reader.cursor().to_string(),
                    message: &posted.message,
                };
                let text = serde_json::to_string(&wire).map_err(|error| {
                    tracing::error!(%error, "a message cannot be written");
                    End::Unavailable
                })?;
                in_time(self.session.text(text)).await?;
            }
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.heard.replace(false) {
            in_time(self.session.ping(b"")).await
        } else {
            Err(End::Gone)
        }
    }
}

async fn in_time(sending: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), End> {
    match timeout(PATIENCE, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Slow),
    }
}

/// Whatever the client says only shows that it is there.
async fn listen(mut frames: MessageStream, mut session: Session, heard: &Cell<bool>) -> End {
    while let Some(frame) = frames.recv().await {
        heard.set(true);
        match frame {
            Ok(Frame::Ping(payload)) => {
                if let Err(end) = in_time(session.pong(&payload)).await {
                    return end;
                }
            }
            Ok(Frame::Close(_)) => return End::Gone,
            Ok(
                Frame::Pong(_)
                | Frame::Text(_)
                | Frame::Binary(_)
                | Frame::Continuation(_)
                | Frame::Nop,
            ) => {}
            Err(_) => return End::Nonsense,
        }
    }
    End::Gone
}
