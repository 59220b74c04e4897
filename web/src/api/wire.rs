//! The types of answers. Amounts are exact decimal texts with their unit beside them; times are RFC 3339 in UTC.

use crate::sure::{Confidence, Stand};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::model::PaddedAmount;
use crate::model::market::Asset;
use crate::model::party::{CreditEntry, Party};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct List<T: ToSchema> {
    /// The rows.
    pub items: Vec<T>,
    /// The `cursor` of the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An organisation of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Organisation {
    /// Its account.
    #[schema(example = "0x8ba1f109551bd432803012645ac136ddd64dba72")]
    pub id: String,
    /// Its legal name.
    pub name: String,
    /// Its number in the commercial register of its country.
    pub registration_number: String,
    /// Where it is registered (ISO 3166-1 alpha-2).
    #[schema(example = "BD")]
    pub country: String,
    /// Its Legal Entity Identifier (ISO 17442), if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
    /// What it may be.
    pub roles: Vec<String>,
    /// `pending`, `admitted`, `suspended` or `refused`.
    #[schema(example = "admitted")]
    pub standing: String,
    /// When it registered.
    #[schema(format = "date-time")]
    pub registered_at: String,
}

/// Goods of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Goods {
    /// The payment chain's number of the asset.
    pub asset: i64,
    /// What it is called.
    #[schema(example = "jute yarn")]
    pub name: String,
    /// What it is in the Harmonized System.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hs: Option<String>,
    /// How much, exactly.
    #[schema(example = "412.000")]
    pub quantity: String,
    /// In which unit (UN/CEFACT Recommendation 20).
    #[schema(example = "TNE")]
    pub unit: String,
    /// Its worth at the reference prices of the settlement, rounded down to a millionth of a US dollar.
    #[schema(example = "412000.000000")]
    pub value_usd: String,
    /// The other side: who received it, or who gave it.
    pub counterparty: Named,
}

/// An organisation, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    /// Its account.
    pub id: String,
    /// Its legal name.
    pub name: String,
}

/// One party's side of a settlement, as it shared it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Side {
    /// Who shared.
    pub party: Named,
    /// Until when your organisation may see it.
    #[schema(format = "date-time")]
    pub shared_until: String,
    /// What it gave.
    pub gave: Vec<Goods>,
    /// What it received.
    pub received: Vec<Goods>,
}

/// A settlement: a ring whose every leg moved at once. What moved is here only for the parties that shared their side.
/// Its proof, which anyone who sees it may fetch, names the accounts of all its parties in ring order, and no goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Settlement {
    /// Its number: the hash of its batch and its ring.
    pub id: String,
    /// When it settled.
    #[schema(format = "date-time")]
    pub settled_at: String,
    /// The height of the payment chain that settled it.
    pub height: i64,
    /// The batch that found it.
    pub batch: i64,
    /// The contract that its parties signed, if signatures were needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<i64>,
    /// How many parties took part.
    pub parties: i64,
    /// The weight of validators that would have to cheat to undo it, as its seal proves to anybody.
    pub grade: i64,
    /// How sure it is by what this node has seen: at least the grade, and growing.
    pub confidence: Option<Confidence>,
    /// Whether it is as sure as its value asks for, by the rule of this node, and as your organisation does at
    /// `/api/v1/confidence`. Only then is its proof given out, and only then should anything be done outside.
    pub stand: Stand,
    /// The weight of validators that it waits for, or waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<u64>,
    /// The stand in words.
    #[schema(example = "final, waiting for the confidence you asked for: 25 of 75 %")]
    pub says: String,
    /// The sides that were shared. Each names whom its party gave to and got from; the legs between others are left out.
    pub sides: Vec<Side>,
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The asset has moved to the creditor for good; the record is not yet as sure as was asked for, or is held back. Do
    /// not rely on it yet.
    Awaiting,
    /// The asset has moved to the creditor. The debtor holds the goods and owes them to whoever holds the asset.
    TitleMoved,
}

/// A claim like a receivable: goods that a gateway owes to whoever holds the asset that a settlement delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receivable {
    /// Which settlement delivered it.
    pub settlement: String,
    /// Who received it.
    pub creditor: Named,
    /// The gateway that hands out the goods.
    pub debtor: Named,
    /// What is owed; its counterparty is who delivered it.
    pub goods: Goods,
    /// How far it has come.
    pub stage: Stage,
    /// How sure the settlement is by what this node has seen.
    pub confidence: Option<Confidence>,
    /// The settlement's stand in words.
    #[schema(example = "settled")]
    pub says: String,
    /// Since when.
    #[schema(format = "date-time")]
    pub since: String,
    /// What this record does not say.
    pub caveat: &'static str,
}

/// An entry of a credit record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conduct {
    /// `settled`, `lapsed`, `declined` or `false-declaration`.
    #[schema(example = "settled")]
    pub conduct: String,
    /// The settlement, contract or batch that it is about.
    pub about: String,
    /// What its leg was worth, in US dollars.
    pub value_usd: String,
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
}

/// A credit record, as its party shared it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreditReport {
    /// Whose.
    pub party: Named,
    /// How it stands.
    pub standing: String,
    /// Until when your organisation may read it; missing for your own record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub shared_until: Option<String>,
    /// Legs that it delivered.
    pub settled: i64,
    /// What they were worth together, in US dollars.
    pub settled_usd: String,
    /// Contracts that it let lapse unsigned.
    pub lapsed: i64,
    /// Contracts that it declined.
    pub declined: i64,
    /// Clearings whose value it declared falsely, as a solver.
    pub false_declarations: i64,
    /// The entries, newest first.
    pub entries: List<Conduct>,
}

/// Where a chain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainHead {
    /// `identity`, `data` or `payment`.
    #[schema(example = "payment")]
    pub chain: String,
    /// The name of the chain in this network: what transactions are signed for.
    pub id: String,
    /// The height of its newest block here.
    pub height: i64,
    /// That block's hash.
    pub hash: String,
    /// That block's time.
    #[schema(format = "date-time")]
    pub time: String,
    /// Root of the state after that block.
    pub state_root: String,
    /// The weight of validators that would have to cheat to undo it, as its seal proves to anybody.
    pub grade: i64,
    /// How sure it is by what this node has seen: at least the grade, and growing.
    pub confidence: Option<Confidence>,
}

/// The chains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Chains {
    /// The hash of the genesis: what a light client trusts.
    pub genesis: String,
    /// Where each chain stands.
    pub chains: Vec<ChainHead>,
}

/// A proof that a settlement stands in the state of the payment chain, for `permuta verify-proof` and the page
/// `/verify`. It shows the settlement and its parties, and nothing of anyone's balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProofBundle {
    /// Which settlement.
    pub settlement: String,
    /// The hash of the genesis: compare it with the one that you trust.
    pub genesis: String,
    /// The proof file, in base64.
    pub proof: String,
    /// The height of the payment chain that the proof is over.
    pub height: u64,
    /// How to check it.
    pub how: &'static str,
}

/// How sure your organisation wants settlements to be before it does anything on the strength of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedConfidence {
    /// So many percent of the validators' weight would have to cheat to undo a settlement: 50, 67, 80, or 100 for as many as
    /// can. 0 asks for no more than the rule of the node.
    #[schema(example = 80)]
    pub share_percent: u8,
}

/// A transaction to hand in.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema, serde::Deserialize)]
pub struct NewTransaction {
    /// `identity`, `data` or `payment`.
    #[schema(example = "identity")]
    pub chain: String,
    /// Canonical bytes of the signed transaction, in hexadecimal; at most 1 MiB.
    pub transaction: String,
}

/// How a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
pub struct TransactionStatus {
    /// Its chain.
    pub chain: String,
    /// Its identifier.
    pub id: String,
    /// `waiting`, `done` or `refused`.
    #[schema(example = "waiting")]
    pub state: String,
    /// The height that it stands at, once it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// How sure it is by what this node has seen, once it stands somewhere: ask again, and it has grown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The field at fault, when refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why, when refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A time as RFC 3339 in UTC; what lies beyond year 9999 is its last second.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}

/// Millionths of a US dollar as dollars with six places.
#[must_use]
pub fn usd(micro: u128) -> String {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

/// An amount of an asset as whole units with its places.
#[must_use]
pub fn quantity(amount: &PaddedAmount, asset: &Asset) -> String {
    amount.amount().display(asset.places())
}

impl From<Party> for Organisation {
    fn from(party: Party) -> Organisation {
        Organisation {
            roles: party.roles().iter().map(|role| role.name().to_owned()).collect(),
            id: party.address,
            name: party.name,
            registration_number: party.registration_number,
            country: party.country,
            lei: party.lei,
            standing: party.standing,
            registered_at: rfc3339(party.registered_ms),
        }
    }
}

impl From<CreditEntry> for Conduct {
    fn from(entry: CreditEntry) -> Conduct {
        Conduct {
            conduct: entry.conduct,
            about: entry.about,
            value_usd: usd(entry.value_micro_usd.get()),
            at: rfc3339(entry.at_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_values_read_as_people_write_them() {
        assert_eq!(rfc3339(1_767_225_600_500), "2026-01-01T00:00:00.5Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(usd(412_000_000_001), "412000.000001");
        assert_eq!(usd(0), "0.000000");
    }
}
