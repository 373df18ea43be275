//! How far a client has been told.

use std::{fmt, str::FromStr};

use super::{Audience, Audiences};

/// A place in a caller's two audiences: the last message seen in each. Written `<own>.<shared>`; clients send it back
/// as they got it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// In the caller's own audience.
    pub own: i64,
    /// In the one they share; 0 without one.
    pub shared: i64,
}

/// Text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("should be the cursor of a message, as it was sent")]
pub struct BadCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.own, self.shared)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (own, shared) = text.split_once('.').ok_or(BadCursor)?;
        Ok(Self {
            own: number(own)?,
            shared: number(shared)?,
        })
    }
}

/// Digits only, in the one spelling that is written: no sign, no leading zero.
fn number(text: &str) -> Result<i64, BadCursor> {
    let number: i64 = text.parse().map_err(|_| BadCursor)?;
    if number >= 0 && number.to_string() == text {
        Ok(number)
    } else {
        Err(BadCursor)
    }
}

/// A client on its way through its audiences.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    audiences: Audiences,
    cursor: Cursor,
}

impl Reader {
    /// A client that has seen everything up to `from`, or up to now without one. `now` is the end of its audiences: a
    /// cursor beyond it, which nobody was ever sent, is taken for it.
    #[must_use]
    pub fn new(audiences: Audiences, from: Option<Cursor>, now: Cursor) -> Self {
        let cursor = from.map_or(now, |from| Cursor {
            own: from.own.min(now.own),
            shared: from.shared.min(now.shared),
        });
        Self { audiences, cursor }
    }

    /// Where it is.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// What it has not seen begins after these.
    #[must_use]
    pub fn places(&self) -> Vec<(Audience, i64)> {
        let own = (self.audiences.own, self.cursor.own);
        let shared = self
            .audiences
            .shared
            .map(|audience| (audience, self.cursor.shared));
        std::iter::once(own).chain(shared).collect()
    }

    /// Goes on to a message, unless it has been there: answers whether the message is new to the client.
    pub fn advance(&mut self, audience: Audience, to: i64) -> bool {
        let place = if audience == self.audiences.own {
            &mut self.cursor.own
        } else if self.audiences.shared == Some(audience) {
            &mut self.cursor.shared
        } else {
            return false;
        };
        let new = to > *place;
        if new {
            *place = to;
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
        fn a_cursor_reads_back_as_it_is_written(own in 0..i64::MAX, shared in 0..i64::MAX) {
            let cursor = Cursor { own, shared };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn only_what_was_written_is_read(text in "\\PC{0,24}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn whatever_overlaps_each_message_is_new_once_and_in_order(
            from in 0..20i64,
            // Runs of the feed, as backlog and live batches bring them: each starts where something was seen already.
            overlaps in prop::collection::vec((0..10i64, 0..10i64), 1..20),
        ) {
            let own = Audience::User(UserId::generate());
            let audiences = Audiences { own, shared: Some(Audience::Tenant(TenantId::generate())) };
            let start = Cursor { own: from, shared: 0 };
            let mut reader = Reader::new(audiences, Some(start), Cursor { own: i64::MAX, shared: 0 });
            let (mut seen, mut end) = (Vec::new(), from);
            for (back, forth) in overlaps {
                for place in (end - back).max(0) + 1..=end + forth {
                    if reader.advance(own, place) {
                        seen.push(place);
                    }
                }
                end += forth;
            }
            prop_assert_eq!(seen, (from + 1..=end).collect::<Vec<_>>());
        }
    }

    #[test]
    fn another_audience_moves_nothing() {
        let audiences = Audiences {
            own: Audience::User(UserId::generate()),
            shared: None,
        };
        let mut reader = Reader::new(audiences, None, Cursor::default());
        assert!(!reader.advance(Audience::Platform, 1));
        assert!(!reader.advance(Audience::User(UserId::generate()), 1));
        assert_eq!(reader.cursor(), Cursor::default());
    }

    #[test]
    fn a_cursor_from_nowhere_starts_at_the_end() {
        let audiences = Audiences {
            own: Audience::User(UserId::generate()),
            shared: None,
        };
        let now = Cursor { own: 3, shared: 0 };
        let reader = Reader::new(
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
