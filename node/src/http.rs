//! Asks nodes over plain HTTP: on this machine, or behind somebody's tunnel.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const MAX_BYTES: u64 = 1 << 20;

/// Asks for `path` of the node at `address`, host and port.
///
/// # Errors
/// It does not answer in time, or not in JSON.
pub(crate) fn get(address: &str, path: &str, patience: Duration) -> Result<(u16, Value)> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    call(address, head.as_bytes(), patience)
}

/// Hands `body`, of this media type, to `path` of the node at `address`, host and port.
///
/// # Errors
/// It does not answer in time, or not in JSON.
pub(crate) fn post(address: &str, path: &str, kind: &str, body: &[u8]) -> Result<(u16, Value)> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    call(address, &[head.as_bytes(), body].concat(), PATIENCE)
}

fn call(address: &str, request: &[u8], patience: Duration) -> Result<(u16, Value)> {
    let found = address.to_socket_addrs().context("expected host and port")?.next();
    let mut stream = TcpStream::connect_timeout(&found.context("no such host")?, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.take(MAX_BYTES).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer in HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    ensure!(!head.to_ascii_lowercase().contains("transfer-encoding"), "an answer in parts");
    Ok((status.context("no answer in HTTP")?, serde_json::from_str(body).context("no answer in JSON")?))
}
