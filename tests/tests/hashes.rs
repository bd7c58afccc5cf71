//! Hashes that other implementations made: they sign in once, and are Argon2id of today's cost from then on. Peppers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::time::Duration;

use sigra::{AdoptAs, Builder, Credentials, Error, Failure, Keyring, PasswordVerifier, Refusal, Sigra};
use sigra_tests::database::Kind;
use sigra_tests::host::{client, somebody};
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, User, each_database, log};

const ADA: &str = "ada@example.com";
/// What the imported accounts signed in with, on the blocklist or not: no rule for new passwords is asked at sign-in.
const OLD: &str = "correct horse battery staple";
const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Every one is of [`OLD`]. In Python 3.11 with argon2-cffi 25.1, Django 5.2.19, bcrypt 5.0 and passlib 1.7.4, where `p` is
/// `b"correct horse battery staple"` and `P` the same as text:
const WEAKER: [(&str, &str); 20] = [
    // argon2.low_level.hash_secret(p, os.urandom(16), 1, 8192, 1, 32, Type.ID)
    (
        "argon2-cffi, weaker",
        "$argon2id$v=19$m=8192,t=1,p=1$HNaar4Q2F6dzM5mSv01O6Q$bpLCaURARWnuMML3dP6x1Z5dj2pYjKJIuYCv9OtmwCc",
    ),
    // .., 2, 19456, 1, 32, Type.I)
    (
        "argon2-cffi, i",
        "$argon2i$v=19$m=19456,t=2,p=1$GtkiDH2itbzsK6Ua43OC0Q$dR++A3xMtDqUf7tR87Znxp7KfgZL+eK5yp/6Sty6Rcw",
    ),
    // .., 2, 19456, 1, 32, Type.D)
    (
        "argon2-cffi, d",
        "$argon2d$v=19$m=19456,t=2,p=1$W4Qe1ik/Er96RBeiHGFlBA$77/fsApQ3mwfr/zKe6K5c3Bl8cCh2yHCAhQL1vIXjeo",
    ),
    // .., 2, 19456, 1, 32, Type.I, version=16)
    (
        "argon2-cffi, version 16",
        "$argon2i$v=16$m=19456,t=2,p=1$EBkMnoc3+VmReVSEYxJWBQ$K2ERUvy50uiifFVUeMhAv2LwLAnrHhT7r7g8sCFe1/w",
    ),
    // The same without its version, as libraries stored it before there were two.
    (
        "argon2-cffi, no version",
        "$argon2i$m=19456,t=2,p=1$EBkMnoc3+VmReVSEYxJWBQ$K2ERUvy50uiifFVUeMhAv2LwLAnrHhT7r7g8sCFe1/w",
    ),
    // django.contrib.auth.hashers.make_password(P, hasher="pbkdf2_sha256"), and so on
    (
        "Django pbkdf2_sha256",
        "pbkdf2_sha256$1000000$KWSOfigrlAGTgW18Bew2qJ$7R0iEMTVcVDFa8KVqDAWDnWzN7Jj2IOKNtOByMqUulY=",
    ),
    ("Django pbkdf2_sha1", "pbkdf2_sha1$1000000$MO1g6PxWYzXuM1iFtOZhek$AVakBEUNogwLSYPS/7/utp8kvfk="),
    ("Django bcrypt_sha256", "bcrypt_sha256$$2b$12$Ubl84Fgthxp9nOVlXP.Ja.c4HeYx6v11O61aZbhCOLvcB.8hT5bya"),
    ("Django bcrypt", "bcrypt$$2b$12$c2HVVe/PZplF10uTMoutz.mh0ze3/PWtKGHnXKTqj9XDmx0uYHcE."),
    (
        "Django scrypt",
        "scrypt$16384$aQ3YbMoJnSO6BrMszlG9Es$8$5$dx68alJMnQ1/6tNFnBx8vtTH7ITStO/KdRghZmNB2Qbg52dS7lpkiH289n8i7FuqrFxmW/qVXIH9ES9Dzt5hNQ==",
    ),
    // bcrypt.hashpw(p, bcrypt.gensalt(10)); for `$2a$`, gensalt(10, b"2a"); `$2y$` is PHP's name for `$2b$`
    ("bcrypt 2b", BCRYPT),
    ("bcrypt 2a", "$2a$10$ySUMCN8qEY4VncJ7uEOmROH1R0NPClsqZpap3wLxzCX9AAgn5jjcK"),
    ("bcrypt 2y", "$2y$10$OgZjT.YG5trWxuxgtlXKr.Ew.SxD/jKPadVKb1dXUcnRuiYUkX0iK"),
    // passlib.hash.scrypt.using(rounds=14).hash(P), and the others' .hash(P)
    (
        "passlib scrypt",
        "$scrypt$ln=14,r=8,p=1$c+79v3cOQSjF+F8rRShFCA$zC+7aeUiDz4jUhT4g12cWYXiYJEceigvSBT5o/aA8/c",
    ),
    (
        "passlib pbkdf2_sha256",
        "$pbkdf2-sha256$29000$7t17731Paa3VGsNYi9G6Vw$UTbGTM8Rp0CX7s221u/m3d4pTqmDO70ZNyxiFGKPGQM",
    ),
    (
        "passlib pbkdf2_sha512",
        "$pbkdf2-sha512$25000$FCKEcC5ljPFea805ZyzFGA$ZI1iRMFMnXZD3d82G8QtDbbhcZCV6GELk/TzuPITUCMtpKl2rFkSWB9Ztkbmhkvz2PHyFNOgguzwBMNMNqsBAg",
    ),
    ("passlib pbkdf2_sha1", "$pbkdf2$131000$mpNyjvG.17r3XktJyZkz5g$D7wxwc3eh/KZckOUZKyUG.2vYHU"),
    // b64encode(b"\1" + u32(2) + u32(100000) + u32(16) + salt + hashlib.pbkdf2_hmac("sha512", p, salt, 100000, 32))
    (
        "ASP.NET Identity 3, SHA-512",
        "AQAAAAIAAYagAAAAEJUeVokciALXA+rcVsh22XWN365KflYHCUFl9GDyzcPvLUKAnMNhHTx5Nz2aurfcZQ==",
    ),
    // The same with u32(1), u32(10000) and "sha256": what ASP.NET Core wrote before 7.
    (
        "ASP.NET Identity 3, SHA-256",
        "AQAAAAEAACcQAAAAEJUeVokciALXA+rcVsh22XUOi65K+PZDbWuE8kGCX7p2PY4WIL1S11VUtz4oVC5Svw==",
    ),
    // b64encode(b"\0" + salt + hashlib.pbkdf2_hmac("sha1", p, salt, 1000, 32))
    ("ASP.NET Identity 2", "AJUeVokciALXA+rcVsh22XUlsGwo/c1BriFhaZnItQMjqzPwdiWUKaBu33vjswUMfw=="),
];

/// Made by the same libraries, at no lower cost than today's.
const AS_STRONG: [(&str, &str); 4] = [
    // argon2.PasswordHasher().hash(P): RFC 9106's second choice
    (
        "argon2-cffi",
        "$argon2id$v=19$m=65536,t=3,p=4$O2HtINEaSlO+J/vOaS0yyw$PWo4q89Gxlo/3ytDx/rlEU9kU7ow/kb9fP6X6zdv0mY",
    ),
    // hash_secret(p, os.urandom(16), 3, 65536, 1, 32, Type.ID)
    ("argon2-cffi, one lane", STRONGER),
    // hash_secret(p, os.urandom(16), 3, 32768, 4, 24, Type.ID)
    (
        "argon2-cffi, 24 bytes",
        "$argon2id$v=19$m=32768,t=3,p=4$3QUdvZwwjRtHKVeYnxX6yg$wdWgk4ntQu+9ZpTh+samgtR987kzzmv7",
    ),
    // make_password(P, hasher="argon2")
    (
        "Django argon2",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$STBsZGhpbEVpc2hra0pRMHN6V05LRg$6DTDoLXcPMLKJE6qIubN+r04hTCwfm48FT9Z3hrV+Ew",
    ),
];

const BCRYPT: &str = "$2b$10$OgZjT.YG5trWxuxgtlXKr.Ew.SxD/jKPadVKb1dXUcnRuiYUkX0iK";
const STRONGER: &str =
    "$argon2id$v=19$m=65536,t=3,p=1$KsYo9wzabCudXlGtNaaXUA$nrqJ8Q8St5PSpXYyZm8PifblzuD60aNl8RssQjgLhRY";

/// Two peppers, of which the second is the older.
const PEPPERS: &str =
    "p2:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI p1:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY";

async fn stored(host: &Host) -> String {
    stored_of(host, ADA).await
}

async fn stored_of(host: &Host, email: &str) -> String {
    let sql = format!("SELECT password_hash FROM users WHERE email = '{email}'");
    host.database.texts(&sql).await.remove(0)
}

async fn store(host: &Host, hash: &str) {
    host.database.run(&format!("UPDATE users SET password_hash = '{hash}' WHERE email = '{ADA}'")).await;
}

async fn refused(host: &Host, password: &str) {
    refused_for(host, ADA, password).await;
}

async fn refused_for(host: &Host, email: &str, password: &str) {
    let answer = host.try_sign_in(email, password).await;
    assert_eq!(answer.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));
}

/// A host whose Ada has an account, on another handle with settings of the test's.
async fn with(database: Database, set: impl FnOnce(Builder<User>) -> Builder<User>) -> Host {
    let builder = Sigra::<User>::builder().url(database.url());
    Host::with(database, set(builder)).await
}

#[tokio::test]
async fn hashes_of_other_implementations_sign_in_once_and_are_upgraded() {
    each_database(|database| async {
        let host = Host::start(database).await;
        // As an import leaves them: rows of the host's.
        let emails: Vec<String> =
            (0..WEAKER.len()).map(|number| format!("old{number}@example.com")).collect();
        let rows = emails.iter().map(String::as_str).zip(WEAKER.map(|(_, hash)| hash));
        host.import_all(rows.clone()).await;
        let adoption = host.auth.adopt_accounts("root", |_| AdoptAs::Confirmed, &client()).await.unwrap();
        assert_eq!((adoption.adopted, adoption.not_adopted), (20, 0));
        for ((email, hash), (name, _)) in rows.zip(WEAKER) {
            refused_for(&host, email, OTHER_PASSWORD).await;
            assert_eq!(stored_of(&host, email).await, hash, "{name}: a wrong password changed it");
            let session = host.sign_in_with(email, OLD).await;
            let upgraded = stored_of(&host, email).await;
            assert!(upgraded.starts_with(TODAY), "{name}: {upgraded}");
            // The session of that very sign-in is good, and so is the next.
            assert!(host.is_live(session.token().expose()).await, "{name}");
            refused_for(&host, email, OTHER_PASSWORD).await;
            let before = host.auth.hashes_computed();
            let _ = host.sign_in_with(email, OLD).await;
            assert_eq!(host.auth.hashes_computed(), before + 1, "{name}");
            assert_eq!(stored_of(&host, email).await, upgraded, "{name}: upgraded twice");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hash_that_is_no_weaker_is_left_byte_for_byte() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        for (name, hash) in AS_STRONG {
            store(&host, hash).await;
            refused(&host, OTHER_PASSWORD).await;
            let _ = host.sign_in_with(ADA, OLD).await;
            let _ = host.sign_in_with(ADA, OLD).await;
            assert_eq!(stored(&host).await, hash, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_upgrade_has_no_row_of_its_own_and_ends_nothing() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        store(&host, BCRYPT).await;
        let rows = host.trail().await.len();
        let _ = host.sign_in_with(ADA, OLD).await;
        assert_eq!(host.trail().await.len(), rows + 1);
        assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in success -");
        assert!(host.is_live(session.token().expose()).await);
    })
    .await;
}

#[tokio::test]
async fn cve_2025_22228_a_bcrypt_hash_never_matches_by_its_first_72_bytes() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        // bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4))
        let hash = "$2b$04$JPVRlNcYINTPo1joxI5V3u2ODYGt4Vudt/BKpsPup9k1Gl.Fg/gN.";
        store(&host, hash).await;
        let before = host.auth.hashes_computed();
        for longer in ["a".repeat(73), format!("{}b", "a".repeat(72)), "a".repeat(144)] {
            refused(&host, &longer).await;
        }
        // No less work than for another wrong password.
        assert_eq!(host.auth.hashes_computed(), before + 6);
        assert_eq!(stored(&host).await, hash);
        let password = "a".repeat(72);
        let _ = host.sign_in_with(ADA, &password).await;
        assert!(stored(&host).await.starts_with(TODAY));
        refused(&host, &"a".repeat(73)).await;
        let _ = host.sign_in_with(ADA, &password).await;
    })
    .await;
}

#[tokio::test]
async fn every_account_costs_the_same_number_of_hashes_where_the_imported_kind_is_known() {
    each_database(|database| async {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let today = stored(&host).await;
        let host = with(database, |builder| builder.imported_like(BCRYPT).imported_like(STRONGER)).await;
        let cost = async |email: &str, password: &str| {
            let before = host.auth.hashes_computed();
            let _ = host.try_sign_in(email, password).await;
            host.auth.hashes_computed() - before
        };
        assert_eq!(cost("nobody@example.com", PASSWORD).await, 3);
        for hash in [&today, BCRYPT, STRONGER, "!unusable", "of no form at all"] {
            store(&host, hash).await;
            assert_eq!(cost(ADA, OTHER_PASSWORD).await, 3, "{hash}");
        }
        // The right password costs no more: today's hash, which is computed anyway, is the one that is stored.
        store(&host, BCRYPT).await;
        assert_eq!(cost(ADA, OLD).await, 3);
        assert!(stored(&host).await.starts_with(TODAY));
    })
    .await;
}

/// What a host might have written itself.
struct Reversed;

impl PasswordVerifier for Reversed {
    fn recognises(&self, stored: &str) -> bool {
        stored.starts_with("reversed:")
    }

    fn verify(&self, password: &[u8], stored: &str) -> bool {
        password.iter().rev().eq(stored.trim_start_matches("reversed:").as_bytes())
    }
}

#[tokio::test]
async fn a_verifier_of_the_hosts_own_is_asked_until_the_first_sign_in() {
    each_database(|database| async {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let old: String = PASSWORD.chars().rev().collect();
        store(&host, &format!("reversed:{old}")).await;
        refused(&host, PASSWORD).await;
        let host = with(database, |builder| builder.verifier(Reversed)).await;
        refused(&host, OTHER_PASSWORD).await;
        let _ = host.sign_in(ADA).await;
        assert!(stored(&host).await.starts_with(TODAY));
        let _ = host.sign_in(ADA).await;
    })
    .await;
}

#[tokio::test]
async fn a_pepper_is_brought_in_and_rotated_by_signing_in() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        plain.account(ADA).await;
        let peppered = async |text: &str| {
            let ring = Keyring::parse(text).unwrap();
            with(database.clone(), |builder| builder.pepper(ring)).await
        };
        let older = PEPPERS.split_once(' ').unwrap().1;
        // `keyid` is base64 of the id.
        let named = |id: &str| format!("$argon2id$v=19$m=19456,t=2,p=1,keyid={id}$");
        let (first, both) = (peppered(older).await, peppered(PEPPERS).await);
        let _ = first.sign_in(ADA).await;
        assert!(stored(&first).await.starts_with(&named("cDE")), "{}", stored(&first).await);
        refused(&first, OTHER_PASSWORD).await;
        let _ = first.sign_in(ADA).await;
        let _ = both.sign_in(ADA).await;
        let rotated = stored(&both).await;
        assert!(rotated.starts_with(&named("cDI")), "{rotated}");
        let _ = both.sign_in(ADA).await;
        assert_eq!(stored(&both).await, rotated);

        // A process without the pepper says so in the log and the trail, and nobody else learns of it.
        for host in [&plain, &first] {
            refused(host, PASSWORD).await;
            assert_eq!(host.trail().await.last().unwrap(), UNREADABLE);
        }
        // Whoever costs more than today keeps that cost under the pepper.
        store(&both, STRONGER).await;
        let _ = both.sign_in_with(ADA, OLD).await;
        let kept = stored(&both).await;
        assert!(kept.starts_with("$argon2id$v=19$m=65536,t=3,p=1,keyid=cDI$"), "{kept}");
        let _ = both.sign_in_with(ADA, OLD).await;
        assert_eq!(stored(&both).await, kept);
    })
    .await;
}

const UNREADABLE: &str = "session.password.sign_in refused unreadable_hash";

/// A verifier of the host's with a mistake in it.
struct Broken;

impl PasswordVerifier for Broken {
    fn recognises(&self, stored: &str) -> bool {
        assert_ne!(stored, "broken: read");
        stored.starts_with("broken:")
    }

    fn verify(&self, _: &[u8], _: &str) -> bool {
        panic!("a mistake of the host's")
    }
}

/// Otherwise an operator's mistake would tell strangers which addresses have accounts.
#[tokio::test]
async fn a_hash_that_cannot_be_verified_answers_counts_and_costs_like_an_address_without_an_account() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        plain.account(ADA).await;
        let host = with(database, |builder| builder.verifier(Broken)).await;
        // The last is today's, under a pepper that is gone.
        let gone = stored(&host).await.replace("p=1$", "p=1,keyid=cDE$");
        let (nobody, mut known, mut unknown) = ("nobody@example.com", Vec::new(), Vec::new());
        for (number, hash) in ["broken: verify", "broken: read", "of no form", &gone].into_iter().enumerate()
        {
            store(&host, hash).await;
            for (email, seen) in [(ADA, &mut known), (nobody, &mut unknown)] {
                let before = host.auth.hashes_computed();
                for _ in 0..11 {
                    let answer = host.auth.sign_in(Credentials::new(email, PASSWORD), &somebody()).await;
                    seen.push(answer.unwrap_err().refusal().cloned());
                }
                // A kind that no example was given of costs one hash more, as ever.
                let more = if email == ADA && hash == "broken: verify" { 10 } else { 0 };
                assert_eq!(host.auth.hashes_computed(), before + 10 + more, "{email} {hash}");
                let trail = host.trail().await;
                assert!(trail[trail.len() - 1].ends_with("account_limit"), "{hash}: {trail:?}");
                let why = if email == ADA {
                    UNREADABLE
                } else {
                    "session.password.sign_in refused unknown_account"
                };
                assert_eq!(trail[trail.len() - 2], why, "{hash}");
            }
            assert!(matches!(known[11 * number + 10], Some(Refusal::TooManyAttempts { .. })), "{hash}");
            // Longer than any wait of these rows.
            host.clock.advance(Duration::from_hours(26));
        }
        assert_eq!(known, unknown);
    })
    .await;
}

#[tokio::test]
async fn who_is_signed_in_is_told_the_same_of_a_hash_that_cannot_be_verified() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        store(&host, "of no form").await;
        let step_up = host.auth.step_up_with_password(session.session(), PASSWORD, &somebody()).await;
        assert_eq!(step_up.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));
        assert_eq!(host.trail().await.last().unwrap(), "session.own.step_up refused unreadable_hash");
        let change =
            host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &somebody()).await;
        assert_eq!(change.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));
        assert_eq!(host.trail().await.last().unwrap(), "account.password.change refused unreadable_hash");
        // The way out.
        host.auth.request_password_reset(ADA, &somebody()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &somebody()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

/// What fails whichever account it is: an example of a kind whose verifier is broken.
#[tokio::test]
async fn an_attempt_that_fails_before_it_is_decided_is_not_counted() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        plain.account(ADA).await;
        let session = plain.sign_in(ADA).await;
        let host = with(database, |builder| builder.verifier(Broken).imported_like("broken: verify")).await;
        let counted = plain.database.count("sigra_limits", "used > 0").await;
        for _ in 0..12 {
            for email in [ADA, "nobody@example.com"] {
                let failed = host.try_sign_in(email, PASSWORD).await.unwrap_err();
                assert!(matches!(failed, Error::Failed(Failure::PasswordHash(_))), "{failed}");
            }
            let failed =
                host.auth.step_up_with_password(session.session(), PASSWORD, &client()).await.unwrap_err();
            assert!(matches!(failed, Error::Failed(Failure::PasswordHash(_))), "{failed}");
            let failed = host
                .auth
                .change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client())
                .await
                .unwrap_err();
            assert!(matches!(failed, Error::Failed(Failure::PasswordHash(_))), "{failed}");
        }
        // But that new passwords were looked up, and that three operations failed so and so often.
        assert_eq!(plain.database.count("sigra_limits", "used > 0").await, counted + 1 + 3);
        let failed = "outcome = 'failed' AND reason = 'internal_error' AND details = '{\"failure\":\"password_hash\"}'";
        assert_eq!(plain.database.count("sigra_audit", failed).await, 12 * 4);
        let of_the_session = format!("{failed} AND session_id IS NOT NULL AND user_id IS NOT NULL");
        assert_eq!(plain.database.count("sigra_audit", &of_the_session).await, 12 * 2);
        let _ = plain.sign_in(ADA).await;
    })
    .await;
}

#[tokio::test]
async fn a_form_of_hashes_that_is_not_named_is_told_once() {
    let log = log::capture();
    let told = |memory: u32| {
        let form = format!("Argon2 {{ memory_kib: {memory}, iterations: 1, lanes: 1 }}");
        let told = log.told();
        told.iter()
            .filter(|told| told.name == "password.hash_not_named" && told.field("form") == form)
            .count()
    };
    each_database(|database| async move {
        // Weaker ones, and one that is stronger than today's.
        let like = |memory: u32| WEAKER[0].1.replace("m=8192", &format!("m={memory}"));
        // Forms that no other test of this file has.
        Host::start(database.clone()).await.account(ADA).await;
        let host = with(database, |builder| builder.imported_like(like(8202))).await;
        for (memory, expected) in [(8201, 1), (8202, 0), (65_001, 1)] {
            let before = told(memory);
            store(&host, &like(memory)).await;
            for _ in 0..2 {
                refused(&host, "a wrong password here").await;
            }
            assert_eq!(told(memory), before + expected, "{memory}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_never_brings_an_old_password_back() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let new = stored(&host).await;
        store(&host, BCRYPT).await;
        // A change of the password that has not committed yet: the sign-in reads the old hash, and waits with the upgrade. On
        // SQLite it waits before it reads anything.
        let change =
            format!("UPDATE sigra_accounts SET epoch = epoch + 1; UPDATE users SET password_hash = '{new}'");
        let mut signing_in = tokio::task::JoinSet::new();
        let meanwhile = async {
            let host = host.clone();
            signing_in.spawn(async move { refused(&host, OLD).await });
            database.until_somebody_waits().await;
        };
        database.before_commit(&change, Box::pin(meanwhile)).await;
        signing_in.join_all().await;
        assert_eq!(stored(&host).await, new);
        if host.database.kind() != Kind::Sqlite {
            assert_eq!(
                host.trail().await.last().unwrap(),
                "session.password.sign_in refused account_changed"
            );
        }
        let _ = host.sign_in(ADA).await;
        refused(&host, OLD).await;
    })
    .await;
}
