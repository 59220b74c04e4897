//! `cargo xtask test`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::browser::Driver;
use crate::postgres::Cluster;
use crate::{root, tools};

/// What the closing line counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// Runs everything; the last line printed is `N passed, N failed`.
pub(crate) fn run(only_tests: bool, rest: &[String]) -> Result<()> {
    let tools = tools::ensure()?;
    if !only_tests {
        step("formatting");
        cargo(&["fmt", "--all", "--check"])?;
        step("lints");
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    }
    step("a throw-away PostgreSQL and a ChromeDriver");
    let cluster = Cluster::start(&tools.postgres_bin, &["fsync=off"])?;
    let driver = Driver::start(&tools)?;
    step("tests");
    let mut arguments = vec!["test", "--locked", "--no-fail-fast"];
    if rest.is_empty() {
        arguments.push("--workspace");
    }
    arguments.extend(rest.iter().map(String::as_str));
    let mut child = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .env("PERMUTA_TEST_POSTGRES", cluster.url())
        .env("PERMUTA_TEST_WEBDRIVER", driver.url())
        .env("PERMUTA_TEST_CHROMIUM", &tools.chromium)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo does not start")?;
    let mut tally = Tally::default();
    let output = child.stdout.take().context("the output was piped")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tally.count(&line);
    }
    let status = child.wait()?;
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    if !status.success() || tally.failed > 0 || tally.passed == 0 {
        bail!("the tests failed: {status}");
    }
    Ok(())
}

impl Tally {
    /// Adds a closing line of the test harness: `test result: ok. 3 passed; 0 failed; …`.
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for part in result.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<u64>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }
}

fn step(name: &str) {
    println!("\n── {name}");
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO")).args(arguments).current_dir(root()).status()?;
    if status.success() { Ok(()) } else { bail!("`cargo {}` failed", arguments.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn closing_lines_of_several_test_programs_add_up() {
        let mut tally = Tally::default();
        tally.count(
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        tally.count("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.count("test one ... ok");
        assert_eq!(tally, Tally { passed: 7, failed: 2 });
    }
}
