//! `permuta verify-proof`: believes nothing but a genesis hash.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use borsh::BorshDeserialize;
use identity_chain::{Credit, Party};
use ledger::genesis::Genesis;
use ledger::light::{MAX_PROOF_BYTES, Proof, ProvenCheckpoint, ProvenFact};
use ledger::{Address, Cause, Hash, Receipt, SubChain, Timestamp};
use payment_chain::SETTLEMENTS;
use payment_chain::model::Settlement;

/// The arguments of `verify-proof`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The proof file, as the portal, the bank API and `permuta export-proof` hand it out; `-` reads standard input.
    file: PathBuf,
    /// The network you trust: the hash of its genesis (64 hex digits), or the file `genesis` of one of its nodes.
    ///
    /// Take the hash from somebody you trust, not from whoever gave you the proof.
    #[arg(long, value_name = "HASH|FILE")]
    genesis: String,
}

/// Checks the proof and says in English what it proves.
pub(crate) fn run(args: &Args) -> Result<()> {
    let trusted = trusted_genesis(&args.genesis)?;
    let bytes = read(&args.file)?;
    let shown = args.file.display();
    if bytes.first() == Some(&b'{') {
        bail!(
            "{shown} is JSON, not a proof file: ask the bank API with ?format=file, or decode the field `proof` from \
             base64 into a file"
        );
    }
    let proof = Proof::decode(&bytes).with_context(|| format!("{shown} is no proof"))?;
    let proven = proof
        .verify(trusted)
        .with_context(|| format!("{shown} does not hold against genesis {trusted}: do not rely on it"))?;
    let claim = &proof.seal.claim;
    println!("The proof holds.");
    println!("  network  {trusted}");
    println!("  chain    {}", proven.chain);
    println!("  record   height {} of {}", claim.height, moment(claim.time));
    println!("  block    {}", claim.block);
    let (signed, total) = proven.weight;
    match proof.seal.signatures.len() {
        1 if signed == total => println!("  sealed   by the only validator: as trustworthy as its owner"),
        many => println!(
            "  sealed   by {many} validators of weight {signed} of {total} in era {}; undoing it needs weight {} to \
             cheat",
            claim.era, claim.grade
        ),
    }
    match proof.hand_offs.len() {
        0 => {}
        1 => println!("           named by those before them, once since the genesis"),
        many => println!("           named by those before them, {many} times since the genesis"),
    }
    match &proven.checkpoint {
        Some(checkpoint) => below(checkpoint),
        None => println!("  under    no checkpoint in this file"),
    }
    match proven.fact {
        ProvenFact::Receipt { receipt, transaction, .. } => {
            println!("It proves what came of {}:", cause(&receipt));
            if let Some(transaction) = transaction {
                println!("  asked by  {}", transaction.body.account);
                println!("  key       {}", transaction.body.key);
                println!("  terms     {}", transaction.body.terms);
            }
            outcome(proven.chain, &receipt);
        }
        ProvenFact::Value { key, value } => {
            println!("It proves that after this record the state held:");
            for line in fact(proven.chain, &key, &value).unwrap_or_default() {
                println!("  {line}");
            }
            println!("  key    {}", hex::encode(key));
            println!("  value  {}", hex::encode(value));
        }
        ProvenFact::Absence { key } => {
            println!("It proves that after this record the state held nothing under:");
            println!("  key    {}", hex::encode(key));
        }
    }
    Ok(())
}

/// Says which checkpoint the record lies under.
fn below(checkpoint: &ProvenCheckpoint) {
    let (signed, total) = checkpoint.weight;
    let covers =
        checkpoint.covers.iter().map(|closing| format!("{} up to {}", closing.chain, closing.height));
    println!(
        "  under    checkpoint {} of {}, signed by {signed} of {total} weight, covers {}",
        checkpoint.number,
        moment(checkpoint.time),
        covers.collect::<Vec<_>>().join(", ")
    );
    println!("           block {}", checkpoint.covers.first().map_or(Hash::ZERO, |closing| closing.block));
}

/// Reads a hash, or the genesis file whose hash is meant.
fn trusted_genesis(text: &str) -> Result<Hash> {
    if let Ok(hash) = text.parse::<Hash>() {
        return Ok(hash);
    }
    let bytes = std::fs::read(text).with_context(|| {
        format!("--genesis {text} is neither a hash (64 hex digits) nor a genesis file that can be read")
    })?;
    let genesis = Genesis::decode(&bytes).with_context(|| format!("{text} is no genesis file"))?;
    Ok(genesis.hash())
}

fn read(path: &std::path::Path) -> Result<Vec<u8>> {
    let limit = MAX_PROOF_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    input.take(limit).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(bytes)
}

fn cause(receipt: &Receipt) -> String {
    match &receipt.cause {
        Cause::Opening => "what fell due at that height".to_owned(),
        Cause::Message { from, number } => format!("message {number} from the {from} chain"),
        Cause::Transaction(id) => format!("transaction {id}"),
    }
}

fn outcome(chain: SubChain, receipt: &Receipt) {
    match &receipt.outcome {
        Ok(()) => println!("  it was done; what happened:"),
        Err(refusal) => println!("  it was refused ({}): {refusal}", refusal.code),
    }
    for event in &receipt.events {
        let told = match chain {
            SubChain::Identity => told::<identity_chain::Event>(event),
            SubChain::Data => told::<data_chain::Event>(event),
            SubChain::Payment => told::<payment_chain::Event>(event),
        };
        for line in told.lines() {
            println!("    {line}");
        }
    }
}

/// What a value of a chain's state says, where people take away proofs of it.
fn fact(chain: SubChain, key: &[u8], value: &[u8]) -> Option<Vec<String>> {
    // Keys are a prefix and the canonical bytes of what they name, so a key of the same table has the same form.
    let names =
        |pattern: Vec<u8>, fixed: usize| pattern.len() == key.len() && pattern[..fixed] == key[..fixed];
    match chain {
        SubChain::Payment if names(SETTLEMENTS.key(&Hash::ZERO), 1) => {
            let settlement = Settlement::try_from_slice(value).ok()?;
            let id = Hash(key.get(1..)?.try_into().ok()?);
            let mut lines = vec![
                format!("settlement {id}"),
                format!("of batch {}, settled {}, among:", settlement.batch, moment(settlement.at)),
            ];
            lines.extend(settlement.parties.iter().map(|party| format!("  {party}")));
            Some(lines)
        }
        SubChain::Identity => {
            let account = Address(key.get(1..)?.try_into().ok()?);
            let told = if key == identity_chain::view::party_key(account) {
                format!("{:#?}", Party::try_from_slice(value).ok()?)
            } else if key == identity_chain::view::credit_key(account) {
                format!("{:#?}", Credit::try_from_slice(value).ok()?)
            } else {
                return None;
            };
            let mut lines = vec![format!("account {account}")];
            lines.extend(told.lines().map(str::to_owned));
            Some(lines)
        }
        SubChain::Payment | SubChain::Data => None,
    }
}

fn told<E: BorshDeserialize + std::fmt::Debug>(bytes: &[u8]) -> String {
    match E::try_from_slice(bytes) {
        Ok(event) => format!("{event:#?}"),
        Err(_) => format!("an event that this version does not know: {}", hex::encode(bytes)),
    }
}

fn moment(time: Timestamp) -> String {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}
