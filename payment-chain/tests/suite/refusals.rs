//! Every field of every request out of range, and who may not ask: each refusal names its field and says why.

use crate::stage::*;
use clearing::Amount;
use ledger::{Address, Hash, Height, Refusal, Timestamp};
use payment_chain::model::{AssetId, BatchId, Commitment, ContractId, OfferId, OfferTerms, RequestId};
use payment_chain::payload::{MAX_RINGS, SubmittedRing};
use payment_chain::{Config, ConfigError, MAX_REQUESTS, Payload, fuzz_event, fuzz_message, fuzz_payload};
use vocabulary::{Role, Standing};

fn code_and_field(refused: &Refusal) -> (&str, &str) {
    (&refused.code, &refused.field)
}

/// Sends each request and compares what it is refused for.
fn check(stage: &mut Stage, table: Vec<(Address, Payload, &str, &str)>) {
    for (row, (account, payload, code, field)) in table.into_iter().enumerate() {
        let before = stage.state.clone();
        let refused = stage.send(account, payload.clone()).expect_err(&format!("row {row}: {payload:?}"));
        assert_eq!(code_and_field(&refused), (code, field), "row {row}: {payload:?}: {}", refused.reason);
        assert!(!refused.reason.is_empty() && !refused.reason.ends_with('.'), "{}", refused.reason);
        let quota_apart = |mut state: ledger::MemoryState| {
            state.0.retain(|key, _| key[0] != 33);
            state
        };
        assert!(quota_apart(before) == quota_apart(stage.state.clone()), "row {row} left a trace");
    }
}

#[test]
fn transfers_and_requests_are_refused_by_field() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(10));
    stage.suspend(BAKU);
    stage.hear(&word(STRANGER, Standing::Pending, &[Role::Trader]));
    let unknown = Address([77; 20]);
    let transfer = |to, asset, amount| Payload::Transfer { to, asset, amount };
    let issue =
        |asset, amount, product| Payload::RequestIssue { asset, amount, product, document: Hash::ZERO };
    let redeem = |asset, amount| Payload::RequestRedeem { asset, amount };
    let product = Hash([7; 32]);
    check(
        &mut stage,
        vec![
            (unknown, transfer(DHAKA, JUTE, t(1)), "party-not-yet-known", "account"),
            (STRANGER, transfer(DHAKA, JUTE, t(1)), "not-admitted", "account"),
            (BAKU, transfer(DHAKA, JUTE, t(1)), "not-admitted", "account"),
            (DHAKA, transfer(DHAKA, JUTE, t(1)), "to-self", "to"),
            (DHAKA, transfer(unknown, JUTE, t(1)), "party-not-yet-known", "to"),
            (DHAKA, transfer(BAKU, JUTE, t(1)), "not-admitted", "to"),
            (DHAKA, transfer(SANTOS, AssetId(0), t(1)), "unknown-asset", "asset"),
            (DHAKA, transfer(SANTOS, AssetId(u64::MAX), t(1)), "unknown-asset", "asset"),
            (DHAKA, transfer(SANTOS, JUTE, Amount::ZERO), "zero", "amount"),
            (DHAKA, transfer(SANTOS, JUTE, amount(10_001)), "not-enough", "amount"),
            (DHAKA, transfer(SANTOS, JUTE, Amount::MAX), "not-enough", "amount"),
            (DHAKA, issue(AssetId(99), t(1), product), "unknown-asset", "asset"),
            (DHAKA, issue(JUTE, Amount::ZERO, product), "zero", "amount"),
            (DHAKA, issue(JUTE, t(1), Hash::ZERO), "missing", "product"),
            (BAKU, issue(JUTE, t(1), product), "not-admitted", "account"),
            (DHAKA, redeem(AssetId(99), t(1)), "unknown-asset", "asset"),
            (DHAKA, redeem(JUTE, Amount::ZERO), "zero", "amount"),
            (DHAKA, redeem(JUTE, t(11)), "not-enough", "amount"),
            (GATEWAY, Payload::GrantRequest { request: RequestId(99) }, "unknown-request", "request"),
        ],
    );
    // What would pass 10^27 is refused when it is granted.
    stage.send(DHAKA, issue(JUTE, Amount::MAX, product)).unwrap();
    let request = stage.last_request();
    let reason = "no".parse().unwrap();
    check(
        &mut stage,
        vec![
            (GATEWAY, Payload::GrantRequest { request }, "out-of-range", "amount"),
            (DHAKA, Payload::GrantRequest { request }, "not-the-issuer", "account"),
            (OPERATOR, Payload::RefuseRequest { request, reason }, "not-the-issuer", "account"),
        ],
    );
    stage.suspend(DHAKA);
    check(&mut stage, vec![(GATEWAY, Payload::GrantRequest { request }, "not-admitted", "request")]);
    stage.suspend(GATEWAY);
    check(&mut stage, vec![(GATEWAY, Payload::GrantRequest { request }, "not-admitted", "account")]);
    for _ in 0..MAX_REQUESTS {
        stage.send(SANTOS, issue(JUTE, t(1), product)).unwrap();
    }
    check(&mut stage, vec![(SANTOS, issue(JUTE, t(1), product), "too-many", "transaction")]);
}

#[test]
fn definitions_and_prices_are_refused_by_field() {
    let mut stage = Stage::new();
    let define = |decimals, product| Payload::DefineAsset {
        name: "tea".parse().unwrap(),
        hs: "0902".parse().unwrap(),
        unit: "TNE".parse().unwrap(),
        decimals,
        product,
    };
    let now = stage.time;
    let price = |asset, as_of| Payload::PublishPrice {
        asset,
        price: "1".parse().unwrap(),
        as_of,
        source: "a newspaper".parse().unwrap(),
    };
    check(
        &mut stage,
        vec![
            (DHAKA, define(3, Hash([7; 32])), "missing-role", "account"),
            (OPERATOR, define(3, Hash([7; 32])), "missing-role", "account"),
            (GATEWAY, define(13, Hash([7; 32])), "out-of-range", "decimals"),
            (GATEWAY, define(12, Hash::ZERO), "missing", "product"),
            (DHAKA, price(JUTE, now), "not-a-feed", "account"),
            (FEED, price(AssetId(99), now), "unknown-asset", "asset"),
            (FEED, price(DEPOSIT, now), "deposit-asset", "asset"),
            (FEED, price(JUTE, now.plus_ms(1)), "in-the-future", "as_of"),
            (FEED, price(JUTE, Timestamp(now.0 - 200)), "outdated", "as_of"),
        ],
    );
}

#[test]
fn offers_are_refused_by_field() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(100));
    stage.suspend(BAKU);
    let good = || terms(JUTE, t(10), COFFEE, t(10));
    let with = |change: fn(&mut OfferTerms)| {
        let mut terms = good();
        change(&mut terms);
        Payload::PostOffer(terms)
    };
    let table = vec![
        (BAKU, Payload::PostOffer(good()), "not-admitted", "account"),
        (BANK, Payload::PostOffer(good()), "missing-role", "account"),
        (DHAKA, with(|o| o.give = AssetId(0)), "unknown-asset", "give"),
        (DHAKA, with(|o| o.want = AssetId(99)), "unknown-asset", "want"),
        (DHAKA, with(|o| o.give = DEPOSIT), "deposit-asset", "give"),
        (DHAKA, with(|o| o.want = DEPOSIT), "deposit-asset", "want"),
        (DHAKA, with(|o| o.want = JUTE), "same-asset", "want"),
        (DHAKA, with(|o| o.give_qty = Amount::ZERO), "zero", "give_qty"),
        (DHAKA, with(|o| o.want_qty = Amount::ZERO), "zero", "want_qty"),
        (DHAKA, with(|o| o.min_fill = amount(10_001)), "min-fill-too-large", "min_fill"),
        (DHAKA, with(|o| o.valid_until = START), "in-the-past", "valid_until"),
        (DHAKA, with(|o| o.valid_until = Timestamp(0)), "in-the-past", "valid_until"),
        (DHAKA, with(|o| o.valid_until = START.plus_ms(400 * DAY)), "too-far-ahead", "valid_until"),
        (DHAKA, with(|o| o.valid_until = Timestamp(u64::MAX)), "too-far-ahead", "valid_until"),
        (DHAKA, with(|o| o.give_qty = t(101)), "not-enough", "give_qty"),
        (SANTOS, Payload::PostOffer(good()), "not-enough", "give_qty"),
        (
            DHAKA,
            with(|o| (o.commitment, o.give_qty) = (Commitment::Indicative, t(250_001))),
            "over-indicative-cap",
            "give_qty",
        ),
        (
            DHAKA,
            with(|o| (o.commitment, o.give_qty) = (Commitment::Indicative, Amount::MAX)),
            "over-indicative-cap",
            "give_qty",
        ),
        (
            DHAKA,
            with(|o| (o.commitment, o.give) = (Commitment::Indicative, SAFFRON)),
            "no-reference-price",
            "give",
        ),
    ];
    check(&mut stage, table);
    stage.post(DHAKA, good()).unwrap();
    let crossing = vec![
        (DHAKA, with(|o| (o.give, o.want) = (COFFEE, JUTE)), "crosses-own-offer", "give"),
        (DHAKA, with(|o| (o.give, o.want) = (DIESEL, JUTE)), "crosses-own-offer", "give"),
        (DHAKA, with(|o| (o.give, o.want) = (COFFEE, DIESEL)), "crosses-own-offer", "give"),
    ];
    check(&mut stage, crossing);
    for _ in 1..100 {
        stage.post(DHAKA, terms(JUTE, amount(1), COFFEE, amount(1))).unwrap();
    }
    check(&mut stage, vec![(DHAKA, Payload::PostOffer(good()), "too-many", "transaction")]);
}

#[test]
fn open_indicative_value_counts_over_all_live_offers_of_a_party() {
    let mut stage = Stage::new();
    let large = || indicative(terms(JUTE, t(200_000), COFFEE, t(200_000)));
    let offer = stage.post(DHAKA, large()).unwrap();
    let over = stage.post(DHAKA, large()).unwrap_err();
    assert_eq!(code_and_field(&over), ("over-indicative-cap", "give_qty"));
    assert!(over.reason.contains("400000000.00 US dollars"), "{}", over.reason);
    stage.send(DHAKA, Payload::CancelOffer { offer }).unwrap();
    stage.post(DHAKA, large()).unwrap();
}

#[test]
fn amendments_and_cancellations_are_refused_by_field() {
    let mut stage = Stage::new();
    stage.vouch(DHAKA, JUTE, t(100));
    stage.vouch(SANTOS, COFFEE, t(100));
    let good = || terms(JUTE, t(80), COFFEE, t(80));
    let offer = stage.post(DHAKA, good()).unwrap();
    let coffee = stage.post(SANTOS, terms(COFFEE, t(100), JUTE, t(100))).unwrap();
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&[offer, coffee], t(50))]);
    let with = |change: fn(&mut OfferTerms)| {
        let mut terms = good();
        change(&mut terms);
        Payload::AmendOffer { offer, terms }
    };
    let cancel = |offer| Payload::CancelOffer { offer };
    let table = vec![
        (DHAKA, Payload::AmendOffer { offer: OfferId(99), terms: good() }, "unknown-offer", "offer"),
        (SANTOS, with(|_| ()), "not-the-owner", "offer"),
        (DHAKA, with(|o| o.give = DIESEL), "cannot-change", "give"),
        (DHAKA, with(|o| o.want = DIESEL), "cannot-change", "want"),
        (DHAKA, with(|o| o.commitment = Commitment::Indicative), "cannot-change", "commitment"),
        (DHAKA, with(|o| o.give_qty = t(50)), "below-given", "give_qty"),
        (DHAKA, with(|o| o.give_qty = t(1)), "below-given", "give_qty"),
        (DHAKA, with(|o| o.min_fill = t(31)), "min-fill-too-large", "min_fill"),
        (DHAKA, with(|o| o.want_qty = Amount::ZERO), "zero", "want_qty"),
        (DHAKA, with(|o| o.valid_until = START), "in-the-past", "valid_until"),
        (DHAKA, with(|o| o.give_qty = t(101)), "not-enough", "give_qty"),
        (SANTOS, cancel(offer), "not-the-owner", "offer"),
        (DHAKA, cancel(OfferId(99)), "unknown-offer", "offer"),
    ];
    check(&mut stage, table);
    stage.send(DHAKA, cancel(offer)).unwrap();
    let closed =
        vec![(DHAKA, cancel(offer), "offer-closed", "offer"), (DHAKA, with(|_| ()), "offer-closed", "offer")];
    check(&mut stage, closed);
}

#[test]
fn submissions_and_bonds_are_refused_by_field() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Binding, t(100));
    let fair = || vec![even_ring(&offers, t(100))];
    let submit = |batch, rings, declared, bound| Payload::SubmitClearing {
        batch: BatchId(batch),
        declared_micro_usd: declared,
        bound_micro_usd: bound,
        rings,
    };
    check(&mut stage, vec![(SOLVER, submit(2, fair(), 1, 1), "batch-not-open", "batch")]);
    let open = stage.run_to_its_batch();
    let batch = open.batch.0;
    let bond = |amount| Payload::Bond { amount };
    let unbond = |amount| Payload::Unbond { amount };
    let single = SubmittedRing { legs: vec![(offers[0], t(1))] };
    let seven = SubmittedRing { legs: vec![(offers[0], t(1)); 7] };
    let least = stage.chain.config().min_bond;
    let table = vec![
        (DHAKA, submit(batch, fair(), 1, 1), "missing-role", "account"),
        (SOLVER, submit(batch + 1, fair(), 1, 1), "batch-not-open", "batch"),
        (SOLVER, submit(batch, vec![], 1, 1), "out-of-range", "rings"),
        (SOLVER, submit(batch, vec![single.clone(); MAX_RINGS + 1], 1, 1), "out-of-range", "rings"),
        (SOLVER, submit(batch, vec![single], 1, 1), "out-of-range", "rings"),
        (SOLVER, submit(batch, vec![seven], 1, 1), "out-of-range", "rings"),
        (SOLVER, submit(batch, vec![even_ring(&offers, Amount::ZERO)], 1, 1), "zero", "rings"),
        (SOLVER, submit(batch, fair(), 2, 1), "bound-below-value", "bound_micro_usd"),
        (SOLVER, submit(batch, fair(), 1, 1), "bond-too-small", "account"),
        (DHAKA, bond(t(1)), "missing-role", "account"),
        (SOLVER, bond(Amount::ZERO), "zero", "amount"),
        (SOLVER, bond(Amount::MAX), "not-enough", "amount"),
        (SOLVER, unbond(Amount::ZERO), "zero", "amount"),
        (SOLVER, unbond(amount(1)), "not-enough", "amount"),
    ];
    check(&mut stage, table);
    stage.bond(SOLVER);
    stage.send(SOLVER, submit(batch, fair(), 1, 1)).unwrap();
    let table = vec![
        (SOLVER, submit(batch, fair(), 1, 1), "submitted-already", "batch"),
        (SOLVER, unbond(least), "bond-needed", "amount"),
    ];
    check(&mut stage, table);
    stage.run_to_window_end();
    // Declared one millionth, worth half a million dollars: less than the truth is no truth either.
    assert_eq!(stage.settled(), 0);
    let rest = least.checked_sub(stage.chain.config().fine).unwrap();
    stage.send(SOLVER, unbond(rest)).unwrap();
    assert_eq!(stage.locked(SOLVER, DEPOSIT), Amount::ZERO);
}

#[test]
fn contracts_and_shares_are_refused_by_field() {
    let mut stage = Stage::new();
    let offers = stage.five_offers(Commitment::Indicative, t(100));
    stage.run_to_its_batch();
    stage.clear(vec![even_ring(&offers, t(100))]);
    let contract = stage.last_contract();
    let (sign, decline) =
        (|contract| Payload::SignContract { contract }, |contract| Payload::DeclineContract { contract });
    stage.send(DHAKA, sign(contract)).unwrap();
    let share = |settlement, with, until| Payload::ShareSettlement { settlement, with, until };
    let table = vec![
        (DHAKA, sign(ContractId(99)), "unknown-contract", "contract"),
        (BANK, sign(contract), "not-a-signer", "contract"),
        (BANK, decline(contract), "not-a-signer", "contract"),
        (DHAKA, sign(contract), "signed-already", "contract"),
        (DHAKA, decline(contract), "signed-already", "contract"),
        (DHAKA, share(Hash([1; 32]), BANK, START), "unknown-settlement", "settlement"),
    ];
    check(&mut stage, table);
    for party in &TRADERS[1..] {
        stage.send(*party, sign(contract)).unwrap();
    }
    let id = stage.trades()[0].settlement;
    let soon = stage.time.plus_ms(DAY);
    let table = vec![
        (DHAKA, sign(contract), "contract-closed", "contract"),
        (DHAKA, decline(contract), "contract-closed", "contract"),
        (BANK, share(id, DHAKA, soon), "not-a-party", "settlement"),
        (DHAKA, share(id, DHAKA, soon), "to-self", "with"),
        (DHAKA, share(id, Address([77; 20]), soon), "party-not-yet-known", "with"),
        (DHAKA, share(id, BANK, Timestamp(u64::MAX)), "too-far-ahead", "until"),
        (DHAKA, share(id, BANK, START), "not-shared", "until"),
    ];
    check(&mut stage, table);
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    use ledger::Application as _;
    let stage = Stage::new();
    let good = borsh::to_vec(&Payload::Bond { amount: t(1) }).unwrap();
    let longer = [good.as_slice(), &[0]].concat();
    let mut too_large = good.clone();
    too_large[1..17].copy_from_slice(&u128::MAX.to_le_bytes());
    let reason = "out of stock".parse().unwrap();
    let mut hidden = borsh::to_vec(&Payload::RefuseRequest { request: RequestId(1), reason }).unwrap();
    *hidden.last_mut().unwrap() = b'\n';
    let mut post = borsh::to_vec(&Payload::PostOffer(terms(JUTE, t(1), COFFEE, t(1)))).unwrap();
    let place = post.windows(5).position(|code| code == b"BDCGP").unwrap();
    post[place..][..5].copy_from_slice(b"bdcgp");
    let rings = vec![even_ring(&[OfferId(1), OfferId(2)], t(1))];
    let (declared_micro_usd, bound_micro_usd) = (1, 1);
    let submit = Payload::SubmitClearing { batch: BatchId(1), declared_micro_usd, bound_micro_usd, rings };
    let submit = borsh::to_vec(&submit).unwrap();
    let table = [
        (&[][..], "payload"),
        (&[255], "payload"),
        (&longer, "payload"),
        (&good[..good.len() - 1], "amount"),
        (&too_large, "amount"),
        (&hidden, "reason"),
        (&post, "place"),
        (&post[..place - 2], "valid_until"),
        (&post[..1], "give"),
        (&submit[..20], "declared_micro_usd"),
        (&submit[..submit.len() - 1], "rings"),
    ];
    for (bytes, field) in table {
        let refused = stage.chain.terms(&stage.state, SOLVER, bytes).unwrap_err();
        assert_eq!(code_and_field(&refused), ("malformed", field), "{}", refused.reason);
    }
    let told = stage.chain.receive(
        &mut ledger::Run::new(ledger::SubChain::Payment, Height(9), START, &mut stage.state.clone()),
        ledger::SubChain::Data,
        0,
        &[],
    );
    assert_eq!(code_and_field(&told.unwrap_err()), ("unexpected-message", "payload"));
}

#[test]
fn a_genesis_that_cannot_work_is_refused() {
    type Change = fn(&mut Config);
    let changes: [(Change, ConfigError); 10] = [
        (|c| c.interval = 0, ConfigError::Interval),
        (|c| c.window = 0, ConfigError::Window),
        (|c| c.window = c.interval + 1, ConfigError::Window),
        (|c| c.signing_window = 0, ConfigError::SigningWindow),
        (|c| c.max_assets = 7, ConfigError::MaxAssets),
        (|c| c.feeds.push(("Twice".parse().unwrap(), FEED)), ConfigError::FeedTwice),
        (|c| c.deposit.decimals = 13, ConfigError::Decimals),
        (|c| c.deposit.endowments.push((BANK, Amount::MAX)), ConfigError::Endowments),
        (|c| c.fine = Amount::MAX, ConfigError::FineAboveBond),
        (|c| c.offers_per_party = 0, ConfigError::NoOffers),
    ];
    for (change, error) in changes {
        let mut config = config();
        change(&mut config);
        assert_eq!(config.validate(), Err(error));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), kind in 0u8..18) {
        fuzz_payload(&bytes);
        fuzz_payload(&[&[kind], bytes.as_slice()].concat());
        fuzz_message(&bytes);
        fuzz_event(&bytes);
    }
}
