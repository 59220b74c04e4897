//! Many validators in the place of one: the protocol's state machine with what a ledger needs around it. Bodies travel
//! beside units; what is final is executed; what was executed is signed, and stands once enough have signed; who is
//! behind fetches sealed blocks.
//!
//! Invariants:
//! - A vote for a block goes out only once its body is on this node's disk, so what is final can always be executed.
//! - One block at a time is executed and waits for its seal; nothing unsealed is ever visible.
//! - A node that does not know what it said before says nothing in that era.

mod bodies;
mod catch_up;
mod eras;
mod kept;
mod seals;
mod silence;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use borsh::BorshDeserialize;

use self::bodies::Check;
use self::catch_up::{PATIENCE_MS, Peer};
use self::eras::era;
use self::kept::Kept;
use self::seals::Pending;
use super::effect::{Effect as Ask, Proposal, Record};
use super::event::Event;
use super::frame::{Frame, MAX_WANTED};
use super::instance::Instance;
use super::machine::{Koma, Part};
use super::message::{Message, WireMessage};
use super::policy::Mode;
use super::validators::{Validators, ValidatorsError};
use crate::account::EraRecord;
use crate::block::{Block, Seal};
use crate::engine::{Effect, Engine, Host, Input, Reached, Report, Standing};
use crate::genesis::Rules;
use crate::hash::{Hash, encode};
use crate::key::{KeyPair, PublicKey, Signature};
use crate::moment::{Height, Timestamp};

/// How often a node says how far it is, in milliseconds.
const STATUS_MS: u64 = 1_000;
/// How far ahead of the last committed block signatures are kept.
const SIGNATURES_AHEAD: u64 = 64;
/// What a body and what many blocks count beside a small question.
const BODY_COST: u64 = 8;
const BLOCKS_COST: u64 = 40;

/// What an engine starts from.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whose engine it is.
    pub key: KeyPair,
    /// The chain's name.
    pub chain: Hash,
    /// How the validators agree.
    pub rules: Rules,
    /// The latest era, as the state of the last committed block tells.
    pub era: EraRecord,
    /// Who decides in it.
    pub validators: Vec<(PublicKey, u64)>,
    /// Who of them may not lead, because it equivocated before the era began.
    pub barred: Vec<PublicKey>,
    /// The last committed block, and its hash.
    pub head: (Height, Hash),
    /// Thresholds to follow besides those of the grades, in thousandths of the weight.
    pub shares_per_mille: Vec<u64>,
    /// What was kept of the era, in order; empty for an era of which nothing was said, or nothing is known.
    pub kept: Vec<Vec<u8>>,
}

/// The engine of one validator among many, or of a node that only follows them.
pub struct KomaEngine {
    key: KeyPair,
    own: PublicKey,
    chain: Hash,
    rules: Rules,
    koma: Koma,
    /// Who holds nothing that this node said in the era, while it does not know itself what it said.
    listening: Option<BTreeSet<PublicKey>>,
    /// Since when it knows what it says, if it ever lost its memory: of eras that began before, it knows nothing.
    lost_at: Option<Timestamp>,
    head: (Height, Hash),
    progress_at: Timestamp,
    /// Bodies of blocks that are not committed.
    bodies: BTreeMap<Hash, Arc<Block>>,
    /// Which of them are in the journal.
    kept: BTreeSet<Hash>,
    /// Where the committed blocks of the era stand.
    places: BTreeMap<Hash, Height>,
    /// Bodies that were asked for.
    wanted: BTreeSet<Hash>,
    /// What is final, in order, and not yet executed.
    queue: VecDeque<Proposal>,
    /// Sealed blocks from others, in order.
    adopted: VecDeque<(Arc<Block>, Seal)>,
    asked: Option<(PublicKey, Timestamp)>,
    checks: BTreeMap<Hash, Check>,
    /// The block that is being executed.
    executing: Option<Height>,
    pending: Option<Pending>,
    signatures: BTreeMap<(Height, PublicKey), Signature>,
    seals: BTreeMap<Height, Seal>,
    /// The validators of the running era and of the next.
    deciders: BTreeSet<PublicKey>,
    peers: BTreeMap<PublicKey, Peer>,
    shares_per_mille: Vec<u64>,
    before: Vec<Reached>,
    koma_wake: Timestamp,
    status_at: Timestamp,
    announced: bool,
    /// Whether something was found that only people can decide upon. It stays until they start this node again.
    halted: bool,
    /// The least threshold at which the next block may be executed, by what the chain says of the era and of those who
    /// cheated in it; its seal claims it.
    least: u64,
    /// The threshold after the last step, what could leave the chain then, and what could before it last rose.
    threshold: u64,
    let_go: Height,
    spared: Height,
}

impl KomaEngine {
    /// An engine that goes on where its ledger is.
    ///
    /// # Errors
    /// [`ValidatorsError`] when the validators cannot run an era.
    pub fn new(start: Start) -> Result<KomaEngine, ValidatorsError> {
        let Start { key, chain, rules, era: record, validators, barred, head, shares_per_mille, kept } =
            start;
        let era = era(chain, &rules, &record, validators, &barred)?;
        let own = key.public();
        let (mut bodies, mut before, mut records) = (BTreeMap::new(), Vec::new(), Vec::new());
        let journal = kept;
        let (mut silent, mut spared) = (None, Height(0));
        // Memory that is empty may have been lost.
        let fresh = journal.is_empty();
        for kept in journal.iter().filter_map(|bytes| Kept::try_from_slice(bytes).ok()) {
            match kept {
                Kept::Record(record) => records.push(record),
                Kept::Body(block) => drop(bodies.insert(block.header.hash(), block)),
                Kept::Before(eras) => before = eras,
                Kept::Silent(since) => silent = Some((true, since)),
                Kept::Speaks(since) => silent = Some((false, since)),
                Kept::Spared(height) => spared = height,
            }
        }
        let kept = bodies.keys().copied().collect();
        let thresholds = shares(&era.validators, &shares_per_mille);
        let single = era.validators.count() == 1;
        let deciders = era.validators.members().iter().map(|(key, _)| *key).collect();
        let start = era.start;
        let part = Part { key: key.clone(), speaks: true, thresholds };
        let places = BTreeMap::from([(era.root, era.root_height)]);
        let mut koma = Koma::new(part, era, rules.mode, records);
        let silenced = silent.map_or(fresh, |(silent, _)| silent);
        let listening = (silenced && !single).then(BTreeSet::new);
        koma.listen(listening.is_some());
        let (halted, threshold) = (koma.current().policy().is_halted(), koma.current().policy().threshold());
        Ok(KomaEngine {
            key,
            own,
            chain,
            rules,
            koma,
            listening,
            lost_at: silent.map(|(_, since)| since),
            head,
            progress_at: start,
            bodies,
            kept,
            places,
            wanted: BTreeSet::new(),
            queue: VecDeque::new(),
            adopted: VecDeque::new(),
            asked: None,
            checks: BTreeMap::new(),
            executing: None,
            pending: None,
            signatures: BTreeMap::new(),
            seals: BTreeMap::new(),
            deciders,
            peers: BTreeMap::new(),
            shares_per_mille,
            before,
            koma_wake: start,
            status_at: start,
            announced: false,
            halted,
            least: threshold,
            threshold,
            let_go: Height(0),
            spared,
        })
    }

    /// The protocol's state machine.
    #[must_use]
    pub fn koma(&self) -> &Koma {
        &self.koma
    }

    fn send(out: &mut Vec<Effect>, to: Option<PublicKey>, frame: &Frame) {
        let bytes = frame.encode();
        let bulk = frame.is_bulk(bytes.len());
        out.push(Effect::Send { to, bytes, bulk });
    }

    /// Lets the protocol learn of an event, and does what it asks for.
    fn drive(&mut self, now: Timestamp, event: Event, host: &mut dyn Host, out: &mut Vec<Effect>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for ask in self.koma.step(now, event) {
                match ask {
                    Ask::Keep { record, sync } => {
                        let era = match &record {
                            Record::Unit(signed) => signed.unit.era,
                            Record::Evidence(evidence) => evidence.era(),
                        };
                        out.push(Effect::Keep { era, bytes: encode(&Kept::Record(record)), sync });
                    }
                    Ask::Send { to, message } => Self::send(out, to, &Frame::Units(message.wire())),
                    Ask::Fetch { block, from } => {
                        if self.body(&block, host).is_some() {
                            events.push_back(Event::Body(block));
                        } else {
                            self.wanted.insert(block);
                            Self::send(out, Some(from), &Frame::WantBodies(vec![block]));
                        }
                    }
                    Ask::Propose { era, start, parent } => {
                        let block = self.propose(start, &parent, host, out);
                        events.push_back(Event::Proposed { era, start, block });
                    }
                    Ask::Validate { era, proposal, parent, proposer } => {
                        let check = Check { era, proposal, parent, proposer };
                        match self.check(&check, host) {
                            Some(valid) => {
                                self.judge(&proposal.block, valid, out);
                                events.push_back(Event::Validated { era, unit: proposal.id, valid });
                            }
                            None => {
                                self.checks.insert(proposal.id, check);
                                self.fetch_for_checks(out);
                            }
                        }
                    }
                    Ask::Execute { era, block, .. } => self.execute(era, block, host, out),
                    Ask::CallBack { era, above } => {
                        if era == self.koma.current().era().number {
                            self.queue.retain(|block| block.height <= above);
                        }
                    }
                    Ask::Final { .. } => {}
                    Ask::Evidence(evidence) => {
                        let against = evidence.against();
                        let evidence = Box::new(evidence.signed());
                        let era = self.koma.era(evidence.era()).map(Instance::era);
                        if let Some(validator) = era.and_then(|era| era.validators.key(against)) {
                            out.push(Effect::Report(Report::Accused { validator, evidence }));
                        }
                    }
                    Ask::Alarm { era, alarm } => {
                        self.halted = true;
                        out.push(Effect::Report(Report::Alarm { era, alarm }));
                    }
                    Ask::Misbehaved { peer, fault } => {
                        out.push(Effect::Report(Report::Misbehaved { peer, fault }));
                    }
                    // Its word on how far it is comes with its status.
                    Ask::Behind { .. } => {}
                    Ask::Wake(at) => self.koma_wake = at,
                }
            }
        }
    }

    /// A block stands: what waited for it goes on.
    fn committed(
        &mut self,
        now: Timestamp,
        height: Height,
        block: Hash,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) {
        self.head = (height, block);
        self.progress_at = now;
        (self.executing, self.pending) = (None, None);
        self.places.insert(block, height);
        self.bodies.remove(&block);
        self.kept.remove(&block);
        self.signatures.retain(|(of, _), _| *of > height);
        if let Some(record) = host.era().filter(|record| record.number > self.koma.current().era().number) {
            self.begin(now, &record, host, out);
        }
        self.read_record(now, host, out);
        self.recheck(now, host, out);
        self.drop_stale();
    }

    fn receive(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        bytes: &[u8],
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let malformed = Effect::Report(Report::Malformed { peer: from });
        let Ok(frame) = Frame::decode(bytes) else {
            out.push(malformed);
            return;
        };
        match frame {
            Frame::Units(message) => self.hear(now, from, message, host, out),
            Frame::Body(block) => self.take_body(now, from, block, host, out),
            Frame::WantBodies(wanted) => {
                for hash in wanted.iter().take(MAX_WANTED) {
                    if !self.may_ask(now, from, BODY_COST) {
                        break;
                    }
                    if let Some(block) = self.body(hash, host) {
                        Self::send(out, Some(from), &Frame::Body(block));
                    }
                }
            }
            Frame::Signature { height, signature, .. } => {
                self.take_signature(now, from, height, signature, host, out);
            }
            Frame::Sealed(seal) => self.take_seal(*seal, out),
            Frame::Status { height, .. } => self.peer(now, from).height = height,
            Frame::WantBlocks(height) => {
                if self.may_ask(now, from, BLOCKS_COST) {
                    self.send_blocks(from, height, host, out);
                }
            }
            Frame::Blocks(blocks) => self.adopt(now, from, blocks, host, out),
        }
    }

    /// Takes a message about units.
    fn hear(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        message: WireMessage,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let question = matches!(message, WireMessage::Have(_) | WireMessage::Want(_));
        if question && !self.may_ask(now, from, 1) {
            return;
        }
        let Some(number) = message.era() else {
            out.push(Effect::Report(Report::Malformed { peer: from }));
            return;
        };
        let Some(era) = self.koma.era(number).map(|instance| instance.era().clone()) else {
            let latest = self.koma.current().era().number;
            let peer = self.peer(now, from);
            let told = peer.other_era;
            if told.is_none_or(|(era, at)| era < number && at.plus_ms(STATUS_MS) <= now) {
                peer.other_era = Some((number, now));
                out.push(Effect::Report(Report::OtherEra { peer: from, era: number, latest }));
            }
            return;
        };
        let Ok(message) = message.verify(&era) else {
            out.push(Effect::Report(Report::Malformed { peer: from }));
            return;
        };
        if let Message::Have(have) = &message {
            self.listen(from, &era, have.next.as_slice(), out);
        }
        self.drive(now, Event::Received { from, message }, host, out);
    }

    /// What is due whatever was learned.
    fn tend(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        if self.status_at <= now {
            self.status_at = now.plus_ms(STATUS_MS);
            self.status(None, out);
            self.fetch_for_checks(out);
        }
        if self.pending.as_ref().is_some_and(|pending| pending.repeat_at <= now) {
            self.repeat(now, out);
            self.seal(now);
        }
        self.catch_up(now, out);
        self.release(out);
    }

    fn wake(&self) -> Timestamp {
        let repeat = self.pending.as_ref().map(|pending| pending.repeat_at);
        let asked = self.asked.map(|(_, at)| at.plus_ms(PATIENCE_MS));
        [Some(self.koma_wake), Some(self.status_at), repeat, asked]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_default()
    }
}

/// The thresholds that so many thousandths of the weight give.
fn shares(validators: &Validators, per_mille: &[u64]) -> Vec<u64> {
    per_mille.iter().map(|share| validators.share(*share)).collect()
}

impl Engine for KomaEngine {
    fn step(&mut self, now: Timestamp, input: Input, host: &mut dyn Host) -> Vec<Effect> {
        let mut out = Vec::new();
        if !self.announced {
            self.announced = true;
            self.settle(host);
            self.learn_deciders(host);
            self.read_record(now, host, &mut out);
            if self.listening.is_some() {
                let era = self.koma.current().era().number;
                self.lost_at.get_or_insert(now);
                self.mark(era, &mut out);
                out.push(Effect::Report(Report::Listening { era }));
            }
        }
        match input {
            Input::Tick => self.drive(now, Event::Tick, host, &mut out),
            Input::Connected(peer) => {
                self.koma.connected(&peer);
                self.status(Some(peer), &mut out);
            }
            Input::Received { from, bytes } => self.receive(now, from, &bytes, host, &mut out),
            Input::Executed(claim) => self.executed(now, claim, &mut out),
            Input::Committed { height, block } => self.committed(now, height, block, host, &mut out),
        }
        self.tend(now, &mut out);
        self.spare(&mut out);
        out.push(Effect::Wake(self.wake()));
        out
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.seals.get(&height).cloned()
    }

    fn standing(&self) -> Standing {
        let instance = self.koma.current();
        let era = instance.era();
        Standing {
            era: era.number,
            validators: era.validators.count(),
            decides: era.validators.find(&self.own).is_some(),
            threshold: self.threshold(),
            spared: self.spared,
            classical: era.validators.classical(),
            round_ms: instance.round_ms(),
            one_owner: self.rules.mode == Mode::SingleOwner,
            halted: self.halted,
            listening: self.listening.is_some(),
            faulty: self.koma.eras().map(|era| era.dag().faulty_weight()).max().unwrap_or_default(),
            runs_from: self.runs_from(),
            reached: self.eras_so_far(),
        }
    }
}
