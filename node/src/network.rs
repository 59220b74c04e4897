//! The genesis of a network and the settings of its three chains, as they lie in a node's folder.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use borsh::{BorshDeserialize, BorshSerialize};
use data_chain::DataChain;
use identity_chain::IdentityChain;
use ledger::genesis::Rules;
use ledger::hash::{Hash, Tag, encode};
use ledger::{Application, Genesis, PublicKey, SubChain, Timestamp};
use payment_chain::PaymentChain;

use crate::home;

/// The file with the canonical bytes of the genesis: what `permuta verify-proof --genesis` reads.
pub(crate) const GENESIS_FILE: &str = "genesis";

/// What the three chains start from.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Settings {
    /// Who trades.
    pub(crate) identity: identity_chain::Config,
    /// What is traded.
    pub(crate) data: data_chain::Config,
    /// Value.
    pub(crate) payment: payment_chain::Config,
}

/// A network: its genesis, and the chains with the settings that the genesis names.
#[derive(Clone)]
pub(crate) struct Network {
    /// Its hash names the network.
    pub(crate) genesis: Genesis,
    /// What its hashes are of.
    pub(crate) settings: Settings,
}

impl Network {
    /// A network that begins at `time` with validators of these weights, who follow these rules.
    ///
    /// # Errors
    /// The settings cannot start a chain, or the validators cannot run one.
    pub(crate) fn new(
        time: Timestamp,
        validators: Vec<(PublicKey, u64)>,
        rules: Rules,
        settings: Settings,
    ) -> Result<Network> {
        let bytes = settings.bytes();
        let parts = [bytes[0].as_slice(), bytes[1].as_slice(), bytes[2].as_slice()];
        let genesis = Genesis::new(time, validators, parts)?.with_rules(rules)?;
        let network = Network { genesis, settings };
        network.check()?;
        Ok(network)
    }

    /// Reads the network of a folder; `None` when there is none yet.
    ///
    /// # Errors
    /// A file is missing or damaged, or the settings are not those that the genesis names.
    pub(crate) fn read(dir: &Path) -> Result<Option<Network>> {
        let Some(bytes) = home::read_if_there(&dir.join(GENESIS_FILE))? else { return Ok(None) };
        let genesis = Genesis::decode(&bytes).context("the file genesis is damaged")?;
        let path = dir.join("settings");
        let bytes = home::read_if_there(&path)?
            .with_context(|| format!("{} is missing: restore it from a copy", path.display()))?;
        let settings = Settings::try_from_slice(&bytes).with_context(|| {
            format!(
                "{} is damaged, or of another version of permuta; --reset begins a new demo",
                path.display()
            )
        })?;
        let network = Network { genesis, settings };
        network.check()?;
        Ok(Some(network))
    }

    /// Keeps the network in a folder. The genesis comes last: where it stands, the rest does too.
    ///
    /// # Errors
    /// The files cannot be written.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        home::write_durably(&dir.join("settings"), &encode(&self.settings), false)?;
        home::write_durably(&dir.join(GENESIS_FILE), &encode(&self.genesis), false)
    }

    /// The chains, in the order of [`SubChain::ALL`].
    pub(crate) fn chains(&self) -> Result<[Arc<dyn Application>; 3]> {
        let Settings { identity, data, payment } = self.settings.clone();
        Ok([
            Arc::new(IdentityChain::new(identity).context("settings of the identity chain")?),
            Arc::new(DataChain::new(data)),
            Arc::new(PaymentChain::new(payment).context("settings of the payment chain")?),
        ])
    }

    fn check(&self) -> Result<()> {
        for (chain, bytes) in SubChain::ALL.into_iter().zip(self.settings.bytes()) {
            if self.genesis.settings[chain as usize] != Hash::of(Tag::Content, &bytes) {
                bail!("the settings of the {chain} chain are not those that the genesis names");
            }
        }
        let Settings { identity, payment, .. } = &self.settings;
        if identity.bond_needed == payment.min_validator_bond.is_zero() {
            bail!("the settings of identity and payment differ on whether a validator needs a bond");
        }
        self.chains().map(drop)
    }
}

impl Settings {
    fn bytes(&self) -> [Vec<u8>; 3] {
        [encode(&self.identity), encode(&self.data), encode(&self.payment)]
    }
}
