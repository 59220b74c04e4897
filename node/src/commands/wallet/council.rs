//! `permuta wallet council`: what an organisation says about who decides, through a node of its own.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use borsh::BorshSerialize;
use clap::{Args as ClapArgs, Subcommand};
use clearing::Amount;
use identity_chain::{Change, Payload};
use ledger::hash::encode;
use ledger::{Address, Body, KeyPair, PublicKey, Signature, SubChain, Timestamp};
use serde_json::{Value, json};

use super::{Password, confirm, covered, load, prepared_for, show_body};
use crate::consortium::public_key;
use crate::{clock, http, secret};

/// The arguments of `council`.
#[derive(ClapArgs)]
#[command(after_help = "\
The node renders the terms, and this program checks that they are those that the signature covers. A proposal passes once \
organisations whose validators weigh more than two thirds have agreed; it counts from the era after the next one on. The \
proof of a new validator comes from `permuta keygen --show FILE --for ACCOUNT --genesis FILE`.")]
pub(super) struct Args {
    /// The node that is asked, where it answers /healthz.
    #[arg(long, value_name = "HOST:PORT")]
    node: String,
    /// The organisation's key: a key file of this wallet.
    #[arg(long, value_name = "FILE", required_unless_present = "plain_key", conflicts_with = "plain_key")]
    key: Option<PathBuf>,
    /// The organisation's key without a password, as `permuta keygen` makes them.
    #[arg(long, value_name = "FILE")]
    plain_key: Option<PathBuf>,
    /// The organisation's account, if it is not that of the key.
    #[arg(long, value_name = "0x…")]
    account: Option<Address>,
    /// Sign without asking: you have read the terms.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    password: Password,
    #[command(subcommand)]
    say: Say,
}

#[derive(Subcommand)]
enum Say {
    /// Propose that a validator be admitted.
    Admit {
        #[command(flatten)]
        validator: Validator,
        /// What its word will weigh.
        #[arg(long)]
        weight: u64,
        /// The account of the organisation that runs it.
        #[arg(long, value_name = "0x…")]
        organisation: Address,
        /// The key's signature that this organisation may bring it in.
        #[arg(long, value_name = "HEX", value_parser = signature)]
        proof: Signature,
        #[command(flatten)]
        until: Until,
    },
    /// Propose that a validator be removed.
    Remove {
        #[command(flatten)]
        validator: Validator,
        #[command(flatten)]
        until: Until,
    },
    /// Propose another weight for a validator.
    Weigh {
        #[command(flatten)]
        validator: Validator,
        /// What its word will weigh.
        #[arg(long)]
        weight: u64,
        #[command(flatten)]
        until: Until,
    },
    /// Propose that the low grade of the genesis be enough again although validators were banned (adaptive mode).
    Ease {
        #[command(flatten)]
        until: Until,
    },
    /// Agree to a proposal.
    Vote {
        /// Its number.
        proposal: u64,
    },
    /// Take a validator of your own out, without a vote.
    Leave {
        #[command(flatten)]
        validator: Validator,
    },
    /// Set deposit aside for a validator of your own.
    Bond {
        #[command(flatten)]
        validator: Validator,
        /// How much, in the deposit asset's smallest unit.
        #[arg(long)]
        units: u128,
    },
    /// Take back what you set aside for a validator that has left.
    Unbond {
        #[command(flatten)]
        validator: Validator,
        /// How much, in the deposit asset's smallest unit.
        #[arg(long)]
        units: u128,
    },
}

#[derive(ClapArgs)]
struct Validator {
    /// The validator's public key.
    #[arg(long, value_name = "KEY", value_parser = public_key)]
    validator: PublicKey,
}

#[derive(ClapArgs)]
struct Until {
    /// For how many days the proposal waits for votes, 1 to 29.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..30))]
    days: u64,
}

impl Until {
    fn moment(&self) -> Timestamp {
        clock::now().plus_ms(self.days * Timestamp::DAY_MS)
    }
}

fn signature(text: &str) -> Result<Signature> {
    let bytes = hex::decode(text).context("expected hexadecimal digits")?;
    bytes.try_into().map(Signature).map_err(|_| anyhow::anyhow!("expected 128 hexadecimal digits"))
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<()> {
    let identity = |payload: Payload| (SubChain::Identity, encode(&payload));
    let proposes = |change, until: &Until| identity(Payload::Propose { change, until: until.moment() });
    let (chain, payload) = match &args.say {
        Say::Admit { validator, weight, organisation, proof, until } => {
            let (key, weight) = (validator.validator, *weight);
            let (organisation, proof) = (*organisation, *proof);
            proposes(Change::Admit { key, weight, organisation, proof }, until)
        }
        Say::Remove { validator, until } => proposes(Change::Remove { key: validator.validator }, until),
        Say::Weigh { validator, weight, until } => {
            proposes(Change::Weigh { key: validator.validator, weight: *weight }, until)
        }
        Say::Ease { until } => proposes(Change::Ease, until),
        Say::Vote { proposal } => identity(Payload::Vote { proposal: *proposal }),
        Say::Leave { validator } => identity(Payload::Leave { validator: validator.validator }),
        Say::Bond { validator, units } => {
            let (validator, amount) = (validator.validator, Amount::new(*units).context("--units")?);
            payment(&payment_chain::Payload::BondValidator { validator, amount })
        }
        Say::Unbond { validator, units } => {
            let (validator, amount) = (validator.validator, Amount::new(*units).context("--units")?);
            payment(&payment_chain::Payload::UnbondValidator { validator, amount })
        }
    };
    let public = match (&args.key, &args.plain_key) {
        (Some(path), _) => load(path)?.public()?,
        (None, Some(path)) => secret::read(path)?.public(),
        (None, None) => bail!("--key: missing"),
    };
    let account = args.account.unwrap_or_else(|| public.address());
    let (body, terms) = prepare(args, chain, account, public, payload)?;
    show_body(&body, &terms)?;
    prepared_for(&body, &public)?;
    confirm(args.yes)?;
    let transaction = body.sign(&open(args)?);
    let path = format!("/transactions/{chain}");
    let taken = ask(&args.node, &path, "application/octet-stream", &encode(&transaction))?;
    println!("{}", text(&taken, "id")?);
    Ok(())
}

fn payment<P: BorshSerialize>(payload: &P) -> (SubChain, Vec<u8>) {
    (SubChain::Payment, encode(payload))
}

/// Has the node make a request ready, and checks that it is what was asked for.
fn prepare(
    args: &Args,
    chain: SubChain,
    account: Address,
    key: PublicKey,
    payload: Vec<u8>,
) -> Result<(Body, String)> {
    let wanted = json!({
        "account": account.to_string(),
        "key": key.to_string(),
        "payload": hex::encode(&payload),
    });
    let path = format!("/terms/{chain}");
    let prepared = ask(&args.node, &path, "application/json", wanted.to_string().as_bytes())?;
    let bytes = hex::decode(text(&prepared, "bytes")?).context("the node's bytes are not hexadecimal")?;
    let body = Body::from_signing_bytes(&bytes).context("the node gave no bytes of a transaction")?;
    ensure!(
        body.payload == payload && body.account == account,
        "the node made something else of it than was asked: do not sign, and look after that node"
    );
    let terms = covered(&body, text(&prepared, "terms")?)?;
    Ok((body, terms))
}

fn open(args: &Args) -> Result<KeyPair> {
    match (&args.key, &args.plain_key) {
        (Some(path), _) => Ok(load(path)?.open(&args.password.read("Password of the key: ")?)?),
        (None, Some(path)) => secret::read(path),
        (None, None) => bail!("--key: missing"),
    }
}

fn ask(node: &str, path: &str, kind: &str, body: &[u8]) -> Result<Value> {
    let answer = http::post(node, path, kind, body);
    let (status, answer) = answer.with_context(|| format!("cannot ask {node}"))?;
    match status {
        200..300 => Ok(answer),
        _ => bail!("{}", answer["reason"].as_str().unwrap_or("the node gives no reason")),
    }
}

fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str> {
    answer[field].as_str().with_context(|| format!("the node's answer has no {field}"))
}
