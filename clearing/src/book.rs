//! The book: assets with their reference prices, and the offers over them.

use crate::{Amount, MAX_DECIMALS, Price};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// Names an asset within a book.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct AssetKey(pub u64);

/// Names a party within a book.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct PartyKey(pub [u8; 20]);

/// Names an offer within a book. The smaller key is the older offer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct OfferKey(pub u64);

impl fmt::Display for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for OfferKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An asset as far as clearing needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Asset {
    /// Its name in this book.
    pub key: AssetKey,
    /// Decimal places of a whole unit, 0 to 18.
    pub decimals: u8,
    /// The reference price, USD per whole unit: a valuation, never a ledger amount.
    pub reference: Price,
}

/// "I give up to `give_qty` of `give` and want at least `want_qty / give_qty` of `want` per unit given."
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// Its name in this book; the smaller key is the older offer.
    pub key: OfferKey,
    /// Who offers.
    pub party: PartyKey,
    /// The asset given.
    pub give: AssetKey,
    /// The most that is given, in smallest units, above 0.
    pub give_qty: Amount,
    /// The asset wanted, another one.
    pub want: AssetKey,
    /// What is wanted for all of `give_qty`, in smallest units, above 0; the limit is `want_qty / give_qty`.
    pub want_qty: Amount,
    /// Whether it may be filled in part; otherwise it is all or none.
    pub divisible: bool,
    /// The least that is given if anything is, in smallest units of `give`; at most `give_qty`.
    pub min_fill: Amount,
    /// Valid from this second (epoch) on.
    pub valid_from: u64,
    /// Valid until before this second (epoch).
    pub valid_until: u64,
}

impl Offer {
    /// Whether the offer is valid at `now`, in epoch seconds.
    #[must_use]
    pub const fn is_valid_at(&self, now: u64) -> bool {
        self.valid_from <= now && now < self.valid_until
    }

    /// The least that is given if anything is: everything for all-or-none, else `min_fill`, which may be zero.
    #[must_use]
    pub fn least_fill(&self) -> Amount {
        if self.divisible { self.min_fill } else { self.give_qty }
    }
}

/// Why a list of assets and offers is no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Two assets of one key.
    #[error("asset {0} is listed twice")]
    DuplicateAsset(AssetKey),
    /// An asset with more than 18 decimal places.
    #[error("asset {0} has more than {MAX_DECIMALS} decimal places")]
    TooManyDecimals(AssetKey),
    /// Two offers of one key.
    #[error("offer {0} is listed twice")]
    DuplicateOffer(OfferKey),
    /// An offer over an asset without a reference price.
    #[error("offer {offer} names asset {asset}, which has no reference price here")]
    UnknownAsset {
        /// The offer.
        offer: OfferKey,
        /// The asset that is missing.
        asset: AssetKey,
    },
    /// An offer that wants what it gives.
    #[error("offer {0} gives and wants the same asset")]
    SameAsset(OfferKey),
    /// An offer that gives nothing.
    #[error("offer {0} gives nothing")]
    ZeroGive(OfferKey),
    /// An offer that wants nothing.
    #[error("offer {0} wants nothing")]
    ZeroWant(OfferKey),
    /// A minimum above what is offered.
    #[error("offer {0} has a minimum fill above what it gives")]
    MinFillTooLarge(OfferKey),
    /// An offer that ends before it begins.
    #[error("offer {0} is never valid")]
    NeverValid(OfferKey),
}

/// A validated book, sorted by keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    assets: Vec<Asset>,
    offers: Vec<Offer>,
}

impl Book {
    /// Validates and sorts.
    ///
    /// # Errors
    /// The first [`BookError`] in key order, assets before offers, in the order of its variants.
    pub fn new(mut assets: Vec<Asset>, mut offers: Vec<Offer>) -> Result<Book, BookError> {
        assets.sort_by_key(|asset| asset.key);
        offers.sort_by_key(|offer| offer.key);
        if let Some(pair) = assets.windows(2).find(|pair| pair[0].key == pair[1].key) {
            return Err(BookError::DuplicateAsset(pair[0].key));
        }
        if let Some(asset) = assets.iter().find(|asset| asset.decimals > MAX_DECIMALS) {
            return Err(BookError::TooManyDecimals(asset.key));
        }
        if let Some(pair) = offers.windows(2).find(|pair| pair[0].key == pair[1].key) {
            return Err(BookError::DuplicateOffer(pair[0].key));
        }
        let book = Book { assets, offers };
        book.offers.iter().try_for_each(|offer| book.admits(offer))?;
        Ok(book)
    }

    /// Whether `offer` makes sense over the assets of this book; other offers of its key are not looked for.
    ///
    /// # Errors
    /// The first [`BookError`] about it, in the order of the variants.
    pub fn admits(&self, offer: &Offer) -> Result<(), BookError> {
        let key = offer.key;
        for asset in [offer.give, offer.want] {
            if self.asset(asset).is_none() {
                return Err(BookError::UnknownAsset { offer: key, asset });
            }
        }
        if offer.give == offer.want {
            return Err(BookError::SameAsset(key));
        }
        if offer.give_qty.is_zero() {
            return Err(BookError::ZeroGive(key));
        }
        if offer.want_qty.is_zero() {
            return Err(BookError::ZeroWant(key));
        }
        if offer.min_fill > offer.give_qty {
            return Err(BookError::MinFillTooLarge(key));
        }
        if offer.valid_until <= offer.valid_from {
            return Err(BookError::NeverValid(key));
        }
        Ok(())
    }

    /// The assets, by key.
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// The offers, by key.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// The asset of this key.
    #[must_use]
    pub fn asset(&self, key: AssetKey) -> Option<&Asset> {
        self.asset_index(key).map(|at| &self.assets[at])
    }

    /// Where the asset of this key stands in [`Book::assets`].
    #[must_use]
    pub fn asset_index(&self, key: AssetKey) -> Option<usize> {
        self.assets.binary_search_by_key(&key, |asset| asset.key).ok()
    }

    /// The offer of this key.
    #[must_use]
    pub fn offer(&self, key: OfferKey) -> Option<&Offer> {
        self.offer_index(key).map(|at| &self.offers[at])
    }

    /// Where the offer of this key stands in [`Book::offers`].
    #[must_use]
    pub fn offer_index(&self, key: OfferKey) -> Option<usize> {
        self.offers.binary_search_by_key(&key, |offer| offer.key).ok()
    }
}

/// The first live offer of the same party that gives what `new` wants or wants what it gives: nobody may stand on
/// both sides of an asset. Asked when an offer is posted; a book itself is not refused for it.
#[must_use]
pub fn crossing<'a>(live: impl IntoIterator<Item = &'a Offer>, new: &Offer) -> Option<OfferKey> {
    live.into_iter()
        .find(|old| old.party == new.party && (old.give == new.want || old.want == new.give))
        .map(|old| old.key)
}
