//! What identity-chain events write.

use diesel::prelude::*;
use identity_chain::payload::Registration;
use identity_chain::validator::Stand;
use identity_chain::{Event, Validator};
use ledger::account::Scope;
use ledger::{AccountKey, Address, PublicKey};
use vocabulary::messages::{Conduct, ToIdentity};
use vocabulary::{Roles, Standing};

use super::Scribe;
use crate::model::PaddedAmount;
use crate::model::column::integer;
use crate::model::party::{CreditEntry, CreditGrant, Party, PartyKey, StandingChange, role_names};
use crate::model::schema::{
    credit_entries, credit_grants, parties, party_keys, standing_changes, validators,
};
use crate::model::validator::Validator as ValidatorRow;

pub(super) fn write(scribe: &mut Scribe<'_, '_>, event: Event) -> QueryResult<()> {
    match event {
        Event::Registered { party, registration } => registered(scribe, party, &registration),
        Event::KeysChanged { party, keys } => keys_changed(scribe, party, &keys),
        Event::StandingChanged { party, standing, roles, by, reason } => {
            let reason = reason.map(|reason| reason.as_str().to_owned());
            standing_changed(scribe, party, standing, roles, by, reason)
        }
        Event::CreditRecorded(entry) => credit_recorded(scribe, &entry),
        Event::CreditShared { party, with, until } => {
            let row = CreditGrant {
                party: party.to_string(),
                with_party: with.to_string(),
                until_ms: integer(until.0),
                granted_ms: scribe.time_ms,
            };
            diesel::delete(credit_grants::table.filter(
                credit_grants::party.eq(&row.party).and(credit_grants::with_party.eq(&row.with_party)),
            ))
            .execute(scribe.connection())?;
            diesel::insert_into(credit_grants::table).values(&row).execute(scribe.connection()).map(drop)
        }
        Event::ValidatorChanged { key, validator } => validator_changed(scribe, key, &validator),
        Event::ValidatorBanned { key, ban } => {
            diesel::update(validators::table.filter(validators::key.eq(key.to_string())))
                .set((
                    validators::banned_chain.eq(ban.chain.name()),
                    validators::banned_era.eq(integer(ban.era)),
                ))
                .execute(scribe.connection())
                .map(drop)
        }
        // What waits for votes is read from the chain itself; what passes comes as a change of a validator.
        Event::ProposalMade { .. } | Event::ProposalBacked { .. } | Event::ProposalClosed { .. } => Ok(()),
    }
}

/// What a search looks through: name, register number, LEI and address, in lower case.
fn search_text(address: &str, registration: &Registration) -> String {
    let lei = registration.lei.map(|lei| lei.to_string()).unwrap_or_default();
    format!("{} {} {lei} {address}", registration.name, registration.registration_number).to_lowercase()
}

fn registered(scribe: &mut Scribe<'_, '_>, party: Address, registration: &Registration) -> QueryResult<()> {
    let address = party.to_string();
    let row = Party {
        search: search_text(&address, registration),
        name: registration.name.to_string(),
        registration_number: registration.registration_number.to_string(),
        country: registration.country.to_string(),
        place: registration.place.map(|place| place.to_string()),
        lei: registration.lei.map(|lei| lei.to_string()),
        asked_roles: role_names(registration.roles),
        roles: String::new(),
        standing: Standing::Pending.name().to_owned(),
        decided_by: None,
        reason: None,
        registered_ms: scribe.time_ms,
        registered_height: scribe.height,
        decided_ms: None,
        settled: 0,
        lapsed: 0,
        declined: 0,
        false_declarations: 0,
        settled_micro_usd: PaddedAmount::from(0u128),
        address,
    };
    // Who was turned down may register again; its credit record stays.
    let again = diesel::update(parties::table.filter(parties::address.eq(&row.address)))
        .set((
            parties::name.eq(&row.name),
            parties::search.eq(&row.search),
            parties::registration_number.eq(&row.registration_number),
            parties::country.eq(&row.country),
            parties::place.eq(&row.place),
            parties::lei.eq(&row.lei),
            parties::asked_roles.eq(&row.asked_roles),
            parties::roles.eq(&row.roles),
            parties::standing.eq(&row.standing),
            parties::registered_ms.eq(row.registered_ms),
            parties::registered_height.eq(row.registered_height),
        ))
        .execute(scribe.connection())?;
    if again > 0 {
        return Ok(());
    }
    diesel::insert_into(parties::table).values(&row).execute(scribe.connection()).map(drop)
}

fn keys_changed(scribe: &mut Scribe<'_, '_>, party: Address, keys: &[AccountKey]) -> QueryResult<()> {
    let party = party.to_string();
    diesel::delete(party_keys::table.filter(party_keys::party.eq(&party))).execute(scribe.connection())?;
    for known in keys {
        let (scope, until_ms) = match known.scope {
            Scope::Full => ("full", None),
            Scope::EnrolOnce { until } => ("enrol-once", Some(integer(until.0))),
        };
        let row =
            PartyKey { party: party.clone(), key: known.key.to_string(), scope: scope.to_owned(), until_ms };
        diesel::insert_into(party_keys::table).values(&row).execute(scribe.connection())?;
    }
    Ok(())
}

fn standing_changed(
    scribe: &mut Scribe<'_, '_>,
    party: Address,
    standing: Standing,
    roles: Roles,
    by: Address,
    reason: Option<String>,
) -> QueryResult<()> {
    let row = StandingChange {
        seq: scribe.seq(),
        height: scribe.height,
        party: party.to_string(),
        standing: standing.name().to_owned(),
        roles: role_names(roles),
        by_party: by.to_string(),
        reason,
        time_ms: scribe.time_ms,
    };
    diesel::update(parties::table.filter(parties::address.eq(&row.party)))
        .set((
            parties::standing.eq(&row.standing),
            parties::roles.eq(&row.roles),
            parties::decided_by.eq(&row.by_party),
            parties::reason.eq(&row.reason),
            parties::decided_ms.eq(row.time_ms),
        ))
        .execute(scribe.connection())?;
    diesel::insert_into(standing_changes::table).values(&row).execute(scribe.connection()).map(drop)
}

fn validator_changed(scribe: &mut Scribe<'_, '_>, key: PublicKey, validator: &Validator) -> QueryResult<()> {
    let stand = match validator.stand {
        Stand::Decides => "decides",
        Stand::AwaitsBond => "awaits-bond",
        Stand::Left => "left",
        Stand::Banned => "banned",
    };
    let row = ValidatorRow {
        key: key.to_string(),
        organisation: validator.organisation.to_string(),
        weight: integer(validator.weight),
        stand: stand.to_owned(),
        from_era: integer(validator.from_era),
        changed_ms: scribe.time_ms,
        banned_chain: None,
        banned_era: None,
    };
    let known = diesel::update(validators::table.filter(validators::key.eq(&row.key)))
        .set((
            validators::organisation.eq(&row.organisation),
            validators::weight.eq(row.weight),
            validators::stand.eq(&row.stand),
            validators::from_era.eq(row.from_era),
            validators::changed_ms.eq(row.changed_ms),
        ))
        .execute(scribe.connection())?;
    if known > 0 {
        return Ok(());
    }
    diesel::insert_into(validators::table).values(&row).execute(scribe.connection()).map(drop)
}

fn credit_recorded(scribe: &mut Scribe<'_, '_>, entry: &ToIdentity) -> QueryResult<()> {
    let conduct = match entry.conduct {
        Conduct::Settled => "settled",
        Conduct::Lapsed => "lapsed",
        Conduct::Declined => "declined",
        Conduct::FalseDeclaration => "false-declaration",
    };
    let row = CreditEntry {
        seq: scribe.seq(),
        height: scribe.height,
        party: entry.party.to_string(),
        conduct: conduct.to_owned(),
        about: entry.about.to_string(),
        value_micro_usd: PaddedAmount::from(entry.value_micro_usd),
        at_ms: integer(entry.at.0),
    };
    diesel::insert_into(credit_entries::table).values(&row).execute(scribe.connection())?;
    let party = parties::table.filter(parties::address.eq(&row.party));
    match entry.conduct {
        Conduct::Settled => {
            let before: Option<PaddedAmount> =
                party.select(parties::settled_micro_usd).first(scribe.connection()).optional()?;
            let total = before.map_or(0, |before| before.get()).saturating_add(entry.value_micro_usd);
            diesel::update(party)
                .set((
                    parties::settled.eq(parties::settled + 1),
                    parties::settled_micro_usd.eq(PaddedAmount::from(total)),
                ))
                .execute(scribe.connection())?;
        }
        Conduct::Lapsed => {
            diesel::update(party)
                .set(parties::lapsed.eq(parties::lapsed + 1))
                .execute(scribe.connection())?;
        }
        Conduct::Declined => {
            diesel::update(party)
                .set(parties::declined.eq(parties::declined + 1))
                .execute(scribe.connection())?;
        }
        Conduct::FalseDeclaration => {
            diesel::update(party)
                .set(parties::false_declarations.eq(parties::false_declarations + 1))
                .execute(scribe.connection())?;
        }
    }
    Ok(())
}
