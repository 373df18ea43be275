//! Formatting of numbers.

/// Formats an integer with commas between thousands.
pub fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0.0 && digits != "0" {
        text.insert(0, '-');
    }
    text
}

/// Formats a number with the decimals significant for its size.
pub fn plain(number: f64) -> String {
    let size = number.abs();
    if size >= 100.0 || size.fract() == 0.0 {
        whole(number)
    } else if size >= 10.0 {
        format!("{number:.1}")
    } else if size >= 0.1 {
        format!("{number:.2}")
    } else {
        format!("{number:.4}")
    }
}

/// Formats a fraction in percent.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(whole(7.4), "7");
        assert_eq!(whole(999.6), "1,000");
        assert_eq!(whole(1_234_567.0), "1,234,567");
        assert_eq!(whole(-1_234.0), "-1,234");
        assert_eq!(whole(-0.2), "0");
    }

    #[test]
    fn small_numbers_keep_what_matters() {
        assert_eq!(plain(0.0), "0");
        assert_eq!(plain(0.012_34), "0.0123");
        assert_eq!(plain(0.956), "0.96");
        assert_eq!(plain(12.34), "12.3");
        assert_eq!(plain(1_722.4), "1,722");
        assert_eq!(percent(0.368), "37 %");
    }
}
