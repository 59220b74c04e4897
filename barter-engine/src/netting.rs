//! Netting of obligations: the largest circulation under the amounts, exact in integers.
//!
//! What everybody owes and is owed may fall, but by equal sums for each party: whoever is relieved of a debt gives up
//! claims of the same amount. The largest relief is the largest [circulation](crate::circulation) of the debts. A
//! number per party proves that no relief is larger, and [`check`] needs nothing else.

use crate::circulation::{self, Arc};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

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
    /// How many debts name one party on both sides, and their sum: these are no debts and nothing is cleared of them.
    pub to_oneself: (usize, u128),
    /// The proof, a number per party: no circulation exceeds the sum of `debt * max(0, 1 + potential[debtor] -
    /// potential[creditor])` over all debts, and that sum is `total`.
    pub potentials: Vec<u64>,
    /// How often a party's number was moved.
    pub relabels: u64,
}

/// Why a netting is not the largest relief of some obligations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A pair twice, out of order, or with nothing cleared.
    #[error("cleared pair {at} is out of order or clears nothing")]
    Unordered {
        /// Its place in [`Netting::cleared`].
        at: usize,
    },
    /// More is cleared than is owed.
    #[error("cleared pair {at} clears more than is owed")]
    OverCleared {
        /// Its place in [`Netting::cleared`].
        at: usize,
    },
    /// A party whose debts and claims do not fall by the same sum.
    #[error("party {party} is relieved of another sum than it gives up")]
    Unbalanced {
        /// Its place in [`Obligations::names`].
        party: usize,
    },
    /// Another total than the pairs come to.
    #[error("the pairs do not come to the total")]
    Total,
    /// Not one number per party.
    #[error("the proof has not one number per party")]
    Potentials,
    /// The proof allows more than is cleared.
    #[error("the proof allows {bound} to be cleared")]
    NotProven {
        /// What it allows; 2^128 - 1 stands for that and more.
        bound: u128,
    },
}

/// Nets `obligations`: the largest sum that can be cleared, exact in integers.
///
/// Debts of one pair are added up; a debt to oneself is none, is left out and counted.
#[must_use]
pub fn net(obligations: &Obligations) -> Netting {
    let pairs = pairs(obligations);
    let parties = obligations.names.len();
    let circles = circles(parties, &pairs);
    let inside = |pair: &&Debt| circles.of[pair.debtor] == circles.of[pair.creditor];
    let held: Vec<&Debt> = pairs.iter().filter(inside).collect();
    let sum: u128 = held.iter().map(|pair| pair.amount).sum();
    let (flow, mut potentials, relabels): (Vec<u128>, _, _) = if i64::try_from(sum).is_ok() {
        // Half the memory is nearly twice the speed.
        let narrow = |amount: u128| i64::try_from(amount).expect("the sum of all fits");
        let found = circulation::largest(parties, &arcs(&held, narrow));
        let wide = |flow: i64| u128::try_from(flow).expect("no arc carries less than nothing");
        (found.flow.into_iter().map(wide).collect(), found.potentials, found.relabels)
    } else {
        let narrow = |amount: u128| i128::try_from(amount).expect("all debts come to at most 10^27");
        let found = circulation::largest(parties, &arcs(&held, narrow));
        let wide = |flow: i128| u128::try_from(flow).expect("no arc carries less than nothing");
        (found.flow.into_iter().map(wide).collect(), found.potentials, found.relabels)
    };
    circles.stack(&mut potentials);
    let cleared: Vec<Debt> = held
        .into_iter()
        .zip(flow)
        .filter(|(_, flow)| *flow > 0)
        .map(|(pair, flow): (&Debt, u128)| Debt { amount: flow, ..*pair })
        .collect();
    let selves = obligations.debts.iter().filter(|debt| debt.debtor == debt.creditor);
    Netting {
        total: cleared.iter().map(|debt| debt.amount).sum(),
        owed: pairs.iter().map(|pair| pair.amount).sum(),
        to_oneself: selves.fold((0, 0), |(count, sum), debt| (count + 1, sum + debt.amount)),
        cleared,
        potentials,
        relabels,
    }
}

/// Proves that `netting` is a relief of `obligations` and that none is larger, from the two alone.
///
/// # Errors
/// The first [`Fault`] in the order of its variants.
pub fn check(obligations: &Obligations, netting: &Netting) -> Result<(), Fault> {
    let pairs = pairs(obligations);
    let key = |debt: &Debt| (debt.debtor, debt.creditor);
    let mut last = None;
    for (at, debt) in netting.cleared.iter().enumerate() {
        if last >= Some(key(debt)) || debt.amount == 0 {
            return Err(Fault::Unordered { at });
        }
        last = Some(key(debt));
    }
    let mut relieved = vec![(0u128, 0u128); obligations.names.len()];
    for (at, debt) in netting.cleared.iter().enumerate() {
        let owed = pairs.binary_search_by_key(&key(debt), key).map_or(0, |pair| pairs[pair].amount);
        if debt.amount > owed {
            return Err(Fault::OverCleared { at });
        }
        relieved[debt.debtor].0 += debt.amount;
        relieved[debt.creditor].1 += debt.amount;
    }
    if let Some(party) = relieved.iter().position(|(owes, claims)| owes != claims) {
        return Err(Fault::Unbalanced { party });
    }
    if netting.cleared.iter().map(|debt| debt.amount).sum::<u128>() != netting.total {
        return Err(Fault::Total);
    }
    if netting.potentials.len() != obligations.names.len() {
        return Err(Fault::Potentials);
    }
    let most = |pair: &Debt| {
        let up = u128::from(netting.potentials[pair.debtor]) + 1;
        let worth = up.saturating_sub(u128::from(netting.potentials[pair.creditor]));
        pair.amount.saturating_mul(worth)
    };
    match pairs.iter().map(most).fold(0u128, u128::saturating_add) {
        bound if bound == netting.total => Ok(()),
        bound => Err(Fault::NotProven { bound }),
    }
}

/// What each party owes each other one in all, sorted.
fn pairs(obligations: &Obligations) -> Vec<Debt> {
    let between = |debt: &&Debt| debt.debtor != debt.creditor && debt.amount > 0;
    let mut pairs: Vec<Debt> = obligations.debts.iter().filter(between).copied().collect();
    pairs.sort_unstable_by_key(|debt| (debt.debtor, debt.creditor));
    pairs.dedup_by(|next, pair| {
        let same = (next.debtor, next.creditor) == (pair.debtor, pair.creditor);
        if same {
            pair.amount += next.amount;
        }
        same
    });
    pairs
}

fn arcs<T>(pairs: &[&Debt], amount: impl Fn(u128) -> T) -> Vec<Arc<T>> {
    let node = |party: usize| u32::try_from(party).expect("a file names fewer than 2^32 parties");
    let arc =
        |pair: &&Debt| Arc { from: node(pair.debtor), to: node(pair.creditor), cap: amount(pair.amount) };
    pairs.iter().map(arc).collect()
}

/// Which parties owe each other in circles. A debt between two groups of parties that do not is in no circle.
struct Circles {
    /// The group of each party. Debts between groups lead from larger to smaller numbers.
    of: Vec<usize>,
    groups: usize,
}

fn circles(parties: usize, pairs: &[Debt]) -> Circles {
    let index = NodeIndex::<usize>::new;
    let mut graph = DiGraph::<(), (), usize>::with_capacity(parties, pairs.len());
    (0..parties).for_each(|_| {
        graph.add_node(());
    });
    for pair in pairs {
        graph.add_edge(index(pair.debtor), index(pair.creditor), ());
    }
    let groups = kosaraju_scc(&graph);
    let mut of = vec![0; parties];
    for (group, members) in groups.iter().enumerate() {
        members.iter().for_each(|party| of[party.index()] = group);
    }
    Circles { of, groups: groups.len() }
}

impl Circles {
    /// Lifts the potentials of each group above those of the groups that owe it, so that a debt between groups
    /// proves to clear nothing. Within a group only differences count.
    fn stack(&self, potentials: &mut [u64]) {
        let mut range = vec![(u64::MAX, 0); self.groups];
        for (&group, &potential) in self.of.iter().zip(&*potentials) {
            let (least, most) = &mut range[group];
            (*least, *most) = (potential.min(*least), potential.max(*most));
        }
        let mut base = 0;
        let mut bases = vec![0; self.groups];
        for (group, (least, most)) in range.iter().enumerate().rev() {
            bases[group] = base;
            base += most - least + 1;
        }
        for (&group, potential) in self.of.iter().zip(potentials) {
            *potential = *potential - range[group].0 + bases[group];
        }
    }
}
