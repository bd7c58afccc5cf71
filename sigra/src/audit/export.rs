//! Rows of the trail as text for other programs: JSON lines, CSV and OCSF.

use std::fmt::Write as _;

use super::detail::AuditDetail as _;
use super::details::Value;
use super::ocsf;
use super::row::Row;

/// In which form the trail is exported. All are UTF-8, and times are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportFormat {
    /// One JSON object a line (RFC 8259), with every column of [`Row`] under its name, so that the row's hash can be computed
    /// again: see [`Row::encode`]. `details` is the text that was hashed, not an object; bytes are lower-case hexadecimal;
    /// `at` is RFC 3339 with six digits of a second. Characters that some readers take for the end of a line are escaped. Of a
    /// [foreign](Row::is_foreign) row `seal` begins with `666f726569676e00`.
    JsonLines,
    /// CSV (RFC 4180) with a line of names first, for people; without the columns of the evidence, but for `foreign`, which is
    /// 1 in a row that [Sigra did not write](Row::is_foreign).
    ///
    /// Visitors choose some of the texts, and a spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`, in their full width
    /// too, and some overlook blanks before them. So a text that begins with one of these, with blanks and one of these, or with
    /// a tab, an end of line or `'` has a `'` put in front, and every cell of a text is in quotation marks. Whoever reads the file
    /// by program takes one `'` from the front of a cell. A cell without quotation marks is `NULL`, or a number.
    Csv,
    /// One JSON object a line, of the Open Cybersecurity Schema Framework 1.1.0.
    ///
    /// | event | class | activity |
    /// |---|---|---|
    /// | `session.password.sign_in`, `session.second_factor.prove` | Authentication (3002) | Logon (1) |
    /// | `session.own.sign_out`, `session.*.revoke` | Authentication (3002) | Logoff (2) |
    /// | other events of the area `session` | Authentication (3002) | Other (99) |
    /// | `account.user.register`, `account.user.adopt` | Account Change (3001) | Create (1) |
    /// | `account.user.enable`, `account.user.disable` | Account Change (3001) | Enable (2), Disable (5) |
    /// | `account.password.change`, `account.password.reset` | Account Change (3001) | Password Change (3), Password Reset (4) |
    /// | other events of the area `account` | Account Change (3001) | Other (99) |
    /// | all others, also the host's | Base Event (0) | Other (99) |
    ///
    /// A success has `status_id` 1 and `severity_id` 1 (Informational), a refusal 2 and 2 (Low), a failure 2 and 3 (Medium);
    /// the reason is the `status_code`. A right password whose second factor is due is neither: 99 (Other) and 1; the Logon that comes
    /// of it is the event of the second step. `metadata.uid` is the row's id, `metadata.event_code` the event's name and
    /// `metadata.sequence` the number in the log. A subject that is not known, such as whoever tried an address without an
    /// account, has the name `unknown`. What has no place in a class stands under `unmapped`, by the names of the columns, and
    /// `foreign` 1 in a row that [Sigra did not write](Row::is_foreign).
    Ocsf,
}

impl ExportFormat {
    /// What the trail calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "json_lines",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf",
        }
    }

    /// What stands before the first row.
    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::JsonLines | Self::Ocsf => "",
            Self::Csv => {
                "id,at,event,outcome,reason,actor,on_behalf_of,user_id,session_id,request_id,network,user_agent,details,\
                 count,leaf,foreign\r\n"
            }
        }
    }

    /// A row with the end of its line. `log` names the log that it is of.
    pub(crate) fn line(self, row: &Row, log: &str) -> String {
        match self {
            Self::JsonLines => format!("{}\n", json(row)),
            Self::Csv => csv(row),
            Self::Ocsf => format!("{}\n", ocsf::event(row, log)),
        }
    }
}

/// A JSON object that is being written.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".into())
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{key}\":");
    }

    pub(super) fn text(mut self, key: &str, text: &str) -> Self {
        self.key(key);
        quote(&mut self.0, text);
        self
    }

    pub(super) fn number(mut self, key: &str, number: i64) -> Self {
        self.key(key);
        let _ = write!(self.0, "{number}");
        self
    }

    pub(super) fn object(mut self, key: &str, object: Self) -> Self {
        self.key(key);
        self.0.push_str(&object.end());
        self
    }

    /// A text that is there, or nothing.
    pub(super) fn some(self, key: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    /// A text that is there, or `null`.
    fn maybe(mut self, key: &str, text: Option<&str>) -> Self {
        let Some(text) = text else {
            self.key(key);
            self.0.push_str("null");
            return self;
        };
        self.text(key, text)
    }

    fn bytes(self, key: &str, bytes: Option<&[u8]>) -> Self {
        let hex = bytes.map(|bytes| {
            bytes.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        });
        self.maybe(key, hex.as_deref())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Writes a JSON string. Nothing in it ends a line, whatever the reader takes for an end.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// RFC 3339 with six digits of a second.
pub(super) fn utc(at: time::OffsetDateTime) -> String {
    match at.detail() {
        Value::Text(text) => text,
        other => format!("{other:?}"),
    }
}

fn json(row: &Row) -> String {
    let session = row.session_id.map(|id| id.to_string());
    let object = Object::new()
        .text("id", &row.id.to_string())
        .text("at", &utc(row.at))
        .text("event", &row.event)
        .text("outcome", &row.outcome)
        .maybe("reason", row.reason.as_deref())
        .text("actor", &row.actor)
        .maybe("on_behalf_of", row.on_behalf_of.as_deref())
        .maybe("user_id", row.user_id.as_deref())
        .maybe("session_id", session.as_deref())
        .maybe("request_id", row.request_id.as_deref())
        .maybe("network", row.network.as_deref())
        .maybe("user_agent", row.user_agent.as_deref())
        .maybe("details", row.details.as_deref())
        .number("count", row.count)
        .text("key_id", &row.key_id)
        .bytes("personal_salt", row.personal_salt.as_deref())
        .bytes("personal", row.personal.as_deref())
        .bytes("mac", Some(&row.mac));
    let object = match row.leaf {
        Some(leaf) => object.number("leaf", leaf),
        None => object.maybe("leaf", None),
    };
    object.bytes("seal", row.seal.as_deref()).end()
}

fn csv(row: &Row) -> String {
    let (id, at) = (row.id.to_string(), utc(row.at));
    let session = row.session_id.map(|id| id.to_string());
    let texts = [
        Some(id.as_str()),
        Some(&at),
        Some(&row.event),
        Some(&row.outcome),
        row.reason.as_deref(),
        Some(&row.actor),
        row.on_behalf_of.as_deref(),
        row.user_id.as_deref(),
        session.as_deref(),
        row.request_id.as_deref(),
        row.network.as_deref(),
        row.user_agent.as_deref(),
        row.details.as_deref(),
    ];
    let mut line = String::new();
    for text in texts {
        if let Some(text) = text {
            cell(&mut line, text);
        }
        line.push(',');
    }
    let leaf = row.leaf.map(|leaf| leaf.to_string()).unwrap_or_default();
    let foreign = if row.is_foreign() { "1" } else { "" };
    let _ = write!(line, "{},{leaf},{foreign}\r\n", row.count);
    line
}

/// Writes a text that no spreadsheet takes for a formula.
fn cell(line: &mut String, text: &str) {
    line.push('"');
    let runs = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let unseen = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}');
    if text.trim_start_matches(unseen).starts_with(runs) || text.starts_with(['\t', '\r', '\n', '\'']) {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::row::example;

    /// Texts that have ended lines, cells and programs.
    const AWKWARD: [&str; 17] = [
        "",
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "'quoted",
        "  =1+1",
        "\u{ff1d}1+1",
        "\u{feff}@SUM(A1)",
        "\u{a0}\u{200b}-1",
        "\t=x",
        "a\"b\"\"c",
        "a,b;c",
        "one\r\ntwo\u{2028}three\u{85}four",
        "\\ / \\u0041 \u{0}\u{7f}",
        "\u{1f600}\u{202e}é",
        "{\"a\":[]}",
    ];

    #[test]
    fn the_forms_are_these() {
        let row = example();
        assert_eq!(
            ExportFormat::JsonLines.line(&row, "acme/sigra_audit"),
            "{\"id\":\"01920000-0000-7000-8000-000000000001\",\"at\":\"2025-10-09T08:53:20.000005Z\",\
             \"event\":\"session.password.sign_in\",\"outcome\":\"refused\",\"reason\":\"wrong_password\",\
             \"actor\":\"visitor\",\"on_behalf_of\":null,\"user_id\":\"42\",\"session_id\":null,\"request_id\":\"\",\
             \"network\":\"192.0.2.7\",\"user_agent\":\"curl\",\"details\":null,\"count\":1,\"key_id\":\"k1\",\
             \"personal_salt\":\"07070707070707070707070707070707\",\"personal\":null,\"mac\":\"\",\"leaf\":null,\
             \"seal\":null}\n"
        );
        assert_eq!(
            ExportFormat::Csv.line(&row, "acme/sigra_audit"),
            "\"01920000-0000-7000-8000-000000000001\",\"2025-10-09T08:53:20.000005Z\",\"session.password.sign_in\",\
             \"refused\",\"wrong_password\",\"visitor\",,\"42\",,\"\",\"192.0.2.7\",\"curl\",,1,,\r\n"
        );
        let columns = |text: &str| text.matches(',').count();
        let head = ExportFormat::Csv.head();
        assert_eq!(columns(head), columns(&ExportFormat::Csv.line(&row, "")));
        assert!(head.ends_with("leaf,foreign\r\n"));
        let foreign = Row { leaf: Some(7), seal: Some(b"foreign\0rest".to_vec()), ..row };
        assert!(ExportFormat::Csv.line(&foreign, "").ends_with(",1,7,1\r\n"));
        assert!(ExportFormat::Ocsf.line(&foreign, "").ends_with("\"actor\":\"visitor\",\"foreign\":1}}\n"));
        assert!(ExportFormat::JsonLines.line(&foreign, "").contains("\"seal\":\"666f726569676e00"));
    }

    #[test]
    fn json_gives_awkward_texts_back_in_one_line() {
        for text in AWKWARD {
            let row = Row { user_agent: Some(text.into()), details: Some(text.into()), ..example() };
            for format in [ExportFormat::JsonLines, ExportFormat::Ocsf] {
                let line = format.line(&row, text);
                let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
                assert_eq!(line.chars().filter(|c| breaks(*c)).count(), 1, "{line:?}");
                let read: serde_json::Value = serde_json::from_str(&line).unwrap();
                let agent = match format {
                    ExportFormat::JsonLines => &read["user_agent"],
                    _ => &read["http_request"]["user_agent"],
                };
                assert_eq!(agent, text);
            }
        }
    }

    /// Reads one line as RFC 4180 says, in one more way than by looking for commas.
    fn read(line: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = line.strip_suffix("\r\n").unwrap().chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        assert!(!quoted);
        cells.push(cell);
        cells
    }

    #[test]
    fn csv_gives_awkward_texts_back_and_no_cell_is_a_formula() {
        for text in AWKWARD {
            let row = Row { user_agent: Some(text.into()), details: Some(text.into()), ..example() };
            let cells = read(&ExportFormat::Csv.line(&row, ""));
            assert_eq!(cells.len(), 16);
            for cell in &cells[11..13] {
                assert!(!cell.starts_with(['\t', '\r', '\n']), "{cell:?}");
                let seen = cell.trim_start_matches(|c: char| !c.is_ascii_graphic() && c != '\u{ff1d}');
                assert!(!seen.starts_with(['=', '+', '-', '@', '\u{ff1d}']), "{cell:?}");
                assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text);
            }
        }
    }
}
