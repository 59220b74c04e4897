//! Which quorum needs how many levels.

use ledger::koma::summit::{Quorum, quorums};
use ledger::koma::{Validators, ValidatorsError};
use proptest::prelude::*;

use super::cast::cast;

/// Quorums with their levels, written `3:2 4:1`, for the classical grade of `n` validators of weight 1.
fn classical(n: u64) -> String {
    let t = (n - 1) / 3;
    let found = quorums(n, t).into_iter().rev();
    found.map(|quorum| format!("{}:{}", quorum.weight, quorum.levels)).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_classical_grade_needs_these_quorums_and_levels() {
    assert_eq!(classical(4), "3:2 4:1");
    assert_eq!(classical(5), "4:1");
    assert_eq!(classical(6), "4:2 5:1");
    assert_eq!(classical(7), "5:2 6:1");
    let wide = classical(150);
    for expected in ["100:6", "108:2", "125:1"] {
        assert!(wide.split(' ').any(|found| found == expected), "{expected} is not among {wide}");
    }
}

#[test]
fn a_majority_is_enough_against_crashes_alone() {
    for (n, quorum) in [(4, 3), (5, 3), (6, 4), (7, 4), (150, 76)] {
        assert_eq!(quorums(n, 0), [Quorum { weight: quorum, levels: 1 }], "{n} validators");
    }
}

#[test]
fn the_grades_of_an_era_follow_from_its_weights() {
    let grades = |weights: &[u64]| {
        let validators = cast(weights).era.validators.clone();
        (validators.single(), validators.classical(), validators.share(800))
    };
    assert_eq!(grades(&[1; 4]), (1, 1, 3));
    assert_eq!(grades(&[1; 7]), (1, 2, 5));
    assert_eq!(grades(&[3, 3, 2, 2]), (3, 3, 8));
    assert_eq!(grades(&[1]), (0, 0, 0));
}

#[test]
fn nobody_among_four_weighs_more_than_the_classical_grade_bears() {
    let keys = |weights: &[u64]| {
        let four = cast(&[1; 4]);
        four.keys.iter().map(ledger::KeyPair::public).zip(weights.iter().copied()).collect::<Vec<_>>()
    };
    let refused = |weights: &[u64]| Validators::new(keys(weights)).unwrap_err();
    assert_eq!(refused(&[]), ValidatorsError::Count(0));
    assert_eq!(refused(&[1, 0, 1, 1]), ValidatorsError::Weight);
    assert_eq!(refused(&[1 << 63, 1]), ValidatorsError::Weight);
    assert_eq!(refused(&[1, 1, 1, 2]), ValidatorsError::Heavy { most: 1, weight: 2 });
    assert!(Validators::new(keys(&[5, 1, 1])).is_ok(), "with three, one owner runs the chain anyway");
    let twice = vec![keys(&[1])[0], keys(&[1])[0]];
    assert_eq!(Validators::new(twice), Err(ValidatorsError::Order));
}

proptest! {
    /// The quorums of a threshold are exactly those that the inequality asks for, in whole numbers up to 2^63.
    #[test]
    fn quorums_are_the_least_that_suffice(total in 1u64..=1 << 63, share in 0u64..=1000) {
        let t = u64::try_from(u128::from(total - 1) * u128::from(share) / 1000).unwrap();
        let found = quorums(total, t);
        for quorum in &found {
            prop_assert!(quorum.suffices(total, t));
            prop_assert!(quorum.confidence(total) >= Some(t));
            let less = Quorum { weight: quorum.weight - 1, ..*quorum };
            prop_assert!(!less.suffices(total, t));
        }
        prop_assert!(found.is_sorted_by(|a, b| a.levels < b.levels && a.weight > b.weight));
        let least = u64::try_from((u128::from(total) + u128::from(t)) / 2 + 1).unwrap();
        if let Some(last) = found.last() {
            prop_assert_eq!(last.weight, least);
        }
        // All validators together reach every threshold below the total, with enough levels.
        prop_assert!(!found.is_empty());
    }

    #[test]
    fn the_confidence_of_a_quorum_is_the_greatest_threshold_that_it_reaches(
        total in 1u64..=1 << 63, part in 0u64..=1000, levels in 1u32..=64,
    ) {
        let weight = u64::try_from(u128::from(total) * u128::from(part) / 1000).unwrap();
        let quorum = Quorum { weight, levels };
        match quorum.confidence(total) {
            Some(t) => {
                prop_assert!(quorum.suffices(total, t));
                prop_assert!(!quorum.suffices(total, t + 1));
            }
            None => prop_assert!(!quorum.suffices(total, 0)),
        }
    }
}
