//! Charts as SVG: axes from zero, direct labels, values on hover and focus. No script, no inline style. Each is drawn
//! twice, for wide screens and for telephones; the style sheet shows the one that can be read.

use std::fmt::Write as _;

use crate::show;

/// A bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it is.
    pub label: String,
    /// How long it is, in millionths of a US dollar.
    pub value: u128,
    /// What it says on hover and focus.
    pub detail: String,
}

/// Escapes text for SVG and HTML.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
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

/// The end of an axis that begins at zero: the smallest of 1, 2, 2.5, 5 times a power of ten at or above `largest`.
fn round_up(largest: u128) -> u128 {
    let mut power = 1u128;
    loop {
        for step in [10, 20, 25, 50] {
            if let Some(end) = power.checked_mul(step).map(|end| end / 10)
                && end >= largest
                && end > 0
            {
                return end;
            }
        }
        match power.checked_mul(10) {
            Some(next) => power = next,
            None => return u128::MAX,
        }
    }
}

/// `value` of `whole` as so many of `pixels`.
fn scaled(value: u128, whole: u128, pixels: u32) -> u32 {
    let product = value.saturating_mul(u128::from(pixels));
    u32::try_from(product.checked_div(whole).unwrap_or(0)).unwrap_or(pixels).min(pixels)
}

fn group(svg: &mut String, detail: &str, inside: &str) {
    let detail = escape(detail);
    let _ = write!(
        svg,
        "<g tabindex=\"0\" role=\"img\" aria-label=\"{detail}\"><title>{detail}</title>{inside}</g>"
    );
}

/// How wide a chart is on a wide screen, and on a telephone.
fn twice(draw: impl Fn(u32) -> String, wide: u32) -> String {
    format!("<div class=\"for-wide\">{}</div><div class=\"for-narrow\">{}</div>", draw(wide), draw(NARROW))
}

/// The width of a telephone's chart.
const NARROW: u32 = 340;

/// Upright bars over time. Every few have their label below.
#[must_use]
pub fn columns(bars: &[Bar], title: &str) -> String {
    twice(|width| columns_of(bars, title, width), 960)
}

fn columns_of(bars: &[Bar], title: &str, full: u32) -> String {
    const HEIGHT: u32 = 260;
    const BASE: u32 = 224;
    const TOP: u32 = 16;
    let left = if full > NARROW { 84 } else { 72 };
    let end = round_up(bars.iter().map(|bar| bar.value).max().unwrap_or(0));
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {full} {HEIGHT}\" role=\"group\" aria-label=\"{}\">",
        escape(title)
    );
    for quarter in 0..=4u32 {
        let y = BASE - (BASE - TOP) * quarter / 4;
        let value = end / 4 * u128::from(quarter);
        let class = if quarter == 0 { "axis" } else { "grid" };
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"M{left} {y}H{full}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            left - 8,
            y + 4,
            escape(&show::usd_brief(value).replace(".00", ""))
        );
    }
    let count = u32::try_from(bars.len()).unwrap_or(u32::MAX).max(1);
    let slot = (full - left) / count;
    let gap = if slot > 6 { (slot / 5).max(2) } else { 1 };
    let width = slot.saturating_sub(gap).clamp(1, 48);
    let every = (count * 64).div_ceil(full - left).max(1);
    for (at, bar) in (0u32..).zip(bars) {
        let x = left + at * (full - left) / count + (slot.saturating_sub(width)) / 2;
        let mut height = scaled(bar.value, end, BASE - TOP);
        if bar.value > 0 {
            height = height.max(1);
        }
        let inside = format!(
            "<rect class=\"bar\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"1.5\"/>\
             <rect x=\"{x}\" y=\"{TOP}\" width=\"{width}\" height=\"{}\" fill=\"none\" pointer-events=\"all\"/>",
            BASE - height,
            BASE - TOP
        );
        group(&mut svg, &bar.detail, &inside);
        if at % every == 0 {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + width / 2,
                BASE + 20,
                escape(&bar.label)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Lying bars, each with its label at the left and its value at its end.
#[must_use]
pub fn rows(bars: &[Bar], title: &str) -> String {
    twice(|width| rows_of(bars, title, width), 520)
}

fn rows_of(bars: &[Bar], title: &str, full: u32) -> String {
    const RIGHT: u32 = 80;
    const ROW: u32 = 28;
    let (left, letters) = if full > NARROW { (150, 22) } else { (118, 17) };
    let height = u32::try_from(bars.len()).unwrap_or(0) * ROW + 8;
    let end = bars.iter().map(|bar| bar.value).max().unwrap_or(0);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {full} {height}\" role=\"group\" aria-label=\"{}\">",
        escape(title)
    );
    let _ = write!(svg, "<path class=\"axis\" d=\"M{left} 2V{}\"/>", height - 2);
    for (at, bar) in (0u32..).zip(bars) {
        let y = at * ROW + 6;
        let width = scaled(bar.value, end, full - left - RIGHT).max(u32::from(bar.value > 0));
        let inside = format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"bar\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"18\" rx=\"1.5\"/>\
             <text class=\"strong\" x=\"{}\" y=\"{}\">{}</text>",
            left - 8,
            y + 13,
            escape(&shortened(&bar.label, letters)),
            left + width + 8,
            y + 13,
            escape(&show::usd_brief(bar.value))
        );
        group(&mut svg, &bar.detail, &inside);
    }
    svg.push_str("</svg>");
    svg
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_that_holds_the_largest_bar() {
        let check = |largest, end| assert_eq!(round_up(largest), end, "{largest}");
        check(0, 1);
        check(1, 1);
        check(3, 5);
        check(11, 20);
        check(21, 25);
        check(26, 50);
        check(1_233_000_000_000, 2_000_000_000_000);
        check(u128::MAX, u128::MAX);
    }

    #[test]
    fn names_cannot_break_out_of_a_chart() {
        let bar = Bar { label: "<script>".to_owned(), value: 7, detail: "\"><script>".to_owned() };
        for svg in [columns(std::slice::from_ref(&bar), "a & b"), rows(std::slice::from_ref(&bar), "a & b")] {
            assert!(!svg.contains("<script"), "{svg}");
            assert!(svg.contains("a &amp; b"));
        }
    }

    #[test]
    fn a_chart_of_nothing_is_still_a_chart() {
        assert_eq!(columns(&[], "empty").matches("</svg>").count(), 2);
        assert_eq!(rows(&[], "empty").matches("</svg>").count(), 2);
    }
}
