//! Cursors of the live feed, and a client's progress through it.

use std::{fmt, str::FromStr};

use super::{Audience, Audiences};

/// The last message that a client has seen in each of its two audiences. Written `<own>.<shared>`; clients treat it as
/// opaque and send it back unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Position in the caller's own audience.
    pub own: i64,
    /// Position in the shared audience; 0 if the caller has none.
    pub shared: i64,
}

/// The text is not a [`Cursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("should be the cursor of a message, unchanged")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.own, self.shared)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (own, shared) = text.split_once('.').ok_or(ParseCursorError)?;
        Ok(Self {
            own: parse_position(own)?,
            shared: parse_position(shared)?,
        })
    }
}

/// Accepts canonical digits only: no sign, no leading zero.
fn parse_position(text: &str) -> Result<i64, ParseCursorError> {
    let number: i64 = text.parse().map_err(|_| ParseCursorError)?;
    if number >= 0 && number.to_string() == text {
        Ok(number)
    } else {
        Err(ParseCursorError)
    }
}

/// A client's progress through its audiences. Filters out messages that the client has already seen.
#[derive(Clone, Copy, Debug)]
pub struct FeedReader {
    audiences: Audiences,
    cursor: Cursor,
}

impl FeedReader {
    /// A reader that starts after `from`, or after `now` if `from` is absent. `now` is the current end of the audiences:
    /// a cursor beyond it, which was never sent to a client, is clamped to it.
    #[must_use]
    pub fn new(audiences: Audiences, from: Option<Cursor>, now: Cursor) -> Self {
        let cursor = from.map_or(now, |from| Cursor {
            own: from.own.min(now.own),
            shared: from.shared.min(now.shared),
        });
        Self { audiences, cursor }
    }

    /// The current cursor.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The position in each audience; unseen messages come after it.
    #[must_use]
    pub fn positions(&self) -> Vec<(Audience, i64)> {
        let own = (self.audiences.own, self.cursor.own);
        let shared = self
            .audiences
            .shared
            .map(|audience| (audience, self.cursor.shared));
        std::iter::once(own).chain(shared).collect()
    }

    /// Advances to the message at `to`. Returns whether the message is new to the client; if not, nothing changes.
    pub fn advance(&mut self, audience: Audience, to: i64) -> bool {
        let position = if audience == self.audiences.own {
            &mut self.cursor.own
        } else if self.audiences.shared == Some(audience) {
            &mut self.cursor.shared
        } else {
            return false;
        };
        let new = to > *position;
        if new {
            *position = to;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use auth::UserId;
    use proptest::prelude::*;
    use tenancy::TenantId;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips(own in 0..i64::MAX, shared in 0..i64::MAX) {
            let cursor = Cursor { own, shared };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn only_the_canonical_spelling_is_parsed(text in "\\PC{0,24}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn each_message_is_new_once_and_in_order_however_batches_overlap(
            from in 0..20i64,
            // Batches of the feed, from the backlog and live: each may start with messages that were seen already.
            overlaps in prop::collection::vec((0..10i64, 0..10i64), 1..20),
        ) {
            let own = Audience::User(UserId::generate());
            let audiences = Audiences { own, shared: Some(Audience::Tenant(TenantId::generate())) };
            let start = Cursor { own: from, shared: 0 };
            let mut reader = FeedReader::new(audiences, Some(start), Cursor { own: i64::MAX, shared: 0 });
            let (mut seen, mut end) = (Vec::new(), from);
            for (back, forth) in overlaps {
                for position in (end - back).max(0) + 1..=end + forth {
                    if reader.advance(own, position) {
                        seen.push(position);
                    }
                }
                end += forth;
            }
            prop_assert_eq!(seen, (from + 1..=end).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_message_of_another_audience_does_not_advance_the_reader() {
        let audiences = Audiences {
            own: Audience::User(UserId::generate()),
            shared: None,
        };
        let mut reader = FeedReader::new(audiences, None, Cursor::default());
        assert!(!reader.advance(Audience::Platform, 1));
        assert!(!reader.advance(Audience::User(UserId::generate()), 1));
        assert_eq!(reader.cursor(), Cursor::default());
    }

    #[test]
    fn a_cursor_beyond_the_end_is_clamped_to_it() {
        let audiences = Audiences {
            own: Audience::User(UserId::generate()),
            shared: None,
        };
        let now = Cursor { own: 3, shared: 0 };
        let reader = FeedReader::new(
            audiences,
            Some(Cursor {
                own: 99,
                shared: 99,
            }),
            now,
        );
        assert_eq!(reader.cursor(), now);
    }
}
