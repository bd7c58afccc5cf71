//! Hashes of other algorithms, imported with their accounts: they are verified, never written.

mod aspnet;
mod bcrypt;
mod pbkdf2;
mod scrypt;

use subtle::ConstantTimeEq as _;

use self::bcrypt::Bcrypt;
use self::pbkdf2::Pbkdf2;
use self::scrypt::Scrypt;
use crate::error::Failure;

/// Bytes that an output must have at least: no shorter one is compared.
const MIN_OUTPUT_BYTES: usize = 16;
/// Bytes of the longest outputs in use.
const MAX_OUTPUT_BYTES: usize = 64;

/// A stored hash by its algorithm.
pub(super) enum Legacy {
    Bcrypt(Bcrypt),
    Scrypt(Scrypt),
    Pbkdf2(Pbkdf2),
}

/// What decides how long it takes to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    Bcrypt { cost: u32 },
    Scrypt { log_n: u8, r: u32, p: u32 },
    Pbkdf2 { hash: pbkdf2::Hash, rounds: u32, blocks: u32 },
}

impl Legacy {
    /// Reads a stored hash. `None`: another form, or a cost that nobody should have to wait for.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Bcrypt::parse(text)
            .map(Self::Bcrypt)
            .or_else(|| Scrypt::parse(text).map(Self::Scrypt))
            .or_else(|| Pbkdf2::parse(text).or_else(|| aspnet::parse(text)).map(Self::Pbkdf2))
    }

    /// Whether a password is the right one.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, Failure> {
        match self {
            Self::Bcrypt(hash) => Ok(hash.verify(password)),
            Self::Scrypt(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => Ok(hash.verify(password)),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        match self {
            Self::Bcrypt(hash) => hash.cost(),
            Self::Scrypt(hash) => hash.cost(),
            Self::Pbkdf2(hash) => hash.cost(),
        }
    }
}

fn same(computed: &[u8], stored: &[u8]) -> bool {
    computed.ct_eq(stored).into()
}

fn is_output(bytes: &[u8]) -> bool {
    (MIN_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&bytes.len())
}
