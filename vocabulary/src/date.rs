//! Moments as people read them, in English and in UTC.

use ledger::Timestamp;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Year, month (1 to 12) and day of the month (1 to 31) in the Gregorian calendar.
#[must_use]
pub fn civil(at: Timestamp) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last of the year; 719 468 days lie between
    // 0000-03-01 and 1970-01-01, and 146 097 in each 400 years.
    let days = at.day() + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_month)
}

/// A date: `21 November 2026`.
#[must_use]
pub fn day(at: Timestamp) -> String {
    let (year, month, day) = civil(at);
    let name =
        usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).expect("months are 1 to 12");
    format!("{day} {name} {year}")
}

/// A moment to the minute, rounded down: `21 November 2026, 08:15 UTC`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    let minutes = at.seconds() / 60 % 1_440;
    format!("{}, {:02}:{:02} UTC", day(at), minutes / 60, minutes % 60)
}

/// A moment to the millisecond (ISO 8601): `2026-11-21T08:15:28.042Z`.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    let (year, month, day) = civil(at);
    let seconds = at.seconds() % 86_400;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", at.0 % 1_000)
}
