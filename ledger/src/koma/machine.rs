//! The engine as a pure state machine over its eras: at most the current one and the one before it run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::effect::{Effect, Record};
use super::era::Era;
use super::event::Event;
use super::instance::Instance;
use super::message::Message;
use super::policy::Mode;
use crate::key::{KeyPair, PublicKey};
use crate::moment::{Height, Timestamp};

/// How a node takes part.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its key.
    pub key: KeyPair,
    /// Whether it makes units in the eras in which it is a validator. A node that lost its disk may not before the next
    /// era begins: it does not know what it said.
    pub speaks: bool,
    /// Thresholds to follow besides those of the grades, at most the weight of all less one.
    pub thresholds: Vec<u64>,
}

/// The engine.
pub struct Koma {
    part: Part,
    /// Whether later eras begin in silence.
    listening: bool,
    eras: BTreeMap<u64, Instance>,
}

impl Koma {
    /// A node that joins in `era`, with what it kept of it: nothing, when it begins.
    #[must_use]
    pub fn new(part: Part, era: Era, mode: Mode, kept: impl IntoIterator<Item = Record>) -> Koma {
        let number = era.number;
        let mut instance = Instance::new(&part, Arc::new(era), mode);
        instance.restore(kept);
        Koma { part, listening: false, eras: BTreeMap::from([(number, instance)]) }
    }

    /// Says nothing in the latest era and those after it, or speaks again: a node that lost its disk does not know what
    /// it said.
    pub fn listen(&mut self, listening: bool) {
        self.listening = listening;
        if let Some(mut latest) = self.eras.last_entry() {
            latest.get_mut().set_speaks(!listening);
        }
    }

    /// Follows these thresholds in the eras that begin from now on: shares of the weight of those who decide in them.
    pub fn follow(&mut self, thresholds: Vec<u64>) {
        self.part.thresholds = thresholds;
    }

    /// Execution of the latest era has come to this height: what was to be executed above it can still be called back.
    pub fn executing(&mut self, height: Height) {
        if let Some(mut latest) = self.eras.last_entry() {
            latest.get_mut().executing(height);
        }
    }

    /// A peer is connected anew.
    pub fn connected(&mut self, peer: &PublicKey) {
        self.eras.values_mut().for_each(|instance| instance.connected(peer));
    }

    /// The eras that run, in order.
    pub fn eras(&self) -> impl DoubleEndedIterator<Item = &Instance> {
        self.eras.values()
    }

    /// One of them.
    #[must_use]
    pub fn era(&self, number: u64) -> Option<&Instance> {
        self.eras.get(&number)
    }

    /// The latest era.
    #[must_use]
    pub fn current(&self) -> &Instance {
        self.eras.values().next_back().expect("an engine has an era from the start, and keeps the latest")
    }

    /// Takes back what was kept of a later era, after [`Event::Begin`] began it again.
    pub fn restore(&mut self, era: u64, kept: impl IntoIterator<Item = Record>) {
        if let Some(instance) = self.eras.get_mut(&era) {
            instance.restore(kept);
        }
    }

    /// Learns of one event at `now`, by this node's clock; what has to be done comes back, in order.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Tick => {}
            Event::Received { from, message } => self.receive(now, from, message, &mut effects),
            Event::Body(block) => {
                for instance in self.eras.values_mut() {
                    instance.body(now, block, &mut effects);
                }
            }
            Event::Proposed { era, start, block } => {
                if let Some(instance) = self.eras.get_mut(&era) {
                    instance.proposed(now, start, block, &mut effects);
                }
            }
            Event::Validated { era, unit, valid } => {
                if let Some(instance) = self.eras.get_mut(&era) {
                    instance.validated(now, unit, valid, &mut effects);
                }
            }
            Event::Begin { era, mode } => self.begin(*era, mode),
            Event::Convicted { era, members } => {
                if let Some(instance) = self.eras.get_mut(&era) {
                    instance.convicted(now, members, &mut effects);
                }
            }
            Event::Forget(era) => {
                let latest = self.current().era().number;
                self.eras.retain(|number, _| *number > era || *number == latest);
            }
        }
        for instance in self.eras.values_mut() {
            instance.advance(now, &mut effects);
        }
        let due = self.eras.values().map(Instance::due).min();
        effects.extend(due.map(Effect::Wake));
        effects
    }

    fn begin(&mut self, era: Era, mode: Mode) {
        let number = era.number;
        if number <= self.current().era().number {
            return;
        }
        let part = Part { speaks: !self.listening, ..self.part.clone() };
        self.eras.insert(number, Instance::new(&part, Arc::new(era), mode));
        self.eras.retain(|known, _| known + 1 >= number);
    }

    fn receive(&mut self, now: Timestamp, from: PublicKey, message: Message, effects: &mut Vec<Effect>) {
        let (era, latest) = (message.era(), self.current().era().number);
        match self.eras.get_mut(&era) {
            Some(instance) => instance.receive(now, from, message, effects),
            None if era > latest => effects.push(Effect::Behind { era, peer: from }),
            None => {}
        }
    }
}
