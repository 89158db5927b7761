//! A point in time as SQLite's functions reckon: milliseconds since noon of 24 November 4714 before our era (the Julian
//! day's zero), the calendar of today before its time as well. Pure.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

const DAY: i64 = 86_400_000;
/// The Julian day of 1970-01-01, in ms.
const UNIX: i64 = 210_866_760_000_000;
/// The end of the year 9999.
const LAST: i64 = 464_269_060_799_999;

/// The Julian day that begins the year 10000, with half a day more.
const JULIAN_DAYS: f64 = 5_373_484.5;

/// What a time is read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// ms since 1970.
    Unix(i64),
    /// A Julian day, or seconds since 1970 with `unixepoch`.
    Number(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// ms of the Julian day; between 0 and the end of the year 9999.
    julian: i64,
}

impl Value {
    /// A time out of text: a date, a date and a time, a time (of 2000-01-01), or a number.
    pub fn read(text: &str) -> Option<Value> {
        let number = || text.trim().parse().ok().filter(|_| text.trim().ends_with(|last: char| last.is_ascii_digit()));
        written(text).map(|at| Value::Unix(at.and_utc().timestamp_millis())).or_else(|| number().map(Value::Number))
    }
}

impl Moment {
    /// `None` is what SQLite has NULL for.
    ///
    /// # Errors
    /// A modifier that there is not.
    pub fn of<'m>(value: Value, modifiers: impl Iterator<Item = &'m str>) -> Result<Option<Moment>, String> {
        let mut modifiers = modifiers.peekable();
        let mut possible = true;
        let as_number = |number: f64| Some((number * DAY as f64 + 0.5) as i64).filter(|_| number >= 0.0);
        let of_seconds = |number: f64| ((number * 1000.0).round() as i64).checked_add(UNIX);
        let julian = match value {
            Value::Unix(at) => {
                // Of a text there is nothing to guess.
                modifiers.next_if(|modifier| modifier.eq_ignore_ascii_case("auto"));
                at.checked_add(UNIX)
            }
            // What is a Julian day is one, and anything else seconds since 1970.
            Value::Number(number) if modifiers.next_if(|modifier| modifier.eq_ignore_ascii_case("auto")).is_some() => {
                match (0.0..JULIAN_DAYS).contains(&number) {
                    true => as_number(number),
                    false => of_seconds(number),
                }
            }
            Value::Number(number) => match modifiers.next_if(|modifier| modifier.eq_ignore_ascii_case("unixepoch")) {
                Some(_) => of_seconds(number),
                None => {
                    // What it is without it.
                    modifiers.next_if(|modifier| modifier.eq_ignore_ascii_case("julianday"));
                    as_number(number)
                }
            },
        };
        let mut moment = Moment { julian: julian.unwrap_or(-1) };
        for modifier in modifiers {
            possible &= moment.is_within();
            // One that is not there is told of even where there is no time.
            let from = if possible { moment } else { Moment { julian: UNIX } };
            match from.changed(modifier)? {
                Some(changed) if possible => moment = changed,
                Some(_) => {}
                None => possible = false,
            }
        }
        Ok(Some(moment).filter(|moment| possible && moment.is_within()))
    }

    fn is_within(self) -> bool {
        (0..=LAST).contains(&self.julian)
    }

    fn changed(self, modifier: &str) -> Result<Option<Moment>, String> {
        let none = || modifier.to_string();
        let word = modifier.to_ascii_lowercase();
        let at = self.calendar().ok_or_else(none)?;
        let begins = |day: Option<NaiveDate>| day.map(|day| self.at(day.and_time(NaiveTime::MIN)));
        match word.as_str() {
            // Every time is that.
            "utc" => return Ok(Some(self)),
            // Only of a number, and behind it.
            "unixepoch" | "julianday" => return Ok(None),
            "start of day" => return Ok(begins(Some(at.date()))),
            "start of month" => return Ok(begins(at.date().with_day(1))),
            "start of year" => return Ok(begins(NaiveDate::from_ymd_opt(at.year(), 1, 1))),
            _ => {}
        }
        if let Some(day) = word.strip_prefix("weekday ") {
            let day: f64 = day.trim().parse().map_err(|_| none())?;
            if !(0.0..7.0).contains(&day) || day.fract() != 0.0 {
                return Err(none());
            }
            let ahead = (day as i64 - i64::from(at.weekday().num_days_from_sunday())).rem_euclid(7);
            return Ok(self.later(ahead * DAY));
        }
        let (sign, bare) = match word.strip_prefix('-') {
            Some(bare) => (-1, bare),
            None => (1, word.strip_prefix('+').unwrap_or(&word)),
        };
        if !bare.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(none());
        }
        if let Some(time) = clock(bare) {
            return Ok(self.later(sign * time.num_milliseconds()));
        }
        let end = bare.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).ok_or_else(none)?;
        let count: f64 = bare[..end].parse().map_err(|_| none())?;
        let count = count * sign as f64;
        let unit = bare[end..].trim_start();
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        let days = |days: f64| {
            let ms = days * DAY as f64;
            let rounded = (ms + if ms < 0.0 { -0.5 } else { 0.5 }) as i64;
            move |moment: Moment| moment.later(rounded)
        };
        Ok(match unit {
            "second" => days(count / 86_400.0)(self),
            "minute" => days(count / 1440.0)(self),
            "hour" => days(count / 24.0)(self),
            "day" => days(count)(self),
            // What is no whole month is thirty days of it, and of a year 365.
            "month" => self.months(count.trunc()).and_then(days(count.fract() * 30.0)),
            "year" => self.months(count.trunc() * 12.0).and_then(days(count.fract() * 365.0)),
            _ => return Err(none()),
        })
    }

    fn later(self, ms: i64) -> Option<Moment> {
        let julian = self.julian.checked_add(ms)?;
        Some(Moment { julian }).filter(|moment| moment.is_within())
    }

    /// The same day of another month; days that it does not have are the first ones of the next.
    fn months(self, count: f64) -> Option<Moment> {
        let at = self.calendar()?;
        let month = f64::from(at.year()) * 12.0 + f64::from(at.month0()) + count;
        // All that is within is exact in 64 bits.
        let month = Some(month).filter(|month| month.abs() < 1e6)? as i32;
        let first = NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1)?;
        let day = first.checked_add_days(Days::new(u64::from(at.day0())))?;
        Some(self.at(day.and_time(at.time()))).filter(|moment| moment.is_within())
    }

    fn at(self, at: NaiveDateTime) -> Moment {
        Moment { julian: at.and_utc().timestamp_millis() + UNIX }
    }

    fn calendar(self) -> Option<NaiveDateTime> {
        DateTime::from_timestamp_millis(self.julian - UNIX).map(|at| at.naive_utc())
    }

    /// The Julian day.
    pub fn days(self) -> f64 {
        self.julian as f64 / DAY as f64
    }

    /// Since 1970.
    pub fn seconds(self) -> i64 {
        (self.julian - UNIX).div_euclid(1000)
    }

    pub fn text(self, form: &Form) -> String {
        let mut text = String::new();
        let Some(at) = self.calendar() else { return text };
        for part in &form.parts {
            // A text takes all that is written to it.
            let _ = match part {
                Part::Days => text.write_str(&significant(self.days())),
                Part::Seconds => write!(text, "{}", at.format("%S%.3f")),
                Part::Plain(items) => write!(text, "{}", at.format_with_items(items.iter())),
            };
        }
        text
    }
}

/// Sixteen digits, without zeros at the end.
fn significant(days: f64) -> String {
    let whole = days.trunc().to_string().len();
    let text = format!("{days:.*}", 16usize.saturating_sub(whole));
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// How a time is written.
#[derive(Debug)]
pub struct Form {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Plain(Vec<Item<'static>>),
    /// `%f`: seconds with three digits behind the point.
    Seconds,
    /// `%J`
    Days,
}

impl Form {
    /// # Errors
    /// The part that there is not.
    pub fn read(text: &str) -> Result<Form, String> {
        let mut parts = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                parts.push(Part::Plain(vec![Item::OwnedLiteral(letter.to_string().into())]));
                continue;
            }
            let Some(name) = letters.next() else { return Err("%".into()) };
            parts.push(match name {
                'f' => Part::Seconds,
                'J' => Part::Days,
                // Those that mean the same to both.
                'd' | 'e' | 'F' | 'G' | 'g' | 'H' | 'I' | 'j' | 'k' | 'l' | 'M' | 'm' | 'P' | 'p' | 'R' | 'S' | 's'
                | 'T' | 'U' | 'u' | 'V' | 'W' | 'w' | 'Y' | '%' => {
                    let part = format!("%{name}");
                    let items = StrftimeItems::new(&part).map(Item::to_owned).collect();
                    Part::Plain(items)
                }
                other => return Err(format!("%{other}")),
            });
        }
        Ok(Form { parts })
    }
}

/// `2024-01-31`, `2024-01-31 12:30`, `2024-01-31T12:30:15.5Z`, `12:30`: in UTC.
fn written(text: &str) -> Option<NaiveDateTime> {
    let (day, rest) = match date(text) {
        Some((day, rest)) => (day, rest.trim_start_matches([' ', 'T', '\t', '\n', '\r'])),
        None => (NaiveDate::from_ymd_opt(2000, 1, 1)?, text),
    };
    if rest.is_empty() && !text.is_empty() {
        return Some(day.and_time(NaiveTime::MIN));
    }
    let end =
        rest.find(|letter: char| !(letter.is_ascii_digit() || letter == ':' || letter == '.')).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(end);
    let at = day.and_time(NaiveTime::MIN) + clock(time)?;
    let zone = zone.trim();
    let (sign, offset) = match zone.chars().next() {
        None => return Some(at),
        Some('Z' | 'z') if zone.len() == 1 => return Some(at),
        Some('+') => (-1, &zone[1..]),
        Some('-') => (1, &zone[1..]),
        Some(_) => return None,
    };
    let (hours, minutes) = offset.split_once(':')?;
    let (hours, minutes) = (digits(hours, 14)?, digits(minutes, 59)?);
    at.checked_add_signed(TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
}

/// A date, and what follows it. Days that a month does not have are the first ones of the next.
fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let (day, rest) = text.split_at_checked(10)?;
    let bytes = day.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' || rest.starts_with(|next: char| next.is_ascii_digit()) {
        return None;
    }
    let year = day[..4].bytes().all(|digit| digit.is_ascii_digit()).then(|| day[..4].parse().ok()).flatten()?;
    let (month, of_month) = (digits(&day[5..7], 12)?, digits(&day[8..], 31)?);
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some((first.checked_add_days(Days::new(u64::from(of_month.checked_sub(1)?)))?, rest))
}

/// `HH:MM`, with seconds and their fraction, which is cut off behind the thousandths. `24:00` is the end of a day.
fn clock(text: &str) -> Option<TimeDelta> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').map_or((rest, None), |(minutes, seconds)| (minutes, Some(seconds)));
    let (seconds, fraction) = match seconds {
        None => ("00", ""),
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "0")),
    };
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) || (seconds != "00" && fraction.is_empty()) {
        return None;
    }
    let milli: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let (hours, minutes, seconds) = (digits(hours, 24)?, digits(minutes, 59)?, digits(seconds, 59)?);
    Some(TimeDelta::milliseconds(i64::from((hours * 60 + minutes) * 60 + seconds) * 1000 + milli))
}

/// Two digits.
fn digits(text: &str, most: u32) -> Option<u32> {
    let two = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|number| two && *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: Option<Value>, modifiers: &[&str], form: &str) -> Result<Option<String>, String> {
        let Some(value) = value else { return Ok(None) };
        let form = Form::read(form)?;
        Ok(Moment::of(value, modifiers.iter().copied())?.map(|moment| moment.text(&form)))
    }

    #[track_caller]
    fn check(text: &str, modifiers: &[&str], expected: Option<&str>) {
        let found = shown(Value::read(text), modifiers, "%Y-%m-%d %H:%M:%S");
        assert_eq!(found, Ok(expected.map(String::from)), "datetime('{text}', {modifiers:?})");
    }

    /// What SQLite 3.40 gives.
    #[test]
    fn times_are_read_as_sqlite_does() {
        check("2024-01-31", &[], Some("2024-01-31 00:00:00"));
        check("2024-01-31 12:34", &[], Some("2024-01-31 12:34:00"));
        check("2024-01-31T12:34:56.789Z", &[], Some("2024-01-31 12:34:56"));
        check("2024-01-01 10:00+02:00", &[], Some("2024-01-01 08:00:00"));
        check("2024-01-01 10:00:00 Z", &[], Some("2024-01-01 10:00:00"));
        check("2024-01-01 10:00:00 ", &[], Some("2024-01-01 10:00:00"));
        check("12:34", &[], Some("2000-01-01 12:34:00"));
        // SQLite shows this as it stands, until a modifier is given.
        check("2024-01-31 24:00:00", &["+0 days"], Some("2024-02-01 00:00:00"));
        check("2024-01-31", &["+24:00"], Some("2024-02-01 00:00:00"));
        check("2460000.5", &[], Some("2023-02-25 00:00:00"));
        check("1700000000", &["unixepoch"], Some("2023-11-14 22:13:20"));
        check("1700000000", &["auto"], Some("2023-11-14 22:13:20"));
        check("2460000.5", &["AUTO", "+1 day"], Some("2023-02-26 00:00:00"));
        check("2024-01-31", &["auto"], Some("2024-01-31 00:00:00"));
        check("2024-02-30", &["+0 days"], Some("2024-03-01 00:00:00"));
        for text in [
            "",
            "x",
            "2024-1-1",
            " 2024-01-01",
            "2024-01-01 25:00",
            "2024-01-01 10",
            "2024-01-01Z",
            "2024-01-01t10:00",
            "2024-13-01",
            "nan",
            "inf",
            "-5",
        ] {
            check(text, &[], None);
        }
        check("2024-01-01", &["unixepoch"], None);
    }

    #[test]
    fn modifiers_are_sqlites() {
        check("2024-01-31", &["+1 month"], Some("2024-03-02 00:00:00"));
        check("2024-01-01", &["1.5 months"], Some("2024-02-16 00:00:00"));
        check("2024-01-01", &["-1 months", "start of month"], Some("2023-12-01 00:00:00"));
        check("2024-01-01", &["+10:30"], Some("2024-01-01 10:30:00"));
        check("2024-01-01", &["-10:30:15.5"], Some("2023-12-31 13:29:44"));
        check("2024-01-01", &["weekday 0"], Some("2024-01-07 00:00:00"));
        check("2024-01-01", &["weekday 1.0"], Some("2024-01-01 00:00:00"));
        check("2024-01-01", &["+5  days"], Some("2024-01-06 00:00:00"));
        check("2024-06-15 10:00", &["START OF YEAR", "-1 second"], Some("2023-12-31 23:59:59"));
        check("2024-02-29", &["-1 year"], Some("2023-03-01 00:00:00"));
        check("9999-12-31", &["+1 day"], None);
        check("2024-01-01", &["+99999999999999999999 months"], None);
        check("2024-01-01", &["utc"], Some("2024-01-01 00:00:00"));
    }

    #[test]
    fn what_is_no_modifier_is_said_even_where_there_is_no_time() {
        for modifier in
            ["bogus", "-30 dayz", "+ 5 days", " +5 days", "localtime", "subsec", "weekday 7", "5", "", "é days"]
        {
            assert_eq!(shown(Value::read("2024-01-01"), &[modifier], "%Y"), Err(modifier.into()));
            assert_eq!(shown(Some(Value::Number(-1.0)), &[modifier], "%Y"), Err(modifier.into()));
        }
    }

    #[test]
    fn forms_are_sqlites() {
        for (form, expected) in
            [("a%%b%j %w %W %s", "a%b001 1 01 1704112496"), ("%f|%J|%H:%M|é", "56.789|2460311.024268391|12:34|é")]
        {
            assert_eq!(shown(Value::read("2024-01-01 12:34:56.789"), &[], form), Ok(Some(expected.into())));
        }
        assert_eq!(Form::read("%Q").err(), Some("%Q".into()));
        assert_eq!(Form::read("50%").err(), Some("%".into()));
    }
}
