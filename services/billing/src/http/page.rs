//! HTML pages for buyers: no scripts, no external resources, not cached.

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

use crate::{domain::PaymentStatus, use_cases::OpenedPayment};

const STYLE: &str = include_str!("page.css");

/// Allows only [`STYLE`], and forms that post to the same origin.
static CONTENT_POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// The payment with its status, and a button while it is pending.
pub fn payment(opened: &OpenedPayment) -> HttpResponse {
    let seller = escape(&opened.tenant.name);
    let amount = format_amount(opened.payment.amount);
    let order = opened.payment.order_id;
    let details = format!(
        "<dl><dt>To</dt><dd>{seller}</dd><dt>Amount</dt><dd>{amount}</dd><dt>For order</dt><dd>{order}</dd></dl>"
    );
    let (title, content) = match opened.payment.status {
        PaymentStatus::Pending => (
            format!("Pay {amount} to {seller}"),
            format!(
                "{details}<form method=\"post\"><button type=\"submit\">Pay {amount}</button></form>\
                 <p>This is a test payment: no money moves.</p>"
            ),
        ),
        PaymentStatus::Succeeded => (
            "Paid".to_owned(),
            format!("<p role=\"status\">Thank you, this payment is made.</p>{details}"),
        ),
        PaymentStatus::Cancelled => (
            "Cancelled".to_owned(),
            format!(
                "<p role=\"status\">The order ended before it was paid. Nothing is owed.</p>{details}"
            ),
        ),
        PaymentStatus::Refunded => (
            "Refunded".to_owned(),
            format!("<p role=\"status\">The order ended and the money went back.</p>{details}"),
        ),
    };
    page(StatusCode::OK, &title, &content)
}

/// The order ended before the buyer paid.
pub fn cancelled() -> HttpResponse {
    page(
        StatusCode::CONFLICT,
        "Cancelled",
        "<p role=\"alert\">The order ended before it was paid. Nothing was taken and nothing is owed.</p>",
    )
}

/// The seller is suspended.
pub fn suspended() -> HttpResponse {
    page(
        StatusCode::FORBIDDEN,
        "No payments at the moment",
        "<p role=\"alert\">The seller takes no payments at the moment. Nothing was taken.</p>",
    )
}

/// The link is not genuine.
pub fn not_found() -> HttpResponse {
    page(
        StatusCode::NOT_FOUND,
        "No such payment",
        "<p role=\"alert\">This link does not lead to a payment. Please use the whole link as it was sent to you.</p>",
    )
}

/// `title` and `content` must be escaped HTML.
fn page(status: StatusCode, title: &str, content: &str) -> HttpResponse {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{content}</main></body></html>\n"
    );
    HttpResponse::build(status)
        .insert_header(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, CONTENT_POLICY.as_str()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}

/// Escapes text for HTML content and attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The amount in major units: `19.99 EUR`.
fn format_amount(money: Money) -> String {
    let digits = minor_unit_digits(money.currency.as_str());
    let unit = 10_u64.pow(digits);
    let amount = money.amount.unsigned_abs();
    let mut text = String::new();
    if money.amount < 0 {
        text.push('-');
    }
    let _infallible = write!(text, "{}", amount / unit);
    if digits > 0 {
        let width = digits as usize;
        let _infallible = write!(text, ".{:0width$}", amount % unit);
    }
    let _infallible = write!(text, " {}", money.currency);
    text
}

/// The number of minor-unit digits of a currency (ISO 4217, list one); two for all that are not listed here.
fn minor_unit_digits(currency: &str) -> u32 {
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

    fn formatted(amount: i64, currency: &str) -> String {
        format_amount(Money::parse(amount, currency).unwrap())
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        assert_eq!(formatted(1999, "EUR"), "19.99 EUR");
        assert_eq!(formatted(5, "EUR"), "0.05 EUR");
        assert_eq!(formatted(0, "EUR"), "0.00 EUR");
        assert_eq!(formatted(1999, "JPY"), "1999 JPY");
        assert_eq!(formatted(1999, "KWD"), "1.999 KWD");
        assert_eq!(formatted(-1, "EUR"), "-0.01 EUR");
    }

    proptest! {
        #[test]
        fn formatting_loses_no_digit(amount: i64, currency in "EUR|JPY|KWD|CLF") {
            let digits: String =
                formatted(amount, &currency).chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            prop_assert_eq!(digits.parse::<i64>().unwrap(), amount);
        }

        #[test]
        fn escaped_text_contains_no_markup(name in ".*") {
            let escaped = escape(&name);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let unescaped = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
                .replace("&#39;", "'").replace("&amp;", "&");
            prop_assert_eq!(unescaped, name);
        }
    }

    #[test]
    fn a_page_allows_its_own_style_and_no_script() {
        let response = not_found();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let policy = response
            .headers()
            .get(CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        assert!(!STYLE.contains('<'), "the style must not close its element");
    }
}
