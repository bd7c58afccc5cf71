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

/// As sqlx maps it.
#[cfg(feature = "postgres")]
mod postgres {
    use super::{OffsetDateTime, Stamp};
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::postgres::{PgTypeInfo, PgValueFormat, PgValueRef};
    use sqlx::{Decode, Encode, Postgres, Type};

    /// PostgreSQL counts microseconds from 2000 on.
    const EPOCH: i128 = 946_684_800_000_000;

    impl Type<Postgres> for Stamp {
        fn type_info() -> PgTypeInfo {
            <OffsetDateTime as Type<Postgres>>::type_info()
        }
        fn compatible(ty: &PgTypeInfo) -> bool {
            <OffsetDateTime as Type<Postgres>>::compatible(ty)
        }
    }

    impl Encode<'_, Postgres> for Stamp {
        fn encode_by_ref(
            &self,
            buffer: &mut <Postgres as sqlx::Database>::ArgumentBuffer,
        ) -> Result<IsNull, BoxDynError> {
            <OffsetDateTime as Encode<'_, Postgres>>::encode_by_ref(&self.0, buffer)
        }
    }

    impl<'r> Decode<'r, Postgres> for Stamp {
        fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
            // sqlx panics at `infinity`, which somebody may have written into a row of the trail.
            if value.format() == PgValueFormat::Text {
                return <OffsetDateTime as Decode<'r, Postgres>>::decode(value).map(Self);
            }
            let micros = i128::from(<i64 as Decode<'r, Postgres>>::decode(value)?);
            Ok(Self(OffsetDateTime::from_unix_timestamp_nanos((micros + EPOCH) * 1_000)?))
        }
    }
}

/// Sent as a `DATETIME`, which is what the columns are. sqlx sends an `OffsetDateTime` as a `TIMESTAMP`, and with one from
/// 2038 on MariaDB 10.11 finds nothing through an index.
#[cfg(feature = "mysql")]
mod mysql {
    use ::time::{PrimitiveDateTime, UtcOffset};
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::mysql::{MySqlTypeInfo, MySqlValueRef};
    use sqlx::{Decode, Encode, MySql, Type};

    use super::{OffsetDateTime, Stamp};

    impl Type<MySql> for Stamp {
        fn type_info() -> MySqlTypeInfo {
            <PrimitiveDateTime as Type<MySql>>::type_info()
        }
        fn compatible(ty: &MySqlTypeInfo) -> bool {
            <OffsetDateTime as Type<MySql>>::compatible(ty)
        }
    }

    impl Encode<'_, MySql> for Stamp {
        fn encode_by_ref(
            &self,
            buffer: &mut <MySql as sqlx::Database>::ArgumentBuffer,
        ) -> Result<IsNull, BoxDynError> {
            let at = self.0.to_offset(UtcOffset::UTC);
            <PrimitiveDateTime as Encode<'_, MySql>>::encode(
                PrimitiveDateTime::new(at.date(), at.time()),
                buffer,
            )
        }
    }

    impl<'r> Decode<'r, MySql> for Stamp {
        fn decode(value: MySqlValueRef<'r>) -> Result<Self, BoxDynError> {
            <OffsetDateTime as Decode<'r, MySql>>::decode(value).map(Self)
        }
    }
}
