//! The languages of the interface. Terms that are signed are always English; translations only inform.

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
}

/// What the frame of every page and the ring page say.
const ARABIC: &[(&str, &str)] = &[
    ("Skip to the content", "انتقل إلى المحتوى"),
    ("Main", "الرئيسية"),
    ("Home", "الرئيسية"),
    ("Market", "السوق"),
    ("My goods", "بضائعي"),
    ("My offers", "عروضي"),
    ("Deals", "الصفقات"),
    ("History", "السجل"),
    ("Admissions", "القبول"),
    ("Requests", "الطلبات"),
    ("Supervision", "الرقابة"),
    ("Records", "السجلات"),
    ("to do", "بانتظارك"),
    ("Sign in", "تسجيل الدخول"),
    ("Sign out", "تسجيل الخروج"),
    ("Sign up", "إنشاء حساب"),
    ("Check a receipt", "تحقق من إيصال"),
    (
        "Nothing moves unless everyone signs; then everything moves at once.",
        "لا يتحرك شيء ما لم يوقّع الجميع؛ ثم يتحرك كل شيء دفعة واحدة.",
    ),
    (
        "This is a demonstration: companies, goods and prices are made up, and programs play the other parties.",
        "هذا عرض توضيحي: الشركات والبضائع والأسعار مختلقة، وتقوم برامج بدور الأطراف الأخرى.",
    ),
    ("Demonstration", "عرض توضيحي"),
    ("Your side of it", "جانبك من الصفقة"),
    ("You give", "تعطي"),
    ("You get", "تأخذ"),
    ("Your rate", "سعر مقايضتك"),
    ("Your limit", "حدّك"),
    ("Better than your limit", "أفضل من حدّك"),
    ("Reference value", "القيمة المرجعية"),
    ("Delivery", "التسليم"),
    ("Read the terms and sign", "اقرأ الشروط ووقّع"),
    ("Decline", "ارفض"),
    ("How sure is it?", "ما مدى اليقين؟"),
    ("Checks passed", "الفحوص"),
    ("Cleared within", "المقاصة ضمن"),
    ("Confirmations", "التأكيدات"),
    ("What each gives and gets", "ما يعطيه كلٌّ وما يأخذه"),
    ("Company", "الشركة"),
    ("Gives", "تعطي"),
    ("To", "إلى"),
    ("Gets", "تأخذ"),
    ("Rate", "السعر"),
    ("At reference", "بالسعر المرجعي"),
    ("Against reference", "مقابل المرجع"),
    ("What was checked", "ما جرى فحصه"),
    ("Quantities", "الكميات"),
    ("Limits", "الحدود"),
    ("Fairness", "الإنصاف"),
    ("Offers", "العروض"),
    ("Standing", "الأهلية"),
    ("Sanctions", "العقوبات"),
    ("Deadline", "المهلة"),
    ("all or none", "الكل أو لا شيء"),
    ("You", "أنت"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_translation_stays_english() {
        assert_eq!(Lang::Arabic.say("Market"), "السوق");
        assert_eq!(Lang::Arabic.say("Zirconium"), "Zirconium");
        assert_eq!(Lang::English.say("Market"), "Market");
    }
}
