//! What a genesis fixes for this chain.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Amount, Band, MAX_LEGS, Mode, Rules};
use ledger::Address;
use vocabulary::{Text, ToParty};

/// The rules that a genesis sets. They never change; the state keeps a copy for whoever reads it alone.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Config {
    /// Heights between the closes of two batches, above 0.
    pub interval: u64,
    /// Heights for which the book stays frozen for solvers, 1 to `interval`.
    pub window: u64,
    /// Heights for which a contract waits for signatures, above 0.
    pub signing_window: u64,
    /// The fairness band around the reference.
    pub band: Band,
    /// The most legs of a ring, 2 to 6.
    pub max_assets: u8,
    /// Who may state reference prices, with the name that people see.
    pub feeds: Vec<(Text<80>, Address)>,
    /// A quotation counts only while it is younger than this.
    pub price_max_age_ms: u64,
    /// The deposit asset, number 1: for bonds and fees, never traded.
    pub deposit: Deposit,
    /// What a transaction beyond the free quota costs, in the deposit asset.
    pub fee: Amount,
    /// Where fees and fines go.
    pub fee_account: Address,
    /// Transactions that an account may send each day (UTC) without a fee.
    pub free_per_day: u64,
    /// The least bond with which a solver may submit.
    pub min_bond: Amount,
    /// What a false declaration costs, out of the bond.
    pub fine: Amount,
    /// The least bond with which a validator that is admitted later decides; 0 asks for none.
    pub min_validator_bond: Amount,
    /// For how long a validator's bond is held after it has left, in milliseconds: evidence may come late.
    pub unbonding_ms: u64,
    /// The most that a party's open indicative offers may be worth together, in millionths of a US dollar.
    pub open_indicative_cap: u128,
    /// How many live offers a party may have.
    pub offers_per_party: u32,
    /// How many days ahead an offer may be valid.
    pub max_offer_days: u32,
    /// The parties that the identity chain's own genesis registers, so that they need not wait for its word.
    pub parties: Vec<ToParty>,
}

/// The deposit asset of a genesis.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deposit {
    /// Its name, for instance `deposit dollar`.
    pub name: Text<80>,
    /// Its decimals, 0 to 12.
    pub decimals: u8,
    /// The operator, who issues it against money paid in and redeems it.
    pub issuer: Address,
    /// What accounts hold of it at the start.
    pub endowments: Vec<(Address, Amount)>,
}

/// A genesis that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No batch would ever close.
    #[error("interval: at least 1")]
    Interval,
    /// The window does not fit between two closes.
    #[error("window: 1 to the interval")]
    Window,
    /// Contracts would dissolve at once.
    #[error("signing_window: at least 1")]
    SigningWindow,
    /// Not a number of legs.
    #[error("max_assets: 2 to {MAX_LEGS}")]
    MaxAssets,
    /// A feed is named twice.
    #[error("feeds: each account once")]
    FeedTwice,
    /// Too many decimals.
    #[error("deposit: at most {} decimals", Config::MAX_DECIMALS)]
    Decimals,
    /// The endowments together pass the largest amount.
    #[error("deposit: the endowments together exceed 10^27 smallest units")]
    Endowments,
    /// A fine that a bond need not cover.
    #[error("min_bond: at least the fine")]
    FineAboveBond,
    /// No party could offer anything.
    #[error("offers_per_party, max_offer_days: at least 1")]
    NoOffers,
}

impl Config {
    /// The most decimals that an asset may have here.
    pub const MAX_DECIMALS: u8 = 12;

    /// The rules of the demo market, with `operator` issuing the deposit asset and collecting the fees: a batch
    /// every 20 heights, 4 of them frozen; 1200 heights to sign; a band of two per cent.
    #[must_use]
    pub fn with_operator(operator: Address) -> Config {
        let cents = |dollars: u128| Amount::new(dollars * 100).expect("a few dollars are an amount");
        Config {
            interval: 20,
            window: 4,
            signing_window: 1200,
            band: Band::DEFAULT,
            max_assets: 6,
            feeds: Vec::new(),
            price_max_age_ms: 7 * ledger::Timestamp::DAY_MS,
            deposit: Deposit {
                name: "deposit dollar".parse().expect("the name is a text"),
                decimals: 2,
                issuer: operator,
                endowments: Vec::new(),
            },
            fee: Amount::new(5).expect("five cents are an amount"),
            fee_account: operator,
            free_per_day: 500,
            min_bond: cents(10_000),
            fine: cents(1_000),
            min_validator_bond: Amount::ZERO,
            unbonding_ms: 21 * ledger::Timestamp::DAY_MS,
            open_indicative_cap: 250_000_000 * 1_000_000,
            offers_per_party: 100,
            max_offer_days: 366,
            parties: Vec::new(),
        }
    }

    /// The clearing rules of every batch: ring mode.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules { mode: Mode::Ring, band: self.band, max_assets: self.max_assets }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// The first [`ConfigError`], in the order of its variants.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let ensure = |holds: bool, error: ConfigError| if holds { Ok(()) } else { Err(error) };
        ensure(self.interval > 0, ConfigError::Interval)?;
        ensure((1..=self.interval).contains(&self.window), ConfigError::Window)?;
        ensure(self.signing_window > 0, ConfigError::SigningWindow)?;
        ensure((2..=MAX_LEGS).contains(&usize::from(self.max_assets)), ConfigError::MaxAssets)?;
        let mut feeds: Vec<Address> = self.feeds.iter().map(|(_, account)| *account).collect();
        feeds.sort_unstable();
        ensure(feeds.windows(2).all(|pair| pair[0] != pair[1]), ConfigError::FeedTwice)?;
        ensure(self.deposit.decimals <= Config::MAX_DECIMALS, ConfigError::Decimals)?;
        self.endowed().map_err(|_| ConfigError::Endowments)?;
        ensure(self.fine <= self.min_bond, ConfigError::FineAboveBond)?;
        ensure(self.offers_per_party > 0 && self.max_offer_days > 0, ConfigError::NoOffers)
    }

    /// The deposit asset's supply at the start.
    pub(crate) fn endowed(&self) -> Result<Amount, clearing::AmountError> {
        self.deposit.endowments.iter().try_fold(Amount::ZERO, |sum, (_, amount)| sum.checked_add(*amount))
    }
}
