//! What the demo prints when it is ready.

use std::path::Path;
use std::time::Duration;

use ledger::Hash;

use super::login::{BankClient, Login};

/// The logins as the portal shows them.
pub(crate) fn demo_info(logins: &[Login]) -> web::DemoInfo {
    let login = |login: &Login| web::DemoLogin {
        label: login.label.clone(),
        email: login.email().to_owned(),
        password: login.password.clone(),
        code: login.code.clone(),
    };
    web::DemoInfo { logins: logins.iter().map(login).collect() }
}

/// What there is to tell besides logins.
pub(crate) struct Facts<'a> {
    /// Where the portal listens.
    pub(crate) port: u16,
    /// Where everything lies.
    pub(crate) dir: &'a Path,
    /// What names the network.
    pub(crate) genesis: Hash,
    /// Whether the market is still.
    pub(crate) quiet: bool,
    /// How many validators run the chains.
    pub(crate) validators: usize,
}

/// Prints where everything is and who can sign in.
pub(crate) fn print(facts: &Facts<'_>, logins: &[Login], bank: &BankClient, took: Duration) {
    let Facts { port, dir, genesis, quiet, validators } = facts;
    let memory = resident_bytes().map(|bytes| format!(", {} MiB in memory", bytes >> 20)).unwrap_or_default();
    let many = if *validators > 1 { format!(", {validators} validators") } else { String::new() };
    println!("\nReady after {:.1} s{memory}{many}.\n", took.as_secs_f32());
    println!("  Portal     http://localhost:{port}/");
    println!("  Dashboard  http://localhost:{port}/supervisor");
    println!("  Explorer   http://localhost:{port}/explorer");
    println!("  Bank API   http://localhost:{port}/api/v1/openapi.json");
    println!("  Health     http://localhost:{port}/healthz");
    println!("  Genesis    {genesis}\n");
    let widest = logins.iter().map(|login| login.label.chars().count()).max().unwrap_or(0);
    println!("  {:<widest$}  {:<30}  {:<14}  one-time code", "who", "e-mail", "password");
    for login in logins {
        let Login { label, password, code, .. } = login;
        let code = code.as_deref().unwrap_or("none: suspended, or its office key is gone");
        println!("  {label:<widest$}  {:<30}  {password}  {code}", login.email());
    }
    println!("\n  Bank API client {}, secret {}\n", bank.id, bank.secret);
    println!(
        "The one-time code lets your browser sign for the company: enter it under Keys after signing in."
    );
    if *quiet {
        println!("The market is still: nobody posts, admits or vouches but you.");
    } else {
        println!(
            "A ring waits for each trader above. Its own office signs in the last minutes if you do not."
        );
    }
    println!("Everything lies in {}. Ctrl-C stops.", dir.display());
}

/// The resident memory of this process, where the system tells.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
