//! What a host says of its own event: a nested value, bounded at every level, written as JSON in one form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::detail::AuditDetail;
use super::reserved::{MAX_KEY, is_plain_key, secret_in};
use crate::client::harmless;

/// Levels of lists and maps, the details themselves among them.
const MAX_DEPTH: usize = 8;
/// Entries of one list or map.
pub(super) const MAX_ENTRIES: usize = 100;
/// Code points of a text.
const MAX_TEXT: usize = 1000;
/// Bytes of the whole as JSON.
const MAX_BYTES: usize = 8192;
/// Code points that [`Value::excerpt`] keeps.
const EXCERPT: usize = 255;

/// One value in the details of an event.
///
/// It is made of plain values alone, through [`AuditDetail`], which no secret of Sigra's implements. What
/// [`Details`] says of its bounds holds for it at every level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number. Amounts of money are such numbers too, in their smallest unit.
    Integer(i128),
    /// A text of at most 1,000 code points. Control characters and those that turn the direction of writing are left out of
    /// the row.
    Text(String),
    /// Values in their order, at most 100.
    List(Vec<Self>),
    /// Values by key.
    Map(Details),
}

impl Value {
    /// The first 255 code points of a text, for what a visitor wrote at any length.
    ///
    /// ```
    /// use sigra::audit::{Details, Value};
    ///
    /// let comment = "x".repeat(100_000);
    /// let details = Details::new().with("comment", Value::excerpt(&comment));
    /// assert_eq!(details.to_json()?.len(), r#"{"comment":""}"#.len() + 255);
    /// # Ok::<_, sigra::audit::EventError>(())
    /// ```
    #[must_use]
    pub fn excerpt(text: &str) -> Self {
        Self::Text(harmless(text).take(EXCERPT).collect())
    }
}

/// The details of an event: values by key.
///
/// [`AuditEvent`](derive@crate::AuditEvent) makes them of the fields of a struct; by hand they are made like this:
///
/// ```
/// use sigra::audit::Details;
///
/// let lines = vec![Details::new().with("article", "A-17").with("cents", 1999)];
/// let details = Details::new().with("lines", lines).with("express", true).with("coupon", None::<String>);
/// assert_eq!(details.to_json()?, r#"{"coupon":null,"express":true,"lines":[{"article":"A-17","cents":1999}]}"#);
/// # Ok::<_, sigra::audit::EventError>(())
/// ```
///
/// # Bounds
///
/// They are checked when the event is recorded, at every level; [`EventError`] says where and what. Lists and maps stand in
/// each other up to eight levels deep and have at most 100 entries each; a text has at most 1,000 code points; the whole has
/// at most 8,192 bytes as JSON. A key has 1 to 64 ASCII letters, digits, `_`, `-` and `.`. A key that promises a secret, such as
/// `password`, `newPassword`, `API-token` or `Authorization`, is refused.
///
/// # What does not belong in them
///
/// Details are part of what a row's keyed hash and the log's proofs are over: they stay as long as the row does. Nothing that a
/// person may ask to have erased belongs there: no name, no address. Name accounts and things by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(BTreeMap<String, Value>);

impl Details {
    /// No details.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a value. A key that is there already gets the new value.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl AuditDetail) -> Self {
        self.0.insert(key.into(), value.detail());
        self
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The details as the row holds them: JSON without blanks, the keys of each map in the order of their bytes, numbers in
    /// decimal, and in texts only `"` and `\` behind a `\`. The same details always give the same text.
    ///
    /// # Errors
    /// [`EventError`] where they are out of their bounds.
    pub fn to_json(&self) -> Result<String, EventError> {
        let mut writer = Writer { json: String::new(), path: Vec::new() };
        writer.map(self)?;
        Ok(writer.json)
    }
}

impl FromIterator<(String, Value)> for Details {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// Why an event of the host's cannot be recorded. Nothing was written.
///
/// `at` says where in the details, such as `lines[3].article`. Neither a text nor a refused key is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// Lists and maps stand in each other too deep.
    #[error(
        "`{at}` is too deep in the details of an event: lists and maps go at most {MAX_DEPTH} levels deep"
    )]
    TooDeep {
        /// Where.
        at: String,
    },
    /// A list or map has too many entries.
    #[error(
        "{} too many entries: a list or map has at most {MAX_ENTRIES}; record how many there are",
        have(at)
    )]
    TooManyEntries {
        /// Where; empty: the details themselves.
        at: String,
    },
    /// A key is empty, too long, or has other characters than ASCII letters, digits, `_`, `-` and `.`.
    #[error("{} a key that is not 1 to {MAX_KEY} ASCII letters, digits, `_`, `-` and `.`", have(at))]
    Key {
        /// The map that has the key; empty: the details themselves.
        at: String,
    },
    /// A key promises a secret.
    #[error(
        "{} a key with `{word}` in it, and no secret enters the trail; if it is none, name it otherwise",
        have(at)
    )]
    Secret {
        /// The map that has the key; empty: the details themselves.
        at: String,
        /// By which word.
        word: &'static str,
    },
    /// A text is too long.
    #[error(
        "the text `{at}` has more than {MAX_TEXT} code points; cut it, for example with `Value::excerpt`"
    )]
    TextTooLong {
        /// Where.
        at: String,
    },
    /// The whole is too large.
    #[error(
        "the details of an event have more than {MAX_BYTES} bytes as JSON; record the id of what they tell about"
    )]
    TooLarge,
    /// The reason of an event that did not succeed is no code.
    #[error(
        "the reason of an event is not lower-case ASCII letters, digits and `_`, at most 48 of them, such as `over_quota`"
    )]
    Reason,
}

/// The subject of a message about a list or map.
fn have(at: &str) -> String {
    if at.is_empty() {
        "the details of an event have".into()
    } else {
        format!("`{at}` in the details of an event has")
    }
}

/// Writes JSON, and knows where it is.
struct Writer<'v> {
    json: String,
    path: Vec<Place<'v>>,
}

#[derive(Clone, Copy)]
enum Place<'v> {
    Key(&'v str),
    Index(usize),
}

impl<'v> Writer<'v> {
    fn value(&mut self, value: &'v Value) -> Result<(), EventError> {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(yes) => self.put(if *yes { "true" } else { "false" }),
            Value::Integer(number) => self.put(&number.to_string()),
            Value::Text(text) => self.text(text),
            Value::List(values) => self.list(values),
            Value::Map(details) => self.map(details),
        }
    }

    fn list(&mut self, values: &'v [Value]) -> Result<(), EventError> {
        self.open(values.len())?;
        self.put("[")?;
        for (i, value) in values.iter().enumerate() {
            self.path.push(Place::Index(i));
            self.put(if i > 0 { "," } else { "" })?;
            self.value(value)?;
            self.path.pop();
        }
        self.put("]")
    }

    fn map(&mut self, details: &'v Details) -> Result<(), EventError> {
        self.open(details.0.len())?;
        self.put("{")?;
        for (i, (key, value)) in details.0.iter().enumerate() {
            self.key(key)?;
            self.path.push(Place::Key(key));
            self.put(if i > 0 { ",\"" } else { "\"" })?;
            self.put(key)?;
            self.put("\":")?;
            self.value(value)?;
            self.path.pop();
        }
        self.put("}")
    }

    /// What holds for every list and map.
    fn open(&self, entries: usize) -> Result<(), EventError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(EventError::TooDeep { at: self.at() });
        }
        if entries > MAX_ENTRIES {
            return Err(EventError::TooManyEntries { at: self.at() });
        }
        Ok(())
    }

    fn key(&self, key: &str) -> Result<(), EventError> {
        if key.len() > MAX_KEY || !is_plain_key(key) {
            return Err(EventError::Key { at: self.at() });
        }
        match secret_in(key) {
            Some(word) => Err(EventError::Secret { at: self.at(), word }),
            None => Ok(()),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), EventError> {
        if text.chars().nth(MAX_TEXT).is_some() {
            return Err(EventError::TextTooLong { at: self.at() });
        }
        self.put("\"")?;
        for c in harmless(text) {
            if matches!(c, '"' | '\\') {
                self.json.push('\\');
            }
            self.json.push(c);
        }
        self.put("\"")
    }

    fn put(&mut self, json: &str) -> Result<(), EventError> {
        self.json.push_str(json);
        if self.json.len() > MAX_BYTES { Err(EventError::TooLarge) } else { Ok(()) }
    }

    fn at(&self) -> String {
        self.path.iter().fold(String::new(), |mut at, place| {
            let dot = if at.is_empty() { "" } else { "." };
            let _ = match place {
                Place::Key(key) => write!(at, "{dot}{key}"),
                Place::Index(i) => write!(at, "[{i}]"),
            };
            at
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditDetail;

    fn json(details: &Details) -> Result<String, EventError> {
        details.to_json()
    }

    /// So many lists in each other.
    fn lists(depth: usize) -> Value {
        (1..depth).fold(Value::List(Vec::new()), |inner, _| Value::List(vec![inner]))
    }

    /// A map in so many other maps, under the key `a`.
    fn buried(depth: usize, inner: Details) -> Details {
        (1..depth).fold(inner, |inner, _| Details::new().with("a", inner))
    }

    #[test]
    fn every_kind_of_value_has_its_one_form() {
        let at = time::OffsetDateTime::from_unix_timestamp(1_760_000_000).unwrap()
            + time::Duration::nanoseconds(5_999);
        let elsewhere = at.to_offset(time::UtcOffset::from_hms(5, 30, 0).unwrap());
        let details = Details::new()
            .with("z", true)
            .with("nothing", None::<i64>)
            .with("some", Some("x"))
            .with("least", i64::MIN)
            .with("most", u64::MAX)
            .with("text", "\"\\/é\u{1f600}")
            .with("letter", 'x')
            .with("at", at)
            .with("elsewhere", elsewhere)
            .with("id", uuid::Uuid::from_u128(0xABCD))
            .with("session", crate::SessionId(uuid::Uuid::nil()))
            .with("list", vec![1, 2, 3])
            .with("array", ["a", "b"])
            .with("map", BTreeMap::from([("b", 1), ("a", 2)]))
            .with("B", [0; 0])
            .with("b", Details::new());
        let expected = concat!(
            r#"{"B":[],"array":["a","b"],"at":"2025-10-09T08:53:20.000005Z","b":{},"elsewhere":"2025-10-09T08:53:20.000005Z","#,
            r#""id":"00000000-0000-0000-0000-00000000abcd","least":-9223372036854775808,"letter":"x","list":[1,2,3],"#,
            r#""map":{"a":2,"b":1},"most":18446744073709551615,"nothing":null,"#,
            r#""session":"00000000-0000-0000-0000-000000000000","some":"x","text":"\"\\/é😀","z":true}"#
        );
        assert_eq!(json(&details).unwrap(), expected);
    }

    #[test]
    fn the_form_is_json_that_others_read_and_the_order_of_insertion_leaves_no_trace() {
        let one = Details::new().with("b", "\u{7f}\"\\\n").with("a", vec![Some(1), None]);
        let other = Details::new().with("a", vec![Some(1), None]).with("b", "x").with("b", "\u{7f}\"\\\n");
        assert_eq!(json(&one), json(&other));
        let read: serde_json::Value = serde_json::from_str(&json(&one).unwrap()).unwrap();
        assert_eq!(read, serde_json::json!({ "a": [1, null], "b": "\"\\" }));
    }

    #[test]
    fn no_text_ends_its_line_or_turns_its_direction() {
        let text: String = (0..=0x2fff).filter_map(char::from_u32).collect();
        for chunk in text.chars().collect::<Vec<_>>().chunks(MAX_TEXT) {
            let written = json(&Details::new().with("a", chunk.iter().collect::<String>())).unwrap();
            assert!(!written.chars().any(char::is_control), "{written:?}");
            for c in [
                '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{2028}',
            ] {
                assert!(!written.contains(c), "{c:?}");
            }
            assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
        }
    }

    #[test]
    fn depth_has_a_bound_at_every_level() {
        // The details are the first level themselves.
        assert!(json(&Details::new().with("a", lists(MAX_DEPTH - 1))).is_ok());
        let at = format!("a{}", "[0]".repeat(MAX_DEPTH - 1));
        assert_eq!(json(&Details::new().with("a", lists(MAX_DEPTH))), Err(EventError::TooDeep { at }));
        assert!(json(&buried(MAX_DEPTH, Details::new())).is_ok());
        assert!(matches!(json(&buried(MAX_DEPTH + 1, Details::new())), Err(EventError::TooDeep { .. })));
    }

    #[test]
    fn entries_texts_and_keys_have_bounds_at_every_level() {
        for depth in 1..MAX_DEPTH {
            let at = vec!["a"; depth - 1].join(".");
            let inside = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
            let check = |inner: Details| json(&buried(depth, inner));

            let many = |count: usize| (0..count).map(|i| (format!("k{i}"), Value::Null)).collect::<Details>();
            assert!(check(many(MAX_ENTRIES)).is_ok());
            assert_eq!(check(many(MAX_ENTRIES + 1)), Err(EventError::TooManyEntries { at: at.clone() }));
            let list = Details::new().with("l", vec![0; MAX_ENTRIES + 1]);
            assert_eq!(check(list), Err(EventError::TooManyEntries { at: inside("l") }));

            assert!(check(Details::new().with("t", "ü".repeat(MAX_TEXT))).is_ok());
            let long = Details::new().with("t", "x".repeat(MAX_TEXT + 1));
            assert_eq!(check(long), Err(EventError::TextTooLong { at: inside("t") }));

            assert!(check(Details::new().with("k".repeat(MAX_KEY), 1)).is_ok());
            for key in [
                String::new(),
                "k".repeat(MAX_KEY + 1),
                "a b".into(),
                "ä".into(),
                "a\"".into(),
                "a\u{202e}".into(),
            ] {
                assert_eq!(check(Details::new().with(key, 1)), Err(EventError::Key { at: at.clone() }));
            }
            for (key, word) in [
                ("password", "password"),
                ("newPassword", "password"),
                ("NEW-PASS.WORD", "password"),
                ("p_a_s_s_w_d", "passwd"),
                ("Authorization", "authorization"),
                ("set-cookie", "cookie"),
                ("API.Key", "apikey"),
                ("x_Token", "token"),
                ("clientSecret", "secret"),
                ("userPin", "pin"),
                ("otp1", "otp"),
                ("O-T-P", "otp"),
                ("jwt", "jwt"),
                ("pwd", "pwd"),
            ] {
                let expected = EventError::Secret { at: at.clone(), word };
                assert_eq!(check(Details::new().with(key, 1)), Err(expected), "{key}");
            }
        }
        // In the map of a list, too.
        let listed = Details::new().with("l", vec![Details::new(), Details::new().with("token", 1)]);
        assert_eq!(json(&listed), Err(EventError::Secret { at: "l[1]".into(), word: "token" }));
    }

    #[test]
    fn the_whole_has_a_bound() {
        // Nine texts, 26 bytes of what is round them, and one byte too many.
        let texts = |last: usize| {
            let mut texts = vec!["x".repeat(900); 9];
            texts.push("x".repeat(last));
            Details::new().with("a", texts)
        };
        let around = json(&texts(0)).unwrap().len();
        let rest = MAX_BYTES - around;
        assert_eq!(json(&texts(rest)).unwrap().len(), MAX_BYTES);
        assert_eq!(json(&texts(rest + 1)), Err(EventError::TooLarge));
        // A text that grows when it is written.
        assert_eq!(
            json(&Details::new().with("a", vec!["\"".repeat(MAX_TEXT); 5])),
            Err(EventError::TooLarge)
        );
        // What many levels of many entries come to is found before it is written.
        let wide = |inner: Value| Value::List(vec![inner; MAX_ENTRIES]);
        assert_eq!(json(&Details::new().with("a", wide(wide(wide(Value::Null))))), Err(EventError::TooLarge));
    }

    #[test]
    fn errors_repeat_neither_a_text_nor_a_refused_key() {
        let text = "glacier teapot 47 violins";
        let errors = [
            json(&Details::new().with(text, 1)),
            json(&Details::new().with(format!("token_{}", text.replace(' ', "_")), 1)),
            json(&Details::new().with("a", text.repeat(100))),
            json(&Details::new().with("a", vec![text; MAX_ENTRIES + 1])),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("glacier"), "{error:?}");
        }
    }

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        let Value::Text(text) = Value::excerpt(&format!("a\n\u{202e}b{}", "ü".repeat(1000))) else {
            panic!("no text")
        };
        assert!(text.starts_with("abü") && text.chars().count() == 255);
        assert_eq!("ab".detail(), Value::excerpt("a\u{2028}b"));
    }

    #[test]
    fn years_of_any_length_are_written() {
        let text = |at: time::OffsetDateTime| match at.detail() {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        let first = time::Date::MIN.midnight().assume_utc();
        assert_eq!(text(first), "-9999-01-01T00:00:00.000000Z");
        let last = time::Date::MAX.midnight().assume_offset(time::UtcOffset::from_hms(-23, 0, 0).unwrap());
        assert!(text(last).starts_with("9999-12-31T"), "{}", text(last));
    }
}
