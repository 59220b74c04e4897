//! A validator: the engine with its clock, its disk and its host.

use std::collections::BTreeMap;

use ledger::koma::{Effect, Era, Event, Koma, Message, Mode, Part, Record};
use ledger::{Hash, Hasher, Height, KeyPair, Tag, Timestamp};

use crate::dice::Dice;
use crate::disk::Disk;
use crate::host::{Executed, Host, SimBlock};
use crate::plan::Act;

/// Chain time at which every world begins.
pub const BEGINNING: Timestamp = Timestamp(1_000_000_000);
/// How many shortest rounds lie between an era's last block and the next era.
const PAUSE_ROUNDS: u64 = 4;

/// What travels.
#[derive(Clone, Debug)]
pub enum Packet {
    /// A message of the engine.
    Message(Message),
    /// The body of a block.
    Body(SimBlock),
    /// A question for a body.
    WantBody(Hash),
    /// A question for executed blocks from a height on.
    WantChain(Height),
    /// Executed blocks, with proofs that this world does not model.
    Chain(Vec<Executed>),
}

/// A node.
pub struct Node {
    /// Which validator it is.
    pub validator: usize,
    /// Its key.
    pub key: KeyPair,
    /// How it behaves.
    pub act: Act,
    /// By how many milliseconds its clock is ahead.
    pub ahead_ms: i64,
    /// The engine; `None` while it is down.
    pub koma: Option<Koma>,
    /// Bodies and the executed chain.
    pub host: Host,
    /// One log an era.
    pub disks: BTreeMap<u64, Disk>,
    /// Counts its wake-ups, so that only the last one wakes it.
    pub ticket: u64,
    /// When it last asked for missing blocks.
    pub asked_chain: Timestamp,
    thresholds: Vec<u64>,
    mode: Mode,
}

impl Node {
    /// A node that begins with `era`.
    #[must_use]
    pub fn new(
        validator: usize,
        key: KeyPair,
        act: Act,
        ahead_ms: i64,
        era: &Era,
        mode: Mode,
        thresholds: Vec<u64>,
    ) -> Node {
        let part = Part { key: key.clone(), speaks: true, thresholds: thresholds.clone() };
        let koma = Koma::new(part, era.clone(), mode, []);
        Node {
            validator,
            key,
            act,
            ahead_ms,
            koma: Some(koma),
            host: Host::default(),
            disks: BTreeMap::new(),
            ticket: 0,
            asked_chain: Timestamp(0),
            thresholds,
            mode,
        }
    }

    /// What its clock says `now` milliseconds after the beginning.
    #[must_use]
    pub fn clock(&self, now: u64) -> Timestamp {
        Timestamp(BEGINNING.0.saturating_add(now).saturating_add_signed(self.ahead_ms))
    }

    /// Takes one event.
    pub fn step(&mut self, now: u64, event: Event) -> Vec<Effect> {
        let clock = self.clock(now);
        self.koma.as_mut().map_or_else(Vec::new, |koma| koma.step(clock, event))
    }

    /// Keeps a record.
    pub fn keep(&mut self, era: u64, record: &Record, sync: bool) {
        let disk = self.disks.entry(era).or_default();
        disk.write(record);
        if sync {
            disk.sync();
        }
    }

    /// The power fails; returns whether a log lost something.
    pub fn crash(&mut self, dice: &mut Dice) -> bool {
        self.koma = None;
        self.disks.values_mut().map(|disk| disk.crash(dice)).fold(false, |torn, one| torn | one)
    }

    /// Starts again with what the disk has. The first era is `era`; later ones follow from the executed chain.
    pub fn restart(&mut self, era: &Era) {
        let mut era = era.clone();
        for executed in self.host.chain() {
            if executed.last {
                era = next_era(&era, self.host.chain(), executed);
            }
        }
        let part = Part { key: self.key.clone(), speaks: true, thresholds: self.thresholds.clone() };
        let kept = self.disks.entry(era.number).or_default().read();
        self.koma = Some(Koma::new(part, era, self.mode, kept));
    }

    /// The era that follows an executed last block, if it does not run yet.
    #[must_use]
    pub fn following(&self, last: &Executed) -> Option<Event> {
        let koma = self.koma.as_ref()?;
        let era = koma.era(last.block.era)?.era();
        if koma.current().era().number > era.number {
            return None;
        }
        let era = Box::new(next_era(era, self.host.chain(), last));
        Some(Event::Begin { era, mode: self.mode })
    }
}

/// The era after the one that `last` ended: the same validators, without those whom a block accused.
fn next_era(era: &Era, chain: &[Executed], last: &Executed) -> Era {
    let accused = chain.iter().filter(|executed| executed.block.era == era.number);
    let mut banned = era.banned.clone();
    banned.extend(accused.flat_map(|executed| executed.block.accused.iter().copied()));
    if banned.len() == era.validators.count() {
        banned.clear();
    }
    Era {
        number: era.number + 1,
        banned,
        start: last.block.time.plus_ms(PAUSE_ROUNDS * era.pace.round_ms),
        seed: Hasher::new(Tag::Content).chain(&last.hash.0).finish(),
        root: last.hash,
        root_height: last.block.height,
        ..era.clone()
    }
}
