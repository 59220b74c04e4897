//! A small market that every test of the read model knows: Dhaka Mills gives jute to Hanoi Beans, who give coffee
//! to Doha Fuels, who give diesel to Dhaka Mills. Silk Bank watches; Registrar Ltd. admits; Harbour Warehouse issues.

use borsh::BorshSerialize;
use clearing::Amount;
use ledger::account::Scope;
use ledger::block::Claim;
use ledger::hash::encode;
use ledger::{
    AccountKey, Address, Block, Body, Cause, Committed, Hash, Header, Height, KeyPair, Receipt, Refusal,
    Seal, Signature, SubChain, Tag, Timestamp,
};
use payment_chain::model::{
    Asset, AssetId, Balance, BatchId, Commitment, Contract, ContractId, ContractState, Leg, Offer, OfferId,
    OfferState, OfferTerms, Quotation, Request, RequestId, RequestKind, Ring, Surety,
};
use vocabulary::messages::Conduct;
use vocabulary::{Role, Roles, Standing, ToData, ToIdentity};

use crate::db::Database;
use crate::projector::Projector;

/// Time of the genesis: 2026-01-01T00:00Z.
pub(crate) const START_MS: u64 = 1_767_225_600_000;
/// Milliseconds between blocks.
pub(crate) const STEP_MS: u64 = 1_000;

/// Until when Dhaka Mills shares with Silk Bank: ten years on.
pub(crate) const SHARED_UNTIL: Timestamp = Timestamp(START_MS + 3_650 * Timestamp::DAY_MS);

/// Writes the whole story.
pub(crate) fn tell(database: &Database) -> Projector {
    let projector = Projector::new(database.clone());
    projector.apply(SubChain::Identity, &identity()).unwrap();
    projector.apply(SubChain::Data, &data()).unwrap();
    projector.apply(SubChain::Payment, &payment()).unwrap();
    projector
}

/// The key of a member of the cast.
pub(crate) fn key(name: &str) -> KeyPair {
    KeyPair::from_seed(Hash::of(Tag::Content, name.as_bytes()).0)
}

/// The account of a member of the cast.
pub(crate) fn account(name: &str) -> Address {
    key(name).public().address()
}

/// What the story calls an account, as text.
pub(crate) fn address(name: &str) -> String {
    account(name).to_string()
}

/// A number of smallest units.
pub(crate) fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

/// Something that happens in a block.
pub(crate) enum Happening {
    /// What fell due.
    Opening(Vec<Vec<u8>>),
    /// A transaction of somebody, by payload and events.
    Done(&'static str, Vec<u8>, Vec<Vec<u8>>),
    /// A transaction of somebody that was refused.
    Refused(&'static str, Vec<u8>, Refusal),
}

/// Canonical bytes of events.
pub(crate) fn events<E: BorshSerialize>(events: &[E]) -> Vec<Vec<u8>> {
    events.iter().map(encode).collect()
}

/// A block of `chain` at `height` in which this happens. Its seal is signed by nobody: the read model does not look.
pub(crate) fn block(chain: SubChain, height: u64, happenings: Vec<Happening>) -> Committed {
    let time = Timestamp(START_MS + height * STEP_MS);
    let chain_id = Hash::of(Tag::Chain, &[chain as u8]);
    let mut transactions = Vec::new();
    let mut receipts = Vec::new();
    for (index, happening) in happenings.into_iter().enumerate() {
        let (cause, outcome, events) = match happening {
            Happening::Opening(events) => (Cause::Opening, Ok(()), events),
            Happening::Done(who, payload, events) => {
                (sign(chain_id, height, index, who, payload, &mut transactions), Ok(()), events)
            }
            Happening::Refused(who, payload, refusal) => {
                (sign(chain_id, height, index, who, payload, &mut transactions), Err(refusal), Vec::new())
            }
        };
        receipts.push(Receipt { cause, outcome, events });
    }
    let root = |what: &str| Hash::of(Tag::Content, format!("{chain} {height} {what}").as_bytes());
    let header = Header {
        chain: chain_id,
        height: Height(height),
        parent: root("parent"),
        time,
        proposer: key("validator").public(),
        messages_root: root("messages"),
        transactions_root: root("transactions"),
        executed_height: Height(height.saturating_sub(1)),
        state_root: root("earlier state"),
        receipts_root: root("earlier receipts"),
        outbox_root: root("earlier outbox"),
    };
    let claim = Claim {
        chain: chain_id,
        era: 0,
        height: header.height,
        block: header.hash(),
        time,
        state_root: root("state"),
        receipts_root: root("receipts"),
        outbox_root: root("outbox"),
        grade: 0,
    };
    let signatures = vec![(key("validator").public(), Signature([7; 64]))];
    let block = Block { header, messages: Vec::new(), transactions };
    Committed { block, receipts, outbox: Vec::new(), seal: Seal { claim, signatures } }
}

fn sign(
    chain: Hash,
    height: u64,
    index: usize,
    who: &str,
    payload: Vec<u8>,
    transactions: &mut Vec<ledger::Transaction>,
) -> Cause {
    let key = key(who);
    let body = Body {
        version: ledger::transaction::VERSION,
        chain,
        account: key.public().address(),
        key: key.public(),
        sequence: height * 1000 + index as u64,
        expires: Height(height + 10),
        fee: 0,
        terms: Hash::ZERO,
        payload,
    };
    let transaction = body.sign(&key);
    let id = transaction.id();
    transactions.push(transaction);
    Cause::Transaction(id)
}

/// The cast: name, country, register number, role.
pub(crate) const CAST: [(&str, &str, &str, Role); 7] = [
    ("Dhaka Mills", "BD", "C-1842", Role::Trader),
    ("Hanoi Beans", "VN", "0100109106", Role::Trader),
    ("Doha Fuels", "QA", "QA-77", Role::Trader),
    ("Silk Bank", "KZ", "B-9", Role::Bank),
    ("Harbour Warehouse", "SG", "W-3", Role::Gateway),
    ("Market Watch", "KE", "S-1", Role::Supervisor),
    ("Registrar Ltd.", "SG", "O-1", Role::Operator),
];

/// Who an organisation of the cast says it is.
pub(crate) fn registration(index: usize) -> identity_chain::payload::Registration {
    let (name, country, number, role) = CAST[index];
    identity_chain::payload::Registration {
        name: name.parse().unwrap(),
        registration_number: number.parse().unwrap(),
        country: country.parse().unwrap(),
        place: None,
        lei: None,
        roles: Roles::of(&[role]),
    }
}

/// The identity chain: everyone registers and is admitted at height 1; at 2 the ring of height 3 of the payment chain
/// enters three credit records, and Hanoi Beans lapses once; Dhaka Mills shares its record with Silk Bank for years.
pub(crate) fn identity() -> Vec<Committed> {
    use identity_chain::validator::{Ban, Stand};
    use identity_chain::{Event, Payload, Validator};
    let admitted = (0..CAST.len())
        .flat_map(|index| {
            let (name, _, _, role) = CAST[index];
            let party = account(name);
            [
                Event::Registered { party, registration: registration(index) },
                Event::KeysChanged {
                    party,
                    keys: vec![AccountKey { key: key(name).public(), scope: Scope::Full }],
                },
                Event::StandingChanged {
                    party,
                    standing: Standing::Admitted,
                    roles: Roles::of(&[role]),
                    by: account("Registrar Ltd."),
                    reason: None,
                },
            ]
        })
        .collect::<Vec<_>>();
    let entry = |name: &str, conduct, value| {
        Event::CreditRecorded(ToIdentity {
            party: account(name),
            conduct,
            about: settlement(),
            value_micro_usd: value,
            at: Timestamp(START_MS + 3 * STEP_MS),
        })
    };
    let decides = |name: &str, weight, stand, from_era| Event::ValidatorChanged {
        key: key(&format!("validator of {name}")).public(),
        validator: Validator { organisation: account(name), weight, stand, from_era },
    };
    let ban = Ban {
        chain: SubChain::Data,
        era: 0,
        units: [Hash::ZERO, settlement()],
        by: account("Silk Bank"),
        at: Timestamp(START_MS + STEP_MS),
    };
    let council = events(&[
        decides("Silk Bank", 3, Stand::Decides, 0),
        decides("Harbour Warehouse", 2, Stand::Decides, 0),
        decides("Market Watch", 1, Stand::Decides, 0),
        decides("Registrar Ltd.", 1, Stand::Decides, 7),
        Event::ValidatorBanned { key: key("validator of Harbour Warehouse").public(), ban },
        decides("Harbour Warehouse", 2, Stand::Banned, 2),
        decides("Market Watch", 1, Stand::Left, 8),
    ]);
    let remembered = events(&[
        entry("Dhaka Mills", Conduct::Settled, 412_000_000_000),
        entry("Hanoi Beans", Conduct::Settled, 411_000_000_000),
        entry("Doha Fuels", Conduct::Settled, 410_000_000_000),
        entry("Hanoi Beans", Conduct::Lapsed, 5_000_000),
    ]);
    let until = SHARED_UNTIL;
    let shared = Event::CreditShared { party: account("Dhaka Mills"), with: account("Silk Bank"), until };
    let register = |index: usize| encode(&Payload::Register(registration(index)));
    let share = encode(&Payload::ShareCredit { with: account("Silk Bank"), until });
    vec![
        block(SubChain::Identity, 0, vec![Happening::Opening(Vec::new())]),
        block(
            SubChain::Identity,
            1,
            vec![
                Happening::Opening(council),
                Happening::Done("Dhaka Mills", register(0), events(&admitted)),
                Happening::Refused(
                    "Dhaka Mills",
                    register(0),
                    Refusal::new("registered", "registration", "this account is registered already"),
                ),
            ],
        ),
        block(
            SubChain::Identity,
            2,
            vec![Happening::Opening(remembered), Happening::Done("Dhaka Mills", share, events(&[shared]))],
        ),
    ]
}

/// The number of the story's product.
pub(crate) fn product() -> Hash {
    Hash::of(Tag::Content, b"jute yarn of Dhaka Mills")
}

/// The hash of the warehouse receipt.
pub(crate) fn document() -> Hash {
    Hash::of(Tag::Document, b"warehouse receipt 17")
}

/// The data chain: a product and its document, then the record of the trade.
pub(crate) fn data() -> Vec<Committed> {
    use data_chain::Event;
    use data_chain::payload::{Document, Payload, Product};
    let described = Product {
        name: "jute yarn".parse().unwrap(),
        hs: "5307".parse().unwrap(),
        grade: "CRM 10 lb".parse().unwrap(),
        origin: "BD".parse().unwrap(),
        unit: "TNE".parse().unwrap(),
        place: "BDCGP".parse().unwrap(),
        documents: vec![document()],
    };
    let recorded = Document {
        hash: document(),
        name: "Warehouse receipt 17".parse().unwrap(),
        media_type: "application/pdf".parse().unwrap(),
        size_bytes: 20_480,
    };
    let owner = account("Dhaka Mills");
    let payload = encode(&Payload::DescribeProduct(described.clone()));
    let happened = events(&[
        Event::ProductDescribed { id: product(), owner, product: described },
        Event::DocumentRecorded { owner, document: recorded },
    ]);
    let trade = ToData { settlement: settlement(), legs: Vec::new(), at: Timestamp(START_MS + 3 * STEP_MS) };
    vec![
        block(SubChain::Data, 0, vec![Happening::Opening(Vec::new())]),
        block(SubChain::Data, 1, vec![Happening::Done("Dhaka Mills", payload, happened)]),
        block(SubChain::Data, 2, vec![Happening::Opening(events(&[Event::TradeRecorded(trade)]))]),
    ]
}

/// The number of the story's one settlement.
pub(crate) fn settlement() -> Hash {
    Hash::of(Tag::Content, b"the ring of jute, coffee and diesel")
}

/// The story's ring: Dhaka gives jute to Hanoi, Doha gives diesel to Dhaka, Hanoi gives coffee to Doha.
pub(crate) fn ring() -> Ring {
    let leg = |offer, name, asset, quantity, value_micro_usd| Leg {
        offer: OfferId(offer),
        party: account(name),
        asset: AssetId(asset),
        quantity: amount(quantity),
        value_micro_usd,
    };
    Ring {
        number: 0,
        legs: vec![
            leg(1, "Dhaka Mills", 2, 412_000, 412_000_000_000),
            leg(3, "Doha Fuels", 4, 5_860_000, 410_000_000_000),
            leg(2, "Hanoi Beans", 3, 118_000, 411_000_000_000),
        ],
    }
}

/// An offer of the story.
pub(crate) fn offer(
    name: &str,
    give: u64,
    give_qty: u128,
    want: u64,
    want_qty: u128,
    commitment: Commitment,
) -> Offer {
    Offer {
        owner: account(name),
        terms: OfferTerms {
            give: AssetId(give),
            give_qty: amount(give_qty),
            want: AssetId(want),
            want_qty: amount(want_qty),
            divisible: true,
            min_fill: amount(1_000),
            commitment,
            joins_indicative: false,
            valid_until: Timestamp(START_MS + 30 * Timestamp::DAY_MS),
            incoterm: vocabulary::Incoterm::Fob,
            place: "BDCGP".parse().unwrap(),
        },
        remaining: amount(give_qty),
        in_contracts: amount(0),
        state: OfferState::Open,
        joins: BatchId(1),
        posted_at: Timestamp(START_MS + STEP_MS),
    }
}

/// The payment chain: assets and goods at 1, offers and prices at 2, a batch, its clearing and the signed contract at
/// 3, then a second contract that waits for Hanoi Beans at 4, with a fined solver and a plain transfer.
pub(crate) fn payment() -> Vec<Committed> {
    use payment_chain::{Event, Payload};
    let gateway = account("Harbour Warehouse");
    let asset = |id, name: &str, hs: Option<&str>, unit: &str, supply| Event::AssetDefined {
        id: AssetId(id),
        asset: Asset {
            name: name.parse().unwrap(),
            hs: hs.map(|hs| hs.parse().unwrap()),
            unit: unit.parse().unwrap(),
            decimals: 3,
            issuer: gateway,
            product: product(),
            supply: amount(supply),
        },
    };
    let holds = |name: &str, asset, available, locked| Event::BalanceChanged {
        party: account(name),
        asset: AssetId(asset),
        balance: Balance { available: amount(available), locked: amount(locked) },
    };
    let set_aside = |name: &str, units, free_from| Event::SuretyChanged {
        validator: key(&format!("validator of {name}")).public(),
        organisation: account(name),
        surety: Surety { amount: amount(units), free_from },
    };
    let stated = |id, offer| Event::OfferStated { id: OfferId(id), offer };
    let price = |asset, price: &str| Event::PricePublished {
        feed: account("Market Watch"),
        asset: AssetId(asset),
        quotation: Quotation {
            price: price.parse().unwrap(),
            as_of: Timestamp(START_MS),
            source: "monthly commodity bulletin".parse().unwrap(),
        },
    };
    let indicative = Commitment::Indicative;
    let contract = |rings: Vec<Ring>, signers: &[&str]| Contract {
        batch: BatchId(1),
        rings,
        signers: signers.iter().map(|name| account(name)).collect(),
        signed: Vec::new(),
        deadline: Height(1200),
        state: ContractState::Waiting,
        made_at: Timestamp(START_MS + 3 * STEP_MS),
    };
    let first = contract(vec![ring()], &["Dhaka Mills", "Hanoi Beans", "Doha Fuels"]);
    let second = contract(vec![ring()], &["Dhaka Mills", "Hanoi Beans"]);
    let moved = |id, remaining, in_contracts, state| Event::OfferMoved {
        id: OfferId(id),
        remaining: amount(remaining),
        in_contracts: amount(in_contracts),
        state,
    };
    let signed = |id, name: &str| Event::ContractSigned { id: ContractId(id), by: account(name) };
    let opening = |happened: &[Event]| Happening::Opening(events(happened));
    let a_day = Timestamp(START_MS + Timestamp::DAY_MS);
    let shared = |name: &str, until| Event::SettlementShared {
        settlement: settlement(),
        by: account(name),
        with: account("Silk Bank"),
        until,
    };
    vec![
        block(SubChain::Payment, 0, vec![opening(&[asset(1, "deposit dollar", None, "H87", 1_000_000)])]),
        block(
            SubChain::Payment,
            1,
            vec![opening(&[
                asset(2, "jute yarn", Some("5307"), "TNE", 500_000),
                asset(3, "robusta coffee", Some("0901"), "TNE", 118_000),
                asset(4, "diesel", Some("2710"), "BLL", 6_000_000),
                Event::Requested {
                    id: RequestId(1),
                    request: Request {
                        owner: account("Dhaka Mills"),
                        asset: AssetId(2),
                        amount: amount(500_000),
                        kind: RequestKind::Issue { product: product(), document: document() },
                    },
                },
                Event::Requested {
                    id: RequestId(2),
                    request: Request {
                        owner: account("Doha Fuels"),
                        asset: AssetId(4),
                        amount: amount(1_000),
                        kind: RequestKind::Redeem,
                    },
                },
                Event::RequestAnswered { id: RequestId(1), granted: true, reason: None },
                holds("Dhaka Mills", 2, 400_000, 0),
                holds("Dhaka Mills", 2, 500_000, 0),
                holds("Hanoi Beans", 3, 118_000, 0),
                holds("Doha Fuels", 4, 6_000_000, 0),
                set_aside("Silk Bank", 250_000, None),
                set_aside("Market Watch", 9_000, None),
                set_aside("Market Watch", 7_500, Some(Timestamp(START_MS + 9 * STEP_MS))),
                set_aside("Harbour Warehouse", 1_000, None),
                set_aside("Harbour Warehouse", 0, None),
            ])],
        ),
        block(
            SubChain::Payment,
            2,
            vec![
                opening(&[price(2, "1000"), price(3, "3483.05"), price(4, "69.99"), price(2, "1000.5")]),
                Happening::Done(
                    "Dhaka Mills",
                    encode(&Payload::PostOffer(
                        offer("Dhaka Mills", 2, 500_000, 4, 5_000_000, indicative).terms,
                    )),
                    events(&[stated(1, offer("Dhaka Mills", 2, 500_000, 4, 5_000_000, indicative))]),
                ),
                Happening::Done(
                    "Hanoi Beans",
                    encode(&Payload::PostOffer(
                        offer("Hanoi Beans", 3, 118_000, 2, 400_000, indicative).terms,
                    )),
                    events(&[stated(2, offer("Hanoi Beans", 3, 118_000, 2, 400_000, indicative))]),
                ),
                Happening::Done(
                    "Doha Fuels",
                    encode(&Payload::PostOffer(
                        offer("Doha Fuels", 4, 6_000_000, 3, 110_000, indicative).terms,
                    )),
                    events(&[stated(3, offer("Doha Fuels", 4, 6_000_000, 3, 110_000, indicative))]),
                ),
            ],
        ),
        block(
            SubChain::Payment,
            3,
            vec![
                opening(&[
                    Event::BatchClosed { batch: BatchId(1), offers: 3, window_ends: Height(7) },
                    Event::ClearingSubmitted {
                        batch: BatchId(1),
                        solver: account("solver"),
                        declared_micro_usd: 1_233_000_000_000,
                        rings: 1,
                    },
                    Event::BatchCleared {
                        batch: BatchId(1),
                        solver: Some(account("solver")),
                        value_micro_usd: 1_233_000_000_000,
                        bound_micro_usd: 1_300_000_000_000,
                        rings: 1,
                    },
                    Event::ContractMade { id: ContractId(1), contract: first },
                    moved(1, 88_000, 412_000, OfferState::Open),
                    moved(2, 0, 118_000, OfferState::Open),
                    moved(3, 140_000, 5_860_000, OfferState::Open),
                ]),
                Happening::Done(
                    "Hanoi Beans",
                    encode(&Payload::SignContract { contract: ContractId(1) }),
                    events(&[
                        signed(1, "Dhaka Mills"),
                        signed(1, "Doha Fuels"),
                        signed(1, "Hanoi Beans"),
                        Event::RingSettled {
                            id: settlement(),
                            batch: BatchId(1),
                            contract: Some(ContractId(1)),
                            ring: ring(),
                            at: Timestamp(START_MS + 3 * STEP_MS),
                        },
                        moved(1, 88_000, 0, OfferState::Open),
                        moved(2, 0, 0, OfferState::Filled),
                        moved(3, 140_000, 0, OfferState::Open),
                        holds("Dhaka Mills", 2, 88_000, 0),
                        holds("Dhaka Mills", 4, 5_860_000, 0),
                        holds("Hanoi Beans", 3, 0, 0),
                        holds("Hanoi Beans", 2, 412_000, 0),
                        holds("Doha Fuels", 4, 140_000, 0),
                        holds("Doha Fuels", 3, 118_000, 0),
                    ]),
                ),
            ],
        ),
        block(
            SubChain::Payment,
            4,
            vec![
                opening(&[
                    Event::ContractMade { id: ContractId(2), contract: second },
                    Event::SolverFined {
                        batch: BatchId(1),
                        solver: account("solver"),
                        fine: amount(1_000),
                        fault: "ring 1 leaves the band".to_owned(),
                    },
                    signed(2, "Dhaka Mills"),
                ]),
                Happening::Done(
                    "Dhaka Mills",
                    encode(&Payload::Transfer {
                        to: account("Hanoi Beans"),
                        asset: AssetId(4),
                        amount: amount(60_000),
                    }),
                    events(&[
                        Event::Transferred {
                            from: account("Dhaka Mills"),
                            to: account("Hanoi Beans"),
                            asset: AssetId(4),
                            amount: amount(60_000),
                        },
                        holds("Dhaka Mills", 4, 5_800_000, 0),
                        holds("Hanoi Beans", 4, 60_000, 0),
                    ]),
                ),
                Happening::Done(
                    "Dhaka Mills",
                    encode(&Payload::ShareSettlement {
                        settlement: settlement(),
                        with: account("Silk Bank"),
                        until: SHARED_UNTIL,
                    }),
                    events(&[shared("Dhaka Mills", SHARED_UNTIL), shared("Hanoi Beans", a_day)]),
                ),
            ],
        ),
    ]
}
