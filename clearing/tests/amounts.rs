//! Amounts, prices and values: what they show, read and refuse.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use borsh::BorshDeserialize;
use clearing::{Amount, AmountError, Band, Price, PriceError, RulesError, UsdValue};

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

#[test]
fn tonnes_are_shown_and_read_with_their_decimals() {
    for (units, decimals, text) in
        [(118_240, 3, "118.240"), (5, 3, "0.005"), (0, 2, "0.00"), (7, 0, "7"), (1_000_000, 6, "1.000000")]
    {
        assert_eq!(amount(units).display(decimals), text);
        assert_eq!(Amount::parse_decimal(text, decimals), Ok(amount(units)));
    }
    assert_eq!(Amount::parse_decimal("118.2400", 3), Ok(amount(118_240)));
    assert_eq!(Amount::parse_decimal("118.2401", 3), Err(AmountError::TooPrecise { decimals: 3 }));
    for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1.2.3", " 1", "1,000", "１", "1.00x0"] {
        assert_eq!(Amount::parse_decimal(text, 3), Err(AmountError::NotANumber), "{text:?}");
    }
    assert_eq!(Amount::parse_decimal("1000000000000000000000000000", 3), Err(AmountError::TooLarge));
}

#[test]
fn arithmetic_stays_within_a_supply() {
    assert_eq!(Amount::new(Amount::MAX.get() + 1), Err(AmountError::TooLarge));
    assert_eq!(Amount::MAX.checked_add(amount(1)), Err(AmountError::TooLarge));
    assert_eq!(amount(1).checked_sub(amount(2)), Err(AmountError::Negative));
    assert_eq!(amount(10).mul_div_floor(2, 3), Ok(amount(6)));
    assert_eq!(amount(10).mul_div_ceil(2, 3), Ok(amount(7)));
    assert_eq!(amount(9).mul_div_ceil(2, 3), Ok(amount(6)));
    assert_eq!(amount(1).mul_div_floor(1, 0), Err(AmountError::DivisionByZero));
    assert_eq!(Amount::MAX.mul_div_floor(u128::MAX, 1), Err(AmountError::TooLarge));
    assert_eq!(Amount::MAX.mul_div_floor(u128::MAX, u128::MAX), Ok(Amount::MAX));
}

#[test]
fn bytes_of_an_amount_that_is_none_are_refused() {
    assert_eq!(borsh::to_vec(&amount(258)).unwrap(), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(Amount::try_from_slice(&[0xff; 16]).unwrap_err().to_string().contains("10^27"));
    let mut price = borsh::to_vec(&"14982.05".parse::<Price>().unwrap()).unwrap();
    assert_eq!(Price::try_from_slice(&price).unwrap().to_string(), "14982.05");
    price[16] = 13;
    assert!(Price::try_from_slice(&price).unwrap_err().to_string().contains("decimal places"));
}

#[test]
fn prices_are_exact_positive_decimals() {
    for (text, shown) in
        [("1", "1"), ("14982.0", "14982"), ("0.000000000001", "0.000000000001"), ("007.50", "7.5")]
    {
        assert_eq!(text.parse::<Price>().unwrap().to_string(), shown);
    }
    assert_eq!("0.0".parse::<Price>(), Err(PriceError::Zero));
    assert_eq!("0.0000000000001".parse::<Price>(), Err(PriceError::TooPrecise));
    assert_eq!("1000000000001".parse::<Price>(), Err(PriceError::TooLarge));
    for text in ["", "-1", "1.", ".1", "1e6", "NaN", "inf", "1.1.1"] {
        assert_eq!(text.parse::<Price>(), Err(PriceError::NotANumber), "{text:?}");
    }
}

#[test]
fn values_add_up_exactly() {
    let jute = "613.2".parse::<Price>().unwrap().value_of(amount(1), 3);
    assert_eq!(jute.to_string(), "0.6132");
    assert_eq!(jute.display(2), "0.61");
    assert_eq!(jute.floor_to(6), Some(613_200));
    let largest = "1000000000000".parse::<Price>().unwrap().value_of(Amount::MAX, 0);
    assert_eq!(largest.display(0), format!("1{}", "0".repeat(39)));
    assert_eq!([jute, jute].into_iter().sum::<UsdValue>().to_string(), "1.2264");
    assert_eq!(UsdValue::try_from_slice(&borsh::to_vec(&largest).unwrap()).unwrap(), largest);
}

#[test]
fn a_band_is_a_share_of_six_places() {
    assert_eq!("0.02".parse::<Band>().map(Band::ppm), Ok(20_000));
    assert_eq!("1".parse::<Band>().map(Band::ppm), Ok(1_000_000));
    assert_eq!("1.000001".parse::<Band>(), Err(RulesError::BandTooWide));
    assert_eq!("0.0000001".parse::<Band>(), Err(RulesError::BandNotADecimal));
    assert_eq!("two".parse::<Band>(), Err(RulesError::BandNotADecimal));
}
