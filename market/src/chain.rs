//! Chains of companies whose interests follow one another: what turns lone wishes into rings.

use std::collections::{BTreeMap, BTreeSet};

use crate::company::{Company, CompanyId};
use crate::dice::Dice;

/// One step of a chain: a company that gives one good for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) company: CompanyId,
    pub(crate) give: &'static str,
    pub(crate) want: &'static str,
}

/// Who wants what, and which direct swaps exist both ways.
#[derive(Clone, Debug)]
pub(crate) struct Interests {
    wanters: BTreeMap<&'static str, Vec<CompanyId>>,
    pairs: BTreeSet<(&'static str, &'static str)>,
}

/// Chains give up after this many steps, so that a search is bounded whatever the market looks like.
const SEARCH_STEPS: u32 = 20_000;

impl Interests {
    pub(crate) fn of(companies: &[Company]) -> Self {
        let mut wanters: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut pairs = BTreeSet::new();
        for (at, company) in companies.iter().enumerate() {
            for &want in &company.wants {
                wanters.entry(want).or_default().push(CompanyId(at));
                pairs.extend(company.gives.iter().map(|&give| (give, want)));
            }
        }
        Self { wanters, pairs }
    }

    /// The same interests, with plain swaps allowed: for answers to a newcomer, who wants a ring at all.
    pub(crate) fn with_swaps(&self) -> Self {
        Self { wanters: self.wanters.clone(), pairs: BTreeSet::new() }
    }

    pub(crate) fn wanters(&self, hs4: &str) -> &[CompanyId] {
        self.wanters.get(hs4).map_or(&[], Vec::as_slice)
    }

    /// Whether a swap of `give` for `want` cannot meet its exact opposite. Where companies exist for both
    /// directions, only one of them (by code) is taken, so that two companies hardly ever simply swap.
    pub(crate) fn one_way(&self, give: &str, want: &str) -> bool {
        give < want || !self.pairs.iter().any(|&(g, w)| g == want && w == give)
    }
}

/// Finds `length` different companies, of which the first wants `from`, each next one wants what the one
/// before gives, and the last gives `to`; no good occurs twice. The draw decides among the chains there are.
pub(crate) fn find(
    companies: &[Company],
    interests: &Interests,
    dice: &mut Dice,
    ends: (&'static str, &'static str),
    length: usize,
    excluded: Option<CompanyId>,
) -> Option<Vec<Leg>> {
    let mut search = Search {
        companies,
        interests,
        dice,
        to: ends.1,
        length,
        excluded,
        legs: vec![],
        steps: SEARCH_STEPS,
    };
    (ends.0 != ends.1 && search.extend(ends.0)).then_some(search.legs)
}

struct Search<'a> {
    companies: &'a [Company],
    interests: &'a Interests,
    dice: &'a mut Dice,
    to: &'static str,
    length: usize,
    excluded: Option<CompanyId>,
    legs: Vec<Leg>,
    steps: u32,
}

impl Search<'_> {
    fn extend(&mut self, want: &'static str) -> bool {
        let last = self.legs.len() + 1 == self.length;
        let mut takers = self.interests.wanters(want).to_vec();
        self.dice.shuffle(&mut takers);
        for company in takers {
            if self.excluded == Some(company) || self.legs.iter().any(|leg| leg.company == company) {
                continue;
            }
            let mut gives = self.companies[company.0].gives.clone();
            self.dice.shuffle(&mut gives);
            for give in gives {
                let fits = if last { give == self.to } else { give != self.to && !self.used(give) };
                if !fits || !self.interests.one_way(give, want) {
                    continue;
                }
                let Some(left) = self.steps.checked_sub(1) else { return false };
                self.steps = left;
                self.legs.push(Leg { company, give, want });
                if last || self.extend(give) {
                    return true;
                }
                self.legs.pop();
            }
        }
        false
    }

    fn used(&self, hs4: &str) -> bool {
        self.legs.iter().any(|leg| leg.give == hs4 || leg.want == hs4)
    }
}
