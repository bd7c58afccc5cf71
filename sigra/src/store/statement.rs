//! SQL as constants: a template, the host's names and a dialect give one `&'static str` while the host compiles.
//!
//! | in a template | becomes |
//! |---|---|
//! | `[sessions]` | Sigra's table with its prefix, quoted |
//! | `{users}` `{id}` `{email}` `{password}` `{disabled_at}` | the host's table and columns, quoted |
//! | `{columns}` | every column of the host's struct, of `u` |
//! | `{new_columns}` `{new_values}` | `, column ..` and `, parameter ..` for what registration fills besides the three of Sigra |
//! | `{assurance}` | what was proved in the session `s` |
//! | `{factors}` | how many second factors the account `a` has |
//! | `{is_confirmed}` | 1 where the address of the account `a`, whose row is `u`, is confirmed, else 0 |
//! | `{disabled}` | the expression that tells since when, of `u` |
//! | `{confirmed_table}` `{confirmed_column}` `{confirmed_key}` | where the time of confirmation is kept |
//! | `{user_id}` `{stamp}` `{uuid}` `{integer}` `{bytes}` `{long_bytes}` `{sealed}` `{name}` `{text}` `{options}` | column types and table options |
//! | `{clustered}` | `{options}` of a table that is kept in the order of its key |
//! | `{audit_row}` | the columns of a row of the trail, of `l`, in the order in which they are read |
//! | `{mail_kinds}` `{asked_mail_kinds}` | the kinds of mail that this version knows how to write, and those that a visitor asks for |
//! | `{if_not_exists}` | what lets `CREATE INDEX` run twice, where the database knows it |
//! | `{int8}` | the type to `CAST` to for a 64-bit integer |
//! | `{plus}` `{micros}` | around a column of microseconds that is added to a time |
//! | `{returning_id}` | how an insert hands over the key that the database made |
//! | `{ignore}` `{on_conflict}` | the two halves of "insert, unless it is there" |
//! | `$1` `$2` .. | parameters; each once and in order, because MariaDB counts them by place |

use std::marker::PhantomData;

use super::Dialect;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::statements::InsertAudit;
use crate::account::{Account, Schema};
use crate::column::{Id as _, IdKind};
use crate::operations::MailKind;

/// One statement of the library. The unit structs in [`statements`](super::statements) implement it.
pub(crate) trait Template {
    const SQL: &'static str;
    /// The wording for PostgreSQL where it has to differ.
    #[allow(dead_code, reason = "where that database is off")]
    const POSTGRES: &'static str = Self::SQL;
    /// The wording for MariaDB and MySQL where it has to differ.
    #[allow(dead_code, reason = "where that database is off")]
    const MYSQL: &'static str = Self::SQL;
}

/// A statement with the host's names in it, for each database that is on.
#[derive(Clone, Copy)]
pub(crate) struct Statement {
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: &'static str,
    #[cfg(feature = "postgres")]
    pub(crate) postgres: &'static str,
    #[cfg(feature = "mysql")]
    pub(crate) mysql: &'static str,
}

/// `T` rendered for the user type `U`.
pub(crate) struct Rendered<U, T>(PhantomData<(U, T)>);

/// Room for one statement. A struct would need well over fifty columns to fill it.
const CAPACITY: usize = 3072;

impl<U: Account, T: Template> Rendered<U, T> {
    #[cfg(feature = "sqlite")]
    const SQLITE: &'static [u8; CAPACITY] = &render(T::SQL, &U::SCHEMA, U::Id::KIND, Dialect::Sqlite);
    #[cfg(feature = "postgres")]
    const POSTGRES: &'static [u8; CAPACITY] =
        &render(T::POSTGRES, &U::SCHEMA, U::Id::KIND, Dialect::Postgres);
    #[cfg(feature = "mysql")]
    const MYSQL: &'static [u8; CAPACITY] = &render(T::MYSQL, &U::SCHEMA, U::Id::KIND, Dialect::MySql);

    pub(crate) const STATEMENT: Statement = Statement {
        #[cfg(feature = "sqlite")]
        sqlite: trim(Self::SQLITE),
        #[cfg(feature = "postgres")]
        postgres: trim(Self::POSTGRES),
        #[cfg(feature = "mysql")]
        mysql: trim(Self::MYSQL),
    };
}

/// What may go ahead of the audit row in the same statement: one template, or two that do not look at what the other did.
pub(crate) trait Ahead {
    #[cfg(feature = "sqlite")]
    const SQLITE_TEXTS: [&'static str; 2];
    #[cfg(feature = "postgres")]
    const POSTGRES_TEXTS: [&'static str; 2];
    /// As many of something as there are templates.
    type Each<T>: IntoIterator<Item = T>;
    /// Each by itself.
    fn statements<U: Account>() -> Self::Each<Statement>;
}

impl<T: Template> Ahead for T {
    #[cfg(feature = "sqlite")]
    const SQLITE_TEXTS: [&'static str; 2] = [T::SQL, ""];
    #[cfg(feature = "postgres")]
    const POSTGRES_TEXTS: [&'static str; 2] = [T::POSTGRES, ""];
    type Each<X> = [X; 1];

    fn statements<U: Account>() -> [Statement; 1] {
        [Rendered::<U, T>::STATEMENT]
    }
}

impl<A: Template, B: Template> Ahead for (A, B) {
    #[cfg(feature = "sqlite")]
    const SQLITE_TEXTS: [&'static str; 2] = [A::SQL, B::SQL];
    #[cfg(feature = "postgres")]
    const POSTGRES_TEXTS: [&'static str; 2] = [A::POSTGRES, B::POSTGRES];
    type Each<X> = [X; 2];

    fn statements<U: Account>() -> [Statement; 2] {
        [Rendered::<U, A>::STATEMENT, Rendered::<U, B>::STATEMENT]
    }
}

/// `T`, the audit row and on SQLite the commit, in one statement: so many hand-offs less. MariaDB has no such statement.
pub(crate) struct WithAuditRow<U, T>(PhantomData<(U, T)>);

impl<U: Account, T: Ahead> WithAuditRow<U, T> {
    #[cfg(feature = "sqlite")]
    const SQLITE: &'static [u8; CAPACITY] = &Self::render(T::SQLITE_TEXTS, InsertAudit::SQL, Dialect::Sqlite);
    #[cfg(feature = "postgres")]
    const POSTGRES: &'static [u8; CAPACITY] =
        &Self::render(T::POSTGRES_TEXTS, InsertAudit::POSTGRES, Dialect::Postgres);

    pub(crate) const STATEMENT: Statement = Statement {
        #[cfg(feature = "sqlite")]
        sqlite: trim(Self::SQLITE),
        #[cfg(feature = "postgres")]
        postgres: trim(Self::POSTGRES),
        #[cfg(feature = "mysql")]
        mysql: "",
    };

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    const fn render(ahead: [&str; 2], row: &str, dialect: Dialect) -> [u8; CAPACITY] {
        // On SQLite statements one after the other; on PostgreSQL the others are parts of the last.
        let (begins, ends, last) = match dialect {
            Dialect::Postgres => (["WITH first AS (", ", second AS ("], ") ", ""),
            Dialect::Sqlite | Dialect::MySql => (["", ""], "; ", "; COMMIT"),
        };
        let mut out = Text { bytes: [0; CAPACITY], length: 0 };
        let (mut parameters, mut i) = (0, 0);
        while i < ahead.len() && !ahead[i].is_empty() {
            out.str(begins[i]);
            parameters = append(&mut out, ahead[i], &U::SCHEMA, U::Id::KIND, dialect, parameters);
            out.str(ends);
            i += 1;
        }
        append(&mut out, row, &U::SCHEMA, U::Id::KIND, dialect, parameters);
        out.str(last);
        out.bytes
    }
}

const fn trim(bytes: &'static [u8; CAPACITY]) -> &'static str {
    let mut length = 0;
    while length < CAPACITY && bytes[length] != 0 {
        length += 1;
    }
    match std::str::from_utf8(bytes.split_at(length).0) {
        Ok(text) => text,
        Err(_) => panic!("a template is not UTF-8"),
    }
}

/// Text that grows within [`CAPACITY`].
struct Text {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Text {
    const fn byte(&mut self, byte: u8) {
        assert!(self.length < CAPACITY, "the user struct has too many columns for one SQL statement");
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    const fn str(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    /// A name, quoted so that `user` and `order` are as good as any. The macro admits no quote inside a name.
    const fn quoted(&mut self, prefix: &str, name: &str, dialect: Dialect) {
        let quote = match dialect {
            Dialect::MySql => b'`',
            Dialect::Sqlite | Dialect::Postgres => b'"',
        };
        self.byte(quote);
        self.str(prefix);
        self.str(name);
        self.byte(quote);
    }

    const fn parameter(&mut self, number: usize, dialect: Dialect) {
        match dialect {
            Dialect::MySql => self.byte(b'?'),
            Dialect::Sqlite | Dialect::Postgres => {
                self.byte(b'$');
                if number >= 100 {
                    self.byte(digit(number / 100));
                }
                if number >= 10 {
                    self.byte(digit(number / 10));
                }
                self.byte(digit(number));
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a value below ten")]
const fn digit(number: usize) -> u8 {
    b'0' + (number % 10) as u8
}

const fn render(template: &str, schema: &Schema, id: IdKind, dialect: Dialect) -> [u8; CAPACITY] {
    let mut out = Text { bytes: [0; CAPACITY], length: 0 };
    append(&mut out, template, schema, id, dialect, 0);
    out.bytes
}

/// Writes a template behind what there is, and returns how many parameters there are by then.
const fn append(
    out: &mut Text,
    template: &str,
    schema: &Schema,
    id: IdKind,
    dialect: Dialect,
    before: usize,
) -> usize {
    let template = template.as_bytes();
    let mut parameters = before;
    let mut i = 0;
    while i < template.len() {
        match template[i] {
            b'[' => {
                let end = find(template, i, b']');
                out.quoted(schema.prefix, slice(template, i + 1, end), dialect);
                i = end + 1;
            }
            b'{' => {
                let end = find(template, i, b'}');
                let name = slice(template, i + 1, end);
                parameters = placeholder(out, name, schema, id, dialect, parameters);
                i = end + 1;
            }
            b'$' => {
                parameters += 1;
                i += 1;
                let mut number = 0;
                while i < template.len() && template[i].is_ascii_digit() {
                    number = number * 10 + (template[i] - b'0') as usize;
                    i += 1;
                }
                assert!(
                    before + number == parameters,
                    "the parameters of a template stand once and in order"
                );
                out.parameter(parameters, dialect);
            }
            byte => {
                out.byte(byte);
                i += 1;
            }
        }
    }
    parameters
}

/// Writes what `{name}` stands for and returns how many parameters there are by then.
#[allow(clippy::too_many_lines, reason = "the one place where the dialects differ, side by side")]
const fn placeholder(
    out: &mut Text,
    name: &str,
    schema: &Schema,
    id: IdKind,
    dialect: Dialect,
    mut parameters: usize,
) -> usize {
    use Dialect::{MySql, Postgres, Sqlite};
    match name.as_bytes() {
        b"users" => out.quoted("", schema.table, dialect),
        b"id" => out.quoted("", schema.id, dialect),
        b"email" => out.quoted("", schema.email, dialect),
        b"password" => out.quoted("", schema.password, dialect),
        b"disabled_at" => match schema.disabled_at {
            Some(column) => out.quoted("", column, dialect),
            None => panic!("the user type has no `disabled_at` column"),
        },
        b"columns" => {
            let mut i = 0;
            while i < schema.columns.len() {
                if i > 0 {
                    out.str(", ");
                }
                out.str("u.");
                out.quoted("", schema.columns[i], dialect);
                i += 1;
            }
        }
        b"new_columns" => {
            let mut i = 0;
            while i < schema.new_columns.len() {
                out.str(", ");
                out.quoted("", schema.new_columns[i], dialect);
                i += 1;
            }
        }
        b"new_values" => {
            let mut i = 0;
            while i < schema.new_columns.len() {
                out.str(", ");
                parameters += 1;
                out.parameter(parameters, dialect);
                i += 1;
            }
        }
        b"is_confirmed" => {
            out.str("CAST(CASE WHEN ");
            match schema.confirmed_at {
                Some(column) => {
                    out.str("u.");
                    out.quoted("", column, dialect);
                }
                None => out.str("a.confirmed_at"),
            }
            out.str(" IS NULL THEN 0 ELSE 1 END AS ");
            out.str(int8(dialect));
            out.str(")");
        }
        b"confirmed_table" => match schema.confirmed_at {
            Some(_) => out.quoted("", schema.table, dialect),
            None => out.quoted(schema.prefix, "accounts", dialect),
        },
        b"confirmed_column" => match schema.confirmed_at {
            Some(column) => out.quoted("", column, dialect),
            None => out.str("confirmed_at"),
        },
        b"confirmed_key" => match schema.confirmed_at {
            Some(_) => out.quoted("", schema.id, dialect),
            None => out.str("user_id"),
        },
        b"disabled" => match (schema.disabled_at, dialect) {
            (Some(column), _) => {
                out.str("u.");
                out.quoted("", column, dialect);
            }
            (None, Sqlite) => out.str("NULL"),
            (None, Postgres) => out.str("CAST(NULL AS TIMESTAMPTZ)"),
            (None, MySql) => out.str("CAST(NULL AS DATETIME)"),
        },
        b"assurance" => {
            out.str("s.first_factor, s.first_at, s.second_factor, s.second_at, s.proved_at, s.trusted");
        }
        b"factors" => {
            out.str("CAST((SELECT COUNT(*) FROM ");
            out.quoted(schema.prefix, "factors", dialect);
            out.str(
                " f WHERE f.user_id = a.user_id AND f.confirmed_at IS NOT NULL AND f.removed_at IS NULL) AS ",
            );
            out.str(int8(dialect));
            out.str(")");
        }
        b"user_id" => out.str(match (id, dialect) {
            (IdKind::Integer, Sqlite) => "INTEGER",
            (IdKind::Integer, Postgres | MySql) => "BIGINT",
            (IdKind::Uuid, Sqlite) => "BLOB",
            (IdKind::Uuid, Postgres) => "UUID",
            (IdKind::Uuid, MySql) => "BINARY(16)",
            (IdKind::Text, Sqlite | Postgres) => "TEXT",
            (IdKind::Text, MySql) => "VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        }),
        b"stamp" => out.str(match dialect {
            Sqlite => "INTEGER",
            Postgres => "TIMESTAMPTZ",
            MySql => "DATETIME(6)",
        }),
        b"uuid" => out.str(match dialect {
            Sqlite => "BLOB",
            Postgres => "UUID",
            MySql => "BINARY(16)",
        }),
        b"integer" => out.str(match dialect {
            Sqlite => "INTEGER",
            Postgres | MySql => "BIGINT",
        }),
        // Keyed hashes: never text, so that no collation can make two of them equal.
        b"bytes" => out.str(match dialect {
            Sqlite => "BLOB",
            Postgres => "BYTEA",
            MySql => "VARBINARY(64)",
        }),
        // Sealed secrets, with the id of their key and a nonce.
        b"sealed" => out.str(match dialect {
            Sqlite => "BLOB",
            Postgres => "BYTEA",
            MySql => "VARBINARY(255)",
        }),
        b"long_bytes" => out.str(match dialect {
            Sqlite => "BLOB",
            Postgres => "BYTEA",
            MySql => "VARBINARY(4096)",
        }),
        // Text that stands in an index. `_bin`: compared byte by byte, also where the server's default folds case.
        b"name" => out.str(match dialect {
            Sqlite | Postgres => "TEXT",
            MySql => "VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        }),
        b"text" => out.str(match dialect {
            Sqlite | Postgres => "TEXT",
            MySql => "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        }),
        b"options" => out.str(match dialect {
            Sqlite => "STRICT",
            Postgres => "",
            MySql => "ENGINE = InnoDB",
        }),
        // The same, kept in the order of the key: on SQLite a write the less for each row, and nothing that replaces a row by another
        // number of its own, past the triggers.
        b"clustered" => out.str(match dialect {
            Sqlite => "STRICT, WITHOUT ROWID",
            Postgres => "",
            MySql => "ENGINE = InnoDB",
        }),
        // MySQL has no such words for an index; `migrate` takes its refusal of a second one for an answer.
        b"if_not_exists" => out.str(match dialect {
            Sqlite | Postgres => " IF NOT EXISTS",
            MySql => "",
        }),
        b"ignore" => out.str(match dialect {
            Sqlite | Postgres => "",
            MySql => " IGNORE",
        }),
        b"on_conflict" => out.str(match dialect {
            Sqlite | Postgres => " ON CONFLICT DO NOTHING",
            MySql => "",
        }),
        // A time plus microseconds in a column: `$1{plus}wait{micros}`.
        b"plus" => out.str(match dialect {
            Sqlite | Postgres => " + ",
            MySql => " + INTERVAL ",
        }),
        b"micros" => out.str(match dialect {
            Sqlite => "",
            Postgres => " * INTERVAL '1 microsecond'",
            MySql => " MICROSECOND",
        }),
        b"audit_row" => out.str(
            "l.id, l.at, l.event, l.outcome, l.reason, l.actor, l.on_behalf_of, l.user_id, l.session_id, \
             l.request_id, l.network, l.user_agent, l.details, l.count, l.key_id, l.personal_salt, l.personal, l.mac, \
             l.leaf, l.seal",
        ),
        b"mail_kinds" => out.str(MailKind::IN_SQL),
        b"asked_mail_kinds" => out.str(MailKind::ASKED_IN_SQL),
        b"int8" => out.str(int8(dialect)),
        // PostgreSQL has no last insert id; the other two hand it over with the result.
        b"returning_id" => match dialect {
            Postgres => {
                out.str(" RETURNING ");
                out.quoted("", schema.id, dialect);
            }
            Sqlite | MySql => {}
        },
        _ => panic!("a template names an unknown placeholder"),
    }
    parameters
}

/// The type to `CAST` to for a 64-bit integer.
const fn int8(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "INTEGER",
        Dialect::Postgres => "BIGINT",
        Dialect::MySql => "SIGNED",
    }
}

const fn find(text: &[u8], from: usize, byte: u8) -> usize {
    let mut i = from;
    while text[i] != byte {
        i += 1;
    }
    i
}

const fn slice(text: &[u8], from: usize, to: usize) -> &str {
    match std::str::from_utf8(text.split_at(to).0.split_at(from).1) {
        Ok(text) => text,
        Err(_) => panic!("a template is not UTF-8"),
    }
}
