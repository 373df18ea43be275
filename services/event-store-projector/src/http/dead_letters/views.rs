//! Letters, acts and reports as JSON.

use event_bus::dlq::{
    Act, ActPage, DeadLetter, DeadLetterLocation, DeadLetterPage, Report, Round, ShownLetter,
    Treated,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of letters.
#[derive(Serialize, ToSchema)]
pub struct LettersView {
    data: Vec<LetterView>,
    meta: MetaView,
}

/// A page of acts.
#[derive(Serialize, ToSchema)]
pub struct ActsView {
    data: Vec<ActView>,
    meta: MetaView,
}

/// What goes on after a page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetaView {
    per_page: u16,
    /// The `cursor` of the next page: this one is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A dead letter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LetterView {
    /// Its place, which is its name.
    place: String,
    /// `open`, `replayed` or `discarded`.
    state: &'static str,
    /// The event's attributes, as CloudEvents names them; none if they cannot be read.
    #[schema(value_type = Option<Object>)]
    envelope: Option<Value>,
    /// Why they cannot be.
    unreadable: Option<String>,
    event_type: Option<String>,
    tenant_id: Option<Uuid>,
    key: Option<String>,
    value_bytes: u64,
    /// Whether it was too large with its value.
    value_omitted: bool,
    /// The record that failed, as `order.events/3/99`.
    original: String,
    /// The consumer group that failed.
    group: Option<String>,
    error: Option<String>,
    class: Option<String>,
    attempts: Option<u32>,
    #[serde(with = "time::serde::rfc3339::option")]
    first_failure: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    last_failure: Option<OffsetDateTime>,
    /// How often the event was replayed before.
    replays: u32,
    /// The newest of its earlier rounds, oldest first.
    trail: Vec<RoundView>,
}

/// One earlier time that the event was a dead letter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundView {
    letter: String,
    original: String,
    group: String,
    class: String,
    error: String,
    attempts: u32,
    #[serde(with = "time::serde::rfc3339::option")]
    failed_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    replayed_at: OffsetDateTime,
    by: String,
}

/// What somebody did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActView {
    /// One id for everything that one command did.
    command: Uuid,
    /// `replaying`, `replayed`, `discarded`.
    act: String,
    partition: String,
    letter: Option<String>,
    by: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    reason: Option<String>,
    group: Option<String>,
    filter: Option<String>,
    letters: Option<u64>,
}

/// A letter with everything that is known of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownView {
    letter: LetterView,
    /// The payload, if it can be decoded.
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
    /// Why it cannot be.
    undecoded: Option<String>,
    /// Then the value's beginning as text.
    raw: Option<String>,
    /// What was done with it, oldest first.
    acts: Vec<ActView>,
}

/// What was done, or would be.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportView {
    /// The id of the command's acts.
    command: Uuid,
    dry_run: bool,
    /// How many letters were treated as asked, or would be.
    done: usize,
    letters: Vec<TreatedView>,
    /// The limit was reached: ask again with `after` for the rest.
    next: Option<String>,
    /// Why it ended early.
    interrupted: Option<String>,
}

/// What came of one letter.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TreatedView {
    place: String,
    event_id: Option<Uuid>,
    event_type: Option<String>,
    tenant_id: Option<Uuid>,
    /// Of a replay: where the record goes, as `order.events/3`.
    to: Option<String>,
    /// Of a replay: for which group; none for all.
    group: Option<String>,
    done: bool,
    /// In words.
    outcome: String,
}

impl MetaView {
    fn new(per_page: u16, next: Option<&DeadLetterLocation>) -> Self {
        Self {
            per_page,
            next: next.map(ToString::to_string),
        }
    }
}

impl LettersView {
    pub fn new(per_page: u16, page: DeadLetterPage) -> Self {
        Self {
            meta: MetaView::new(per_page, page.next.as_ref()),
            data: page.letters.into_iter().map(LetterView::from).collect(),
        }
    }
}

impl ActsView {
    pub fn new(per_page: u16, page: ActPage) -> Self {
        Self {
            meta: MetaView::new(per_page, page.next.as_ref()),
            data: page.acts.into_iter().map(ActView::from).collect(),
        }
    }
}

impl From<DeadLetter> for LetterView {
    fn from(letter: DeadLetter) -> Self {
        let envelope = letter.envelope.as_ref();
        Self {
            original: letter.original(),
            place: letter.place.to_string(),
            state: letter.state.as_str(),
            envelope: envelope.and_then(|envelope| serde_json::to_value(envelope).ok()),
            unreadable: letter.unreadable,
            event_type: letter.event_type,
            tenant_id: letter.tenant,
            key: letter.key,
            value_bytes: letter.value_bytes,
            value_omitted: letter.value_omitted,
            group: letter.group,
            error: letter.error,
            class: letter.class,
            attempts: letter.attempts,
            first_failure: letter.first_failure,
            last_failure: letter.last_failure,
            replays: letter.replays,
            trail: letter.trail.into_iter().map(RoundView::from).collect(),
        }
    }
}

impl From<Round> for RoundView {
    fn from(round: Round) -> Self {
        Self {
            letter: round.letter.to_string(),
            original: round.original,
            group: round.group,
            class: round.class,
            error: round.error,
            attempts: round.attempts,
            failed_at: round.failed_at,
            replayed_at: round.replayed_at,
            by: round.by,
        }
    }
}

impl From<Act> for ActView {
    fn from(act: Act) -> Self {
        Self {
            command: act.id,
            act: act.kind.to_string(),
            partition: act.partition,
            letter: act.letter.map(String::from),
            by: act.by,
            at: act.at,
            reason: act.reason,
            group: act.group,
            filter: act.filter,
            letters: act.letters,
        }
    }
}

impl From<ShownLetter> for ShownView {
    fn from(shown: ShownLetter) -> Self {
        Self {
            letter: shown.letter.into(),
            payload: shown.payload,
            undecoded: shown.undecoded,
            raw: shown.raw,
            acts: shown.acts.into_iter().map(ActView::from).collect(),
        }
    }
}

impl From<Report> for ReportView {
    fn from(report: Report) -> Self {
        Self {
            command: report.id,
            dry_run: report.dry_run,
            done: report.done(),
            next: report.next.as_ref().map(ToString::to_string),
            interrupted: report.interrupted,
            letters: report.letters.into_iter().map(TreatedView::from).collect(),
        }
    }
}

impl From<Treated> for TreatedView {
    fn from(treated: Treated) -> Self {
        let letter = treated.letter;
        Self {
            place: letter.place.to_string(),
            event_id: letter.envelope.map(|envelope| envelope.id),
            event_type: letter.event_type,
            tenant_id: letter.tenant,
            to: treated.to,
            group: treated.group,
            done: treated.outcome.is_done(),
            outcome: treated.outcome.to_string(),
        }
    }
}
