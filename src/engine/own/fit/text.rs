//! Whether a number, a date or a time that is read from a text says all that the text says. Pure; reads nothing itself:
//! Arrow has read it, and left out what its type has no place for.

use std::borrow::Cow;

use arrow::datatypes::{DataType, TimeUnit};

/// Whether `value`, as it is written out, is what `text` says. Neither is NULL.
pub fn is_kept(text: &str, value: &str, kind: &DataType) -> bool {
    match kind {
        kind if kind.is_decimal() => digits(text).is_some_and(|digits_of_text| Some(digits_of_text) == digits(value)),
        kind if kind.is_floating() => is_near(text, value),
        DataType::Date32 | DataType::Date64 => {
            let (time, zone) = time_of(text);
            time.chars().all(|letter| matches!(letter, '0' | ':' | '.')) && is_utc(zone)
        }
        DataType::Timestamp(unit, zone) => {
            let (time, given) = time_of(text);
            fraction_fits(time, *unit) && (zone.is_some() || is_utc(given))
        }
        DataType::Time32(unit) | DataType::Time64(unit) => fraction_fits(text, *unit),
        _ => true,
    }
}

/// A number with its point where its power of ten puts it; any other text as it is.
pub fn without_power(text: &str) -> Cow<'_, str> {
    match digits(text).filter(|_| text.contains(['e', 'E'])) {
        Some((negative, whole, rest)) => format!("{}{whole}.{rest}0", if negative { "-" } else { "" }).into(),
        None => text.into(),
    }
}

/// The sign of a number, its digits before the point and those behind it, without the zeros that say nothing.
fn digits(text: &str) -> Option<(bool, String, String)> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, power) = match unsigned.split_once(['e', 'E']) {
        // No decimal has more digits than that.
        Some((digits, power)) => (digits, power.parse().ok().filter(|power: &i32| power.abs() <= 100)?),
        None => (unsigned, 0),
    };
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.chars().chain(rest.chars()).all(|letter| letter.is_ascii_digit()) {
        return None;
    }
    // The point is where the power puts it.
    let zeros = "0".repeat(power.unsigned_abs() as usize);
    let all = if power < 0 { format!("{zeros}{whole}{rest}") } else { format!("{whole}{rest}{zeros}") };
    let point = if power < 0 { whole.len() } else { whole.len() + zeros.len() };
    let (whole, rest) = all.split_at(point);
    let (whole, rest) = (whole.trim_start_matches('0'), rest.trim_end_matches('0'));
    let negative = text.starts_with('-') && !(whole.is_empty() && rest.is_empty());
    Some((negative, whole.to_string(), rest.to_string()))
}

/// A float is near enough to what is written with a point or an exponent, as long as it is a number, and none only if
/// that is none. A whole number, however long, is itself.
fn is_near(text: &str, value: &str) -> bool {
    let Ok(value) = value.parse::<f64>() else { return false };
    let whole = text.trim();
    let whole = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{:.0}", value.abs()).trim_start_matches('0') == whole.trim_start_matches('0');
    }
    // Infinity and NaN are words.
    let counts = text.contains(|letter: char| letter.is_ascii_digit());
    let is_zero = !text.split(['e', 'E']).next().unwrap_or_default().contains(|letter| matches!(letter, '1'..='9'));
    !counts || (value.is_finite() && (value != 0.0 || is_zero))
}

/// What stands behind a date: the time, and its zone.
fn time_of(text: &str) -> (&str, &str) {
    let behind = text.find(['T', 't', ' ']).map_or("", |at| &text[at + 1..]);
    let end = behind.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ':' | '.'));
    behind.split_at(end.unwrap_or(behind.len()))
}

/// A time without a zone is as one in UTC.
pub fn is_utc(zone: &str) -> bool {
    let zone = zone.trim();
    let hours = zone.strip_prefix(['+', '-']).filter(|rest| !rest.is_empty());
    zone.is_empty()
        || zone.eq_ignore_ascii_case("z")
        || zone.eq_ignore_ascii_case("utc")
        || hours.is_some_and(|hours| hours.chars().all(|letter| matches!(letter, '0' | ':')))
}

/// Whether a time has no more of a second than a unit keeps.
fn fraction_fits(time: &str, unit: TimeUnit) -> bool {
    let places = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let fraction = time.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.chars().take_while(char::is_ascii_digit);
    digits.skip(places).all(|digit| digit == '0')
}

#[cfg(test)]
mod tests {
    use super::{DataType, TimeUnit, is_kept};

    fn check(kind: &DataType, cases: &[(&str, &str, bool)]) {
        for (text, value, expected) in cases {
            assert_eq!(is_kept(text, value, kind), *expected, "{text} as {value}, {kind}");
        }
    }

    #[test]
    fn decimals_keep_every_digit() {
        check(
            &DataType::Decimal128(5, 2),
            &[
                ("1.239", "1.24", false),
                ("1.23", "1.23", true),
                (" +01.230 ", "1.23", true),
                ("-.5", "-0.50", true),
                ("-0", "0.00", true),
                ("-1", "1.00", false),
                ("100", "1.00", false),
                ("7.", "7.00", true),
                ("1e2", "100.00", true),
                ("1.5E+1", "15.00", true),
                ("-125e-2", "-1.25", true),
                ("1234e-3", "1.23", false),
                ("1e", "1.00", false),
                ("1e999999999", "0.00", false),
            ],
        );
    }

    #[test]
    fn floats_are_near() {
        check(
            &DataType::Float64,
            &[
                ("0.1", "0.1", true),
                ("1e400", "inf", false),
                ("-1e400", "-inf", false),
                ("1e-400", "0.0", false),
                ("0e9", "0.0", true),
                ("inf", "inf", true),
                ("NaN", "NaN", true),
                ("9007199254740993", "9007199254740992.0", false),
                ("9007199254740992", "9007199254740992.0", true),
                ("18446744073709551615", "18446744073709551616", false),
                ("-018446744073709551616", "-18446744073709551616", true),
                ("0", "0", true),
            ],
        );
    }

    #[test]
    fn dates_have_no_time() {
        check(
            &DataType::Date32,
            &[
                ("2026-01-01", "2026-01-01", true),
                ("2026-01-01T10:00:00", "2026-01-01", false),
                ("2026-01-01 00:00:00.000", "2026-01-01", true),
                ("2026-01-01T00:00:00Z", "2026-01-01", true),
                ("2026-01-01T00:00:00+02:00", "2025-12-31", false),
            ],
        );
    }

    #[test]
    fn times_keep_their_zone_and_their_fraction() {
        let (zoned, plain) =
            (DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), |unit| DataType::Timestamp(unit, None));
        let zone = "2026-01-01T10:00:00.5+02:00";
        check(&zoned, &[(zone, "", true), ("2026-01-01T10:00:00.0005Z", "", false)]);
        check(&plain(TimeUnit::Millisecond), &[(zone, "", false), ("2026-01-01T10:00:00.123000Z", "", true)]);
        check(&plain(TimeUnit::Second), &[("2026-01-01T10:00:00", "", true), ("2026-01-01 10:00:00.1", "", false)]);
        check(&plain(TimeUnit::Nanosecond), &[("2026-01-01 10:00:00 Europe/London", "", false)]);
        check(&plain(TimeUnit::Nanosecond), &[("2026-01-01", "", true), ("2026-01-01T10:00:00.1234567891", "", false)]);
        check(
            &DataType::Time64(TimeUnit::Nanosecond),
            &[("10:00:00.5 PM", "", true), ("10:00:00.0000000001", "", false)],
        );
    }
}
