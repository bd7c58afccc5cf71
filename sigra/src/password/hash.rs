//! The stored form of a password.

use std::fmt;

use zeroize::Zeroize;

/// A password hash in PHC form, as it stands in the host's column.
///
/// It cannot be printed, compared or serialized by accident: there is no `Display`, `PartialEq` or `Serialize`, and `Debug`
/// shows nothing.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(crate) fn new(phc: String) -> Self {
        Self(phc)
    }

    pub(crate) fn as_phc(&self) -> &str {
        &self.0
    }
}

impl Drop for PasswordHash {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// A text column on one database.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! text_column {
    ($database:ident) => {
        impl sqlx::Type<sqlx::$database> for PasswordHash {
            fn type_info() -> <sqlx::$database as sqlx::Database>::TypeInfo {
                <String as sqlx::Type<sqlx::$database>>::type_info()
            }
            fn compatible(ty: &<sqlx::$database as sqlx::Database>::TypeInfo) -> bool {
                <String as sqlx::Type<sqlx::$database>>::compatible(ty)
            }
        }

        impl sqlx::Encode<'_, sqlx::$database> for PasswordHash {
            fn encode_by_ref(
                &self,
                buffer: &mut <sqlx::$database as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <String as sqlx::Encode<'_, sqlx::$database>>::encode_by_ref(&self.0, buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::$database> for PasswordHash {
            fn decode(
                value: <sqlx::$database as sqlx::Database>::ValueRef<'r>,
            ) -> Result<Self, sqlx::error::BoxDynError> {
                <String as sqlx::Decode<'r, sqlx::$database>>::decode(value).map(Self)
            }
        }
    };
}
#[cfg(feature = "sqlite")]
text_column!(Sqlite);
#[cfg(feature = "postgres")]
text_column!(Postgres);
#[cfg(feature = "mysql")]
text_column!(MySql);
