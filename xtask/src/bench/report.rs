//! The document.

use std::fmt::Write as _;

/// Figures in the order in which they were taken, part by part.
#[derive(Default)]
pub(crate) struct Report {
    /// What each part begins with in the document.
    parts: Vec<&'static str>,
    text: String,
    table_open: bool,
}

/// What stands before a part in the document, unseen where it is rendered.
fn mark(part: &str) -> String {
    format!("<!-- part: {part} -->\n")
}

impl Report {
    /// Begins a part, all of whose figures come from one run.
    pub(crate) fn part(&mut self, name: &'static str) {
        self.parts.push(name);
        self.text.push('\n');
        self.text.push_str(&mark(name));
    }

    /// The parts as they stand in `document`, which is an earlier one, with those of this report in their places. Parts that
    /// it lacks come at its end.
    pub(crate) fn merged_into(&self, document: &str) -> String {
        let mut merged = document.trim_end().to_owned();
        for name in &self.parts {
            let (_, new) = part_of(&self.text, name).expect("what was begun is there");
            if new == mark(name).trim_end() {
                continue; // nothing was measured, for want of data
            }
            match part_of(&merged, name) {
                Some((at, old)) => merged.replace_range(at..at + old.len(), new),
                None => merged.push_str(&format!("\n\n{new}")),
            }
        }
        merged + "\n"
    }

    /// Begins a section.
    pub(crate) fn section(&mut self, title: &str, how: &str) {
        let _ = write!(self.text, "\n## {title}\n\n{how}\n");
        self.table_open = false;
    }

    /// A figure by itself.
    pub(crate) fn figure(&mut self, name: &str, value: f64, decimals: usize) {
        self.row(name, &with_thousands(value, decimals), "", "");
    }

    /// A figure with what it should be.
    pub(crate) fn goal(&mut self, name: &str, value: f64, decimals: usize, goal: &str) {
        self.row(name, &with_thousands(value, decimals), "", goal);
    }

    /// A figure as a ratio to a baseline of the same run.
    pub(crate) fn ratio(&mut self, baseline: &str, value: f64, against: f64, goal: &str) {
        let name = format!("… as a ratio to {baseline} ({}/s)", with_thousands(against, 0));
        self.row(&name, &with_thousands(value, 0), &format!("{:.2}", value / against), goal);
    }

    /// A figure as it is written, with what it should be.
    pub(crate) fn text(&mut self, name: &str, value: &str, goal: &str) {
        self.row(name, value, "", goal);
    }

    /// A figure as a multiple of a baseline of the same run, both in the same unit.
    pub(crate) fn beside(&mut self, baseline: &str, value: f64, against: f64, decimals: usize, goal: &str) {
        let name = format!("… as a multiple of {baseline} ({})", with_thousands(against, decimals));
        self.row(&name, &with_thousands(value, decimals), &format!("{:.2}", value / against), goal);
    }

    fn row(&mut self, name: &str, value: &str, ratio: &str, goal: &str) {
        if !self.table_open {
            self.text.push_str("\n| what | measured | ratio | goal |\n|---|---:|---:|---|\n");
            self.table_open = true;
        }
        let _ = writeln!(self.text, "| {name} | {value} | {ratio} | {goal} |");
    }

    /// What was measured, as text.
    pub(crate) fn measured(&self) -> &str {
        &self.text
    }

    /// The whole document.
    pub(crate) fn document(&self) -> String {
        format!(
            "# Benchmarks\n\nWritten by `cargo xtask bench`; medians of {} runs where not said otherwise. Absolute \
             figures are those of one machine with {} cores; the ratios against a baseline from the same run are what \
             holds elsewhere. A part may be younger than others (`--only PART`).\n{}",
            super::ROUNDS,
            std::thread::available_parallelism().map_or(1, usize::from),
            self.text
        )
    }
}

/// A part of a document, from its mark to the next one, without white space at its end; and where it begins.
fn part_of<'a>(document: &'a str, name: &str) -> Option<(usize, &'a str)> {
    let at = document.find(&mark(name))?;
    let rest = &document[at..];
    let end = rest[1..].find("<!-- part: ").map_or(rest.len(), |next| next + 1);
    Some((at, rest[..end].trim_end()))
}

/// `1234.5` as `1,234.5`.
pub(super) fn with_thousands(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::{Report, with_thousands};

    #[test]
    fn a_part_that_is_measured_again_takes_its_old_place_and_leaves_the_others() {
        let measured = |parts: &[(&'static str, f64)]| {
            let mut report = Report::default();
            for (name, value) in parts {
                report.part(name);
                report.section(name, "In one run.");
                report.figure("seconds", *value, 1);
            }
            report
        };
        let all = |jute, diesel, wheat| {
            measured(&[("jute", jute), ("diesel", diesel), ("wheat", wheat)]).document()
        };
        let before = all(1.0, 2.0, 3.0);
        for (name, after) in
            [("jute", all(9.0, 2.0, 3.0)), ("diesel", all(1.0, 9.0, 3.0)), ("wheat", all(1.0, 2.0, 9.0))]
        {
            assert_eq!(measured(&[(name, 9.0)]).merged_into(&before), after, "{name}");
        }
        let without = measured(&[("jute", 1.0), ("diesel", 2.0)]).document();
        assert_eq!(measured(&[("wheat", 3.0)]).merged_into(&without), before);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(with_thousands(1_234_567.0, 0), "1,234,567");
        assert_eq!(with_thousands(999.25, 2), "999.25");
    }
}
