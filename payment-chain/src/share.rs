//! Letting others see a settlement.

use ledger::{Address, Hash, Run, Timestamp};

use crate::event::Event;
use crate::party;
use crate::refused::Refused;
use crate::table::{SETTLEMENTS, SHARES};

/// The furthest that a grant may reach.
pub const MAX_SHARE_DAYS: u64 = 3_660;

pub(crate) fn share(
    run: &mut Run<'_>,
    by: Address,
    settlement: Hash,
    with: Address,
    until: Timestamp,
) -> Result<(), Refused> {
    let parties = SETTLEMENTS.get(run.state(), &settlement).ok_or(Refused::UnknownSettlement)?.parties;
    if !parties.contains(&by) {
        return Err(Refused::NotAParty);
    }
    if with == by {
        return Err(Refused::ToSelf { field: "with" });
    }
    let row = (settlement, by, with);
    if until <= run.time() {
        // Withdrawing needs nobody's standing.
        if !SHARES.has(run.state(), &row) {
            return Err(Refused::NotShared);
        }
        SHARES.remove(run.state_mut(), &row);
    } else {
        party::admitted(run.state(), by)?;
        party::other(run.state(), with, "with")?;
        if until > run.time().plus_ms(MAX_SHARE_DAYS * Timestamp::DAY_MS) {
            return Err(Refused::ShareTooFar { days: MAX_SHARE_DAYS });
        }
        SHARES.put(run.state_mut(), &row, &until);
    }
    run.emit(&Event::SettlementShared { settlement, by, with, until });
    Ok(())
}
