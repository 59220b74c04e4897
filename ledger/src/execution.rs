//! What a block does to a state: a pure function, the same on every machine.

use std::collections::BTreeMap;

use crate::account::{
    ACCOUNTS, BANNED, BARRED, BLOCKS, CHAIN_IDS, CHANGES, CLOSINGS, ERA, EraRecord, FOLLOWING, FORMER, INBOX,
    REMEMBERED_ERAS, REMEMBERED_SETS, RULES, STRICT, Scope, VALIDATORS, account,
};
use crate::application::{Application, Run};
use crate::block::{Block, Header};
use crate::hash::{Hash, Hasher, Tag, encode};
use crate::key::PublicKey;
use crate::koma::Mode;
use crate::merkle;
use crate::message::{Closing, Envelope, MAX_MESSAGE_BYTES, MessageBody, RelayedMessage};
use crate::moment::{Height, SubChain, Timestamp};
use crate::receipt::{Cause, Receipt, Refusal};
use crate::state::{Read, Staged};
use crate::transaction::{Transaction, terms_hash};

/// What came of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Every key that changed, with its new value, in ascending order.
    pub changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// One receipt for the opening, one a message, one a transaction, in this order.
    pub receipts: Vec<Receipt>,
    /// The messages that leave.
    pub outbox: Vec<Envelope>,
}

impl Executed {
    /// Merkle root over the receipts.
    #[must_use]
    pub fn receipts_root(&self) -> Hash {
        merkle::root(&self.receipts.iter().map(|receipt| merkle::leaf(&encode(receipt))).collect::<Vec<_>>())
    }

    /// Merkle root over the outbox.
    #[must_use]
    pub fn outbox_root(&self) -> Hash {
        merkle::root(&self.outbox.iter().map(|message| merkle::leaf(&encode(message))).collect::<Vec<_>>())
    }
}

/// Executes `block` on `state`. The signatures of its transactions were checked before (they need no state);
/// everything that depends on state is checked here.
pub fn execute(app: &dyn Application, state: &dyn Read, block: &Block) -> Executed {
    let ids: Vec<Hash> = block.transactions.iter().map(Transaction::id).collect();
    execute_known(app, state, block, &ids)
}

/// Executes a block whose transactions have the identifiers `ids`.
pub(crate) fn execute_known(
    app: &dyn Application,
    state: &dyn Read,
    block: &Block,
    ids: &[Hash],
) -> Executed {
    let mut staged = Staged::new(state);
    let Header { height, time, .. } = block.header;
    let mut receipts = Vec::with_capacity(1 + block.messages.len() + block.transactions.len());
    let mut outbox = Vec::new();

    let (outcome, events) = attempt(app, &mut staged, &mut outbox, height, time, |run| {
        app.open(run);
        Ok(())
    });
    receipts.push(Receipt { cause: Cause::Opening, outcome, events });

    for message in &block.messages {
        let Envelope { from, number, .. } = message.envelope;
        let (outcome, events) = consume(app, &mut staged, &mut outbox, height, time, message);
        receipts.push(Receipt { cause: Cause::Message { from, number }, outcome, events });
    }
    for (transaction, id) in block.transactions.iter().zip(ids) {
        let (outcome, events) = run_transaction(app, &mut staged, &mut outbox, height, time, transaction);
        receipts.push(Receipt { cause: Cause::Transaction(*id), outcome, events });
    }
    close_era(app.chain(), &mut staged, &mut outbox, &block.header);
    Executed { changes: staged.into_changes(), receipts, outbox }
}

/// How many shortest rounds lie between an era's last block and the next era: time to execute it.
const PAUSE_ROUNDS: u64 = 4;

/// With the last block of an era the next one stands, and who decides in the one after it is fixed and told to the other
/// chains, together with what the chain has come to.
fn close_era(chain: SubChain, state: &mut Staged<'_>, outbox: &mut Vec<Envelope>, header: &Header) {
    let (Some(era), Some(rules)) = (ERA.get(state), RULES.get(state)) else { return };
    if rules.endless() {
        return;
    }
    let Header { height, time, .. } = *header;
    let root = header.hash();
    let mut hashes = BLOCKS.get(state).unwrap_or_default();
    hashes.push(merkle::leaf(&root.0));
    BLOCKS.put(state, &hashes);
    if !rules.end(&era, height, time) {
        return;
    }
    let blocks = hashes.root();
    CLOSINGS.put(state, &chain, &Closing { chain, era: era.number, height, block: root, blocks });
    let seed = Hasher::new(Tag::Leader).chain(&era.seed.0).chain(&root.0).finish();
    let start = time.plus_ms(PAUSE_ROUNDS * u64::from(rules.round_ms));
    let strict = STRICT.get(state).is_some();
    let next = EraRecord { number: era.number + 1, start, seed, root, root_height: height, strict };
    ERA.put(state, &next);
    // Leaders are drawn alike by all, so who may not lead is fixed before the era begins.
    let deciding = VALIDATORS.get(state, &(chain, next.number)).unwrap_or_default();
    let barred = deciding.into_iter().map(|(key, _)| key).filter(|key| BANNED.has(state, key)).collect();
    BARRED.put(state, &barred);
    let members = FOLLOWING.get(state).unwrap_or_default();
    let era = next.number + 1;
    if VALIDATORS.get(state, &(chain, next.number)).as_ref() != Some(&members) {
        CHANGES.put(state, &era, &height);
    }
    decides(state, chain, era, &members);
    let covers: Vec<Closing> = match chain {
        SubChain::Identity => {
            let others = SubChain::ALL.into_iter().filter(|other| *other != chain);
            others.filter_map(|other| CLOSINGS.get(state, &other)).collect()
        }
        SubChain::Data | SubChain::Payment => Vec::new(),
    };
    let mut run = Run::new(chain, height, time, state);
    for to in SubChain::ALL.into_iter().filter(|to| *to != chain) {
        let (members, covers) = (members.clone(), covers.clone());
        run.post(to, MessageBody::Validators { era, members, blocks, covers });
    }
    outbox.extend(run.finish().1);
}

/// Writes down who decides in an era of a chain. Of who did long ago only the changes stay.
fn decides(state: &mut Staged<'_>, chain: SubChain, era: u64, members: &Vec<(PublicKey, u64)>) {
    VALIDATORS.put(state, &(chain, era), members);
    if let Some(past) = era.checked_sub(REMEMBERED_ERAS + 2) {
        let Some(members) = VALIDATORS.get(state, &(chain, past)) else { return };
        VALIDATORS.remove(state, &(chain, past));
        let former = FORMER.under(state, &chain);
        if former.last().is_some_and(|(_, known)| *known == members) {
            return;
        }
        FORMER.put(state, &(chain, past), &members);
        if former.len() >= REMEMBERED_SETS {
            FORMER.remove(state, &former[0].0);
        }
    }
}

type Outcome = (Result<(), Refusal>, Vec<Vec<u8>>);

/// Runs `step`; keeps what it wrote only when it succeeds.
fn attempt(
    app: &dyn Application,
    state: &mut Staged<'_>,
    outbox: &mut Vec<Envelope>,
    height: Height,
    time: Timestamp,
    step: impl FnOnce(&mut Run<'_>) -> Result<(), Refusal>,
) -> Outcome {
    state.attempt();
    let mut run = Run::new(app.chain(), height, time, state);
    let outcome = step(&mut run);
    let (events, sent) = run.finish();
    if let Err(refusal) = outcome.and_then(|()| check_sent(&sent)) {
        state.undo();
        return (Err(refusal), Vec::new());
    }
    state.keep();
    outbox.extend(sent);
    (Ok(()), events)
}

/// A message that no block could carry would jam its line for good; so it is refused where it is sent. A refusal that
/// goes back is in brief and always fits.
fn check_sent(sent: &[Envelope]) -> Result<(), Refusal> {
    let long = sent.iter().find_map(|envelope| match &envelope.body {
        MessageBody::Deliver(payload) if payload.len() > MAX_MESSAGE_BYTES => Some(payload.len()),
        MessageBody::Deliver(_) | MessageBody::Failed { .. } | MessageBody::Validators { .. } => None,
    });
    let Some(bytes) = long else { return Ok(()) };
    let reason = format!("it sends a message of {bytes} bytes, the most is {MAX_MESSAGE_BYTES}");
    Err(Refusal::new("message-too-long", "payload", reason))
}

fn consume(
    app: &dyn Application,
    state: &mut Staged<'_>,
    outbox: &mut Vec<Envelope>,
    height: Height,
    time: Timestamp,
    message: &RelayedMessage,
) -> Outcome {
    let Envelope { from, number, .. } = message.envelope;
    if let Err(refusal) = check_message(app.chain(), state, message) {
        return (Err(refusal), Vec::new());
    }
    INBOX.put(state, &from, &(number + 1));
    match &message.envelope.body {
        MessageBody::Deliver(payload) => {
            let (outcome, events) =
                attempt(app, state, outbox, height, time, |run| app.receive(run, from, number, payload));
            if let Err(refusal) = &outcome {
                let mut run = Run::new(app.chain(), height, time, state);
                run.post(from, MessageBody::Failed { number, refusal: refusal.in_brief() });
                outbox.extend(run.finish().1);
            }
            (outcome, events)
        }
        MessageBody::Failed { number, refusal } => attempt(app, state, outbox, height, time, |run| {
            app.returned(run, from, *number, refusal);
            Ok(())
        }),
        MessageBody::Validators { era, members, .. } => {
            decides(state, from, *era, members);
            if let Some(closing) = message.closing() {
                CLOSINGS.put(state, &from, &closing);
            }
            (Ok(()), Vec::new())
        }
    }
}

/// Checks that a relayed message is the next one from its chain and that its chain's validators vouch for it.
///
/// # Errors
/// A [`Refusal`] that says which of the two fails.
pub fn check_message(to: SubChain, state: &dyn Read, message: &RelayedMessage) -> Result<(), Refusal> {
    let Envelope { from, number, .. } = message.envelope;
    let refuse = |code, field, reason: String| Err(Refusal::new(code, field, reason));
    if message.envelope.to != to || from == to {
        return refuse("wrong-destination", "to", format!("this is the {to} chain"));
    }
    let expected = INBOX.get(state, &from).unwrap_or(0);
    if number != expected {
        return refuse("out-of-order", "number", format!("expected message {expected}, got {number}"));
    }
    let era = running(state, from);
    if message.seal.claim.era != era {
        return refuse(
            "unproved",
            "era",
            format!("the next message of the {from} chain is of its era {era}"),
        );
    }
    check_vouched(state, message)
}

/// The era of another chain in which it sent its next message. Its eras end with a message, and messages are consumed in
/// order, so this is certain: whoever decided before, or will later, has no say in it.
fn running(state: &dyn Read, from: SubChain) -> u64 {
    CLOSINGS.get(state, &from).map_or(0, |closing| closing.era + 1)
}

/// Checks that the validators of its chain vouch for a relayed message, whatever its number. It may be of the era after
/// the running one, since the message in between may still wait.
pub(crate) fn check_vouched(state: &dyn Read, message: &RelayedMessage) -> Result<(), Refusal> {
    let from = message.envelope.from;
    let claim = &message.seal.claim;
    let refuse = |code, field, reason: String| Err(Refusal::new(code, field, reason));
    let era = running(state, from);
    if !(era..=era + 1).contains(&claim.era) {
        let reason = format!("the {from} chain is in its era {era}, this is of its era {}", claim.era);
        return refuse("unproved", "era", reason);
    }
    let validators = VALIDATORS.get(state, &(from, claim.era)).unwrap_or_default();
    let mode = RULES.get(state).map_or(Mode::Classical, |rules| rules.mode);
    let chain = CHAIN_IDS.get(state, &from).unwrap_or_default();
    if claim.chain != chain || message.seal.verify_as(&validators, mode).is_err() {
        return refuse("unproved", "seal", format!("the validators of the {from} chain did not sign this"));
    }
    if !message.is_sent() {
        return refuse("unproved", "path", "the message is not in the outbox that the seal names".to_owned());
    }
    Ok(())
}

/// Checks what the envelope of a transaction says against state: chain, expiry, sequence, key.
///
/// # Errors
/// A [`Refusal`] for the first of these that fails, in this order.
pub fn check_envelope(
    chain: SubChain,
    state: &dyn Read,
    transaction: &Transaction,
    height: Height,
    time: Timestamp,
) -> Result<Scope, Refusal> {
    let body = &transaction.body;
    let id = CHAIN_IDS.get(state, &chain).unwrap_or_default();
    if body.chain != id {
        return Err(Refusal::new("wrong-chain", "chain", format!("signed for another chain than {chain}")));
    }
    if body.expires < height {
        let reason = format!("void after height {}, this is height {height}: sign it again", body.expires);
        return Err(Refusal::new("expired", "expires", reason));
    }
    let account = account(state, body.account);
    if body.sequence != account.sequence {
        let reason = format!("the next sequence number of this account is {}", account.sequence);
        return Err(Refusal::new("wrong-sequence", "sequence", reason));
    }
    account.scope(body.account, body.key, time).ok_or_else(|| {
        Refusal::new("unknown-key", "key", "this key may not sign for this account on this chain")
    })
}

fn run_transaction(
    app: &dyn Application,
    state: &mut Staged<'_>,
    outbox: &mut Vec<Envelope>,
    height: Height,
    time: Timestamp,
    transaction: &Transaction,
) -> Outcome {
    let body = &transaction.body;
    if let Err(refusal) = check_envelope(app.chain(), state, transaction, height, time) {
        return (Err(refusal), Vec::new());
    }
    let mut spent = account(state, body.account);
    spent.sequence += 1;
    ACCOUNTS.put(state, &body.account, &spent);
    // The fee stays paid whatever comes after, and is itself all or nothing.
    let (charged, mut events) = attempt(app, state, outbox, height, time, |run| app.charge(run, body));
    if charged.is_err() {
        return (charged, Vec::new());
    }
    let (outcome, done) = attempt(app, state, outbox, height, time, |run| {
        let terms = app.terms(run.state(), body.account, &body.payload)?;
        if terms_hash(&terms) != body.terms {
            let reason = "the signed terms are not those of this transaction: read them again and sign again";
            return Err(Refusal::new("other-terms", "terms", reason));
        }
        app.apply(run, body)
    });
    events.extend(done);
    (outcome, events)
}
