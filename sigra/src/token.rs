//! Secrets that Sigra hands out: 256 random bits, named by purpose and key, stored only as a keyed hash.

use std::fmt;
use std::marker::PhantomData;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

use crate::error::{Error, Failure};
use crate::keyring::{Keyring, Purpose};

/// Bytes of a secret: 256 bits (ASVS 7.2.3 and 11.5.1 ask for 128).
const SECRET_BYTES: usize = 32;

/// What a token is for, in the type: a function that takes one purpose cannot be given another.
#[doc(hidden)]
pub trait TokenPurpose: Send + Sync + 'static {
    /// The first part of the text, so that a secret scanner and a reader know what it is.
    const TAG: &'static str;
    /// The name in the column `purpose`.
    const NAME: &'static str;
    /// Whether the others for the same purpose stay good when one is used: each is about something of its own.
    const SIBLINGS_STAY: bool = false;
    #[doc(hidden)]
    fn purpose() -> PurposeKey;
}

/// Keeps [`Purpose`] out of the public trait.
#[doc(hidden)]
pub struct PurposeKey(pub(crate) Purpose);

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $tag:literal, $column:literal, $purpose:ident $(, $siblings:literal)?;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl TokenPurpose for $name {
            const TAG: &'static str = $tag;
            const NAME: &'static str = $column;
            $(const SIBLINGS_STAY: bool = $siblings;)?
            fn purpose() -> PurposeKey {
                PurposeKey(Purpose::$purpose)
            }
        }
    )*};
}
purposes! {
    /// Names a session.
    ForSession = "sgs", "session", Session;
    /// Names a browser in which an account was signed in to.
    ForDevice = "sgd", "device", Device;
    /// Proves an address.
    ForConfirmEmail = "sgc", "confirm_email", ConfirmEmail;
    /// Lets its holder choose a new password.
    ForResetPassword = "sgr", "reset_password", ResetPassword;
    /// Lets the owner of a locked account in again.
    ForUnlockAccount = "sgu", "unlock_account", UnlockAccount;
    /// Names a sign-in whose second factor is due. Another browser has one of its own.
    ForSecondFactor = "sgp", "second_factor", SecondFactor, true;
    /// Undoes a change that the owner did not make. Each is about its own change.
    ForDisown = "sgn", "disown", Disown, true;
}

/// A secret for one purpose. Its text goes to its owner once; the database gets a keyed hash.
///
/// `Debug` shows the purpose alone.
pub struct Token<P> {
    text: Zeroizing<String>,
    hash: [u8; 32],
    purpose: PhantomData<fn() -> P>,
}

/// The secret in a session cookie.
pub type SessionToken = Token<ForSession>;

/// The secret in the cookie of a sign-in whose second factor is due. It opens nothing.
pub type PendingToken = Token<ForSecondFactor>;

/// The secret in the cookie of a known device. It opens nothing: it only says whose attempts at a password are counted apart.
pub type DeviceToken = Token<ForDevice>;

impl<P: TokenPurpose> Token<P> {
    /// A new secret under the current key.
    pub(crate) fn generate(keys: &Keyring) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(&mut *secret).map_err(|error| Failure::Random(error.to_string()))?;
        let key_id = keys.current();
        let hash = keys
            .mac(key_id, P::purpose().0, &*secret)
            .ok_or_else(|| Failure::Config("the keyring is empty".into()))?;
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(&*secret));
        let text = Zeroizing::new(format!("{}.{key_id}.{}", P::TAG, *encoded));
        Ok(Self { text, hash, purpose: PhantomData })
    }

    /// Reads a token's text; `None` for anything that this ring cannot have issued for this purpose.
    pub(crate) fn parse(text: &str, keys: &Keyring) -> Option<Self> {
        let mut parts = text.split('.');
        let (tag, key_id, encoded) = (parts.next()?, parts.next()?, parts.next()?);
        if tag != P::TAG || parts.next().is_some() {
            return None;
        }
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        let decoded = Base64UrlUnpadded::decode(encoded, &mut *secret).ok()?;
        if decoded.len() != SECRET_BYTES {
            return None;
        }
        let hash = keys.mac(key_id, P::purpose().0, &*secret)?;
        Some(Self { text: Zeroizing::new(text.to_owned()), hash, purpose: PhantomData })
    }

    /// The text for the cookie or the link. Whoever has it can use it: it belongs in neither log nor database.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The id of the key that it is keyed by: its text names it.
    pub(crate) fn key_id(&self) -> &str {
        self.text.split('.').nth(1).unwrap_or_default()
    }

    /// What the database stores and looks up.
    pub(crate) fn hash(&self) -> Vec<u8> {
        self.hash.to_vec()
    }
}

impl<P> Clone for Token<P> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), hash: self.hash, purpose: PhantomData }
    }
}

impl<P: TokenPurpose> fmt::Debug for Token<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token<{}>(..)", P::NAME)
    }
}

/// A short code that a person types: six digits, evenly distributed.
pub(crate) fn six_digits() -> Result<Zeroizing<String>, Error> {
    // The largest multiple of a million that fits: values above it would favour the low codes.
    const LIMIT: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|error| Failure::Random(error.to_string()))?;
        let number = u32::from_le_bytes(bytes);
        if number < LIMIT {
            return Ok(Zeroizing::new(format!("{:06}", number % 1_000_000)));
        }
    }
}
