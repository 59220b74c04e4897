//! Who plays in the stories of the identity chain.

use identity_chain::{Config, Event, GenesisParty, IdentityChain, Payload, Registration, view};
use ledger::hash::encode;
use ledger::{Address, KeyPair, Refusal, SubChain};
use vocabulary::messages::{Conduct, ToIdentity, ToParty};
use vocabulary::{FromIdentity, Role, Roles, Standing};

use crate::stage::{Stage, person};

pub(crate) const OPERATOR: u8 = 1;
pub(crate) const SUPERVISOR: u8 = 2;
pub(crate) const DHAKA_MILLS: u8 = 3;
pub(crate) const MEKONG_COFFEE: u8 = 4;
pub(crate) const ALMATY_FUEL: u8 = 5;

pub(crate) fn account(who: u8) -> Address {
    person(who).public().address()
}

pub(crate) fn registration(name: &str, number: &str, roles: &[Role]) -> Registration {
    Registration {
        name: name.parse().expect("a name"),
        registration_number: number.parse().expect("a number"),
        country: "BD".parse().expect("a country"),
        place: Some("BDCGP".parse().expect("a place")),
        lei: None,
        roles: Roles::of(roles),
    }
}

pub(crate) fn mills() -> Registration {
    Registration {
        lei: Some("529900T8BM49AURSDO55".parse().expect("an LEI")),
        ..registration("Dhaka Mills Ltd", "C-12345", &[Role::Trader])
    }
}

pub(crate) fn coffee() -> Registration {
    registration("Mekong Coffee JSC", "C-777", &[Role::Trader, Role::Gateway])
}

pub(crate) fn genesis_party(who: u8, name: &str, role: Role) -> GenesisParty {
    let registration = registration(name, &format!("G-{who}"), &[role]);
    let keys = vec![person(who).public()];
    GenesisParty { registration, roles: Roles::of(&[role]), account: account(who), keys }
}

pub(crate) fn config() -> Config {
    Config {
        parties: vec![
            genesis_party(OPERATOR, "Permuta Operations", Role::Operator),
            genesis_party(SUPERVISOR, "Trade Supervision Office", Role::Supervisor),
        ],
        registrations_per_day: 5,
        free_per_day: 40,
        validators: vec![],
        bond_needed: false,
    }
}

pub(crate) type Identity = Stage<IdentityChain>;

pub(crate) fn open_with(config: Config) -> Identity {
    let mut stage = Stage::open(IdentityChain::new(config).expect("a good config"));
    stage.block(vec![], vec![]);
    stage
}

pub(crate) fn open() -> Identity {
    open_with(config())
}

impl Identity {
    /// Somebody asks for something with his first key.
    pub(crate) fn ask(&mut self, who: u8, payload: &Payload) -> Result<Vec<Event>, Refusal> {
        self.ask_with(who, &person(who), payload)
    }

    /// Somebody asks for something with another key.
    pub(crate) fn ask_with(
        &mut self,
        who: u8,
        key: &KeyPair,
        payload: &Payload,
    ) -> Result<Vec<Event>, Refusal> {
        let events = self.send(account(who), key, encode(payload))?;
        Ok(events.iter().map(|event| borsh::from_slice(event).expect("an event")).collect())
    }

    pub(crate) fn done(&mut self, who: u8, payload: &Payload) -> Vec<Event> {
        self.ask(who, payload).expect("this can be done")
    }

    pub(crate) fn refused(&mut self, who: u8, payload: &Payload, code: &str, field: &str) {
        let refusal = self.ask(who, payload).expect_err(code);
        assert_eq!((refusal.code.as_str(), refusal.field.as_str()), (code, field), "{refusal}");
    }

    /// Dhaka Mills registers and is admitted as a trader.
    pub(crate) fn admit_mills(&mut self) {
        self.done(DHAKA_MILLS, &Payload::Register(mills()));
        self.done(OPERATOR, &admit(DHAKA_MILLS, &[Role::Trader]));
    }

    pub(crate) fn standing(&self, who: u8) -> Option<Standing> {
        view::standing(&self.state, account(who))
    }

    /// What the other chains have been told of somebody since the message with this index.
    pub(crate) fn told(&self, who: u8, since: usize, chain: SubChain) -> Vec<ToParty> {
        let to_chain = self.sent[since..].iter().filter(|sent| sent.envelope.to == chain);
        let words = to_chain.filter_map(|sent| match &sent.envelope.body {
            ledger::MessageBody::Deliver(bytes) => party_word(bytes),
            ledger::MessageBody::Failed { .. } | ledger::MessageBody::Validators { .. } => None,
        });
        words.filter(|word| word.party == account(who)).collect()
    }
}

/// The word on a party, if this is one.
pub(crate) fn party_word(bytes: &[u8]) -> Option<ToParty> {
    match borsh::from_slice(bytes).expect("a word of this chain") {
        FromIdentity::Party(word) => Some(word),
        FromIdentity::Validators(_) | FromIdentity::Banned { .. } | FromIdentity::Eased => None,
    }
}

pub(crate) fn admit(who: u8, roles: &[Role]) -> Payload {
    Payload::Admit { party: account(who), roles: Roles::of(roles) }
}

pub(crate) fn suspend(who: u8) -> Payload {
    Payload::Suspend { party: account(who), reason: "Goods were not there".parse().expect("a reason") }
}

pub(crate) fn reinstate(who: u8) -> Payload {
    Payload::Reinstate { party: account(who), reason: "Goods were found".parse().expect("a reason") }
}

pub(crate) fn refuse(who: u8) -> Payload {
    Payload::Refuse { party: account(who), reason: "No such register entry".parse().expect("a reason") }
}

pub(crate) fn conduct(who: u8, conduct: Conduct, value_micro_usd: u128) -> ToIdentity {
    ToIdentity {
        party: account(who),
        conduct,
        about: ledger::Hash([9; 32]),
        value_micro_usd,
        at: ledger::Timestamp(1_795_248_000_000),
    }
}
