//! Which offers can be in a ring at all, when others can deliver and take only so much.

use crate::lanes::Lanes;

/// How often what can pass is looked at anew.
const ROUNDS: usize = 8;

/// What an offer can pass on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Its lane.
    pub(crate) lane: usize,
    /// The most value that passes in its rings together.
    pub(crate) most: u128,
    /// The least that passes in them together, if there are any.
    pub(crate) least: u128,
}

/// Which offers can be in a ring, as far as this sees: those that have a closed walk of a ring's length over what is open, and
/// whose minimum is not above what passes by the lanes before or behind theirs on such walks. A leg gives up to `1 / kept`, in
/// parts per million, of what the one behind it gives.
pub(crate) fn reachable(lanes: &Lanes, sizes: &[Size], kept: u32) -> Vec<bool> {
    let mut open = vec![true; sizes.len()];
    let mut through = vec![u128::MAX; lanes.len()];
    for _ in 0..ROUNDS {
        let mut passes = vec![0u128; lanes.len()];
        for (size, _) in sizes.iter().zip(&open).filter(|(_, open)| **open) {
            let passes = &mut passes[size.lane];
            *passes = passes.saturating_add(size.most.min(through[size.lane])).min(through[size.lane]);
        }
        let next = lanes.through(&passes, kept);
        let changed = next != through;
        through = next;
        for (size, open) in sizes.iter().zip(&mut open) {
            *open &= through[size.lane] > 0 && size.least <= through[size.lane];
        }
        if !changed {
            break;
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::{Size, reachable};
    use crate::Band;
    use crate::lanes::Lanes;

    #[test]
    fn who_falls_out_takes_those_along_who_counted_on_him() {
        // Two rings over asset 0. The only one who gives 1 has a minimum that those who want his goods cannot take.
        let offers = [(0, 1), (1, 0), (0, 2), (2, 0)];
        let lanes = Lanes::new(6, &offers).unwrap();
        let size = |(give, want), most, least| Size { lane: lanes.find(give, want).unwrap(), most, least };
        let open = |least| {
            let sizes = [
                size((0, 1), 50, 0),
                size((0, 1), 60, 20),
                size((1, 0), 500, least),
                size((0, 2), 70, 70),
                size((2, 0), 90, 0),
            ];
            reachable(&lanes, &sizes, Band::WHOLE_PPM)
        };
        assert_eq!(open(110), [true; 5]);
        assert_eq!(open(111), [false, false, false, true, true]);
    }

    #[test]
    fn what_cannot_come_back_in_time_does_not_pass() {
        let offers = [(0, 1), (1, 2), (2, 3), (3, 0), (1, 0)];
        let open = |legs| {
            let lanes = Lanes::new(legs, &offers).unwrap();
            let size = |(give, want)| Size { lane: lanes.find(give, want).unwrap(), most: 9, least: 0 };
            reachable(&lanes, &offers.map(size), Band::WHOLE_PPM)
        };
        assert_eq!(open(4), [true; 5]);
        assert_eq!(open(3), [true, false, false, false, true]);
    }
}
