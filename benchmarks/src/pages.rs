//! How long a page takes while others are asking too: requests leave at fixed moments, whether or not earlier ones
//! have come back, and each is timed from the moment at which it should have left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the portal is, for instance `http://127.0.0.1:8080`.
    #[arg(long)]
    url: String,
    /// Whom to sign in as; without, pages are asked for anonymously.
    #[arg(long, requires = "password")]
    email: Option<String>,
    /// The password.
    #[arg(long)]
    password: Option<String>,
    /// Requests a second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// For how long.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// The paths to ask for in turn.
    #[arg(required = true)]
    paths: Vec<String>,
}

#[derive(Serialize)]
struct Figures {
    requests: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// The 99th percentile of each path.
    paths: Vec<(String, f64)>,
}

const WORKERS: usize = 16;

pub(crate) fn run(options: &Options) -> Result<()> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .max_idle_connections_per_host(WORKERS)
        .build()
        .into();
    if let (Some(email), Some(password)) = (&options.email, &options.password) {
        sign_in(&agent, &options.url, email, password)?;
    }
    let total = (options.rate * options.seconds) as usize;
    let next = AtomicUsize::new(0);
    let timed: Mutex<Vec<(usize, Duration)>> = Mutex::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= total {
                            return Ok(());
                        }
                        let due = start + Duration::from_secs(1) / options.rate * u32::try_from(number)?;
                        while let Some(wait) =
                            due.checked_duration_since(Instant::now()).filter(|w| !w.is_zero())
                        {
                            std::thread::park_timeout(wait);
                        }
                        let path = number % options.paths.len();
                        let url = format!("{}{}", options.url, options.paths[path]);
                        let mut answer = agent.get(&url).call().with_context(|| url.clone())?;
                        answer.body_mut().read_to_vec()?;
                        ensure!(answer.status() == 200, "{url} answers {}", answer.status());
                        timed.lock().expect("no worker panics").push((path, due.elapsed()));
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    let timed = timed.into_inner().expect("no worker panics");
    let percentile = |path: Option<usize>, percent: usize| {
        let mut times: Vec<Duration> = timed
            .iter()
            .filter(|(at, _)| path.is_none_or(|path| path == *at))
            .map(|(_, time)| *time)
            .collect();
        times.sort();
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    };
    let figures = Figures {
        requests: timed.len(),
        p50_ms: percentile(None, 50),
        p99_ms: percentile(None, 99),
        max_ms: percentile(None, 100),
        paths: options
            .paths
            .iter()
            .enumerate()
            .map(|(i, path)| (path.clone(), percentile(Some(i), 99)))
            .collect(),
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Signs in as a browser does: reads the form's token, posts the form; the agent keeps the cookie.
fn sign_in(agent: &ureq::Agent, url: &str, email: &str, password: &str) -> Result<()> {
    let page = format!("{url}/signin");
    let form = agent.get(&page).call().context("the sign-in page")?.body_mut().read_to_string()?;
    let token = form
        .split_once("name=\"csrf\" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(token, _)| token)
        .context("the sign-in page has no token")?;
    let answer = agent.post(&page).send_form([("csrf", token), ("email", email), ("password", password)])?;
    ensure!(answer.status().is_success(), "sign-in answers {}", answer.status());
    Ok(())
}
