//! A moment in Sigra's own tables: UTC, microseconds, in each database's own type.

use ::time::OffsetDateTime;

/// `TIMESTAMPTZ` on PostgreSQL, `DATETIME(6)` in UTC on MariaDB, and on SQLite, which has no such type, an `INTEGER` of
/// microseconds since 1970: its text forms of different length do not sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(pub(crate) OffsetDateTime);

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{OffsetDateTime, Stamp};
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
    use sqlx::{Decode, Encode, Sqlite, Type};

    impl Type<Sqlite> for Stamp {
        fn type_info() -> SqliteTypeInfo {
            <i64 as Type<Sqlite>>::type_info()
        }
        fn compatible(ty: &SqliteTypeInfo) -> bool {
            <i64 as Type<Sqlite>>::compatible(ty)
        }
    }

    impl Encode<'_, Sqlite> for Stamp {
        fn encode_by_ref(
            &self,
            buffer: &mut <Sqlite as sqlx::Database>::ArgumentBuffer,
        ) -> Result<IsNull, BoxDynError> {
            let micros = i64::try_from(self.0.unix_timestamp_nanos() / 1_000)?;
            Encode::<Sqlite>::encode(micros, buffer)
        }
    }

    impl<'r> Decode<'r, Sqlite> for Stamp {
        fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
            let micros = <i64 as Decode<'r, Sqlite>>::decode(value)?;
            Ok(Self(OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)?))
        }
    }
}

/// The databases that have the type: as sqlx maps it.
#[cfg(any(feature = "postgres", feature = "mysql"))]
macro_rules! native {
    ($database:ident) => {
        impl sqlx::Type<sqlx::$database> for Stamp {
            fn type_info() -> <sqlx::$database as sqlx::Database>::TypeInfo {
                <OffsetDateTime as sqlx::Type<sqlx::$database>>::type_info()
            }
            fn compatible(ty: &<sqlx::$database as sqlx::Database>::TypeInfo) -> bool {
                <OffsetDateTime as sqlx::Type<sqlx::$database>>::compatible(ty)
            }
        }

        impl sqlx::Encode<'_, sqlx::$database> for Stamp {
            fn encode_by_ref(
                &self,
                buffer: &mut <sqlx::$database as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <OffsetDateTime as sqlx::Encode<'_, sqlx::$database>>::encode_by_ref(&self.0, buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::$database> for Stamp {
            fn decode(
                value: <sqlx::$database as sqlx::Database>::ValueRef<'r>,
            ) -> Result<Self, sqlx::error::BoxDynError> {
                <OffsetDateTime as sqlx::Decode<'r, sqlx::$database>>::decode(value).map(Self)
            }
        }
    };
}
#[cfg(feature = "postgres")]
native!(Postgres);
#[cfg(feature = "mysql")]
native!(MySql);
