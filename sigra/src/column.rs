//! Field types: which may stand in which column, and how a row is read and a statement filled on every database that is on.

use std::fmt;
use std::hash::Hash;

use crate::password::PasswordHash;

/// A primary key: `i64`, `uuid::Uuid` or `String`.
///
/// A `Uuid` is made by Sigra (version 7), an `i64` by the database, a `String` by Sigra (a version 7 UUID as text).
#[diagnostic::on_unimplemented(
    message = "a `#[sigra(id)]` field cannot be a `{Self}`",
    label = "expected `i64`, `uuid::Uuid` or `String`",
    note = "Sigra's tables refer to the primary key by a foreign key of the same type",
    note = "rule S0512 of `sigra::rules`"
)]
pub trait Id: Bind + Load + Clone + Eq + Hash + fmt::Display + fmt::Debug + Send + Sync + 'static {
    #[doc(hidden)]
    const KIND: IdKind;
    #[doc(hidden)]
    fn generate() -> Option<Self>;
    #[doc(hidden)]
    fn from_database(id: i64) -> Option<Self>;
    /// Reads what [`Display`](fmt::Display) writes.
    fn parse(text: &str) -> Option<Self>;
}

/// Which of the three types an id has.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    Integer,
    Uuid,
    Text,
}

impl Id for i64 {
    const KIND: IdKind = IdKind::Integer;
    fn generate() -> Option<Self> {
        None
    }
    fn from_database(id: i64) -> Option<Self> {
        Some(id)
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Id for uuid::Uuid {
    const KIND: IdKind = IdKind::Uuid;
    fn generate() -> Option<Self> {
        Some(Self::now_v7())
    }
    fn from_database(_: i64) -> Option<Self> {
        None
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Id for String {
    const KIND: IdKind = IdKind::Text;
    fn generate() -> Option<Self> {
        Some(uuid::Uuid::now_v7().to_string())
    }
    fn from_database(_: i64) -> Option<Self> {
        None
    }
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// The address of an account: a `String`, as the visitor wrote it. Comparison goes by a canonical form in Sigra's own table.
#[diagnostic::on_unimplemented(
    message = "a `#[sigra(email)]` field cannot be a `{Self}`",
    label = "expected `String`",
    note = "every account has one address: it is what a visitor signs in with and where mail goes",
    note = "rule S0513 of `sigra::rules`"
)]
pub trait Email {
    #[doc(hidden)]
    fn as_str(&self) -> &str;
}
impl Email for String {
    fn as_str(&self) -> &str {
        self
    }
}

/// The column of the password hash: `Option<PasswordHash>`, or `PasswordHash` where every account has one.
#[diagnostic::on_unimplemented(
    message = "a `#[sigra(password)]` field cannot be a `{Self}`",
    label = "expected `Option<sigra::PasswordHash>`",
    note = "a `PasswordHash` cannot be printed, compared or serialized by accident; a `String` can",
    note = "rule S0514 of `sigra::rules`"
)]
pub trait PasswordColumn {}
impl PasswordColumn for PasswordHash {}
impl PasswordColumn for Option<PasswordHash> {}

/// The column of a moment that may not have come: `Option<time::OffsetDateTime>`.
#[diagnostic::on_unimplemented(
    message = "a `#[sigra(confirmed_at)]` or `#[sigra(disabled_at)]` field cannot be a `{Self}`",
    label = "expected `Option<time::OffsetDateTime>`",
    note = "`None` means that it has not happened; the time says when it did",
    note = "rule S0515 of `sigra::rules`"
)]
pub trait Moment {}
impl Moment for Option<time::OffsetDateTime> {}

/// A type that every database which is on can take as a parameter. Implemented for all that sqlx can encode there.
pub trait Bind: BindSqlite + BindPostgres + BindMySql + Send + Sync {}
impl<T: BindSqlite + BindPostgres + BindMySql + Send + Sync> Bind for T {}

/// A type that every database which is on can read from a column. Implemented for all that sqlx can decode there.
pub trait Load: LoadSqlite + LoadPostgres + LoadMySql {}
impl<T: LoadSqlite + LoadPostgres + LoadMySql> Load for T {}

/// One database's half of [`Bind`] and [`Load`]; satisfied by every type where the database's cargo feature is off.
macro_rules! driver {
    ($feature:literal, $database:ident, $bind:ident, $load:ident, $row:ident, $arguments:ident) => {
        #[cfg(feature = $feature)]
        mod $row {
            use sqlx::Row as _;

            /// A value that this database takes as a parameter.
            #[doc(hidden)]
            pub trait $bind {
                fn bind(
                    &self,
                    arguments: &mut <sqlx::$database as sqlx::Database>::Arguments,
                ) -> Result<(), sqlx::error::BoxDynError>;
            }

            impl<T> $bind for T
            where
                T: for<'q> sqlx::Encode<'q, sqlx::$database> + sqlx::Type<sqlx::$database>,
            {
                fn bind(
                    &self,
                    arguments: &mut <sqlx::$database as sqlx::Database>::Arguments,
                ) -> Result<(), sqlx::error::BoxDynError> {
                    sqlx::Arguments::add(arguments, self)
                }
            }

            /// A value that this database's columns yield.
            #[doc(hidden)]
            pub trait $load: Sized {
                fn load(
                    row: &<sqlx::$database as sqlx::Database>::Row,
                    index: usize,
                ) -> Result<Self, sqlx::Error>;
            }

            impl<T> $load for T
            where
                T: for<'r> sqlx::Decode<'r, sqlx::$database> + sqlx::Type<sqlx::$database>,
            {
                fn load(
                    row: &<sqlx::$database as sqlx::Database>::Row,
                    index: usize,
                ) -> Result<Self, sqlx::Error> {
                    row.try_get(index)
                }
            }
        }

        #[cfg(not(feature = $feature))]
        mod $row {
            /// The database is off: every type will do.
            #[doc(hidden)]
            pub trait $bind {}
            impl<T> $bind for T {}
            /// The database is off: every type will do.
            #[doc(hidden)]
            pub trait $load: Sized {}
            impl<T> $load for T {}
        }

        #[doc(hidden)]
        pub use $row::{$bind, $load};
    };
}

driver!("sqlite", Sqlite, BindSqlite, LoadSqlite, sqlite, SqliteArguments);
driver!("postgres", Postgres, BindPostgres, LoadPostgres, postgres, PgArguments);
driver!("mysql", MySql, BindMySql, LoadMySql, mysql, MySqlArguments);

/// Parameters of one statement, borrowed until it is run.
#[doc(hidden)]
#[derive(Default)]
pub struct Values<'a>(pub(crate) Vec<&'a dyn Bind>);

impl<'a> Values<'a> {
    /// Appends one parameter.
    pub fn push(&mut self, value: &'a dyn Bind) {
        self.0.push(value);
    }
}

/// One row, read from left to right.
#[doc(hidden)]
pub struct Columns<'r> {
    row: &'r crate::store::Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r crate::store::Row) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, of whichever type the field has.
    ///
    /// # Errors
    /// The database's value does not fit the field's type.
    #[allow(clippy::should_implement_trait, reason = "an iterator has items of one type")]
    pub fn next<T: Load>(&mut self) -> Result<T, ReadError> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }
}

/// A column did not hold what the struct's field can take.
#[derive(Debug, thiserror::Error)]
#[error("column {index} of the row does not fit its field: {reason}")]
pub struct ReadError {
    pub(crate) index: usize,
    pub(crate) reason: String,
}

#[doc(hidden)]
pub mod check {
    //! What the derive calls, with the field's type and span, to check it.
    pub const fn id<T: super::Id>() {}
    pub fn email<T: super::Email>(field: &T) -> &str {
        field.as_str()
    }
    pub const fn password<T: super::PasswordColumn>() {}
    pub const fn moment<T: super::Moment>() {}
    pub use crate::audit::__event_name as event_name;
    pub fn detail<T: crate::audit::AuditDetail>(field: &T) -> crate::audit::Value {
        field.detail()
    }
}
