//! How numbers, times and names look: units always, no more digits than matter, all of them on demand. A number and
//! its unit stay on one line: the space between them does not break.

use clearing::{Amount, Price};
use time::OffsetDateTime;
use time::macros::format_description;

/// Digits in groups of three: `1690` is `1,690`, and what follows a point stays as it is.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (whole, rest) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let mut shown = String::with_capacity(number.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + rest
}

/// All digits of an amount: `412.000`.
#[must_use]
pub fn exact(amount: Amount, decimals: u8) -> String {
    grouped(&amount.display(decimals))
}

/// An amount with the digits that matter: whole units from 100 on, three digits below, rounded to the nearest.
#[must_use]
pub fn brief(amount: Amount, decimals: u8) -> String {
    let decimals = u32::from(decimals);
    let units = amount.get();
    let Some(one) = 10u128.checked_pow(decimals) else { return exact(amount, 0) };
    let places = match units / one.max(1) {
        100.. => 0,
        10..=99 => 1,
        1..=9 => 2,
        0 => 3,
    }
    .min(decimals);
    let step = 10u128.pow(decimals - places);
    let rounded = (units + step / 2) / step;
    if rounded == 0 && units > 0 {
        return exact(amount, u8::try_from(decimals).unwrap_or(0));
    }
    let text = Amount::new(rounded).unwrap_or(amount).display(u8::try_from(places).unwrap_or(0));
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    grouped(text)
}

/// How much of one thing is got for a whole unit of another, with the four digits that matter, rounded down: `0.2869`.
/// `None` when nothing is given or the number is beyond any amount.
#[must_use]
pub fn rate(got: Amount, got_decimals: u8, given: Amount, given_decimals: u8) -> Option<String> {
    /// No rate is said with more decimals.
    const MOST_PLACES: u8 = 12;
    let one = 10u128.checked_pow(u32::from(got_decimals))?;
    let mut said = None;
    for places in 0..=MOST_PLACES {
        let scale = 10u128.checked_pow(u32::from(given_decimals) + u32::from(places))?;
        let Ok(finer) = got.mul_div_floor(scale, given.get()).and_then(|all| all.mul_div_floor(1, one))
        else {
            break;
        };
        said = Some((finer, places));
        if finer.get() >= 1_000 {
            break;
        }
    }
    let (rate, places) = said?;
    let text = rate.display(places);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    Some(grouped(text))
}

/// A size in the unit that fits, rounded to the nearest tenth: `12 bytes`, `3.4 KiB`, `10.0 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = (u128::from(count) * 10 + u128::from(unit) / 2) / u128::from(unit);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match count {
        0..1024 => format!("{count} bytes"),
        1024..1_048_576 => format!("{} KiB", tenths(1 << 10)),
        _ => format!("{} MiB", tenths(1 << 20)),
    }
}

/// A value in whole dollars, rounded down: `$ 371,210`.
#[must_use]
pub fn usd(micro: u128) -> String {
    if micro > 0 && micro < 100_000_000 {
        let cents = micro / 10_000;
        return format!("$\u{a0}{}.{:02}", cents / 100, cents % 100);
    }
    format!("$\u{a0}{}", grouped(&(micro / 1_000_000).to_string()))
}

/// A value in three digits or so: `$ 371k`, `$ 1.86 M`.
#[must_use]
pub fn usd_brief(micro: u128) -> String {
    let dollars = micro / 1_000_000;
    match dollars {
        0..=9_999 => usd(micro),
        10_000..=999_499 => format!("$\u{a0}{}k", (dollars + 500) / 1_000),
        999_500..=999_499_999 => {
            let hundredths = (dollars + 5_000) / 10_000;
            format!("$\u{a0}{}.{:02}\u{a0}M", hundredths / 100, hundredths % 100)
        }
        _ => {
            let hundredths = (dollars + 5_000_000) / 10_000_000;
            format!("$\u{a0}{}.{:02}\u{a0}bn", grouped(&(hundredths / 100).to_string()), hundredths % 100)
        }
    }
}

/// What an amount is worth at a price, in millionths of a dollar, rounded down; the largest number if it does not fit.
#[must_use]
pub fn value(price: Price, amount: Amount, decimals: u8) -> u128 {
    price.value_of(amount, decimals).floor_to(6).unwrap_or(u128::MAX)
}

/// `part` over `whole` in percent with one digit, with its sign; empty when `whole` is 0.
#[must_use]
pub fn percent_more(part: u128, whole: u128) -> String {
    if whole == 0 {
        return String::new();
    }
    let difference = part.abs_diff(whole);
    let tenths = difference.saturating_mul(1_000) / whole;
    let sign = if part < whole && tenths > 0 { "−" } else { "+" };
    format!("{sign}{}.{}\u{a0}%", grouped(&(tenths / 10).to_string()), tenths % 10)
}

/// By how much `value` stays below `bound`, in tenths of a percent, rounded up: never better than it is.
#[must_use]
pub fn tenths_below(value: u128, bound: u128) -> Option<u128> {
    let gap = bound.saturating_sub(value);
    // So many tenths of the bound, rounded down, without ever passing it.
    let tenths = |count: u128| count * (bound / 1_000) + count * (bound % 1_000) / 1_000;
    (0..=1_000).find(|count| bound > 0 && tenths(*count) >= gap)
}

fn moment(ms: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok()
}

/// `21 Nov 2026`.
#[must_use]
pub fn date(ms: i64) -> String {
    let format = format_description!("[day padding:none]\u{a0}[month repr:short]\u{a0}[year]");
    moment(ms).and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| "for ever".to_owned())
}

/// `21 Nov 2026, 08:15 UTC`.
#[must_use]
pub fn date_time(ms: i64) -> String {
    let format = format_description!(
        "[day padding:none]\u{a0}[month repr:short]\u{a0}[year],\u{a0}[hour]:[minute]\u{a0}UTC"
    );
    moment(ms).and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| "for ever".to_owned())
}

/// `2026-11-21`, as date fields of forms have it.
#[must_use]
pub fn iso_date(ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]");
    moment(ms).and_then(|moment| moment.format(format).ok()).unwrap_or_default()
}

/// The first moment after the day `2026-11-21` (UTC).
#[must_use]
pub fn end_of_day(text: &str) -> Option<u64> {
    let format = format_description!("[year]-[month]-[day]");
    let day = time::Date::parse(text, format).ok()?.next_day()?;
    u64::try_from(day.midnight().assume_utc().unix_timestamp()).ok()?.checked_mul(1000)
}

/// How long something takes: `11 h`, `20 min`, `3 days`.
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..=89 => format!("{seconds}\u{a0}s"),
        90..=5_399 => format!("{}\u{a0}min", (seconds + 30) / 60),
        5_400..=172_799 => format!("{}\u{a0}h", (seconds + 1_800) / 3_600),
        _ => format!("{}\u{a0}days", (seconds + 43_200) / 86_400),
    }
}

/// The first digits of a hash.
#[must_use]
pub fn short(hash: &str) -> String {
    if hash.len() > 12 && hash.is_ascii() { format!("{}…", &hash[..10]) } else { hash.to_owned() }
}

/// As a sentence of its own: with a capital and a full stop.
#[must_use]
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

/// One or many: `1 party`, `5 parties`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(&count.to_string())) }
}

/// A small number as a word: `five`.
#[must_use]
pub fn word(count: usize) -> String {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_shows_the_digits_that_matter() {
        for (units, decimals, said) in [
            (412_000u128, 3, "412"),
            (118_240, 3, "118"),
            (1_690_400, 3, "1,690"),
            (12_340, 3, "12.3"),
            (9_999, 3, "10"),
            (1_500, 3, "1.5"),
            (512, 3, "0.512"),
            (4, 3, "0.004"),
            (1, 6, "0.000001"),
            (7, 0, "7"),
            (0, 3, "0"),
        ] {
            assert_eq!(brief(Amount::new(units).unwrap(), decimals), said, "{units}");
        }
        assert_eq!(exact(Amount::new(1_690_400).unwrap(), 3), "1,690.400");
    }

    #[test]
    fn a_rate_has_the_four_digits_that_matter() {
        let amount = |units: u128| Amount::new(units).unwrap();
        for (got, got_decimals, given, given_decimals, said) in [
            (118_240, 3, 412_000, 3, Some("0.2869")),
            (1_250, 3, 1_000, 3, Some("1.25")),
            (12_500_000, 3, 1, 0, Some("12,500")),
            (1, 0, 8_000_000, 3, Some("0.000125")),
            (1, 18, 1, 18, Some("1")),
            (0, 3, 5, 3, Some("0")),
            (5, 3, 0, 3, None),
        ] {
            assert_eq!(
                rate(amount(got), got_decimals, amount(given), given_decimals).as_deref(),
                said,
                "{got}/{given}"
            );
        }
        assert_eq!(rate(Amount::MAX, 0, amount(1), 18), None, "beyond any amount");
    }

    #[test]
    fn a_value_is_said_in_dollars() {
        assert_eq!(usd(371_210_999_999), "$\u{a0}371,210");
        assert_eq!(usd(12_345_678), "$\u{a0}12.34");
        assert_eq!(usd_brief(371_210_000_000), "$\u{a0}371k");
        assert_eq!(usd_brief(1_860_123_000_000), "$\u{a0}1.86\u{a0}M");
        assert_eq!(usd_brief(999_700_000_000), "$\u{a0}1.00\u{a0}M");
        assert_eq!(usd_brief(2_340_000_000_000_000), "$\u{a0}2.34\u{a0}bn");
    }

    #[test]
    fn a_gain_has_its_sign_and_a_gap_is_never_flattered() {
        assert_eq!(percent_more(118_240, 116_600), "+1.4\u{a0}%");
        assert_eq!(percent_more(99, 100), "−1.0\u{a0}%");
        assert_eq!(percent_more(9_999, 10_000), "+0.0\u{a0}%", "there is no minus nought");
        assert_eq!(tenths_below(997, 1000), Some(3));
        assert_eq!(tenths_below(9_999, 10_000), Some(1));
        assert_eq!(tenths_below(1, 0), None);
        assert_eq!(tenths_below(0, 3), Some(1_000));
        // A bound that says nothing is never near.
        assert_eq!(tenths_below(371_210_000_000, u128::MAX), Some(1_000));
        assert_eq!(tenths_below(u128::MAX / 2, u128::MAX), Some(501));
        assert_eq!(tenths_below(u128::MAX, u128::MAX), Some(0));
    }

    #[test]
    fn times_are_said_in_full_and_deadlines_in_words() {
        assert_eq!(date_time(1_795_249_543_000), "21\u{a0}Nov\u{a0}2026,\u{a0}08:25\u{a0}UTC");
        assert_eq!(end_of_day("2026-11-21"), Some(1_795_305_600_000));
        for wrong in ["", "2026-02-30", "21.11.2026", "2026-11-21x"] {
            assert_eq!(end_of_day(wrong), None, "{wrong}");
        }
        assert_eq!(duration(11 * 3_600_000), "11\u{a0}h");
        assert_eq!(duration(45_000), "45\u{a0}s");
        assert_eq!(duration(20 * 60_000), "20\u{a0}min");
        assert_eq!(duration(3 * 86_400_000), "3\u{a0}days");
    }
}
