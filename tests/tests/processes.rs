//! Many at once from processes of their own: what the database alone can decide, it decides.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use sigra::{Credentials, Refusal};
use sigra_tests::host::client;
use sigra_tests::node::{Node, Order, Report};
use sigra_tests::{Host, PASSWORD, UserSignIn, each_database};

const ADA: &str = "ada@example.com";
const WRONG: &str = "a wrong password here";

/// What several nodes answered, together.
fn together(reports: &[Report]) -> BTreeMap<&str, u32> {
    let mut answers = BTreeMap::new();
    for (answer, count) in reports.iter().flat_map(|report| &report.answers) {
        *answers.entry(answer.as_str()).or_default() += count;
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2024_4629_of_1000_wrong_passwords_at_once_the_limit_are_hashed_and_the_owner_signs_in() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        // The browser in which its owner has signed in before.
        let session = host.sign_in(ADA).await;
        let home = client().with_device_token(session.device_token().unwrap().expose());
        let mut nodes = [Node::join(&database).await, Node::join(&database).await];
        // Every attempt from a network of its own: what refuses them is the limit of the account.
        let half = |network| Order::SignIn { email: ADA.into(), password: WRONG.into(), times: 500, network };
        let orders = [half(0), half(500)];
        let [one, two] = &mut nodes;
        let owner = async {
            for _ in 0..5 {
                let signed_in = host.auth.sign_in(Credentials::new(ADA, PASSWORD), &home).await;
                assert!(matches!(signed_in, Ok(UserSignIn::Complete(_))), "{signed_in:?}");
            }
        };
        let (first, second, ()) = tokio::join!(one.ask(&orders[0]), two.ask(&orders[1]), owner);
        let reports = [first, second];
        assert_eq!(
            together(&reports),
            BTreeMap::from([("invalid_credentials", 10), ("too_many_attempts", 990)])
        );
        assert_eq!(reports.iter().map(|report| report.hashes).sum::<u64>(), 10);
        assert!(reports.iter().all(|report| report.answers["too_many_attempts"] >= 490));
        // The limit is where both keep it: a third process finds it reached.
        let late = host.try_sign_in(ADA, PASSWORD).await.unwrap_err();
        assert!(matches!(late.refusal(), Some(Refusal::TooManyAttempts { .. })), "{late}");
        let refused = "event = 'session.password.sign_in' AND outcome = 'refused'";
        assert_eq!(host.database.count("sigra_audit", refused).await, 1001);
        let again = host.auth.sign_in(Credentials::new(ADA, PASSWORD), &home).await;
        assert!(matches!(again, Ok(UserSignIn::Complete(_))), "{again:?}");
    })
    .await;
}

/// So many sign-ins whose second factor is due, half for each of two processes.
async fn pending(host: &Host, count: usize) -> [Vec<String>; 2] {
    let mut halves = [Vec::new(), Vec::new()];
    for number in 0..count {
        halves[number % 2].push(host.challenge(ADA).await.token().expose().to_owned());
    }
    halves
}

/// The two processes answer at the same moment with one code; what came of it, together.
async fn prove(
    nodes: &mut [Node; 2],
    pending: [Vec<String>; 2],
    code: &str,
) -> (BTreeMap<String, u32>, Vec<String>) {
    let orders = pending.map(|pending| Order::Prove { pending, code: code.to_owned() });
    let [one, two] = nodes;
    let (first, second) = tokio::join!(one.ask(&orders[0]), two.ask(&orders[1]));
    let reports = [first.clone(), second.clone()];
    let answers = together(&reports).into_iter().map(|(answer, count)| (answer.to_owned(), count)).collect();
    (answers, [first.tokens, second.tokens].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_at_once_from_two_processes_one_succeeds_of_a_code_a_backup_code_and_a_challenge() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let (app, session) = host.enrol(ADA).await;
        let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
        let codes = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
        let mut codes = codes.iter();
        let mut nodes = [Node::join(&database).await, Node::join(&database).await];

        let challenge = host.challenge(ADA).await.token().expose().to_owned();
        let halves = [vec![challenge.clone(); 32], vec![challenge; 32]];
        let (answers, tokens) = prove(&mut nodes, halves, codes.next().unwrap()).await;
        assert_eq!(answers, BTreeMap::from([("signed_in".to_owned(), 1), ("invalid_token".to_owned(), 63)]));
        assert!(host.is_live(&tokens[0]).await);

        // Who comes too late with a code that is used up has typed a wrong one, and five of those are the limit.
        for (name, is_backup) in [("a code of an app", false), ("a backup code", true)] {
            let halves = pending(&host, 64).await;
            // Only now: so many hashes may take longer than a code of an app is good.
            let code = if is_backup { codes.next().unwrap().to_owned() } else { app.code(0) };
            let (mut answers, tokens) = prove(&mut nodes, halves, &code).await;
            assert_eq!((answers.remove("signed_in"), tokens.len()), (Some(1), 1), "{name}: {answers:?}");
            assert_eq!(answers.remove("invalid_code"), Some(5), "{name}: {answers:?}");
            assert_eq!(answers, BTreeMap::from([("too_many_attempts".to_owned(), 58)]), "{name}");
            assert!(host.is_live(&tokens[0]).await);
            // As if the wait were over.
            host.database.run("DELETE FROM sigra_limits").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_wrong_codes_of_both_kinds_over_two_processes_are_one_too_many_also_after_a_restart() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let (app, session) = host.enrol(ADA).await;
        let home = client().with_device_token(session.device_token().unwrap().expose());
        let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
        let codes = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
        let backup = codes.iter().next().unwrap().to_owned();
        let mut nodes = [Node::join(&database).await, Node::join(&database).await];
        let wrong = [app.wrong(), "0000-0000-0000-0000-0000-0000".to_owned()];
        for number in 0..6 {
            let [pending, _] = pending(&host, 1).await;
            // Each process tries both kinds.
            let order = Order::Prove { pending, code: wrong[number / 2 % 2].clone() };
            let report = nodes[number % 2].ask(&order).await;
            let expected = if number < 5 { "invalid_code" } else { "too_many_attempts" };
            assert_eq!(report.answers, BTreeMap::from([(expected.to_owned(), 1)]), "{number}");
        }
        for node in nodes {
            node.kill().await;
        }
        let mut again = Node::join(&database).await;
        for code in [app.code(0), backup.clone()] {
            let [pending, _] = pending(&host, 1).await;
            let report = again.ask(&Order::Prove { pending, code }).await;
            assert_eq!(report.answers, BTreeMap::from([("too_many_attempts".to_owned(), 1)]));
        }
        // Its owner has what the policy says: the own browser, a backup code after the wait, and an operator's help.
        let own = host.challenge(ADA).await;
        assert!(host.auth.prove_second_factor(own.token().expose(), app.code(0), &home).await.is_ok());
        host.clock.advance(Duration::from_secs(15 * 60 + 1));
        assert!(host.prove(&host.challenge(ADA).await, &backup).await.is_ok());
        let id = sudo.user().id;
        assert!(host.auth.begin_recovery("root", &id, &client()).await.unwrap().is_some());
        host.clock.advance(Duration::from_hours(24));
        assert!(host.auth.finish_recovery("root", &id, &client()).await.unwrap());
        let _ = host.sign_in(ADA).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_one_process_opens_and_ends_is_seen_so_by_another() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let mut nodes = [Node::join(&database).await, Node::join(&database).await];
        let sign_in = Order::SignIn { email: ADA.into(), password: PASSWORD.into(), times: 4, network: 0 };
        let opened = nodes[0].ask(&sign_in).await;
        assert_eq!(opened.answers, BTreeMap::from([("signed_in".to_owned(), 4)]));
        let check = |token: &String| Order::Check { token: token.clone(), times: 16 };
        for (number, token) in opened.tokens.iter().enumerate() {
            let live = nodes[1].ask(&check(token)).await;
            assert_eq!(live.answers, BTreeMap::from([("live".to_owned(), 16)]));
            let session = host.auth.session(token).await.unwrap().unwrap();
            host.auth.sign_out(&session, &client()).await.unwrap();
            let ended = nodes[number % 2].ask(&check(token)).await;
            assert_eq!(ended.answers, BTreeMap::from([("ended".to_owned(), 16)]));
        }
    })
    .await;
}
