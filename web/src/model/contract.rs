//! Contracts: rings that wait for signatures.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;

use super::schema::{contract_legs, contract_signers, contracts};
use super::{Model, PaddedAmount};

/// A contract. `state` is `waiting`, `executed` or `dissolved`; `why` says who declined, lapsed or was suspended,
/// as `declined 0x…`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = contracts)]
pub struct Contract {
    pub id: i64,
    pub batch: i64,
    pub rings: i64,
    pub value_micro_usd: PaddedAmount,
    pub deadline_height: i64,
    pub state: String,
    pub why: Option<String>,
    pub made_ms: i64,
    pub made_height: i64,
    pub ended_ms: Option<i64>,
}

/// A leg of a contract's ring: `party` gives `quantity` of `asset` to `to_party`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = contract_legs)]
pub struct ContractLeg {
    pub contract: i64,
    pub ring: i64,
    pub position: i64,
    pub offer: i64,
    pub party: String,
    pub to_party: String,
    pub asset: i64,
    pub quantity: PaddedAmount,
    pub value_micro_usd: PaddedAmount,
}

/// Who must sign, and the `answer`: `waiting`, `signed`, `declined` or `lapsed`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = contract_signers)]
pub struct ContractSigner {
    pub contract: i64,
    pub party: String,
    pub answer: String,
    pub answered_ms: Option<i64>,
}

impl Model<'_> {
    /// A contract.
    ///
    /// # Errors
    /// When the query fails.
    pub fn contract(&mut self, id: i64) -> QueryResult<Option<Contract>> {
        contracts::table
            .filter(contracts::id.eq(id))
            .select(Contract::as_select())
            .first(self.connection)
            .optional()
    }

    /// The legs of a contract, ring by ring, in ring order.
    ///
    /// # Errors
    /// When the query fails.
    pub fn contract_legs(&mut self, contract: i64) -> QueryResult<Vec<ContractLeg>> {
        contract_legs::table
            .filter(contract_legs::contract.eq(contract))
            .order((contract_legs::ring.asc(), contract_legs::position.asc()))
            .select(ContractLeg::as_select())
            .load(self.connection)
    }

    /// Who must sign a contract, and who has.
    ///
    /// # Errors
    /// When the query fails.
    pub fn contract_signers(&mut self, contract: i64) -> QueryResult<Vec<ContractSigner>> {
        contract_signers::table
            .filter(contract_signers::contract.eq(contract))
            .order(contract_signers::party.asc())
            .select(ContractSigner::as_select())
            .load(self.connection)
    }

    /// The contracts that wait for the signature of `party`, the most urgent first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn contracts_to_sign(&mut self, party: &str) -> QueryResult<Vec<Contract>> {
        contracts::table
            .inner_join(contract_signers::table.on(contract_signers::contract.eq(contracts::id)))
            .filter(contract_signers::party.eq(party).and(contract_signers::answer.eq("waiting")))
            .filter(contracts::state.eq("waiting"))
            .order((contracts::deadline_height.asc(), contracts::id.asc()))
            .select(Contract::as_select())
            .load(self.connection)
    }

    /// The contracts that `party` is a signer of, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn contracts_of(&mut self, party: &str, limit: i64) -> QueryResult<Vec<Contract>> {
        contracts::table
            .inner_join(contract_signers::table.on(contract_signers::contract.eq(contracts::id)))
            .filter(contract_signers::party.eq(party))
            .order(contracts::id.desc())
            .limit(limit)
            .select(Contract::as_select())
            .load(self.connection)
    }

    /// Whether `party` is a signer of a contract.
    ///
    /// # Errors
    /// When the query fails.
    pub fn is_signer(&mut self, contract: i64, party: &str) -> QueryResult<bool> {
        let found: i64 = contract_signers::table
            .filter(contract_signers::contract.eq(contract).and(contract_signers::party.eq(party)))
            .count()
            .get_result(self.connection)?;
        Ok(found > 0)
    }

    /// Contracts that wait for signatures, the most urgent first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn contracts_waiting(&mut self) -> QueryResult<Vec<Contract>> {
        contracts::table
            .filter(contracts::state.eq("waiting"))
            .order((contracts::deadline_height.asc(), contracts::id.asc()))
            .select(Contract::as_select())
            .load(self.connection)
    }
}
