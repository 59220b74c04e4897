//! Many validators in the place of one: the protocol's state machine with what a ledger needs around it. Bodies travel
//! beside units; what is final is executed; what was executed is signed, and stands once enough have signed; who is
//! behind fetches sealed blocks.
//!
//! Invariants:
//! - A vote for a block goes out only once its body is on this node's disk, so what is final can always be executed.
//! - One block at a time is executed and waits for its seal; nothing unsealed is ever visible.
//! - A node that does not know what it said before says nothing in that era.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::effect::{Effect as Ask, Proposal, Record};
use super::era::{End, Era, Pace};
use super::event::Event;
use super::frame::{BLOCKS_BYTES, Frame, MAX_BLOCKS, MAX_WANTED};
use super::instance::Instance;
use super::machine::{Koma, Part};
use super::message::{Message, WireMessage};
use super::policy::{Mode, Policy};
use super::validators::{Validators, ValidatorsError};
use crate::account::EraRecord;
use crate::block::{Block, Claim, Header, Seal};
use crate::engine::{Effect, Engine, Host, Input, Reached, Report, Standing, Verdict};
use crate::genesis::Rules;
use crate::hash::{Hash, encode};
use crate::key::{KeyPair, PublicKey, Signature};
use crate::moment::{Height, Timestamp};
use crate::validity::check_body;

/// How often a node says how far it is, in milliseconds.
const STATUS_MS: u64 = 1_000;
/// After how long without a seal a node repeats its signature.
const REPEAT_MS: u64 = 500;
/// After how long somebody else is asked for blocks.
const PATIENCE_MS: u64 = 3_000;
/// From so many missing blocks on they are asked for at once, fewer after a while without progress.
const FAR_BEHIND: u64 = 4;
/// How far ahead of the last committed block signatures are kept.
const SIGNATURES_AHEAD: u64 = 64;
/// How many bodies of one validator are kept that no unit has named yet.
const UNNAMED: usize = 4;
/// How many sealed blocks wait to be executed before no more are asked for.
const ADOPTED: usize = 2 * MAX_BLOCKS;
/// How many questions a validator may ask in a second before they go unanswered, and how many at once.
const QUESTIONS_PER_S: u64 = 400;
/// What a body and what many blocks count beside a small question.
const BODY_COST: u64 = 8;
const BLOCKS_COST: u64 = 40;
const UNASKED_COST: u64 = 10;
/// How many eras are still told apart: beyond, the oldest two count as one, with what surely holds of both.
const REACHED: usize = 64;
/// How many seals are remembered until they are taken.
const SEALS: usize = 4;

/// What is kept of an era.
///
/// Canonical bytes: 0 (1) and a record, 1 (1) and a block, 2 (1) and what the eras before reached, 3 (1) and since when
/// this node does not know what it said, or 4 (1) and the same of one that speaks again.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Kept {
    Record(Record),
    Body(Arc<Block>),
    Before(Vec<Reached>),
    Silent(Timestamp),
    Speaks(Timestamp),
}

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
    /// The last committed block, and its hash.
    pub head: (Height, Hash),
    /// Thresholds to follow besides those of the grades, in thousandths of the weight.
    pub shares_per_mille: Vec<u64>,
    /// What was kept of the era, in order; empty for an era of which nothing was said, or nothing is known.
    pub kept: Vec<Vec<u8>>,
}

/// A validator as a peer.
#[derive(Debug, Default)]
struct Peer {
    height: Height,
    era: u64,
    /// Until when it is not asked for blocks: it answered with nothing of use, or not at all.
    useless_until: Timestamp,
    /// Up to which height it was sent the seal that it lacked.
    told: Height,
    /// Bodies it sent of which no unit was seen.
    unnamed: VecDeque<Hash>,
    questions: u64,
    questions_at: Timestamp,
}

/// A block that was executed and waits for its seal.
#[derive(Debug)]
struct Pending {
    claim: Claim,
    bytes: Vec<u8>,
    era: Arc<Era>,
    signatures: BTreeMap<PublicKey, Signature>,
    repeat_at: Timestamp,
}

/// A block whose place is to be checked.
#[derive(Clone, Copy, Debug)]
struct Check {
    era: u64,
    proposal: Proposal,
    parent: Proposal,
    proposer: PublicKey,
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
    peers: BTreeMap<PublicKey, Peer>,
    before: Vec<Reached>,
    koma_wake: Timestamp,
    status_at: Timestamp,
    announced: bool,
    /// Whether something was found that only people can decide upon.
    halted: bool,
}

/// The era that a chain's state tells of.
fn era(
    chain: Hash,
    rules: &Rules,
    record: &EraRecord,
    members: Vec<(PublicKey, u64)>,
) -> Result<Era, ValidatorsError> {
    Ok(Era {
        chain,
        number: record.number,
        validators: Validators::new(members)?,
        banned: BTreeSet::new(),
        start: record.start,
        seed: record.seed,
        root: record.root,
        root_height: record.root_height,
        pace: Pace { round_ms: u64::from(rules.round_ms), max_exponent: rules.max_exponent },
        end: End { min_blocks: rules.era_blocks, min_ms: rules.era_ms },
    })
}

impl KomaEngine {
    /// An engine that goes on where its ledger is.
    ///
    /// # Errors
    /// [`ValidatorsError`] when the validators cannot run an era.
    pub fn new(start: Start) -> Result<KomaEngine, ValidatorsError> {
        let Start { key, chain, rules, era: record, validators, head, shares_per_mille, kept } = start;
        let era = era(chain, &rules, &record, validators)?;
        let own = key.public();
        let (mut bodies, mut before, mut records) = (BTreeMap::new(), Vec::new(), Vec::new());
        let journal = kept;
        let mut silent = None;
        // Memory that is empty may have been lost.
        let fresh = journal.is_empty();
        for kept in journal.iter().filter_map(|bytes| Kept::try_from_slice(bytes).ok()) {
            match kept {
                Kept::Record(record) => records.push(record),
                Kept::Body(block) => drop(bodies.insert(block.header.hash(), block)),
                Kept::Before(eras) => before = eras,
                Kept::Silent(since) => silent = Some((true, since)),
                Kept::Speaks(since) => silent = Some((false, since)),
            }
        }
        let kept = bodies.keys().copied().collect();
        let thresholds = shares(&era.validators, &shares_per_mille);
        let single = era.validators.count() == 1;
        let start = era.start;
        let part = Part { key: key.clone(), speaks: true, thresholds };
        let places = BTreeMap::from([(era.root, era.root_height)]);
        let mut koma = Koma::new(part, era, rules.mode, records);
        let silenced = silent.map_or(fresh, |(silent, _)| silent);
        let listening = (silenced && !single).then(BTreeSet::new);
        koma.listen(listening.is_some());
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
            peers: BTreeMap::new(),
            before,
            koma_wake: start,
            status_at: start,
            announced: false,
            halted: false,
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

    /// Puts the body of a block on disk with the next unit: from then on this node may vote for it. What nobody may
    /// propose never gets there.
    fn keep(&mut self, hash: &Hash, out: &mut Vec<Effect>) {
        let Some(block) = self.bodies.get(hash) else { return };
        if self.kept.insert(*hash) {
            let era = self.koma.current().era().number;
            let bytes = encode(&Kept::Body(block.clone()));
            out.push(Effect::Keep { era, bytes, sync: false });
        }
    }

    /// Of the bodies kept before a restart, holds on to those that the log does not have.
    fn settle(&mut self, host: &dyn Host) {
        let head = self.head.0;
        let root = self.koma.current().era().root_height;
        for height in (root.0..=head.0).map(Height) {
            if let Some(committed) = host.committed(height) {
                self.places.insert(committed.seal.claim.block, height);
            }
        }
        let places = &mut self.places;
        self.bodies.retain(|hash, block| {
            let height = block.header.height;
            let stands = height <= head
                && host.committed(height).is_some_and(|committed| committed.seal.claim.block == *hash);
            if stands {
                places.insert(*hash, height);
            }
            !stands
        });
    }

    /// The body of a block that is committed or waits.
    fn body(&self, hash: &Hash, host: &dyn Host) -> Option<Arc<Block>> {
        if let Some(block) = self.bodies.get(hash) {
            return Some(block.clone());
        }
        let committed = host.committed(*self.places.get(hash)?)?;
        (committed.seal.claim.block == *hash).then(|| Arc::new(committed.block.clone()))
    }

    fn header(&self, hash: &Hash, host: &dyn Host) -> Option<Header> {
        if let Some(block) = self.bodies.get(hash) {
            return Some(block.header.clone());
        }
        let height = if *hash == self.head.1 { self.head.0 } else { *self.places.get(hash)? };
        let committed = host.committed(height)?;
        (committed.seal.claim.block == *hash).then(|| committed.block.header.clone())
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
                    Ask::Final { .. } => {}
                    Ask::Evidence(evidence) => {
                        let against = evidence.against();
                        let evidence = Box::new(evidence.signed());
                        let era = self.koma.era(evidence.era()).map(Instance::era);
                        if let Some(validator) = era.and_then(|era| era.validators.key(against)) {
                            out.push(Effect::Report(Report::Accused { validator, evidence }));
                        }
                    }
                    Ask::Alarm { era, alarm } => out.push(Effect::Report(Report::Alarm { era, alarm })),
                    Ask::Misbehaved { peer, fault } => {
                        out.push(Effect::Report(Report::Misbehaved { peer, fault }));
                    }
                    Ask::Behind { era, peer } => {
                        let peer = self.peers.entry(peer).or_default();
                        peer.era = peer.era.max(era);
                    }
                    Ask::Wake(at) => self.koma_wake = at,
                }
            }
        }
    }

    /// Makes a block for the round that begins at `start`, and sends its body ahead of the unit that proposes it.
    fn propose(
        &mut self,
        start: Timestamp,
        parent: &Proposal,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) -> Option<Hash> {
        let mut above = Vec::new();
        let mut at = parent.block;
        while at != self.head.1 {
            let block = self.bodies.get(&at).filter(|block| block.header.height > self.head.0)?;
            at = block.header.parent;
            above.push(block.clone());
        }
        above.reverse();
        let block = Arc::new(host.propose(start, &above)?);
        let hash = block.header.hash();
        Self::send(out, None, &Frame::Body(block.clone()));
        self.bodies.insert(hash, block);
        self.keep(&hash, out);
        Some(hash)
    }

    /// Whether a block may stand where it is proposed; `None` when that does not show yet.
    fn check(&mut self, check: &Check, host: &mut dyn Host) -> Option<bool> {
        let Check { proposal, parent, proposer, .. } = check;
        let as_proposed = |header: &Header| {
            header.height == proposal.height && header.time == proposal.time && header.proposer == *proposer
        };
        if self.places.contains_key(&proposal.block) && !self.bodies.contains_key(&proposal.block) {
            let header = self.header(&proposal.block, host);
            return header.map(|header| as_proposed(&header) && header.parent == parent.block);
        }
        let block = self.bodies.get(&proposal.block)?.clone();
        if !as_proposed(&block.header) || block.header.parent != parent.block {
            return Some(false);
        }
        let parent = self.header(&parent.block, host)?;
        match host.check(&block, &parent) {
            Verdict::Valid => Some(true),
            Verdict::Invalid(_) => Some(false),
            Verdict::After(_) => None,
        }
    }

    /// What may stand is kept, what may not is dropped.
    fn judge(&mut self, block: &Hash, valid: bool, out: &mut Vec<Effect>) {
        if valid {
            self.keep(block, out);
        } else if !self.kept.contains(block) {
            self.bodies.remove(block);
        }
    }

    /// Asks all for bodies without which blocks cannot be checked.
    fn fetch_for_checks(&mut self, out: &mut Vec<Effect>) {
        let of = |check: &Check| [check.proposal.block, check.parent.block];
        let here = |hash: &Hash| {
            self.bodies.contains_key(hash) || self.places.contains_key(hash) || *hash == self.head.1
        };
        let missing: BTreeSet<Hash> = self.checks.values().flat_map(of).filter(|hash| !here(hash)).collect();
        let missing: Vec<Hash> = missing.into_iter().take(MAX_WANTED).collect();
        if !missing.is_empty() {
            self.wanted.extend(missing.iter().copied());
            Self::send(out, None, &Frame::WantBodies(missing));
        }
    }

    /// Checks again what could not be checked before.
    fn recheck(&mut self, now: Timestamp, host: &mut dyn Host, out: &mut Vec<Effect>) {
        let checks = std::mem::take(&mut self.checks);
        for (unit, check) in checks {
            match self.check(&check, host) {
                Some(valid) => {
                    self.judge(&check.proposal.block, valid, out);
                    self.drive(now, Event::Validated { era: check.era, unit, valid }, host, out);
                }
                None => drop(self.checks.insert(unit, check)),
            }
        }
    }

    /// A block is final. What was executed before a restart, or adopted, is known already.
    fn execute(&mut self, era: u64, block: Proposal, host: &dyn Host, out: &mut Vec<Effect>) {
        let current = self.koma.current().era().number;
        if block.height > self.head.0 && era == current {
            self.queue.push_back(block);
        } else if block.height > self.head.0
            || host.committed(block.height).is_some_and(|known| known.seal.claim.block != block.block)
        {
            self.halted = true;
            let alarm =
                super::policy::Alarm::Conflict { threshold: self.koma.current().policy().threshold() };
            out.push(Effect::Report(Report::Alarm { era, alarm }));
        }
    }

    /// Hands the next block to the ledger, if there is one and nothing is under way.
    fn release(&mut self, out: &mut Vec<Effect>) {
        if self.executing.is_some() {
            return;
        }
        let next = self.head.0.next();
        while self.adopted.front().is_some_and(|(block, _)| block.header.height < next) {
            self.adopted.pop_front();
        }
        while self.queue.front().is_some_and(|block| block.height < next) {
            self.queue.pop_front();
        }
        if let Some((block, seal)) = self.adopted.front().filter(|(block, _)| block.header.height == next) {
            let (era, grade) = (seal.claim.era, seal.claim.grade);
            if era != self.koma.current().era().number {
                // Who decided in another era has no say here.
                self.adopted.clear();
                return;
            }
            self.executing = Some(next);
            out.push(Effect::Final { block: block.clone(), era, grade, seal: Some(Box::new(seal.clone())) });
            return;
        }
        let Some(proposal) = self.queue.front().filter(|block| block.height == next) else { return };
        let Some(block) = self.bodies.get(&proposal.block) else { return };
        let era = self.koma.current().era();
        let grade = Policy::base(self.rules.mode, &era.validators);
        self.executing = Some(next);
        out.push(Effect::Final { block: block.clone(), era: era.number, grade, seal: None });
    }

    /// Signs what came of a block.
    fn executed(&mut self, now: Timestamp, claim: Claim, out: &mut Vec<Effect>) {
        let Some(era) = self.koma.era(claim.era).map(Instance::era).cloned() else { return };
        let (height, bytes) = (claim.height, claim.signing_bytes());
        let mut signatures = BTreeMap::new();
        for (key, _) in era.validators.members() {
            let signature = self.signatures.remove(&(height, *key));
            if let Some(signature) = signature.filter(|signature| key.verify(&bytes, signature).is_ok()) {
                signatures.insert(*key, signature);
            }
        }
        let mut pending = Pending { claim, bytes, era, signatures, repeat_at: now };
        if pending.era.validators.find(&self.own).is_some() {
            pending.signatures.insert(self.own, self.key.sign(&pending.bytes));
        }
        self.pending = Some(pending);
        self.repeat(now, out);
        self.seal();
    }

    /// Sends the own signature to all.
    fn repeat(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(pending) = &mut self.pending else { return };
        pending.repeat_at = now.plus_ms(REPEAT_MS);
        if let Some(signature) = pending.signatures.get(&self.own) {
            let Claim { era, height, .. } = pending.claim;
            Self::send(out, None, &Frame::Signature { era, height, signature: *signature });
        }
    }

    /// Puts the seal together once the signers weigh enough.
    fn seal(&mut self) {
        let Some(pending) = &self.pending else { return };
        let validators = &pending.era.validators;
        let weigh = |key: &PublicKey| validators.find(key).map_or(0, |member| validators.weight(member));
        let signed: u128 = pending.signatures.keys().map(|key| u128::from(weigh(key))).sum();
        if 2 * signed > u128::from(validators.total()) + u128::from(pending.claim.grade) {
            let signatures = pending.signatures.iter().map(|(key, signature)| (*key, *signature)).collect();
            self.remember(Seal { claim: pending.claim.clone(), signatures });
        }
    }

    fn remember(&mut self, seal: Seal) {
        self.seals.insert(seal.claim.height, seal);
        if self.seals.len() > SEALS {
            self.seals.pop_first();
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
        self.recheck(now, host, out);
    }

    /// A further era begins.
    fn begin(&mut self, now: Timestamp, record: &EraRecord, host: &mut dyn Host, out: &mut Vec<Effect>) {
        let members = host.validators(record.number).unwrap_or_default();
        // The chain takes no validators that could not run an era.
        let Ok(era) = era(self.chain, &self.rules, record, members) else { return };
        self.before = self.eras_so_far();
        while self.before.len() > REACHED {
            let older = self.before.remove(0);
            self.before[0] = older.with(&self.before[0]);
        }
        let before = self.before.clone();
        out.push(Effect::Keep { era: era.number, bytes: encode(&Kept::Before(before)), sync: false });
        out.push(Effect::Forget(era.number - 1));
        let root = era.root_height;
        self.bodies.retain(|_, block| block.header.height > root);
        let bodies = &self.bodies;
        self.kept.retain(|hash| bodies.contains_key(hash));
        self.places.retain(|_, height| *height >= root);
        self.queue.clear();
        self.checks.clear();
        self.wanted.clear();
        // An era that began before the loss may hold words of this node's; one that began after it cannot.
        let silent = self.lost_at.is_some_and(|lost| era.start <= lost);
        if self.lost_at.is_some() {
            self.listening = silent.then(BTreeSet::new);
            self.koma.listen(silent);
            self.mark(era.number, out);
        }
        let mode = self.rules.mode;
        self.drive(now, Event::Begin { era: Box::new(era), mode }, host, out);
    }

    /// What each era reached that is still told apart, the running one last. The one before it may still grow.
    fn eras_so_far(&self) -> Vec<Reached> {
        let mut eras = self.before.clone();
        let mut running = self.koma.eras().peekable();
        while let Some(instance) = running.next() {
            let last = running.peek().map_or(self.head.0, |next| next.era().root_height);
            let blocks = instance.dag().blocks();
            let ladder = instance.ladder().iter();
            let ladder = ladder.map(|rung| (rung.threshold(), blocks.get(rung.last()).height)).collect();
            let first = instance.era().root_height.next();
            let reached = Reached { first, last, total: instance.era().validators.total(), ladder };
            // Before a restart it may have been seen to reach less.
            eras.retain(|era| era.last < instance.era().root_height.next());
            eras.push(reached);
        }
        eras
    }

    /// Whether a question of `from`, as much work as `cost` small ones, is to be answered.
    fn may_ask(&mut self, now: Timestamp, from: PublicKey, cost: u64) -> bool {
        let peer = self.peers.entry(from).or_default();
        let since = now.0.saturating_sub(peer.questions_at.0).min(1_000);
        let earned = since * QUESTIONS_PER_S / 1_000;
        if earned > 0 {
            peer.questions = peer.questions.saturating_sub(earned);
            peer.questions_at = now;
        }
        let answered = peer.questions + cost <= QUESTIONS_PER_S;
        if answered {
            peer.questions += cost;
        }
        answered
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
            Frame::Status { era, height } => {
                let peer = self.peers.entry(from).or_default();
                (peer.era, peer.height) = (peer.era.max(era), peer.height.max(height));
            }
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
            let peer = self.peers.entry(from).or_default();
            peer.era = peer.era.max(number);
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

    /// While this node does not know what it said in the era: hears from the others whether they know of anything. Once
    /// a quorum does not, nothing that it may have said counts.
    fn listen(&mut self, from: PublicKey, era: &Era, next: &[u32], out: &mut Vec<Effect>) {
        let current = self.koma.current().era().number;
        let Some(heard) = self.listening.as_mut().filter(|_| era.number == current) else { return };
        let Some(own) = era.validators.find(&self.own) else { return };
        if era.validators.find(&from).is_none() {
            return;
        }
        if next.get(own.index()).is_none_or(|next| *next > 0) {
            heard.remove(&from);
            return;
        }
        heard.insert(from);
        let weigh =
            |key: &PublicKey| era.validators.find(key).map_or(0, |member| era.validators.weight(member));
        let weight = heard.iter().map(weigh).sum::<u64>();
        let bears = u128::from(era.validators.total()) + u128::from(era.validators.classical());
        // A quorum without this node: more of it than may cheat would have seen what it said in any other quorum.
        let said = !self.koma.current().dag().lane(own).is_empty();
        if !said && 2 * u128::from(weight) > bears {
            self.listening = None;
            self.mark(current, out);
            self.koma.listen(false);
            out.push(Effect::Report(Report::Speaking { era: current }));
        }
    }

    /// Remembers across restarts whether this node is silent.
    fn mark(&self, era: u64, out: &mut Vec<Effect>) {
        let since = self.lost_at.unwrap_or_default();
        let kept = if self.listening.is_some() { Kept::Silent(since) } else { Kept::Speaks(since) };
        out.push(Effect::Keep { era, bytes: encode(&kept), sync: true });
    }

    fn take_body(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        block: Arc<Block>,
        host: &mut dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let hash = block.header.hash();
        if self.bodies.contains_key(&hash) || self.places.contains_key(&hash) {
            return;
        }
        let asked_for = self.wanted.contains(&hash);
        let height = block.header.height;
        let near = height > self.head.0 && height.0 <= self.head.0.0 + SIGNATURES_AHEAD;
        let expected =
            block.header.proposer == from && near && (asked_for || self.may_ask(now, from, UNASKED_COST));
        if block.header.chain != self.chain || !(asked_for || expected) {
            return;
        }
        if check_body(&block).is_err() {
            out.push(Effect::Report(Report::Malformed { peer: from }));
            return;
        }
        if !asked_for {
            let peer = self.peers.entry(from).or_default();
            peer.unnamed.push_back(hash);
            if peer.unnamed.len() > UNNAMED {
                let oldest = peer.unnamed.pop_front();
                // What a unit named by now stays: it may become final.
                let stale = oldest.filter(|old| !self.is_named(old));
                stale.map(|stale| self.bodies.remove(&stale));
            }
        }
        self.wanted.remove(&hash);
        self.bodies.insert(hash, block);
        self.drive(now, Event::Body(hash), host, out);
        self.recheck(now, host, out);
    }

    /// Whether a unit proposes this block.
    fn is_named(&self, hash: &Hash) -> bool {
        let waits = self.checks.values().any(|check| check.proposal.block == *hash);
        let blocks = self.koma.current().dag().blocks();
        waits || blocks.all().any(|block| blocks.get(block).block == *hash)
    }

    fn take_signature(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        height: Height,
        signature: Signature,
        host: &dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let peer = self.peers.entry(from).or_default();
        peer.height = peer.height.max(Height(height.0.saturating_sub(1)));
        if height <= self.head.0 {
            // It waits for a seal that this node has.
            if peer.told < height
                && self.may_ask(now, from, BODY_COST)
                && let Some(committed) = host.committed(height)
            {
                self.peers.entry(from).or_default().told = height;
                Self::send(out, Some(from), &Frame::Sealed(Box::new(committed.seal.clone())));
            }
            return;
        }
        if height.0 > self.head.0.0 + SIGNATURES_AHEAD {
            return;
        }
        match &mut self.pending {
            Some(pending) if pending.claim.height == height => {
                let known = pending.era.validators.find(&from).is_some();
                if known && from.verify(&pending.bytes, &signature).is_ok() {
                    pending.signatures.insert(from, signature);
                    self.seal();
                }
            }
            _ => drop(self.signatures.insert((height, from), signature)),
        }
    }

    fn take_seal(&mut self, seal: Seal, out: &mut Vec<Effect>) {
        let Some(pending) = self.pending.as_ref().filter(|one| one.claim.height == seal.claim.height) else {
            return;
        };
        let holds = seal.claim.chain == self.chain
            && seal.claim.era == pending.claim.era
            && seal.claim.grade == pending.claim.grade
            && seal.verify(pending.era.validators.members()).is_ok();
        if !holds {
            return;
        }
        if seal.claim == pending.claim {
            self.remember(seal);
        } else {
            self.halted = true;
            out.push(Effect::Report(Report::Diverged(seal.claim.height)));
        }
    }

    fn send_blocks(&self, to: PublicKey, from: Height, host: &dyn Host, out: &mut Vec<Effect>) {
        let mut blocks = Vec::new();
        let mut bytes = 0usize;
        let mut next = Height(from.0.max(1));
        while blocks.len() < MAX_BLOCKS && next <= self.head.0 {
            let Some(committed) = host.committed(next) else { break };
            bytes += encode(&committed.block).len() + encode(&committed.seal).len();
            if bytes > BLOCKS_BYTES && !blocks.is_empty() {
                break;
            }
            blocks.push((Arc::new(committed.block.clone()), committed.seal.clone()));
            next = next.next();
        }
        if !blocks.is_empty() {
            Self::send(out, Some(to), &Frame::Blocks(blocks));
        }
    }

    /// Takes sealed blocks, each vouched for by the validators of its era.
    fn adopt(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        blocks: Vec<(Arc<Block>, Seal)>,
        host: &dyn Host,
        out: &mut Vec<Effect>,
    ) {
        if self.asked.is_none_or(|(asked, _)| asked != from) {
            return;
        }
        self.asked = None;
        let before = self.adopted.len();
        for (block, seal) in blocks {
            let (last, parent) = match self.adopted.back() {
                Some((block, seal)) => (block.header.height, seal.claim.block),
                None => self.head,
            };
            let height = block.header.height;
            if height <= last {
                continue;
            }
            let claim = &seal.claim;
            let members = host.validators(claim.era).unwrap_or_default();
            let follows = height == last.next() && block.header.parent == parent;
            let vouched = claim.chain == self.chain
                && claim.height == height
                && claim.block == block.header.hash()
                && Validators::new(members.clone())
                    .is_ok_and(|validators| claim.grade >= Policy::base(self.rules.mode, &validators));
            // Who decides in a later era shows once the blocks before it are executed.
            if !follows || members.is_empty() {
                break;
            }
            if !vouched || seal.verify(&members).is_err() || check_body(&block).is_err() {
                out.push(Effect::Report(Report::Malformed { peer: from }));
                break;
            }
            if self.pending.as_ref().is_some_and(|pending| pending.claim.height == height) {
                self.take_seal(seal.clone(), out);
            }
            self.adopted.push_back((block, seal));
            self.progress_at = now;
        }
        if self.adopted.len() == before {
            self.peers.entry(from).or_default().useless_until = now.plus_ms(2 * PATIENCE_MS);
        }
    }

    /// Asks for blocks that others have and this node lacks.
    fn catch_up(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let have = self.adopted.back().map_or(self.head.0, |(block, _)| block.header.height);
        if self.adopted.len() >= ADOPTED {
            return;
        }
        let slow = self.asked.filter(|(_, at)| at.plus_ms(PATIENCE_MS) <= now).map(|(peer, _)| peer);
        if self.asked.is_some() && slow.is_none() {
            return;
        }
        if let Some(peer) = slow.and_then(|slow| self.peers.get_mut(&slow)) {
            peer.useless_until = now.plus_ms(2 * PATIENCE_MS);
        }
        self.asked = None;
        let useful = self.peers.iter().filter(|(_, peer)| peer.useless_until <= now);
        let best = useful.map(|(key, peer)| (peer.height, *key)).max();
        let Some((height, peer)) = best.filter(|(height, _)| *height > have) else { return };
        let stalled = self.progress_at.plus_ms(STATUS_MS) <= now;
        if height.0 - have.0 >= FAR_BEHIND || stalled {
            self.asked = Some((peer, now));
            Self::send(out, Some(peer), &Frame::WantBlocks(have.next()));
        }
    }

    fn status(&self, to: Option<PublicKey>, out: &mut Vec<Effect>) {
        let (era, height) = (self.koma.current().era().number, self.head.0);
        Self::send(out, to, &Frame::Status { era, height });
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
            if self.listening.is_some() {
                let era = self.koma.current().era().number;
                self.lost_at.get_or_insert(now);
                self.mark(era, &mut out);
                out.push(Effect::Report(Report::Listening { era }));
            }
        }
        match input {
            Input::Tick => self.drive(now, Event::Tick, host, &mut out),
            Input::Connected(peer) => self.status(Some(peer), &mut out),
            Input::Received { from, bytes } => self.receive(now, from, &bytes, host, &mut out),
            Input::Executed(claim) => self.executed(now, claim, &mut out),
            Input::Committed { height, block } => self.committed(now, height, block, host, &mut out),
        }
        self.tend(now, &mut out);
        out.push(Effect::Wake(self.wake()));
        out
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.seals.get(&height).cloned()
    }

    fn standing(&self) -> Standing {
        let instance = self.koma.current();
        let (era, policy) = (instance.era(), instance.policy());
        Standing {
            era: era.number,
            validators: era.validators.count(),
            threshold: policy.threshold(),
            classical: era.validators.classical(),
            round_ms: instance.round_ms(),
            one_owner: self.rules.mode == Mode::SingleOwner,
            halted: self.halted || policy.is_halted(),
            listening: self.listening.is_some(),
            faulty: instance.dag().faulty_weight(),
            reached: self.eras_so_far(),
        }
    }
}
