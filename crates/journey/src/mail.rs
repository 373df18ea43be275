//! Reading e-mails, which the local stack writes as files.

use std::path::Path;

use anyhow::Result;

use crate::poll::poll;

/// Waits for an e-mail to this address that contains `words`, and returns its text.
pub async fn mail_to(dir: &Path, address: &str, words: &str) -> Result<String> {
    poll(
        &format!("an e-mail to {address} containing “{words}”"),
        || async { find(dir, address, words) },
    )
    .await
}

fn find(dir: &Path, address: &str, words: &str) -> Result<Option<String>> {
    let recipient = format!("to: {}", address.to_lowercase());
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_none_or(|kind| kind != "eml") {
            continue;
        }
        let text = decode(&std::fs::read_to_string(&path)?);
        let to_them = text.lines().any(|line| {
            let line = line.to_lowercase().replace(['<', '>'], "");
            line == recipient
        });
        if to_them && text.contains(words) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Decodes quoted-printable text (RFC 2045, section 6.7).
fn decode(raw: &str) -> String {
    if !raw
        .to_lowercase()
        .contains("content-transfer-encoding: quoted-printable")
    {
        return raw.replace("\r\n", "\n");
    }
    let joined = raw
        .replace("=\r\n", "")
        .replace("=\n", "")
        .replace("\r\n", "\n");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'=' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the value of the query parameter `name` in a link of the e-mail.
pub fn parameter(mail: &str, name: &str) -> Result<String> {
    let start = mail
        .find(&format!("{name}="))
        .ok_or_else(|| anyhow::anyhow!("the e-mail contains no {name}="))?;
    let value = &mail[start + name.len() + 1..];
    let end = value
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.~%".contains(c)))
        .unwrap_or(value.len());
    Ok(value[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_link_parameter_from_quoted_printable_text() {
        let raw = "To: a@b.c\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsee http://x/?token=3Dab=\r\ncd\r\n";
        assert_eq!(parameter(&decode(raw), "token").unwrap(), "abcd");
    }
}
