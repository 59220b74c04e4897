//! The demo as its users meet it: how soon it is ready, how much memory it takes, how fast its pages come.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::Report;
use super::{Programs, number};
use crate::postgres::free_port;

/// What a trader looks at in turn.
const PAGES: [&str; 6] = ["/", "/market", "/goods", "/offers", "/deals", "/history"];

pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    eprintln!("the demo …");
    let port = free_port()?;
    let dir = programs.scratch.fresh("demo");
    let start = Instant::now();
    let mut demo = Demo(
        programs
            .command("permuta")
            .args(["demo", "--port", &port.to_string(), "--dir"])
            .arg(&dir)
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let login = demo.first_login()?;
    let ready = start.elapsed();
    let url = format!("http://127.0.0.1:{port}");
    let mut arguments = vec!["pages", "--url", &url, "--email", &login.0, "--password", &login.1];
    arguments.extend(PAGES);
    let pages = programs.json(&arguments)?;
    let baseline = programs.json(&["pages", "--url", &url, "/healthz"])?;
    let memory = resident_mib(demo.0.id())?;
    drop(demo);

    report.section(
        "The demo",
        "First start into an empty folder, market, bots and all; then a signed-in trader's pages at 100 requests a \
         second for 20 seconds while the market lives, timed from the moment at which each request was due. Four validators in the process. One run.",
    );
    report.goal("seconds from start to ready", ready.as_secs_f64(), 2, "under 5");
    report.goal("resident memory after it, MiB", memory, 0, "under 400");
    report.goal("pages, p50 in ms", number(&pages, "p50_ms")?, 2, "");
    let p99 = number(&pages, "p99_ms")?;
    report.goal("pages, p99 in ms", p99, 2, "under 20");
    let health = number(&baseline, "p99_ms")?;
    report.goal("… as a ratio to the p99 of /healthz", p99 / health, 2, "");
    Ok(())
}

/// A running demo; told to stop when dropped.
struct Demo(Child);

impl Demo {
    /// E-mail address and password of the first login that it prints; it prints them once it is ready.
    fn first_login(&mut self) -> Result<(String, String)> {
        let output = self.0.stdout.take().context("the output was piped")?;
        let mut lines = BufReader::new(output).lines();
        let login = loop {
            let Some(line) = lines.next() else { bail!("the demo ended without printing a login") };
            let line = line?;
            let mut words = line.split_whitespace().skip_while(|word| !word.contains('@'));
            if let (Some(email), Some(password)) = (words.next(), words.next()) {
                break (email.to_owned(), password.to_owned());
            }
        };
        // Whatever else it prints is read, so that it never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(login)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let asked = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) {
            if asked.elapsed() > Duration::from_secs(20) {
                let _ = self.0.kill();
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn resident_mib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(kib.context("the system says how much memory a process has")? / 1024.0)
}
