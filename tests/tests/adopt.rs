//! Accounts for users that an import wrote: each once, with its row in the trail, and none without a reason.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use sigra::{AdoptAs, Adoption, Error, Failure, Refusal, Sigra, WhyNotAdopted};
use sigra_tests::crowd::at_once;
use sigra_tests::database::Kind;
use sigra_tests::host::{client, somebody, users_table};
use sigra_tests::users::{Customer, Member, Partner, connect, sign_in};
use sigra_tests::{Database, Host, NewUser, PASSWORD, User, each_database, until};

const ADA: &str = "ada@example.com";

/// `bcrypt.hashpw(b"correct horse battery staple", bcrypt.gensalt(10))`
const BCRYPT: &str = "$2b$10$OgZjT.YG5trWxuxgtlXKr.Ew.SxD/jKPadVKb1dXUcnRuiYUkX0iK";
const OLD: &str = "correct horse battery staple";

/// Rows that take three transactions.
const MANY: usize = 250;

async fn adopt(host: &Host, adopt_as: AdoptAs) -> Adoption<uuid::Uuid> {
    host.auth.adopt_accounts("root", move |_| adopt_as, &client()).await.unwrap()
}

async fn import_many(host: &Host) {
    let emails: Vec<String> = (0..MANY).map(|number| format!("u{number}@example.com")).collect();
    host.import_all(emails.iter().map(|email| (email.as_str(), BCRYPT))).await;
}

async fn adopted_rows(database: &Database) -> i64 {
    database.count("sigra_audit", "event = 'account.user.adopt' AND outcome = 'success'").await
}

fn reasons(adoption: &Adoption<uuid::Uuid>) -> Vec<String> {
    adoption.rows.iter().map(|row| row.why.to_string()).collect()
}

#[tokio::test]
async fn an_imported_user_signs_in_once_adopted_and_reads_in_the_trail_where_the_account_came_from() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.import("Ada@Example.com", BCRYPT).await;
        let before = host.try_sign_in(ADA, OLD).await;
        assert_eq!(before.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));

        let adoption = adopt(&host, AdoptAs::Confirmed).await;
        assert_eq!((adoption.adopted, adoption.not_adopted, adoption.rows.len()), (1, 0, 0));
        let session = host.sign_in_with("ADA@example.com", OLD).await;
        assert_eq!(session.user().email, "Ada@Example.com", "the row is as it was");
        assert!(database.texts("SELECT password_hash FROM users").await[0].starts_with("$argon2id$"));
        let activity = host.auth.activity(session.session(), 10).await.unwrap();
        let adopted = activity.last().unwrap();
        assert_eq!(
            (&*adopted.event, &*adopted.actor, adopted.details.as_deref()),
            ("account.user.adopt", "operator:root", Some(r#"{"confirmed":true}"#))
        );

        // Again: nothing is left to do, and that is all that the trail says.
        let (rows, dumper) = (host.trail().await.len(), database.dumper().await);
        let accounts = dumper.dump().await["sigra_accounts"].clone();
        let again = adopt(&host, AdoptAs::Unconfirmed).await;
        assert_eq!((again.adopted, again.not_adopted), (0, 0));
        assert_eq!(host.trail().await[rows..], ["account.user.adopt refused nothing_to_do"]);
        assert_eq!(dumper.dump().await["sigra_accounts"], accounts);

        // What comes later is adopted later.
        host.import("eve@example.com", BCRYPT).await;
        assert_eq!(adopt(&host, AdoptAs::Confirmed).await.adopted, 1);
        let _ = host.sign_in_with("eve@example.com", OLD).await;
    })
    .await;
}

#[tokio::test]
async fn an_address_that_nobody_proved_is_confirmed_or_reset_by_mail_like_any_other() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.import(ADA, BCRYPT).await;
        host.import("eve@example.com", BCRYPT).await;
        assert_eq!(adopt(&host, AdoptAs::Unconfirmed).await.adopted, 2);
        for email in [ADA, "eve@example.com"] {
            let answer = host.try_sign_in(email, OLD).await;
            assert_eq!(answer.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));
            assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused unconfirmed");
        }
        host.auth.resend_confirmation(ADA, &client()).await.unwrap();
        let token = host.token_of("/confirm/").await;
        host.auth.confirm_email(&token, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OLD).await;
        host.auth.request_password_reset("eve@example.com", &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&token, PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in("eve@example.com").await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_adopted_is_named_with_its_reason_and_the_rest_is_adopted() {
    each_database(|database| async move {
        // A column that the struct says is never empty.
        let table = users_table(database.kind()).replace("NOT NULL DEFAULT 'free'", "NULL DEFAULT 'free'");
        database.run(&table).await;
        let host = Host::join(database.clone()).await;
        host.auth.migrate().await.unwrap();
        host.account("taken@example.com").await;
        let owner = host.sign_in("taken@example.com").await.user().id;
        for email in [
            "good@example.com",
            "not an address",
            " blank@example.com",
            "caffe\u{300}@example.com",
            "TAKEN@example.com",
            "unreadable@example.com",
            "last@example.com",
        ] {
            host.import(email, BCRYPT).await;
        }
        let unreadable = match database.kind() {
            // SQLite's driver reads a `NULL` as an empty text.
            Kind::Sqlite => "disabled_at = 'yesterday'",
            _ => "plan = NULL",
        };
        database.run(&format!("UPDATE users SET {unreadable} WHERE email = 'unreadable@example.com'")).await;

        let adoption = adopt(&host, AdoptAs::Confirmed).await;
        assert_eq!((adoption.adopted, adoption.not_adopted, adoption.rows.len()), (2, 5, 5));
        let named = |email: &str| {
            let hex = match database.kind() {
                Kind::Postgres => "REPLACE(CAST(id AS TEXT), '-', '')",
                _ => "LOWER(HEX(id))",
            };
            let sql =
                format!("SELECT {hex} FROM users WHERE email = '{email}' AND display_name = 'Imported'");
            let (database, rows) = (database.clone(), &adoption.rows);
            async move {
                let id: uuid::Uuid = database.texts(&sql).await[0].parse().unwrap();
                &rows.iter().find(|row| row.user_id == id).expect("a reason").why
            }
        };
        assert!(matches!(named("not an address").await, WhyNotAdopted::InvalidAddress));
        assert!(matches!(named(" blank@example.com").await, WhyNotAdopted::NotAsWritten));
        assert!(matches!(named("caffe\u{300}@example.com").await, WhyNotAdopted::NotAsWritten));
        assert!(matches!(named("unreadable@example.com").await, WhyNotAdopted::Unreadable(_)));
        let taken = named("TAKEN@example.com").await;
        assert!(matches!(taken, WhyNotAdopted::AddressTaken { by } if *by == owner), "{taken:?}");
        assert_eq!(adopted_rows(&database).await, 2);
        for email in ["good@example.com", "last@example.com"] {
            let _ = host.sign_in_with(email, OLD).await;
        }
        let _ = host.sign_in("taken@example.com").await;

        // Mended rows are adopted by the next call.
        database.run("UPDATE users SET email = 'blank@example.com' WHERE email = ' blank@example.com'").await;
        let adoption = adopt(&host, AdoptAs::Confirmed).await;
        assert_eq!((adoption.adopted, adoption.not_adopted), (1, 4));
        let _ = host.sign_in_with("blank@example.com", OLD).await;
    })
    .await;
}

#[tokio::test]
async fn of_two_rows_with_one_address_the_confirmed_one_gets_the_account() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        // In both orders of their keys.
        for (number, first, second) in [(1, "free", "proved"), (2, "proved", "free")] {
            for (spelling, plan) in [("ada", first), ("ADA", second)] {
                host.import(&format!("{spelling}{number}@example.com"), BCRYPT).await;
                let of = format!("email = '{spelling}{number}@example.com' AND plan = 'free'");
                database.run(&format!("UPDATE users SET plan = '{plan}' WHERE {of}")).await;
            }
        }
        // And two of which nobody knows more.
        host.import("eve@example.com", BCRYPT).await;
        host.import("EVE@example.com", BCRYPT).await;
        let known =
            |user: &User| if user.plan == "proved" { AdoptAs::Confirmed } else { AdoptAs::Unconfirmed };
        let adoption = host.auth.adopt_accounts("root", known, &client()).await.unwrap();
        assert_eq!((adoption.adopted, adoption.not_adopted), (3, 3));
        let taken = |row: &sigra::NotAdopted<_>| matches!(row.why, WhyNotAdopted::AddressTaken { .. });
        assert!(adoption.rows.iter().all(taken), "{:?}", reasons(&adoption));
        for number in [1, 2] {
            let session = host.sign_in_with(&format!("ada{number}@example.com"), OLD).await;
            assert_eq!(session.user().plan, "proved");
        }
        let answer = host.try_sign_in("eve@example.com", OLD).await;
        assert_eq!(answer.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));
        assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused unconfirmed");
    })
    .await;
}

#[tokio::test]
async fn a_report_names_a_thousand_rows_and_counts_them_all() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        let emails: Vec<String> = (0..1_050).map(|number| format!("no address {number}")).collect();
        host.import_all(emails.iter().map(|email| (email.as_str(), BCRYPT))).await;
        host.import(ADA, BCRYPT).await;
        let adoption = adopt(&host, AdoptAs::Confirmed).await;
        assert_eq!((adoption.adopted, adoption.not_adopted, adoption.rows.len()), (1, 1_050, 1_000));
    })
    .await;
}

/// Lets so many accounts be adopted, and no more.
async fn close_the_trail_after(database: &Database, rows: usize) {
    let full = format!("(SELECT COUNT(*) FROM sigra_audit l WHERE l.event = 'account.user.adopt') >= {rows}");
    database
        .run(&match database.kind() {
            Kind::Sqlite => format!(
                "CREATE TRIGGER closed BEFORE INSERT ON sigra_audit WHEN {full} \
                 BEGIN SELECT RAISE(ABORT, 'the trail is closed'); END"
            ),
            Kind::Postgres => format!(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN IF {} THEN RAISE EXCEPTION ''the trail is closed''; END IF; RETURN NEW; END'; \
                 CREATE TRIGGER closed BEFORE INSERT ON sigra_audit FOR EACH ROW EXECUTE FUNCTION refuse()",
                full.replace('\'', "''")
            ),
            Kind::MySql => format!(
                "CREATE TRIGGER closed BEFORE INSERT ON sigra_audit FOR EACH ROW IF {full} \
                 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the trail is closed'; END IF"
            ),
        })
        .await;
}

#[tokio::test]
async fn no_account_is_adopted_without_its_row_and_the_next_call_goes_on_where_one_was_cut_off() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        import_many(&host).await;
        close_the_trail_after(&database, 150).await;
        let failed = host.auth.adopt_accounts("root", |_| AdoptAs::Confirmed, &client()).await;
        assert!(matches!(failed, Err(Error::Failed(Failure::Audit { .. }))), "{failed:?}");
        // The first hundred are whole, of the second nothing is there.
        assert_eq!(database.count("sigra_accounts", "confirmed_at IS NOT NULL").await, 100);
        assert_eq!(database.count("sigra_accounts", "1 = 1").await, 100);
        assert_eq!(adopted_rows(&database).await, 100);

        let on = if database.kind() == Kind::Postgres { " ON sigra_audit" } else { "" };
        database.run(&format!("DROP TRIGGER closed{on}")).await;
        let adoption = adopt(&host, AdoptAs::Confirmed).await;
        assert_eq!((adoption.adopted, adoption.not_adopted), (150, 0));
        assert_eq!(database.count("sigra_accounts", "1 = 1").await, 250);
        assert_eq!(adopted_rows(&database).await, 250);
        host.auth.seal_audit().await.unwrap();
        assert!(host.auth.verify_audit("").await.unwrap().is_clean());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adoptions_at_once_on_two_nodes_adopt_each_row_once() {
    each_database(|database| async move {
        let first = Host::start(database.clone()).await;
        let second = Host::join(database.clone()).await;
        import_many(&first).await;
        let all = at_once((0..4).map(|number| {
            let host = if number % 2 == 0 { first.clone() } else { second.clone() };
            async move { adopt(&host, AdoptAs::Confirmed).await }
        }))
        .await;
        let many = i64::try_from(MANY).unwrap();
        assert_eq!(all.iter().map(|adoption| adoption.adopted).sum::<u64>(), MANY as u64);
        assert!(all.iter().all(|adoption| adoption.not_adopted == 0), "{all:?}");
        assert_eq!(database.count("sigra_accounts", "confirmed_at IS NOT NULL").await, many);
        assert_eq!(adopted_rows(&database).await, many);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_beside_an_adoption_leaves_one_account_for_each_address() {
    each_database(|database| async move {
        let first = Host::start(database.clone()).await;
        let second = Host::join(database.clone()).await;
        for round in 1..=16 {
            let email = format!("u{round}@example.com");
            first.import(&email, BCRYPT).await;
            let hashes = second.auth.hashes_computed();
            let registering = {
                let (host, email) = (second.clone(), email.clone());
                tokio::spawn(async move { host.register(&email).await.unwrap().user().is_some() })
            };
            // What is left to do after the hash takes as long as an adoption.
            until("the registration has hashed", async || second.auth.hashes_computed() > hashes).await;
            let adoption = adopt(&first, AdoptAs::Confirmed).await;
            let registered = registering.await.unwrap();
            assert_ne!(registered, adoption.adopted == 1, "round {round}");
            let taken = |row: &sigra::NotAdopted<_>| matches!(row.why, WhyNotAdopted::AddressTaken { .. });
            assert!(adoption.rows.iter().all(taken), "{:?}", reasons(&adoption));
            assert_eq!(database.count("sigra_accounts", "1 = 1").await, round);
            let named = format!("identifier = '{email}'");
            assert_eq!(database.count("sigra_accounts", &named).await, 1);
        }
        let registered =
            first.trail().await.iter().filter(|row| *row == "account.user.register success -").count();
        assert_eq!(adopted_rows(&database).await + i64::try_from(registered).unwrap(), 16);
    })
    .await;
}

/// The numbers are those of the host's own, its column says who was confirmed when, and addresses are unique.
async fn customers(database: &Database) -> Sigra<Customer> {
    database.run(&Customer::table(database.kind())).await;
    let auth = connect::<Customer>(database).await;
    auth.migrate().await.unwrap();
    auth
}

/// A hash of [`PASSWORD`], as Sigra itself writes it.
async fn hash(auth: &Sigra<Customer>, database: &Database) -> String {
    let _ = auth.register(Customer::named("template@example.com"), &somebody()).await.unwrap();
    let hash = database.texts("SELECT password FROM customers WHERE email = 'template@example.com'").await;
    hash[0].clone()
}

#[tokio::test]
async fn registering_with_an_address_that_is_not_adopted_yet_is_answered_like_any_taken_one() {
    each_database(|database| async move {
        let auth = customers(&database).await;
        let hash = hash(&auth, &database).await;
        database.run(&format!("INSERT INTO customers (email, password) VALUES ('{ADA}', '{hash}')")).await;
        let dumper = database.dumper().await;
        let before = dumper.dump().await["customers"].clone();
        for email in [ADA, "template@example.com", "free@example.com"] {
            let hashes = auth.hashes_computed();
            let answer = auth.register(Customer::named(email), &somebody()).await.unwrap();
            assert_eq!(answer.user().is_some(), email == "free@example.com");
            assert_eq!(auth.hashes_computed(), hashes + 1, "{email}");
        }
        let after = dumper.dump().await["customers"].clone();
        assert_eq!(after.len(), before.len() + 1, "one new row, that of the free address");
        let ada = |rows: &Vec<String>| rows.iter().find(|row| row.contains(ADA)).cloned().unwrap();
        assert_eq!(ada(&after), ada(&before));
        assert_eq!(
            database
                .texts("SELECT reason FROM customer_sigra_audit WHERE outcome = 'refused' ORDER BY id")
                .await,
            ["address_taken", "address_contested"]
        );
        // Whoever tried it is not in the way of the one who has it.
        let adopt = auth.adopt_accounts("root", |_| AdoptAs::Confirmed, &client()).await.unwrap();
        assert_eq!((adopt.adopted, adopt.not_adopted), (1, 0));
        assert!(sign_in(&auth, ADA).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_taken_is_refused_alike_for_an_address_that_is_not_adopted_yet() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        database.run("CREATE UNIQUE INDEX one_name ON users (display_name)").await;
        let column = if database.kind() == Kind::MySql { "email(191)" } else { "email" };
        database.run(&format!("CREATE UNIQUE INDEX one_email ON users ({column})")).await;
        host.account("bob@example.com").await;
        host.import(ADA, BCRYPT).await;
        for email in [ADA, "bob@example.com", "free@example.com"] {
            // Bob is called so.
            let answer = host.register(email).await;
            assert_eq!(answer.unwrap_err().refusal(), Some(&Refusal::Conflict), "{email}");
            let new =
                NewUser { email: email.into(), password: PASSWORD.into(), display_name: "refused".into() };
            let answer = host.auth.register(new, &somebody()).await;
            assert_eq!(answer.unwrap_err().refusal(), Some(&Refusal::InvalidValue), "{email}");
        }
        assert_eq!(database.count("users", "1 = 1").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_time_of_confirmation_in_the_hosts_column_counts_whatever_the_host_says_besides() {
    each_database(|database| async move {
        let auth = customers(&database).await;
        let hash = hash(&auth, &database).await;
        let at = if database.kind() == Kind::MySql { "2026-01-01" } else { "2026-01-01 00:00:00+00:00" };
        for (email, at) in
            [("old@example.com", format!("'{at}'")), (ADA, "NULL".into()), ("eve@example.com", "NULL".into())]
        {
            let values = format!("'{email}', '{hash}', {at}");
            database
                .run(&format!("INSERT INTO customers (email, password, confirmed_at) VALUES ({values})"))
                .await;
        }
        let known =
            |user: &Customer| if user.email == ADA { AdoptAs::Confirmed } else { AdoptAs::Unconfirmed };
        assert_eq!(auth.adopt_accounts("root", known, &client()).await.unwrap().adopted, 3);
        for (email, complete) in [("old@example.com", true), (ADA, true), ("eve@example.com", false)] {
            assert_eq!(sign_in(&auth, email).await.is_ok(), complete, "{email}");
        }
        assert_eq!(database.count("customers", "confirmed_at IS NULL").await, 2);
    })
    .await;
}

#[tokio::test]
async fn keys_of_every_kind_are_walked_through_once() {
    each_database(|database| async move {
        let auth = customers(&database).await;
        database.run(&Partner::table(database.kind())).await;
        let partners = connect::<Partner>(&database).await;
        partners.migrate().await.unwrap();
        let numbers = || 0..230;
        let rows: Vec<String> = numbers().map(|number| format!("('c{number}@example.com')")).collect();
        database.run(&format!("INSERT INTO customers (email) VALUES {}", rows.join(", "))).await;
        let text = |number| if number % 2 == 0 { format!("A{number}") } else { format!("a{number} ü") };
        let rows = numbers().map(|number| format!("('{}', 'p{number}@example.com', '!')", text(number)));
        let rows: Vec<String> = rows.collect();
        database.run(&format!("INSERT INTO partners (id, email, password) VALUES {}", rows.join(", "))).await;
        let adoption = auth.adopt_accounts("root", |_| AdoptAs::Unconfirmed, &client()).await.unwrap();
        assert_eq!((adoption.adopted, adoption.not_adopted), (230, 0));
        let adoption = partners.adopt_accounts("root", |_| AdoptAs::Unconfirmed, &client()).await.unwrap();
        assert_eq!((adoption.adopted, adoption.not_adopted), (230, 0));
        for accounts in ["customer_sigra_accounts", "partner_sigra_accounts"] {
            assert_eq!(database.count(accounts, "confirmed_at IS NULL").await, 230);
        }
    })
    .await;
}

/// What the documentation says of indexes: the host's takes for one address what it compares so, and Sigra more.
#[tokio::test]
async fn an_index_of_the_hosts_turns_away_the_spellings_that_it_takes_for_one() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        for (email, spelling, ignores_case, turned_away) in [
            ("Ada@Example.com", ADA, false, database.kind() == Kind::MySql),
            ("Bob@Example.com", "bob@example.com", true, true),
            ("Eve@M\u{fc}nchen.example", "eve@xn--mnchen-3ya.example", true, false),
        ] {
            let column = match (database.kind(), ignores_case) {
                (Kind::Sqlite, true) => "email COLLATE NOCASE",
                (Kind::Postgres, true) => "lower(email)",
                _ => "email",
            };
            database.run("DELETE FROM users").await;
            database.run(&format!("CREATE UNIQUE INDEX one ON users ({column})")).await;
            host.import(email, BCRYPT).await;
            assert_eq!(host.register(spelling).await.unwrap().user().is_none(), turned_away, "{email}");
            let adoption = adopt(&host, AdoptAs::Confirmed).await;
            assert_eq!(adoption.adopted == 1, turned_away, "{email}");
            let taken = |row: &sigra::NotAdopted<_>| matches!(row.why, WhyNotAdopted::AddressTaken { .. });
            assert_eq!(adoption.rows.iter().any(taken), !turned_away, "{:?}", reasons(&adoption));
            let on = if database.kind() == Kind::MySql { " ON users" } else { "" };
            database.run(&format!("DROP INDEX one{on}")).await;
        }
    })
    .await;
}
