//! The bytes of what is signed, told and kept. A change here breaks signatures and chains that exist: it is a new
//! version with a migration, not an edit.

use borsh::BorshSerialize;
use clearing::Amount;
use ledger::{Address, Hash, Height, PublicKey, Tag, Timestamp};
use payment_chain::event::Dissolution;
use payment_chain::model::{
    Asset, AssetId, Balance, BatchId, Contract, ContractId, ContractState, Leg, Offer, OfferId, OfferState,
    Party, Quotation, Reference, Request, RequestId, RequestKind, Ring, Settlement, Surety, Window,
};
use payment_chain::payload::SubmittedRing;
use payment_chain::{BALANCES, Event, Payload, batch_hash, contract_hash, fuzz_event, settlement_hash};
use vocabulary::{Role, Roles, Standing};

use crate::stage::{COFFEE, DHAKA, JUTE, SANTOS, amount, indicative, t, terms};

/// The first eight bytes of the hash: enough to notice a change.
fn print<T: BorshSerialize>(value: &T) -> String {
    Hash::of_value(Tag::Content, value).to_string()[..16].to_owned()
}

fn ring() -> Ring {
    let leg = |offer, party, asset| Leg {
        offer: OfferId(offer),
        party,
        asset,
        quantity: t(4),
        value_micro_usd: 4_000_000_000,
    };
    Ring { number: 3, legs: vec![leg(1, DHAKA, JUTE), leg(2, SANTOS, COFFEE)] }
}

fn offer() -> Offer {
    Offer {
        owner: DHAKA,
        terms: indicative(terms(JUTE, t(9), COFFEE, t(8))),
        remaining: t(7),
        in_contracts: t(1),
        state: OfferState::Expired,
        joins: BatchId(5),
        posted_at: Timestamp(6),
    }
}

fn asset() -> Asset {
    Asset {
        name: "jute yarn".parse().unwrap(),
        hs: Some("5307".parse().unwrap()),
        unit: "TNE".parse().unwrap(),
        decimals: 3,
        issuer: SANTOS,
        product: Hash([7; 32]),
        supply: t(10),
    }
}

fn contract() -> Contract {
    Contract {
        batch: BatchId(5),
        rings: vec![ring()],
        signers: vec![DHAKA, SANTOS],
        signed: vec![SANTOS],
        deadline: Height(40),
        state: ContractState::Dissolved,
        made_at: Timestamp(6),
    }
}

fn request() -> Request {
    let kind = RequestKind::Issue { product: Hash([7; 32]), document: Hash([8; 32]) };
    Request { owner: DHAKA, asset: JUTE, amount: t(1), kind }
}

fn quotation() -> Quotation {
    Quotation { price: "12.5".parse().unwrap(), as_of: Timestamp(9), source: "a gazette".parse().unwrap() }
}

fn payloads() -> Vec<Payload> {
    let (request, offer, contract) = (RequestId(1), OfferId(2), ContractId(3));
    let (product, document, settlement) = (Hash([7; 32]), Hash([8; 32]), Hash([9; 32]));
    let rings = || vec![SubmittedRing { legs: vec![(OfferId(1), t(1)), (OfferId(2), t(1))] }];
    let Quotation { price, as_of, source } = quotation();
    let Asset { name, unit, .. } = asset();
    vec![
        Payload::Transfer { to: SANTOS, asset: JUTE, amount: t(1) },
        Payload::DefineAsset { name, hs: "5307".parse().unwrap(), unit, decimals: 3, product },
        Payload::RequestIssue { asset: JUTE, amount: t(1), product, document },
        Payload::RequestRedeem { asset: JUTE, amount: t(1) },
        Payload::GrantRequest { request },
        Payload::RefuseRequest { request, reason: "no".parse().unwrap() },
        Payload::PublishPrice { asset: JUTE, price, as_of, source },
        Payload::PostOffer(terms(JUTE, t(9), COFFEE, t(8))),
        Payload::AmendOffer { offer, terms: indicative(terms(JUTE, t(9), COFFEE, t(8))) },
        Payload::CancelOffer { offer },
        Payload::SubmitClearing {
            batch: BatchId(4),
            declared_micro_usd: 5,
            bound_micro_usd: 6,
            rings: rings(),
        },
        Payload::SignContract { contract },
        Payload::DeclineContract { contract },
        Payload::ShareSettlement { settlement, with: SANTOS, until: Timestamp(7) },
        Payload::Bond { amount: t(1) },
        Payload::Unbond { amount: t(1) },
        Payload::BondValidator { validator: PublicKey([5; 32]), amount: t(1) },
        Payload::UnbondValidator { validator: PublicKey([5; 32]), amount: t(1) },
        Payload::SubmitCertified {
            batch: BatchId(4),
            declared_micro_usd: 5,
            bound_micro_usd: 6,
            certificate: Hash([6; 32]),
            rings: rings(),
        },
    ]
}

fn events() -> Vec<Event> {
    let (batch, solver, at) = (BatchId(5), SANTOS, Timestamp(6));
    let reference = Reference { asset: JUTE, price: quotation().price, feed: SANTOS, as_of: Timestamp(9) };
    let balance = Balance { available: t(1), locked: t(2) };
    let id = OfferId(2);
    let state = OfferState::Filled;
    let validator = PublicKey([5; 32]);
    let surety = Surety { amount: t(1), free_from: Some(at) };
    vec![
        Event::AssetDefined { id: JUTE, asset: asset() },
        Event::BalanceChanged { party: DHAKA, asset: JUTE, balance },
        Event::SupplyChanged { asset: JUTE, supply: t(3) },
        Event::Transferred { from: DHAKA, to: SANTOS, asset: JUTE, amount: t(1) },
        Event::Requested { id: RequestId(1), request: request() },
        Event::RequestAnswered { id: RequestId(1), granted: false, reason: Some("no".parse().unwrap()) },
        Event::PricePublished { feed: SANTOS, asset: JUTE, quotation: quotation() },
        Event::OfferStated { id, offer: offer() },
        Event::OfferMoved { id, remaining: t(1), in_contracts: t(2), state },
        Event::CancelAsked { id, ends: Height(9) },
        Event::BatchClosed { batch, offers: 7, window_ends: Height(9) },
        Event::ReferencesFixed { batch, references: vec![reference] },
        Event::ClearingSubmitted { batch, solver, declared_micro_usd: 1, rings: 2 },
        Event::SolverFined { batch, solver, fine: amount(1), fault: "ring 0 has 1 legs".to_owned() },
        Event::BatchCleared { batch, solver: None, value_micro_usd: 1, bound_micro_usd: 2, rings: 3 },
        Event::ContractMade { id: ContractId(3), contract: contract() },
        Event::ContractSigned { id: ContractId(3), by: DHAKA },
        Event::ContractDissolved { id: ContractId(3), why: Dissolution::Lapsed { unsigned: vec![DHAKA] } },
        Event::RingSettled { id: Hash([9; 32]), batch, contract: None, ring: ring(), at },
        Event::SettlementShared { settlement: Hash([9; 32]), by: DHAKA, with: SANTOS, until: at },
        Event::RingDropped { batch, ring: ring(), party: DHAKA },
        Event::SuretyChanged { validator, organisation: DHAKA, surety },
        Event::ValidatorFined { validator, organisation: DHAKA, fine: amount(1) },
        Event::BatchCertified { batch, solver, certificate: Hash([6; 32]) },
        Event::ClearingRanked { batch, solver, expected_micro_usd: 1 },
    ]
}

#[test]
fn requests_are_signed_over_these_bytes() {
    let prints: Vec<String> = payloads().iter().map(print).collect();
    assert_eq!(prints, PAYLOADS);
    for payload in payloads() {
        assert_eq!(Payload::decode(&borsh::to_vec(&payload).unwrap()), Ok(payload));
    }
}

#[test]
fn a_transfer_is_a_tag_an_address_a_number_and_an_amount() {
    let bytes = [&[0][..], &SANTOS.0, &2u64.to_le_bytes(), &1000u128.to_le_bytes()].concat();
    assert_eq!(borsh::to_vec(&payloads()[0]).unwrap(), bytes);
}

#[test]
fn events_are_told_in_these_bytes() {
    let prints: Vec<String> = events().iter().map(print).collect();
    assert_eq!(prints, EVENTS);
}

proptest::proptest! {
    /// A byte of an event is another one, or its end is missing: it is read as another event, or refused.
    #[test]
    fn no_bytes_of_an_event_make_a_reader_panic(
        which in proptest::num::usize::ANY,
        at in proptest::num::usize::ANY,
        byte in proptest::num::u8::ANY,
    ) {
        let events = events();
        let mut bytes = borsh::to_vec(&events[which % events.len()]).unwrap();
        fuzz_event(&bytes);
        let at = at % bytes.len();
        fuzz_event(&bytes[..at]);
        bytes[at] = byte;
        fuzz_event(&bytes);
    }
}

#[test]
fn state_is_kept_in_these_bytes() {
    let party = Party {
        country: "BD".parse().unwrap(),
        standing: Standing::Admitted,
        roles: Roles::of(&[Role::Trader]),
        day: 1,
        first_of_day: 2,
    };
    let prints = [
        print(&party),
        print(&asset()),
        print(&request()),
        print(&quotation()),
        print(&offer()),
        print(&contract()),
        print(&Window { batch: BatchId(5), closed_at: Timestamp(6), ends: Height(9) }),
        print(&Settlement { batch: BatchId(5), parties: vec![DHAKA, SANTOS], at: Timestamp(6) }),
    ];
    assert_eq!(prints, RECORDS);
    // A balance is two numbers of sixteen bytes, little end first, under prefix, account and asset.
    let balance = Balance { available: amount(1), locked: amount(2) };
    let mut bytes = [0; 32];
    (bytes[0], bytes[16]) = (1, 2);
    assert_eq!(borsh::to_vec(&balance).unwrap(), bytes);
    let key = BALANCES.key(&(Address([3; 20]), AssetId(4)));
    assert_eq!(key, [&[35][..], &[3; 20], &[0, 0, 0, 0, 0, 0, 0, 4]].concat());
    assert_eq!(Amount::MAX.get(), 10u128.pow(27));
}

#[test]
fn settlements_contracts_and_batches_have_these_names() {
    let names = [settlement_hash(BatchId(5), &ring()), contract_hash(ContractId(5)), batch_hash(BatchId(5))];
    assert_eq!(names.map(|name| name.to_string()[..16].to_owned()), NAMES);
}

const PAYLOADS: [&str; 19] = [
    "b56bbf94b81e0b5d",
    "7ea976520bb8521e",
    "a95ba9cc9ab6db54",
    "b5829275ca00b7ec",
    "1052837b383253d9",
    "e9187fc78b5c5ee6",
    "5139e32ccdf3f852",
    "11e510fafe7a02da",
    "e85deb9a68286c50",
    "f2317f71eeb63709",
    "f69b5f8d1477f209",
    "a88a1bdb935d2624",
    "5bcf792d5ca0428a",
    "b4d4db0654255bbc",
    "fed0d2408954babf",
    "5dc1a0a5d58d2348",
    "a5bc2786a783d301",
    "b346628f074ca388",
    "ec9b5b4d3668ca18",
];

const EVENTS: [&str; 25] = [
    "33f79adb49c30c4a",
    "f13c50e56d1b9f19",
    "1cc5b7d5775c042a",
    "c61e4c6de841f2f7",
    "96346e2cef0e1e8a",
    "37fd3c3771d2647e",
    "5f639d55d731e7ab",
    "5f56212a08ffbbc0",
    "0c7ba4f471f1bd44",
    "741ae67eb2f4582b",
    "0452d25b3a882c7c",
    "ec615cff3e312c8e",
    "68b77c1c3fef88e5",
    "4e7d7c5e01284061",
    "bc9827530b9e74c3",
    "9e966222ed5fd843",
    "d217fda7eb4afc58",
    "d38b50ab4a282407",
    "4083e4f6a6cb321c",
    "18c7363b8ab73dd1",
    "bdb8f61d5f0d87f5",
    "d205c395e52a61f0",
    "ac739cbbfb9121a1",
    "18ba8068eef71544",
    "65324b02ea489157",
];

const RECORDS: [&str; 8] = [
    "c1a69aadc6b1481d",
    "9e4041130aec49d4",
    "efccb0e9ffc8a532",
    "68c3623195f391ca",
    "61c018cb9f01970a",
    "e4c6260337caddbb",
    "8142058270a4163a",
    "63fbe63bc3ba225c",
];

const NAMES: [&str; 3] = ["952152cae42e4bd3", "5784e1d9fa33a803", "5ab0838f760f829a"];
