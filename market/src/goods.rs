//! The goods that the demo market trades: facts in one table.
//!
//! Codes are headings of the Harmonized System (World Customs Organization, HS 2022, four digits);
//! unit codes are those of UN/CEFACT Recommendation 20. Trade names and grades are the words that a
//! merchant writes on an offer.
//!
//! Prices are valuations of one consistent period, 2017, rounded to three significant digits. Each row
//! says where its figure comes from, see [`PriceSource`]. They show what a deal is worth; no amount in any
//! ledger is computed from them.

use rust_decimal::Decimal;

/// Where a reference price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// IMF Primary Commodity Prices, monthly series, mean of January to June 2017. Series quoted per pound
    /// or per kilogram are converted to tonnes, crude oil stays in barrels, wood in cubic metres.
    ImfSeries,
    /// Unit value (value divided by net weight) of the exports of Indonesia and South Africa under the
    /// heading, 2016 to 2021, from UN Comtrade and CEPII BACI. A heading mixes grades, so this is a size,
    /// not a quotation.
    UnitValue,
    /// A round figure of ours, of the size usual in 2017, where the sources above mix too many goods under
    /// one heading to be of use.
    RoundFigure,
}

impl PriceSource {
    /// A short citation for a page or a feed.
    #[must_use]
    pub fn citation(self) -> &'static str {
        match self {
            Self::ImfSeries => "IMF Primary Commodity Prices, mean January-June 2017",
            Self::UnitValue => "UN Comtrade / CEPII BACI, unit value 2016-2021",
            Self::RoundFigure => "demo valuation, round figure for 2017",
        }
    }
}

/// One commodity of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commodity {
    /// HS heading, four digits, for example `"5307"`.
    pub hs4: &'static str,
    /// Trade name in lower case, for example `"jute yarn"`.
    pub name: &'static str,
    /// The grade that the demo's lots have.
    pub grade: &'static str,
    /// UN/CEFACT Recommendation 20 code of the whole unit: `TNE` tonne, `KGM` kilogram, `MTQ` cubic metre,
    /// `BLL` barrel (US petroleum).
    pub unit: &'static str,
    /// Digits after the point of a whole unit: quantities are integers of 10^-decimals units.
    pub decimals: u8,
    /// Reference price of one whole unit in US cents; always positive.
    pub price_cents: u64,
    /// Where the price comes from.
    pub source: PriceSource,
}

impl Commodity {
    /// Reference price of one whole unit in US dollars.
    #[must_use]
    pub fn ref_usd(&self) -> Decimal {
        Decimal::from(self.price_cents) / Decimal::ONE_HUNDRED
    }

    /// Base units in one whole unit, 10^decimals.
    #[must_use]
    pub fn scale(&self) -> u64 {
        10_u64.pow(u32::from(self.decimals))
    }

    /// Value in US cents of `quantity` base units at the reference price, rounded down.
    #[must_use]
    pub fn value_cents(&self, quantity: u64) -> u128 {
        u128::from(quantity) * u128::from(self.price_cents) / u128::from(self.scale())
    }

    /// The quantity in base units that is worth `cents` at the reference price, rounded to nearest.
    #[must_use]
    pub fn quantity_for(&self, cents: u128) -> u64 {
        let price = u128::from(self.price_cents);
        let quantity = (cents * u128::from(self.scale()) + price / 2) / price;
        u64::try_from(quantity).unwrap_or(u64::MAX)
    }
}

/// The commodity of a heading, if the table has it.
#[must_use]
pub fn commodity(hs4: &str) -> Option<&'static Commodity> {
    GOODS.binary_search_by(|good| good.hs4.cmp(hs4)).ok().map(|at| &GOODS[at])
}

use PriceSource::{ImfSeries, RoundFigure, UnitValue};

const TNE: &str = "TNE";
const KGM: &str = "KGM";
const MTQ: &str = "MTQ";
const BLL: &str = "BLL";

const fn good(
    hs4: &'static str,
    name: &'static str,
    grade: &'static str,
    unit: &'static str,
    decimals: u8,
    price_cents: u64,
    source: PriceSource,
) -> Commodity {
    Commodity { hs4, name, grade, unit, decimals, price_cents, source }
}

/// All commodities, in ascending order of heading.
///
/// Columns: heading, trade name, grade, unit, decimals, price in US cents per whole unit, source. Sources:
/// headings from the Harmonized System 2022, units from UN/CEFACT Recommendation 20, prices as the row says.
#[rustfmt::skip]
pub static GOODS: &[Commodity] = &[
    good("0202", "frozen beef", "boneless, forequarter", TNE, 3, 423_000, ImfSeries),
    good("0204", "frozen mutton", "carcass, 16-22 kg", TNE, 3, 290_000, ImfSeries),
    good("0207", "frozen chicken", "whole, grade A", TNE, 3, 284_000, ImfSeries),
    good("0303", "frozen fish", "whole round, IQF", TNE, 3, 215_000, UnitValue),
    good("0306", "frozen shrimp", "headless, 21/25 count", TNE, 3, 1_210_000, ImfSeries),
    good("0402", "milk powder", "skimmed, 34 % protein", TNE, 3, 200_000, RoundFigure),
    good("0405", "butter", "unsalted, 82 % fat", TNE, 3, 490_000, RoundFigure),
    good("0409", "honey", "multifloral, moisture under 20 %", TNE, 3, 451_000, UnitValue),
    good("0703", "onions", "red, 50-70 mm", TNE, 3, 34_000, RoundFigure),
    good("0713", "lentils", "red, football cut", TNE, 3, 92_200, UnitValue),
    good("0801", "raw cashew nuts", "in shell, KOR 48", TNE, 3, 170_000, RoundFigure),
    good("0802", "pistachios", "in shell, 28/30", TNE, 3, 750_000, RoundFigure),
    good("0803", "bananas", "Cavendish, class I", TNE, 3, 106_000, ImfSeries),
    good("0804", "dates", "pitted, class I", TNE, 3, 154_000, UnitValue),
    good("0805", "oranges", "Valencia, class I", TNE, 3, 84_800, ImfSeries),
    good("0806", "raisins", "sultana, no. 9", TNE, 3, 170_000, UnitValue),
    good("0813", "dried apricots", "sulphured, no. 2", TNE, 3, 228_000, UnitValue),
    good("0901", "arabica coffee", "washed, screen 15", TNE, 3, 347_000, ImfSeries),
    good("0902", "black tea", "CTC, BP1", TNE, 3, 370_000, ImfSeries),
    good("0904", "black pepper", "550 g/l, cleaned", TNE, 3, 436_000, UnitValue),
    good("0907", "cloves", "hand picked, moisture under 14 %", TNE, 3, 445_000, UnitValue),
    good("0910", "dried ginger", "split, 1 % admixture", TNE, 3, 212_000, UnitValue),
    good("1001", "milling wheat", "12.5 % protein", TNE, 3, 14_500, ImfSeries),
    good("1003", "feed barley", "62 kg/hl", TNE, 3, 13_800, ImfSeries),
    good("1005", "maize", "no. 2 yellow", TNE, 3, 15_900, ImfSeries),
    good("1006", "white rice", "5 % broken", TNE, 3, 38_800, ImfSeries),
    good("1101", "wheat flour", "type 550", TNE, 3, 38_200, UnitValue),
    good("1201", "soya beans", "no. 2 yellow", TNE, 3, 36_100, ImfSeries),
    good("1202", "groundnuts", "40/50 count", TNE, 3, 184_000, ImfSeries),
    good("1205", "rapeseed", "42 % oil", TNE, 3, 64_500, UnitValue),
    good("1206", "sunflower seed", "44 % oil", TNE, 3, 42_000, RoundFigure),
    good("1207", "sesame seed", "whitish, 99/1", TNE, 3, 118_000, UnitValue),
    good("1507", "soya-bean oil", "degummed", TNE, 3, 72_500, ImfSeries),
    good("1509", "olive oil", "extra virgin", TNE, 3, 444_000, ImfSeries),
    good("1511", "palm oil", "RBD olein", TNE, 3, 66_600, ImfSeries),
    good("1512", "sunflower oil", "crude", TNE, 3, 95_200, ImfSeries),
    good("1513", "coconut oil", "crude, FFA under 4 %", TNE, 3, 147_000, UnitValue),
    good("1604", "canned tuna", "skipjack in oil", TNE, 3, 423_000, UnitValue),
    good("1701", "sugar", "ICUMSA 45", TNE, 3, 38_500, ImfSeries),
    good("1801", "cocoa beans", "fair fermented", TNE, 3, 204_000, ImfSeries),
    good("1803", "cocoa liquor", "natural", TNE, 3, 269_000, UnitValue),
    good("2002", "tomato paste", "36/38 brix, cold break", TNE, 3, 132_000, UnitValue),
    good("2009", "orange juice", "concentrate, 65 brix", TNE, 3, 124_000, UnitValue),
    good("2301", "fishmeal", "65 % protein", TNE, 3, 112_000, ImfSeries),
    good("2304", "soya-bean meal", "46 % protein", TNE, 3, 35_100, ImfSeries),
    good("2401", "tobacco leaf", "flue-cured", TNE, 3, 486_000, UnitValue),
    good("2503", "sulphur", "granular", TNE, 3, 10_000, RoundFigure),
    good("2510", "phosphate rock", "30 % P2O5", TNE, 3, 14_200, UnitValue),
    good("2515", "marble blocks", "first choice", TNE, 3, 17_100, UnitValue),
    good("2523", "cement", "CEM I 42.5", TNE, 3, 5_530, UnitValue),
    good("2601", "iron ore", "fines, 62 % Fe", TNE, 3, 7_450, ImfSeries),
    good("2602", "manganese ore", "44 % Mn", TNE, 3, 12_700, UnitValue),
    good("2603", "copper concentrate", "25 % Cu", TNE, 3, 177_000, UnitValue),
    good("2608", "zinc concentrate", "50 % Zn", TNE, 3, 63_800, UnitValue),
    good("2610", "chrome ore", "42 % Cr2O3", TNE, 3, 12_400, UnitValue),
    good("2701", "thermal coal", "6,000 kcal/kg", TNE, 3, 8_660, ImfSeries),
    good("2704", "metallurgical coke", "ash under 12.5 %", TNE, 3, 33_800, UnitValue),
    good("2709", "crude oil", "medium sour", BLL, 2, 5_120, ImfSeries),
    good("2710", "diesel", "EN 590, 10 ppm", TNE, 3, 58_100, UnitValue),
    good("2711", "LPG", "propane-butane mix", TNE, 3, 45_000, RoundFigure),
    good("2713", "bitumen", "penetration 60/70", TNE, 3, 35_800, UnitValue),
    good("2807", "sulphuric acid", "98 %", TNE, 3, 6_000, RoundFigure),
    good("2809", "phosphoric acid", "merchant grade, 54 %", TNE, 3, 61_200, UnitValue),
    good("2814", "ammonia", "anhydrous", TNE, 3, 28_500, UnitValue),
    good("2815", "caustic soda", "flakes, 98 %", TNE, 3, 41_500, RoundFigure),
    good("2818", "alumina", "smelter grade", TNE, 3, 35_500, RoundFigure),
    good("2836", "soda ash", "dense", TNE, 3, 21_000, RoundFigure),
    good("2905", "methanol", "IMPCA", TNE, 3, 33_000, RoundFigure),
    good("3004", "medicines", "generic tablets, GMP", KGM, 3, 2_160, UnitValue),
    good("3102", "urea", "granular, 46 % N", TNE, 3, 23_000, RoundFigure),
    good("3103", "superphosphate", "TSP, 46 % P2O5", TNE, 3, 31_800, UnitValue),
    good("3104", "potash", "standard, 60 % K2O", TNE, 3, 23_000, RoundFigure),
    good("3105", "NPK fertiliser", "15-15-15", TNE, 3, 40_000, RoundFigure),
    good("3401", "soap noodles", "80/20", TNE, 3, 107_000, UnitValue),
    good("3808", "crop protection", "technical grade", TNE, 3, 464_000, UnitValue),
    good("3901", "polyethylene", "LLDPE film", TNE, 3, 96_300, UnitValue),
    good("3902", "polypropylene", "raffia", TNE, 3, 116_000, UnitValue),
    good("3904", "PVC resin", "K67", TNE, 3, 87_000, RoundFigure),
    good("3907", "PET resin", "bottle grade", TNE, 3, 102_000, UnitValue),
    good("4001", "natural rubber", "RSS 3", TNE, 3, 230_000, ImfSeries),
    good("4011", "tyres", "truck and bus radial", TNE, 3, 352_000, UnitValue),
    good("4101", "raw hides", "wet salted", TNE, 3, 90_000, RoundFigure),
    good("4104", "tanned leather", "wet blue", TNE, 3, 437_000, UnitValue),
    good("4403", "hardwood logs", "sawlog, 60 cm up", MTQ, 3, 26_500, ImfSeries),
    good("4407", "sawn timber", "kiln dried", MTQ, 3, 68_600, ImfSeries),
    good("4412", "plywood", "BB/CC, 18 mm", MTQ, 3, 46_000, RoundFigure),
    good("4703", "wood pulp", "bleached kraft", TNE, 3, 52_600, UnitValue),
    good("4802", "printing paper", "80 g/m2, reels", TNE, 3, 86_200, UnitValue),
    good("5101", "wool", "23 micron, clean basis", TNE, 3, 1_030_000, ImfSeries),
    good("5201", "raw cotton", "Middling 1-3/32 in", TNE, 3, 189_000, ImfSeries),
    good("5205", "cotton yarn", "Ne 30/1, carded", TNE, 3, 262_000, UnitValue),
    good("5208", "cotton fabric", "plain weave, 150 g/m2", TNE, 3, 867_000, UnitValue),
    good("5303", "raw jute", "Tossa, BTC", TNE, 3, 60_000, RoundFigure),
    good("5307", "jute yarn", "CRM, 8 lb", TNE, 3, 100_000, RoundFigure),
    good("5402", "polyester yarn", "DTY 150/48", TNE, 3, 187_000, UnitValue),
    good("5407", "synthetic fabric", "polyester, dyed", TNE, 3, 624_000, UnitValue),
    good("5503", "polyester staple fibre", "1.4 denier, 38 mm", TNE, 3, 120_000, UnitValue),
    good("6109", "t-shirts", "cotton, 160 g/m2", KGM, 3, 1_750, UnitValue),
    good("6302", "bed linen", "percale", TNE, 3, 727_000, UnitValue),
    good("6305", "jute sacks", "B-twill, 100 kg", TNE, 3, 120_000, RoundFigure),
    good("7202", "ferro-alloys", "high-carbon ferrochrome", TNE, 3, 110_000, RoundFigure),
    good("7204", "steel scrap", "HMS 1/2 80:20", TNE, 3, 33_300, UnitValue),
    good("7207", "steel billets", "130 mm, 3SP", TNE, 3, 49_200, UnitValue),
    good("7208", "hot-rolled coil", "S235, 3 mm", TNE, 3, 53_900, UnitValue),
    good("7214", "rebar", "B500B, 12 mm", TNE, 3, 59_300, UnitValue),
    good("7304", "seamless pipe", "API 5L, X52", TNE, 3, 126_000, UnitValue),
    good("7403", "copper cathode", "grade A", TNE, 3, 575_000, ImfSeries),
    good("7408", "copper wire", "8 mm rod", TNE, 3, 666_000, UnitValue),
    good("7502", "nickel", "melting grade", TNE, 3, 975_000, ImfSeries),
    good("7601", "aluminium ingot", "99.7 %", TNE, 3, 188_000, ImfSeries),
    good("7604", "aluminium profiles", "6063 T5", TNE, 3, 343_000, UnitValue),
    good("7606", "aluminium sheet", "5052 H32", TNE, 3, 250_000, UnitValue),
    good("7801", "refined lead", "99.97 %", TNE, 3, 222_000, ImfSeries),
    good("7901", "refined zinc", "SHG 99.995 %", TNE, 3, 269_000, ImfSeries),
    good("8001", "refined tin", "99.9 %", TNE, 3, 2_000_000, ImfSeries),
    good("8544", "power cable", "low voltage, copper", TNE, 3, 634_000, UnitValue),
    good("8708", "vehicle parts", "brake and clutch", TNE, 3, 746_000, UnitValue),
];
