//! Netting of obligations: the largest circulation under the amounts, exact in integers.
//!
//! What everybody owes and is owed may fall, but by equal sums for each party: whoever is relieved of a debt gives up
//! claims of the same amount. The largest relief is a minimum-cost circulation in which every unit earns one, found by
//! the network simplex method.

mod simplex;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
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
    // A debt between two groups of parties that do not owe each other in a circle is in no circle either.
    let (group, nodes) = circles(obligations.names.len(), pairs.keys());
    let mut held: Vec<(usize, usize)> = Vec::new();
    let mut arcs: Vec<Arc> = Vec::new();
    for (&(debtor, creditor), &amount) in &pairs {
        if group[debtor].0 == group[creditor].0 {
            held.push((debtor, creditor));
            arcs.push(Arc {
                from: group[debtor].1,
                to: group[creditor].1,
                cap: i128::try_from(amount).expect("all debts together are at most 10^27"),
            });
        }
    }
    let (flow, pivots) = simplex::circulate(nodes, &arcs);
    let cleared: Vec<Debt> = held
        .into_iter()
        .zip(flow)
        .filter(|(_, flow)| *flow > 0)
        .map(|((debtor, creditor), flow)| Debt { debtor, creditor, amount: flow.unsigned_abs() })
        .collect();
    Netting {
        total: cleared.iter().map(|debt| debt.amount).sum(),
        owed: pairs.values().sum(),
        cleared,
        pivots,
    }
}

/// The strongly connected component of each party and its number among the parties of components of two or more; and
/// how many those are.
fn circles<'a>(
    parties: usize,
    pairs: impl Iterator<Item = &'a (usize, usize)>,
) -> (Vec<(usize, usize)>, usize) {
    let index = NodeIndex::<usize>::new;
    let mut graph = DiGraph::<(), (), usize>::with_capacity(parties, 0);
    (0..parties).for_each(|_| {
        graph.add_node(());
    });
    pairs.for_each(|&(debtor, creditor)| {
        graph.add_edge(index(debtor), index(creditor), ());
    });
    let mut group = vec![(0, 0); parties];
    let mut nodes = 0;
    for (at, mut component) in kosaraju_scc(&graph).into_iter().enumerate() {
        component.sort_unstable();
        let alone = component.len() == 1;
        for party in component {
            group[party.index()] = (at, nodes);
            nodes += usize::from(!alone);
        }
    }
    (group, nodes)
}
