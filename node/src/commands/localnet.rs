//! `permuta localnet`: a consortium of validators on this machine, each in a process of its own.

use std::fs::File;
use std::io::IsTerminal;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ledger::genesis::Rules;
use ledger::koma::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::node::{NodeConfig, PeerConfig};
use crate::consortium::{CERTIFICATE, Consortium, REVOKED};
use crate::demo::{self, Cast, Stage};
use crate::home::{self, Home};
use crate::{clock, http, secret};

/// How often the state is shown.
const SHOWN_EVERY: Duration = Duration::from_secs(2);
/// How long nodes may take to finish.
const PATIENCE: Duration = Duration::from_secs(15);
/// Health answers so many ports above the base port, the portal so many.
const HEALTH_AT: u16 = 100;
const PORTAL_AT: u16 = 200;
/// For how many days the certificates of a local network hold.
const DAYS: u64 = 365;

/// The arguments of `localnet`.
#[derive(clap::Args)]
#[command(after_help = "\
DIR/nodes.json says where each node is and answers. Ctrl-C stops all of them, and the same command goes on where they \
stopped. A node that was killed is started again by `permuta node --config DIR/node-N/node.json`. Each validator is run \
by an organisation of its own, whose key is DIR/node-N/organisation.key: with `permuta wallet council` it votes on who \
decides.")]
pub(crate) struct Args {
    /// How many validators, 4 to 32.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=32))]
    validators: u16,
    /// The folder that keeps everything.
    #[arg(long)]
    dir: PathBuf,
    /// Validators listen from this UDP port on, answer /healthz from 100 above it on; the portal is 200 above it.
    #[arg(long, default_value_t = 9400, value_parser = clap::value_parser!(u16).range(1024..=65000))]
    base_port: u16,
    /// The shortest round in milliseconds: three times what a message takes.
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u32).range(3..=60_000))]
    round_ms: u32,
    /// After how many blocks an era may end.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    era_blocks: u64,
    /// A portal with the demonstration market on the first node.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    market: bool,
}

/// Where a node is.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    node: u16,
    validator: String,
    /// The account of the organisation that runs it.
    organisation: String,
    address: String,
    health: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    portal: Option<String>,
    config: PathBuf,
}

/// Runs the network until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the system has no threads to give")?.block_on(tend(args))
}

async fn tend(args: &Args) -> Result<()> {
    let open = Arc::new(AtomicBool::new(true));
    let mut stopped = demo::watch_signals(open)?;
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot make {}", args.dir.display()))?;
    let list = args.dir.join("nodes.json");
    let nodes = if list.exists() { known(args)? } else { found(args)? };
    let text = serde_json::to_vec_pretty(&nodes).context("plain data")?;
    home::write_durably(&list, &text, false)?;
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut children = Vec::new();
    for node in &nodes {
        children.push(start(&program, node)?);
    }
    println!("{} validators in {}; {} says where each is.", nodes.len(), args.dir.display(), list.display());
    println!(
        "The log of each is the file log in its folder; who may sign in at the portal stands in node-0/log."
    );
    if let Some(portal) = nodes.first().and_then(|node| node.portal.as_ref()) {
        println!("Portal: {portal}");
    }
    let redraw = std::io::stdout().is_terminal();
    let mut drawn = 0;
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            () = tokio::time::sleep(SHOWN_EVERY) => {}
        }
        let lines = show(&nodes, &mut children);
        if redraw && drawn > 0 {
            print!("\x1b[{drawn}A\x1b[J");
        }
        drawn = lines.len();
        lines.iter().for_each(|line| println!("{line}"));
        if !redraw {
            println!();
        }
    }
    println!("Stopping {} validators.", children.len());
    stop(children)
}

/// The nodes of a folder that was made before.
fn known(args: &Args) -> Result<Vec<Listed>> {
    let path = args.dir.join("nodes.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let nodes: Vec<Listed> =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    ensure!(
        nodes.len() == usize::from(args.validators),
        "{} holds a network of {} validators: say --validators {0}, or name another folder",
        args.dir.display(),
        nodes.len()
    );
    Ok(nodes)
}

/// Makes a network: an authority, keys, certificates, a genesis, and a folder for each node.
fn found(args: &Args) -> Result<Vec<Listed>> {
    free(args)?;
    let now = clock::now();
    let mut authority = Consortium::found(&args.dir.join("authority"), DAYS, now)?;
    let folder = |node: u16| args.dir.join(format!("node-{node}"));
    let (mut keys, mut organisations) = (Vec::new(), Vec::new());
    for node in 0..args.validators {
        std::fs::create_dir_all(folder(node)).context("cannot make the folders of the nodes")?;
        let (key, organisation) = (secret::fresh()?, secret::fresh()?);
        secret::write(&folder(node).join("validator.key"), &key)?;
        secret::write(&folder(node).join("organisation.key"), &organisation)?;
        organisations.push((key.public(), organisation.public()));
        keys.push(key);
    }
    let rules = Rules {
        round_ms: args.round_ms,
        max_exponent: 7,
        era_blocks: args.era_blocks,
        era_ms: 0,
        mode: Mode::Classical,
    };
    let first = Home::open(&folder(0).join("home"))?;
    let stage = Stage::new(Cast::open(&first.path("secret"))?);
    let validators = keys.iter().map(|key| (key.public(), 1)).collect();
    let network = demo::found_network(&stage, validators, rules, &organisations)?;
    let address = |node: u16| format!("127.0.0.1:{}", args.base_port + node);
    let mut nodes = Vec::new();
    for (node, key) in (0..args.validators).zip(&keys) {
        let dir = folder(node);
        let made = (node > 0).then(|| Home::open(&dir.join("home"))).transpose()?;
        network.write(made.as_ref().unwrap_or(&first).dir())?;
        let certificate = authority.issue(key.public(), DAYS, now)?;
        home::write_durably(&dir.join("validator.pem"), certificate.as_bytes(), false)?;
        let others = (0..args.validators).zip(&keys).filter(|(other, _)| *other != node);
        let peers =
            others.map(|(other, key)| PeerConfig { key: key.public().to_string(), address: address(other) });
        let health = format!("127.0.0.1:{}", args.base_port + HEALTH_AT + node);
        let market_port = (node == 0 && args.market).then_some(args.base_port + PORTAL_AT);
        let config = NodeConfig {
            dir: "home".into(),
            key: "validator.key".into(),
            certificate: "validator.pem".into(),
            authorities: Path::new("../authority").join(CERTIFICATE),
            revocations: Some(Path::new("../authority").join(REVOKED)),
            listen: address(node),
            health: health.clone(),
            peers: peers.collect(),
            market_port,
            confidence: None,
        };
        let path = dir.join("node.json");
        home::write_durably(&path, &serde_json::to_vec_pretty(&config).context("plain data")?, false)?;
        nodes.push(Listed {
            node,
            validator: key.public().to_string(),
            organisation: organisations[usize::from(node)].1.address().to_string(),
            address: address(node),
            health: format!("http://{health}/healthz"),
            portal: market_port.map(|port| format!("http://localhost:{port}/")),
            config: path,
        });
    }
    Ok(nodes)
}

/// Sees early that the ports can be had.
fn free(args: &Args) -> Result<()> {
    for node in 0..args.validators {
        let (own, health) = (args.base_port + node, args.base_port + HEALTH_AT + node);
        if UdpSocket::bind(("127.0.0.1", own)).is_err() || TcpListener::bind(("127.0.0.1", health)).is_err() {
            bail!("port {own} or {health} is taken: name another --base-port");
        }
    }
    Ok(())
}

/// Starts a node that ends when this process does.
fn start(program: &Path, node: &Listed) -> Result<Child> {
    let dir = node.config.parent().unwrap_or(Path::new("."));
    let log = File::options().create(true).append(true).open(dir.join("log"));
    let log = log.with_context(|| format!("cannot write the log in {}", dir.display()))?;
    let errors = log.try_clone().context("cannot write the log")?;
    Command::new(program)
        .args(["node", "--with-parent", "--config"])
        .arg(&node.config)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .with_context(|| format!("cannot start node {}", node.node))
}

/// The state of all nodes, a line for each.
fn show(nodes: &[Listed], children: &mut [Child]) -> Vec<String> {
    let head = format!(
        "{:>4}  {:>8} {:>8} {:>8}  {:>7}  {:>4}  {:>8}  {:>5}  {:>7}",
        "node", "identity", "data", "payment", "grade", "era", "round", "peers", "memory"
    );
    let mut lines = vec![head];
    for (node, child) in nodes.iter().zip(children) {
        let line = match child.try_wait() {
            Ok(Some(status)) => format!("{:>4}  stopped: {status}", node.node),
            _ => match ask(&node.health) {
                Some(health) => row(node.node, &health),
                None => format!("{:>4}  does not answer yet", node.node),
            },
        };
        lines.push(line);
    }
    lines
}

fn row(node: u16, health: &Value) -> String {
    let chain = |name: &str, what: &str| health["chains"][name][what].as_u64().unwrap_or(0);
    let grade = format!("{} of {}", chain("payment", "grade"), chain("payment", "weight"));
    let round = format!("{} ms", chain("payment", "round_ms"));
    let peers = health["peers"]
        .as_array()
        .map_or(0, |peers| peers.iter().filter(|peer| peer["connected"].as_bool() == Some(true)).count());
    let memory = format!("{} MiB", health["memory_bytes"].as_u64().unwrap_or(0) >> 20);
    format!(
        "{node:>4}  {:>8} {:>8} {:>8}  {grade:>7}  {:>4}  {round:>8}  {peers:>5}  {memory:>7}",
        chain("identity", "height"),
        chain("data", "height"),
        chain("payment", "height"),
        chain("payment", "era"),
    )
}

/// What a node answers on `/healthz`.
fn ask(url: &str) -> Option<Value> {
    let address = url.strip_prefix("http://")?.strip_suffix("/healthz")?;
    http::get(address, "/healthz", Duration::from_millis(500)).ok().map(|(_, health)| health)
}

/// Lets all nodes finish: their standard input ends.
fn stop(mut children: Vec<Child>) -> Result<()> {
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    let end = Instant::now() + PATIENCE;
    for child in &mut children {
        while child.try_wait().context("cannot wait for a node")?.is_none() {
            if Instant::now() >= end {
                child.kill().context("cannot stop a node")?;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    println!("Stopped. The same command goes on where they stopped.");
    Ok(())
}
