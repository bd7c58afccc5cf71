//! What second factors are made of: seeds and their codes, how seeds are sealed at rest, and backup codes.
//!
//! Nothing here touches the database. The operations do: `operations::codes` decides about a code, `operations::enrol` about a
//! new authenticator.

pub(crate) mod backup;
pub(crate) mod seal;
pub(crate) mod totp;
pub(crate) mod typed;
