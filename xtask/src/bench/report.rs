//! The document.

use std::fmt::Write as _;

/// Figures in the order in which they were taken.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
    table_open: bool,
}

impl Report {
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

    /// The whole document.
    pub(crate) fn document(&self) -> String {
        format!(
            "# Benchmarks\n\nWritten by `cargo xtask bench`; medians of {} runs where not said otherwise. Absolute \
             figures are those of one machine with {} cores; the ratios against a baseline from the same run are what \
             holds elsewhere.\n{}",
            super::ROUNDS,
            std::thread::available_parallelism().map_or(1, usize::from),
            self.text
        )
    }
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
    use super::with_thousands;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(with_thousands(1_234_567.0, 0), "1,234,567");
        assert_eq!(with_thousands(999.25, 2), "999.25");
    }
}
