//! Countries along the Belt and Road: names, places and what they trade.

/// A port or a city where goods are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// UN/LOCODE, five characters, for example `"BDCGP"`.
    pub locode: &'static str,
    /// The city's name as its merchants write it.
    pub city: &'static str,
    /// Whether sea-going ships load here.
    pub sea: bool,
}

/// One country of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166-1 alpha-2 code.
    pub alpha2: &'static str,
    /// ISO 3166-1 alpha-3 code.
    pub alpha3: &'static str,
    /// Short English name.
    pub name: &'static str,
    /// Main ports and trading cities, one to three.
    pub places: &'static [Place],
    /// Main HS-4 headings exported.
    pub exports: &'static [&'static str],
    /// Main HS-4 headings imported; never one that is also in `exports`.
    pub imports: &'static [&'static str],
}

/// The country of an alpha-2 code, if the table has it.
#[must_use]
pub fn country(alpha2: &str) -> Option<&'static Country> {
    COUNTRIES.binary_search_by(|country| country.alpha2.cmp(alpha2)).ok().map(|at| &COUNTRIES[at])
}

const fn port(locode: &'static str, city: &'static str) -> Place {
    Place { locode, city, sea: true }
}

const fn inland(locode: &'static str, city: &'static str) -> Place {
    Place { locode, city, sea: false }
}

/// All countries, in ascending order of alpha-2 code.
///
/// Sources: codes and names from ISO 3166-1; places from UN/LOCODE 2023-1 (UNECE). The headings were picked
/// by hand from what each country reported to UN Comtrade for 2017 to 2023 and from the commodity lists of
/// the CIA World Factbook (2023), leaving out goods that are not sold in bulk lots (aircraft, telephones,
/// gold). They say what a country is known for; they are no ranking and carry no values. A heading that a
/// country trades heavily in both directions stands only where its merchants would look for it first.
#[rustfmt::skip]
pub static COUNTRIES: &[Country] = &[
    Country {
        alpha2: "AE",
        alpha3: "ARE",
        name: "United Arab Emirates",
        places: &[port("AEJEA", "Jebel Ali"), port("AEDXB", "Dubai"), port("AEAUH", "Abu Dhabi")],
        exports: &["2503", "2709", "2710", "2711", "3901", "3902", "7408", "7601"],
        imports: &["0202", "0204", "0207", "0813", "0901", "0902", "0904", "1006", "2009", "2818", "3004", "4407", "6109", "6302", "7214", "8708"],
    },
    Country {
        alpha2: "AR",
        alpha3: "ARG",
        name: "Argentina",
        places: &[port("ARROS", "Rosario"), port("ARBUE", "Buenos Aires")],
        exports: &["0202", "1001", "1005", "1201", "1202", "1507", "2304"],
        imports: &["0803", "0901", "2601", "2818", "3103", "3105", "4001", "4011"],
    },
    Country {
        alpha2: "AZ",
        alpha3: "AZE",
        name: "Azerbaijan",
        places: &[port("AZBAK", "Baku"), inland("AZSUM", "Sumgait")],
        exports: &["0802", "2709", "2711", "2905", "3901", "5201", "7601"],
        imports: &["0902", "1001", "1701", "2401", "3004", "4407", "7214", "8708"],
    },
    Country {
        alpha2: "BD",
        alpha3: "BGD",
        name: "Bangladesh",
        places: &[port("BDCGP", "Chattogram"), inland("BDDAC", "Dhaka"), port("BDMGL", "Mongla")],
        exports: &["0306", "4104", "5303", "5307", "6109", "6302", "6305"],
        imports: &["0804", "0910", "1001", "1507", "1511", "1701", "2710", "2836", "3102", "3103", "3904", "5201", "5205", "7204", "7408"],
    },
    Country {
        alpha2: "BG",
        alpha3: "BGR",
        name: "Bulgaria",
        places: &[port("BGVAR", "Varna"), port("BGBOJ", "Burgas")],
        exports: &["1001", "1205", "1206", "1512", "2807", "2836", "7403", "7801", "7901"],
        imports: &["0901", "2603", "2701", "2709", "3902", "5205", "7208"],
    },
    Country {
        alpha2: "CI",
        alpha3: "CIV",
        name: "Côte d'Ivoire",
        places: &[port("CIABJ", "Abidjan"), port("CISPY", "San-Pédro")],
        exports: &["0801", "1511", "1801", "1803", "4001", "4407", "5201"],
        imports: &["0303", "1001", "1006", "2523", "2709", "3004", "3105", "6305", "7208"],
    },
    Country {
        alpha2: "CN",
        alpha3: "CHN",
        name: "China",
        places: &[port("CNSGH", "Shanghai"), port("CNNBG", "Ningbo"), port("CNTAO", "Qingdao")],
        exports: &["3808", "4011", "5402", "5407", "5503", "7304", "7604", "7606", "8544", "8708"],
        imports: &["0306", "0802", "1201", "1207", "1511", "2515", "2601", "2603", "2608", "2610", "2709", "2905", "4001", "4403", "4703", "5101", "5201", "7403"],
    },
    Country {
        alpha2: "DZ",
        alpha3: "DZA",
        name: "Algeria",
        places: &[port("DZALG", "Algiers"), port("DZORN", "Oran"), port("DZAAE", "Annaba")],
        exports: &["0804", "2523", "2709", "2711", "2814", "3102"],
        imports: &["0402", "0901", "1001", "1005", "1201", "1507", "3004", "3902", "4407"],
    },
    Country {
        alpha2: "EG",
        alpha3: "EGY",
        name: "Egypt",
        places: &[port("EGALY", "Alexandria"), port("EGDAM", "Damietta"), port("EGPSD", "Port Said")],
        exports: &["0703", "0805", "2510", "3102", "3901", "5201", "8544"],
        imports: &["0202", "0405", "0902", "0904", "1001", "1005", "1201", "1512", "1513", "1604", "2401", "2710", "3902", "4407", "5307"],
    },
    Country {
        alpha2: "ET",
        alpha3: "ETH",
        name: "Ethiopia",
        places: &[inland("ETADD", "Addis Ababa"), inland("ETDIR", "Dire Dawa")],
        exports: &["0204", "0713", "0901", "0910", "1207", "4104"],
        imports: &["1001", "1511", "2710", "2713", "3004", "3102", "3105", "3901", "6305", "7214"],
    },
    Country {
        alpha2: "GE",
        alpha3: "GEO",
        name: "Georgia",
        places: &[port("GEPTI", "Poti"), port("GEBUS", "Batumi"), inland("GETBS", "Tbilisi")],
        exports: &["0802", "2603", "3102", "7202", "7214", "7304"],
        imports: &["1001", "1701", "2602", "2710", "2711", "3004", "7208"],
    },
    Country {
        alpha2: "GH",
        alpha3: "GHA",
        name: "Ghana",
        places: &[port("GHTEM", "Tema"), port("GHTKD", "Takoradi")],
        exports: &["0801", "0803", "1801", "1803", "2602", "2709", "4407"],
        imports: &["0207", "0303", "1001", "1006", "1701", "2523", "2710", "3401", "3901", "6305"],
    },
    Country {
        alpha2: "GR",
        alpha3: "GRC",
        name: "Greece",
        places: &[port("GRPIR", "Piraeus"), port("GRSKG", "Thessaloniki")],
        exports: &["0805", "1509", "2515", "2710", "5201", "7601", "7606"],
        imports: &["0202", "0901", "2304", "2709", "2711", "3004", "4412", "7208"],
    },
    Country {
        alpha2: "HU",
        alpha3: "HUN",
        name: "Hungary",
        places: &[inland("HUBUD", "Budapest"), inland("HUGYO", "Győr")],
        exports: &["0207", "1005", "1206", "1512", "3004", "4011", "8708"],
        imports: &["0901", "2304", "2709", "2711", "5407", "7208", "7403", "7606"],
    },
    Country {
        alpha2: "ID",
        alpha3: "IDN",
        name: "Indonesia",
        places: &[port("IDJKT", "Jakarta"), port("IDSUB", "Surabaya"), port("IDBLW", "Belawan")],
        exports: &["0901", "1511", "1513", "2701", "3904", "4001", "4412", "4703", "4802", "7502", "8001"],
        imports: &["0202", "0806", "1001", "1201", "1202", "1701", "2510", "2710", "2815", "3104", "3902", "5201", "7208", "7901"],
    },
    Country {
        alpha2: "IQ",
        alpha3: "IRQ",
        name: "Iraq",
        places: &[port("IQUQR", "Umm Qasr"), port("IQBSR", "Basra")],
        exports: &["0804", "2503", "2709", "2711", "2713", "4101"],
        imports: &["0207", "1001", "1006", "1512", "1701", "2002", "3004", "7214"],
    },
    Country {
        alpha2: "JO",
        alpha3: "JOR",
        name: "Jordan",
        places: &[port("JOAQJ", "Aqaba"), inland("JOAMM", "Amman")],
        exports: &["2510", "2809", "3004", "3104", "3105", "6109"],
        imports: &["0204", "0207", "1001", "1003", "1006", "1207", "1604", "2709", "2710", "5407", "7214"],
    },
    Country {
        alpha2: "KE",
        alpha3: "KEN",
        name: "Kenya",
        places: &[port("KEMBA", "Mombasa"), inland("KENBO", "Nairobi")],
        exports: &["0802", "0901", "0902", "2009", "2836", "4104"],
        imports: &["1001", "1006", "1511", "1701", "2710", "2713", "3105", "3808", "3901", "7208"],
    },
    Country {
        alpha2: "KG",
        alpha3: "KGZ",
        name: "Kyrgyzstan",
        places: &[inland("KGFRU", "Bishkek"), inland("KGOSS", "Osh")],
        exports: &["0405", "0409", "0713", "0813", "2701", "5201"],
        imports: &["1101", "1701", "2401", "2710", "3004", "4407", "5407", "7214"],
    },
    Country {
        alpha2: "KH",
        alpha3: "KHM",
        name: "Cambodia",
        places: &[port("KHPNH", "Phnom Penh"), port("KHKOS", "Sihanoukville")],
        exports: &["0801", "0803", "0904", "1006", "4001", "6109"],
        imports: &["2523", "2710", "3004", "3105", "3401", "5407", "7214", "8708"],
    },
    Country {
        alpha2: "KW",
        alpha3: "KWT",
        name: "Kuwait",
        places: &[port("KWSWK", "Shuwaikh"), port("KWSAA", "Shuaiba")],
        exports: &["2503", "2709", "2710", "2711", "2713", "3901"],
        imports: &["0207", "0402", "0409", "0902", "1003", "1006", "3004", "4407", "7214"],
    },
    Country {
        alpha2: "KZ",
        alpha3: "KAZ",
        name: "Kazakhstan",
        places: &[port("KZAAU", "Aktau"), inland("KZALA", "Almaty")],
        exports: &["1001", "1003", "1101", "2503", "2610", "2709", "2818", "7202", "7403", "7801", "7901"],
        imports: &["0805", "0806", "0813", "0902", "1701", "3004", "4011", "4412", "5407", "7604", "8544"],
    },
    Country {
        alpha2: "LA",
        alpha3: "LAO",
        name: "Laos",
        places: &[inland("LAVTE", "Vientiane"), inland("LAPKZ", "Pakse")],
        exports: &["0803", "0901", "2603", "3104", "4001", "4703", "7403"],
        imports: &["0207", "2523", "2710", "3105", "7214", "8708"],
    },
    Country {
        alpha2: "LK",
        alpha3: "LKA",
        name: "Sri Lanka",
        places: &[port("LKCMB", "Colombo"), port("LKHBA", "Hambantota")],
        exports: &["0902", "0907", "1513", "4001", "4011", "6109"],
        imports: &["0402", "0703", "0713", "1001", "1604", "1701", "2523", "2710", "5208", "5407"],
    },
    Country {
        alpha2: "MA",
        alpha3: "MAR",
        name: "Morocco",
        places: &[port("MACAS", "Casablanca"), port("MAPTM", "Tanger Med"), port("MAJFL", "Jorf Lasfar")],
        exports: &["0303", "0805", "1604", "2510", "2809", "3103", "3105", "8544"],
        imports: &["0804", "0902", "0910", "1001", "1005", "1507", "2503", "2710", "2711", "2807", "2814", "5208"],
    },
    Country {
        alpha2: "MN",
        alpha3: "MNG",
        name: "Mongolia",
        places: &[inland("MNULN", "Ulaanbaatar")],
        exports: &["2601", "2603", "2608", "2701", "4101", "5101"],
        imports: &["1701", "2523", "2710", "3004", "4011", "7214", "8708"],
    },
    Country {
        alpha2: "MY",
        alpha3: "MYS",
        name: "Malaysia",
        places: &[port("MYPKG", "Port Klang"), port("MYPEN", "Penang"), port("MYPGU", "Pasir Gudang")],
        exports: &["1511", "1513", "2711", "3401", "4407", "4412", "7601", "8001"],
        imports: &["0202", "0703", "0804", "1005", "1006", "1701", "1801", "2304", "2510", "2701", "3104", "7403"],
    },
    Country {
        alpha2: "MZ",
        alpha3: "MOZ",
        name: "Mozambique",
        places: &[port("MZMPM", "Maputo"), port("MZBEW", "Beira"), port("MZMNC", "Nacala")],
        exports: &["0713", "0801", "1207", "2401", "2701", "2711", "4403", "7601"],
        imports: &["1001", "1006", "1511", "2710", "2818", "3004", "3105"],
    },
    Country {
        alpha2: "NG",
        alpha3: "NGA",
        name: "Nigeria",
        places: &[port("NGLOS", "Lagos"), port("NGPHC", "Port Harcourt"), inland("NGKAN", "Kano")],
        exports: &["0910", "1207", "1801", "2709", "2711", "3102"],
        imports: &["0303", "0402", "1001", "1701", "2710", "2836", "3004", "3401", "3902"],
    },
    Country {
        alpha2: "NP",
        alpha3: "NPL",
        name: "Nepal",
        places: &[inland("NPKTM", "Kathmandu"), inland("NPBRG", "Birgunj"), inland("NPBIR", "Biratnagar")],
        exports: &["0902", "0910", "1507", "2009", "5307", "6305"],
        imports: &["1005", "1006", "2710", "3004", "3105", "5303", "7207", "7208"],
    },
    Country {
        alpha2: "OM",
        alpha3: "OMN",
        name: "Oman",
        places: &[port("OMSOH", "Sohar"), port("OMSLL", "Salalah"), port("OMMCT", "Muscat")],
        exports: &["0303", "2515", "2709", "2711", "2905", "3102", "3902", "7207", "7601"],
        imports: &["0204", "0207", "0402", "1001", "1006", "2601", "2818", "4407", "8708"],
    },
    Country {
        alpha2: "PE",
        alpha3: "PER",
        name: "Peru",
        places: &[port("PECLL", "Callao"), port("PEPAI", "Paita")],
        exports: &["0901", "2301", "2603", "2608", "7403", "7901", "8001"],
        imports: &["1001", "1005", "2304", "2709", "2710", "3102", "3902", "7208"],
    },
    Country {
        alpha2: "PH",
        alpha3: "PHL",
        name: "Philippines",
        places: &[port("PHMNL", "Manila"), port("PHCEB", "Cebu"), port("PHDVO", "Davao")],
        exports: &["0803", "1513", "1604", "7204", "7403", "8544"],
        imports: &["0202", "1001", "1006", "1511", "2301", "2304", "2701", "2710", "7207", "7604"],
    },
    Country {
        alpha2: "PK",
        alpha3: "PAK",
        name: "Pakistan",
        places: &[port("PKKHI", "Karachi"), port("PKBQM", "Port Qasim"), inland("PKLHE", "Lahore")],
        exports: &["0303", "0805", "1006", "2523", "4104", "5205", "5208", "6302"],
        imports: &["0713", "0902", "0904", "0910", "1205", "1511", "2701", "2709", "2711", "2809", "4802", "5303", "5503", "7204"],
    },
    Country {
        alpha2: "PL",
        alpha3: "POL",
        name: "Poland",
        places: &[port("PLGDN", "Gdansk"), port("PLGDY", "Gdynia")],
        exports: &["0202", "0207", "0402", "0405", "2704", "4011", "7403", "8708"],
        imports: &["0303", "0806", "0813", "0901", "1509", "1801", "1803", "2304", "2709", "2711", "3901", "6302", "7208", "7601", "8001"],
    },
    Country {
        alpha2: "QA",
        alpha3: "QAT",
        name: "Qatar",
        places: &[port("QAHMD", "Hamad"), port("QAUMS", "Mesaieed"), port("QADOH", "Doha")],
        exports: &["2503", "2709", "2711", "3102", "3901", "7601"],
        imports: &["0207", "0402", "1006", "2601", "2818", "4407", "7304", "8708"],
    },
    Country {
        alpha2: "RO",
        alpha3: "ROU",
        name: "Romania",
        places: &[port("ROCND", "Constanta"), port("ROGAL", "Galati")],
        exports: &["1001", "1003", "1005", "1206", "4011", "4407", "7304", "8544"],
        imports: &["0901", "1509", "1701", "2304", "2704", "2709", "3004", "3808", "3901", "5407", "7601"],
    },
    Country {
        alpha2: "RS",
        alpha3: "SRB",
        name: "Serbia",
        places: &[inland("RSBEG", "Belgrade")],
        exports: &["1005", "1201", "1512", "2009", "4011", "7208", "7403"],
        imports: &["0803", "0901", "2601", "2704", "2709", "2711", "3004", "3901", "5407"],
    },
    Country {
        alpha2: "SA",
        alpha3: "SAU",
        name: "Saudi Arabia",
        places: &[port("SAJED", "Jeddah"), port("SADMM", "Dammam"), port("SAJUB", "Jubail")],
        exports: &["0804", "2709", "2710", "2815", "2905", "3102", "3901", "3902"],
        imports: &["0207", "0405", "0409", "0901", "0902", "0907", "1003", "1006", "1509", "1701", "2009", "2515", "3004", "4407", "6109", "8544", "8708"],
    },
    Country {
        alpha2: "SG",
        alpha3: "SGP",
        name: "Singapore",
        places: &[port("SGSIN", "Singapore")],
        exports: &["1803", "2710", "3004", "3808", "3901", "3902"],
        imports: &["0207", "0306", "0907", "1006", "1511", "1801", "2709", "7214", "7502"],
    },
    Country {
        alpha2: "TH",
        alpha3: "THA",
        name: "Thailand",
        places: &[port("THBKK", "Bangkok"), port("THLCH", "Laem Chabang")],
        exports: &["0306", "1006", "1604", "1701", "3904", "3907", "4001", "4011", "5503"],
        imports: &["0303", "1201", "2701", "2709", "2711", "2905", "3808", "5201", "7202", "7207", "7208", "7403", "7601", "7801"],
    },
    Country {
        alpha2: "TJ",
        alpha3: "TJK",
        name: "Tajikistan",
        places: &[inland("TJDYU", "Dushanbe"), inland("TJLBD", "Khujand")],
        exports: &["0703", "0813", "2608", "5201", "5205", "7601"],
        imports: &["1001", "1701", "2710", "2711", "2818", "4407", "7214"],
    },
    Country {
        alpha2: "TM",
        alpha3: "TKM",
        name: "Turkmenistan",
        places: &[port("TMKRW", "Turkmenbashi"), inland("TMASB", "Ashgabat")],
        exports: &["2710", "2711", "3102", "3104", "3902", "5201", "5205"],
        imports: &["1101", "1512", "1701", "3004", "4407", "7304", "8708"],
    },
    Country {
        alpha2: "TN",
        alpha3: "TUN",
        name: "Tunisia",
        places: &[port("TNTUN", "Tunis"), port("TNSFA", "Sfax"), port("TNBIZ", "Bizerte")],
        exports: &["0804", "1509", "2809", "3103", "3105", "6109", "8544"],
        imports: &["1001", "1005", "1507", "2503", "2710", "2711", "3902", "5208"],
    },
    Country {
        alpha2: "TR",
        alpha3: "TUR",
        name: "Türkiye",
        places: &[port("TRIST", "Istanbul"), port("TRMER", "Mersin"), port("TRIZM", "Izmir")],
        exports: &["0806", "0813", "1101", "2002", "2515", "2523", "5205", "6302", "7214"],
        imports: &["0803", "1001", "1201", "1206", "1207", "2709", "2711", "2807", "2905", "3902", "3904", "3907", "4101", "5201", "5307", "5402", "5503", "7202", "7204", "7403", "7901"],
    },
    Country {
        alpha2: "TZ",
        alpha3: "TZA",
        name: "Tanzania",
        places: &[port("TZDAR", "Dar es Salaam"), port("TZTGT", "Tanga")],
        exports: &["0713", "0801", "0901", "0907", "1207", "2401"],
        imports: &["1001", "1511", "1701", "2710", "3004", "3105", "3901", "4011", "6302"],
    },
    Country {
        alpha2: "UZ",
        alpha3: "UZB",
        name: "Uzbekistan",
        places: &[inland("UZTAS", "Tashkent"), inland("UZSKD", "Samarkand"), inland("UZFEG", "Fergana")],
        exports: &["0806", "0813", "3102", "3901", "5201", "5205", "7403"],
        imports: &["0902", "1101", "1512", "1701", "2709", "3004", "4407", "7304"],
    },
    Country {
        alpha2: "VN",
        alpha3: "VNM",
        name: "Viet Nam",
        places: &[port("VNSGN", "Ho Chi Minh City"), port("VNHPH", "Haiphong"), port("VNDAD", "Da Nang")],
        exports: &["0306", "0901", "0904", "1006", "2818", "5205", "7208", "8544"],
        imports: &["0801", "1005", "1202", "2301", "2304", "2709", "2815", "2836", "3902", "4104", "4403", "5201", "5407", "5503", "7204", "7408", "7801"],
    },
    Country {
        alpha2: "ZA",
        alpha3: "ZAF",
        name: "South Africa",
        places: &[port("ZADUR", "Durban"), port("ZARCB", "Richards Bay"), port("ZACPT", "Cape Town")],
        exports: &["0805", "0806", "2601", "2602", "2610", "2701", "4703", "5101", "7202"],
        imports: &["0207", "0803", "1006", "1511", "2709", "2710", "2713", "3004", "3901", "8708"],
    },
    Country {
        alpha2: "ZM",
        alpha3: "ZMB",
        name: "Zambia",
        places: &[inland("ZMLUN", "Lusaka"), inland("ZMNLA", "Ndola")],
        exports: &["1005", "1701", "2401", "2523", "5201", "7403"],
        imports: &["2503", "2603", "2710", "3004", "3105", "3901", "8708"],
    },
];
