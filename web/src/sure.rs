//! How sure a record is: which part of the validators would have to cheat, provably, to undo it.

use ledger::{Height, SubChain};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// How sure a record is by what this node has seen, which grows as one watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
    pub(crate) fn words(&self) -> String {
        let Confidence { weight, total, one_operator, halted } = *self;
        let mut words = if one_operator {
            "demonstration: one operator".to_owned()
        } else if weight == 0 {
            "a majority of the validators would have to lose its memory to undo it".to_owned()
        } else {
            let share = u128::from(weight) * 100 / u128::from(total.max(1));
            format!(
                "to undo it, validators with more than {share} % of the weight would have to cheat, provably"
            )
        };
        if halted {
            words.push_str("; validators cheated: nothing new counts outside before people have decided");
        }
        words
    }

    /// Whether it may still grow.
    pub(crate) fn grows(&self) -> bool {
        !self.one_operator && self.weight + 1 < self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_to_undo_a_record_is_said_in_shares_and_one_operator_says_so() {
        let sure = Confidence { weight: 5, total: 6, one_operator: false, halted: false };
        assert!(sure.words().contains("more than 83 % of the weight would have to cheat, provably"));
        assert!(!sure.grows() && Confidence { weight: 1, ..sure }.grows());
        assert_eq!(Confidence { one_operator: true, ..sure }.words(), "demonstration: one operator");
        assert!(Confidence { halted: true, ..sure }.words().contains("people have decided"));
    }
}
