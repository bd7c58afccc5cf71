//! What `#[derive(Sigra)]` tells the library about a host's user type.

use crate::column::{Columns, Id, ReadError, Values};
use crate::outcome::{Disabled, MustChangePassword, Outcome, SecondFactor, Slot};
use crate::password::Password;
use crate::policy::Policy;

/// A host's user type: what `#[derive(Sigra)]` implements.
///
/// Nobody implements this by hand. Generic host code may name it as a bound, next to the markers in [`feature`](crate::feature).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Sigra user",
    label = "`{Self}` has no `#[derive(Sigra)]`",
    note = "add `#[derive(sigra::Sigra)]` to `{Self}` and mark its key with `#[sigra(id)]`",
    note = "rule S0516 of `sigra::rules`"
)]
pub trait Account: Sized + Send + Sync + 'static {
    /// The type of the primary key: `i64`, `uuid::Uuid` or `String`.
    type Id: Id;
    /// What registration fills, emitted as `NewUser` for a `User`.
    type New: Send + Sync + 'static;
    /// What a sign-in can come to, emitted as `UserSignIn` for a `User`.
    type SignIn: From<Outcome<Self>> + Send + 'static;
    /// [`Disabled`] where a `disabled_at` field is marked.
    #[doc(hidden)]
    type Disabled: Slot<Disabled>;
    /// [`MustChangePassword`] where `must_change_password` is on.
    #[doc(hidden)]
    type MustChangePassword: Slot<MustChangePassword>;
    /// [`SecondFactor`] where `totp` is on.
    #[doc(hidden)]
    type SecondFactor: Slot<SecondFactor>;

    /// The host's table and Sigra's prefix.
    const SCHEMA: Schema;
    /// The settings of every key that is on.
    const POLICY: Policy;

    /// The primary key.
    fn id(&self) -> &Self::Id;
    /// The address as the host's table stores it. Mail goes here and nowhere else.
    fn email(&self) -> &str;

    #[doc(hidden)]
    fn read(columns: &mut Columns<'_>) -> Result<Self, ReadError>;
    #[doc(hidden)]
    fn credentials(new: &Self::New) -> (&str, &Password);
    #[doc(hidden)]
    fn write<'n>(new: &'n Self::New, values: &mut Values<'n>);
}

/// Names in the database, as the attributes give them. Each is a plain identifier: the macro refuses anything else.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The Rust type, for messages.
    pub user_type: &'static str,
    /// The host's table.
    pub table: &'static str,
    /// What stands before the names of Sigra's own tables.
    pub prefix: &'static str,
    /// Column of the primary key.
    pub id: &'static str,
    /// Column of the address.
    pub email: &'static str,
    /// Column of the password hash.
    pub password: &'static str,
    /// The host's column for the time of confirmation, if it wants one. Otherwise Sigra's own table holds it.
    pub confirmed_at: Option<&'static str>,
    /// The host's column for the time at which the account was disabled.
    pub disabled_at: Option<&'static str>,
    /// Every column of the struct, in the order in which it is read.
    pub columns: &'static [&'static str],
    /// The columns that registration fills besides id, address and password, in the order of `New`'s fields.
    pub new_columns: &'static [&'static str],
}
