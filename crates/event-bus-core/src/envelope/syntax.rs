//! The characters and forms attributes may have: `CloudEvents` 1.0, RFC 3986 and W3C trace context.

/// What breaks the type `String`: control characters and Unicode's noncharacters. (Surrogates cannot be in a `str`.)
pub(super) fn forbidden(text: &str) -> Option<&'static str> {
    // All of what is forbidden is outside printable ASCII, where nearly every attribute is.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    for c in text.chars() {
        if c.is_control() {
            return Some("no control characters");
        }
        if matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe {
            return Some("no Unicode noncharacters");
        }
    }
    None
}

/// Whether the text may name an attribute.
pub(super) fn is_name(text: &str) -> bool {
    let character = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !text.is_empty() && text.bytes().all(character)
}

/// A whole number without sign or spaces.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Words of letters, digits, `_` and `-` joined by dots: what this bus names types and aggregates.
pub(super) fn is_dotted(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    text.len() <= 255 && text.split('.').all(word)
}

pub(super) fn is_region(text: &str) -> bool {
    let character = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(character)
}

/// A URI reference by RFC 3986, section 4.1; not empty, as `CloudEvents` wants it.
pub(super) fn is_uri_reference(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    // A plain absolute path, as /shop/orders.
    if text.starts_with('/')
        && !text.starts_with("//")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'))
    {
        return true;
    }
    if has_scheme(text) {
        return is_uri(text);
    }
    // `a:b` would be a scheme: in a relative reference the first segment has no colon.
    let first_segment = text.split(['/', '?', '#']).next().unwrap_or_default();
    !first_segment.contains(':') && is_hierarchical(text)
}

/// A URI by RFC 3986, section 3: it begins with its scheme.
pub(super) fn is_uri(text: &str) -> bool {
    has_scheme(text)
        && text
            .split_once(':')
            .is_some_and(|(_, rest)| is_hierarchical(rest))
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Authority, path, query and fragment: their characters, `%` with two hexadecimal digits, one `#`, brackets only
/// around an address of IP version 6 and a port of digits.
fn is_hierarchical(text: &str) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, path) = match text.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", text),
    };
    is_authority(authority)
        && is_made_of(path, b":@/")
        && is_made_of(query, b":@/?")
        && is_made_of(fragment, b":@/?")
}

fn is_authority(text: &str) -> bool {
    let (user, place) = text.rsplit_once('@').unwrap_or(("", text));
    if !is_made_of(user, b":") {
        return false;
    }
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("", port),
        Some(_) => return false,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    is_made_of(host, b"") && port.bytes().all(|b| b.is_ascii_digit())
}

/// Unreserved characters, sub-delimiters, percent-encoded octets and `also`.
fn is_made_of(text: &str, also: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_hexdigit());
                hex(bytes.next()) && hex(bytes.next())
            }
            other => {
                other.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&other)
                    || also.contains(&other)
            }
        };
        if !fits {
            return false;
        }
    }
    true
}

/// <https://www.w3.org/TR/trace-context/#traceparent-header-field-values>
pub(super) fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = text.split('-');
    let [Some(version), Some(trace), Some(span), Some(flags)] = [(); 4].map(|()| parts.next())
    else {
        return false;
    };
    hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && trace.bytes().any(|b| b != b'0')
        && hex(span, 16)
        && span.bytes().any(|b| b != b'0')
        && hex(flags, 2)
        && (version != "00" || parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_uris_are_told_from_other_text() {
        let references = [
            "/tenantry/order",
            "order",
            "//host/x",
            "?q=a/b?c",
            "#top",
            "a/b:c",
            "%C3%BC",
        ];
        for text in references {
            assert!(is_uri_reference(text) && !is_uri(text), "{text}");
        }
        let uris = [
            "https://shop.example:8443/a%20b?c=d#e",
            "urn:uuid:018f3c6e-0000-7000-8000-000000000001",
            "mailto:ann@shop.example",
            "http://[::1]:80/",
            "http://user:pass@h/",
        ];
        for text in uris {
            assert!(is_uri_reference(text) && is_uri(text), "{text}");
        }
        let neither = [
            "",
            "a b",
            "/ü",
            "/%2",
            "/%zz",
            "/<a>",
            "1a:b",
            "a#b#c",
            "http://[x]/",
            "http://h:p/",
            "/a[1]",
            "back\\slash",
            "{id}",
            "^",
            "\"",
            "`",
            "|",
        ];
        for text in neither {
            assert!(!is_uri_reference(text), "{text}");
        }
    }

    #[test]
    fn the_characters_that_no_text_may_have_are_named() {
        assert_eq!(forbidden("Grüße 👋 \u{fffd}"), None);
        for text in ["a\0", "\u{1f}", "\u{7f}", "\u{85}", "\u{9f}"] {
            assert_eq!(forbidden(text), Some("no control characters"), "{text:?}");
        }
        for text in [
            "\u{fdd0}",
            "\u{fdef}",
            "\u{fffe}",
            "\u{ffff}",
            "a\u{1ffff}",
            "\u{10fffe}",
        ] {
            assert_eq!(
                forbidden(text),
                Some("no Unicode noncharacters"),
                "{text:?}"
            );
        }
    }
}
