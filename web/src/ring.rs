//! The ring as a picture: parties on a circle, arrows to whoever receives, drawn here as SVG without any library.
//! Floats place things on paper; no amount passes through them.

use askama::Template;

use crate::language::Lang;

/// How a party stands in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Has signed, or needed not to.
    Signed,
    /// Has not signed yet.
    Unsigned,
    /// Has declined, or let the time pass.
    Declined,
}

impl Mark {
    /// The word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Mark::Signed => "signed",
            Mark::Unsigned => "not signed yet",
            Mark::Declined => "declined",
        }
    }
}

/// A party of a ring and what it gives to the next one on the circle.
#[derive(Clone, Debug)]
pub struct Corner {
    /// Its country, two letters.
    pub country: String,
    /// Its name, or `You`.
    pub name: String,
    /// Whether it is the reader.
    pub you: bool,
    /// How it stands.
    pub mark: Mark,
    /// What it gives.
    pub goods: String,
    /// How much of it, with unit.
    pub quantity: String,
    /// All digits of that.
    pub exact: String,
    /// What it is worth, briefly.
    pub value: String,
    /// The name of who receives.
    pub to: String,
    /// What it gets for a unit of that, in full; empty where that is not known.
    pub rate: String,
}

/// What stands in the picture's middle.
#[derive(Clone, Debug)]
pub struct Middle {
    /// Its value once round.
    pub total: String,
    /// What that value is, how many legs there are, and that all move or none.
    pub legs: String,
}

/// A party where it is drawn.
struct Node {
    x: String,
    y: String,
    name_x: String,
    name_y: String,
    anchor: &'static str,
    corner: Corner,
    cross: [String; 4],
}

/// An arrow where it is drawn.
struct Arrow {
    path: String,
    tip: String,
    mine: bool,
    label_x: String,
    goods_y: String,
    detail_y: String,
    anchor: &'static str,
    goods: String,
    detail: String,
    title: String,
}

/// A ring, ready to be drawn: circle, vertical chain for narrow screens, and table.
#[derive(Template)]
#[template(path = "ring.html")]
pub struct RingPicture {
    lang: Lang,
    /// What the last party's leg brings about, in words.
    closing: String,
    corners: Vec<Corner>,
    nodes: Vec<Node>,
    arrows: Vec<Arrow>,
    middle: Middle,
    summary: String,
    view: String,
    has_declined: bool,
}

/// Half the width of the drawing.
const CENTRE_X: f64 = 330.0;
const CENTRE_Y: f64 = 272.0;
const RADIUS_X: f64 = 196.0;
const RADIUS_Y: f64 = 188.0;
const NODE: f64 = 31.0;

fn at(value: f64) -> String {
    format!("{value:.1}")
}

fn on_circle(angle: f64) -> (f64, f64) {
    (CENTRE_X + RADIUS_X * angle.cos(), CENTRE_Y + RADIUS_Y * angle.sin())
}

impl RingPicture {
    /// Draws `corners`, two to six, each giving to the next and the last to the first. The reader, if among them, is
    /// turned to the top. Arrows run against the clock, so that what is given leaves to the left.
    #[must_use]
    pub fn new(mut corners: Vec<Corner>, middle: Middle, lang: Lang) -> RingPicture {
        if let Some(mine) = corners.iter().position(|corner| corner.you) {
            corners.rotate_left(mine);
        }
        let count = corners.len().max(1);
        let step = std::f64::consts::TAU / f64::from(u32::try_from(count).unwrap_or(6));
        let top = -std::f64::consts::FRAC_PI_2;
        let angle = |place: usize| top - step * f64::from(u32::try_from(place).unwrap_or(0));
        let nodes: Vec<Node> =
            corners.iter().enumerate().map(|(place, corner)| node(corner, angle(place))).collect();
        let arrows: Vec<Arrow> = corners
            .iter()
            .enumerate()
            .map(|(place, corner)| arrow(corner, angle(place), step, lang))
            .collect();
        let summary =
            corners.iter().map(|corner| corner.told(&corner.quantity, lang)).collect::<Vec<_>>().join("; ");
        let has_declined = corners.iter().any(|corner| corner.mark == Mark::Declined);
        let (top, bottom) = extent(&nodes, &arrows);
        let view = format!("0 {top:.0} 660 {:.0}", bottom - top);
        let closing = lang.fill("… which closes the ring: {}, {}.", &[&middle.total, &middle.legs]);
        RingPicture { lang, closing, corners, nodes, arrows, middle, summary, view, has_declined }
    }

    fn t<'a>(&self, english: &'a str) -> &'a str {
        self.lang.say(english)
    }
}

impl Corner {
    /// What it does in the ring, with so much of its goods, as a sentence.
    fn told(&self, quantity: &str, lang: Lang) -> String {
        lang.fill("{} gives {} {} to {}", &[&self.name, quantity, &self.goods, &self.to])
    }
}

/// Where the drawing begins and ends, with some air.
fn extent(nodes: &[Node], arrows: &[Arrow]) -> (f64, f64) {
    let reach = |text: &String, up: f64, down: f64| {
        let y = text.parse().unwrap_or(CENTRE_Y);
        (y - up, y + down)
    };
    let circles = nodes.iter().map(|node| reach(&node.y, NODE + 6.0, NODE + 6.0));
    let names = nodes.iter().map(|node| reach(&node.name_y, 12.0, 8.0));
    let labels = arrows.iter().map(|arrow| reach(&arrow.goods_y, 16.0, 0.0));
    let details = arrows.iter().map(|arrow| reach(&arrow.detail_y, 0.0, 8.0));
    let all = circles.chain(names).chain(labels).chain(details);
    all.fold((CENTRE_Y, CENTRE_Y), |(top, bottom), (up, down)| (f64::min(top, up), f64::max(bottom, down)))
}

fn node(corner: &Corner, angle: f64) -> Node {
    let (x, y) = on_circle(angle);
    // Names keep clear of the arcs: at the top and bottom below the party, in the lower half outwards, beside the
    // middle line a little higher, and else towards the middle of the ring.
    let side = angle.cos();
    let low = y > CENTRE_Y + 40.0;
    let (name_x, name_y, anchor) = if side.abs() < 0.2 {
        (x, y + NODE + 17.0, "middle")
    } else if low && side < 0.0 {
        (x + 12.0, y + NODE + 17.0, "end")
    } else if low {
        (x - 12.0, y + NODE + 17.0, "start")
    } else {
        let (gap, lift) = if (y - CENTRE_Y).abs() < 40.0 { (-3.0, 34.0) } else { (8.0, -5.0) };
        if side < 0.0 { (x + NODE + gap, y - lift, "start") } else { (x - NODE - gap, y - lift, "end") }
    };
    let arm = NODE * 0.72;
    Node {
        x: at(x),
        y: at(y),
        name_x: at(name_x),
        name_y: at(name_y),
        anchor,
        corner: corner.clone(),
        cross: [at(x - arm), at(y - arm), at(x + arm), at(y + arm)],
    }
}

fn arrow(corner: &Corner, from: f64, step: f64, lang: Lang) -> Arrow {
    // The gap that a node and some air take from the arc.
    let gap = (NODE + 14.0) / ((RADIUS_X + RADIUS_Y) / 2.0);
    let to = from - step;
    let (start, end) = (from - gap, to + gap);
    let (x1, y1) = on_circle(start);
    let (x2, y2) = on_circle(end);
    let path = format!("M{:.1} {:.1}A{RADIUS_X} {RADIUS_Y} 0 0 0 {:.1} {:.1}", x1, y1, x2, y2);
    // The tip points along the chord of the arc's last bit.
    let (bx, by) = on_circle(end + 0.085);
    let length = ((x2 - bx).powi(2) + (y2 - by).powi(2)).sqrt().max(1.0);
    let (dx, dy) = ((x2 - bx) / length, (y2 - by) / length);
    let size = if corner.you { 17.0 } else { 14.0 };
    let (px, py) = (x2 + dx * 6.0, y2 + dy * 6.0);
    let (qx, qy) = (px - dx * size, py - dy * size);
    let half = size * 0.46;
    let tip = format!(
        "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z",
        px,
        py,
        qx - dy * half,
        qy + dx * half,
        qx + dy * half,
        qy - dx * half
    );
    let middle = (start + end) / 2.0;
    let (cos, sin) = (middle.cos(), middle.sin());
    let (x, y) = (CENTRE_X + (RADIUS_X + 15.0) * cos, CENTRE_Y + (RADIUS_Y + 15.0) * sin);
    let anchor = if cos > 0.25 {
        "start"
    } else if cos < -0.25 {
        "end"
    } else {
        "middle"
    };
    // Below the circle the label hangs, above it stands; at the sides it is centred on the arc's middle.
    let goods_y =
        if anchor == "middle" { if sin > 0.0 { y + 12.0 } else { y - 20.0 } } else { y - 3.0 + 10.0 * sin };
    Arrow {
        path,
        tip,
        mine: corner.you,
        label_x: at(x),
        goods_y: at(goods_y),
        detail_y: at(goods_y + 17.0),
        anchor,
        goods: corner.goods.clone(),
        detail: format!("{} · {}", corner.quantity, corner.value),
        title: corner.told(&corner.exact, lang),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner(country: &str, you: bool) -> Corner {
        Corner {
            country: country.to_owned(),
            name: if you { "You".to_owned() } else { format!("{country} Trading") },
            you,
            mark: Mark::Unsigned,
            goods: "jute yarn".to_owned(),
            quantity: "412 t".to_owned(),
            exact: "412.000 t".to_owned(),
            value: "$ 371k".to_owned(),
            to: "next".to_owned(),
            rate: "0.2869 t robusta coffee per t jute yarn".to_owned(),
        }
    }

    #[test]
    fn the_reader_stands_at_the_top_in_rings_of_two_to_six() {
        for count in 2..=6usize {
            let corners =
                (0..count).map(|n| corner(["BD", "PK", "AZ", "KZ", "VN", "ET"][n], n == 1)).collect();
            let middle = Middle { total: "$ 1.86 M".to_owned(), legs: "all or none".to_owned() };
            let picture = RingPicture::new(corners, middle, Lang::English);
            assert!(picture.nodes[0].corner.you, "{count}");
            assert_eq!((picture.nodes[0].x.as_str(), picture.nodes[0].y.as_str()), ("330.0", "84.0"));
            assert_eq!(picture.arrows.len(), count);
            let drawn = picture.render().unwrap();
            assert!(drawn.contains("<svg") && drawn.contains("<table"), "{count}");
            assert!(!drawn.contains("NaN"), "{count}");
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_picture() {
        let mut hostile = corner("BD", true);
        hostile.goods = "</text><script>alert(1)</script>".to_owned();
        let middle = Middle { total: String::new(), legs: String::new() };
        let drawn =
            RingPicture::new(vec![hostile, corner("PK", false)], middle, Lang::English).render().unwrap();
        assert!(!drawn.contains("<script>"));
    }
}
