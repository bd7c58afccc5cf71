//! A wire tap between Sigra and a server: the statements that the server was asked to run, as the server saw them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::database::{Database, Kind};

/// A tap in front of the server of a test's database. It ends with its value.
#[derive(Debug)]
pub struct Wire {
    url: String,
    log: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Listens in front of the database's server; `None` for SQLite, which has none.
    ///
    /// # Panics
    /// No port is free.
    pub async fn tap(database: &Database) -> Option<Self> {
        let kind = database.kind();
        let plain = match kind {
            Kind::Sqlite => return None,
            Kind::Postgres => "sslmode=disable",
            Kind::MySql => "ssl-mode=DISABLED",
        };
        let (scheme, rest) = database.url().split_once("://").expect("a scheme");
        let (authority, path) = rest.split_once('/').expect("a path");
        let (user, server) = authority.rsplit_once('@').expect("a user");
        let default = if kind == Kind::Postgres { 5432 } else { 3306 };
        let server = if server.contains(':') { server.to_owned() } else { format!("{server}:{default}") };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{scheme}://{user}@127.0.0.1:{port}/{path}{separator}{plain}");
        let log = Arc::<Mutex<Vec<String>>>::default();
        let accepting = tokio::spawn(accept(listener, server, kind, log.clone()));
        Some(Self { url, log, accepting })
    }

    /// The database through the tap.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The statements that the server ran since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: String, kind: Kind, log: Arc<Mutex<Vec<String>>>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let Ok(server) = TcpStream::connect(&server).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let decoder = Arc::new(Mutex::new(Decoder { kind, log: log.clone(), ..Decoder::default() }));
        tokio::spawn(pass(from_client, to_server, decoder.clone(), Side::Client));
        tokio::spawn(pass(from_server, to_client, decoder, Side::Server));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Decodes what it has, then passes it on: nothing reaches the server before it stands in the log.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, decoder: Arc<Mutex<Decoder>>, side: Side) {
    let mut buffer = vec![0; 16 * 1024];
    let mut pending = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        pending.extend_from_slice(&buffer[..length]);
        decoder.lock().unwrap_or_else(PoisonError::into_inner).decode(&mut pending, side);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// What is known of one connection.
struct Decoder {
    kind: Kind,
    log: Arc<Mutex<Vec<String>>>,
    started: bool,
    /// PostgreSQL: the text of each prepared statement, and the statement of each portal.
    prepared: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
    /// MariaDB: the text that waits for its number, and the texts by number.
    preparing: Option<String>,
    numbered: HashMap<u32, String>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            kind: Kind::Postgres,
            log: Arc::default(),
            started: false,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            preparing: None,
            numbered: HashMap::new(),
        }
    }
}

impl Decoder {
    /// Takes every whole message off the front of the bytes.
    fn decode(&mut self, bytes: &mut Vec<u8>, side: Side) {
        while let Some(message) = self.split(bytes, side) {
            match (self.kind, side) {
                (Kind::Postgres, Side::Client) => self.postgres(&message),
                (Kind::MySql, Side::Client) => self.mysql_command(&message),
                (Kind::MySql, Side::Server) => self.mysql_answer(&message),
                _ => {}
            }
        }
    }

    fn split(&mut self, bytes: &mut Vec<u8>, side: Side) -> Option<Vec<u8>> {
        let length = if self.kind == Kind::MySql {
            let header = bytes.first_chunk::<4>()?;
            4 + usize::from(header[0]) + (usize::from(header[1]) << 8) + (usize::from(header[2]) << 16)
        } else if side == Side::Client && !self.started {
            // The first message has no type.
            usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).expect("a length")
        } else {
            let header = bytes.get(1..5)?.first_chunk()?;
            1 + usize::try_from(u32::from_be_bytes(*header)).expect("a length")
        };
        if bytes.len() < length {
            return None;
        }
        let rest = bytes.split_off(length);
        Some(std::mem::replace(bytes, rest))
    }

    fn postgres(&mut self, message: &[u8]) {
        if !std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut fields = message[5..].split(|byte| *byte == 0).map(<[u8]>::to_vec);
        let mut next = || fields.next().unwrap_or_default();
        match message[0] {
            b'Q' => {
                let text = next();
                self.ran(&String::from_utf8_lossy(&text));
            }
            b'P' => {
                let (name, text) = (next(), next());
                self.prepared.insert(name, String::from_utf8_lossy(&text).into_owned());
            }
            b'B' => {
                let (portal, name) = (next(), next());
                let text = self.prepared.get(&name).cloned().expect("a prepared statement");
                self.portals.insert(portal, text);
            }
            b'E' => {
                let text = self.portals.get(&next()).cloned().expect("a portal");
                self.ran(&text);
            }
            _ => {}
        }
    }

    fn mysql_command(&mut self, packet: &[u8]) {
        // A command starts a new sequence; the answer to the handshake does not.
        let (Some(0), Some(command)) = (packet.get(3), packet.get(4)) else { return };
        match command {
            0x03 => self.ran(&String::from_utf8_lossy(&packet[5..])),
            0x16 => self.preparing = Some(String::from_utf8_lossy(&packet[5..]).into_owned()),
            0x17 => {
                let number = u32::from_le_bytes(*packet[5..].first_chunk().expect("a number"));
                let text = self.numbered.get(&number).cloned().expect("a prepared statement");
                self.ran(&text);
            }
            _ => {}
        }
    }

    fn mysql_answer(&mut self, packet: &[u8]) {
        if let (Some(1), Some(0)) = (packet.get(3), packet.get(4))
            && let Some(text) = self.preparing.take()
            && let Some(number) = packet.get(5..).and_then(<[u8]>::first_chunk)
        {
            self.numbered.insert(u32::from_le_bytes(*number), text);
        }
    }

    fn ran(&self, text: &str) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }
}
