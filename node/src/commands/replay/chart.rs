//! A replay as one picture that stands alone: the value of each day, how long it had waited, and the length of its rings. Axes
//! begin at zero. Integers only, and no script.

use barter_engine::replay::{Day, Waits};
use clearing::UsdValue;
use std::fmt::Write as _;

const WIDTH: u32 = 960;
const LEFT: u32 = 84;
/// What a date takes on either side of its middle.
const HALF_A_LABEL: u32 = 40;
const STYLE: &str = "<style>\
    svg{background:#fff;font:13px system-ui,sans-serif}text{fill:#566071}.head{fill:#1a2230;font-weight:600}\
    .grid{stroke:#d8dee6}.axis{stroke:#8a94a3}.bar{fill:#0b6e5f}\
    @media(prefers-color-scheme:dark){svg{background:#14171c}text{fill:#a5adb9}.head{fill:#e8e6e0}\
    .grid{stroke:#343c48}.axis{stroke:#707b8b}.bar{fill:#5cc4af}}</style>";

/// An upright bar: what it says below and on hover, and how high it is.
struct Bar {
    label: String,
    detail: String,
    value: u128,
}

/// Draws a replay.
pub(super) fn drawn(days: &[Day], waits: &Waits) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 860\" role=\"img\" aria-label=\"A book cleared \
         day by day\">{STYLE}"
    );
    // After the last trade nothing is to be seen.
    let traded = days.iter().rposition(|day| day.value > UsdValue::ZERO).map_or(days.len(), |last| last + 1);
    let by_day: Vec<Bar> = days[..traded]
        .iter()
        .map(|day| {
            let label = super::date(day);
            let value = micro(day.value);
            let bound = brief(micro(day.bound));
            Bar { detail: format!("{label}: {} of at most {bound}", brief(value)), label, value }
        })
        .collect();
    panel(&mut svg, 0, "Cleared each day, USD", &by_day);
    panel(&mut svg, 290, "Value by days waited, USD", &by_wait(waits));
    let lengths: Vec<Bar> = (0..5)
        .map(|at| {
            let rings: usize = days.iter().map(|day| day.lengths[at].0).sum();
            let value = micro(days.iter().map(|day| day.lengths[at].1).sum());
            let label = format!("{} parties", at + 2);
            Bar { detail: format!("{rings} rings of {label}: {}", brief(value)), label, value }
        })
        .collect();
    panel(&mut svg, 580, "Value by length of ring, USD", &lengths);
    svg.push_str("</svg>\n");
    svg
}

/// Every number of days from none to the longest wait.
fn by_wait(waits: &Waits) -> Vec<Bar> {
    let longest = waits.by_value.keys().next_back().copied().unwrap_or_default();
    (0..=longest)
        .map(|days| {
            let value = waits.by_value.get(&days).copied().map_or(0, micro);
            Bar { label: days.to_string(), detail: format!("after {days} days: {}", brief(value)), value }
        })
        .collect()
}

/// One chart of upright bars, 270 high, from `top` on.
fn panel(svg: &mut String, top: u32, title: &str, bars: &[Bar]) {
    const HEIGHT: u32 = 190;
    let base = top + 230;
    let _ = write!(svg, "<text class=\"head\" x=\"{LEFT}\" y=\"{}\">{title}</text>", top + 22);
    let end = round_up(bars.iter().map(|bar| bar.value).max().unwrap_or(0));
    for quarter in 0..=4u32 {
        let y = base - HEIGHT * quarter / 4;
        let class = if quarter == 0 { "axis" } else { "grid" };
        let value = brief(end / 4 * u128::from(quarter));
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"M{LEFT} {y}H{WIDTH}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>",
            LEFT - 8,
            y + 4
        );
    }
    let count = u32::try_from(bars.len()).unwrap_or(u32::MAX).max(1);
    let slot = ((WIDTH - LEFT) / count).max(1);
    let width = (slot * 4 / 5).clamp(1, 90);
    let every = count.saturating_mul(84).div_ceil(WIDTH - LEFT).max(1);
    for (at, bar) in (0u32..).zip(bars) {
        let x = LEFT
            + u32::try_from(u64::from(at) * u64::from(WIDTH - LEFT) / u64::from(count)).unwrap_or(0)
            + (slot - width) / 2;
        let _ = write!(svg, "<g><title>{}</title>", bar.detail);
        let high = scaled(bar.value, end, HEIGHT);
        if high > 0 {
            let y = base - high;
            let _ =
                write!(svg, "<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{high}\"/>");
        }
        svg.push_str("</g>");
        let (middle, y) = (x + width / 2, base + 20);
        if at % every == 0 && middle + HALF_A_LABEL <= WIDTH {
            let _ = write!(svg, "<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", bar.label);
        }
    }
}

/// Millionths of a US dollar.
fn micro(value: UsdValue) -> u128 {
    value.floor_to(6).unwrap_or(u128::MAX)
}

fn brief(micro: u128) -> String {
    web::show::usd_brief(micro).replace(".00", "")
}

/// `value` of `whole` as so many of `pixels`; something is never drawn as nothing.
fn scaled(value: u128, whole: u128, pixels: u32) -> u32 {
    let share = value.saturating_mul(u128::from(pixels)).checked_div(whole).unwrap_or(0);
    u32::try_from(share).unwrap_or(pixels).min(pixels).max(u32::from(value > 0))
}

/// The end of an axis: the smallest of 1, 2, 4 or 8 times a power of ten at or above `largest`, so that its quarters are
/// round too.
fn round_up(largest: u128) -> u128 {
    let mut power = 1u128;
    while let Some(next) = power.checked_mul(10) {
        for step in [1, 2, 4, 8] {
            if let Some(end) = power.checked_mul(step)
                && end >= largest
            {
                return end;
            }
        }
        power = next;
    }
    u128::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_that_holds_the_largest_bar() {
        for (largest, end) in [(0, 1), (3, 4), (5, 8), (9, 10), (11, 20), (81, 100), (u128::MAX, u128::MAX)] {
            assert_eq!(round_up(largest), end, "{largest}");
        }
    }

    #[test]
    fn every_day_is_drawn_and_nothing_is_higher_than_its_axis() {
        let day = |now, usd: &str| {
            let price: clearing::Price = usd.parse().unwrap();
            let value = price.value_of(clearing::Amount::new(1).unwrap(), 0);
            Day { now, value, bound: value, ..Day::default() }
        };
        let svg = drawn(&[day(1_483_660_800, "5"), day(1_483_747_200, "1")], &Waits::default());
        assert!(svg.contains("<title>2017-01-06: ") && svg.contains("<title>2017-01-07: "), "{svg}");
        assert_eq!(svg.matches("class=\"bar\"").count(), 2);
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        let height = |at: &str| at.split('"').next().unwrap().parse::<u32>().unwrap();
        assert!(svg.split("height=\"").skip(1).all(|at| height(at) <= 190));
        assert!(drawn(&[], &Waits::default()).ends_with("</svg>\n"));
    }
}
