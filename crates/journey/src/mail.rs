//! Mails, as the local stack writes them: one file each.

use std::path::Path;

use anyhow::Result;

use crate::until::until;

/// Waits for a mail to this address that holds `words`, and returns its text.
pub async fn mail_to(dir: &Path, address: &str, words: &str) -> Result<String> {
    until(
        &format!("a mail to {address} that says “{words}”"),
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
        let text = readable(&std::fs::read_to_string(&path)?);
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

/// Undoes quoted-printable (RFC 2045, section 6.7): soft line breaks and `=3D` and the like.
fn readable(raw: &str) -> String {
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

/// What stands behind `name=` in a link of the mail.
pub fn parameter(mail: &str, name: &str) -> Result<String> {
    let start = mail
        .find(&format!("{name}="))
        .ok_or_else(|| anyhow::anyhow!("the mail holds no {name}="))?;
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
    fn a_link_is_read_through_quoted_printable() {
        let raw = "To: a@b.c\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsee http://x/?token=3Dab=\r\ncd\r\n";
        assert_eq!(parameter(&readable(raw), "token").unwrap(), "abcd");
    }
}
