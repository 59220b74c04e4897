//! A small business for the tests of the ledger: people hold coins, pay each other, and pass notes to the other
//! chains. Whoever is told "no" refuses the note.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::koma::Evidence;
use ledger::{
    Address, Application, Body, Cell, Engine, Genesis, Hash, Height, KeyPair, Ledger, LocalEngine, Options,
    PublicKey, Read, Refusal, Run, SubChain, Table, Timestamp, Transaction,
};

pub const BALANCES: Table<Address, u128> = Table::new(40);
pub const NOTES: Table<(SubChain, u64), String> = Table::new(41);
pub const RETURNED: Table<(SubChain, u64), String> = Table::new(42);
pub const ALARM: Cell<Timestamp> = Cell::new(43);

/// An alarm at this moment tells the data chain more than a message can carry.
pub const LOUD: Timestamp = Timestamp(13);

/// What one may ask of this chain.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub enum Order {
    Pay {
        to: Address,
        amount: u128,
    },
    Tell {
        to: SubChain,
        note: String,
    },
    Wake {
        at: Timestamp,
    },
    /// Says who decides from now on, here and on the other chains.
    Appoint {
        members: Vec<(PublicKey, u64)>,
    },
    /// Brings evidence: whoever it is against decides no more, here and on the other chains.
    Accuse {
        evidence: Box<Evidence>,
    },
    /// Says that the grade of the genesis is enough again, here.
    Ease,
}

/// What happens on it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    Paid { amount: u128 },
    Rang,
}

/// The business: everyone named here begins with 1000 coins.
pub struct Coins {
    pub chain: SubChain,
    pub owners: Vec<Address>,
}

impl Application for Coins {
    fn chain(&self) -> SubChain {
        self.chain
    }

    fn genesis(&self, run: &mut Run<'_>) {
        for owner in &self.owners {
            BALANCES.put(run.state_mut(), owner, &1000);
        }
    }

    fn terms(&self, _: &dyn Read, _: Address, payload: &[u8]) -> Result<String, Refusal> {
        Order::try_from_slice(payload)
            .map(|order| format!("{order:?}"))
            .map_err(|_| Refusal::new("malformed", "payload", "not an order of this chain"))
    }

    fn check(&self, state: &dyn Read, body: &Body) -> Result<(), Refusal> {
        match BALANCES.has(state, &body.account) {
            true => Ok(()),
            false => Err(Refusal::new("unknown-party", "account", "party not yet known on this chain")),
        }
    }

    fn charge(&self, _: &mut Run<'_>, _: &Body) -> Result<(), Refusal> {
        Ok(())
    }

    fn open(&self, run: &mut Run<'_>) {
        if let Some(at) = ALARM.get(run.state()).filter(|at| *at <= run.time()) {
            ALARM.put(run.state_mut(), &Timestamp(u64::MAX));
            run.emit(&Event::Rang);
            if at == LOUD {
                run.send(SubChain::Data, &"x".repeat(64 << 10));
            }
        }
    }

    fn apply(&self, run: &mut Run<'_>, body: &Body) -> Result<(), Refusal> {
        match Order::try_from_slice(&body.payload).expect("terms read it before") {
            Order::Pay { to, amount } => {
                let held = BALANCES.get(run.state(), &body.account).unwrap_or(0);
                // Written before it is checked, so that a refusal has something to undo.
                BALANCES.put(run.state_mut(), &body.account, &held.saturating_sub(amount));
                let theirs = BALANCES.get(run.state(), &to).unwrap_or(0);
                BALANCES.put(run.state_mut(), &to, &(theirs + amount));
                run.emit(&Event::Paid { amount });
                if held < amount {
                    return Err(Refusal::new("too-little", "amount", format!("you hold {held} coins")));
                }
            }
            Order::Tell { to, note } => {
                run.send(to, &note);
            }
            Order::Ease => run.ease(),
            Order::Wake { at } => ALARM.put(run.state_mut(), &at),
            Order::Appoint { members } => appoint(run, (members, None)),
            Order::Accuse { evidence } => {
                let accused = evidence
                    .prove(run.state())
                    .map_err(|error| Refusal::new("unproven", "evidence", error.to_string()))?;
                run.ban(accused.validator);
                let mut members = run.following();
                members.retain(|(key, _)| *key != accused.validator);
                appoint(run, (members, Some(accused.validator)));
            }
        }
        Ok(())
    }

    fn receive(&self, run: &mut Run<'_>, from: SubChain, number: u64, payload: &[u8]) -> Result<(), Refusal> {
        if let Ok((members, banned)) = Appointment::try_from_slice(payload) {
            banned.into_iter().for_each(|key| {
                run.ban(key);
            });
            run.set_following(members).expect("these can decide");
            return Ok(());
        }
        let note = String::try_from_slice(payload)
            .map_err(|_| Refusal::new("malformed", "payload", "not a note"))?;
        NOTES.put(run.state_mut(), &(from, number), &note);
        if note.starts_with("no ") {
            return Err(Refusal::new("unwanted", "note", note));
        }
        if note == "no" { Err(Refusal::new("unwanted", "note", "we do not take this")) } else { Ok(()) }
    }

    fn returned(&self, run: &mut Run<'_>, by: SubChain, number: u64, refusal: &Refusal) {
        RETURNED.put(run.state_mut(), &(by, number), &refusal.code);
    }

    fn audit(&self, state: &dyn Read) -> Result<(), Refusal> {
        let total: u128 = BALANCES.all(state).iter().map(|(_, held)| held).sum();
        match total == 1000 * self.owners.len() as u128 {
            true => Ok(()),
            false => Err(Refusal::new("unbalanced", "coins", format!("{total} coins exist"))),
        }
    }

    fn due(&self, state: &dyn Read, _: Height, time: Timestamp) -> bool {
        ALARM.get(state).is_some_and(|at| at <= time)
    }
}

/// Who decides, and who never does again.
pub type Appointment = (Vec<(PublicKey, u64)>, Option<PublicKey>);

fn appoint(run: &mut Run<'_>, appointment: Appointment) {
    run.set_following(appointment.0.clone()).expect("these can decide");
    let here = run.chain();
    for to in SubChain::ALL.into_iter().filter(|to| *to != here) {
        run.send(to, &appointment);
    }
}

/// Somebody with a key.
pub fn person(seed: u8) -> KeyPair {
    KeyPair::from_seed([seed; 32])
}

pub fn alice() -> KeyPair {
    person(1)
}

pub fn bob() -> KeyPair {
    person(2)
}

pub fn validator() -> KeyPair {
    person(200)
}

pub fn engine() -> Box<dyn Engine> {
    Box::new(LocalEngine::new(validator(), 1))
}

pub fn genesis() -> Genesis {
    Genesis::new(Timestamp(1_000), vec![(validator().public(), 1)], [b"identity", b"data", b"payment"])
        .expect("one validator of weight 1")
}

pub fn coins(chain: SubChain) -> Arc<Coins> {
    Arc::new(Coins { chain, owners: vec![alice().public().address(), bob().public().address()] })
}

pub fn open(chain: SubChain, options: Options) -> Ledger {
    Ledger::open(coins(chain), &genesis(), options).expect("the ledger opens")
}

pub fn in_memory(chain: SubChain) -> Ledger {
    open(chain, Options::memory(validator()))
}

/// What `who` signs for `ledger`'s chain.
pub fn order(chain: Hash, who: &KeyPair, sequence: u64, order: &Order) -> Transaction {
    Body {
        version: 1,
        chain,
        account: who.public().address(),
        key: who.public(),
        sequence,
        expires: Height(1_000_000),
        fee: 0,
        terms: ledger::transaction::terms_hash(&format!("{order:?}")),
        payload: borsh::to_vec(order).expect("in memory"),
    }
    .sign(who)
}

pub fn pay(ledger: &Ledger, from: &KeyPair, to: &KeyPair, amount: u128) -> Transaction {
    let next = ledger.next_sequence(from.public().address());
    order(ledger.chain_id(), from, next, &Order::Pay { to: to.public().address(), amount })
}

pub fn tell(ledger: &Ledger, from: &KeyPair, to: SubChain, note: &str) -> Transaction {
    let next = ledger.next_sequence(from.public().address());
    order(ledger.chain_id(), from, next, &Order::Tell { to, note: note.to_owned() })
}

pub fn held(ledger: &Ledger, who: &KeyPair) -> u128 {
    ledger.view(|state| BALANCES.get(state, &who.public().address())).unwrap_or(0)
}
