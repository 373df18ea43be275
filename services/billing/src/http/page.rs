//! Pages for buyers: plain HTML, no scripts, nothing from elsewhere, nothing kept.

use std::{fmt::Write, sync::LazyLock};

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use money::Money;
use sha2::{Digest, Sha256};

use crate::{domain::Status, use_cases::Opened};

const STYLE: &str = include_str!("page.css");

/// Only this style, and forms to where the page came from.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// The payment as it stands: to be paid, or what became of it.
pub fn payment(opened: &Opened) -> HttpResponse {
    let seller = escape(&opened.tenant.name);
    let amount = in_words(opened.payment.amount);
    let order = opened.payment.order_id;
    let facts = format!(
        "<dl><dt>To</dt><dd>{seller}</dd><dt>Amount</dt><dd>{amount}</dd><dt>For order</dt><dd>{order}</dd></dl>"
    );
    let (title, rest) = match opened.payment.status {
        Status::Pending => (
            format!("Pay {amount} to {seller}"),
            format!(
                "{facts}<form method=\"post\"><button type=\"submit\">Pay {amount}</button></form>\
                 <p>This is a test payment: no money moves.</p>"
            ),
        ),
        Status::Succeeded => (
            "Paid".to_owned(),
            format!("<p role=\"status\">Thank you, this payment is made.</p>{facts}"),
        ),
        Status::Cancelled => (
            "Cancelled".to_owned(),
            format!(
                "<p role=\"status\">The order ended before it was paid. Nothing is owed.</p>{facts}"
            ),
        ),
        Status::Refunded => (
            "Refunded".to_owned(),
            format!("<p role=\"status\">The order ended and the money went back.</p>{facts}"),
        ),
    };
    page(StatusCode::OK, &title, &rest)
}

/// The order ended before the button was pressed.
pub fn cancelled() -> HttpResponse {
    page(
        StatusCode::CONFLICT,
        "Cancelled",
        "<p role=\"alert\">The order ended before it was paid. Nothing was taken and nothing is owed.</p>",
    )
}

/// The seller is suspended.
pub fn closed() -> HttpResponse {
    page(
        StatusCode::FORBIDDEN,
        "No payments at the moment",
        "<p role=\"alert\">The seller takes no payments at the moment. Nothing was taken.</p>",
    )
}

/// Not a link of ours.
pub fn not_found() -> HttpResponse {
    page(
        StatusCode::NOT_FOUND,
        "No such payment",
        "<p role=\"alert\">This link does not lead to a payment. Please use the whole link as it was sent to you.</p>",
    )
}

/// `title` and `rest` are HTML already.
fn page(status: StatusCode, title: &str, rest: &str) -> HttpResponse {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{rest}</main></body></html>\n"
    );
    HttpResponse::build(status)
        .insert_header(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// As people write it: `19.99 EUR`.
fn in_words(money: Money) -> String {
    let decimals = decimals(money.currency.as_str());
    let unit = 10_u64.pow(decimals);
    let amount = money.amount.unsigned_abs();
    let mut words = String::new();
    if money.amount < 0 {
        words.push('-');
    }
    let _infallible = write!(words, "{}", amount / unit);
    if decimals > 0 {
        let width = decimals as usize;
        let _infallible = write!(words, ".{:0width$}", amount % unit);
    }
    let _infallible = write!(words, " {}", money.currency);
    words
}

/// How many decimals a currency has (ISO 4217, list one): two, but for these.
fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(amount: i64, currency: &str) -> String {
        in_words(Money::new(amount, currency.parse().unwrap()))
    }

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        assert_eq!(words(1999, "EUR"), "19.99 EUR");
        assert_eq!(words(5, "EUR"), "0.05 EUR");
        assert_eq!(words(0, "EUR"), "0.00 EUR");
        assert_eq!(words(1999, "JPY"), "1999 JPY");
        assert_eq!(words(1999, "KWD"), "1.999 KWD");
        assert_eq!(words(-1, "EUR"), "-0.01 EUR");
    }

    proptest! {
        #[test]
        fn no_amount_loses_a_digit(amount: i64, currency in "EUR|JPY|KWD|CLF") {
            let digits: String =
                words(amount, &currency).chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            prop_assert_eq!(digits.parse::<i64>().unwrap(), amount);
        }

        #[test]
        fn a_name_cannot_become_markup(name in ".*") {
            let safe = escape(&name);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
            let back = safe.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
                .replace("&#39;", "'").replace("&amp;", "&");
            prop_assert_eq!(back, name);
        }
    }

    #[test]
    fn a_page_allows_its_own_style_and_no_script() {
        let answer = not_found();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let policy = answer
            .headers()
            .get(CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        assert!(
            !STYLE.contains('<'),
            "the style ends where its element does"
        );
    }
}
