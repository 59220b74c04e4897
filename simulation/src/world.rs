//! Runs a plan: one queue of things that happen, in order of time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

use ledger::koma::{
    Effect, End, Era, Event, Instance, Member, Message, Pace, Proposal, Record, Validators, VerifiedUnit,
    WireMessage,
};
use ledger::{Hash, Height, KeyPair, PublicKey, Tag, Timestamp};

use crate::actors::{Cheat, Outgoing, Target, spoil};
use crate::dice::Dice;
use crate::history::{FinalSeen, History};
use crate::host::{Executed, SimBlock};
use crate::network::Network;
use crate::node::{BEGINNING, Node, Packet};
use crate::plan::{Act, Plan};
use crate::trace::Trace;

/// The most executed blocks that one answer carries.
const CHAIN_BLOCKS: usize = 64;
/// One of so many messages makes the way through bytes and back.
const CODED: u64 = 61;

/// What happens.
#[derive(Clone, Debug)]
enum Happening {
    Deliver { to: usize, from: PublicKey, packet: Packet },
    Wake { node: usize, ticket: u64 },
    Crash(usize),
    Restart(usize),
}

/// Something in the queue; the order of entry decides among things of one moment.
struct Due {
    at: u64,
    number: u64,
    what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A world.
pub struct World {
    plan: Plan,
    era: Arc<Era>,
    now: u64,
    queue: BinaryHeap<Reverse<Due>>,
    entered: u64,
    nodes: Vec<Node>,
    network: Network,
    dice: Dice,
    history: History,
    trace: Option<Trace>,
}

/// The keys of `n` validators, in ascending order of public key.
#[must_use]
pub fn keys(n: usize) -> Vec<KeyPair> {
    let seed = |n: usize| Hash::of(Tag::Content, &n.to_le_bytes()).0;
    let mut keys: Vec<KeyPair> = (0..n).map(|n| KeyPair::from_seed(seed(n))).collect();
    keys.sort_by_key(KeyPair::public);
    keys
}

/// The first era of a plan.
///
/// # Panics
/// When the weights of the plan are none that an era can have.
#[must_use]
pub fn first_era(plan: &Plan) -> Era {
    let keys = keys(plan.weights.len());
    let members = keys.iter().map(KeyPair::public).zip(plan.weights.iter().copied()).collect();
    Era {
        chain: Hash::of(Tag::Content, b"simulated chain"),
        number: 0,
        validators: Validators::new(members).expect("the weights of a plan are those of an era"),
        banned: BTreeSet::new(),
        start: BEGINNING,
        seed: Hash::of(Tag::Content, &plan.seed.to_le_bytes()),
        root: Hash::of(Tag::Content, b"simulated genesis"),
        root_height: Height(0),
        pace: Pace { round_ms: plan.round_ms, max_exponent: plan.max_exponent },
        end: if plan.traced { End::NEVER } else { plan.end },
        strict: false,
    }
}

impl World {
    /// Runs a plan to its end.
    #[must_use]
    pub fn run(plan: Plan) -> History {
        let mut world = World::new(plan);
        while let Some(Reverse(due)) = world.queue.pop() {
            if due.at > world.plan.run_ms {
                break;
            }
            world.now = due.at;
            world.happen(due.what);
        }
        world.finish()
    }

    fn new(plan: Plan) -> World {
        let mut dice = Dice::new(plan.seed);
        let network = Network::new(&plan, dice.fork());
        let era = Arc::new(first_era(&plan));
        let keys = keys(plan.weights.len());
        let mut nodes = Vec::new();
        let mut add = |validator: usize, key: &KeyPair, act: Act, dice: &mut Dice| {
            let skew = i64::try_from(dice.below(2 * plan.skew_ms + 1)).unwrap_or(0);
            let ahead = match act {
                Act::Liar(ms) => ms,
                _ => skew - i64::try_from(plan.skew_ms).unwrap_or(0),
            };
            let thresholds = plan.thresholds.clone();
            nodes.push(Node::new(validator, key.clone(), act, ahead, &era, plan.mode, thresholds));
        };
        for (validator, key) in keys.iter().enumerate() {
            add(validator, key, plan.act(validator), &mut dice);
        }
        for (validator, key) in keys.iter().enumerate().filter(|(at, _)| plan.act(*at) == Act::Twins) {
            add(validator, key, Act::Twins, &mut dice);
        }
        let trace = plan.traced.then(|| Trace::new(&plan, era.clone()));
        let queue = BinaryHeap::new();
        let mut history = History::default();
        history.eras = 1;
        let (now, entered) = (0, 0);
        let mut world = World { plan, era, now, queue, entered, nodes, network, dice, history, trace };
        for node in 0..world.nodes.len() {
            world.enter(0, Happening::Wake { node, ticket: 0 });
        }
        for crash in world.plan.crashes.clone() {
            world.enter(crash.at_ms, Happening::Crash(crash.node));
            if let Some(back) = crash.back_ms {
                world.enter(back, Happening::Restart(crash.node));
            }
        }
        world
    }

    fn enter(&mut self, at: u64, what: Happening) {
        self.entered += 1;
        self.queue.push(Reverse(Due { at, number: self.entered, what }));
    }

    fn is_honest(&self, node: usize) -> bool {
        self.nodes[node].act == Act::Honest
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Deliver { to, from, packet } => self.deliver(to, from, packet),
            Happening::Wake { node, ticket } => {
                if self.nodes[node].ticket == ticket {
                    self.step(node, Event::Tick);
                }
            }
            Happening::Crash(node) => {
                let mut dice = self.dice.fork();
                let torn = self.nodes[node].crash(&mut dice);
                self.history.faults.crashes += 1;
                self.history.faults.torn += u64::from(torn);
            }
            Happening::Restart(node) => {
                let era = self.era.clone();
                self.nodes[node].restart(&era);
                self.history.restarted(node);
                self.history.faults.restarts += 1;
                let honest = self.is_honest(node);
                if let (true, Some(trace), Some(koma)) = (honest, &mut self.trace, &self.nodes[node].koma) {
                    trace.restarted(node, koma.current().dag());
                }
                self.step(node, Event::Tick);
            }
        }
    }

    fn deliver(&mut self, to: usize, from: PublicKey, packet: Packet) {
        if self.nodes[to].koma.is_none() {
            return;
        }
        self.history.messages += 1;
        match packet {
            Packet::Message(message) => {
                let message = self.through_bytes(to, message);
                self.step(to, Event::Received { from, message });
            }
            Packet::Body(block) => {
                let hash = self.nodes[to].host.keep(block);
                self.step(to, Event::Body(hash));
            }
            Packet::WantBody(hash) => {
                if let Some(block) = self.nodes[to].host.body(&hash).cloned() {
                    self.send(to, (Target::One(from), Packet::Body(block)));
                }
            }
            Packet::WantChain(height) => {
                let skip = usize::try_from(height.0.saturating_sub(1)).unwrap_or(usize::MAX);
                let chain = self.nodes[to].host.chain();
                let blocks: Vec<Executed> = chain.iter().skip(skip).take(CHAIN_BLOCKS).cloned().collect();
                if self.is_honest(to) && !blocks.is_empty() {
                    self.send(to, (Target::One(from), Packet::Chain(blocks)));
                }
            }
            Packet::Chain(blocks) => {
                self.nodes[to].host.adopt(blocks.clone());
                for executed in blocks {
                    let height = executed.block.height;
                    self.history.executed_ms.entry((to, height)).or_insert(self.now);
                    if executed.last {
                        self.begin(to, &executed);
                    }
                }
            }
        }
    }

    /// Now and then lets a message be written and read, as a real one would be.
    fn through_bytes(&mut self, to: usize, message: Message) -> Message {
        if !self.history.messages.is_multiple_of(CODED) {
            return message;
        }
        let era = self.nodes[to].koma.as_ref().and_then(|koma| koma.era(message.era())).map(Instance::era);
        let Some(era) = era else { return message };
        let read = WireMessage::decode(&message.encode()).map(|wire| wire.verify(era));
        assert_eq!(read, Ok(Ok(message.clone())), "a message reads back as it was written");
        message
    }

    fn begin(&mut self, node: usize, last: &Executed) {
        if let Some(event) = self.nodes[node].following(last) {
            self.history.eras = self.history.eras.max(last.block.era + 2);
            self.step(node, event);
        }
    }

    /// Lets a node take one event, and does what it asks for.
    fn step(&mut self, node: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let effects = self.nodes[node].step(self.now, event);
            // All units of a step are in the graph that its finals are found in.
            for effect in &effects {
                if let Effect::Send { to: None, message: Message::Units(units) } = effect {
                    units.iter().for_each(|unit| self.made(node, unit));
                }
            }
            for effect in effects {
                self.perform(node, effect, &mut events);
            }
        }
        self.watch(node);
    }

    fn perform(&mut self, node: usize, effect: Effect, events: &mut VecDeque<Event>) {
        let honest = self.is_honest(node);
        match effect {
            Effect::Keep { record, sync } => {
                let era = match &record {
                    Record::Unit(signed) => signed.unit.era,
                    Record::Evidence(evidence) => evidence.era(),
                };
                self.nodes[node].keep(era, &record, sync);
                if let (true, Some(trace), Record::Unit(signed)) = (honest, &mut self.trace, &record) {
                    trace.kept(node, &signed.unit);
                }
            }
            Effect::Send { to, message } => {
                self.send(node, (to.map_or(Target::All, Target::One), Packet::Message(message)));
            }
            Effect::Fetch { block, from } => {
                // A body may have come before a restart.
                match self.nodes[node].host.body(&block) {
                    Some(_) => events.push_back(Event::Body(block)),
                    None => self.send(node, (Target::One(from), Packet::WantBody(block))),
                }
            }
            Effect::Propose { era, start, parent } => {
                let block = self.propose(node, era, start, &parent);
                events.push_back(Event::Proposed { era, start, block });
            }
            Effect::Validate { era, proposal, parent, proposer } => {
                let valid = self.nodes[node].host.is_valid(era, &proposal, &parent, proposer);
                events.push_back(Event::Validated { era, unit: proposal.id, valid });
            }
            Effect::Final { era, block, threshold } if honest => {
                let seen = FinalSeen { node, era, block, threshold, at_ms: self.now };
                self.history.finals.push(seen);
                if let Some(trace) = &mut self.trace {
                    trace.final_at(&seen);
                }
            }
            // Nothing is called back where nobody says how far execution is.
            Effect::CallBack { .. } => {}
            Effect::Execute { block, threshold, .. } => {
                assert!(
                    self.nodes[node].host.execute(&block, threshold),
                    "who votes for a block holds its body"
                );
                self.history.executed_ms.entry((node, block.height)).or_insert(self.now);
                let chain = self.nodes[node].host.chain();
                let last = chain.last().filter(|executed| executed.hash == block.block && executed.last);
                if let Some(event) = last.cloned().and_then(|last| self.nodes[node].following(&last)) {
                    self.history.eras = self.history.eras.max(self.era_of(&event));
                    events.push_back(event);
                }
            }
            Effect::Evidence(evidence) if honest => {
                self.history.evidence_ms.push((node, self.now));
                if let Some(trace) = &mut self.trace {
                    trace.accused(node, &evidence);
                }
            }
            Effect::Alarm { alarm, .. } if honest => self.history.alarms.push((node, alarm)),
            Effect::Misbehaved { peer, fault } => {
                let innocent =
                    self.nodes.iter().any(|other| other.key.public() == peer && other.act == Act::Honest);
                if honest && innocent {
                    self.history.broken.push(format!("an honest node is blamed: {fault}"));
                }
            }
            Effect::Behind { peer, .. } => {
                let clock = self.nodes[node].clock(self.now);
                if self.nodes[node].asked_chain.plus_ms(self.plan.round_ms) <= clock {
                    self.nodes[node].asked_chain = clock;
                    let next = Height(self.nodes[node].host.chain().len() as u64 + 1);
                    self.send(node, (Target::One(peer), Packet::WantChain(next)));
                }
            }
            Effect::Wake(at) => {
                self.nodes[node].ticket += 1;
                let ticket = self.nodes[node].ticket;
                let clock = self.nodes[node].clock(self.now);
                let at = self.now + at.0.saturating_sub(clock.0).max(1);
                self.enter(at, Happening::Wake { node, ticket });
            }
            Effect::Final { .. } | Effect::Evidence(_) | Effect::Alarm { .. } => {}
        }
    }

    fn era_of(&self, event: &Event) -> u64 {
        match event {
            Event::Begin { era, .. } => era.number + 1,
            _ => 0,
        }
    }

    /// Makes a block, if there is anything to put into one, and sends its body to all.
    fn propose(&mut self, node: usize, era: u64, start: Timestamp, parent: &Proposal) -> Option<Hash> {
        if parent.time.plus_ms((self.plan.work_every - 1) * self.plan.round_ms) > start {
            return None;
        }
        let koma = self.nodes[node].koma.as_ref()?;
        let accused: Vec<Member> = koma.era(era)?.dag().evidence().keys().copied().collect();
        let proposer = self.nodes[node].key.public();
        let height = parent.height.next();
        let block = SimBlock { era, parent: parent.block, height, time: start, proposer, accused, salt: 0 };
        let hash = self.nodes[node].host.keep(block.clone());
        self.send(node, (Target::All, Packet::Body(block)));
        Some(hash)
    }

    /// A node made a unit.
    fn made(&mut self, node: usize, unit: &VerifiedUnit) {
        let signed = unit.unit();
        self.history.units += 1;
        if self.is_honest(node) {
            self.history.made(self.nodes[node].validator, signed.era, signed.seq, unit.hash());
        }
        self.told(unit);
    }

    fn told(&mut self, unit: &VerifiedUnit) {
        if let Some(trace) = &mut self.trace {
            trace.unit(unit);
        }
    }

    /// Sends something from a node, or what a cheat makes of it.
    fn send(&mut self, node: usize, outgoing: Outgoing) {
        let act = self.nodes[node].act;
        let Some(koma) = &self.nodes[node].koma else { return };
        let era = koma.current().era().clone();
        let last = match &outgoing {
            (_, Packet::Message(Message::Units(units))) => units.first().and_then(|unit| unit.unit().block),
            _ => None,
        };
        let mut dice = self.dice.fork();
        let key = self.nodes[node].key.clone();
        let block = last.and_then(|hash| self.nodes[node].host.body(&hash).cloned());
        let mut cheat = Cheat { dice: &mut dice, key: &key, era: &era, block: block.as_ref() };
        let own = match &outgoing {
            (_, Packet::Message(Message::Units(units))) => units.clone(),
            _ => Vec::new(),
        };
        for (target, packet) in spoil(act, &mut cheat, outgoing) {
            if let (false, Packet::Message(Message::Units(units))) = (act == Act::Honest, &packet) {
                for fork in units.iter().filter(|unit| !own.contains(unit)) {
                    self.history.faults.forks += 1;
                    self.told(fork);
                }
            }
            for to in 0..self.nodes.len() {
                let other = &self.nodes[to];
                let meant = to != node
                    && match target {
                        Target::All => true,
                        Target::One(key) => other.key.public() == key,
                        Target::Half(odd) => (other.validator % 2 == 1) == odd,
                    };
                if !meant {
                    continue;
                }
                let (from, sender) = (key.public(), self.nodes[node].validator);
                let receiver = self.nodes[to].validator;
                for at in self.network.arrivals(&self.plan, self.now, sender, receiver) {
                    let packet = packet.clone();
                    self.enter(at, Happening::Deliver { to, from, packet });
                }
            }
        }
    }

    /// Notes what a node holds.
    fn watch(&mut self, node: usize) {
        if !self.is_honest(node) {
            return;
        }
        let Some(koma) = &self.nodes[node].koma else { return };
        for instance in koma.eras() {
            let era = instance.era().number;
            self.history.executes_at(node, era, instance.policy().threshold());
            self.history.most_units = self.history.most_units.max(instance.dag().count());
            self.history.most_waiting = self.history.most_waiting.max(instance.waiting());
            self.history.most_bytes = self.history.most_bytes.max(instance.dag().memory_bytes());
        }
    }

    fn finish(mut self) -> History {
        let cheats = (0..self.plan.weights.len())
            .filter(|node| matches!(self.plan.act(*node), Act::Equivocator | Act::Spammer | Act::Twins))
            .map(|node| self.plan.weights[node])
            .sum();
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.act == Act::Honest) {
            self.history.chains.insert(at, node.host.chain().to_vec());
            if let Some(koma) = &node.koma {
                let round_ms = koma.current().round_ms();
                let exponent = (round_ms / self.plan.round_ms.max(1)).checked_ilog2().unwrap_or(0);
                self.history.exponent = self.history.exponent.max(u8::try_from(exponent).unwrap_or(u8::MAX));
            }
        }
        self.history.finish(cheats);
        self.history.units += self.history.faults.forks;
        let seen = self.network.faults;
        let faults = &mut self.history.faults;
        (faults.lost, faults.repeated, faults.parted) = (seen.lost, seen.repeated, seen.parted);
        if let Some(trace) = self.trace.take() {
            self.history.units = trace.units();
            self.history.trace = trace.finish();
        }
        self.history
    }
}
