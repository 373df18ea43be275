//! The letters a command is about.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use crate::{
    DEAD_LETTER_SUFFIX,
    dlq::{DeadLetterError, filter::DeadLetterFilter, reader::Reader, scan::Survey},
    log_format::location::DeadLetterLocation,
};

/// Places told in an announcement, at the most.
const PLACES_TOLD: usize = 20;

/// The letters a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Letters(Vec<DeadLetterLocation>),
    /// Those that fit.
    Matching {
        /// Which ones.
        filter: DeadLetterFilter,
        /// Only ones behind this place: where an earlier command's report ended.
        after: Option<DeadLetterLocation>,
    },
}

impl Selection {
    /// All that fit.
    pub fn matching(filter: DeadLetterFilter) -> Self {
        Self::Matching {
            filter,
            after: None,
        }
    }

    /// The partitions that hold them, in order.
    pub(super) async fn partitions(
        &self,
        reader: &Reader,
    ) -> Result<Vec<(String, i32)>, DeadLetterError> {
        match self {
            Self::Letters(places) => named(reader, places).await,
            Self::Matching { filter, after } => {
                filter.check()?;
                let mut places = all(reader, filter.dead_letter_topics()).await?;
                if let Some(after) = after {
                    let begin = (&after.topic, after.partition);
                    places.retain(|(topic, number)| (topic, *number) >= begin);
                }
                Ok(places)
            }
        }
    }

    /// Looks one partition through for them, at most `limit`.
    pub(super) async fn survey(
        &self,
        reader: &Reader,
        (topic, partition): &(String, i32),
        limit: usize,
    ) -> Result<Survey, DeadLetterError> {
        let place = (topic.as_str(), *partition);
        match self {
            Self::Matching { filter, after } => {
                Survey::matching(reader, place, filter, after.as_ref(), limit).await
            }
            Self::Letters(places) => {
                let here = places
                    .iter()
                    .filter(|letter| letter.topic == *topic && letter.partition == *partition);
                let offsets: Vec<i64> = here.map(|letter| letter.offset).collect();
                Survey::letters(reader, place, &offsets, limit).await
            }
        }
    }
}

/// The partitions of letters that were named.
async fn named(
    reader: &Reader,
    places: &[DeadLetterLocation],
) -> Result<Vec<(String, i32)>, DeadLetterError> {
    let mut partitions = HashMap::new();
    for place in places {
        let topic = place.topic.as_str();
        if !partitions.contains_key(topic) {
            partitions.insert(topic, reader.partitions(topic).await?);
        }
        if place.partition >= partitions[topic] {
            return Err(DeadLetterError::NotFound(place.clone()));
        }
    }
    let named = places
        .iter()
        .map(|place| (place.topic.clone(), place.partition));
    Ok(named.collect::<BTreeSet<_>>().into_iter().collect())
}

/// All partitions of these topics; of every dead-letter topic where none is named.
async fn all(reader: &Reader, named: Vec<String>) -> Result<Vec<(String, i32)>, DeadLetterError> {
    let topics = if named.is_empty() {
        reader.topics(DEAD_LETTER_SUFFIX).await?
    } else {
        named
    };
    let mut places = Vec::new();
    for topic in topics {
        let partitions = reader.partitions(&topic).await?;
        if partitions == 0 {
            let rule = format!("there is no topic {topic}");
            return Err(DeadLetterError::invalid("topic", rule));
        }
        places.extend((0..partitions).map(|number| (topic.clone(), number)));
    }
    Ok(places)
}

impl From<DeadLetterLocation> for Selection {
    fn from(place: DeadLetterLocation) -> Self {
        Self::Letters(vec![place])
    }
}

/// As an announcement has it.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letters(places) => {
                let told = places.iter().take(PLACES_TOLD).map(ToString::to_string);
                f.write_str(&told.collect::<Vec<_>>().join(" "))?;
                match places.len().saturating_sub(PLACES_TOLD) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Matching { filter, after } => {
                write!(f, "{filter}")?;
                after
                    .iter()
                    .try_for_each(|after| write!(f, " after={after}"))
            }
        }
    }
}
