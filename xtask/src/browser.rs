//! A ChromeDriver on a free loopback port, for the browser journeys.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::postgres::{free_port, wait_for_port};
use crate::tools::Tools;

/// A running driver; ended when dropped.
pub(crate) struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    /// Starts the driver.
    pub(crate) fn start(tools: &Tools) -> Result<Driver> {
        let port = free_port()?;
        let process = Command::new(&tools.chromedriver)
            .args([format!("--port={port}"), "--log-level=SEVERE".to_owned()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver does not start")?;
        let mut driver = Driver { process, port };
        wait_for_port(port, &mut driver.process, "chromedriver")?;
        Ok(driver)
    }

    /// Where tests reach it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
