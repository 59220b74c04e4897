//! Two contracts left to lapse within 90 days confine a party to binding offers.

use ledger::{Address, Read, Run, Timestamp};

use crate::table::LAPSES;

/// How long a lapse counts.
pub const LAPSE_DAYS: u64 = 90;
/// How many confine.
const CONFINING: usize = 2;

/// Until when the party is confined to binding offers, if it is.
pub(crate) fn confined_until(state: &dyn Read, party: Address, now: Timestamp) -> Option<Timestamp> {
    let lapses = LAPSES.get(state, &party)?;
    let first = lapses.len().checked_sub(CONFINING)?;
    let until = lapses[first].plus_ms(LAPSE_DAYS * Timestamp::DAY_MS);
    (now < until).then_some(until)
}

/// Notes that the party let a contract lapse.
pub(crate) fn note(run: &mut Run<'_>, party: Address) {
    let mut lapses = LAPSES.get(run.state(), &party).unwrap_or_default();
    lapses.push(run.time());
    if lapses.len() > CONFINING {
        lapses.remove(0);
    }
    LAPSES.put(run.state_mut(), &party, &lapses);
}
