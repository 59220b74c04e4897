//! What a solver publishes to prove how near the best its clearing is, in the one form that is hashed.

use borsh::BorshSerialize;
use std::collections::BTreeMap;

/// What stands first in the bytes of every certificate; other words would be another format.
const FORMAT: &str = "permuta/1/clearing-certificate";

/// The proof of a bound: the bound itself and the duals from which [`bound`](crate::bound()) gives it again.
///
/// Assets go by the names that the published book has for them, so that whoever has the files alone, and numbers assets
/// otherwise, comes to the same bytes. A dual of zero says as much as none and is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    bound_micro_usd: u128,
    duals: BTreeMap<String, u64>,
}

impl Certificate {
    /// A certificate of `bound_micro_usd`, in millionths of a US dollar, by these duals, in parts of
    /// [`DUAL_WHOLE`](crate::DUAL_WHOLE). Of two duals for one asset the last counts.
    #[must_use]
    pub fn new(bound_micro_usd: u128, duals: impl IntoIterator<Item = (String, u64)>) -> Certificate {
        let mut duals: BTreeMap<String, u64> = duals.into_iter().collect();
        duals.retain(|_, dual| *dual > 0);
        Certificate { bound_micro_usd, duals }
    }

    /// The bound, in millionths of a US dollar.
    #[must_use]
    pub const fn bound_micro_usd(&self) -> u128 {
        self.bound_micro_usd
    }

    /// The duals above zero, by the asset's name, in parts of [`DUAL_WHOLE`](crate::DUAL_WHOLE).
    #[must_use]
    pub const fn duals(&self) -> &BTreeMap<String, u64> {
        &self.duals
    }

    /// The canonical bytes: in borsh, the format's name, the bound as 16 bytes, and the duals above zero as a list of
    /// name and 8 bytes, ascending by the bytes of the name.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        (FORMAT, self.bound_micro_usd, &self.duals)
            .serialize(&mut bytes)
            .expect("writing to memory does not fail");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_hashed_over_these_bytes() {
        let duals = [("wheat", 7), ("jute", 1 << 40), ("tea", 0)];
        let certificate = Certificate::new(258, duals.map(|(name, dual)| (name.to_owned(), dual)));
        let mut bytes = vec![30, 0, 0, 0];
        bytes.extend(b"permuta/1/clearing-certificate");
        bytes.extend([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([2, 0, 0, 0]);
        bytes.extend([4, 0, 0, 0]);
        bytes.extend(b"jute");
        bytes.extend([0, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend([5, 0, 0, 0]);
        bytes.extend(b"wheat");
        bytes.extend([7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(certificate.bytes(), bytes);
    }

    #[test]
    fn the_order_of_duals_and_those_of_zero_change_nothing() {
        let of = |duals: &[(&str, u64)]| {
            Certificate::new(9, duals.iter().map(|(name, dual)| ((*name).to_owned(), *dual))).bytes()
        };
        assert_eq!(of(&[("a", 1), ("b", 2)]), of(&[("b", 2), ("c", 0), ("a", 1)]));
        assert_ne!(of(&[("a", 1), ("b", 2)]), of(&[("a", 2), ("b", 1)]));
        assert_ne!(of(&[("ab", 1)]), of(&[("a", 1)]));
    }
}
