//! Organisations: who they are, how they stand, how they behaved, and who may read about it.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use std::collections::BTreeMap;

use diesel::prelude::*;
use vocabulary::{Role, Roles, Standing};

use super::schema::{credit_entries, credit_grants, parties, party_keys, standing_changes};
use super::{Model, PaddedAmount, Page};

/// An organisation. `asked_roles` and `roles` are names of roles with a space between; `standing` is the name of
/// a [`Standing`]; the last five columns count its credit entries.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = parties)]
pub struct Party {
    pub address: String,
    pub name: String,
    pub search: String,
    pub registration_number: String,
    pub country: String,
    pub place: Option<String>,
    pub lei: Option<String>,
    pub asked_roles: String,
    pub roles: String,
    pub standing: String,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    pub registered_ms: i64,
    pub registered_height: i64,
    pub decided_ms: Option<i64>,
    pub settled: i64,
    pub lapsed: i64,
    pub declined: i64,
    pub false_declarations: i64,
    pub settled_micro_usd: PaddedAmount,
}

/// A key of an organisation on the identity chain; `scope` is `full` or `enrol-once`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = party_keys)]
pub struct PartyKey {
    pub party: String,
    pub key: String,
    pub scope: String,
    pub until_ms: Option<i64>,
}

/// A decision about an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = standing_changes)]
pub struct StandingChange {
    pub seq: i64,
    pub height: i64,
    pub party: String,
    pub standing: String,
    pub roles: String,
    pub by_party: String,
    pub reason: Option<String>,
    pub time_ms: i64,
}

/// An entry in a credit record; `conduct` is `settled`, `lapsed`, `declined` or `false-declaration`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = credit_entries)]
pub struct CreditEntry {
    pub seq: i64,
    pub height: i64,
    pub party: String,
    pub conduct: String,
    pub about: String,
    pub value_micro_usd: PaddedAmount,
    pub at_ms: i64,
}

/// Leave to read a credit record, good before `until_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = credit_grants)]
pub struct CreditGrant {
    pub party: String,
    pub with_party: String,
    pub until_ms: i64,
    pub granted_ms: i64,
}

/// Names of roles with a space between.
#[must_use]
pub fn role_names(roles: Roles) -> String {
    roles.iter().map(Role::name).collect::<Vec<_>>().join(" ")
}

impl Party {
    /// Whether it may be `role` (whatever its standing).
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.split(' ').any(|name| name == role.name())
    }

    /// Whether it may act as `role` now: admitted, with that role.
    #[must_use]
    pub fn acts_as(&self, role: Role) -> bool {
        self.standing() == Standing::Admitted && self.has_role(role)
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        [Standing::Pending, Standing::Admitted, Standing::Suspended]
            .into_iter()
            .find(|standing| standing.name() == self.standing)
            .unwrap_or(Standing::Refused)
    }

    /// What it may be, whatever its standing.
    #[must_use]
    pub fn roles(&self) -> Roles {
        named_roles(&self.roles)
    }

    /// What it asked to be.
    #[must_use]
    pub fn asked(&self) -> Roles {
        named_roles(&self.asked_roles)
    }
}

fn named_roles(names: &str) -> Roles {
    let names: Vec<&str> = names.split(' ').collect();
    Roles::of(&Role::ALL.into_iter().filter(|role| names.contains(&role.name())).collect::<Vec<_>>())
}

/// The pattern of whatever contains `text`, in any case.
fn containing(text: &str) -> String {
    let plain = text.trim().to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{plain}%")
}

impl Model<'_> {
    /// The organisation at `address`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn party(&mut self, address: &str) -> QueryResult<Option<Party>> {
        parties::table
            .filter(parties::address.eq(address))
            .select(Party::as_select())
            .first(self.connection)
            .optional()
    }

    /// The names of all organisations, by address. For pages that show many.
    ///
    /// # Errors
    /// When the query fails.
    pub fn party_names(&mut self) -> QueryResult<BTreeMap<String, String>> {
        let rows: Vec<(String, String)> =
            parties::table.select((parties::address, parties::name)).load(self.connection)?;
        Ok(rows.into_iter().collect())
    }

    /// The names of these organisations, by address.
    ///
    /// # Errors
    /// When the query fails.
    pub fn names_of(&mut self, addresses: &[String]) -> QueryResult<BTreeMap<String, String>> {
        let mut names = BTreeMap::new();
        for some in addresses.chunks(500) {
            let rows: Vec<(String, String)> = parties::table
                .filter(parties::address.eq_any(some))
                .select((parties::address, parties::name))
                .load(self.connection)?;
            names.extend(rows);
        }
        Ok(names)
    }

    /// Every organisation, by name.
    ///
    /// # Errors
    /// When the query fails.
    pub fn parties(&mut self) -> QueryResult<Vec<Party>> {
        parties::table
            .order((parties::search.asc(), parties::address.asc()))
            .select(Party::as_select())
            .load(self.connection)
    }

    /// Organisations whose name, register number, LEI or address contains `text` (in any case), by name, after
    /// `offset` others. The characters `%` and `_` stand for themselves.
    ///
    /// # Errors
    /// When the query fails.
    pub fn search_parties(&mut self, text: &str, offset: i64, limit: i64) -> QueryResult<Vec<Party>> {
        parties::table
            .filter(parties::search.like(containing(text)).escape('\\'))
            .order((parties::search.asc(), parties::address.asc()))
            .offset(offset)
            .limit(limit)
            .select(Party::as_select())
            .load(self.connection)
    }

    /// Like [`Model::search_parties`], but after the organisation `after`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn parties_after(&mut self, text: &str, after: &Party, limit: i64) -> QueryResult<Vec<Party>> {
        let (search, address) = (after.search.as_str(), after.address.as_str());
        let later =
            parties::search.gt(search).or(parties::search.eq(search).and(parties::address.gt(address)));
        parties::table
            .filter(parties::search.like(containing(text)).escape('\\').and(later))
            .order((parties::search.asc(), parties::address.asc()))
            .limit(limit)
            .select(Party::as_select())
            .load(self.connection)
    }

    /// Organisations with this standing, the longest registered first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn parties_standing(&mut self, standing: Standing) -> QueryResult<Vec<Party>> {
        parties::table
            .filter(parties::standing.eq(standing.name()))
            .order((parties::registered_ms.asc(), parties::address.asc()))
            .select(Party::as_select())
            .load(self.connection)
    }

    /// The keys of an organisation.
    ///
    /// # Errors
    /// When the query fails.
    pub fn keys_of(&mut self, party: &str) -> QueryResult<Vec<PartyKey>> {
        party_keys::table
            .filter(party_keys::party.eq(party))
            .order(party_keys::key.asc())
            .select(PartyKey::as_select())
            .load(self.connection)
    }

    /// Decisions about one organisation, or all; newest first, below `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn standing_changes(
        &mut self,
        party: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> QueryResult<Page<StandingChange>> {
        let mut query = standing_changes::table
            .filter(standing_changes::seq.lt(before.unwrap_or(i64::MAX)))
            .order(standing_changes::seq.desc())
            .limit(limit + 1)
            .select(StandingChange::as_select())
            .into_boxed();
        if let Some(party) = party {
            query = query.filter(standing_changes::party.eq(party.to_owned()));
        }
        Ok(Page::cut(query.load(self.connection)?, limit, |change| change.seq))
    }

    /// The credit record of an organisation, newest first, below `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn credit_entries(
        &mut self,
        party: &str,
        before: Option<i64>,
        limit: i64,
    ) -> QueryResult<Page<CreditEntry>> {
        let rows = credit_entries::table
            .filter(credit_entries::party.eq(party))
            .filter(credit_entries::seq.lt(before.unwrap_or(i64::MAX)))
            .order(credit_entries::seq.desc())
            .limit(limit + 1)
            .select(CreditEntry::as_select())
            .load(self.connection)?;
        Ok(Page::cut(rows, limit, |entry| entry.seq))
    }

    /// Whether `reader` may read the credit record of `party` at `now_ms`: by a grant, or because it is its own.
    ///
    /// # Errors
    /// When the query fails.
    pub fn may_read_credit(&mut self, party: &str, reader: &str, now_ms: i64) -> QueryResult<bool> {
        if party == reader {
            return Ok(true);
        }
        let until: Option<i64> = credit_grants::table
            .filter(credit_grants::party.eq(party).and(credit_grants::with_party.eq(reader)))
            .select(credit_grants::until_ms)
            .first(self.connection)
            .optional()?;
        Ok(until.is_some_and(|until| now_ms < until))
    }

    /// The grants by which others may read the credit record of `party`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn credit_grants_by(&mut self, party: &str) -> QueryResult<Vec<CreditGrant>> {
        credit_grants::table
            .filter(credit_grants::party.eq(party))
            .order(credit_grants::with_party.asc())
            .select(CreditGrant::as_select())
            .load(self.connection)
    }

    /// The grants, good at `now_ms`, by which `reader` may read credit records.
    ///
    /// # Errors
    /// When the query fails.
    pub fn credit_grants_to(&mut self, reader: &str, now_ms: i64) -> QueryResult<Vec<CreditGrant>> {
        credit_grants::table
            .filter(credit_grants::with_party.eq(reader).and(credit_grants::until_ms.gt(now_ms)))
            .order(credit_grants::party.asc())
            .select(CreditGrant::as_select())
            .load(self.connection)
    }
}
