//! The languages of the interface. Terms that are signed are always English; translations only inform.

mod arabic;

use arabic::ARABIC;

/// A language of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English, left to right.
    #[default]
    English,
    /// Arabic, right to left.
    Arabic,
}

impl Lang {
    /// The language of a BCP 47 code, if the interface has it.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Lang> {
        match code {
            "en" => Some(Lang::English),
            "ar" => Some(Lang::Arabic),
            _ => None,
        }
    }

    /// Its BCP 47 code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Lang::English => "en",
            Lang::Arabic => "ar",
        }
    }

    /// The direction of its script, as HTML says it.
    #[must_use]
    pub const fn dir(&self) -> &'static str {
        match self {
            Lang::English => "ltr",
            Lang::Arabic => "rtl",
        }
    }

    /// What it calls itself.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Lang::English => "English",
            Lang::Arabic => "العربية",
        }
    }

    /// The one to switch to.
    #[must_use]
    pub const fn other(&self) -> Lang {
        match self {
            Lang::English => Lang::Arabic,
            Lang::Arabic => Lang::English,
        }
    }

    /// `english` in this language; where a translation is missing, as it is.
    #[must_use]
    pub fn say(self, english: &str) -> &str {
        match self {
            Lang::English => english,
            Lang::Arabic => ARABIC.iter().find(|(key, _)| *key == english).map_or(english, |(_, said)| said),
        }
    }

    /// A sentence in this language, with `values` for its gaps, which are written `{}`. In a script that runs the other way
    /// each value keeps its own direction.
    #[must_use]
    pub fn fill(self, english: &str, values: &[&str]) -> String {
        let mut values = values.iter();
        let mut parts = self.say(english).split("{}");
        let mut said = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let value = values.next().copied().unwrap_or_default();
            match self {
                Lang::English => said.push_str(value),
                Lang::Arabic => said.extend(["\u{2068}", value, "\u{2069}"]),
            }
            said.push_str(part);
        }
        said
    }

    /// A small number: a word where that is simple.
    #[must_use]
    pub fn word(self, count: usize) -> String {
        match self {
            Lang::English => crate::show::word(count),
            Lang::Arabic => count.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_translation_stays_english() {
        assert_eq!(Lang::Arabic.say("Market"), "السوق");
        assert_eq!(Lang::Arabic.say("Zirconium"), "Zirconium");
        assert_eq!(Lang::English.say("Market"), "Market");
    }

    #[test]
    fn values_keep_their_direction_in_a_sentence_that_runs_the_other_way() {
        let said = |lang: Lang| lang.fill("Signed by {} of {}", &["2", "5"]);
        assert_eq!(said(Lang::English), "Signed by 2 of 5");
        assert_eq!(said(Lang::Arabic), "وقّع \u{2068}2\u{2069} من \u{2068}5\u{2069}");
    }

    #[test]
    fn every_translation_is_the_only_one_and_has_the_gaps_of_its_sentence() {
        let keys: std::collections::BTreeSet<&str> = ARABIC.iter().map(|(english, _)| *english).collect();
        assert_eq!(keys.len(), ARABIC.len());
        for (english, said) in ARABIC {
            assert_eq!(english.matches("{}").count(), said.matches("{}").count(), "{english}");
        }
    }
}
