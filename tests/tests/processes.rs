//! Many at once from processes of their own: what the database alone can decide, it decides.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;

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
async fn of_1000_wrong_passwords_at_once_from_two_processes_the_limit_are_hashed_and_the_owner_signs_in() {
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
