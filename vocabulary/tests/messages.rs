//! The messages between chains, byte for byte: a change here is a change of the protocol.

use borsh::BorshDeserialize;
use ledger::hash::encode;
use ledger::{AccountKey, Address, Hash, PublicKey, Scope, Timestamp};
use vocabulary::messages::{Conduct, FromIdentity, FromPayment, Seat, ToData, ToIdentity, ToParty, TradeLeg};
use vocabulary::{Role, Roles, Standing};

fn check<T: BorshDeserialize + borsh::BorshSerialize + PartialEq + std::fmt::Debug>(
    message: &T,
    golden: &str,
) {
    let bytes = encode(message);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden.replace(char::is_whitespace, ""));
    assert_eq!(&T::try_from_slice(&bytes).expect("it reads back"), message);
    assert!(T::try_from_slice(&bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn the_word_on_a_party() {
    let key = |byte| PublicKey([byte; 32]);
    let message = ToParty {
        party: Address([0x11; 20]),
        country: "BD".parse().unwrap(),
        standing: Standing::Admitted,
        roles: Roles::of(&[Role::Trader, Role::Gateway]),
        keys: vec![
            AccountKey { key: key(0x22), scope: Scope::Full },
            AccountKey { key: key(0x33), scope: Scope::EnrolOnce { until: Timestamp(256) } },
        ],
    };
    check(
        &FromIdentity::Party(message),
        &format!(
            "00 {} 4244 01 0900 02000000 {} 00 {} 01 0001000000000000",
            "11".repeat(20),
            "22".repeat(32),
            "33".repeat(32)
        ),
    );
}

#[test]
fn the_word_on_conduct() {
    for (conduct, byte) in [
        (Conduct::Settled, "00"),
        (Conduct::Lapsed, "01"),
        (Conduct::Declined, "02"),
        (Conduct::FalseDeclaration, "03"),
    ] {
        let message = ToIdentity {
            party: Address([0x11; 20]),
            conduct,
            about: Hash([0x44; 32]),
            value_micro_usd: 1_000_000,
            at: Timestamp(1),
        };
        check(
            &FromPayment::Conduct(message),
            &format!(
                "00 {} {byte} {} 40420f00000000000000000000000000 0100000000000000",
                "11".repeat(20),
                "44".repeat(32)
            ),
        );
    }
}

#[test]
fn the_word_on_a_settlement() {
    let leg = TradeLeg {
        from: Address([0x11; 20]),
        to: Address([0x22; 20]),
        asset: 7,
        quantity: 500,
        value_micro_usd: 2,
    };
    let message = ToData { settlement: Hash([0x44; 32]), legs: vec![leg], at: Timestamp(1) };
    check(
        &message,
        &format!(
            "{} 01000000 {} {} 0700000000000000 f4010000000000000000000000000000 \
        02000000000000000000000000000000 0100000000000000",
            "44".repeat(32),
            "11".repeat(20),
            "22".repeat(20)
        ),
    );
}

#[test]
fn the_word_on_who_decides() {
    let (validator, organisation) = (PublicKey([0x55; 32]), Address([0x11; 20]));
    let seat = Seat { validator, weight: 3, organisation };
    let (key, account) = ("55".repeat(32), "11".repeat(20));
    check(&FromIdentity::Validators(vec![seat]), &format!("01 01000000 {key} 0300000000000000 {account}"));
    check(&FromIdentity::Banned { validator, organisation }, &format!("02 {key} {account}"));
    check(&FromIdentity::Eased, "03");
    check(&FromPayment::Bond { validator, organisation, enough: true }, &format!("01 {key} {account} 01"));
}
