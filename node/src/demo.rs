//! `permuta demo`: a whole market on one machine.

mod agenda;
mod bots;
mod cast;
mod invitation;
mod login;
mod opening;
mod solving;
mod stage;
mod welcome;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clearing::Amount;
use ledger::genesis::Rules;
use ledger::koma::Mode;
use ledger::{Hash, Height, KeyPair, PublicKey, SubChain, Tag};
use payment_chain::view;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use web::clearings::Clearings;
use web::projector::Projector;
use web::sure::Caution;

use crate::clock;
use crate::driver::Driver;
use crate::heartbeat::Heartbeat;
use crate::home::{self, Home};
use crate::house::{House, Tempo};
use crate::network::{GENESIS_FILE, Network, Settings};
use crate::projection::Projection;
use crate::wire;
use bots::{Bots, Manner};
pub(crate) use cast::Cast;
use login::BankClient;
use solving::Solving;
pub(crate) use stage::Stage;
pub(crate) use welcome::resident_bytes;

/// Where the demo lies unless told otherwise.
pub(crate) const DEFAULT_DIR: &str = ".permuta/demo";
/// The most bytes of a document on record.
const MAX_DOCUMENT_BYTES: u64 = 10 << 20;
/// Stands in the folder once the market is loaded.
const LOADED: &str = "loaded";
/// Which database the read model was last written to.
const READ_MODEL: &str = "read-model";
/// The longest wait for the first rings after loading.
const FIRST_RINGS: Duration = Duration::from_secs(10);
/// How the demo's validators agree: one owner runs them, on one machine.
const RULES: Rules =
    Rules { round_ms: 45, max_exponent: 7, era_blocks: 400, era_ms: 60_000, mode: Mode::SingleOwner };

/// The arguments of `demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The port of the portal and the API, on this machine only.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The folder that keeps everything: keys, chains, read model, files.
    #[arg(long, default_value = DEFAULT_DIR)]
    dir: PathBuf,
    /// Forget the folder's demo and begin a new one, with new keys and passwords.
    #[arg(long)]
    reset: bool,
    /// A still market: nobody posts, admits or vouches but you. Batches are cleared all the same, and simulated
    /// companies sign the rings that you bring about.
    #[arg(long)]
    quiet: bool,
    /// How many validators run the chains, all in this process: 1, or 4 and more. A demo that was begun keeps the number
    /// that it began with.
    #[arg(long, default_value_t = 4, value_parser = validators)]
    validators: u8,
}

/// Reads a number of validators.
fn validators(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(count @ (1 | 4..=16)) => Ok(count),
        _ => Err("1, or 4 to 16: with two or three, each of them could stop the chain".to_owned()),
    }
}

/// Runs the demo until it is told to stop.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the system has no threads to give")?;
    runtime.block_on(play(args))
}

async fn play(args: &Args) -> Result<()> {
    let begun = Instant::now();
    let open = Arc::new(AtomicBool::new(false));
    let stopped = watch_signals(open.clone())?;
    free(&format!("127.0.0.1:{}", args.port), args.port)?;
    if args.reset {
        Home::reset(&args.dir)?;
    }
    let home = Home::open(&args.dir)?;
    if !home.path(LOADED).exists() {
        sweep(&home)?;
    }
    let network = match Network::read(home.dir())? {
        Some(network) => network,
        None => {
            let stage = Stage::new(Cast::open(&home.path("secret"))?);
            let keys = (0..args.validators).map(|seat| stage.cast.key(&validator_name(seat)));
            let network = found_network(&stage, keys.map(|key| (key.public(), 1)).collect(), RULES, &[])?;
            network.write(home.dir())?;
            network
        }
    };
    let cast = Cast::open(&home.path("secret"))?;
    let houses = open_houses(&home, &cast, &network)?;
    let show = Show {
        port: args.port,
        quiet: args.quiet,
        begun,
        validators: network.genesis.validators.len(),
        caution: Caution::default(),
    };
    let motors = houses.clone();
    let start =
        |failed: UnboundedSender<()>| Motor::start(&motors, move || failed.send(()).unwrap_or_default());
    perform(&show, &home, &network, houses, start, open, stopped).await
}

/// How a market is shown.
pub(crate) struct Show {
    /// The port of the portal.
    pub(crate) port: u16,
    /// Whether nobody trades but visitors.
    pub(crate) quiet: bool,
    /// When the program began.
    pub(crate) begun: Instant,
    /// How many validators run the chains.
    pub(crate) validators: usize,
    /// How sure a settlement has to be before it counts outside.
    pub(crate) caution: Caution,
}

/// Shows the market over open chains, until it is told to stop or cannot go on. The first of the houses serves the
/// portal; `start` sets all of them going.
///
/// # Errors
/// What stopped it.
pub(crate) async fn perform(
    show: &Show,
    home: &Home,
    network: &Network,
    houses: Vec<Arc<House>>,
    start: impl FnOnce(UnboundedSender<()>) -> Result<Motor>,
    open: Arc<AtomicBool>,
    mut stopped: oneshot::Receiver<&'static str>,
) -> Result<()> {
    let Show { port, quiet, begun, validators, .. } = *show;
    println!("Permuta demo in {}{}", home.dir().display(), if quiet { ", quiet" } else { "" });
    let first = !home.path(LOADED).exists();
    let stage = Arc::new(Stage::new(Cast::open(&home.path("secret"))?));
    let house = houses[0].clone();
    if first && house.height(SubChain::Identity) > Height(0) {
        bail!(
            "the market in {} was not loaded to its end: begin a new network in another folder",
            home.dir().display()
        );
    }
    let bind = format!("127.0.0.1:{port}");
    for chain in SubChain::ALL {
        let recovery = house.ledger(chain).recovery();
        if recovery.torn_bytes > 0 {
            println!("  {chain} chain: cut off a record that was never acknowledged");
        }
        if let Some(fault) = &recovery.store_fault {
            println!(
                "  {chain} chain: its copy of the state was of no use ({fault}), replayed the log instead"
            );
        }
    }

    let logins = login::all(&house, &stage)?;
    let url = database_url(home);
    let settings = web::Settings {
        bind: bind.clone(),
        database_url: url.clone(),
        files_dir: home.path("files"),
        max_document_bytes: MAX_DOCUMENT_BYTES,
        cookie_secret: stage.cast.bytes("cookies"),
        token_seed: stage.cast.bytes("access tokens"),
        secure_cookies: false,
        caution: show.caution.clone(),
        demo: Some(welcome::demo_info(&logins)),
    };
    let app =
        web::App::new(settings, house.chains()).with_context(|| format!("cannot use the database {url}"))?;
    let projector = Projector::new(app.db.clone());
    same_read_model(home, &app, &projector, &url, first)?;

    let (broken, mut broke) = unbounded_channel();
    let motor = start(broken)?;
    let projection = Projection::start(house.clone(), projector)?;
    let solving = Solving::start(house.clone(), stage.clone(), Clearings::beside(&home.path("files")))?;
    let server = web::serve(app.clone()).with_context(|| format!("cannot listen on {bind}"))?;
    let handle = server.handle();
    let serving = tokio::spawn(server);

    if first {
        open_market(&house, &stage, home)?;
    }
    login::give_codes(&house, &stage, &logins)?;
    let bank = BankClient::of(&stage);
    tokio::task::block_in_place(|| {
        login::make_users(&app.db, &logins)?;
        bank.make(&app.db, &stage)
    })?;
    let manner = if quiet { Manner::Quiet } else { Manner::Lively };
    let bots = Bots::start(house.clone(), stage.clone(), manner)?;
    while projection.behind().load(Ordering::Acquire) > 0 && begun.elapsed() < FIRST_RINGS {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.ready.store(true, Ordering::Release);
    open.store(true, Ordering::Release);
    let genesis = network.genesis.hash();
    let facts = welcome::Facts { port, dir: home.dir(), genesis, quiet, validators };
    welcome::print(&facts, &logins, &bank, begun.elapsed());

    tokio::select! {
        cause = &mut stopped => println!("\n{}: finishing the block at hand. Once more stops at once.", cause.unwrap_or("Told to stop")),
        _ = broke.recv() => {}
    }
    handle.stop(true).await;
    let _ = serving.await;
    tokio::task::block_in_place(move || {
        bots.stop();
        solving.stop();
        let outcome = motor.stop();
        projection.stop();
        houses.iter().for_each(|house| house.flush());
        outcome
    })?;
    println!("Stopped. `permuta demo` goes on where it stopped.");
    Ok(())
}

/// Sees early that the port can be had.
fn free(bind: &str, port: u16) -> Result<()> {
    match TcpListener::bind(bind) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let other = if port == u16::MAX { port - 1 } else { port + 1 };
            bail!("port {port} is taken: stop what listens there, or try --port {other}")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {bind}")),
    }
}

/// Clears away what a start left behind that was cut short before its market was loaded: nobody could log in yet.
fn sweep(home: &Home) -> Result<()> {
    for chains in [home.path("chains"), home.path("validators")] {
        if chains.exists() {
            println!("  {} is of a start that was cut short; it is made again", chains.display());
            std::fs::remove_dir_all(&chains)
                .with_context(|| format!("cannot delete {}", chains.display()))?;
        }
    }
    let genesis = home.path(GENESIS_FILE);
    if genesis.exists() {
        std::fs::remove_file(&genesis).with_context(|| format!("cannot delete {}", genesis.display()))?;
    }
    Ok(())
}

/// The demo's network, new. `organisations` are keys of validators with those of the organisations that run them; the
/// operator runs the others.
///
/// # Errors
/// The validators cannot run a chain.
pub(crate) fn found_network(
    stage: &Stage,
    validators: Vec<(PublicKey, u64)>,
    rules: Rules,
    organisations: &[(PublicKey, PublicKey)],
) -> Result<Network> {
    let operator = stage.cast.address("operator");
    let mut payment = payment_chain::Config::with_operator(operator);
    payment.window = 6;
    // A visitor has half an hour and more to sign.
    payment.signing_window = 7_200;
    payment.free_per_day = 100_000;
    payment.feeds = opening::feeds(stage)?;
    let dollars = Amount::new(1_000_000 * 100)?;
    payment.deposit.endowments = vec![(stage.cast.address("solver"), dollars)];
    let members = organisations.iter().map(|(_, key)| (key.address(), dollars));
    payment.deposit.endowments.extend(members);
    let mut parties = opening::founders(stage)?;
    for (number, (_, key)) in (1..).zip(organisations) {
        parties.push(opening::member(number, *key)?);
    }
    let settings = Settings {
        identity: identity_chain::Config {
            parties,
            registrations_per_day: 2_000,
            free_per_day: 1_000,
            validators: organisations.iter().map(|(key, runs)| (*key, runs.address())).collect(),
            bond_needed: !payment.min_validator_bond.is_zero(),
        },
        data: data_chain::Config { free_per_day: 1_000, max_document_bytes: MAX_DOCUMENT_BYTES },
        payment,
    };
    Network::new(clock::now(), validators, rules, settings)
}

/// The name of a validator's key in the [`Cast`].
fn validator_name(seat: u8) -> String {
    match seat {
        0 => "validator".to_owned(),
        seat => format!("validator/{seat}"),
    }
}

/// Opens the chains of each validator: the first one serves the portal.
fn open_houses(home: &Home, cast: &Cast, network: &Network) -> Result<Vec<Arc<House>>> {
    let tempo = Arc::new(Tempo::default());
    let mut houses = Vec::new();
    for seat in 0..=u8::MAX {
        let key = cast.key(&validator_name(seat));
        if network.genesis.validators.iter().all(|(known, _)| *known != key.public()) {
            break;
        }
        let dir = match seat {
            0 => home.path("chains"),
            seat => home.path("validators").join(seat.to_string()),
        };
        houses.push(Arc::new(House::open(&dir, network, &key, tempo.clone())?));
    }
    if houses.is_empty() {
        bail!(
            "the keys in {} are of another network: restore it, or begin a new demo with --reset",
            home.dir().display()
        );
    }
    Ok(houses)
}

/// What makes blocks.
pub(crate) enum Motor {
    Alone(Heartbeat),
    Together(Vec<Driver>),
}

impl Motor {
    /// Begins.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub(crate) fn start(houses: &[Arc<House>], failed: impl Fn() + Clone + Send + 'static) -> Result<Motor> {
        if let [house] = houses {
            return Ok(Motor::Alone(Heartbeat::start(house.clone(), failed)?));
        }
        let validators: Vec<_> = houses.iter().map(|house| house.validator).collect();
        let wires = wire::in_process(&validators).into_iter();
        let drivers = houses
            .iter()
            .zip(wires)
            .map(|(house, (wire, inboxes))| Driver::start(house, &wire, inboxes, failed.clone()));
        Ok(Motor::Together(drivers.collect::<Result<_>>()?))
    }

    /// Finishes what is at hand and ends.
    ///
    /// # Errors
    /// What stopped it before.
    pub(crate) fn stop(self) -> Result<()> {
        match self {
            Motor::Alone(heartbeat) => heartbeat.stop(),
            Motor::Together(drivers) => drivers.into_iter().map(Driver::stop).fold(Ok(()), Result::and),
        }
    }
}

/// The database of the read model and the logins: `DATABASE_URL`, or a file in the folder.
pub(crate) fn database_url(home: &Home) -> String {
    std::env::var("DATABASE_URL")
        .unwrap_or_else(|_| home.path("read-model.sqlite").to_string_lossy().into_owned())
}

/// Remembers that the database at `url` holds what this folder's chains say.
///
/// # Errors
/// The note cannot be written.
pub(crate) fn note_read_model(home: &Home, url: &str) -> Result<()> {
    home::write_durably(&home.path(READ_MODEL), note(url).as_bytes(), false)
}

/// An address may hold a password, so only its hash is kept.
fn note(url: &str) -> String {
    Hash::of(Tag::Content, url.as_bytes()).to_string()
}

/// Sees that the read model is that of this network: when another database is used than last time, what it holds of
/// any chain is thrown away and written again. Logins that it holds for another network go too: their accounts are
/// not on these chains.
fn same_read_model(home: &Home, app: &web::App, projector: &Projector, url: &str, first: bool) -> Result<()> {
    let known = home::read_if_there(&home.path(READ_MODEL))?;
    if first || known.is_none_or(|known| known != note(url).as_bytes()) {
        let mut connection = app.db.get()?;
        let ours =
            app.chains.identity.committed(Height(0))?.map(|genesis| genesis.block.header.hash().to_string());
        let theirs = web::model::Model::new(&mut connection).block(SubChain::Identity, 0)?;
        if theirs.is_some_and(|theirs| ours != Some(theirs.hash)) {
            web::accounts::forget_all(&mut connection)
                .context("cannot remove the logins of another network")?;
        }
        drop(connection);
        projector.reset().context("cannot empty the read model")?;
        note_read_model(home, url)?;
    }
    Ok(())
}

/// Loads the market, and lets time run until the first rings are there.
fn open_market(house: &House, stage: &Stage, home: &Home) -> Result<()> {
    let begun = Instant::now();
    let progress = |line: &str| println!("  {:>5.1} s  {line}", begun.elapsed().as_secs_f32());
    opening::load(house, stage, &progress)?;
    house.tempo.hurry.store(true, Ordering::Release);
    let printed = login::printed_companies(stage)?;
    let asked = || {
        house.read(SubChain::Payment, |state| {
            let mut accounts = printed.iter().map(|company| stage.company_address(*company));
            accounts.all(|account| !view::waiting_contracts(state, account).is_empty())
        })
    };
    while !asked() && begun.elapsed() < FIRST_RINGS {
        house.pulse.wait(house.pulse.wait(0, Duration::ZERO), Duration::from_millis(50));
    }
    house.tempo.hurry.store(false, Ordering::Release);
    progress("the first batch is cleared");
    home::write_durably(&home.path(LOADED), b"", false)
}

/// Hears signals from now on. While the demo is not `open` the first one ends the program: nothing was promised yet, and
/// what is sealed is on disk. Later the first one is handed on, and the second one ends the program.
pub(crate) fn watch_signals(open: Arc<AtomicBool>) -> Result<oneshot::Receiver<&'static str>> {
    let (tell, told) = oneshot::channel();
    let mut signals = Signals::new().context("cannot listen for signals")?;
    tokio::spawn(async move {
        let cause = signals.next().await;
        if open.load(Ordering::Acquire) && tell.send(cause).is_ok() {
            signals.next().await;
        }
        std::process::exit(130);
    });
    Ok(told)
}

/// The signals that ask a program to stop.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {})
    }

    /// Waits for one; says how it came.
    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "Asked to stop",
        }
    }

    /// Waits for one; says how it came.
    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}

/// Opens the folder of a demo, or of a validator, that is not running.
///
/// # Errors
/// There is none, or it is running.
pub(crate) fn open_still(dir: &Path) -> Result<(Home, Network, House)> {
    let home = Home::open_existing(dir)?;
    let network = Network::read(home.dir())?
        .with_context(|| format!("{} has no network yet: run `permuta demo` first", dir.display()))?;
    // Of a validator of a consortium nothing but its chains lies here, and nothing is signed while it does not run.
    let secret = home.path("secret");
    let key =
        if secret.exists() { Cast::open(&secret)?.key("validator") } else { KeyPair::from_seed([0; 32]) };
    let tempo = Arc::new(Tempo::default());
    let house = House::open(&home.path("chains"), &network, &key, tempo)?;
    Ok((home, network, house))
}
