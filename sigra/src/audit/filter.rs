//! Which rows of the trail are asked for, and how far a reader has come.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use time::OffsetDateTime;

use super::details::Details;
use super::event::AuditOutcome;
use super::row::Row;
use super::row_id;

/// Rows of a page, if the filter does not say how many.
const PAGE: u32 = 50;
/// Rows of the largest page.
pub(crate) const LARGEST_PAGE: u32 = 500;
/// The last microsecond that every database knows: the end of the year 9999.
const LAST: i64 = 253_402_300_799_999_999;

/// Which rows of the trail are asked for: those that everything holds for. Left as it is, all of them.
///
/// ```
/// use sigra::audit::{AuditFilter, AuditOutcome, Event};
/// let refused_sign_ins = AuditFilter::new().event(Event::SignIn.name()).outcome(AuditOutcome::Refused);
/// let all_about_sessions = AuditFilter::new().area("session").page_size(100);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub(crate) account: Option<String>,
    event: Option<Events>,
    pub(crate) outcome: Option<AuditOutcome>,
    pub(crate) reason: Option<String>,
    pub(crate) session: Option<uuid::Uuid>,
    pub(crate) request: Option<String>,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    page_size: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Events {
    Named(String),
    In(String),
}

impl AuditFilter {
    /// Every row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows about this account, by the id of its user. This, as well as a range of time, is found through an index.
    #[must_use]
    pub fn account(mut self, id: impl fmt::Display) -> Self {
        self.account = Some(id.to_string());
        self
    }

    /// Rows of one event, by its whole name: that of an [`Event`](super::Event), or one of the host's.
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.event = Some(Events::Named(name.into()));
        self
    }

    /// Rows of all events of an area, such as `session`, or of an object in it, such as `account.email`.
    #[must_use]
    pub fn area(mut self, area: impl Into<String>) -> Self {
        self.event = Some(Events::In(area.into()));
        self
    }

    /// Rows that ended so.
    #[must_use]
    pub const fn outcome(mut self, outcome: AuditOutcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Rows with this reason, by its code: that of a [`Reason`](super::Reason), or one of the host's.
    #[must_use]
    pub fn reason(mut self, code: impl Into<String>) -> Self {
        self.reason = Some(code.into());
        self
    }

    /// Rows about this session. No index: name a range of time or the account too where the trail is long.
    #[must_use]
    pub const fn session(mut self, id: uuid::Uuid) -> Self {
        self.session = Some(id);
        self
    }

    /// Rows of the request that the host logged under this id. No index, as with [`session`](Self::session).
    #[must_use]
    pub fn request(mut self, id: impl Into<String>) -> Self {
        self.request = Some(id.into());
        self
    }

    /// Rows of this moment and later.
    #[must_use]
    pub const fn from(mut self, at: OffsetDateTime) -> Self {
        self.from = Some(at);
        self
    }

    /// Rows before this moment.
    #[must_use]
    pub const fn until(mut self, at: OffsetDateTime) -> Self {
        self.until = Some(at);
        self
    }

    /// How many rows a page has, from 1 to 500; 50 if left out. What lies outside is the nearest of these.
    #[must_use]
    pub const fn page_size(mut self, rows: u32) -> Self {
        self.page_size = Some(rows);
        self
    }

    pub(crate) fn size(&self) -> usize {
        self.page_size.unwrap_or(PAGE).clamp(1, LARGEST_PAGE) as usize
    }

    /// The first id that is asked for.
    pub(crate) fn first(&self) -> uuid::Uuid {
        self.from.map_or_else(uuid::Uuid::nil, |from| row_id::first_of(within_bounds(from)))
    }

    /// Where a reader of these rows starts: the newest first.
    pub(crate) fn start(&self) -> AuditCursor {
        let all = AuditCursor { last: uuid::Uuid::max() };
        self.until.map_or(all, |until| AuditCursor::below(row_id::first_of(within_bounds(until))))
    }

    /// What a name has to be `LIKE`, with `!` before what would stand for something else.
    pub(crate) fn pattern(&self) -> String {
        let escaped = |text: &str| text.replace('!', "!!").replace('_', "!_").replace('%', "!%");
        match &self.event {
            None => "%".into(),
            Some(Events::Named(name)) => escaped(name),
            Some(Events::In(area)) => format!("{}.%", escaped(area)),
        }
    }

    /// What the trail says of a filter. What somebody typed into it is not repeated: it need not be what it should be.
    pub(crate) fn details(&self) -> Details {
        let Self { account, event, outcome, reason, session, request, from, until, page_size: _ } = self;
        let narrowed = account.is_some()
            || event.is_some()
            || outcome.is_some()
            || reason.is_some()
            || session.is_some()
            || request.is_some();
        Details::new().with("narrowed", narrowed).with("from", *from).with("until", *until)
    }

    /// A text that stands in no row. PostgreSQL refuses even to look for a zero byte, and SQLite compares names as if they had
    /// no capitals, as they indeed have none.
    pub(crate) fn finds_nothing(&self) -> bool {
        let event = match &self.event {
            Some(Events::Named(text) | Events::In(text)) => Some(text),
            None => None,
        };
        if event.is_some_and(|name| name.contains(|c: char| c.is_ascii_uppercase())) {
            return true;
        }
        [self.account.as_ref(), event, self.reason.as_ref(), self.request.as_ref()]
            .into_iter()
            .flatten()
            .any(|text| text.contains('\0'))
    }
}

/// The first whole microsecond that is not before the moment, within what every database knows.
fn within_bounds(at: OffsetDateTime) -> OffsetDateTime {
    let nanos = at.unix_timestamp_nanos();
    let up = nanos.div_euclid(1_000) + i128::from(nanos.rem_euclid(1_000) > 0);
    moment(i64::try_from(up.clamp(0, LAST.into())).unwrap_or(LAST))
}

fn moment(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// How far a reader has come: which rows are on the next page. Rows that are written meanwhile move nothing.
///
/// As text it is 22 letters, digits, `-` and `_`, good for a link. It names a place between the ids of two rows, no secret;
/// whoever makes one up sees other rows of the same filter, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuditCursor {
    /// The last id that the next page may have on it.
    pub(crate) last: uuid::Uuid,
}

impl AuditCursor {
    pub(crate) fn after(row: &Row) -> Self {
        Self::below(row.id)
    }

    fn below(id: uuid::Uuid) -> Self {
        Self { last: uuid::Uuid::from_u128(id.as_u128().saturating_sub(1)) }
    }
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(self.last.as_bytes()))
    }
}

impl FromStr for AuditCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut bytes = [0; 16];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).map_err(|_| CursorError)?;
        Ok(Self { last: uuid::Uuid::from_slice(decoded).map_err(|_| CursorError)? })
    }
}

/// A text is no [`AuditCursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this does not name a place in the audit trail: start again with the first page")]
pub struct CursorError;

/// Some rows of the trail, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditPage {
    /// The rows. [`Row::leaf`] is `None` where one is not sealed yet, [`Row::count`] more than 1 where it stands for several.
    pub rows: Vec<Row>,
    /// Where the next page starts; `None`: there is no older row.
    pub next: Option<AuditCursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let cursor = AuditCursor::below(uuid::Uuid::from_u128(7 << 64));
        let text = cursor.to_string();
        assert_eq!((text.len(), text.parse()), (22, Ok(cursor)));
        for bad in ["", "x", &text[1..], &format!("{text}AAAA"), &format!("{text}A"), "é"] {
            assert_eq!(bad.parse::<AuditCursor>(), Err(CursorError), "{bad}");
        }
    }

    #[test]
    fn a_pattern_is_of_the_name_alone() {
        assert_eq!(AuditFilter::new().pattern(), "%");
        assert_eq!(AuditFilter::new().event("a.b.sign_in").pattern(), "a.b.sign!_in");
        assert_eq!(AuditFilter::new().area("a%!").pattern(), "a!%!!.%");
    }

    #[test]
    fn moments_are_rounded_up_and_kept_within_bounds() {
        let at = moment(5) + time::Duration::nanoseconds(1);
        assert_eq!(AuditFilter::new().from(at).first(), row_id::first_of(moment(6)));
        let early = OffsetDateTime::UNIX_EPOCH - time::Duration::DAY;
        assert!(AuditFilter::new().until(early).start().last < row_id::first_of(OffsetDateTime::UNIX_EPOCH));
        assert_eq!(moment(LAST).year(), 9999);
    }
}
