//! Who may act: the identity chain's word, and nothing else.

use ledger::{Address, Read, Run, Scope, SubChain};
use vocabulary::{FromIdentity, Role, Standing, ToParty};

use crate::config::Config;
use crate::event::Event;
use crate::model::{AssetId, Party};
use crate::refused::Refused;
use crate::table::{CONTRACTS_OF, LIVE, PARTIES};
use crate::words::Label;
use crate::{book, contract, money};

/// The sender as an admitted party.
pub(crate) fn admitted(state: &dyn Read, account: Address) -> Result<Party, Refused> {
    let party = PARTIES.get(state, &account).ok_or(Refused::UnknownSender { account })?;
    if party.may_trade() { Ok(party) } else { Err(Refused::SenderBarred { standing: party.standing }) }
}

/// The sender, of whatever standing.
pub(crate) fn known(state: &dyn Read, account: Address) -> Result<(), Refused> {
    if PARTIES.has(state, &account) { Ok(()) } else { Err(Refused::UnknownSender { account }) }
}

/// The sender as an admitted party with a role.
pub(crate) fn in_role(state: &dyn Read, account: Address, role: Role) -> Result<(), Refused> {
    if admitted(state, account)?.roles.has(role) { Ok(()) } else { Err(Refused::NotA { role }) }
}

/// Somebody named in `field`, who must be admitted.
pub(crate) fn other(state: &dyn Read, party: Address, field: &'static str) -> Result<(), Refused> {
    let found = PARTIES.get(state, &party).ok_or(Refused::UnknownParty { party, field })?;
    if found.may_trade() {
        Ok(())
    } else {
        Err(Refused::PartyBarred { party, standing: found.standing, field })
    }
}

/// Whether an account may trade now.
pub(crate) fn may_trade(state: &dyn Read, account: Address) -> bool {
    PARTIES.get(state, &account).is_some_and(|party| party.may_trade())
}

/// Takes the identity chain's word on a party. Whoever may not trade any more loses its waiting contracts; what
/// it holds, and its offers, stay its own.
pub(crate) fn hear(config: &Config, run: &mut Run<'_>, word: ToParty) {
    let ToParty { party: account, country, standing, roles, keys } = word;
    let before = PARTIES.get(run.state(), &account);
    let (day, first_of_day) = before.map_or((0, 0), |party| (party.day, party.first_of_day));
    let party = Party { country, standing, roles, day, first_of_day };
    PARTIES.put(run.state_mut(), &account, &party);
    run.set_keys(account, keys.into_iter().filter(|key| key.scope == Scope::Full).collect());
    if standing != Standing::Admitted {
        for ((_, id), ()) in CONTRACTS_OF.under(run.state(), &account) {
            contract::suspend(config, run, id, account);
        }
    } else if before.is_some_and(|before| !before.may_trade()) && has_live_offers(run.state(), account) {
        book::changed(run, book::next(config, run.height()));
    }
}

fn has_live_offers(state: &dyn Read, account: Address) -> bool {
    let mut any = false;
    LIVE.scan(state, &account, |_, _| {
        any = true;
        false
    });
    any
}

/// Counts a transaction against the sender's quota of the day; beyond it takes the fee. The count is the distance
/// of its sequence number from that of the day's first transaction, so it costs one write a day.
pub(crate) fn charge(
    config: &Config,
    run: &mut Run<'_>,
    account: Address,
    sequence: u64,
    fee: u128,
) -> Result<(), Refused> {
    let mut party = PARTIES.get(run.state(), &account).ok_or(Refused::UnknownSender { account })?;
    let today = run.time().day();
    if party.day != today {
        (party.day, party.first_of_day) = (today, sequence);
        PARTIES.put(run.state_mut(), &account, &party);
    }
    if sequence.saturating_sub(party.first_of_day) < config.free_per_day || config.fee.is_zero() {
        return Ok(());
    }
    let (needed, free) = (config.fee, config.free_per_day);
    let label = || Label::certain(run.state(), AssetId::DEPOSIT);
    if fee < needed.get() {
        return Err(Refused::FeeTooLow { needed, free, label: label() });
    }
    let has = money::balance(run.state(), account, AssetId::DEPOSIT).available;
    if has < needed {
        return Err(Refused::FeeUnpaid { has, needed, label: label() });
    }
    money::debit(run, account, AssetId::DEPOSIT, needed, "fee")?;
    money::credit(run, config.fee_account, AssetId::DEPOSIT, needed);
    let (to, asset) = (config.fee_account, AssetId::DEPOSIT);
    run.emit(&Event::Transferred { from: account, to, asset, amount: needed });
    Ok(())
}

/// Reads the identity chain's word.
pub(crate) fn read(from: SubChain, payload: &[u8]) -> Result<FromIdentity, Refused> {
    match from {
        SubChain::Identity => borsh::from_slice(payload).map_err(|_| Refused::Malformed),
        SubChain::Data | SubChain::Payment => Err(Refused::UnexpectedMessage),
    }
}
