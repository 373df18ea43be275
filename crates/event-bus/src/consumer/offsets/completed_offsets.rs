//! What is done beyond a partition's committed offset, as the text Kafka keeps beside it.
//!
//! The committed offset is the first that is not done, so a reader that does not know this text loses nothing and only
//! handles some events again. The text is bounded: what does not fit is left out, and handled again too.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::consumer::offsets::tracker::OffsetRange;

/// Says which encoding follows.
const VERSION: &str = "eb1:";
/// What brokers keep unless configured otherwise (`offset.metadata.max.bytes`), less a margin.
const MAX_TEXT: usize = 4000;
/// Spans read at most: more do not fit.
const MAX_SPANS: u64 = 4096;

/// What is done beyond the committed offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::consumer) struct CompletedOffsets {
    /// Where reading goes on: at or after the committed offset. What lies between belongs to keys that are behind.
    pub(in crate::consumer) at: i64,
    /// What is done from `at` on.
    pub(in crate::consumer) done: Vec<OffsetRange>,
    /// KeyRegistry that are behind the others.
    pub(in crate::consumer) behind: Vec<LaggingKey>,
}

/// A key that is behind: of its records from `from` on only `done` are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::consumer) struct LaggingKey {
    pub(in crate::consumer) key: Box<[u8]>,
    pub(in crate::consumer) from: i64,
    pub(in crate::consumer) done: Vec<OffsetRange>,
}

impl CompletedOffsets {
    /// The text to keep beside the committed offset `base`.
    pub(in crate::consumer) fn encode(&self, base: i64) -> String {
        if self.at == base && self.done.is_empty() && self.behind.is_empty() {
            return String::new();
        }
        let mut bytes = Writer::default();
        bytes.number(self.at - base);
        bytes.number(self.behind.len().try_into().unwrap_or_default());
        for behind in &self.behind {
            bytes.number(behind.key.len().try_into().unwrap_or_default());
            bytes.0.extend_from_slice(&behind.key);
            bytes.number(behind.from - base);
        }
        // The keys that are behind must all be there; spans as far as there is room, the common ones first.
        let lists = std::iter::once((self.at, &self.done))
            .chain(self.behind.iter().map(|behind| (behind.from, &behind.done)));
        for (from, spans) in lists {
            bytes.spans(from, spans);
        }
        format!("{VERSION}{}", STANDARD_NO_PAD.encode(bytes.0))
    }

    /// Reads what was kept beside `base`. `None` when it is something else, or nothing.
    pub(in crate::consumer) fn decode(base: i64, text: &str) -> Option<Self> {
        let bytes = STANDARD_NO_PAD.decode(text.strip_prefix(VERSION)?).ok()?;
        let mut bytes = Reader(&bytes);
        let at = base.checked_add(bytes.number()?)?;
        let count = bytes.number().filter(|count| *count <= 64)?;
        let mut behind = Vec::new();
        for _ in 0..count {
            let length = usize::try_from(bytes.number()?).ok()?;
            let key = bytes.bytes(length)?.into();
            let from = base.checked_add(bytes.number()?)?;
            behind.push(LaggingKey {
                key,
                from,
                done: Vec::new(),
            });
        }
        let done = bytes.spans(at)?;
        for behind in &mut behind {
            behind.done = bytes.spans(behind.from)?;
        }
        Some(Self { at, done, behind })
    }

    /// Whether one more key that is behind would still fit, whatever its name.
    pub(in crate::consumer) fn has_room(keys: usize, longest_key: usize) -> bool {
        (keys + 1) * (longest_key + 12) < MAX_TEXT / 2
    }
}

/// Numbers as LEB128.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: i64) {
        let mut rest = number.max(0).cast_unsigned();
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap_or_default();
            rest >>= 7;
            if rest == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    fn spans(&mut self, from: i64, spans: &[OffsetRange]) {
        // Two numbers of at most ten bytes a span, in base64, leaving a little for the lists to come.
        let room = (MAX_TEXT * 3 / 4).saturating_sub(self.0.len() + 80);
        let mut list = Self::default();
        let (mut end, mut count) = (from, 0);
        for span in spans {
            if list.0.len() + 20 > room {
                break;
            }
            let first = span.0.max(end);
            if first < span.1 {
                list.number(first - end);
                list.number(span.1 - first);
                end = span.1;
                count += 1;
            }
        }
        self.number(count);
        self.0.extend(list.0);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<i64> {
        let mut number = 0u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return i64::try_from(number).ok();
            }
        }
        None
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn spans(&mut self, from: i64) -> Option<Vec<OffsetRange>> {
        let count = self.number()?.cast_unsigned();
        if count > MAX_SPANS {
            return None;
        }
        let (mut spans, mut end) = (Vec::new(), from);
        for _ in 0..count {
            let first = end.checked_add(self.number()?)?;
            end = first.checked_add(self.number()?)?;
            spans.push((first, end));
        }
        Some(spans)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(from: i64, count: usize) -> impl Strategy<Value = Vec<OffsetRange>> {
        prop::collection::vec((1i64..1000, 1i64..1000), 0..count).prop_map(move |steps| {
            let mut end = from;
            let span = |(gap, length)| {
                let first = end + gap;
                end = first + length;
                (first, end)
            };
            steps.into_iter().map(span).collect()
        })
    }

    fn ahead(base: i64, count: usize) -> impl Strategy<Value = CompletedOffsets> {
        let key = (prop::collection::vec(any::<u8>(), 0..40), 0i64..5000);
        let behind = prop::collection::vec(key, 0..16);
        (0i64..10_000, behind).prop_flat_map(move |(at, keys)| {
            let behind: Vec<_> = keys
                .into_iter()
                .map(|(key, from)| {
                    spans(base + from, count / 10 + 1).prop_map(move |done| LaggingKey {
                        key: key.clone().into(),
                        from: base + from,
                        done,
                    })
                })
                .collect();
            (spans(base + at, count), behind).prop_map(move |(done, behind)| CompletedOffsets {
                at: base + at,
                done,
                behind,
            })
        })
    }

    proptest! {
        #[test]
        fn it_reads_back(ahead in ahead(1_000_000, 40)) {
            let text = ahead.encode(1_000_000);
            if !text.is_empty() {
                prop_assert_eq!(CompletedOffsets::decode(1_000_000, &text), Some(ahead));
            }
        }

        #[test]
        fn it_is_bounded_and_what_is_left_out_counts_as_not_done(ahead in ahead(7, 3000)) {
            let text = ahead.encode(7);
            prop_assert!(text.len() <= 4096, "{}", text.len());
            let read = CompletedOffsets::decode(7, &text).unwrap();
            prop_assert!(ahead.done.starts_with(&read.done));
            prop_assert_eq!(read.behind.len(), ahead.behind.len());
            for (read, was) in read.behind.iter().zip(&ahead.behind) {
                prop_assert_eq!((&read.key, read.from), (&was.key, was.from));
                prop_assert!(was.done.starts_with(&read.done));
            }
        }

        #[test]
        fn anything_else_is_no_ahead_and_no_panic(text in ".{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = CompletedOffsets::decode(0, &text);
            let _ = CompletedOffsets::decode(i64::MAX, &format!("{VERSION}{}", STANDARD_NO_PAD.encode(bytes)));
        }
    }

    #[test]
    fn nothing_ahead_is_no_text() {
        let nothing = CompletedOffsets {
            at: 5,
            ..CompletedOffsets::default()
        };
        assert_eq!(nothing.encode(5), "");
        assert_eq!(CompletedOffsets::decode(5, ""), None);
    }
}
