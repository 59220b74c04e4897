//! Finds the programs that tests need and, as root on Debian, installs what is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Debian's packages: the browser, its driver, and the database server.
const PACKAGES: [&str; 4] = ["chromium", "chromium-driver", "faketime", "postgresql"];

/// Where the programs are.
pub(crate) struct Tools {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
    /// The folder that holds `initdb`, `postgres` and `pgbench`.
    pub(crate) postgres_bin: PathBuf,
}

/// Finds all tools, installing them first where that is possible.
pub(crate) fn ensure() -> Result<Tools> {
    if let Some(tools) = find() {
        return Ok(tools);
    }
    let line = format!("apt-get install -y --no-install-recommends {}", PACKAGES.join(" "));
    if !is_root() || on_path("apt-get").is_none() {
        bail!("the tests need Chromium, its driver and PostgreSQL; install them with\n    sudo {line}");
    }
    eprintln!("xtask: installing {} …", PACKAGES.join(", "));
    let by_hand =
        || format!("the tests need Chromium, its driver and PostgreSQL; install them with\n    {line}\n");
    apt(&["update", "-q"]).with_context(by_hand)?;
    let mut install = vec!["install", "-y", "-q", "--no-install-recommends"];
    install.extend(PACKAGES);
    apt(&install).with_context(by_hand)?;
    find().with_context(|| format!("still missing after `{line}`"))
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    // /proc/self belongs to whoever runs this.
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn find() -> Option<Tools> {
    Some(Tools {
        chromium: on_path("chromium")?,
        chromedriver: on_path("chromedriver")?,
        postgres_bin: postgres_bin()?,
    })
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("apt-get does not start")?;
    if status.success() { Ok(()) } else { bail!("`apt-get {}` failed: {status}", arguments.join(" ")) }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The newest PostgreSQL server under Debian's folder, or the one on the path.
fn postgres_bin() -> Option<PathBuf> {
    let complete = |bin: &Path| ["initdb", "postgres"].iter().all(|program| bin.join(program).is_file());
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            complete(&bin).then_some((version, bin))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).or_else(|| {
        let bin = on_path("initdb")?.canonicalize().ok()?.parent()?.to_path_buf();
        complete(&bin).then_some(bin)
    })
}
