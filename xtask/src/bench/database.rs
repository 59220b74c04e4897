//! The baseline of those who would keep the books in PostgreSQL.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::postgres::Cluster;

/// Accounts and their transfers; a transfer is one call, so that a client waits once for the disk.
const SCHEMA: &str = "
create table account (id int primary key, balance numeric(39) not null check (balance >= 0));
create table transfer (id bigserial primary key, debit int not null, credit int not null, amount numeric(39) not null);
insert into account select id, 1000000000 from generate_series(1, 2000) as id;
create function move(debit int, credit int, amount numeric) returns void language plpgsql as $$
begin
    perform 1 from account where id in (debit, credit) order by id for update;
    update account set balance = balance - amount where id = debit;
    update account set balance = balance + amount where id = credit;
    insert into transfer (debit, credit, amount) values (debit, credit, amount);
end $$;";

const SCRIPT: &str = "\\set debit random(1, 2000)\n\\set step random(1, 1999)\n\
\\set credit 1 + (:debit + :step - 1) % 2000\nselect move(:debit, :credit, 5);\n";

/// Durable double-entry transfers a second: 16 clients, the server's default fsync.
pub(crate) fn transfers_per_second(bin: &Path) -> Result<f64> {
    let cluster = Cluster::start(bin, &[])?;
    let made = Command::new(bin.join("psql"))
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &cluster.url(), "-c", SCHEMA])
        .stdout(Stdio::null())
        .status()
        .context("psql does not start")?;
    if !made.success() {
        bail!("the baseline's tables cannot be made");
    }
    let script = std::env::temp_dir().join(format!("permuta-transfer-{}.sql", std::process::id()));
    fs::write(&script, SCRIPT)?;
    let output = Command::new(bin.join("pgbench"))
        .args(["-n", "-c", "16", "-j", "2", "-T", "10", "-M", "prepared", "-f"])
        .arg(&script)
        .arg(cluster.url())
        .stderr(Stdio::inherit())
        .output()
        .context("pgbench does not start")?;
    let _ = fs::remove_file(&script);
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(|line| line.strip_prefix("tps = "))
        .find_map(|line| line.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench says no rate:\n{text}"))
}
