//! What is traded, told as stories: goods, papers and settlements, and how an admission on the identity chain
//! reaches the data chain.

mod admission;
mod records;
#[path = "../../../identity-chain/tests/suite/stage.rs"]
mod stage;

use data_chain::payload::{Document, Product};
use data_chain::{Config, DataChain, Payload};
use ledger::hash::encode;
use ledger::{AccountKey, Address, Hash, Refusal, Scope, SubChain, Tag};
use vocabulary::messages::TradeLeg;
use vocabulary::{FromIdentity, Role, Roles, Standing, ToParty};

use stage::{Stage, person};

const DHAKA_MILLS: u8 = 3;
const MEKONG_COFFEE: u8 = 4;
const ALMATY_FUEL: u8 = 5;

fn account(who: u8) -> Address {
    person(who).public().address()
}

fn config() -> Config {
    Config { free_per_day: 10, max_document_bytes: 1_000_000 }
}

/// What the identity chain says of somebody.
fn word(who: u8, standing: Standing) -> FromIdentity {
    let keys = vec![AccountKey { key: person(who).public(), scope: Scope::Full }];
    let country = "BD".parse().expect("a country");
    let roles = Roles::of(&[Role::Trader]);
    FromIdentity::Party(ToParty { party: account(who), country, standing, roles, keys })
}

/// A data chain on which Dhaka Mills and Mekong Coffee are admitted.
fn open() -> Stage<DataChain> {
    let mut stage = Stage::open(DataChain::new(config()));
    for who in [DHAKA_MILLS, MEKONG_COFFEE] {
        stage
            .hear(SubChain::Identity, encode(&word(who, Standing::Admitted)))
            .expect("identity's word is taken");
    }
    stage
}

fn jute() -> Product {
    Product {
        name: "Jute yarn".parse().expect("a name"),
        hs: "5307".parse().expect("a heading"),
        grade: "Sacking warp, 10 lb".parse().expect("a grade"),
        origin: "BD".parse().expect("a country"),
        unit: "TNE".parse().expect("a unit"),
        place: "BDCGP".parse().expect("a place"),
        documents: vec![],
    }
}

fn certificate() -> Document {
    Document {
        hash: Hash::of(Tag::Document, b"grade certificate 17"),
        name: "Grade certificate 17".parse().expect("a name"),
        media_type: "application/pdf".parse().expect("a text"),
        size_bytes: 48_211,
    }
}

fn leg(from: u8, to: u8, asset: u64) -> TradeLeg {
    TradeLeg {
        from: account(from),
        to: account(to),
        asset,
        quantity: 412_000,
        value_micro_usd: 251_000_000_000,
    }
}

fn refused(stage: &mut Stage<DataChain>, who: u8, payload: &Payload, code: &str, field: &str) {
    let refusal = stage.send(account(who), &person(who), encode(payload)).expect_err(code);
    assert_place(&refusal, code, field);
}

fn assert_place(refusal: &Refusal, code: &str, field: &str) {
    assert_eq!((refusal.code.as_str(), refusal.field.as_str()), (code, field), "{refusal}");
}
