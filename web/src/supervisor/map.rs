//! The ring map: the countries that trade most on a circle, and what went between them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write as _;

use super::chart::escape;
use super::figures::Flow;
use crate::show;

/// The most countries that are drawn, and the most flows between them; the table has all.
const MAX_COUNTRIES: usize = 12;
const MAX_FLOWS: usize = 30;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 600.0;
const RADIUS: f64 = 248.0;

/// Where a country stands, by its place among `count`.
fn point(at: usize, count: usize, radius: f64) -> (f64, f64) {
    // Positions of a drawing, from counts of a few hundred at most: floats are exact enough here and decide nothing.
    #[expect(clippy::cast_precision_loss, reason = "a count of countries")]
    let angle = TAU * at as f64 / count.max(1) as f64 - TAU / 4.0;
    (WIDTH / 2.0 + radius * angle.cos(), HEIGHT / 2.0 + radius * angle.sin())
}

/// A flow's width in pixels: with its value, from 1 to 12.
fn width(value: u128, largest: u128) -> f64 {
    let thousandths = value.saturating_mul(1000).checked_div(largest).unwrap_or(0).min(1000);
    #[expect(clippy::cast_precision_loss, reason = "at most 1000")]
    let share = thousandths as f64 / 1000.0;
    1.0 + 11.0 * share
}

/// What a country gave to others and got from them.
#[derive(Clone, Copy, Default)]
struct Worth {
    gave: u128,
    got: u128,
}

/// What a country's name is; the code itself where it is none.
pub(super) fn name(code: &str) -> &str {
    code.parse::<vocabulary::Country>().map_or(code, |country| country.name())
}

/// Draws the largest flows between the countries that give and get most. Those within one country are in the table
/// only.
#[must_use]
pub fn draw(flows: &[Flow], title: &str) -> String {
    let abroad = || flows.iter().filter(|flow| flow.from != flow.to && flow.value > 0);
    let mut worth: BTreeMap<&str, Worth> = BTreeMap::new();
    for flow in abroad() {
        let gave = &mut worth.entry(&flow.from).or_default().gave;
        *gave = gave.saturating_add(flow.value);
        let got = &mut worth.entry(&flow.to).or_default().got;
        *got = got.saturating_add(flow.value);
    }
    let mut largest: Vec<&str> = worth.keys().copied().collect();
    largest.sort_by_key(|country| {
        let Worth { gave, got } = worth[country];
        std::cmp::Reverse(gave.saturating_add(got))
    });
    largest.truncate(MAX_COUNTRIES);
    largest.sort_unstable();
    let places: BTreeMap<&str, usize> =
        largest.iter().enumerate().map(|(at, country)| (*country, at)).collect();
    let is_drawn = |flow: &&Flow| places.contains_key(&*flow.from) && places.contains_key(&*flow.to);
    let drawn: Vec<&Flow> = abroad().filter(is_drawn).take(MAX_FLOWS).collect();
    let count = places.len();
    let largest = drawn.iter().map(|flow| flow.value).max().unwrap_or(0);
    let mut svg = format!(
        "<svg class=\"chart map\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-label=\"{}\">",
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
            mx + (WIDTH / 2.0 - mx) * 0.55 - (y2 - y1) * 0.12,
            my + (HEIGHT / 2.0 - my) * 0.55 + (x2 - x1) * 0.12,
        );
        let (dx, dy) = (x2 - cx, y2 - cy);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let stroke = width(flow.value, largest);
        let tip = 5.0 + stroke;
        let (bx, by) = (x2 - ux * tip, y2 - uy * tip);
        let (px, py) = (-uy * tip * 0.55, ux * tip * 0.55);
        let detail = escape(&format!(
            "{} to {}: {} in {}",
            name(&flow.from),
            name(&flow.to),
            show::usd(flow.value),
            show::counted(flow.legs, "delivery", "deliveries")
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
        let (tx, ty) = point(*at, count, RADIUS + 16.0);
        // Beside the circle at its sides, above and below it at its ends.
        let anchor = match tx - WIDTH / 2.0 {
            right if right > 40.0 => "start",
            left if left < -40.0 => "end",
            _ => "middle",
        };
        let Worth { gave, got } = worth.get(country).copied().unwrap_or_default();
        let detail = escape(&format!("{}: gave {}, got {}", name(country), show::usd(gave), show::usd(got)));
        let _ = write!(
            svg,
            "<g class=\"country\" tabindex=\"0\" role=\"img\" aria-label=\"{detail}\"><title>{detail}</title>\
             <circle class=\"place\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\"/>\
             <text class=\"strong\" x=\"{tx:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text></g>",
            ty + 5.0,
            escape(name(country))
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
        assert!(svg.contains("Bangladesh to Viet Nam: $\u{a0}412,000 in 2 deliveries"));
        assert!(svg.contains("Qatar: gave $\u{a0}410,000, got $\u{a0}411,000"));
        assert!(!svg.contains("NaN"));
        assert!(draw(&[], "empty").ends_with("</svg>"));
    }

    #[test]
    fn only_the_largest_countries_are_drawn() {
        let codes: Vec<String> = vocabulary::Country::all().map(|country| country.to_string()).collect();
        let flows: Vec<Flow> = codes
            .windows(2)
            .zip(1u128..)
            .map(|(pair, value)| Flow { from: pair[0].clone(), to: pair[1].clone(), legs: 1, value })
            .collect();
        let svg = draw(&flows, "Ring map");
        assert_eq!(svg.matches("class=\"place\"").count(), MAX_COUNTRIES);
        assert!(svg.contains(">Zambia<") && !svg.contains("Andorra"));
    }
}
