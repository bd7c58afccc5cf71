//! The keys and peppers: whether they are the ones that the database was used with, and their rotation while the process runs.

use std::sync::Arc;

use base64ct::{Base64Unpadded, Encoding as _};
use subtle::ConstantTimeEq as _;

use crate::account::Account;
use crate::core::{Core, Operation, Reader, Sigra};
use crate::error::{Error, Failure};
use crate::keyring::{Keyring, KeyringError, Purpose};
use crate::store::statements::{KnownKeys, PepperInUse, RememberKey};
use crate::store::{Connection, Rendered, Stamp};

impl<U> Sigra<U> {
    /// Replaces the keys while the process runs: the first of the new ring writes from now on, and all read. Operations under way
    /// end with the ring they began with.
    ///
    /// To rotate in several processes: put the new key at the end of every ring, then at the front of every ring, and leave the
    /// old one out when nothing it keyed is alive any more, which is after the longest of `session(absolute)`,
    /// `session(remember)` and the 180 days for which a device is known. Change `SIGRA_KEYS` as well, or the next start has the
    /// old ring. A key that somebody else has seen is left out at once, by a start without it: that ends every session.
    ///
    /// Writes no audit row: nothing of an account changes.
    ///
    /// # Errors
    /// [`Failure::Keys`]: the new ring lacks the key that writes now, or has another one under a known id. Then the old one stays.
    pub fn rotate_keys(&self, keys: Keyring) -> Operation<'_, ()>
    where
        U: Account,
    {
        Box::pin(async move {
            let now = self.core.keys.get();
            keeps(&keys, &now)?;
            remember::<U>(&self.core, Kind::Key, &keys).await?;
            self.core.evidence.replace_keys(&keys);
            self.core.keys.replace(keys);
            Ok(())
        })
    }

    /// Replaces the peppers while the process runs: the first of the new ring writes from now on, and all verify. A hash under
    /// another one gets the first with the next sign-in.
    ///
    /// The order for several processes is that of [`rotate_keys`](Self::rotate_keys), with `SIGRA_PEPPER`; an old pepper may be
    /// left out when no hash of the host's table names it any more.
    ///
    /// # Errors
    /// [`Failure::Keys`] as with [`rotate_keys`](Self::rotate_keys), [`Failure::Pepper`] where a hash needs one that is not in
    /// the new ring. Then the old ones stay.
    pub fn rotate_peppers(&self, peppers: Keyring) -> Operation<'_, ()>
    where
        U: Account,
    {
        Box::pin(async move {
            if let Some(now) = self.core.hasher.peppers() {
                keeps(&peppers, &now)?;
            }
            remember::<U>(&self.core, Kind::Pepper, &peppers).await?;
            peppers_in_use::<U>(&self.core, Some(&peppers)).await?;
            self.core.hasher.replace_peppers(&U::POLICY.password, peppers)
        })
    }
}

/// The key that writes now must be able to read afterwards, or everybody would be signed out at once.
fn keeps(next: &Keyring, now: &Keyring) -> Result<(), KeyringError> {
    if next.ids().any(|id| id == now.current()) {
        return Ok(());
    }
    Err(KeyringError::Dropped { id: now.current().to_owned() })
}

#[derive(Clone, Copy)]
enum Kind {
    Key,
    Pepper,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Pepper => "pepper",
        }
    }
}

/// Whether keys and peppers are those that the database was used with. A ring that is used for the first time is remembered.
pub(crate) async fn check_keys<U: Account>(core: &Core) -> Result<(), Error> {
    remember::<U>(core, Kind::Key, &core.keys.get()).await?;
    let peppers: Option<Arc<Keyring>> = core.hasher.peppers();
    if let Some(peppers) = &peppers {
        remember::<U>(core, Kind::Pepper, peppers).await?;
    }
    peppers_in_use::<U>(core, peppers.as_deref()).await
}

async fn remember<U: Account>(core: &Core, kind: Kind, ring: &Keyring) -> Result<(), Error> {
    let mut connection = core.pool.read().await?;
    let known = known::<U>(&mut connection, kind).await?;
    let is_known = |id: &str| known.iter().any(|(known, _)| known == id);
    if !known.is_empty() && !ring.ids().any(is_known) {
        let known: Vec<String> = known.iter().map(|(id, _)| format!("`{id}`")).collect();
        let table = format!("{}keys", U::SCHEMA.prefix);
        return Err(KeyringError::Unknown { kind: kind.name(), known: known.join(", "), table }.into());
    }
    if ring.ids().all(is_known) {
        return compare(kind, ring, &known);
    }
    drop(connection);
    let mut writer = core.pool.write().await?;
    writer.begin().await?;
    let result = remember_new::<U>(core, &mut writer.connection, kind, ring).await;
    let connection = &mut writer.connection;
    let ended = if result.is_ok() { connection.commit().await } else { connection.rollback().await };
    if ended.is_err() {
        connection.close_on_drop();
    }
    result?;
    Ok(ended?)
}

async fn remember_new<U: Account>(
    core: &Core,
    connection: &mut Connection,
    kind: Kind,
    ring: &Keyring,
) -> Result<(), Error> {
    for id in ring.ids() {
        let check = check_value(ring, id)?;
        let values: &[&dyn crate::column::Bind] = &[&kind.name(), &id, &check, &Stamp(core.now())];
        connection.execute(Rendered::<U, RememberKey>::STATEMENT, values).await?;
    }
    // Read after writing: of two processes that start with different keys under one id, the second must notice.
    let known = known::<U>(connection, kind).await?;
    compare(kind, ring, &known)
}

async fn known<U: Account>(connection: &mut Connection, kind: Kind) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let rows = connection.fetch(Rendered::<U, KnownKeys>::STATEMENT, &[&kind.name()]).await?;
    rows.iter()
        .map(|row| {
            let mut row = Reader::<U>::new(row);
            Ok((row.next()?, row.next()?))
        })
        .collect()
}

fn compare(kind: Kind, ring: &Keyring, known: &[(String, Vec<u8>)]) -> Result<(), Error> {
    for id in ring.ids() {
        let check = check_value(ring, id)?;
        let differs = |(known, value): &&(String, Vec<u8>)| known == id && !bool::from(value.ct_eq(&check));
        if known.iter().find(differs).is_some() {
            return Err(KeyringError::Different { kind: kind.name(), id: id.to_owned() }.into());
        }
    }
    Ok(())
}

fn check_value(ring: &Keyring, id: &str) -> Result<Vec<u8>, Failure> {
    let value = ring.mac(id, Purpose::KeyCheck, id.as_bytes());
    value.map(|value| value.to_vec()).ok_or_else(|| Failure::Config("the keyring is empty".into()))
}

/// A pepper that the ring lacks may be missed only if no hash names it: its passwords would be worthless. Looked for where one
/// is missing, and not at every start, since no index helps.
async fn peppers_in_use<U: Account>(core: &Core, ring: Option<&Keyring>) -> Result<(), Error> {
    let mut connection = core.pool.read().await?;
    for (id, _) in known::<U>(&mut connection, Kind::Pepper).await? {
        if ring.is_some_and(|ring| ring.ids().any(|known| known == id)) {
            continue;
        }
        // As the hashes write it (PHC string format); no digit or letter of an id is a wildcard, nor is one of its base64.
        let pattern = format!("%,keyid={}$%", Base64Unpadded::encode_string(id.as_bytes()));
        let rows = connection.fetch(Rendered::<U, PepperInUse>::STATEMENT, &[&pattern]).await?;
        if !rows.is_empty() {
            return Err(Failure::Pepper { id }.into());
        }
    }
    Ok(())
}
