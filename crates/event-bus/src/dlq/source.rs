//! The record a letter came from, where the letter alone is not enough.

use crate::{
    BusError,
    dlq::{
        letter::DeadLetter,
        reader::{Reader, Span},
    },
    log_format::headers::{HEADERS_OMITTED, KEY_OMITTED},
    log_reader::LogRecord,
};

/// A letter's record made whole from the log; `None` when the original is no longer there.
pub(super) async fn whole(
    reader: &Reader,
    letter: &DeadLetter,
    kept: &LogRecord,
) -> Result<Option<LogRecord>, BusError> {
    let place = letter.original_partition.zip(letter.original_offset);
    let Some((partition, offset)) = place else {
        return Ok(None);
    };
    let topic = letter.original_topic.as_str();
    if partition >= reader.partitions(topic).await? {
        return Ok(None);
    }
    let (low, end) = reader.marks(topic, partition).await?;
    if !(low..end).contains(&offset) {
        return Ok(None);
    }
    let mut span = Span::new(topic, partition, offset, offset + 1);
    let found = reader.piece(&mut span).await?.into_iter().next();
    Ok(found.filter(|found| is_the_same(found, letter, kept)))
}

/// A topic that was made anew has another record at that place.
fn is_the_same(found: &LogRecord, letter: &DeadLetter, kept: &LogRecord) -> bool {
    let same_key = kept.header(KEY_OMITTED).is_some() || found.key == kept.key;
    let same_id =
        kept.header(HEADERS_OMITTED).is_some() || found.header("ce_id") == kept.header("ce_id");
    same_key && same_id && found.timestamp == letter.original_timestamp
}
