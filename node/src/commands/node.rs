//! `permuta node`: one validator of a consortium.

use std::io::Read;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ledger::{KeyPair, SubChain};
use network::{Config as Links, Identity, Outside, Peer, Trust};
use serde::{Deserialize, Serialize};
use serde_json::json;
use web::sure::{Caution, Step};

use crate::connections::Connections;
use crate::consortium::public_key;
use crate::demo::{self, Motor, Show};
use crate::driver::Driver;
use crate::home::Home;
use crate::house::{House, Tempo};
use crate::network::Network;
use crate::{clock, secret};

/// How many may be connected that no configuration names: who is about to become a validator comes as one.
const GUESTS: usize = 16;

/// The arguments of `node`.
#[derive(clap::Args)]
#[command(after_help = "\
The configuration is a JSON file; paths in it are relative to it:

  {
    \"dir\": \"home\",                     the node's folder, with the files genesis and settings of its network
    \"key\": \"validator.key\",            from `permuta keygen`
    \"certificate\": \"validator.pem\",    from `permuta ca issue`
    \"authorities\": \"authority.pem\",    whose certificates count
    \"revocations\": \"revoked.pem\",      looked at again every few seconds; may be left out
    \"listen\": \"0.0.0.0:9400\",          for the other validators (QUIC, UDP)
    \"health\": \"127.0.0.1:9500\",        for programs on this machine: /healthz says how the node is;
                                       POST /transactions/CHAIN hands in what was signed
    \"confidence\": [{\"from_usd\": 1000000, \"share_percent\": 80}],   how sure settlements of so much have to be
                                       before they count outside; may be left out
    \"peers\": [{\"key\": \"…\", \"address\": \"validator.example:9400\"}]
  }

A node whose key is not yet, or no more, that of a validator follows the others: they let in whoever has a certificate of \
the authority and calls. So a new validator first runs its node until that has caught up; then the members vote to admit \
it, and it takes part from the era that names it.")]
pub(crate) struct Args {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Stop when standard input ends: whoever started this node is gone.
    #[arg(long, hide = true)]
    with_parent: bool,
}

/// What a node is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeConfig {
    /// The node's folder.
    pub(crate) dir: PathBuf,
    /// The validator's secret key.
    pub(crate) key: PathBuf,
    /// Its certificate.
    pub(crate) certificate: PathBuf,
    /// The certificates of the authorities that count.
    pub(crate) authorities: PathBuf,
    /// The lists of revocations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revocations: Option<PathBuf>,
    /// Where it listens for the others.
    pub(crate) listen: String,
    /// Where it answers `/healthz`.
    pub(crate) health: String,
    /// The others.
    pub(crate) peers: Vec<PeerConfig>,
    /// The port of the portal with the demonstration market, on this machine only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) market_port: Option<u16>,
    /// From which values on settlements have to be how sure before they count outside; 80 % from a million dollars on if
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<Vec<Step>>,
}

/// Another validator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerConfig {
    /// Its public key, 64 hexadecimal digits.
    pub(crate) key: String,
    /// Host and port.
    pub(crate) address: String,
}

/// Runs one validator until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the system has no threads to give")?;
    runtime.block_on(serve(args))
}

/// Reads a file named in the configuration.
fn read(base: &Path, name: &Path) -> Result<Vec<u8>> {
    let path = base.join(name);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

impl NodeConfig {
    /// Reads a configuration, and says from where its paths go out.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    fn read(path: &Path) -> Result<(NodeConfig, PathBuf)> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let config = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no configuration: see `permuta node --help`", path.display()))?;
        Ok((config, path.parent().unwrap_or(Path::new(".")).to_owned()))
    }
}

async fn serve(args: &Args) -> Result<()> {
    let begun = Instant::now();
    let (config, base) = NodeConfig::read(&args.config)?;
    let open = Arc::new(AtomicBool::new(false));
    let mut stopped = demo::watch_signals(open.clone())?;
    let key = secret::read(&base.join(&config.key))?;
    let home = Home::join(&base.join(&config.dir))?;
    let network = Network::read(home.dir())?.with_context(|| {
        format!("{} holds no genesis: put the files genesis and settings there", home.dir().display())
    })?;
    let founders = network.genesis.validators.len();
    let tempo = Arc::new(Tempo::default());
    if config.market_port.is_none() {
        // Nobody here looks for clearings, so nothing waits for them.
        tempo.solved.store(u64::MAX, Ordering::Release);
    }
    let house = Arc::new(House::open(&home.path("chains"), &network, &key, tempo)?);
    let (connections, inboxes) = connect(&config, &base, &network, key)?;
    let health = {
        let (connections, chains, house) = (connections.clone(), house.chains(), house.clone());
        let more = move || {
            let [refused, refused_by_peers] = connections.refused();
            json!({
                "peers": connections.peers(),
                "refused": refused,
                "refused_by_peers": refused_by_peers,
                "reports": house.reports(),
                "banned": house.banned().iter().map(ToString::to_string).collect::<Vec<_>>(),
                "memory_bytes": demo::resident_bytes(),
            })
        };
        web::health::serve(&config.health, chains, more)
            .with_context(|| format!("cannot listen on {}", config.health))?
    };
    let watched = health.handle();
    tokio::spawn(health);
    let wire: Arc<dyn crate::wire::Wire> = connections.clone();
    let start = |failed: tokio::sync::mpsc::UnboundedSender<()>| {
        let failed = move || failed.send(()).unwrap_or_default();
        Ok(Motor::Together(vec![Driver::start(&house, &wire, inboxes, failed)?]))
    };
    let outcome = match config.market_port {
        Some(port) => {
            let caution = config.confidence.as_deref().map(Caution::new).transpose()?.unwrap_or_default();
            let show = Show { port, quiet: false, begun, validators: founders, caution };
            demo::perform(&show, &home, &network, vec![house.clone()], start, open, parent(args, stopped))
                .await
        }
        None => {
            let (broken, mut broke) = tokio::sync::mpsc::unbounded_channel();
            let motor = start(broken)?;
            open.store(true, Ordering::Release);
            println!("Validator {} of network {}", house.validator, network.genesis.hash());
            println!("  validators connect to {}, health at http://{}/healthz", config.listen, config.health);
            stopped = parent(args, stopped);
            tokio::select! {
                cause = &mut stopped => println!("{}: finishing the block at hand.", cause.unwrap_or("Told to stop")),
                _ = broke.recv() => {}
            }
            tokio::task::block_in_place(|| {
                let outcome = motor.stop();
                house.flush();
                outcome
            })
        }
    };
    connections.stop().await;
    watched.stop(false).await;
    outcome
}

/// Connects to the other validators.
fn connect(
    config: &NodeConfig,
    base: &Path,
    network: &Network,
    key: KeyPair,
) -> Result<(Arc<Connections>, crate::wire::Inboxes)> {
    let identity = Identity::new(key, &read(base, &config.certificate)?)
        .with_context(|| format!("{}", config.certificate.display()))?;
    let trust = Trust::new(&read(base, &config.authorities)?)
        .with_context(|| format!("{}", config.authorities.display()))?;
    let mut peers = Vec::new();
    for peer in &config.peers {
        peers.push(Peer { key: public_key(&peer.key)?, address: peer.address.clone() });
    }
    let mut links = Links::new(&network.genesis, peers);
    links.guests = GUESTS;
    links.revocations = config.revocations.as_ref().map(|path| base.join(path));
    let outside = Outside {
        clock: Arc::new(clock::now),
        random: Arc::new(|| {
            let mut bytes = [0; 8];
            // Without randomness retries fall together, and nothing else.
            let _ = getrandom::fill(&mut bytes);
            u64::from_le_bytes(bytes)
        }),
    };
    let socket = UdpSocket::bind(&config.listen)
        .with_context(|| format!("cannot listen on {} for the other validators", config.listen))?;
    let (started, inboxes) = network::Network::start(socket, links, &identity, trust, outside)
        .context("cannot connect to the other validators")?;
    ensure!(inboxes.len() == SubChain::ALL.len(), "a network carries three chains");
    Ok(Connections::new(started, inboxes))
}

type Stop = tokio::sync::oneshot::Receiver<&'static str>;

/// Also stops when the parent is gone, if so told.
fn parent(args: &Args, stopped: Stop) -> Stop {
    if !args.with_parent {
        return stopped;
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut nothing = [0; 64];
        let mut input = std::io::stdin().lock();
        while matches!(input.read(&mut nothing), Ok(1..)) {}
        let _ = ended.send(());
    });
    tokio::spawn(async move {
        let cause = tokio::select! {
            cause = stopped => cause.unwrap_or("Told to stop"),
            _ = end => "The one who started this is gone",
        };
        let _ = tell.send(cause);
    });
    told
}
