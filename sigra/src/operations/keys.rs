//! Keys and peppers: whether they are those of this database, and how a running process gets others.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Secrets};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{DatabaseErrorKind, Error, Failure};
use crate::feature;
use crate::keyring::{KEYS_VARIABLE, Keyring, KeyringError, Purpose};
use crate::password::{PEPPER_VARIABLE, Peppers};
use crate::store::Rendered;
use crate::store::statements::{
    HashWithPepper, KnownKeys, NeededKeys, NoteKey, TakeTurnWithKeys, Tree as ReadTree, UnsealedUnder,
};
use crate::telemetry::{Named, Notes, watched};
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

use super::seal::{Tree, Turn};

impl<U> Sigra<U> {
    /// Gives this process other keys while it runs. Nothing fails meanwhile: what has begun goes on with the keys it began
    /// with, and what begins afterwards writes with the first of the new ones and reads with all of them.
    ///
    /// Put the new key in front and keep the old one behind it; leave the old one out when nothing live needs it any more.
    /// Where several processes share the database, each of them must read with a key before any writes with it: see
    /// [`keyring`](crate::keyring) for the steps. Set `SIGRA_KEYS` as well, for the next start.
    ///
    /// Writes one audit row `keyring.keys.rotate`: success, or failed with [`Failure::Keys`].
    ///
    /// # Errors
    /// [`Failure::Keys`], and the keys stay as they are: without the key that writes until now, with other bytes under a
    /// known id, or without a key that live sessions, links, known devices, second factors or backup codes need. Seeds of
    /// authenticators move on to the new key with the worker's [`sweep`](Sigra::sweep), backup codes only when their user makes a
    /// new set: the error counts those that have not. What the audit trail has under the old key moves on with the rotation.
    /// [`Failure`] otherwise.
    pub fn rotate_keys(&self, keys: Keyring) -> Operation<'_, ()>
    where
        U: Account,
    {
        watched::<U>(Named::RotateKeys).run(async move {
            self.unhindered(|shielded| async move {
                let rotated = match keys.writing() {
                    Ok(keys) => shielded.rotate_keys(keys).await,
                    Err(error) => Err(error.into()),
                };
                shielded.told_of(Event::RotateKeys, rotated).await
            })
            .await
        })
    }

    /// Gives this process other peppers while it runs. Nothing fails meanwhile: hashes under each of the new ones verify, and
    /// a hash without the first one gets it with the next sign-in of its account.
    ///
    /// Put the new one in front and keep the old one behind it; leave the old one out when no hash names it any more. Where
    /// several processes share the database, each of them must read with a pepper before any writes with it: see
    /// [`keyring`](crate::keyring) for the steps. Set `SIGRA_PEPPER` as well, for the next start.
    ///
    /// Writes one audit row `keyring.peppers.rotate`: success, or failed with [`Failure::Keys`].
    ///
    /// # Errors
    /// [`Failure::Keys`], and the peppers stay as they are: without the one that writes until now, with other bytes under a
    /// known id, or without one that a stored hash names. [`Failure`] otherwise.
    pub fn rotate_peppers(&self, peppers: Keyring) -> Operation<'_, ()>
    where
        U: feature::Passwords,
    {
        watched::<U>(Named::RotatePeppers).run(async move {
            self.unhindered(|shielded| async move {
                let rotated = shielded.rotate_peppers(peppers.into()).await;
                shielded.told_of(Event::RotatePeppers, rotated).await
            })
            .await
        })
    }
}

impl<U: Account> Sigra<U> {
    /// Compares keys and peppers with those that the database knows, where it has the table for it already.
    pub(crate) async fn check_keys(&self) -> Result<(), Error> {
        let (keys, peppers) = (self.core.keys.get(), self.core.hasher.peppers());
        let rows = match self.core.pool.read().await?.fetch(Rendered::<U, KnownKeys>::STATEMENT, &[]).await {
            Err(error) if error.kind == DatabaseErrorKind::MissingTable => return Ok(()),
            rows => rows?,
        };
        let known = rows.iter().map(Known::read::<U>).collect::<Result<Vec<_>, _>>()?;
        let settled = |kind: Kind, ring: Option<&Keyring>| -> Result<bool, Error> {
            let compared = compare(kind, ring, &known, &table::<U>())?;
            Ok(compared.new.is_empty() && compared.missing.is_empty())
        };
        let log = match self.core.pool.read().await?.fetch(Rendered::<U, ReadTree>::STATEMENT, &[]).await {
            // The trail is about to be begun anew.
            Err(error) if error.kind == DatabaseErrorKind::MissingTable => return Ok(()),
            log => log?.into_iter().next(),
        };
        let log = log.map(|row| Tree::read::<U>(&self.core, &row));
        // None of the log, or one under the key that writes.
        let is_renewed = log.is_none_or(|tree| tree.is_some_and(|tree| tree.is_renewed));
        // At nearly every start there is nothing to write and nothing to look for.
        if is_renewed && settled(Kind::Key, Some(&*keys))? && settled(Kind::Pepper, peppers.ring())? {
            return Ok(());
        }
        self.note_keys().await
    }

    /// Compares keys and peppers with those that the database knows, and notes which are new.
    pub(crate) async fn note_keys(&self) -> Result<(), Error> {
        let (keys, peppers) = (self.core.keys.get(), self.core.hasher.peppers());
        let note = NoteKeys { keys, peppers, event: None, client: Client::unknown() };
        self.unhindered(|shielded| async move { shielded.step(note).await }).await
    }
}

impl<U: Account> Shielded<U> {
    /// A ring that cannot be used has its row too: somebody may have tried to take a key away.
    async fn told_of(&self, event: Event, rotated: Result<(), Error>) -> Result<(), Error> {
        self.judged(Entry::success(event, Actor::System), &Client::unknown(), rotated).await
    }

    async fn rotate_keys(&self, keys: Keyring) -> Result<(), Error> {
        let core = &self.0.core;
        let _turn = core.rotation.lock().await;
        follows(&keys, &core.keys.get(), Kind::Key, &table::<U>())?;
        let (keys, peppers) = (Arc::new(keys), core.hasher.peppers());
        apart(&keys, &peppers)?;
        let event = Some(Event::RotateKeys);
        let note =
            || NoteKeys { keys: keys.clone(), peppers: peppers.clone(), event, client: Client::unknown() };
        if let Err(error) = self.step(note()).await {
            let Error::Failed(Failure::Keys(KeyringError::TrailNeeds { .. })) = error else {
                return Err(error);
            };
            // This process has the key yet.
            self.0.sequence(Turn::Now).await?;
            self.step(note()).await?;
        }
        core.evidence.replace_keys(&keys);
        core.keys.set(keys);
        Ok(())
    }

    async fn rotate_peppers(&self, peppers: Peppers) -> Result<(), Error> {
        let core = &self.0.core;
        let _turn = core.rotation.lock().await;
        let before = core.hasher.peppers();
        if let (Some(new), Some(before)) = (peppers.ring(), before.ring()) {
            follows(new, before, Kind::Pepper, &table::<U>())?;
        }
        let keys = core.keys.get();
        apart(&keys, &peppers)?;
        let event = Some(Event::RotatePeppers);
        // Made first: what cannot be used must not be noted.
        let next = core.hasher.with_peppers(&U::POLICY.password, peppers.clone())?;
        self.step(NoteKeys { keys, peppers, event, client: Client::unknown() }).await?;
        core.hasher.replace(next);
        Ok(())
    }
}

/// What a ring is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Key,
    Pepper,
}

impl Kind {
    /// The name in the column `kind`, and what the mark is a keyed hash of. Stable.
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Pepper => "pepper",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Key => KEYS_VARIABLE,
            Self::Pepper => PEPPER_VARIABLE,
        }
    }
}

/// The table of known keys, for messages.
fn table<U: Account>() -> String {
    format!("{}keys", U::SCHEMA.prefix)
}

/// Whether one ring may take the place of another in a running process.
fn follows(new: &Keyring, before: &Keyring, kind: Kind, table: &str) -> Result<(), KeyringError> {
    if let Some(id) = new.differs_from(before) {
        return Err(KeyringError::Changed {
            variable: kind.variable(),
            id: id.to_owned(),
            table: table.to_owned(),
        });
    }
    // Work that has begun still writes with it.
    let writing = before.current();
    if !writing.is_empty() && !new.ids().any(|id| id == writing) {
        return Err(KeyringError::StillWrites { id: writing.to_owned() });
    }
    Ok(())
}

/// Whether keys and peppers are different secrets.
pub(crate) fn apart(keys: &Keyring, peppers: &Peppers) -> Result<(), KeyringError> {
    match peppers.ring().and_then(|peppers| keys.shared_with(peppers)) {
        Some((id, other)) => Err(KeyringError::Repeated { id: id.to_owned(), other }),
        None => Ok(()),
    }
}

/// A key or pepper that the database was used with.
struct Known {
    kind: String,
    id: String,
    mark: Vec<u8>,
}

impl Known {
    fn read<U: Account>(row: &crate::store::Row) -> Result<Self, Failure> {
        let mut row = Reader::<U>::new(row);
        Ok(Self { kind: row.next()?, id: row.next()?, mark: row.next()? })
    }

    fn has(&self, mark: &[u8]) -> bool {
        self.mark.ct_eq(mark).into()
    }
}

/// A ring beside what the database knows.
#[derive(Debug, PartialEq, Eq)]
struct Compared {
    /// Ids that the database has not seen, with their marks.
    new: Vec<(String, [u8; 32])>,
    /// Ids that the ring lacks.
    missing: Vec<String>,
}

/// Whether a ring is the one of this database, as far as that can be said without looking at what it keyed.
fn compare(
    kind: Kind,
    ring: Option<&Keyring>,
    known: &[Known],
    table: &str,
) -> Result<Compared, KeyringError> {
    let variable = kind.variable();
    let known: Vec<&Known> = known.iter().filter(|known| known.kind == kind.name()).collect();
    let mut compared = Compared { new: Vec::new(), missing: Vec::new() };
    let marks = ring
        .into_iter()
        .flat_map(|ring| ring.ids().zip(ring.macs(Purpose::KeyCheck, kind.name().as_bytes())));
    for (id, mark) in marks {
        match known.iter().find(|known| known.id == id) {
            Some(known) if known.has(&mark) => {}
            Some(_) => {
                return Err(KeyringError::Changed { variable, id: id.to_owned(), table: table.to_owned() });
            }
            None => {
                if let Some(known) = known.iter().find(|known| known.has(&mark)) {
                    let known_as = known.id.clone();
                    return Err(KeyringError::Renamed { variable, id: id.to_owned(), known_as });
                }
                compared.new.push((id.to_owned(), mark));
            }
        }
    }
    let holds = |id: &str| ring.is_some_and(|ring| ring.ids().any(|held| held == id));
    compared.missing = known.iter().map(|known| known.id.clone()).filter(|id| !holds(id)).collect();
    // Peppers that no hash names may all be others: the hashes decide.
    if kind == Kind::Key && !known.is_empty() && compared.missing.len() == known.len() {
        return Err(KeyringError::Unknown { known: compared.missing, table: table.to_owned() });
    }
    Ok(compared)
}

/// Checks a ring against the database and notes what is new in it.
struct NoteKeys {
    keys: Arc<Keyring>,
    peppers: Peppers,
    /// A rotation has a row in the trail; a start changes nothing.
    event: Option<Event>,
    client: Client,
}

impl<U: Account> Step<U> for NoteKeys {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        unit.execute(TakeTurnWithKeys, &[&Vec::<u8>::new(), &unit.stamp()]).await?;
        if U::POLICY.audit.enabled {
            let evidence = &unit.core.evidence;
            let (before, next): (_, Secrets) = (evidence.secrets(), evidence.secrets_of(&self.keys));
            unit.renew_log(&before, &next).await?;
        }
        let rows = unit.fetch(KnownKeys, &[]).await?;
        let known = rows.iter().map(Known::read::<U>).collect::<Result<Vec<_>, _>>()?;
        for (kind, ring) in [(Kind::Key, Some(&*self.keys)), (Kind::Pepper, self.peppers.ring())] {
            let compared = compare(kind, ring, &known, &table::<U>())?;
            match kind {
                Kind::Key => unit.keys_may_go(&compared.missing).await?,
                Kind::Pepper => unit.peppers_may_go(&compared.missing).await?,
            }
            note_new_writer(&mut unit.notes, kind, ring, &compared, &known);
            for (id, mark) in &compared.new {
                let values: &[&dyn crate::column::Bind] = &[&kind.name(), id, &mark.to_vec(), &unit.stamp()];
                unit.execute(NoteKey, values).await?;
            }
        }
        match self.event {
            Some(event) => unit.record(Entry::success(event, Actor::System), ()).await,
            None => Ok(unit.bookkeeping(Bookkeeping::KeysNoted, ())),
        }
    }
}

/// Other processes may not have this one yet; no process can know.
fn note_new_writer(
    notes: &mut Notes,
    kind: Kind,
    ring: Option<&Keyring>,
    compared: &Compared,
    known: &[Known],
) {
    let Some(writer) = ring.map(Keyring::current) else { return };
    if compared.new.iter().any(|(id, _)| id == writer) && known.iter().any(|known| known.kind == kind.name())
    {
        notes.new_writer(kind.name(), writer);
    }
}

impl<U: Account> Unit<'_, U> {
    /// Fails where something live was written by one of these keys.
    async fn keys_may_go(&mut self, missing: &[String]) -> Result<(), Error> {
        if missing.is_empty() {
            return Ok(());
        }
        let now = self.stamp();
        // By the order of first use, so that the oldest is named.
        let mut needed = vec![[0; 6]; missing.len()];
        for row in self.fetch(NeededKeys, &[&now, &now, &now, &now, &now]).await? {
            let mut row = Reader::<U>::new(&row);
            let (id, what, count): (String, i64, i64) = (row.next()?, row.next()?, row.next()?);
            let place = missing.iter().position(|missing| *missing == id);
            let counted = place.and_then(|place| needed[place].get_mut(usize::try_from(what).ok()?));
            if let Some(counted) = counted {
                *counted = count.unsigned_abs();
            }
        }
        match missing.iter().zip(needed).find(|(_, needed)| *needed != [0; 6]) {
            Some((id, [sessions, links, devices, factors, backup_codes, holders])) => {
                let (id, table) = (id.clone(), table::<U>());
                Err(KeyringError::StillNeeded {
                    id,
                    sessions,
                    links,
                    devices,
                    factors,
                    backup_codes,
                    holders,
                    table,
                }
                .into())
            }
            None => self.trail_lets_go(missing).await,
        }
    }

    /// Fails where rows under one of these keys wait for their number: nobody could tell any more whether Sigra wrote them.
    async fn trail_lets_go(&mut self, missing: &[String]) -> Result<(), Error> {
        for id in missing.iter().filter(|_| U::POLICY.audit.enabled) {
            let row = self.fetch_optional(UnsealedUnder, &[id]).await?;
            let rows = row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?.unwrap_or_default();
            if rows > 0 {
                let (id, table) = (id.clone(), table::<U>());
                return Err(KeyringError::TrailNeeds { id, rows: rows.unsigned_abs(), table }.into());
            }
        }
        Ok(())
    }

    /// Fails where a hash in the host's column names one of these peppers.
    async fn peppers_may_go(&mut self, missing: &[String]) -> Result<(), Error> {
        for id in missing {
            if self.fetch_optional(HashWithPepper, &[&Peppers::naming(id)]).await?.is_some() {
                let (id, users, table) = (id.clone(), U::SCHEMA.table, table::<U>());
                return Err(KeyringError::PepperStillNeeded { id, users, table }.into());
            }
        }
        Ok(())
    }
}
