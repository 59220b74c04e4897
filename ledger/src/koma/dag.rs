//! The units that a node holds, each after all that it cites, and what follows from them: votes, forks, evidence.
//!
//! A unit is kept as indices into the others, 4 bytes a validator; the bytes that were signed are made again when
//! somebody asks for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::blocks::{BlockIx, Blocks};
use super::era::Era;
use super::evidence::VerifiedEvidence;
use super::unit::{Entry, SignedUnit, Unit, VERSION, VerifiedUnit};
use super::validators::Member;
use crate::hash::Hash;
use crate::key::Signature;
use crate::moment::Timestamp;

/// How many units a validator may make in one of its rounds: one that proposes or confirms, one that bears witness.
pub const UNITS_PER_ROUND: u8 = 2;

/// A unit of the era, by the order in which this node took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitIx(u32);

impl UnitIx {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a unit saw of one validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    None,
    /// This unit, as the latest.
    Unit(UnitIx),
    /// That it equivocated.
    Faulty,
}

/// [`Seen`] in 4 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sight(u32);

impl Sight {
    const NONE: Sight = Sight(u32::MAX);
    const FAULTY: Sight = Sight(u32::MAX - 1);

    fn seen(self) -> Seen {
        match self {
            Sight::NONE => Seen::None,
            Sight::FAULTY => Seen::Faulty,
            Sight(ix) => Seen::Unit(UnitIx(ix)),
        }
    }
}

/// A unit that the node holds.
#[derive(Clone)]
struct Node {
    hash: Hash,
    signature: Signature,
    creator: Member,
    seq: u32,
    timestamp: Timestamp,
    exponent: u8,
    /// The how-manieth of its creator's round it is, from 1.
    of_round: u8,
    block: Option<BlockIx>,
    vote: BlockIx,
    sees: Box<[Sight]>,
}

/// What one validator made.
#[derive(Clone, Default)]
struct Lane {
    /// By sequence number: of an equivocator, whichever was here first.
    units: Vec<UnitIx>,
    /// Units of further branches.
    forks: Vec<UnitIx>,
}

/// Why a unit does not enter. The checks run in the order of the variants, and the first that fails is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It says that its own creator equivocated.
    #[error("the creator calls itself faulty")]
    SelfFaulty,
    /// It cites a unit that the node does not hold.
    #[error("it cites {0}, which is not here")]
    MissingUnit(Hash),
    /// It calls a validator faulty of whom the node holds no evidence.
    #[error("it calls validator {} faulty, and the evidence is not here", .0.0)]
    MissingEvidence(Member),
    /// The unit that it cites for a validator is another's.
    #[error("what it cites for validator {} is another's", .0.0)]
    Lane(Member),
    /// It is not the next one after the unit of its own that it cites.
    #[error("sequence number {expected} comes next, the unit has {found}")]
    Sequence {
        /// The next number.
        expected: u32,
        /// The unit's.
        found: u32,
    },
    /// What it cites has seen more of this validator than the unit admits.
    #[error("what it cites has seen more of validator {} than it admits", .0.0)]
    NotClosed(Member),
    /// It is older than what it cites, or than the era.
    #[error("its time is before that of what it cites")]
    Time,
    /// Its creator's rounds change their length in the middle of a round.
    #[error("the length of a round changes within the round")]
    RoundLength,
    /// Its creator's round has all its units already.
    #[error("it is one unit more than a round has")]
    TooMany,
    /// It proposes a block, but not at the start of its creator's round.
    #[error("a block is proposed at the start of a round")]
    NotAtStart,
    /// It proposes a block, but another validator leads the round.
    #[error("validator {} leads this round", .0.0)]
    NotLeader(Member),
    /// It proposes a block after the era's last one.
    #[error("the era's last block has no child")]
    AfterEnd,
}

/// What a unit brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// Where it is now.
    pub unit: UnitIx,
    /// Whose equivocation it proves, if it does for the first time.
    pub caught: Option<Member>,
}

/// What a unit waits for before it can enter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Units that it cites.
    pub units: Vec<Hash>,
    /// Evidence that it relies on.
    pub evidence: Vec<Member>,
}

impl Missing {
    /// Whether it waits for nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.units.is_empty() && self.evidence.is_empty()
    }
}

/// The directed acyclic graph of one era.
#[derive(Clone)]
pub struct Dag {
    era: Arc<Era>,
    nodes: Vec<Node>,
    /// Looked up, never walked.
    by_hash: HashMap<Hash, UnitIx>,
    lanes: Vec<Lane>,
    evidence: BTreeMap<Member, VerifiedEvidence>,
    blocks: Blocks,
}

impl Dag {
    /// The graph of `era` before its first unit.
    #[must_use]
    pub fn new(era: Arc<Era>) -> Dag {
        let lanes = vec![Lane::default(); era.validators.count()];
        let blocks = Blocks::new(era.root, era.root_height, era.start);
        Dag { era, nodes: Vec::new(), by_hash: HashMap::new(), lanes, evidence: BTreeMap::new(), blocks }
    }

    /// The era.
    #[must_use]
    pub fn era(&self) -> &Arc<Era> {
        &self.era
    }

    /// The blocks that its units propose.
    #[must_use]
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// How many units there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// All units, each after what it cites.
    pub fn all(&self) -> impl Iterator<Item = UnitIx> + use<> {
        (0..u32::try_from(self.nodes.len()).expect("an era has fewer than 2^32 units")).map(UnitIx)
    }

    /// Where the unit `hash` is.
    #[must_use]
    pub fn find(&self, hash: &Hash) -> Option<UnitIx> {
        self.by_hash.get(hash).copied()
    }

    /// What a unit is known by.
    #[must_use]
    pub fn hash(&self, unit: UnitIx) -> Hash {
        self.node(unit).hash
    }

    /// Who made it.
    #[must_use]
    pub fn creator(&self, unit: UnitIx) -> Member {
        self.node(unit).creator
    }

    /// How many its creator made before.
    #[must_use]
    pub fn seq(&self, unit: UnitIx) -> u32 {
        self.node(unit).seq
    }

    /// When it was made, by its creator's clock.
    #[must_use]
    pub fn timestamp(&self, unit: UnitIx) -> Timestamp {
        self.node(unit).timestamp
    }

    /// The length of its creator's round, as the exponent of two.
    #[must_use]
    pub fn exponent(&self, unit: UnitIx) -> u8 {
        self.node(unit).exponent
    }

    /// When its creator's round began.
    #[must_use]
    pub fn round_start(&self, unit: UnitIx) -> Timestamp {
        let node = self.node(unit);
        self.era.round_start(node.timestamp, node.exponent)
    }

    /// The block that it proposes.
    #[must_use]
    pub fn block(&self, unit: UnitIx) -> Option<BlockIx> {
        self.node(unit).block
    }

    /// The block for which it votes.
    #[must_use]
    pub fn vote(&self, unit: UnitIx) -> BlockIx {
        self.node(unit).vote
    }

    /// What it saw of `member`; of its creator, the unit before.
    #[must_use]
    pub fn sees(&self, unit: UnitIx, member: Member) -> Seen {
        self.node(unit).sees[member.index()].seen()
    }

    /// The unit of its creator before it.
    #[must_use]
    pub fn previous(&self, unit: UnitIx) -> Option<UnitIx> {
        match self.sees(unit, self.creator(unit)) {
            Seen::Unit(previous) => Some(previous),
            Seen::None | Seen::Faulty => None,
        }
    }

    /// The units of one validator by sequence number; of an equivocator, whichever was here first for each number.
    #[must_use]
    pub fn lane(&self, member: Member) -> &[UnitIx] {
        &self.lanes[member.index()].units
    }

    /// The latest unit of a validator who is not known to have equivocated.
    #[must_use]
    pub fn latest(&self, member: Member) -> Seen {
        if self.is_faulty(member) {
            return Seen::Faulty;
        }
        self.lane(member).last().map_or(Seen::None, |unit| Seen::Unit(*unit))
    }

    /// Whether the node holds evidence against this validator.
    #[must_use]
    pub fn is_faulty(&self, member: Member) -> bool {
        self.evidence.contains_key(&member)
    }

    /// The evidence, in order of validator.
    #[must_use]
    pub fn evidence(&self) -> &BTreeMap<Member, VerifiedEvidence> {
        &self.evidence
    }

    /// What the validators with evidence against them weigh together.
    #[must_use]
    pub fn faulty_weight(&self) -> u64 {
        self.evidence.keys().map(|member| self.era.validators.weight(*member)).sum()
    }

    /// Takes evidence that came from elsewhere; returns whether it is new.
    pub fn convict(&mut self, evidence: VerifiedEvidence) -> bool {
        let against = evidence.against();
        let new = !self.is_faulty(against);
        if new {
            self.evidence.insert(against, evidence);
        }
        new
    }

    /// The units that no other unit cites: both tips of an equivocation among them.
    #[must_use]
    pub fn tips(&self) -> Vec<UnitIx> {
        let mut cited = vec![false; self.nodes.len()];
        for node in &self.nodes {
            for sight in &node.sees {
                if let Seen::Unit(unit) = sight.seen() {
                    cited[unit.index()] = true;
                }
            }
        }
        self.all().filter(|unit| !cited[unit.index()]).collect()
    }

    /// A unit as its creator signed it.
    #[must_use]
    pub fn signed(&self, unit: UnitIx) -> SignedUnit {
        let node = self.node(unit);
        let entry = |sight: &Sight| match sight.seen() {
            Seen::None => Entry::None,
            Seen::Unit(cited) => Entry::Correct(self.hash(cited)),
            Seen::Faulty => Entry::Faulty,
        };
        let unit = Unit {
            version: VERSION,
            chain: self.era.chain,
            era: self.era.number,
            creator: node.creator,
            seq: node.seq,
            timestamp: node.timestamp,
            exponent: node.exponent,
            block: node.block.map(|block| self.blocks.get(block).block),
            panorama: node.sees.iter().map(entry).collect(),
        };
        SignedUnit { unit, signature: node.signature }
    }

    /// A unit that the node holds, as it came in.
    #[must_use]
    pub fn verified(&self, unit: UnitIx) -> VerifiedUnit {
        VerifiedUnit::trusted(self.signed(unit))
    }

    /// What the node has seen, as the panorama of a new unit: the latest of each validator up to `until`, nothing of
    /// those with evidence against them. Whatever else those units cite is not younger, so this is closed.
    #[must_use]
    pub fn panorama(&self, until: Timestamp) -> Vec<Seen> {
        let see = |member: Member| {
            if self.is_faulty(member) {
                return Seen::Faulty;
            }
            let lane = self.lane(member);
            let young = lane.iter().rev().take_while(|unit| self.timestamp(**unit) > until).count();
            lane[..lane.len() - young].last().map_or(Seen::None, |unit| Seen::Unit(*unit))
        };
        self.era.validators.all().map(see).collect()
    }

    /// A panorama in the form in which it is signed.
    #[must_use]
    pub fn entries(&self, panorama: &[Seen]) -> Vec<Entry> {
        let entry = |seen: &Seen| match seen {
            Seen::None => Entry::None,
            Seen::Unit(unit) => Entry::Correct(self.hash(*unit)),
            Seen::Faulty => Entry::Faulty,
        };
        panorama.iter().map(entry).collect()
    }

    /// The fork choice of a panorama: a function of nothing else, so that all agree on how a unit votes.
    #[must_use]
    pub fn choose(&self, panorama: impl Iterator<Item = Seen>) -> BlockIx {
        let votes = self.era.validators.all().zip(panorama).filter_map(|(member, seen)| match seen {
            Seen::Unit(unit) => Some((self.vote(unit), self.era.validators.weight(member))),
            Seen::None | Seen::Faulty => None,
        });
        self.blocks.heaviest(votes.collect())
    }

    /// The fork choice of all that the node has seen.
    #[must_use]
    pub fn choice(&self) -> BlockIx {
        self.choose(self.era.validators.all().map(|member| self.latest(member)))
    }

    /// Whether `later` is `earlier` or comes after it on the same branch of the same validator.
    #[must_use]
    pub fn follows(&self, later: UnitIx, earlier: UnitIx) -> bool {
        let (mut ix, seq) = (later, self.seq(earlier));
        if self.lanes[self.creator(later).index()].forks.is_empty() {
            return self.seq(later) >= seq;
        }
        while self.seq(ix) > seq {
            let Some(previous) = self.previous(ix) else { return false };
            ix = previous;
        }
        ix == earlier
    }

    /// What `unit` cites that is not here.
    #[must_use]
    pub fn missing(&self, unit: &Unit) -> Missing {
        let mut missing = Missing::default();
        for (member, entry) in self.era.validators.all().zip(&unit.panorama) {
            match entry {
                Entry::Correct(hash) if !self.by_hash.contains_key(hash) => missing.units.push(*hash),
                Entry::Faulty if !self.is_faulty(member) => missing.evidence.push(member),
                Entry::None | Entry::Correct(_) | Entry::Faulty => {}
            }
        }
        missing
    }

    /// What a panorama as it is signed says, in terms of the units that are here.
    fn resolve(&self, unit: &Unit) -> Result<Box<[Sight]>, UnitError> {
        let mut sees = Vec::with_capacity(unit.panorama.len());
        for (member, entry) in self.era.validators.all().zip(&unit.panorama) {
            sees.push(match entry {
                Entry::None => Sight::NONE,
                Entry::Correct(hash) => Sight(self.find(hash).ok_or(UnitError::MissingUnit(*hash))?.0),
                Entry::Faulty if self.is_faulty(member) => Sight::FAULTY,
                Entry::Faulty => return Err(UnitError::MissingEvidence(member)),
            });
        }
        Ok(sees.into_boxed_slice())
    }

    /// Whether the unit cited for each validator is its own.
    fn check_lanes(&self, sees: &[Sight]) -> Result<(), UnitError> {
        for (member, sight) in self.era.validators.all().zip(sees) {
            if let Seen::Unit(cited) = sight.seen()
                && self.creator(cited) != member
            {
                return Err(UnitError::Lane(member));
            }
        }
        Ok(())
    }

    /// Whether `sees` admits all that the cited units have seen. What the creator's previous unit saw was closed, so
    /// an entry that has not changed since needs no second look.
    fn check_closed(&self, creator: Member, sees: &[Sight]) -> Result<(), UnitError> {
        let previous = match sees[creator.index()].seen() {
            Seen::Unit(previous) => Some(previous),
            Seen::None | Seen::Faulty => None,
        };
        for (at, sight) in sees.iter().enumerate() {
            let Seen::Unit(cited) = sight.seen() else { continue };
            if Some(cited) != previous && previous.is_some_and(|own| self.node(own).sees[at] == *sight) {
                continue;
            }
            for (member, (theirs, ours)) in
                self.era.validators.all().zip(self.node(cited).sees.iter().zip(sees))
            {
                let admitted = match (theirs.seen(), ours.seen()) {
                    _ if theirs == ours => true,
                    (Seen::None, _) | (_, Seen::Faulty) => true,
                    (Seen::Unit(theirs), Seen::Unit(ours)) => self.follows(ours, theirs),
                    (Seen::Unit(_), Seen::None) | (Seen::Faulty, _) => false,
                };
                if !admitted {
                    return Err(UnitError::NotClosed(member));
                }
            }
        }
        Ok(())
    }

    /// Checks the unit's place in its creator's rounds; returns the how-manieth of its round it is.
    fn check_round(&self, unit: &Unit, previous: Option<UnitIx>) -> Result<u8, UnitError> {
        let Some(previous) = previous.map(|previous| self.node(previous)) else { return Ok(1) };
        let longest = unit.exponent.max(previous.exponent);
        let same = self.era.round_start(unit.timestamp, longest)
            == self.era.round_start(previous.timestamp, longest);
        if unit.exponent != previous.exponent {
            return if same { Err(UnitError::RoundLength) } else { Ok(1) };
        }
        match (same, previous.of_round) {
            (false, _) => Ok(1),
            (true, before) if before >= UNITS_PER_ROUND => Err(UnitError::TooMany),
            (true, before) => Ok(before + 1),
        }
    }

    /// Checks that the unit may propose a block onto `parent`.
    fn check_proposal(&self, unit: &Unit, parent: BlockIx) -> Result<(), UnitError> {
        if unit.timestamp != self.era.round_start(unit.timestamp, unit.exponent) {
            return Err(UnitError::NotAtStart);
        }
        let leader = self.era.leader(unit.timestamp);
        if leader != unit.creator {
            return Err(UnitError::NotLeader(leader));
        }
        if self.blocks.get(parent).last { Err(UnitError::AfterEnd) } else { Ok(()) }
    }

    /// Checks a unit as [`Dag::insert`] would, and tells the block onto which it proposes or for which it votes.
    ///
    /// # Errors
    /// [`UnitError`] for the first check that fails.
    pub fn check(&self, unit: &Unit) -> Result<BlockIx, UnitError> {
        self.place(unit).map(|(_, _, vote)| vote)
    }

    fn place(&self, unit: &Unit) -> Result<(Box<[Sight]>, u8, BlockIx), UnitError> {
        let own = unit.creator;
        if unit.panorama.get(own.index()) == Some(&Entry::Faulty) {
            return Err(UnitError::SelfFaulty);
        }
        let sees = self.resolve(unit)?;
        self.check_lanes(&sees)?;
        let previous = match sees[own.index()].seen() {
            Seen::Unit(previous) => Some(previous),
            Seen::None | Seen::Faulty => None,
        };
        let expected = previous.map_or(0, |previous| self.seq(previous).saturating_add(1));
        if unit.seq != expected {
            return Err(UnitError::Sequence { expected, found: unit.seq });
        }
        self.check_closed(own, &sees)?;
        let cited = sees.iter().filter_map(|sight| match sight.seen() {
            Seen::Unit(cited) => Some(self.timestamp(cited)),
            Seen::None | Seen::Faulty => None,
        });
        if cited.max().unwrap_or(self.era.start).max(self.era.start) > unit.timestamp {
            return Err(UnitError::Time);
        }
        let of_round = self.check_round(unit, previous)?;
        let vote = self.choose(sees.iter().map(|sight| sight.seen()));
        if unit.block.is_some() {
            self.check_proposal(unit, vote)?;
        }
        Ok((sees, of_round, vote))
    }

    /// Takes a unit of this era. Taking it twice changes nothing.
    ///
    /// # Errors
    /// [`UnitError`] for the first check that fails; nothing has changed then.
    pub fn insert(&mut self, verified: &VerifiedUnit) -> Result<Inserted, UnitError> {
        let (unit, hash) = (verified.unit(), verified.hash());
        if let Some(unit) = self.find(&hash) {
            return Ok(Inserted { unit, caught: None });
        }
        let (sees, of_round, vote) = self.place(unit)?;
        let ix = UnitIx(u32::try_from(self.nodes.len()).expect("an era has fewer than 2^32 units"));
        let block = unit.block.map(|block| {
            let height = self.blocks.get(vote).height.next();
            let last = self.era.ends_with(height, unit.timestamp);
            self.blocks.push(hash, block, vote, unit.timestamp, last)
        });
        let lane = &mut self.lanes[unit.creator.index()];
        let rival = lane.units.get(unit.seq as usize).copied();
        match rival {
            None => lane.units.push(ix),
            Some(_) => lane.forks.push(ix),
        }
        self.nodes.push(Node {
            hash,
            signature: verified.signed().signature,
            creator: unit.creator,
            seq: unit.seq,
            timestamp: unit.timestamp,
            exponent: unit.exponent,
            of_round,
            block,
            vote: block.unwrap_or(vote),
            sees,
        });
        self.by_hash.insert(hash, ix);
        let evidence = rival.and_then(|rival| VerifiedEvidence::new(self.verified(rival), verified.clone()));
        let caught = evidence.filter(|evidence| self.convict(evidence.clone()));
        Ok(Inserted { unit: ix, caught: caught.map(|evidence| evidence.against()) })
    }

    /// How many units of one validator are here, on all branches.
    #[must_use]
    pub fn made_by(&self, member: Member) -> usize {
        let lane = &self.lanes[member.index()];
        lane.units.len() + lane.forks.len()
    }

    /// About how many bytes of memory the graph takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let unit = size_of::<Node>() + 4 * self.lanes.len() + size_of::<UnitIx>();
        let found = size_of::<(Hash, UnitIx)>() + 1;
        self.nodes.capacity() * size_of::<Node>()
            + self.nodes.len() * (unit - size_of::<Node>())
            + self.by_hash.capacity() * found
            + self.blocks.count() * size_of::<super::blocks::BlockNode>()
    }

    fn node(&self, unit: UnitIx) -> &Node {
        &self.nodes[unit.index()]
    }
}
