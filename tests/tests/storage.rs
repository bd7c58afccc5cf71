//! What Sigra leaves in a database and asks of it: migrations, types, plans, and the host's own pools.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sigra::audit::AuditFilter;
use sigra::{Dialect, Error, Failure, Sigra};
use sigra_tests::database::Kind;
use sigra_tests::host::{client, prepare, somebody};
use sigra_tests::pool::HostPool;
use sigra_tests::users::{Customer, Member, Partner, Rival, connect, join, sign_in};
use sigra_tests::wire::Wire;
use sigra_tests::{Database, Host, Mailbox, User, each_database, host, log};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

/// Everything that a migration decides about a database: columns, indexes and keys.
async fn schema(database: &Database) -> BTreeSet<String> {
    let queries: &[&str] = match database.kind() {
        Kind::Sqlite => &["SELECT CONCAT(type, ' ', name, ' ', tbl_name, ' ', sql) FROM sqlite_master"],
        Kind::Postgres => &[
            "SELECT CONCAT(table_name, ' ', column_name, ' ', data_type, ' ', is_nullable) \
             FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT CONCAT(conrelid::regclass, ' ', pg_get_constraintdef(oid)) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace",
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
            "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        ],
        Kind::MySql => &[
            "SELECT CONCAT(table_name, ' ', column_name, ' ', column_type, ' ', is_nullable, ' ', \
             COALESCE(collation_name, '')) FROM information_schema.columns WHERE table_schema = DATABASE()",
            "SELECT CONCAT(table_name, ' ', index_name, ' ', seq_in_index, ' ', column_name, ' ', non_unique) \
             FROM information_schema.statistics WHERE table_schema = DATABASE()",
            "SELECT CONCAT(table_name, ' ', referenced_table_name, ' ', delete_rule) \
             FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()",
            "SELECT CONCAT(trigger_name, ' ', event_object_table, ' ', action_timing, ' ', event_manipulation, ' ', \
             action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
        ],
    };
    let mut lines = BTreeSet::new();
    for query in queries {
        lines.extend(database.texts(query).await);
    }
    lines
}

fn dialect(kind: Kind) -> Dialect {
    match kind {
        Kind::Sqlite => Dialect::Sqlite,
        Kind::Postgres => Dialect::Postgres,
        Kind::MySql => Dialect::MySql,
    }
}

/// The tables that a migration of `User` makes, those first that others refer to none of.
const TABLES: [&str; 16] = [
    "sigra_audit",
    "sigra_audit_tree",
    "sigra_audit_segments",
    "sigra_audit_checkpoints",
    "sigra_audit_counts",
    "sigra_audit_sinks",
    "sigra_outbox",
    "sigra_limits",
    "sigra_backup_codes",
    "sigra_factors",
    "sigra_keys",
    "sigra_tokens",
    "sigra_devices",
    "sigra_sessions",
    "sigra_accounts",
    "sigra_migrations",
];

#[tokio::test]
async fn migrating_again_changes_nothing_and_keeps_every_row() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let (before, dumper) = (schema(&database).await, database.dumper().await);
        let rows = dumper.dump().await;
        for _ in 0..3 {
            host.auth.migrate().await.unwrap();
        }
        Host::join(database.clone()).await.auth.migrate().await.unwrap();
        assert_eq!(schema(&database).await, before);
        assert_eq!(dumper.dump().await, rows);
        assert!(host.is_live(session.token().expose()).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_migrate_an_empty_database_at_once() {
    each_database(|database| async move {
        database.run(&User::table(database.kind())).await;
        let starts: Vec<_> = (0..4)
            .map(|_| {
                let database = database.clone();
                tokio::spawn(async move {
                    let host = Host::join(database).await;
                    host.auth.migrate().await.map(|()| host)
                })
            })
            .collect();
        for start in starts {
            start.await.unwrap().unwrap();
        }
        let tables = database.tables().await;
        for table in TABLES {
            assert!(tables.contains(&table.to_owned()), "{table} is not in {tables:?}");
        }
        assert_eq!(database.count("sigra_migrations", "1 = 1").await, 1);
        let _ = join(&connect::<User>(&database).await, ADA).await;
    })
    .await;
}

/// SQLite turns the write-ahead log of a file on with nobody else in it, and does not wait until that is so.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_that_another_process_has_locked_is_opened_once_it_is_free() {
    use sqlx::Connection as _;

    let database = Database::create(Kind::Sqlite).await;
    let mut other = sqlx::SqliteConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql(
        "PRAGMA journal_mode = DELETE; CREATE TABLE t (a); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)",
    )
    .execute(&mut other)
    .await
    .unwrap();
    let start = tokio::spawn({
        let database = database.clone();
        async move { Host::join(database).await.auth.migrate().await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!start.is_finished(), "it waits");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    start.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_migration_that_was_killed_after_any_statement_is_taken_up_again() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let whole = schema(&database).await;
        let statements: Vec<&str> = Sigra::<User>::migrations(dialect(database.kind()))
            .into_iter()
            .flat_map(|migration| migration.statements)
            .collect();
        assert!(statements.len() > 10, "{statements:?}");
        for done in 0..statements.len() {
            // The state in which a database without transactional DDL is left: some statements done, nothing noted. It has
            // nothing in it, or a bookkeeping table without rows.
            let bookkeeping = done % 2 == 1;
            let mut sql: Vec<String> = TABLES.iter().map(|table| format!("DROP TABLE {table}")).collect();
            if bookkeeping {
                sql[TABLES.len() - 1] = "DELETE FROM sigra_migrations".to_owned();
            }
            sql.extend(statements[..done].iter().map(|statement| (*statement).to_owned()));
            database.run(&sql.join("; ")).await;
            if done > 0 {
                assert_ne!(schema(&database).await, whole, "{done} statements are not the whole");
            }
            host.auth.migrate().await.unwrap_or_else(|error| panic!("after {done} statements: {error}"));
            assert_eq!(schema(&database).await, whole, "after {done} statements");
            assert_eq!(database.count("sigra_migrations", "1 = 1").await, 1);
        }
        let _ = join(&host.auth, ADA).await;
    })
    .await;
}

#[tokio::test]
async fn the_bookkeeping_is_sigras_own_and_the_hosts_is_left_alone() {
    each_database(|database| async move {
        database.run("CREATE TABLE _sqlx_migrations (version BIGINT NOT NULL PRIMARY KEY)").await;
        database.run("INSERT INTO _sqlx_migrations (version) VALUES (20260101)").await;
        let host = Host::start(database.clone()).await;
        host.auth.migrate().await.unwrap();
        assert_eq!(database.count("_sqlx_migrations", "version = 20260101").await, 1);
        assert_eq!(database.count("_sqlx_migrations", "1 = 1").await, 1);
        assert_eq!(database.count("sigra_migrations", "host_table = 'users'").await, 1);
        let others: Vec<String> = database
            .tables()
            .await
            .into_iter()
            .filter(|table| !table.starts_with("sigra_") && table != "users" && table != "_sqlx_migrations")
            .collect();
        assert!(others.is_empty(), "{others:?}");
    })
    .await;
}

#[tokio::test]
async fn user_types_with_keys_of_every_kind_live_in_one_database_apart_from_each_other() {
    each_database(|database| async move {
        for table in
            [User::table(database.kind()), Customer::table(database.kind()), Partner::table(database.kind())]
        {
            database.run(&table).await;
        }
        let users = connect::<User>(&database).await;
        let customers = connect::<Customer>(&database).await;
        let partners = connect::<Partner>(&database).await;
        users.migrate().await.unwrap();
        customers.migrate().await.unwrap();
        partners.migrate().await.unwrap();

        // One address, three accounts that know nothing of each other.
        let user = join(&users, ADA).await;
        let customer = join(&customers, ADA).await;
        let partner = join(&partners, ADA).await;
        let second = join(&customers, EVE).await;
        assert_eq!((customer.user().id, second.user().id), (1, 2));
        assert!(second.user().confirmed_at.is_some(), "the host's own column holds the time");
        assert_eq!(partner.user().id.len(), 36);

        // The same keys, and yet a session of one type is none of another.
        for token in [customer.token(), partner.token()] {
            assert!(users.session(token.expose()).await.unwrap().is_none());
        }
        assert!(customers.session(user.token().expose()).await.unwrap().is_none());
        assert!(partners.session(user.token().expose()).await.unwrap().is_none());

        assert_eq!(customers.revoke_all_sessions(customer.session(), &client()).await.unwrap(), 1);
        assert!(customers.session(second.token().expose()).await.unwrap().is_some(), "another account's");
        assert!(users.session(user.token().expose()).await.unwrap().is_some());
        assert!(partners.session(partner.token().expose()).await.unwrap().is_some());
        assert_eq!(database.count("sigra_sessions", "1 = 1").await, 1);
        assert_eq!(database.count("customer_sigra_sessions", "1 = 1").await, 1);

        // Every operation has a row in the trail of its own type.
        for prefix in ["", "customer_", "partner_"] {
            let table = format!("{prefix}sigra_audit");
            assert!(
                database.count(&table, "event = 'session.password.sign_in' AND outcome = 'success'").await
                    > 0
            );
        }
        let ids = database.texts("SELECT user_id FROM customer_sigra_audit WHERE user_id IS NOT NULL").await;
        assert!(ids.iter().all(|id| id == "1" || id == "2"), "{ids:?}");
        // What the privacy setting keeps of the network.
        let networks = database
            .texts("SELECT DISTINCT network FROM partner_sigra_audit WHERE network IS NOT NULL")
            .await;
        assert_eq!(networks, ["192.0.2.0/24"]);
    })
    .await;
}

#[tokio::test]
async fn one_prefix_for_two_tables_is_refused_with_what_to_write() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        database.run(&Partner::table(database.kind())).await;
        let before = schema(&database).await;
        let error = connect::<Rival>(&database).await.migrate().await.unwrap_err();
        let Error::Failed(Failure::Config(text)) = error else { panic!("{error:?}") };
        for part in ["`sigra_`", "`users`", "`Rival`", "#[sigra(prefix = \"rival_sigra_\")]"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert_eq!(schema(&database).await, before);
        // The one who was there first is not disturbed, and the lock is free again.
        host.auth.migrate().await.unwrap();
        let _ = join(&host.auth, ADA).await;
    })
    .await;
}

#[tokio::test]
async fn deleting_the_hosts_row_takes_everything_of_the_account_but_its_trail() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        host.account(EVE).await;
        let (ada, eve) = (host.sign_in(ADA).await, host.sign_in(EVE).await);
        for email in [ADA, EVE] {
            host.auth.request_password_reset(email, &client()).await.unwrap();
        }
        host.deliver().await;
        let reset = host::token_in(&host.mailbox.all()[2], "/reset/");
        // A mail that is under way when the account goes.
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let trail = host.trail().await;

        database.run("DELETE FROM users WHERE email = 'ada@example.com'").await;
        for table in ["sigra_accounts", "sigra_sessions"] {
            assert_eq!(database.count(table, "1 = 1").await, 1, "{table}");
        }
        assert_eq!(database.count("sigra_tokens", "identifier = 'ada@example.com'").await, 0);
        assert!(database.count("sigra_tokens", "identifier = 'eve@example.com'").await > 0);
        assert_eq!(host.trail().await, trail);
        assert!(database.count("sigra_audit", &format!("user_id = '{}'", ada.user().id)).await > 2);

        assert!(!host.is_live(ada.token().expose()).await);
        assert!(host.is_live(eve.token().expose()).await);
        assert!(host.auth.reset_password(&reset, sigra_tests::OTHER_PASSWORD, &client()).await.is_err());
        assert_eq!(host.deliver().await, 0, "no mail to nobody");
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, 0);
        // The address is free again.
        let again = host.register(ADA).await.unwrap();
        assert_ne!(again.user().unwrap().id, ada.user().id);
    })
    .await;
}

#[tokio::test]
async fn ids_times_and_hashes_have_each_databases_own_types() {
    each_database(|database| async move {
        for table in [User::table(database.kind()), Customer::table(database.kind()), Partner::table(database.kind())] {
            database.run(&table).await;
        }
        connect::<User>(&database).await.migrate().await.unwrap();
        connect::<Customer>(&database).await.migrate().await.unwrap();
        connect::<Partner>(&database).await.migrate().await.unwrap();
        let columns = database.columns().await;
        let expect = |table: &str, column: &str, types: [&str; 3]| {
            let expected = match database.kind() {
                Kind::Sqlite => types[0],
                Kind::Postgres => types[1],
                Kind::MySql => types[2],
            };
            let found = columns.iter().find(|(t, c, _)| t == table && c == column);
            let (_, _, ty) = found.unwrap_or_else(|| panic!("{table}.{column} is missing"));
            assert!(ty.starts_with(expected), "{table}.{column} is {ty}, not {expected}");
        };
        let (uuid, stamp) = (["blob", "uuid", "binary(16)"], ["integer", "timestamp with time zone", "datetime(6)"]);
        for prefix in ["", "customer_", "partner_"] {
            for (table, column) in [("sessions", "id"), ("devices", "id"), ("tokens", "id"), ("outbox", "id"), ("audit", "id")] {
                expect(&format!("{prefix}sigra_{table}"), column, uuid);
            }
            for (table, column) in [("sessions", "token_hash"), ("devices", "token_hash"), ("tokens", "token_hash"), ("tokens", "code_hash"), ("limits", "bucket")] {
                expect(&format!("{prefix}sigra_{table}"), column, ["blob", "bytea", "varbinary"]);
            }
            for (table, column) in [
                ("accounts", "created_at"),
                ("sessions", "last_seen_at"),
                ("sessions", "idle_expires_at"),
                ("sessions", "expires_at"),
                ("tokens", "expires_at"),
                ("tokens", "consumed_at"),
                ("devices", "expires_at"),
                ("limits", "resets_at"),
                ("limits", "forget_at"),
                ("outbox", "due_at"),
                ("audit", "at"),
            ] {
                expect(&format!("{prefix}sigra_{table}"), column, stamp);
            }
        }
        for table in ["accounts", "sessions", "devices", "tokens"] {
            expect(&format!("sigra_{table}"), "user_id", uuid);
            expect(&format!("customer_sigra_{table}"), "user_id", ["integer", "bigint", "bigint"]);
            expect(&format!("partner_sigra_{table}"), "user_id", ["text", "text", "varchar(191)"]);
        }
        if database.kind() == Kind::Sqlite {
            // STRICT: SQLite checks the types, which it does not by itself.
            let loose = "SELECT name FROM pragma_table_list WHERE name LIKE '%sigra_%' AND strict = 0 AND type = 'table'";
            assert_eq!(database.texts(loose).await, Vec::<String>::new());
        }
        if database.kind() == Kind::MySql {
            let folding = "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns \
                           WHERE table_schema = DATABASE() AND table_name LIKE '%sigra\\_%' \
                           AND collation_name IS NOT NULL AND collation_name NOT LIKE '%\\_bin'";
            assert_eq!(database.texts(folding).await, Vec::<String>::new());
        }
    })
    .await;
}

#[tokio::test]
async fn secrets_and_names_are_compared_byte_by_byte() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let _ = host.sign_in(ADA).await;
        // Bytes that a folding or padding comparison takes for one another: `a`, `A`, `a ` and `á`.
        let variants = ["61", "41", "6120", "C3A1"];
        let copied = "user_id, key_id, epoch, remembered, created_at, last_seen_at, idle_expires_at, expires_at, first_factor, \
                      first_at, proved_at, trusted";
        let tokens = "user_id, key_id, purpose, identifier, epoch, attempts, remembered, created_at, expires_at";
        for (number, bytes) in variants.iter().enumerate() {
            let (literal, id) = match database.kind() {
                Kind::Sqlite => (format!("X'{bytes}'"), "randomblob(16)"),
                Kind::Postgres => (format!("'\\x{bytes}'::bytea"), "gen_random_uuid()"),
                Kind::MySql => (format!("X'{bytes}'"), "UNHEX(MD5(RAND()))"),
            };
            database
                .run(&format!(
                    "INSERT INTO sigra_sessions (id, token_hash, {copied}) SELECT {id}, {literal}, {copied} \
                     FROM sigra_sessions LIMIT 1"
                ))
                .await;
            database
                .run(&format!(
                    "INSERT INTO sigra_tokens (id, token_hash, {tokens}) SELECT {id}, {literal}, {tokens} \
                     FROM sigra_tokens LIMIT 1"
                ))
                .await;
            for table in ["sigra_sessions", "sigra_tokens"] {
                let found = database.count(table, &format!("token_hash = {literal}")).await;
                assert_eq!(found, 1, "variant {number} in {table}");
            }
        }
        for other in ["ADA@example.com", "ada@example.com ", "àda@example.com"] {
            assert_eq!(
                database.count("sigra_accounts", &format!("identifier = '{other}'")).await,
                i64::from(other.trim() == ADA && database.kind() == Kind::MySql),
                "`{other}`: MariaDB's `_bin` pads with spaces, which no address has"
            );
        }
    })
    .await;
}

/// Rows enough that a scan would be the wrong plan.
const MANY: u32 = 4_000;

async fn fill(database: &Database) {
    let [users, accounts, sessions] = match database.kind() {
        Kind::Sqlite => {
            let numbers = format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
            );
            [
                format!(
                    "{numbers} INSERT INTO users (id, email, display_name) \
                     SELECT randomblob(16), 'u' || i || '@example.com', 'u' FROM n"
                ),
                "INSERT INTO sigra_accounts (user_id, identifier, epoch, bucket, factor_failures, created_at) \
                 SELECT id, email, 0, id, 0, 0 FROM users WHERE email LIKE 'u%'"
                    .to_owned(),
                "INSERT INTO sigra_sessions (id, user_id, token_hash, key_id, epoch, remembered, created_at, last_seen_at, \
                 idle_expires_at, expires_at, first_factor, first_at, proved_at, trusted) \
                 SELECT randomblob(16), id, randomblob(32), 'k1', 0, 0, 0, 0, \
                 9000000000000000, 9000000000000000, 'password', 0, 0, 0 FROM users"
                    .to_owned(),
            ]
        }
        Kind::Postgres => [
            format!(
                "INSERT INTO users (id, email, display_name) \
                 SELECT gen_random_uuid(), 'u' || i || '@example.com', 'u' FROM generate_series(1, {MANY}) i"
            ),
            "INSERT INTO sigra_accounts (user_id, identifier, epoch, bucket, factor_failures, created_at) \
             SELECT id, email, 0, sha256(email::bytea), 0, now() FROM users WHERE email LIKE 'u%'"
                .to_owned(),
            "INSERT INTO sigra_sessions (id, user_id, token_hash, key_id, epoch, remembered, created_at, last_seen_at, \
             idle_expires_at, expires_at, first_factor, first_at, proved_at, trusted) \
             SELECT gen_random_uuid(), id, sha256(email::bytea), 'k1', 0, 0, now(), now(), \
             now() + interval '30 days', now() + interval '30 days', 'password', now(), now(), 0 FROM users"
                .to_owned(),
        ],
        Kind::MySql => [
            format!(
                "INSERT INTO users (id, email, display_name) \
                 SELECT UNHEX(MD5(seq)), CONCAT('u', seq, '@example.com'), 'u' FROM seq_1_to_{MANY}"
            ),
            "INSERT INTO sigra_accounts (user_id, identifier, epoch, bucket, factor_failures, created_at) \
             SELECT id, email, 0, id, 0, NOW(6) FROM users WHERE email LIKE 'u%'"
                .to_owned(),
            "INSERT INTO sigra_sessions (id, user_id, token_hash, key_id, epoch, remembered, created_at, last_seen_at, \
             idle_expires_at, expires_at, first_factor, first_at, proved_at, trusted) \
             SELECT UNHEX(MD5(email)), id, UNHEX(SHA2(email, 256)), 'k1', 0, 0, NOW(6), NOW(6), \
             NOW(6) + INTERVAL 30 DAY, NOW(6) + INTERVAL 30 DAY, 'password', NOW(6), NOW(6), 0 FROM users"
                .to_owned(),
        ],
    };
    for sql in [users, accounts, sessions] {
        database.run(&sql).await;
    }
    match database.kind() {
        Kind::Sqlite | Kind::Postgres => database.run("ANALYZE").await,
        Kind::MySql => database.run("ANALYZE TABLE users, sigra_accounts, sigra_sessions").await,
    }
}

/// The statement that names all of these words, as the database itself was given it when the host did so.
async fn statement_of(host: &Host, words: &[&str], act: impl AsyncFnOnce(&Host)) -> String {
    let wire = Wire::tap(&host.database).await;
    let url = wire.as_ref().map_or(host.database.url(), Wire::url);
    let through = Host::with(host.database.clone(), Sigra::<User>::builder().url(url)).await;
    let log = log::capture();
    act(&through).await;
    let ran = match wire {
        Some(wire) => wire.take(),
        // Other tests of this binary log too, and have the same text for the same.
        None => log.statements(),
    };
    let wanted = |text: &&String| text.starts_with("SELECT") && words.iter().all(|word| text.contains(word));
    let own = |text: &&String| text.contains("\"sigra_") || text.contains("`sigra_");
    ran.iter().filter(wanted).find(own).unwrap_or_else(|| panic!("no such statement in {ran:?}")).clone()
}

#[tokio::test]
async fn the_session_check_finds_its_row_by_the_index_of_the_token() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        fill(&database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let check = async |host: &Host| assert!(host.is_live(session.token().expose()).await);
        let sql = statement_of(&host, &["token_hash", "sigra_sessions"], check).await;
        match database.kind() {
            Kind::Sqlite => {
                // The fourth column says how each table is searched.
                let explain = format!("EXPLAIN QUERY PLAN {sql}");
                let plan = explain_sqlite(&database, &explain).await;
                assert!(
                    plan.iter().any(|step| step.starts_with("SEARCH s") && step.contains("(token_hash=?)")),
                    "{plan:?}"
                );
                assert!(plan.iter().all(|step| !step.contains("SCAN")), "{plan:?}");
            }
            Kind::Postgres => {
                let types = "bytea, timestamptz, timestamptz";
                let plan = explain_postgres(&database, &sql, types, "'\\x00', now(), now()").await;
                assert!(plan.contains("Index Scan using sigra_sessions_token_hash_key"), "{plan}");
                assert!(!plan.contains("Seq Scan"), "{plan}");
            }
            Kind::MySql => {
                // MariaDB looks at the row while it plans: it must be one that is there.
                let hash = database
                    .texts("SELECT CONCAT('X''', HEX(MAX(token_hash)), '''') FROM sigra_sessions")
                    .await;
                let filled = sql.replacen('?', &hash[0], 1).replace('?', "NOW(6)");
                let plan = database.texts(&format!("EXPLAIN FORMAT=JSON {filled}")).await.concat();
                assert!(plan.contains("\"key\": \"token_hash\""), "{plan}");
                assert!(
                    !plan.contains("\"access_type\": \"ALL\"")
                        && !plan.contains("\"access_type\": \"index\""),
                    "{plan}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_is_found_by_its_index_wherever_it_is_tried() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        fill(&database).await;
        let (id, hash, at) = match database.kind() {
            Kind::Sqlite => ("randomblob(16)", "randomblob(32)", "9000000000000000"),
            Kind::Postgres => ("gen_random_uuid()", "sha256(identifier::bytea)", "now() + interval '1 day'"),
            Kind::MySql => {
                ("UNHEX(MD5(identifier))", "UNHEX(SHA2(identifier, 256))", "NOW(6) + INTERVAL 1 DAY")
            }
        };
        let columns =
            "user_id, purpose, token_hash, key_id, code_hash, code_for, identifier, epoch, attempts, remembered, created_at";
        database
            .run(&format!(
                "INSERT INTO sigra_tokens (id, {columns}, expires_at) SELECT {id}, user_id, 'confirm_email', {hash}, 'k1', \
                 {hash}, identifier, identifier, 0, 0, 0, {at}, {at} FROM sigra_accounts"
            ))
            .await;
        match database.kind() {
            Kind::Sqlite | Kind::Postgres => database.run("ANALYZE").await,
            Kind::MySql => database.run("ANALYZE TABLE sigra_tokens").await,
        }
        let wrong = async |host: &Host| {
            assert!(host.auth.confirm_email_code(ADA, "000000", &somebody()).await.is_err());
        };
        let sql = statement_of(&host, &["code_hash", "sigra_tokens"], wrong).await;
        match database.kind() {
            Kind::Sqlite => {
                let plan = explain_sqlite(&database, &format!("EXPLAIN QUERY PLAN {sql}")).await;
                let by_code = plan.iter().filter(|step| step.contains("INDEX sigra_tokens_by_code")).count();
                assert_eq!(by_code, 2, "{plan:?}");
                let scans = |step: &&String| step.starts_with("SCAN t") || step.starts_with("SCAN c");
                assert_eq!(plan.iter().filter(scans).count(), 0, "{plan:?}");
            }
            Kind::Postgres => {
                let plan = explain_postgres(&database, &sql, "text", "'u7@example.com'").await;
                assert_eq!(plan.matches("using sigra_tokens_by_code").count(), 2, "{plan}");
                assert!(!plan.contains("Seq Scan"), "{plan}");
            }
            Kind::MySql => {
                let plan = async |address: &str| {
                    let filled = sql.replace('?', &format!("'{address}'"));
                    database.texts(&format!("EXPLAIN FORMAT=JSON {filled}")).await.concat()
                };
                for address in ["a", "u7@example.com", "z"] {
                    let plan = plan(address).await;
                    assert_eq!(plan.matches("\"key\": \"sigra_tokens_by_code\"").count(), 2, "{plan}");
                    // From the address on, not from the end of the index to it.
                    assert_eq!(plan.matches("\"access_type\": \"range\"").count(), 2, "{plan}");
                }
            }
        }
    })
    .await;
}

/// Whether or not there is an account, a row is handed over: that of the nearest address.
#[tokio::test]
async fn an_account_is_looked_for_at_sign_in_by_the_index_of_addresses_wherever_it_is_tried() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        fill(&database).await;
        let wrong = async |host: &Host| {
            assert!(host.try_sign_in(ADA, "a wrong password here").await.is_err());
        };
        let refused = async |host: &Host| {
            for _ in 0..10 {
                wrong(host).await;
            }
            assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused account_limit");
        };
        let looked_at = statement_of(&host, &["n.identifier <= ", "password_hash"], wrong).await;
        let refused =
            statement_of(&host, &["n.identifier <= ", "SELECT a.identifier, a.user_id FROM"], refused).await;
        for (sql, with_bucket) in [(&looked_at, true), (&refused, false)] {
            match database.kind() {
                Kind::Sqlite => {
                    let plan = explain_sqlite(&database, &format!("EXPLAIN QUERY PLAN {sql}")).await;
                    let below =
                        |step: &&String| step.starts_with("SEARCH") && step.ends_with("(identifier<?)");
                    assert_eq!(plan.iter().filter(below).count(), 1, "{plan:?}");
                    // The first of all is the first of the index.
                    let scans = |step: &&String| {
                        step.starts_with("SCAN") && !step.starts_with("SCAN f USING COVERING INDEX")
                    };
                    assert_eq!(plan.iter().filter(scans).count(), 0, "{plan:?}");
                    assert!(plan.iter().all(|step| !step.contains("B-TREE")), "no sort either: {plan:?}");
                }
                Kind::Postgres => {
                    let (types, values, address) = if with_bucket {
                        ("bytea, text", "'\\x00', 'u7@example.com'", "$2")
                    } else {
                        ("text", "'u7@example.com'", "$1")
                    };
                    let plan = explain_postgres(&database, sql, types, values).await;
                    assert!(plan.contains("Scan Backward using"), "{plan}");
                    assert!(plan.contains(&format!("Index Cond: (identifier <= {address})")), "{plan}");
                    // Of the limits there are few here.
                    let scans = plan.matches("Seq Scan on").count()
                        - plan.matches("Seq Scan on sigra_limits").count();
                    assert!(scans == 0 && !plan.contains("Sort"), "{plan}");
                }
                Kind::MySql => {
                    for address in ["a", "u7@example.com", "z"] {
                        let filled = sql.replace('?', &format!("'{address}'"));
                        let plan = database.texts(&format!("EXPLAIN FORMAT=JSON {filled}")).await.concat();
                        assert!(plan.contains("\"access_type\": \"range\""), "{plan}");
                        assert!(!plan.contains("filesort") && !plan.contains("\"ALL\""), "{plan}");
                        // The first of all is the first of the index.
                        let scans = plan.matches("\"access_type\": \"index\"").count();
                        assert!(scans <= plan.matches("\"table_name\": \"f\"").count(), "{plan}");
                    }
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_of_the_trail_is_found_by_its_time_or_by_the_account() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        fill(&database).await;
        host.account(ADA).await;
        let (id, owner, at) = match database.kind() {
            Kind::Sqlite => ("randomblob(16)", "lower(hex(u.id))", "0"),
            Kind::Postgres => ("gen_random_uuid()", "u.id::text", "now()"),
            Kind::MySql => ("UNHEX(MD5(u.email))", "LOWER(HEX(u.id))", "NOW(6)"),
        };
        database
            .run(&format!(
                "INSERT INTO sigra_audit (id, at, event, outcome, actor, user_id, count, key_id, mac) \
                 SELECT {id}, {at}, 'shop.door.open', 'success', 'system', {owner}, 1, 'k1', l.mac \
                 FROM users u, (SELECT mac FROM sigra_audit LIMIT 1) l"
            ))
            .await;
        match database.kind() {
            Kind::Sqlite | Kind::Postgres => database.run("ANALYZE").await,
            Kind::MySql => database.run("ANALYZE TABLE sigra_audit").await,
        }
        let between = AuditFilter::new()
            .from(time::OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap())
            .until(time::OffsetDateTime::from_unix_timestamp(1_700_000_100).unwrap());
        let of_one = AuditFilter::new().account(uuid::Uuid::nil());
        for (filter, words, by, condition) in [
            (between, "WHERE l.id >= ", ["PRIMARY KEY", "sigra_audit_pkey", "PRIMARY"], "id >="),
            (of_one, "WHERE l.user_id = ", ["sigra_audit_by_user"; 3], "user_id ="),
        ] {
            let page = async |host: &Host| {
                assert!(host.auth.audit_page(&filter, None).await.unwrap().rows.is_empty());
            };
            let sql = statement_of(&host, &[words, "l.event LIKE "], page).await;
            let id = "'018bcfe5-6800-7000-8000-000000000000'";
            match database.kind() {
                Kind::Sqlite => {
                    let plan = explain_sqlite(&database, &format!("EXPLAIN QUERY PLAN {sql}")).await;
                    assert_eq!(plan.len(), 1, "no sort either: {plan:?}");
                    let bounds = "id>? AND id<?)";
                    assert!(plan[0].starts_with("SEARCH l") && plan[0].ends_with(bounds), "{plan:?}");
                    assert!(plan[0].contains(by[0]), "{plan:?}");
                }
                Kind::Postgres => {
                    let rest = ", text, text, text, text, text, uuid, uuid, text, text, int8";
                    let values = ", 'a%', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 51";
                    let (account, of) = if by[1].ends_with("user") { ("text, ", "'a', ") } else { ("", "") };
                    let types = format!("{account}uuid, uuid{rest}");
                    let plan =
                        explain_postgres(&database, &sql, &types, &format!("{of}{id}, {id}{values}")).await;
                    // Whether it sorts the few rows between the bounds is the planner's to say.
                    assert!(plan.contains(by[1]) && !plan.contains("Seq Scan"), "{plan}");
                    let index = plan.lines().find(|line| line.contains("Index Cond")).unwrap();
                    assert!(index.contains(condition) && index.contains("id <="), "{plan}");
                }
                Kind::MySql => {
                    let of_one = by[2].ends_with("user");
                    let mut filled = sql.replacen('?', "'a'", usize::from(of_one));
                    let between = ["X'018BCFE56800'", "X'018BCFE56900'"];
                    for bound in if of_one { ["X'00'", "X'FF'"] } else { between } {
                        filled = filled.replacen('?', bound, 1);
                    }
                    let filled = filled.replacen('?', "'a%'", 1);
                    let (before, _) = filled.rsplit_once('?').unwrap();
                    let filled = format!("{}51", before.replace('?', "NULL"));
                    let plan = database.texts(&format!("EXPLAIN FORMAT=JSON {filled}")).await.concat();
                    assert!(plan.contains(&format!("\"key\": \"{}\"", by[2])), "{plan}");
                    assert!(plan.contains("\"access_type\": \"range\""), "{plan}");
                    assert!(!plan.contains("filesort"), "{plan}");
                }
            }
        }
    })
    .await;
}

async fn explain_sqlite(database: &Database, sql: &str) -> Vec<String> {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _};
    let mut connection = sqlx::SqliteConnection::connect(database.url()).await.unwrap();
    // A plan needs no values.
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).bind([0_u8].as_slice()).bind(0_i64).bind(0_i64);
    let rows = query.fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(3)).collect()
}

async fn explain_postgres(database: &Database, sql: &str, types: &str, values: &str) -> String {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _};
    let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
    let prepare = format!("SET plan_cache_mode = force_generic_plan; PREPARE checked ({types}) AS {sql}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.unwrap();
    let explain = format!("EXPLAIN EXECUTE checked ({values})");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
}

#[tokio::test]
async fn a_session_check_is_one_statement_and_no_write_before_the_touch_is_due() {
    each_database(|database| async move {
        let first = Host::start(database.clone()).await;
        first.account(ADA).await;
        let session = first.sign_in(ADA).await;
        let token = session.token().expose();
        let Some(wire) = Wire::tap(&database).await else {
            // SQLite has no wire. It counts the commits of others, though.
            let mut connection =
                <sqlx::SqliteConnection as sqlx::Connection>::connect(database.url()).await.unwrap();
            let version = async |connection: &mut sqlx::SqliteConnection| -> i64 {
                sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.unwrap()
            };
            let before = version(&mut connection).await;
            for _ in 0..10 {
                assert!(first.is_live(token).await);
            }
            assert_eq!(version(&mut connection).await, before, "a check wrote");
            first.clock.advance(Duration::from_secs(61));
            assert!(first.is_live(token).await);
            assert_ne!(version(&mut connection).await, before);
            return;
        };
        let host = Host::with(database.clone(), Sigra::<User>::builder().url(wire.url())).await;
        assert!(host.is_live(token).await);
        let _ = wire.take();
        for _ in 0..10 {
            assert!(host.is_live(token).await);
        }
        let mut ran = wire.take();
        // The pool may open a connection while the last one is on its way back: MariaDB is told its settings then.
        ran.retain(|text| !text.starts_with("SET "));
        assert_eq!(ran.len(), 10, "{ran:#?}");
        assert!(ran.iter().all(|text| text.starts_with("SELECT s.id") && *text == ran[0]), "{ran:#?}");

        // The tap would have seen a write: one touch when it is due, and only one.
        host.clock.advance(Duration::from_secs(61));
        for _ in 0..10 {
            assert!(host.is_live(token).await);
        }
        let ran = wire.take();
        let touches = ran.iter().filter(|text| text.starts_with("UPDATE")).count();
        assert_eq!(touches, 1, "{ran:#?}");
        assert_eq!(ran.iter().filter(|text| text.starts_with("SELECT")).count(), 10, "{ran:#?}");
        // Who has no session that could be one costs the database nothing.
        for nonsense in [
            "",
            "sgs.k1.short",
            "sgr.k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "sgs.k9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(!host.is_live(nonsense).await);
        }
        assert_eq!(wire.take(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn sigras_own_sqlite_connections_are_durable_and_check_foreign_keys() {
    each_database(|database| async move {
        if database.kind() != Kind::Sqlite {
            return;
        }
        // The pragmas of a connection can be asked on that connection alone; so take what sqlx sent on it.
        let log = log::capture();
        let name = database.url().rsplit_once('/').unwrap().1.split('?').next().unwrap().to_owned();
        let before = log.statements().len();
        database.run(&User::table(Kind::Sqlite)).await;
        let host = Host::join(database.clone()).await;
        host.auth.migrate().await.unwrap();
        assert_eq!(database.texts("PRAGMA journal_mode").await, ["wal"], "{name}");
        let pragmas: Vec<String> =
            log.statements()[before..].iter().filter(|text| text.contains("synchronous")).cloned().collect();
        // The writer and the first reader at least.
        assert!(pragmas.len() >= 2, "{pragmas:?}");
        for text in &pragmas {
            for pragma in ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] {
                assert!(text.contains(pragma), "`{pragma}` is not in: {text}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_pool_of_the_hosts_own_carries_the_whole_flow() {
    each_database(|database| async move {
        database.run(&User::table(database.kind())).await;
        // Two connections, as a small host has.
        let pool = HostPool::open(&database, 2).await;
        let auth = prepare(pool.builder(), Arc::default()).build().await.unwrap();
        auth.migrate().await.unwrap();
        assert_eq!(auth.dialect(), dialect(database.kind()));
        let session = join(&auth, ADA).await;
        let other = sign_in(&auth, ADA).await.unwrap().unwrap();
        assert_eq!(auth.sessions(session.session()).await.unwrap().len(), 2);
        assert!(auth.revoke_session(session.session(), other.session().id(), &client()).await.unwrap());
        assert!(auth.session(other.token().expose()).await.unwrap().is_none());

        auth.request_password_reset(ADA, &client()).await.unwrap();
        let mailbox = Mailbox::default();
        auth.deliver_mail(&mailbox, &host::links()).await.unwrap();
        let token = host::token_in(&mailbox.last().unwrap(), "/reset/");
        let _ = auth.reset_password(&token, sigra_tests::OTHER_PASSWORD, &client()).await.unwrap();
        assert!(auth.session(session.token().expose()).await.unwrap().is_none());
        assert!(sign_in(&auth, ADA).await.is_err());
        assert!(auth.activity(other.session(), 50).await.unwrap().len() > 4);

        // `close` ends what Sigra opened, and the pool is the host's.
        auth.close().await;
        pool.run("SELECT 1").await.unwrap();
    })
    .await;
}
