//! Amounts formatted for e-mails and notifications.

use events::Money;

/// ISO 4217 currencies without a minor unit.
const ZERO_DECIMALS: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
];
/// ISO 4217 currencies whose minor unit is a thousandth.
const THREE_DECIMALS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Formats an amount as `19.99 EUR` or `500 JPY`.
#[must_use]
pub fn amount_text(money: &Money) -> String {
    let currency = money.currency.as_str();
    let decimals: usize = if ZERO_DECIMALS.contains(&currency) {
        0
    } else if THREE_DECIMALS.contains(&currency) {
        3
    } else {
        2
    };
    let sign = if money.amount < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        money.amount.unsigned_abs(),
        width = decimals + 1
    );
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{rest} {currency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_currency() {
        let text = |amount, currency: &str| {
            amount_text(&Money {
                amount,
                currency: currency.to_owned(),
            })
        };
        assert_eq!(text(1999, "EUR"), "19.99 EUR");
        assert_eq!(text(5, "EUR"), "0.05 EUR");
        assert_eq!(text(-5, "EUR"), "-0.05 EUR");
        assert_eq!(text(0, "EUR"), "0.00 EUR");
        assert_eq!(text(500, "JPY"), "500 JPY");
        assert_eq!(text(1500, "KWD"), "1.500 KWD");
        assert_eq!(text(i64::MIN, "EUR"), "-92233720368547758.08 EUR");
    }
}
