//! The codes of the standards.

use std::fmt;
use std::io::{Error, ErrorKind, Read};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::WordError;

/// Gives a newtype over fixed ASCII text its Display and its decoding, which goes through `FromStr`.
macro_rules! ascii_code {
    ($type:ident, $length:expr) => {
        impl $type {
            /// The code as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("only ASCII is ever stored")
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl BorshDeserialize for $type {
            fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
                let bytes = <[u8; $length]>::deserialize_reader(reader)?;
                let text = std::str::from_utf8(&bytes).unwrap_or_default();
                text.parse().map_err(|error: WordError| Error::new(ErrorKind::InvalidData, error))
            }
        }
    };
}

/// A country, ISO 3166-1 alpha-2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Country([u8; 2]);
ascii_code!(Country, 2);

/// The officially assigned codes of ISO 3166-1, alpha-2, in alphabetical order, each with the short English name.
#[rustfmt::skip]
const COUNTRIES: [(&str, &str); 249] = [
    ("AD", "Andorra"), ("AE", "United Arab Emirates"), ("AF", "Afghanistan"), ("AG", "Antigua and Barbuda"),
    ("AI", "Anguilla"), ("AL", "Albania"), ("AM", "Armenia"), ("AO", "Angola"), ("AQ", "Antarctica"),
    ("AR", "Argentina"), ("AS", "American Samoa"), ("AT", "Austria"), ("AU", "Australia"), ("AW", "Aruba"),
    ("AX", "Åland Islands"), ("AZ", "Azerbaijan"), ("BA", "Bosnia and Herzegovina"), ("BB", "Barbados"),
    ("BD", "Bangladesh"), ("BE", "Belgium"), ("BF", "Burkina Faso"), ("BG", "Bulgaria"), ("BH", "Bahrain"),
    ("BI", "Burundi"), ("BJ", "Benin"), ("BL", "Saint Barthélemy"), ("BM", "Bermuda"), ("BN", "Brunei Darussalam"),
    ("BO", "Bolivia"), ("BQ", "Bonaire, Sint Eustatius and Saba"), ("BR", "Brazil"), ("BS", "Bahamas"),
    ("BT", "Bhutan"), ("BV", "Bouvet Island"), ("BW", "Botswana"), ("BY", "Belarus"), ("BZ", "Belize"),
    ("CA", "Canada"), ("CC", "Cocos (Keeling) Islands"), ("CD", "Congo, Democratic Republic"),
    ("CF", "Central African Republic"), ("CG", "Congo"), ("CH", "Switzerland"), ("CI", "Côte d'Ivoire"),
    ("CK", "Cook Islands"), ("CL", "Chile"), ("CM", "Cameroon"), ("CN", "China"), ("CO", "Colombia"),
    ("CR", "Costa Rica"), ("CU", "Cuba"), ("CV", "Cabo Verde"), ("CW", "Curaçao"), ("CX", "Christmas Island"),
    ("CY", "Cyprus"), ("CZ", "Czechia"), ("DE", "Germany"), ("DJ", "Djibouti"), ("DK", "Denmark"),
    ("DM", "Dominica"), ("DO", "Dominican Republic"), ("DZ", "Algeria"), ("EC", "Ecuador"), ("EE", "Estonia"),
    ("EG", "Egypt"), ("EH", "Western Sahara"), ("ER", "Eritrea"), ("ES", "Spain"), ("ET", "Ethiopia"),
    ("FI", "Finland"), ("FJ", "Fiji"), ("FK", "Falkland Islands (Malvinas)"), ("FM", "Micronesia"),
    ("FO", "Faroe Islands"), ("FR", "France"), ("GA", "Gabon"), ("GB", "United Kingdom"), ("GD", "Grenada"),
    ("GE", "Georgia"), ("GF", "French Guiana"), ("GG", "Guernsey"), ("GH", "Ghana"), ("GI", "Gibraltar"),
    ("GL", "Greenland"), ("GM", "Gambia"), ("GN", "Guinea"), ("GP", "Guadeloupe"), ("GQ", "Equatorial Guinea"),
    ("GR", "Greece"), ("GS", "South Georgia and the South Sandwich Islands"), ("GT", "Guatemala"), ("GU", "Guam"),
    ("GW", "Guinea-Bissau"), ("GY", "Guyana"), ("HK", "Hong Kong"), ("HM", "Heard Island and McDonald Islands"),
    ("HN", "Honduras"), ("HR", "Croatia"), ("HT", "Haiti"), ("HU", "Hungary"), ("ID", "Indonesia"),
    ("IE", "Ireland"), ("IL", "Israel"), ("IM", "Isle of Man"), ("IN", "India"),
    ("IO", "British Indian Ocean Territory"), ("IQ", "Iraq"), ("IR", "Iran"), ("IS", "Iceland"), ("IT", "Italy"),
    ("JE", "Jersey"), ("JM", "Jamaica"), ("JO", "Jordan"), ("JP", "Japan"), ("KE", "Kenya"), ("KG", "Kyrgyzstan"),
    ("KH", "Cambodia"), ("KI", "Kiribati"), ("KM", "Comoros"), ("KN", "Saint Kitts and Nevis"),
    ("KP", "Korea, Democratic People's Republic"), ("KR", "Korea, Republic"), ("KW", "Kuwait"),
    ("KY", "Cayman Islands"), ("KZ", "Kazakhstan"), ("LA", "Lao People's Democratic Republic"), ("LB", "Lebanon"),
    ("LC", "Saint Lucia"), ("LI", "Liechtenstein"), ("LK", "Sri Lanka"), ("LR", "Liberia"), ("LS", "Lesotho"),
    ("LT", "Lithuania"), ("LU", "Luxembourg"), ("LV", "Latvia"), ("LY", "Libya"), ("MA", "Morocco"),
    ("MC", "Monaco"), ("MD", "Moldova"), ("ME", "Montenegro"), ("MF", "Saint Martin (French part)"),
    ("MG", "Madagascar"), ("MH", "Marshall Islands"), ("MK", "North Macedonia"), ("ML", "Mali"), ("MM", "Myanmar"),
    ("MN", "Mongolia"), ("MO", "Macao"), ("MP", "Northern Mariana Islands"), ("MQ", "Martinique"),
    ("MR", "Mauritania"), ("MS", "Montserrat"), ("MT", "Malta"), ("MU", "Mauritius"), ("MV", "Maldives"),
    ("MW", "Malawi"), ("MX", "Mexico"), ("MY", "Malaysia"), ("MZ", "Mozambique"), ("NA", "Namibia"),
    ("NC", "New Caledonia"), ("NE", "Niger"), ("NF", "Norfolk Island"), ("NG", "Nigeria"), ("NI", "Nicaragua"),
    ("NL", "Netherlands"), ("NO", "Norway"), ("NP", "Nepal"), ("NR", "Nauru"), ("NU", "Niue"),
    ("NZ", "New Zealand"), ("OM", "Oman"), ("PA", "Panama"), ("PE", "Peru"), ("PF", "French Polynesia"),
    ("PG", "Papua New Guinea"), ("PH", "Philippines"), ("PK", "Pakistan"), ("PL", "Poland"),
    ("PM", "Saint Pierre and Miquelon"), ("PN", "Pitcairn"), ("PR", "Puerto Rico"), ("PS", "Palestine, State of"),
    ("PT", "Portugal"), ("PW", "Palau"), ("PY", "Paraguay"), ("QA", "Qatar"), ("RE", "Réunion"), ("RO", "Romania"),
    ("RS", "Serbia"), ("RU", "Russian Federation"), ("RW", "Rwanda"), ("SA", "Saudi Arabia"),
    ("SB", "Solomon Islands"), ("SC", "Seychelles"), ("SD", "Sudan"), ("SE", "Sweden"), ("SG", "Singapore"),
    ("SH", "Saint Helena, Ascension and Tristan da Cunha"), ("SI", "Slovenia"), ("SJ", "Svalbard and Jan Mayen"),
    ("SK", "Slovakia"), ("SL", "Sierra Leone"), ("SM", "San Marino"), ("SN", "Senegal"), ("SO", "Somalia"),
    ("SR", "Suriname"), ("SS", "South Sudan"), ("ST", "Sao Tome and Principe"), ("SV", "El Salvador"),
    ("SX", "Sint Maarten (Dutch part)"), ("SY", "Syrian Arab Republic"), ("SZ", "Eswatini"),
    ("TC", "Turks and Caicos Islands"), ("TD", "Chad"), ("TF", "French Southern Territories"), ("TG", "Togo"),
    ("TH", "Thailand"), ("TJ", "Tajikistan"), ("TK", "Tokelau"), ("TL", "Timor-Leste"), ("TM", "Turkmenistan"),
    ("TN", "Tunisia"), ("TO", "Tonga"), ("TR", "Türkiye"), ("TT", "Trinidad and Tobago"), ("TV", "Tuvalu"),
    ("TW", "Taiwan, Province of China"), ("TZ", "Tanzania"), ("UA", "Ukraine"), ("UG", "Uganda"),
    ("UM", "United States Minor Outlying Islands"), ("US", "United States of America"), ("UY", "Uruguay"),
    ("UZ", "Uzbekistan"), ("VA", "Holy See"), ("VC", "Saint Vincent and the Grenadines"), ("VE", "Venezuela"),
    ("VG", "Virgin Islands (British)"), ("VI", "Virgin Islands (U.S.)"), ("VN", "Viet Nam"), ("VU", "Vanuatu"),
    ("WF", "Wallis and Futuna"), ("WS", "Samoa"), ("YE", "Yemen"), ("YT", "Mayotte"), ("ZA", "South Africa"),
    ("ZM", "Zambia"), ("ZW", "Zimbabwe"),
];

impl Country {
    /// Every country of the standard, in alphabetical order of code.
    pub fn all() -> impl Iterator<Item = Country> {
        COUNTRIES.iter().filter_map(|(code, _)| Some(Country(code.as_bytes().try_into().ok()?)))
    }

    /// Its short name in English, for instance `Bangladesh`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let place = COUNTRIES.binary_search_by(|(code, _)| (*code).cmp(self.as_str()));
        COUNTRIES[place.expect("only codes of the table are ever stored")].1
    }
}

impl FromStr for Country {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Country, WordError> {
        match <[u8; 2]>::try_from(text.as_bytes()) {
            Ok(code) if COUNTRIES.binary_search_by(|(known, _)| (*known).cmp(text)).is_ok() => {
                Ok(Country(code))
            }
            _ => Err(WordError::new("country", "two capital letters of ISO 3166-1, for instance BD")),
        }
    }
}

/// A Legal Entity Identifier, ISO 17442: 18 characters and two check digits (ISO 7064 MOD 97-10).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Lei([u8; 20]);
ascii_code!(Lei, 20);

impl FromStr for Lei {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Lei, WordError> {
        let shape = || WordError::new("LEI", "18 capital letters or digits and two check digits (ISO 17442)");
        let bytes = <[u8; 20]>::try_from(text.as_bytes()).map_err(|_| shape())?;
        let mut remainder = 0u32;
        for byte in bytes {
            remainder = match byte {
                b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
                b'A'..=b'Z' => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
                _ => return Err(shape()),
            };
        }
        if !bytes[18..].iter().all(u8::is_ascii_digit) {
            return Err(shape());
        }
        if remainder != 1 {
            return Err(WordError::new("LEI", "the two check digits do not fit: look for a typing error"));
        }
        Ok(Lei(bytes))
    }
}

/// A commodity of the Harmonized System (WCO, HS 2022): a heading (4 digits) or a subheading (6 digits). Codes sort
/// as in the nomenclature: a heading stands before its subheadings. In canonical form it has six bytes: the digits
/// in ASCII, with two zero bytes behind a heading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct HsCode([u8; 6]);

impl HsCode {
    /// The code as text, four or six digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let digits = if self.is_subheading() { &self.0[..] } else { &self.0[..4] };
        std::str::from_utf8(digits).expect("only digits are ever stored")
    }

    /// Whether it has six digits.
    #[must_use]
    pub const fn is_subheading(self) -> bool {
        self.0[5] != 0
    }

    const fn digit(self, at: usize) -> u32 {
        (self.0[at] - b'0') as u32
    }

    /// The chapter, 1 to 97.
    #[must_use]
    pub const fn chapter(self) -> u32 {
        10 * self.digit(0) + self.digit(1)
    }

    /// The heading, four digits as a number: 101 for 0101 and for 0101.21.
    #[must_use]
    pub const fn heading(self) -> u32 {
        100 * self.chapter() + 10 * self.digit(2) + self.digit(3)
    }
}

impl FromStr for HsCode {
    type Err = WordError;
    fn from_str(text: &str) -> Result<HsCode, WordError> {
        let shape =
            || WordError::new("HS code", "four or six digits in a chapter from 01 to 97, for instance 1001");
        if !matches!(text.len(), 4 | 6) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(shape());
        }
        let mut bytes = [0; 6];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let code = HsCode(bytes);
        // Chapter 77 is reserved; 98 and 99 are each country's own. Headings count from 01 in each chapter.
        let known = (1..=97).contains(&code.chapter()) && code.chapter() != 77;
        if known && !code.heading().is_multiple_of(100) { Ok(code) } else { Err(shape()) }
    }
}

impl BorshDeserialize for HsCode {
    fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
        let bytes = <[u8; 6]>::deserialize_reader(reader)?;
        let digits = if bytes[4..] == [0, 0] { &bytes[..4] } else { &bytes[..] };
        let text = std::str::from_utf8(digits).unwrap_or_default();
        text.parse().map_err(|error: WordError| Error::new(ErrorKind::InvalidData, error))
    }
}

impl fmt::Display for HsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place, UN/LOCODE: the country's two letters and three more letters or digits 2 to 9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct LoCode([u8; 5]);
ascii_code!(LoCode, 5);

impl FromStr for LoCode {
    type Err = WordError;
    fn from_str(text: &str) -> Result<LoCode, WordError> {
        let shape = || {
            WordError::new("UN/LOCODE", "a country and three letters or digits 2 to 9, for instance BDCGP")
        };
        let bytes = <[u8; 5]>::try_from(text.as_bytes()).map_err(|_| shape())?;
        let place = bytes[2..].iter().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'9').contains(byte));
        match text.get(..2).map(Country::from_str) {
            Some(Ok(_)) if place => Ok(LoCode(bytes)),
            _ => Err(shape()),
        }
    }
}

/// A unit of measure, UN/CEFACT Recommendation 20, among those that goods are traded in here. In canonical form it
/// is one byte, its place in the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct UnitCode(u8);

/// Code, symbol, name: UN/CEFACT Recommendation 20, revision 17. New units go to the end: the order is stored.
const UNITS: [(&str, &str, &str); 12] = [
    ("TNE", "t", "tonne"),
    ("KGM", "kg", "kilogram"),
    ("GRM", "g", "gram"),
    ("LTR", "l", "litre"),
    ("MTQ", "m³", "cubic metre"),
    ("BLL", "bbl", "barrel"),
    ("MWH", "MWh", "megawatt hour"),
    ("MTR", "m", "metre"),
    ("MTK", "m²", "square metre"),
    ("H87", "pc", "piece"),
    ("NPR", "pairs", "pair"),
    ("APZ", "ozt", "troy ounce"),
];

impl UnitCode {
    /// Every unit that is known, by code.
    pub fn all() -> impl Iterator<Item = UnitCode> {
        (0u8..).take(UNITS.len()).map(UnitCode)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        UNITS[usize::from(self.0)]
    }

    /// The code, for instance `TNE`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// The symbol that people write behind a number: `t`, `bbl`.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.row().1
    }

    /// The unit's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }
}

impl FromStr for UnitCode {
    type Err = WordError;
    fn from_str(text: &str) -> Result<UnitCode, WordError> {
        UnitCode::all().find(|unit| unit.code() == text).ok_or_else(unknown_unit)
    }
}

fn unknown_unit() -> WordError {
    let known = UNITS.map(|(code, _, _)| code).join(", ");
    WordError::new("unit", format!("one of {known} (UN/CEFACT Recommendation 20)"))
}

impl BorshDeserialize for UnitCode {
    fn deserialize_reader<R: Read>(reader: &mut R) -> std::io::Result<Self> {
        let number = u8::deserialize_reader(reader)?;
        let known = UnitCode::all().find(|unit| unit.0 == number);
        known.ok_or_else(|| Error::new(ErrorKind::InvalidData, unknown_unit()))
    }
}

impl fmt::Display for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who carries which cost and risk: Incoterms 2020.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[allow(missing_docs, reason = "the codes are the standard's own names")]
pub enum Incoterm {
    Exw = 0,
    Fca = 1,
    Cpt = 2,
    Cip = 3,
    Dap = 4,
    Dpu = 5,
    Ddp = 6,
    Fas = 7,
    Fob = 8,
    Cfr = 9,
    Cif = 10,
}

impl Incoterm {
    /// Every term, in the order of the standard.
    pub const ALL: [Incoterm; 11] = [
        Incoterm::Exw,
        Incoterm::Fca,
        Incoterm::Cpt,
        Incoterm::Cip,
        Incoterm::Dap,
        Incoterm::Dpu,
        Incoterm::Ddp,
        Incoterm::Fas,
        Incoterm::Fob,
        Incoterm::Cfr,
        Incoterm::Cif,
    ];

    /// The three capital letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Incoterm::Exw => "EXW",
            Incoterm::Fca => "FCA",
            Incoterm::Cpt => "CPT",
            Incoterm::Cip => "CIP",
            Incoterm::Dap => "DAP",
            Incoterm::Dpu => "DPU",
            Incoterm::Ddp => "DDP",
            Incoterm::Fas => "FAS",
            Incoterm::Fob => "FOB",
            Incoterm::Cfr => "CFR",
            Incoterm::Cif => "CIF",
        }
    }
}

impl FromStr for Incoterm {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Incoterm, WordError> {
        Incoterm::ALL.into_iter().find(|term| term.code() == text).ok_or_else(|| {
            let known = Incoterm::ALL.map(Incoterm::code).join(", ");
            WordError::new("Incoterm", format!("one of {known} (Incoterms 2020)"))
        })
    }
}

impl fmt::Display for Incoterm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
