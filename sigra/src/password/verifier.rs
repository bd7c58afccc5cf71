//! Hashes of a form that only the host knows.

/// Verifies password hashes of a form of the host's own, imported with its accounts.
///
/// Give it to [`Builder::verifier`](crate::Builder::verifier). After the first right sign-in the account has an Argon2id hash,
/// and the verifier is not asked about it again. `verify` runs on a blocking thread under a permit of
/// [`Hashing`](crate::Hashing), counted like any other hash; it should compare in constant time, refuse costs beyond reason,
/// and take as long for a wrong password as for the right one. Where it panics the password is refused like a wrong one, and the
/// log has an error.
pub trait PasswordVerifier: Send + Sync + 'static {
    /// Whether the stored text is of this form. Asked for every text that is not Argon2, before the forms of `legacy-hashes`.
    fn recognises(&self, stored: &str) -> bool;

    /// Whether the password, UTF-8 in NFC, is the one of the stored hash.
    fn verify(&self, password: &[u8], stored: &str) -> bool;
}
