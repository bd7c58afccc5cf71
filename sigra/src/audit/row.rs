//! One row of the trail: what it says, how that is written as bytes, and the keyed hashes over it.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use time::OffsetDateTime;

use super::event::{Actor, AnyReason, AuditOutcome, Entry};
use super::row_id;
use super::tree::{Hash, leaf_hash};
use crate::column::{Bind, ReadError};
use crate::keyring::{Keyring, Purpose, hmac_under};
use crate::store::{Row as Columns, Stamp};

/// Bytes of the salt of a row's personal facts.
const SALT: usize = 16;
/// What the seal of a row begins with that Sigra did not write. Other seals begin so once in 2^64.
const FOREIGN: [u8; 8] = *b"foreign\0";

/// One row of the trail, as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The row's own id: a version 7 UUID that begins with the time of `at`, to the microsecond (RFC 9562 6.2, method 3). Pages are
    /// found and sorted by it; that of a [foreign](Self::is_foreign) row may say another time.
    pub id: uuid::Uuid,
    /// When it happened (UTC, whole microseconds).
    pub at: OffsetDateTime,
    /// The event's name, `area.object.verb`.
    pub event: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// The reason's code, where it did not succeed.
    pub reason: Option<String>,
    /// `visitor`, `account`, `operator:<name>` or `system`.
    pub actor: String,
    /// The account for which somebody else acted.
    pub on_behalf_of: Option<String>,
    /// The account that it is about.
    pub user_id: Option<String>,
    /// The session that it is about. No secret.
    pub session_id: Option<uuid::Uuid>,
    /// The id under which the host logged the request.
    pub request_id: Option<String>,
    /// The network, as the privacy setting keeps it: a personal fact.
    pub network: Option<String>,
    /// The browser, as the privacy setting keeps it: a personal fact.
    pub user_agent: Option<String>,
    /// More about the event, as JSON without blanks whose keys are sorted.
    pub details: Option<String>,
    /// How many like events the row stands for: 1, or more where a flood of refusals was counted, or of new passwords that could not
    /// be looked up. Such a row has as its reason
    /// what the visitors were told, `invalid_credentials` for unknown addresses and wrong passwords alike, and in its details
    /// when the first and the last was, and under `known` how many were about an account that there is.
    pub count: i64,
    /// The key under which `mac` was made.
    pub key_id: String,
    /// What makes `personal` impossible to guess from. `None` where there are no personal facts, or not any more.
    pub personal_salt: Option<Vec<u8>>,
    /// Binds the row to its personal facts, also when they have been erased. `None` where there never were any.
    pub personal: Option<Vec<u8>>,
    /// The keyed hash over [`encode`](Self::encode).
    pub mac: Vec<u8>,
    /// The row's number in the log; `None` until it is sealed.
    pub leaf: Option<i64>,
    /// The keyed hash over the number and `mac`. That of a [foreign](Self::is_foreign) row begins with the eight bytes
    /// `foreign\0`.
    pub seal: Option<Vec<u8>>,
}

impl Row {
    /// The row of an entry, which [`close`](Self::close) has to close yet.
    pub(crate) fn of(entry: Entry, at: OffsetDateTime) -> Self {
        let reason = entry.reason.map(AnyReason::name);
        Self {
            on_behalf_of: entry.on_behalf_of,
            user_id: entry.user_id,
            session_id: entry.session_id,
            details: entry.details,
            ..Self::new(entry.event.name(), entry.outcome, reason, &entry.actor, at)
        }
    }

    /// The row that stands for many refusals or failures of visitors.
    pub(crate) fn counted(
        event: &str,
        outcome: AuditOutcome,
        reason: &str,
        count: i64,
        at: OffsetDateTime,
    ) -> Self {
        Self { count, ..Self::new(event, outcome, Some(reason), &Actor::Visitor, at) }
    }

    fn new(
        event: &str,
        outcome: AuditOutcome,
        reason: Option<&str>,
        actor: &Actor,
        at: OffsetDateTime,
    ) -> Self {
        Self {
            id: row_id::generate(at),
            at,
            event: event.to_owned(),
            outcome: outcome.name().to_owned(),
            reason: reason.map(str::to_owned),
            actor: actor.name(),
            on_behalf_of: None,
            user_id: None,
            session_id: None,
            request_id: None,
            network: None,
            user_agent: None,
            details: None,
            count: 1,
            key_id: String::new(),
            personal_salt: None,
            personal: None,
            mac: Vec::new(),
            leaf: None,
            seal: None,
        }
    }

    /// The row as bytes, the only form that is ever hashed.
    ///
    /// Version 1, a byte `1`, then these fields in this order, each as four bytes of length, the most significant first, and so
    /// many bytes; a field that is `NULL` has the length `ff ff ff ff` and no bytes:
    ///
    /// the text `sigra audit row`, the table's name, `id` (16 bytes), `at` (microseconds since 1970, eight bytes, the most
    /// significant first), `event`, `outcome`, `reason`, `actor`, `on_behalf_of`, `user_id`, `session_id` (16 bytes),
    /// `request_id`, `details`, `count` (eight bytes), `key_id`, `personal`.
    ///
    /// Neither the personal facts nor the salt are in it: they can be erased, and `personal` still says that they were there.
    #[must_use]
    pub fn encode(&self, table: &str) -> Vec<u8> {
        let mut out = Encoding::new(1);
        out.field(b"sigra audit row");
        out.field(table.as_bytes());
        out.field(self.id.as_bytes());
        out.field(&micros(self.at).to_be_bytes());
        out.field(self.event.as_bytes());
        out.field(self.outcome.as_bytes());
        out.maybe(self.reason.as_deref().map(str::as_bytes));
        out.field(self.actor.as_bytes());
        out.maybe(self.on_behalf_of.as_deref().map(str::as_bytes));
        out.maybe(self.user_id.as_deref().map(str::as_bytes));
        out.maybe(self.session_id.as_ref().map(|id| &id.as_bytes()[..]));
        out.maybe(self.request_id.as_deref().map(str::as_bytes));
        out.maybe(self.details.as_deref().map(str::as_bytes));
        out.field(&self.count.to_be_bytes());
        out.field(self.key_id.as_bytes());
        out.maybe(self.personal.as_deref());
        out.0
    }

    /// Whether somebody else wrote the row: Sigra found no good keyed hash on it when its turn came, and gave it its number with
    /// this mark, which the log's hashes vouch for. It proves nothing but that it was there.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.starts_with(&FOREIGN))
    }

    /// The hash of the row as a leaf of the log: over [`encode`](Self::encode), followed by `mac`. Whoever has a checkpoint and
    /// no key can compute it. The mark of a foreign row stands in front, where no encoding begins so: it can be neither put on
    /// nor taken off later.
    pub(crate) fn leaf_hash(&self, table: &str) -> Hash {
        let mut leaf = if self.is_foreign() { FOREIGN.to_vec() } else { Vec::new() };
        leaf.extend_from_slice(&self.encode(table));
        leaf.extend_from_slice(&self.mac);
        leaf_hash(&leaf)
    }

    /// What the personal facts and the salt come to: HMAC-SHA-256 under the salt over the facts.
    fn commitment(&self, salt: &[u8]) -> Hash {
        let mut out = Encoding::new(1);
        out.field(b"sigra audit personal");
        out.maybe(self.network.as_deref().map(str::as_bytes));
        out.maybe(self.user_agent.as_deref().map(str::as_bytes));
        Mac::under(salt).of(&out.0)
    }

    /// Whether the personal facts are those of the account that the row is about, and not of an operator.
    pub(crate) fn has_own_facts(&self) -> bool {
        [Actor::Visitor, Actor::Account].iter().any(|actor| self.actor == actor.name())
    }

    /// How the personal facts stand to what the row says of them.
    pub(crate) fn personal(&self) -> Personal {
        let facts = self.network.is_some() || self.user_agent.is_some();
        match (&self.personal_salt, &self.personal) {
            // Of this length alone: HMAC takes a key with zeros behind it for the same key.
            (Some(salt), Some(personal))
                if salt.len() == SALT && self.commitment(salt)[..] == personal[..] =>
            {
                Personal::Kept
            }
            (None, Some(_)) if !facts => Personal::Erased,
            (None, None) if !facts => Personal::None,
            _ => Personal::Changed,
        }
    }

    /// Closes a row that is about to be written: its personal facts are bound to it and it gets its keyed hash. `None` where the
    /// operating system gives no random bytes.
    pub(crate) fn close(&mut self, keys: &Keys, table: &str) -> Option<()> {
        if self.network.is_some() || self.user_agent.is_some() {
            let mut salt = [0; SALT];
            getrandom::fill(&mut salt).ok()?;
            self.personal = Some(self.commitment(&salt).to_vec());
            self.personal_salt = Some(salt.to_vec());
        }
        let current = keys.current();
        self.key_id.clone_from(&current.id);
        self.mac = current.row.of(&self.encode(table)).to_vec();
        Some(())
    }

    /// The values of `InsertAudit`, in its order.
    pub(crate) fn into_values(self) -> Vec<Box<dyn Bind>> {
        let row = self;
        vec![
            Box::new(row.id),
            Box::new(Stamp(row.at)),
            Box::new(row.event),
            Box::new(row.outcome),
            Box::new(row.reason),
            Box::new(row.actor),
            Box::new(row.on_behalf_of),
            Box::new(row.user_id),
            Box::new(row.session_id),
            Box::new(row.request_id),
            Box::new(row.network),
            Box::new(row.user_agent),
            Box::new(row.details),
            Box::new(row.count),
            Box::new(row.key_id),
            Box::new(row.personal_salt),
            Box::new(row.personal),
            Box::new(row.mac),
        ]
    }

    /// Where `{audit_row}` has the number.
    const LEAF: usize = 18;

    /// Reads the columns that `{audit_row}` names.
    pub(crate) fn read(columns: &Columns) -> Result<Self, ReadError> {
        Ok(Self {
            id: columns.get(0)?,
            at: columns.get::<Stamp>(1)?.0,
            event: columns.get(2)?,
            outcome: columns.get(3)?,
            reason: columns.get(4)?,
            actor: columns.get(5)?,
            on_behalf_of: columns.get(6)?,
            user_id: columns.get(7)?,
            session_id: columns.get(8)?,
            request_id: columns.get(9)?,
            network: columns.get(10)?,
            user_agent: columns.get(11)?,
            details: columns.get(12)?,
            count: columns.get(13)?,
            key_id: columns.get(14)?,
            personal_salt: columns.get(15)?,
            personal: columns.get(16)?,
            mac: columns.get(17)?,
            leaf: columns.get(Self::LEAF)?,
            seal: columns.get(19)?,
        })
    }

    /// The number of a row that cannot be read, if that can.
    pub(crate) fn number_in(columns: &Columns) -> Option<u64> {
        columns.get::<Option<i64>>(Self::LEAF).ok().flatten().and_then(|leaf| u64::try_from(leaf).ok())
    }
}

/// How a row stands to its personal facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personal {
    /// There never were any.
    None,
    /// They are there, as they were written.
    Kept,
    /// They were there, and are erased.
    Erased,
    /// They are not what was written.
    Changed,
}

/// Length-prefixed fields behind a byte of version: no two lists of fields give the same bytes.
struct Encoding(Vec<u8>);

impl Encoding {
    fn new(version: u8) -> Self {
        Self(vec![version])
    }

    #[allow(clippy::cast_possible_truncation, reason = "no column holds four gigabytes")]
    fn field(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn maybe(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.field(bytes),
            None => self.0.extend_from_slice(&u32::MAX.to_be_bytes()),
        }
    }
}

/// Microseconds since 1970. The years that `time` knows fit.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// HMAC-SHA-256 under one key, ready to run.
#[derive(Clone)]
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    pub(crate) fn under(key: &[u8]) -> Self {
        Self(hmac_under(key))
    }

    pub(crate) fn of(&self, value: &[u8]) -> Hash {
        let mut mac = self.0.clone();
        mac.update(value);
        mac.finalize().into_bytes().into()
    }

    /// Whether it is the keyed hash of the value, in constant time.
    fn is(&self, value: &[u8], stored: &[u8]) -> bool {
        let mut mac = self.0.clone();
        mac.update(value);
        mac.verify_slice(stored).is_ok()
    }
}

/// The keys of the trail that come from one key of the ring.
#[derive(Clone)]
struct KeySet {
    id: String,
    row: Mac,
    seal: Mac,
    tree: Mac,
}

impl KeySet {
    fn seal_foreign(&self, leaf: u64, mac: &[u8]) -> Hash {
        let mut seal = self.seal.of(&[&FOREIGN, &sealed(leaf, mac)[..]].concat());
        seal[..FOREIGN.len()].copy_from_slice(&FOREIGN);
        seal
    }
}

/// The keys of the trail, newest first: derived once, since verifying a long trail uses them a million times.
#[derive(Clone)]
pub(crate) struct Keys(Vec<KeySet>);

impl Keys {
    /// Derives them. A ring has at least one key.
    pub(crate) fn of(ring: &Keyring) -> Self {
        let set = |id: &str| {
            let key = |purpose| Some(Mac::under(&*ring.derive(id, purpose)?));
            Some(KeySet {
                id: id.to_owned(),
                row: key(Purpose::AuditRow)?,
                seal: key(Purpose::AuditSeal)?,
                tree: key(Purpose::AuditTree)?,
            })
        };
        Self(ring.ids().filter_map(set).collect())
    }

    fn current(&self) -> &KeySet {
        &self.0[0]
    }

    pub(crate) fn knows(&self, key_id: &str) -> bool {
        self.0.iter().any(|set| set.id == key_id)
    }

    /// Whether a row is as it was written.
    pub(crate) fn signed(&self, row: &Row, table: &str) -> bool {
        let set = self.0.iter().find(|set| set.id == row.key_id);
        set.is_some_and(|set| set.row.is(&row.encode(table), &row.mac))
    }

    /// The seal of a row in its place.
    pub(crate) fn seal(&self, leaf: u64, mac: &[u8]) -> Hash {
        self.current().seal.of(&sealed(leaf, mac))
    }

    /// The seal of a row in its place that Sigra did not write.
    pub(crate) fn seal_foreign(&self, leaf: u64, mac: &[u8]) -> Hash {
        self.current().seal_foreign(leaf, mac)
    }

    /// Whether a row was sealed in this place, under whichever key.
    pub(crate) fn sealed(&self, leaf: u64, mac: &[u8], seal: &[u8]) -> bool {
        let value = sealed(leaf, mac);
        self.0.iter().any(|set| set.seal.is(&value, seal))
    }

    /// Whether a row was sealed in this place as one that Sigra did not write.
    pub(crate) fn sealed_foreign(&self, leaf: u64, mac: &[u8], seal: &[u8]) -> bool {
        self.0.iter().any(|set| set.seal_foreign(leaf, mac)[..] == *seal)
    }

    /// The keyed hash of the tree's state.
    pub(crate) fn tree(&self, state: &[u8]) -> Hash {
        self.current().tree.of(state)
    }

    /// Whether the key that writes made the keyed hash of the tree's state.
    pub(crate) fn wrote_tree(&self, state: &[u8], mac: &[u8]) -> bool {
        self.current().tree.is(state, mac)
    }

    /// Whether the tree's state is as Sigra wrote it, under whichever key.
    pub(crate) fn is_tree(&self, state: &[u8], mac: &[u8]) -> bool {
        self.0.iter().any(|set| set.tree.is(state, mac))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|set| &set.id)).finish()
    }
}

fn sealed(leaf: u64, mac: &[u8]) -> Vec<u8> {
    let mut out = Encoding::new(1);
    out.field(b"sigra audit seal");
    out.field(&leaf.to_be_bytes());
    out.field(mac);
    out.0
}

/// The tree's state as bytes.
pub(crate) fn encode_tree(table: &str, size: u64, nodes: &[u8], removed: u64, until: Option<i64>) -> Vec<u8> {
    let mut out = Encoding::new(1);
    out.field(b"sigra audit tree");
    out.field(table.as_bytes());
    out.field(&size.to_be_bytes());
    out.field(nodes);
    out.field(&removed.to_be_bytes());
    out.maybe(until.map(i64::to_be_bytes).as_ref().map(|until| &until[..]));
    out.0
}

/// A row for the tests.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
pub(crate) fn example() -> Row {
    Row {
        id: uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        at: OffsetDateTime::from_unix_timestamp(1_760_000_000).unwrap() + time::Duration::microseconds(5),
        event: "session.password.sign_in".into(),
        outcome: "refused".into(),
        reason: Some("wrong_password".into()),
        actor: "visitor".into(),
        on_behalf_of: None,
        user_id: Some("42".into()),
        session_id: None,
        request_id: Some(String::new()),
        network: Some("192.0.2.7".into()),
        user_agent: Some("curl".into()),
        details: None,
        count: 1,
        key_id: "k1".into(),
        personal_salt: Some(vec![7; SALT]),
        personal: None,
        mac: Vec::new(),
        leaf: None,
        seal: None,
    }
}

#[cfg(test)]
mod tests {
    use super::example as row;
    use super::*;

    fn keys() -> Keys {
        Keys::of(&Keyring::parse("k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0").unwrap())
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    /// What is stored depends on every one of these bytes. They may never change: a new form gets a new version. The hashes were
    /// computed by another program (Python's hmac and hashlib) from what the documentation says.
    #[test]
    fn the_bytes_of_version_1_stay_as_they_are() {
        let mut row = row();
        row.personal = Some(row.commitment(&[7; SALT]).to_vec());
        let expected = [
            "01",
            "0000000f",
            "736967726120617564697420726f77",
            "0000000b",
            "73696772615f6175646974",
            "00000010",
            "01920000000070008000000000000001",
            "00000008",
            "000640b5eece0005",
            "00000018",
            "73657373696f6e2e70617373776f72642e7369676e5f696e",
            "00000007",
            "72656675736564",
            "0000000e",
            "77726f6e675f70617373776f7264",
            "00000007",
            "76697369746f72",
            "ffffffff",
            "00000002",
            "3432",
            "ffffffff",
            "00000000",
            "ffffffff",
            "00000008",
            "0000000000000001",
            "00000002",
            "6b31",
            "00000020",
            "COMMITMENT",
        ]
        .concat();
        let commitment = hex(row.personal.as_ref().unwrap());
        assert_eq!(hex(&row.encode("sigra_audit")), expected.replace("COMMITMENT", &commitment));
        assert_eq!(commitment, "b706a047d7a2e51cdd3ef6943bbc779ef0e4d34916757a473cc463b811d0bf63");
        row.mac = keys().current().row.of(&row.encode("sigra_audit")).to_vec();
        assert_eq!(hex(&row.mac), "62b8f64db7adf0769eaaa8231f454da945bc42434c7344d7ca516770c711a777");
        assert_eq!(
            hex(&keys().seal(3, &row.mac)),
            "e5f984c625b332bb994e357d4147ed6dca2031b03fc84aa0d4798cb1c9285db1"
        );
        assert_eq!(
            hex(&row.leaf_hash("sigra_audit")),
            "c7ef71072ace2a89559b33c3d5f9da7a489d6c4463900bf5afa5a0e882521154"
        );
        assert_eq!(
            hex(&keys().tree(&encode_tree("sigra_audit", 1, &[9; 32], 0, None))),
            "c1b499b2f5344ce6e8be35cbc5fc316ad3e5aae8abc15f3d515cdeaa19a89b57"
        );
    }

    #[test]
    fn every_field_counts_and_none_runs_into_the_next() {
        type Edit = fn(&mut Row);
        let edits: [Edit; 16] = [
            |row| row.id = uuid::Uuid::nil(),
            |row| row.at += time::Duration::microseconds(1),
            |row| row.event.push('x'),
            |row| row.outcome.push('x'),
            |row| row.reason = None,
            |row| row.reason = Some(String::new()),
            |row| row.actor.push('x'),
            |row| row.on_behalf_of = Some("42".into()),
            |row| row.user_id = None,
            |row| row.session_id = Some(uuid::Uuid::nil()),
            |row| row.request_id = None,
            |row| row.details = Some("{}".into()),
            |row| row.count = 2,
            |row| row.key_id.push('x'),
            |row| row.personal = Some(vec![0; 32]),
            // The same letters, cut elsewhere.
            |row| {
                row.event.push_str(&row.outcome[..3]);
                row.outcome = row.outcome[3..].to_owned();
            },
        ];
        let mut encodings = std::collections::BTreeSet::from([row().encode("a"), row().encode("b")]);
        for edit in edits {
            let mut row = row();
            edit(&mut row);
            assert!(encodings.insert(row.encode("a")));
        }
        assert_eq!(encodings.len(), 18);
    }

    #[test]
    fn the_mark_of_a_foreign_row_is_neither_put_on_nor_taken_off() {
        let (keys, sealed) = (keys(), |seal: [u8; 32]| Row { seal: Some(seal.to_vec()), ..row() });
        let (own, foreign) = (sealed(keys.seal(3, b"mac")), sealed(keys.seal_foreign(3, b"mac")));
        assert!(foreign.is_foreign() && !own.is_foreign() && !row().is_foreign());
        assert_ne!(own.leaf_hash("t"), foreign.leaf_hash("t"));
        let seal = foreign.seal.unwrap();
        assert!(keys.sealed_foreign(3, b"mac", &seal) && !keys.sealed(3, b"mac", &seal));
        assert!(!keys.sealed_foreign(4, b"mac", &seal) && !keys.sealed_foreign(3, b"mad", &seal));
        assert!(!keys.sealed_foreign(3, b"mac", &own.seal.unwrap()));
    }

    #[test]
    fn personal_facts_can_be_erased_and_not_changed() {
        let mut row = row();
        row.close(&keys(), "t").unwrap();
        assert!(keys().signed(&row, "t") && !keys().signed(&row, "u"));
        assert_eq!(row.personal(), Personal::Kept);
        let changed = Row { network: Some("192.0.2.8".into()), ..row.clone() };
        assert_eq!(changed.personal(), Personal::Changed);
        let half = Row { network: None, ..row.clone() };
        assert_eq!(half.personal(), Personal::Changed);
        let erased = Row { network: None, user_agent: None, personal_salt: None, ..row.clone() };
        assert_eq!(erased.personal(), Personal::Erased);
        assert!(keys().signed(&erased, "t"));
        assert_eq!(erased.leaf_hash("t"), row.leaf_hash("t"));
        let mut longer = row.clone();
        longer.personal_salt.as_mut().unwrap().push(0);
        assert_eq!(longer.personal(), Personal::Changed, "HMAC takes the two for one key");
        let unsalted = Row { personal_salt: None, ..row };
        assert_eq!(unsalted.personal(), Personal::Changed);
        let mut without = Row { network: None, user_agent: None, personal_salt: None, ..unsalted };
        without.personal = None;
        without.close(&keys(), "t").unwrap();
        assert_eq!((without.personal(), without.personal_salt), (Personal::None, None));
    }
}
