//! Netting of obligations: the largest circulation under the amounts, exact in integers.
//!
//! What everybody owes and is owed may fall, but by equal sums for each party: whoever is relieved of a debt gives up
//! claims of the same amount. The largest relief is a minimum-cost circulation in which every unit earns one, found by
//! the network simplex method.

mod simplex;

use simplex::Arc;
use std::collections::BTreeMap;

/// One debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debt {
    /// Who owes, as a place in [`Obligations::names`].
    pub debtor: usize,
    /// Who is owed, as a place in [`Obligations::names`].
    pub creditor: usize,
    /// How much, in units of the file's finest decimal; all together at most 10^27.
    pub amount: u128,
}

/// A set of debts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// The parties' names, sorted.
    pub names: Vec<String>,
    /// The debts in the order of the file.
    pub debts: Vec<Debt>,
    /// Decimal places of the amounts.
    pub decimals: u8,
}

/// What netting clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netting {
    /// Per pair of debtor and creditor, sorted, what is cleared; pairs of which nothing is cleared are left out.
    pub cleared: Vec<Debt>,
    /// The sum cleared. No set of cycles clears more: the result is optimal and this is also its bound.
    pub total: u128,
    /// The sum of all debts between different parties.
    pub owed: u128,
    /// How many pivots the search took.
    pub pivots: u64,
}

/// Nets `obligations`: the largest sum that can be cleared, exact in integers.
///
/// Debts of one pair are added up; a debt to oneself is none and is left out.
#[must_use]
pub fn net(obligations: &Obligations) -> Netting {
    let mut pairs: BTreeMap<(usize, usize), u128> = BTreeMap::new();
    for debt in obligations.debts.iter().filter(|debt| debt.debtor != debt.creditor && debt.amount > 0) {
        *pairs.entry((debt.debtor, debt.creditor)).or_default() += debt.amount;
    }
    let arcs: Vec<Arc> = pairs
        .iter()
        .map(|(&(from, to), &amount)| Arc {
            from,
            to,
            cap: i128::try_from(amount).expect("all debts together are at most 10^27"),
        })
        .collect();
    let (flow, pivots) = simplex::circulate(obligations.names.len(), &arcs);
    let cleared: Vec<Debt> = arcs
        .iter()
        .zip(flow)
        .filter(|(_, flow)| *flow > 0)
        .map(|(arc, flow)| Debt { debtor: arc.from, creditor: arc.to, amount: flow.unsigned_abs() })
        .collect();
    Netting {
        total: cleared.iter().map(|debt| debt.amount).sum(),
        owed: pairs.values().sum(),
        cleared,
        pivots,
    }
}
