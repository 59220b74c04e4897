//! The chain as the ledger calls it.

use ledger::{Address, Application, Body, Height, Read, Refusal, Run, SubChain, Timestamp};
use vocabulary::{FromIdentity, UnitCode};

use crate::audit::audit;
use crate::batch::Proposal;
use crate::config::{Config, ConfigError};
use crate::event::Event;
use crate::model::{Asset, AssetId, Request, RequestKind};
use crate::payload::Payload;
use crate::refused::Refused;
use crate::table::{ASSETS, CONFIG, COUNTERS, counter};
use crate::{asset, batch, bond, contract, money, offer, party, price, share, surety, terms};

/// The payment chain under the rules of one genesis.
#[derive(Clone, Debug)]
pub struct PaymentChain {
    config: Config,
}

impl PaymentChain {
    /// A chain under these rules.
    ///
    /// # Errors
    /// [`ConfigError`] when they cannot work.
    pub fn new(config: Config) -> Result<PaymentChain, ConfigError> {
        config.validate()?;
        Ok(PaymentChain { config })
    }

    /// The rules.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn execute(&self, run: &mut Run<'_>, sender: Address, payload: Payload) -> Result<(), Refused> {
        let config = &self.config;
        match payload {
            Payload::Transfer { to, asset, amount } => asset::transfer(run, sender, to, asset, amount),
            Payload::DefineAsset { name, hs, unit, decimals, product } => {
                let supply = clearing::Amount::ZERO;
                asset::define(
                    run,
                    Asset { name, hs: Some(hs), unit, decimals, issuer: sender, product, supply },
                )
            }
            Payload::RequestIssue { asset, amount, product, document } => {
                let kind = RequestKind::Issue { product, document };
                asset::ask(run, Request { owner: sender, asset, amount, kind })
            }
            Payload::RequestRedeem { asset, amount } => {
                asset::ask(run, Request { owner: sender, asset, amount, kind: RequestKind::Redeem })
            }
            Payload::GrantRequest { request } => asset::grant(run, sender, request),
            Payload::RefuseRequest { request, reason } => asset::refuse(run, sender, request, reason),
            Payload::PublishPrice { asset, price, as_of, source } => {
                price::publish(config, run, sender, asset, price::quotation(price, as_of, source))
            }
            Payload::PostOffer(terms) => offer::post(config, run, sender, terms),
            Payload::AmendOffer { offer, terms } => offer::amend(config, run, sender, offer, terms),
            Payload::CancelOffer { offer } => offer::cancel(run, sender, offer),
            Payload::SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings } => {
                let certificate = None;
                let proposal = Proposal { batch, declared_micro_usd, bound_micro_usd, certificate, rings };
                batch::submit(config, run, sender, proposal)
            }
            Payload::SubmitCertified { batch, declared_micro_usd, bound_micro_usd, certificate, rings } => {
                let certificate = Some(certificate);
                let proposal = Proposal { batch, declared_micro_usd, bound_micro_usd, certificate, rings };
                batch::submit(config, run, sender, proposal)
            }
            Payload::SignContract { contract } => contract::sign(run, sender, contract),
            Payload::DeclineContract { contract } => contract::decline(config, run, sender, contract),
            Payload::ShareSettlement { settlement, with, until } => {
                share::share(run, sender, settlement, with, until)
            }
            Payload::Bond { amount } => bond::add(run, sender, amount),
            Payload::Unbond { amount } => bond::take_back(run, sender, amount),
            Payload::BondValidator { validator, amount } => {
                surety::add(config, run, sender, validator, amount)
            }
            Payload::UnbondValidator { validator, amount } => {
                surety::take_back(config, run, sender, validator, amount)
            }
        }
    }

    /// Says in the first block what the genesis set, so that the events alone tell everything.
    fn announce(&self, run: &mut Run<'_>) {
        let id = AssetId::DEPOSIT;
        let Some(asset) = ASSETS.get(run.state(), &id) else { return };
        let supply = asset.supply;
        run.emit(&Event::AssetDefined { id, asset });
        run.emit(&Event::SupplyChanged { asset: id, supply });
        for (party, _) in &self.config.deposit.endowments {
            let balance = money::balance(run.state(), *party, id);
            run.emit(&Event::BalanceChanged { party: *party, asset: id, balance });
        }
    }
}

impl Application for PaymentChain {
    fn chain(&self) -> SubChain {
        SubChain::Payment
    }

    fn genesis(&self, run: &mut Run<'_>) {
        let config = &self.config;
        let mut rules = config.clone();
        rules.parties.clear();
        rules.deposit.endowments.clear();
        CONFIG.put(run.state_mut(), &(), &rules);
        let supply = config.endowed().expect("a valid config endows at most an amount");
        let asset = Asset {
            name: config.deposit.name.clone(),
            hs: None,
            unit: "H87".parse::<UnitCode>().expect("a piece is a known unit"),
            decimals: config.deposit.decimals,
            issuer: config.deposit.issuer,
            product: ledger::Hash::ZERO,
            supply,
        };
        ASSETS.put(run.state_mut(), &AssetId::DEPOSIT, &asset);
        COUNTERS.put(run.state_mut(), &counter::ASSET, &AssetId::DEPOSIT.0);
        for (account, amount) in &config.deposit.endowments {
            money::credit(run, *account, AssetId::DEPOSIT, *amount);
        }
        for word in &config.parties {
            party::hear(config, run, word.clone());
        }
    }

    fn terms(&self, state: &dyn Read, account: Address, payload: &[u8]) -> Result<String, Refusal> {
        let payload = Payload::decode(payload)?;
        Ok(terms::render(&self.config, state, account, &payload)?)
    }

    fn check(&self, state: &dyn Read, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        let sender = body.account;
        match payload {
            Payload::Transfer { to, asset, amount } => {
                party::admitted(state, sender)?;
                party::other(state, to, "to")?;
                Ok(money::covers(state, sender, asset, amount, "amount").map(|_| ())?)
            }
            Payload::SubmitClearing { batch, declared_micro_usd, bound_micro_usd, rings }
            | Payload::SubmitCertified { batch, declared_micro_usd, bound_micro_usd, rings, .. } => {
                party::admitted(state, sender)?;
                let certificate = None; // any hash has the right shape
                let proposal = Proposal { batch, declared_micro_usd, bound_micro_usd, certificate, rings };
                batch::check_shape(&self.config, &proposal)?;
                Ok(())
            }
            // What whoever is suspended may still do.
            Payload::CancelOffer { .. }
            | Payload::DeclineContract { .. }
            | Payload::ShareSettlement { .. }
            | Payload::Unbond { .. }
            | Payload::UnbondValidator { .. } => party::known(state, sender).map_err(Refusal::from),
            Payload::DefineAsset { .. }
            | Payload::RequestIssue { .. }
            | Payload::RequestRedeem { .. }
            | Payload::GrantRequest { .. }
            | Payload::RefuseRequest { .. }
            | Payload::PublishPrice { .. }
            | Payload::PostOffer(_)
            | Payload::AmendOffer { .. }
            | Payload::SignContract { .. }
            | Payload::Bond { .. }
            | Payload::BondValidator { .. } => {
                party::admitted(state, sender).map(|_| ()).map_err(Refusal::from)
            }
        }
    }

    fn charge(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        Ok(party::charge(&self.config, run, body.account, body.sequence, body.fee)?)
    }

    fn open(&self, run: &mut Run<'_>) {
        if run.height() == Height(1) {
            self.announce(run);
        }
        batch::end(&self.config, run);
        contract::lapse(&self.config, run);
        offer::expire(run);
        batch::close(&self.config, run);
    }

    fn apply(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        Ok(self.execute(run, body.account, payload)?)
    }

    fn receive(
        &self,
        run: &mut Run<'_>,
        from: SubChain,
        _number: u64,
        payload: &[u8],
    ) -> Result<(), Refusal> {
        match party::read(from, payload)? {
            FromIdentity::Party(word) => party::hear(&self.config, run, word),
            FromIdentity::Validators(seats) => surety::hear(&self.config, run, &seats)?,
            FromIdentity::Banned { validator, .. } => {
                surety::slash(&self.config, run, validator);
            }
            FromIdentity::Eased => run.ease(),
        }
        Ok(())
    }

    fn audit(&self, state: &dyn Read) -> Result<(), Refusal> {
        match audit(state) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Refusal::new("not-conserved", "balances", fault.to_string())),
        }
    }

    fn due(&self, state: &dyn Read, height: Height, time: Timestamp) -> bool {
        height <= Height(1)
            || batch::due(&self.config, state, height)
            || contract::any_waits(state)
            || offer::expiry_due(state, time)
    }
}
