//! HTTP by hand: from which address a request comes, and the very bytes that come back.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// How a visitor writes and wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A browser: a form, and a page.
    Html,
    /// A program: JSON, and JSON.
    Json,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    head: String,
    body: String,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn get(path: &str, format: Format) -> Self {
        Self { head: format!("GET {path} HTTP/1.1\r\nAccept: {}\r\n", format.accept()), body: String::new() }
    }

    /// A form, or the same as a JSON object.
    #[must_use]
    pub fn post(path: &str, format: Format, fields: &[(&str, &str)]) -> Self {
        let body = match format {
            Format::Html => {
                let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
                pairs.collect::<Vec<_>>().join("&")
            }
            Format::Json => {
                let object: serde_json::Map<_, _> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
                serde_json::Value::from(object).to_string()
            }
        };
        let (accept, content_type, length) = (format.accept(), format.content_type(), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nAccept: {accept}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        );
        Self { head, body }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }
}

impl Format {
    fn accept(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Json => "application/json",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Html => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

/// What came back, byte for byte but for `Date`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status line and the headers, in their order.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The status.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status")
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A connection that stays open.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    host: String,
    received: Vec<u8>,
}

impl Line {
    /// Opens one to `http://127.0.0.1:..` from an address of this machine's: every `127.x.y.z` is one.
    ///
    /// # Panics
    /// There is no way.
    pub async fn open(base: &str, from: Ipv4Addr) -> Self {
        let host = base.strip_prefix("http://").expect("an address").to_owned();
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(from.into(), 0)).expect("an address of this machine's");
        let stream = socket.connect(host.parse().expect("an address")).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, host, received: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Panics
    /// There is none.
    pub async fn ask(&mut self, request: &Request) -> Reply {
        let Request { head, body } = request;
        let text = format!("{head}Host: {}\r\n\r\n{body}", self.host);
        self.stream.write_all(text.as_bytes()).await.expect("a server that reads");
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break self.take(end + 4);
            }
            self.receive().await;
        };
        let length = Reply { head: head.clone(), body: String::new() }
            .header("content-length")
            .map_or(0, |digits| digits.parse().expect("a length"));
        while self.received.len() < length {
            self.receive().await;
        }
        let body = self.take(length);
        let kept = head.split_inclusive("\r\n").filter(|line| !line.starts_with("date: "));
        Reply { head: kept.collect(), body }
    }

    async fn receive(&mut self) {
        let read = self.stream.read_buf(&mut self.received).await.expect("an answer");
        assert!(read > 0, "the server hung up");
    }

    fn take(&mut self, length: usize) -> String {
        let bytes = self.received.drain(..length).collect();
        String::from_utf8(bytes).expect("text")
    }
}

/// An address of this machine's for each number up to sixteen million: none is one that other connections have by themselves.
#[must_use]
pub fn loopback(number: u32) -> Ipv4Addr {
    let [_, high, middle, low] = (number + 0x0001_0000).to_be_bytes();
    Ipv4Addr::new(127, high, middle, low)
}

/// As a form encodes a value.
fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
