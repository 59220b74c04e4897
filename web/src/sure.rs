//! How sure a record is: which part of the validators would have to cheat, provably, to undo it.

use ledger::engine::{EraState, Outside};
use ledger::{Height, SubChain};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::language::Lang;

/// How sure a record is by what this node has seen, which grows as one watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confidence {
    /// More than this weight of validators would have to equivocate, provably, to undo it.
    pub weight: u64,
    /// The weight of all validators.
    pub total: u64,
    /// Whether one owner runs all validators: then their weights say nothing about trust.
    pub one_operator: bool,
    /// Whether people have to decide before anything may be done outside on the strength of new records.
    pub halted: bool,
}

/// How sure the record at `height` of a chain is; `None` when there is none.
pub(crate) fn confidence(app: &App, chain: SubChain, height: i64) -> Option<Confidence> {
    let ledger = app.chains.get(chain);
    let sure = ledger.confidence(Height(u64::try_from(height).ok()?))?;
    let standing = ledger.standing();
    Some(Confidence {
        weight: sure.weight,
        total: sure.total,
        one_operator: standing.one_owner,
        halted: standing.halted,
    })
}

impl Confidence {
    /// In words.
    pub(crate) fn words(&self, lang: Lang) -> String {
        let Confidence { weight, total, one_operator, halted } = *self;
        let mut words = if one_operator {
            lang.say("demonstration: one operator").to_owned()
        } else if weight == 0 {
            lang.say("a majority of the validators would have to lose its memory to undo it").to_owned()
        } else {
            let percent = percent(weight, total).to_string();
            lang.fill(
                "to undo it, validators with more than {} % of the weight would have to cheat, provably",
                &[&percent],
            )
        };
        if halted {
            words += lang.say("; validators cheated: nothing new counts outside before people have decided");
        }
        words
    }

    /// Whether it may still grow, or stand still.
    pub(crate) fn grows(&self) -> bool {
        !self.one_operator && self.weight + 1 < self.total
    }
}

/// `weight` of `total` in percent, rounded down.
fn percent(weight: u64, total: u64) -> u128 {
    u128::from(weight) * 100 / u128::from(total.max(1))
}

/// The shares of the weight that anybody can ask for, in percent: those that the chains follow
/// ([`ledger::Options::shares_per_mille`]). 0 asks for no more than the classical grade, 100 for as much as can be had.
pub const SHARES: [u8; 5] = [0, 50, 67, 80, 100];

/// Somebody asks for a share of the weight that is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is none of the shares that are followed: 0, 50, 67, 80 or 100 percent")]
pub struct NotFollowed(pub u8);

/// A share in percent as thousandths of the weight.
///
/// # Errors
/// Nobody follows it.
pub fn per_mille(share_percent: u8) -> Result<u64, NotFollowed> {
    let followed = SHARES.contains(&share_percent);
    followed.then(|| u64::from(share_percent) * 10).ok_or(NotFollowed(share_percent))
}

/// How sure a record has to be, by what is at stake, before anything is done outside on the strength of it: a rule of the
/// node, which those who read may make stricter for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caution {
    /// From which value on, in millionths of a US dollar, which share of the weight, in thousandths.
    steps: Vec<(u128, u64)>,
}

/// A step of the rule as a setting names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From so many US dollars on, all legs of a settlement together.
    pub from_usd: u64,
    /// So many percent of the weight would have to cheat to undo it, one of [`SHARES`].
    pub share_percent: u8,
}

impl Caution {
    /// The classical grade, more than a third of the weight, for everything; beyond it what `steps` say.
    ///
    /// # Errors
    /// A step asks for a share that nobody follows.
    pub fn new(steps: &[Step]) -> Result<Caution, NotFollowed> {
        let step = |step: &Step| Ok((u128::from(step.from_usd) * 1_000_000, per_mille(step.share_percent)?));
        Ok(Caution { steps: steps.iter().map(step).collect::<Result<_, _>>()? })
    }

    /// The share that a value asks for, in thousandths; 0 for no more than the classical grade.
    #[must_use]
    pub fn share(&self, value_micro_usd: u128) -> u64 {
        let reached = self.steps.iter().filter(|(from, _)| *from <= value_micro_usd);
        reached.map(|(_, share)| *share).max().unwrap_or(0)
    }
}

impl Default for Caution {
    /// 80 % from a million dollars on.
    fn default() -> Caution {
        Caution { steps: vec![(1_000_000_000_000, 800)] }
    }
}

/// How far a settlement has come for those who would do something outside on the strength of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// It moved what it moved for good, and waits to be as sure as its value, or the reader, asks for. Do nothing outside
    /// yet.
    Final,
    /// It is as sure as was asked for.
    Settled,
    /// Validators cheated, and people have to decide. Do nothing outside.
    Halted,
}

/// Whether anything may be done outside on the strength of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    outside: Option<Outside>,
    /// Whether the reader asked for more than the rule does.
    by_wish: bool,
}

/// Whether anything may be done outside on the strength of the record at `height` of a chain, when so much is at stake and
/// its reader wishes for `wish` thousandths of the weight.
pub(crate) fn release(app: &App, chain: SubChain, height: i64, value_micro_usd: u128, wish: u64) -> Release {
    let rule = app.settings.caution.share(value_micro_usd);
    let height = u64::try_from(height).ok().map(Height);
    let outside = height.and_then(|height| app.chains.get(chain).outside(height, rule.max(wish)));
    Release { outside, by_wish: wish > rule }
}

impl Release {
    pub(crate) fn stand(&self) -> Stand {
        match &self.outside {
            Some(outside) if outside.halted => Stand::Halted,
            Some(outside) if outside.may_leave() => Stand::Settled,
            Some(_) | None => Stand::Final,
        }
    }

    pub(crate) fn may_leave(&self) -> bool {
        self.stand() == Stand::Settled
    }

    /// Whether it counts as settled although it never became as sure as was asked for: its era is over, and nobody could
    /// make it surer.
    pub(crate) fn is_capped(&self) -> bool {
        let missed = |outside: &Outside| outside.era == EraState::Over && outside.sure.weight < outside.asked;
        self.may_leave() && self.outside.as_ref().is_some_and(missed)
    }

    /// The weight that it waits for.
    pub(crate) fn wanted(&self) -> Option<u64> {
        self.outside.map(|outside| outside.wanted)
    }

    /// In words.
    pub(crate) fn words(&self, lang: Lang) -> String {
        let part = |weight: u64, total| percent(weight, total).to_string();
        match (self.stand(), &self.outside) {
            (Stand::Settled, Some(Outside { sure, .. })) if self.is_capped() => lang.fill(
                "settled: the era of its record has ended, and {} % is what the record proves",
                &[&part(sure.weight, sure.total)],
            ),
            (Stand::Settled, _) => lang.say("settled").to_owned(),
            (Stand::Halted, _) => lang.say(HALTED).to_owned(),
            (Stand::Final, None) => lang.say("final, not yet seen by this node").to_owned(),
            (Stand::Final, Some(Outside { sure, era: EraState::Doubted, .. })) => lang.fill(
                "held back: the era of its record has ended at {} %, and validators of more weight than its seal bears \
                 cheated in it",
                &[&part(sure.weight, sure.total)],
            ),
            (Stand::Final, Some(Outside { sure, wanted, .. })) => lang.fill(
                if self.by_wish {
                    "final, waiting for the confidence you asked for: {} of {} %"
                } else {
                    "final, waiting for the confidence that its value asks for: {} of {} %"
                },
                &[&part(sure.weight, sure.total), &part(*wanted, sure.total)],
            ),
        }
    }
}

/// Said of everything while people have to decide.
pub(crate) const HALTED: &str = "held back: validators cheated, and people have to decide first";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_asks_for_more_the_more_is_at_stake() {
        let million = 1_000_000_000_000;
        assert_eq!(Caution::default().share(million - 1), 0);
        assert_eq!(Caution::default().share(million), 800);
        let steps = [(0, 50), (500, 100), (1_000, 67)];
        let steps = steps.map(|(from_usd, share_percent)| Step { from_usd, share_percent });
        let strict = Caution::new(&steps).unwrap();
        let shares = [0, 499_999_999, 500_000_000, u128::MAX].map(|value| strict.share(value));
        assert_eq!(shares, [500, 500, 1_000, 1_000], "more value never asks for less");
        let unheard_of = [Step { from_usd: 0, share_percent: 90 }];
        assert_eq!(Caution::new(&unheard_of), Err(NotFollowed(90)));
    }

    #[test]
    fn every_share_that_can_be_asked_for_is_followed() {
        let followed = ledger::Options::memory(ledger::KeyPair::from_seed([1; 32])).shares_per_mille;
        let asked: Vec<u64> = SHARES.iter().filter_map(|share| per_mille(*share).ok()).collect();
        assert_eq!(asked, [vec![0], followed].concat());
        let named: Vec<String> = SHARES.iter().map(u8::to_string).collect();
        let words = NotFollowed(90).to_string();
        assert!(named.iter().all(|share| words.contains(share)), "{words}");
    }

    #[test]
    fn what_waits_says_for_what_and_since_nobody_is_kept_waiting_by_nothing() {
        let sure = ledger::engine::Confidence { weight: 1, total: 4 };
        let outside =
            |wanted, halted| Some(Outside { sure, asked: wanted, wanted, era: EraState::Runs, halted });
        let release = |outside, by_wish| Release { outside, by_wish };
        let waits = release(outside(3, false), true);
        assert_eq!(waits.words(Lang::English), "final, waiting for the confidence you asked for: 25 of 75 %");
        let waits = release(outside(3, false), false);
        assert_eq!(
            waits.words(Lang::English),
            "final, waiting for the confidence that its value asks for: 25 of 75 %"
        );
        assert_eq!(release(outside(1, false), false).stand(), Stand::Settled);
        assert_eq!(release(outside(0, true), false).stand(), Stand::Halted);
        assert_eq!(release(None, false).stand(), Stand::Final);
        let over =
            release(Some(Outside { sure, asked: 3, wanted: 1, era: EraState::Over, halted: false }), true);
        assert_eq!(
            over.words(Lang::English),
            "settled: the era of its record has ended, and 25 % is what the record proves"
        );
        let doubted = Outside { sure, asked: 3, wanted: 3, era: EraState::Doubted, halted: false };
        let doubted = release(Some(doubted), true);
        assert_eq!(doubted.stand(), Stand::Final);
        assert!(doubted.words(Lang::English).contains("cheated in it"), "{}", doubted.words(Lang::English));
    }

    #[test]
    fn what_it_takes_to_undo_a_record_is_said_in_shares_and_one_operator_says_so() {
        let sure = Confidence { weight: 5, total: 6, one_operator: false, halted: false };
        assert!(
            sure.words(Lang::English).contains("more than 83 % of the weight would have to cheat, provably")
        );
        assert!(!sure.grows() && Confidence { weight: 1, ..sure }.grows());
        assert_eq!(
            Confidence { one_operator: true, ..sure }.words(Lang::English),
            "demonstration: one operator"
        );
        assert!(Confidence { halted: true, ..sure }.words(Lang::English).contains("people have decided"));
    }
}
