//! CSV files (RFC 4180) that a spreadsheet shows and does not execute.

use actix_web::HttpResponse;

/// Writes lines of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Csv(String);

impl Csv {
    /// A file with this first line.
    #[must_use]
    pub fn new(head: &[&str]) -> Csv {
        let mut csv = Csv::default();
        csv.line(head);
        csv
    }

    /// Adds a line.
    pub fn line<T: AsRef<str>>(&mut self, fields: &[T]) {
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.field(field.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn field(&mut self, text: &str) {
        // A spreadsheet takes text that begins so for a formula.
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if !formula && !text.contains(['"', ',', '\r', '\n']) {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The file as an answer to download.
    #[must_use]
    pub fn answer(self, name: &str) -> HttpResponse {
        HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8; header=present")
            .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
            .insert_header(("Cache-Control", "private, no-store"))
            .body(self.0)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_commas_quotes_or_formulas_stays_one_field() {
        let mut csv = Csv::new(&["name", "value"]);
        csv.line(&["Doha, Fuels \"A\"", "1"]);
        csv.line(&["=HYPERLINK(1)", "2"]);
        assert_eq!(csv.text(), "name,value\r\n\"Doha, Fuels \"\"A\"\"\",1\r\n\"'=HYPERLINK(1)\",2\r\n");
    }
}
