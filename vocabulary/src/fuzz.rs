//! What fuzzers drive. Nothing here may panic, whatever the bytes.

use std::fmt::Display;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::messages::{FromIdentity, FromPayment, ToData};
use crate::{Country, HsCode, Incoterm, Lei, LoCode, Role, Roles, Text, UnitCode, date};

/// Reads `bytes` as every word of trade, as text and in canonical form: whatever is accepted comes back the same.
pub fn fuzz_words(bytes: &[u8]) {
    word::<Country>(bytes);
    word::<Lei>(bytes);
    word::<HsCode>(bytes);
    word::<LoCode>(bytes);
    word::<UnitCode>(bytes);
    word::<Incoterm>(bytes);
    word::<Text<120>>(bytes);
    canonical::<Roles>(bytes);
    if let Ok(role) = std::str::from_utf8(bytes).unwrap_or_default().parse::<Role>() {
        assert!(Role::ALL.contains(&role));
    }
}

/// Reads `bytes` as every message between chains: whatever is accepted comes back the same.
pub fn fuzz_messages(bytes: &[u8]) {
    canonical::<FromIdentity>(bytes);
    canonical::<FromPayment>(bytes);
    canonical::<ToData>(bytes);
}

/// Writes the first eight of `bytes` as a moment.
pub fn fuzz_date(bytes: &[u8]) {
    let at = bytes.first_chunk().map_or(u64::MAX, |first| u64::from_le_bytes(*first));
    let at = ledger::Timestamp(at);
    assert!(!date::minute(at).is_empty() && !date::iso(at).is_empty());
}

fn word<T: FromStr + Display + PartialEq + BorshSerialize + BorshDeserialize>(bytes: &[u8]) {
    canonical::<T>(bytes);
    let Some(word) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<T>().ok()) else { return };
    assert!(word.to_string().as_bytes() == bytes, "a word shows as it was written");
    canonical::<T>(&ledger::hash::encode(&word));
}

fn canonical<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) {
    if let Ok(value) = T::try_from_slice(bytes) {
        assert!(ledger::hash::encode(&value) == bytes, "the canonical encoding is the only one");
    }
}
