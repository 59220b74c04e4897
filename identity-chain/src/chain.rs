//! The identity chain as the ledger calls it.

use ledger::state::Read;
use ledger::transaction::terms_hash;
use ledger::{
    AccountKey, Address, Application, Body, Height, PublicKey, Refusal, Run, Scope, SubChain, Timestamp,
};
use vocabulary::{FromIdentity, FromPayment, Role, Roles, Standing, Text, ToIdentity};

use crate::config::{Config, ConfigError, GenesisParty};
use crate::council;
use crate::event::Event;
use crate::party::{Decision, Party};
use crate::payload::{Payload, Registration};
use crate::rules::{Case, live_keys, registered_on, sent_on};
use crate::tables::{
    BOND_NEEDED, CREDIT, ENTRIES, GRANTS, KEY_OWNERS, LEIS, NUMBERS, OPERATORS, PARTIES, REGISTERED, SENT,
    UNANNOUNCED, lei_key, number_key,
};
use crate::terms;

/// The chain of who: organisations, keys, roles, standing, credit.
#[derive(Clone, Debug)]
pub struct IdentityChain {
    config: Config,
}

impl IdentityChain {
    /// The chain of a genesis.
    ///
    /// # Errors
    /// [`ConfigError`] when `config` cannot start a chain.
    pub fn new(config: Config) -> Result<IdentityChain, ConfigError> {
        config.check()?;
        Ok(IdentityChain { config })
    }
}

impl Application for IdentityChain {
    fn chain(&self) -> SubChain {
        SubChain::Identity
    }

    fn genesis(&self, run: &mut Run<'_>) {
        let at = run.time();
        for GenesisParty { registration, roles, account, keys } in &self.config.parties {
            claim_names(run, *account, registration);
            let keys: Vec<AccountKey> =
                keys.iter().map(|key| AccountKey { key: *key, scope: Scope::Full }).collect();
            for key in &keys {
                KEY_OWNERS.put(run.state_mut(), &key.key, account);
            }
            run.set_keys(*account, keys);
            let party = Party {
                registration: registration.clone(),
                standing: Standing::Admitted,
                roles: *roles,
                registered: at,
                decision: None,
            };
            PARTIES.put(run.state_mut(), account, &party);
            UNANNOUNCED.put(run.state_mut(), account, &());
        }
        let operators = self.config.parties.iter().filter(|party| party.roles.has(Role::Operator));
        OPERATORS.put(run.state_mut(), &operators.map(|party| party.account).collect());
        BOND_NEEDED.put(run.state_mut(), &self.config.bond_needed);
        council::found(run, &self.config.validators, self.config.operator());
    }

    fn terms(&self, state: &dyn Read, account: Address, payload: &[u8]) -> Result<String, Refusal> {
        Ok(terms::render(state, account, &Payload::decode(payload)?)?)
    }

    /// Asks in the order of execution: whether the sender may send, the terms, whether it can be done.
    fn check(&self, state: &dyn Read, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        let case = Case { config: &self.config, state, now: None, body, payload: &payload };
        case.admissible()?;
        if terms_hash(&terms::render(state, body.account, &payload)?) != body.terms {
            let reason = "the signed terms are not those of this transaction: read them again and sign again";
            return Err(Refusal::new("other-terms", "terms", reason));
        }
        Ok(case.permitted()?)
    }

    /// There is no fee here: a transaction counts against its account's quota for the day.
    fn charge(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        let now = run.time();
        let case = Case { config: &self.config, state: run.state(), now: Some(now), body, payload: &payload };
        case.admissible()?;
        let sent = sent_on(run.state(), body.account, now).saturating_add(1);
        SENT.put(run.state_mut(), &body.account, &(now.day(), sent));
        Ok(())
    }

    /// In the first block, tells the other chains of the parties and validators of the genesis.
    fn open(&self, run: &mut Run<'_>) {
        if run.height() == Height(1) {
            council::announce(run);
        }
        council::expire(run);
        for (account, ()) in UNANNOUNCED.all(run.state()) {
            UNANNOUNCED.remove(run.state_mut(), &account);
            let party = PARTIES.get(run.state(), &account).expect("the genesis wrote its parties");
            run.emit(&Event::Registered { party: account, registration: party.registration.clone() });
            run.emit(&Event::KeysChanged { party: account, keys: stored_keys(run, account) });
            standing_changed(run, account, &party, Address::default(), None);
            push(run, account);
        }
    }

    fn apply(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        let payload = Payload::decode(&body.payload)?;
        let now = Some(run.time());
        Case { config: &self.config, state: run.state(), now, body, payload: &payload }.permitted()?;
        let (sender, full) = (body.account, Scope::Full);
        match payload {
            Payload::Register(registration) => register(run, body, registration),
            Payload::AddKey { key } => {
                change_keys(run, sender, |keys| keys.push(AccountKey { key, scope: full }));
            }
            Payload::RemoveKey { key } => {
                change_keys(run, sender, |keys| keys.retain(|known| known.key != key));
            }
            Payload::InviteKey { code, until } => {
                let code = AccountKey { key: code, scope: Scope::EnrolOnce { until } };
                change_keys(run, sender, |keys| keys.push(code));
            }
            Payload::EnrolKey { key } => change_keys(run, sender, |keys| {
                keys.retain(|known| known.key != body.key);
                keys.push(AccountKey { key, scope: full });
            }),
            Payload::Admit { party, roles } => {
                decide(run, party, sender, Standing::Admitted, Some(roles), None);
            }
            Payload::Refuse { party, reason } => {
                release_names(run, party);
                decide(run, party, sender, Standing::Refused, None, Some(reason));
            }
            Payload::Suspend { party, reason } => {
                decide(run, party, sender, Standing::Suspended, None, Some(reason));
            }
            Payload::Reinstate { party, reason } => {
                decide(run, party, sender, Standing::Admitted, None, Some(reason));
            }
            Payload::ShareCredit { with, until } => {
                if until <= run.time() {
                    GRANTS.remove(run.state_mut(), &(sender, with));
                } else {
                    GRANTS.put(run.state_mut(), &(sender, with), &until);
                }
                run.emit(&Event::CreditShared { party: sender, with, until });
            }
            Payload::Propose { change, until } => council::propose(run, sender, change, until),
            Payload::Vote { proposal } => council::vote(run, sender, proposal),
            Payload::Leave { validator } => council::leave(run, validator),
            Payload::Accuse { evidence } => {
                let accusation = evidence.against(run.state()).expect("the rules found whom it is against");
                council::ban(run, sender, &accusation, &evidence);
            }
        }
        Ok(())
    }

    /// Takes the payment chain's word: entries of credit records, about known parties only, and on bonds.
    fn receive(&self, run: &mut Run<'_>, from: SubChain, _: u64, payload: &[u8]) -> Result<(), Refusal> {
        if from != SubChain::Payment {
            let reason = format!("the identity chain hears of conduct from payment, not from {from}");
            return Err(Refusal::new("wrong-sender", "from", reason));
        }
        let entry: ToIdentity = match vocabulary::field::decode(payload)? {
            FromPayment::Conduct(entry) => entry,
            FromPayment::Bond { validator, organisation, enough } => {
                council::bonded(run, validator, organisation, enough);
                return Ok(());
            }
        };
        if !PARTIES.has(run.state(), &entry.party) {
            let reason = format!("no organisation is registered under account {}", entry.party);
            return Err(Refusal::new("party-unknown", "party", reason));
        }
        let credit = CREDIT.get(run.state(), &entry.party).unwrap_or_default();
        ENTRIES.put(run.state_mut(), &(entry.party, credit.entries()), &entry);
        CREDIT.put(run.state_mut(), &entry.party, &credit.with(&entry));
        run.emit(&Event::CreditRecorded(entry));
        Ok(())
    }

    /// The parties of the genesis wait for a block, and proposals whose time ran out; everything else waits for somebody
    /// to ask.
    fn due(&self, state: &dyn Read, _: Height, time: Timestamp) -> bool {
        let mut waiting = false;
        UNANNOUNCED.scan(state, &(), |_, ()| {
            waiting = true;
            false
        });
        waiting || council::expiry_due(state, time)
    }
}

fn register(run: &mut Run<'_>, body: &Body, registration: Registration) {
    let now = run.time();
    let count = registered_on(run.state(), now).saturating_add(1);
    REGISTERED.put(run.state_mut(), &(now.day(), count));
    claim_names(run, body.account, &registration);
    run.emit(&Event::Registered { party: body.account, registration: registration.clone() });
    let party = Party {
        registration,
        standing: Standing::Pending,
        roles: Roles::default(),
        registered: now,
        decision: None,
    };
    PARTIES.put(run.state_mut(), &body.account, &party);
    if stored_keys(run, body.account).is_empty() {
        let first = AccountKey { key: body.key, scope: Scope::Full };
        KEY_OWNERS.put(run.state_mut(), &body.key, &body.account);
        run.set_keys(body.account, vec![first]);
        run.emit(&Event::KeysChanged { party: body.account, keys: vec![first] });
    }
    standing_changed(run, body.account, &party, body.account, None);
    push(run, body.account);
}

/// Replaces the keys of an account by what `change` makes of them; codes that are void go at the same time.
fn change_keys(run: &mut Run<'_>, account: Address, change: impl FnOnce(&mut Vec<AccountKey>)) {
    let before = stored_keys(run, account);
    let mut keys = live_keys(run.state(), account, run.time());
    change(&mut keys);
    for gone in before.iter().filter(|known| !keys.iter().any(|kept| kept.key == known.key)) {
        KEY_OWNERS.remove(run.state_mut(), &gone.key);
    }
    for new in &keys {
        KEY_OWNERS.put(run.state_mut(), &new.key, &account);
    }
    run.set_keys(account, keys.clone());
    let full = |keys: &[AccountKey]| -> Vec<PublicKey> {
        keys.iter().filter(|known| known.scope == Scope::Full).map(|known| known.key).collect()
    };
    if full(&before) != full(&keys) {
        push(run, account);
    }
    run.emit(&Event::KeysChanged { party: account, keys });
}

/// Gives a party another standing and, where they are given, other roles.
fn decide(
    run: &mut Run<'_>,
    account: Address,
    by: Address,
    standing: Standing,
    roles: Option<Roles>,
    reason: Option<Text<200>>,
) {
    let mut party = PARTIES.get(run.state(), &account).expect("the rules found the party");
    party.standing = standing;
    party.roles = roles.unwrap_or(party.roles);
    party.decision = Some(Decision { by, at: run.time(), reason: reason.clone() });
    PARTIES.put(run.state_mut(), &account, &party);
    standing_changed(run, account, &party, by, reason);
    push(run, account);
}

fn standing_changed(
    run: &mut Run<'_>,
    account: Address,
    party: &Party,
    by: Address,
    reason: Option<Text<200>>,
) {
    let Party { standing, roles, .. } = *party;
    run.emit(&Event::StandingChanged { party: account, standing, roles, by, reason });
}

/// Tells the other chains all that they need to know of a party.
fn push(run: &mut Run<'_>, account: Address) {
    let party = PARTIES.get(run.state(), &account).expect("only parties are spoken of");
    let message = FromIdentity::Party(party.message(account, &stored_keys(run, account)));
    run.send(SubChain::Data, &message);
    run.send(SubChain::Payment, &message);
}

fn stored_keys(run: &Run<'_>, account: Address) -> Vec<AccountKey> {
    ledger::account::account(run.state(), account).keys.unwrap_or_default()
}

fn claim_names(run: &mut Run<'_>, account: Address, registration: &Registration) {
    let number = number_key(registration.country, &registration.registration_number);
    NUMBERS.put(run.state_mut(), &number, &account);
    if let Some(lei) = registration.lei {
        LEIS.put(run.state_mut(), &lei_key(lei), &account);
    }
}

/// A party that was turned down keeps neither number nor LEI from whom they belong to.
fn release_names(run: &mut Run<'_>, account: Address) {
    let party = PARTIES.get(run.state(), &account).expect("the rules found the party");
    let Registration { registration_number, country, lei, .. } = &party.registration;
    NUMBERS.remove(run.state_mut(), &number_key(*country, registration_number));
    if let Some(lei) = lei {
        LEIS.remove(run.state_mut(), &lei_key(*lei));
    }
}
