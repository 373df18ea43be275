//! Media types as RFC 2046 has them: what a payload is made of.

/// A content type, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MediaType<'a> {
    kind: &'a str,
    subtype: &'a str,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    /// Type, subtype and parameters; `None` for text that is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (essence, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
        let (kind, subtype) = essence.trim_matches(SPACE).split_once('/')?;
        let media = Self {
            kind,
            subtype,
            parameters,
        };
        let well_formed = is_token(kind) && is_token(subtype);
        (well_formed && media.parameters().all(|parameter| parameter.is_some())).then_some(media)
    }

    /// Whether this is `kind/subtype`, whatever the case of letters.
    pub(crate) fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// `*/json` or `*/*+json`.
    pub(crate) fn is_json(&self) -> bool {
        self.subtype.eq_ignore_ascii_case("json") || self.has_suffix("+json")
    }

    /// Whether the subtype ends with this suffix, as `+json`.
    pub(crate) fn has_suffix(&self, suffix: &str) -> bool {
        let at = self.subtype.len().checked_sub(suffix.len());
        at.and_then(|at| self.subtype.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    }

    /// Whether text of it is in UTF-8: it says so, or says nothing of a charset.
    pub(crate) fn is_utf8(&self) -> bool {
        self.parameters()
            .flatten()
            .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
            .all(|(_, value)| {
                let value = value.trim_matches('"');
                value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("us-ascii")
            })
    }

    /// Each parameter with its name and value, or `None` where there is none after a semicolon.
    fn parameters(&self) -> impl Iterator<Item = Option<(&'a str, &'a str)>> {
        let mut rest = self.parameters;
        std::iter::from_fn(move || {
            rest = rest.strip_prefix(';')?;
            let (parameter, after) = rest.split_at(end_of_parameter(rest));
            rest = after;
            Some(pair(parameter))
        })
    }
}

/// White space around the parts, which MIME allows.
const SPACE: [char; 2] = [' ', '\t'];

/// The next semicolon that is not in quotes.
fn end_of_parameter(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn pair(parameter: &str) -> Option<(&str, &str)> {
    let (name, value) = parameter.trim_matches(SPACE).split_once('=')?;
    (is_token(name) && (is_token(value) || is_quoted(value))).then_some((name, value))
}

fn is_quoted(text: &str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| {
        let mut escaped = false;
        for c in inner.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return false,
                _ => {}
            }
        }
        !escaped
    })
}

fn is_token(text: &str) -> bool {
    let character = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b);
    !text.is_empty() && text.bytes().all(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_media_type_is_known_by_its_form() {
        let media = [
            "application/json",
            "Application/CloudEvents+JSON; charset=UTF-8",
            "text/plain;charset=\"utf-8\" ; format=flowed",
            "application/vnd.shop.order-1+avro",
            "a/b;c=\"d;\\\"e\"",
        ];
        for text in media {
            assert!(MediaType::parse(text).is_some(), "{text}");
        }
        let others = [
            "",
            "json",
            "/json",
            "a/",
            "a/b/c",
            "a b/c",
            "a/b;",
            "a/b; ;c=d",
            "a/b;c",
            "a/b;c=",
            "a/b;c=\"d",
            "a/b;=d",
            "ä/b",
            "a/b;c=\"d\"e",
        ];
        for text in others {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn json_and_charsets_are_known_whatever_the_case() {
        let of = |text| MediaType::parse(text).unwrap();
        assert!(of("application/JSON").is_json() && of("text/json; a=b").is_json());
        assert!(of("application/problem+Json").is_json() && !of("application/jsonl").is_json());
        assert!(of("text/plain").is_utf8() && of("text/plain; Charset=\"UTF-8\"").is_utf8());
        assert!(!of("text/plain; charset=latin1").is_utf8());
    }
}
