//! Plays the browser of somebody who signs in, over plain TCP, so that a test sees every byte of an answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::form;

/// How long an answer may take. Long, as a loaded machine is no failure.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many redirects a browser follows.
const MOST_REDIRECTS: usize = 5;

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Page {
    /// Returns the first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        form::value(&self.headers, name)
    }
}

/// An authorization as asked for by an `authUrl`, and as granted.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The parameters in their order.
    pub parameters: Vec<(String, String)>,
    /// Where the browser is sent.
    pub redirect_uri: String,
    /// What the client recognises its browser by.
    pub state: String,
    /// What the client exchanges for tokens.
    pub code: String,
}

impl Authorization {
    /// Returns a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        form::value(&self.parameters, name)
    }

    /// Returns the address the browser is sent to.
    pub fn callback(&self) -> String {
        let (code, state) = (form::encode(&self.code), form::encode(&self.state));
        format!("{}?code={code}&state={state}", self.redirect_uri)
    }

    /// Returns the port on which the client waits.
    ///
    /// # Errors
    /// When the address has none.
    pub fn port(&self) -> anyhow::Result<u16> {
        Ok(split(&self.redirect_uri)?.0)
    }

    /// Returns an address at the client that waits.
    ///
    /// # Errors
    /// When the address has no port.
    pub fn address(&self, path: &str) -> anyhow::Result<String> {
        Ok(format!("http://localhost:{}{path}", self.port()?))
    }
}

/// Fetches an address on this machine, without following redirects.
///
/// # Errors
/// When it is on another machine, nobody answers, or the answer is not HTTP.
pub fn get(url: &str) -> anyhow::Result<Page> {
    let (port, path) = split(url)?;
    send(port, &format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"))
}

/// Fetches an address and what it redirects to; returns all pages, the last one last.
///
/// # Errors
/// As [`get`], or when the redirects do not end.
pub fn browse(url: &str) -> anyhow::Result<Vec<Page>> {
    let mut pages = vec![get(url)?];
    while let Some(next) = pages.last().and_then(|page| page.header("location")).map(str::to_owned) {
        ensure!(pages.len() <= MOST_REDIRECTS, "the redirects do not end");
        pages.push(get(&next)?);
    }
    Ok(pages)
}

/// Sends these bytes to a port of this machine and reads the answer to its end.
///
/// # Errors
/// When nobody answers, or the answer is not HTTP.
pub fn send(port: u16, request: &str) -> anyhow::Result<Page> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(request.as_bytes())?;
    read_page(&mut socket)
}

/// Reads an answer up to the end of the connection.
///
/// # Errors
/// When the answer is not HTTP.
pub fn read_page(socket: &mut impl Read) -> anyhow::Result<Page> {
    let mut bytes = Vec::new();
    if let Err(error) = socket.read_to_end(&mut bytes) {
        // A server that closes with something unread resets the connection; the answer came before that.
        ensure!(!bytes.is_empty(), "no answer: {error}");
    }
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no head in {text:?}"))?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no status in {first:?}"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Page { status, headers, body: body.to_owned() })
}

/// Splits an address on this machine into port and path.
fn split(url: &str) -> anyhow::Result<(u16, String)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url} is not http"))?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (name, port) = host.split_once(':').with_context(|| format!("{url} has no port"))?;
    if !matches!(name, "localhost" | "127.0.0.1") {
        bail!("{url} is on another machine");
    }
    Ok((port.parse()?, path.to_owned()))
}
