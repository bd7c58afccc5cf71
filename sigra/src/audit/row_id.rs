//! The ids of rows: version 7 UUIDs that sort as their rows' times do, so that pages need no index of the times.

use std::sync::atomic::{AtomicU32, Ordering};

use time::OffsetDateTime;
use uuid::{Timestamp, Uuid};

use super::row::micros;

/// Bits that keep the rows of one microsecond in the order in which a process made them, but for one time in a million, when they
/// begin anew. Random ones follow.
const PLACE_BITS: u8 = 20;
/// Bits of the microsecond within its millisecond (RFC 9562 6.2, method 3).
const FRACTION_BITS: u8 = 12;

/// The id of a row that says this time.
pub(super) fn generate(at: OffsetDateTime) -> Uuid {
    static MADE: AtomicU32 = AtomicU32::new(0);

    let place = MADE.fetch_add(1, Ordering::Relaxed) & ((1 << PLACE_BITS) - 1);
    let Moment { seconds, nanos, fraction } = Moment::of(at);
    let behind = u128::from(fraction << PLACE_BITS | place);
    Uuid::new_v7(Timestamp::from_unix_time(seconds, nanos, behind, FRACTION_BITS + PLACE_BITS))
}

/// The first id that a row of this time or later can have.
pub(super) fn first_of(at: OffsetDateTime) -> Uuid {
    let Moment { seconds, nanos, fraction } = Moment::of(at);
    let [.., high, low] = fraction.to_be_bytes();
    let millis = seconds * 1_000 + u64::from(nanos / 1_000_000);
    uuid::Builder::from_unix_timestamp_millis(millis, &[high, low, 0, 0, 0, 0, 0, 0, 0, 0]).into_uuid()
}

/// A time as an id has it.
struct Moment {
    seconds: u64,
    nanos: u32,
    /// The microsecond within its millisecond, spread over all of its bits.
    fraction: u32,
}

impl Moment {
    fn of(at: OffsetDateTime) -> Self {
        // A clock that stands before 1970 is refused by the table.
        let micros = u64::try_from(micros(at)).unwrap_or(0);
        #[allow(clippy::cast_possible_truncation, reason = "remainders")]
        let (within_second, within_milli) = ((micros % 1_000_000) as u32, (micros % 1_000) as u32);
        Self {
            seconds: micros / 1_000_000,
            nanos: within_second * 1_000,
            fraction: (within_milli << FRACTION_BITS) / 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn ids_sort_as_the_times_do_to_the_microsecond() {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::seconds(1_760_000_000);
        let ids: Vec<_> =
            (0..3_000).map(|micros| start + Duration::microseconds(micros)).map(generate).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        for (id, micros) in ids.iter().zip(0..) {
            let at = start + Duration::microseconds(micros);
            assert!(first_of(at) <= *id && *id < first_of(at + Duration::MICROSECOND), "{micros}");
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        }
    }

    #[test]
    fn rows_of_one_moment_keep_the_order_in_which_they_were_made() {
        let ids: Vec<_> = (0..1_000).map(|_| generate(OffsetDateTime::UNIX_EPOCH)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn the_last_moment_that_a_database_knows_has_an_id() {
        let last = time::macros::datetime!(9999-12-31 23:59:59.999999 UTC);
        assert!(first_of(last) <= generate(last) && generate(last) < Uuid::max());
    }
}
