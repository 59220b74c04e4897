//! How a party has kept its word, as the payment chain reports it.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Timestamp;
use vocabulary::messages::{Conduct, ToIdentity};

/// A running tally of conduct.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Credit {
    /// Legs delivered.
    pub settled: u64,
    /// What they were worth at reference prices of their day, in millionths of a US dollar.
    pub settled_micro_usd: u128,
    /// Contracts that it let lapse.
    pub lapsed: u64,
    /// Contracts that it declined.
    pub declined: u64,
    /// Clearings that were not worth what it declared.
    pub false_declarations: u64,
    /// The time of the latest entry.
    pub latest: Timestamp,
}

impl Credit {
    /// How many entries the tally has.
    #[must_use]
    pub fn entries(&self) -> u64 {
        [self.lapsed, self.declined, self.false_declarations]
            .into_iter()
            .fold(self.settled, u64::saturating_add)
    }

    /// The tally with one more entry. Counts and values stop at the largest number there is.
    #[must_use]
    pub fn with(mut self, entry: &ToIdentity) -> Credit {
        let count = match entry.conduct {
            Conduct::Settled => {
                self.settled_micro_usd = self.settled_micro_usd.saturating_add(entry.value_micro_usd);
                &mut self.settled
            }
            Conduct::Lapsed => &mut self.lapsed,
            Conduct::Declined => &mut self.declined,
            Conduct::FalseDeclaration => &mut self.false_declarations,
        };
        *count = count.saturating_add(1);
        self.latest = self.latest.max(entry.at);
        self
    }

    /// A score from 0 to 1000: the share of kept words among all, after two kept and two broken that nobody has
    /// yet earned, so that a newcomer stands at 500 and a few events move the score without deciding it.
    ///
    /// `1000 × (settled + 2) ÷ (settled + broken + 4)`, rounded down, where a declined contract counts 1 among the
    /// broken, a lapsed one 4 (it kept everybody waiting), and a false declaration 10. Value plays no part: the
    /// score says how reliably somebody trades, [`Credit::settled_micro_usd`] how much.
    ///
    /// ```
    /// use identity_chain::credit::Credit;
    /// let newcomer = Credit::default();
    /// assert_eq!(newcomer.score(), 500);
    /// assert_eq!(Credit { settled: 16, ..newcomer }.score(), 900);
    /// assert_eq!(Credit { settled: 16, lapsed: 1, ..newcomer }.score(), 750);
    /// ```
    #[must_use]
    pub fn score(&self) -> u16 {
        let wide = |count: u64| u128::from(count);
        let broken = wide(self.declined) + 4 * wide(self.lapsed) + 10 * wide(self.false_declarations);
        let kept = wide(self.settled) + 2;
        u16::try_from(1_000 * kept / (kept + broken + 2)).expect("a share of 1000 is at most 1000")
    }
}
