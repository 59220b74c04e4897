//! The ring map: countries on a circle, and what went between them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write as _;

use super::chart::escape;
use super::figures::Flow;
use crate::show;

/// The most flows that are drawn; the table has all.
pub const MAX_FLOWS: usize = 40;

const SIZE: f64 = 640.0;
const RADIUS: f64 = 250.0;

/// Where a country stands, by its place among `count`.
fn point(at: usize, count: usize, radius: f64) -> (f64, f64) {
    // Positions of a drawing, from counts of a few hundred at most: floats are exact enough here and decide nothing.
    #[expect(clippy::cast_precision_loss, reason = "a count of countries")]
    let angle = TAU * at as f64 / count.max(1) as f64 - TAU / 4.0;
    (SIZE / 2.0 + radius * angle.cos(), SIZE / 2.0 + radius * angle.sin())
}

/// A flow's width in pixels: with its value, from 1 to 12.
fn width(value: u128, largest: u128) -> f64 {
    let thousandths = value.saturating_mul(1000).checked_div(largest).unwrap_or(0).min(1000);
    #[expect(clippy::cast_precision_loss, reason = "at most 1000")]
    let share = thousandths as f64 / 1000.0;
    1.0 + 11.0 * share
}

/// Draws the largest flows between countries. Those within one country are in the table only.
#[must_use]
pub fn draw(flows: &[Flow], title: &str) -> String {
    let drawn: Vec<&Flow> =
        flows.iter().filter(|flow| flow.from != flow.to && flow.value > 0).take(MAX_FLOWS).collect();
    let mut worth: BTreeMap<&str, u128> = BTreeMap::new();
    for flow in &drawn {
        for country in [&flow.from, &flow.to] {
            let sum = worth.entry(country).or_default();
            *sum = sum.saturating_add(flow.value);
        }
    }
    let places: BTreeMap<&str, usize> =
        worth.keys().enumerate().map(|(at, country)| (*country, at)).collect();
    let count = places.len();
    let largest = drawn.iter().map(|flow| flow.value).max().unwrap_or(0);
    let mut svg = format!(
        "<svg class=\"chart map\" viewBox=\"0 0 {SIZE} {SIZE}\" role=\"group\" aria-label=\"{}\">",
        escape(title)
    );
    // The widest last would hide the others: draw it first.
    for flow in &drawn {
        let (Some(from), Some(to)) = (places.get(flow.from.as_str()), places.get(flow.to.as_str())) else {
            continue;
        };
        let (x1, y1) = point(*from, count, RADIUS - 8.0);
        let (x2, y2) = point(*to, count, RADIUS - 14.0);
        // Bent towards the middle, and to its right as it goes, so that there and back lie apart.
        let (mx, my) = (f64::midpoint(x1, x2), f64::midpoint(y1, y2));
        let (cx, cy) = (
            mx + (SIZE / 2.0 - mx) * 0.55 - (y2 - y1) * 0.12,
            my + (SIZE / 2.0 - my) * 0.55 + (x2 - x1) * 0.12,
        );
        let (dx, dy) = (x2 - cx, y2 - cy);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let stroke = width(flow.value, largest);
        let tip = 5.0 + stroke;
        let (bx, by) = (x2 - ux * tip, y2 - uy * tip);
        let (px, py) = (-uy * tip * 0.55, ux * tip * 0.55);
        let detail = escape(&format!(
            "{} to {}: {} in {} deliveries",
            flow.from,
            flow.to,
            show::usd(flow.value),
            flow.legs
        ));
        let _ = write!(
            svg,
            "<g class=\"flow\" tabindex=\"0\" role=\"img\" aria-label=\"{detail}\"><title>{detail}</title>\
             <path d=\"M{x1:.1} {y1:.1}Q{cx:.1} {cy:.1} {bx:.1} {by:.1}\" stroke-width=\"{stroke:.1}\"/>\
             <path class=\"tip\" d=\"M{x2:.1} {y2:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/></g>",
            bx + px,
            by + py,
            bx - px,
            by - py
        );
    }
    for (country, at) in &places {
        let (x, y) = point(*at, count, RADIUS);
        let (tx, ty) = point(*at, count, RADIUS + 18.0);
        // Beside the circle at its sides, above and below it at its ends.
        let anchor = match tx - SIZE / 2.0 {
            right if right > 60.0 => "start",
            left if left < -60.0 => "end",
            _ => "middle",
        };
        let ty = if ty < SIZE / 2.0 { ty - 10.0 } else { ty + 6.0 };
        let value = show::usd_brief(worth.get(country).copied().unwrap_or(0));
        let _ = write!(
            svg,
            "<circle class=\"place\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>\
             <text class=\"strong\" x=\"{tx:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>\
             <text x=\"{tx:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            ty,
            escape(country),
            ty + 14.0,
            escape(&value)
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_country_stands_once_and_each_flow_says_what_it_is() {
        let flow =
            |from: &str, to: &str, value| Flow { from: from.to_owned(), to: to.to_owned(), legs: 2, value };
        let flows = [
            flow("BD", "VN", 412_000_000_000),
            flow("VN", "QA", 411_000_000_000),
            flow("QA", "BD", 410_000_000_000),
            flow("QA", "QA", 5),
        ];
        let svg = draw(&flows, "Ring map");
        assert_eq!(svg.matches("class=\"place\"").count(), 3);
        assert_eq!(svg.matches("class=\"flow\"").count(), 3);
        assert!(svg.contains("BD to VN: $\u{a0}412,000 in 2 deliveries"));
        assert!(!svg.contains("NaN"));
        assert!(draw(&[], "empty").ends_with("</svg>"));
    }
}
