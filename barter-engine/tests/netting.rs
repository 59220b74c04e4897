//! Debts around a table: what can be cleared, against trying everything.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use barter_engine::files::{Malformed, Source, read_obligations, write_cleared, write_potentials};
use barter_engine::netting::{Debt, Fault, Netting, Obligations, check, net};
use proptest::prelude::*;

fn debts(owed: &[(usize, usize, u128)]) -> Obligations {
    let parties = owed.iter().map(|(a, b, _)| a.max(b) + 1).max().unwrap_or(0);
    Obligations {
        names: (0..parties).map(|party| format!("P{party}")).collect(),
        debts: owed.iter().map(|&(debtor, creditor, amount)| Debt { debtor, creditor, amount }).collect(),
        decimals: 0,
    }
}

fn cleared(owed: &[(usize, usize, u128)]) -> Vec<(usize, usize, u128)> {
    net(&debts(owed)).cleared.iter().map(|debt| (debt.debtor, debt.creditor, debt.amount)).collect()
}

#[test]
fn three_debtors_in_a_circle_owe_the_smallest_debt_less() {
    assert_eq!(cleared(&[(0, 1, 30), (1, 2, 20), (2, 0, 50)]), [(0, 1, 20), (1, 2, 20), (2, 0, 20)]);
}

#[test]
fn who_is_owed_nothing_clears_nothing() {
    assert_eq!(cleared(&[(0, 1, 30), (1, 2, 20)]), []);
    assert_eq!(cleared(&[]), []);
}

#[test]
fn debts_of_one_pair_add_up_and_a_debt_to_oneself_is_none() {
    assert_eq!(cleared(&[(0, 1, 3), (0, 1, 4), (1, 0, 5), (1, 1, 9)]), [(0, 1, 5), (1, 0, 5)]);
    assert_eq!(net(&debts(&[(0, 0, 2), (1, 1, 9), (0, 1, 1)])).to_oneself, (2, 11));
}

#[test]
fn a_long_circle_beats_the_short_one_it_shares_a_debt_with() {
    // 0 -> 1 is owed 10: either back at once (20 cleared) or around by 2 and 3 (40 cleared).
    assert_eq!(net(&debts(&[(0, 1, 10), (1, 0, 10), (1, 2, 10), (2, 3, 10), (3, 0, 10)])).total, 40);
}

/// The most that can be cleared, by trying every flow. For tiny debts only.
fn best_by_brute_force(obligations: &Obligations) -> u128 {
    fn go(debts: &[Debt], balance: &mut [i128]) -> Option<u128> {
        let Some((first, rest)) = debts.split_first() else {
            return balance.iter().all(|b| *b == 0).then_some(0);
        };
        let mut best = None;
        for flow in 0..=first.amount {
            let step = i128::try_from(flow).unwrap();
            balance[first.debtor] -= step;
            balance[first.creditor] += step;
            best = best.max(go(rest, balance).map(|rest| rest + flow));
            balance[first.debtor] += step;
            balance[first.creditor] -= step;
        }
        best
    }
    let debts: Vec<Debt> =
        obligations.debts.iter().filter(|debt| debt.debtor != debt.creditor).copied().collect();
    go(&debts, &mut vec![0; obligations.names.len()]).unwrap()
}

#[test]
fn a_netting_that_clears_too_little_or_wrongly_does_not_prove_itself() {
    let owed = debts(&[(0, 1, 30), (1, 2, 20), (2, 0, 50), (0, 3, 7)]);
    let good = net(&owed);
    assert_eq!(check(&owed, &good), Ok(()));
    let spoilt = |spoil: &dyn Fn(&mut Netting)| {
        let mut netting = good.clone();
        spoil(&mut netting);
        check(&owed, &netting).unwrap_err()
    };
    assert_eq!(spoilt(&|n| n.cleared.swap(0, 1)), Fault::Unordered { at: 1 });
    assert_eq!(spoilt(&|n| n.cleared[1].amount = 21), Fault::OverCleared { at: 1 });
    assert_eq!(spoilt(&|n| n.cleared[0].amount = 19), Fault::Unbalanced { party: 0 });
    assert_eq!(spoilt(&|n| n.total = 61), Fault::Total);
    assert_eq!(spoilt(&|n| n.potentials.clear()), Fault::Potentials);
    let less = spoilt(&|n| {
        n.cleared.iter_mut().for_each(|debt| debt.amount = 19);
        n.total = 57;
    });
    assert_eq!(less, Fault::NotProven { bound: 60 });
}

fn holds(obligations: &Obligations, netting: &Netting) {
    assert_eq!(check(obligations, netting), Ok(()));
    let mut balance = vec![0i128; obligations.names.len()];
    for debt in &netting.cleared {
        let owed: u128 = obligations
            .debts
            .iter()
            .filter(|other| (other.debtor, other.creditor) == (debt.debtor, debt.creditor))
            .map(|other| other.amount)
            .sum();
        assert!(debt.amount <= owed, "{debt:?} of {owed}");
        balance[debt.debtor] -= i128::try_from(debt.amount).unwrap();
        balance[debt.creditor] += i128::try_from(debt.amount).unwrap();
    }
    assert!(balance.iter().all(|b| *b == 0), "{balance:?}");
    assert_eq!(netting.total, netting.cleared.iter().map(|debt| debt.amount).sum::<u128>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_netting_clears_more(owed in prop::collection::vec((0..5usize, 0..5usize, 0..4u128), 0..8)) {
        let obligations = debts(&owed);
        let netting = net(&obligations);
        holds(&obligations, &netting);
        prop_assert_eq!(netting.total, best_by_brute_force(&obligations));
    }

    #[test]
    fn everybody_stays_balanced_among_many(owed in prop::collection::vec((0..40usize, 0..40usize, 0..1_000_000u128), 0..300)) {
        let obligations = debts(&owed);
        holds(&obligations, &net(&obligations));
    }
}

#[test]
fn a_file_is_netted_to_its_finest_decimal() {
    let text = b"debtor,creditor,amount\nchen,amina,1.5\namina,bao,2.250\nbao,chen,\"1.75\"\n";
    let source = Source::bytes("debts", text).unwrap();
    let (obligations, skipped) = read_obligations(source, Malformed::Refused).unwrap();
    let netting = net(&obligations);
    let out = tempfile::tempdir().unwrap();
    let (cleared, summary) = (out.path().join("cleared.csv"), out.path().join("summary.json"));
    write_cleared(&cleared, &summary, &obligations, &netting, &skipped).unwrap();
    let potentials = out.path().join("potentials.csv");
    write_potentials(&potentials, &obligations, &netting).unwrap();
    assert!(std::fs::read_to_string(potentials).unwrap().starts_with("party,potential\namina,"));
    assert_eq!(
        std::fs::read_to_string(cleared).unwrap(),
        "debtor,creditor,cleared\namina,bao,1.500\nbao,chen,1.500\nchen,amina,1.500\n"
    );
    assert!(std::fs::read_to_string(summary).unwrap().contains("\"cleared\": 4.500"));
}
