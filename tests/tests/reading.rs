//! Reading the trail: pages by filter and cursor.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use sigra::audit::{AuditCursor, AuditFilter, AuditOutcome, Event, Row};
use sigra::clock::Clock as _;
use sigra_tests::evidence::{idle_rows, mixed_rows};
use sigra_tests::host::client;
use sigra_tests::{Host, each_database};

/// All rows of a filter, page by page.
async fn all(host: &Host, filter: &AuditFilter) -> Vec<Row> {
    let (mut rows, mut next) = (Vec::new(), None);
    loop {
        let page = host.auth.audit_page(filter, next).await.unwrap();
        rows.extend(page.rows);
        next = match page.next {
            // As a link carries it.
            Some(cursor) => Some(cursor.to_string().parse::<AuditCursor>().unwrap()),
            None => return rows,
        };
    }
}

fn count(rows: &[Row], holds: impl Fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| holds(row)).count()
}

#[tokio::test]
async fn pages_give_every_row_once_newest_first_whatever_is_written_meanwhile() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        idle_rows(&host, 20).await;
        host.clock.advance(Duration::from_secs(1));
        idle_rows(&host, 12).await;
        let before = all(&host, &AuditFilter::new().page_size(500)).await;
        assert_eq!(before.len(), 32);
        assert!(before.is_sorted_by(|one, other| (one.at, one.id) > (other.at, other.id)));
        for size in [1, 7, 16, 32] {
            let filter = AuditFilter::new().page_size(size).until(before[11].at);
            let older = all(&host, &filter).await;
            assert_eq!(older, before[12..], "before the second time");
        }
        // Written between two pages: nothing moves.
        let filter = AuditFilter::new().page_size(9);
        let first = host.auth.audit_page(&filter, None).await.unwrap();
        host.clock.advance(Duration::from_secs(1));
        idle_rows(&host, 5).await;
        let (mut seen, mut next) = (first.rows, first.next);
        while let Some(cursor) = next {
            let page = host.auth.audit_page(&filter, Some(cursor)).await.unwrap();
            seen.extend(page.rows);
            next = page.next;
        }
        assert_eq!(seen, before);
        // Bounded, whatever is asked for.
        assert_eq!(host.auth.audit_page(&filter.clone().page_size(0), None).await.unwrap().rows.len(), 1);
        idle_rows(&host, 480).await;
        let most = host.auth.audit_page(&filter.page_size(u32::MAX), None).await.unwrap();
        assert_eq!((most.rows.len(), most.next.is_some()), (500, true));
    })
    .await;
}

#[tokio::test]
async fn every_filter_gives_its_rows_and_no_others() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        mixed_rows(&host, 60).await;
        host.clock.advance(Duration::from_secs(1));
        let late = host.clock.now();
        let session = host.sign_in("ada@example.com").await;
        host.auth.sign_out(session.session(), &client()).await.unwrap();
        host.auth.seal_audit().await.unwrap();
        let rows = all(&host, &AuditFilter::new()).await;
        assert!(rows.len() >= 60 && rows.iter().all(|row| row.leaf.is_some() && row.count == 1));
        let ada = session.user().id.to_string();
        let id = rows.iter().find_map(|row| row.session_id).unwrap();
        let none = AuditFilter::new;
        let cases: [(AuditFilter, &dyn Fn(&Row) -> bool); 13] = [
            (none().account(session.user().id), &|row| row.user_id.as_ref() == Some(&ada)),
            (none().event(Event::SignIn.name()), &|row| row.event == "session.password.sign_in"),
            (none().area("session"), &|row| row.event.starts_with("session.")),
            (none().area("account.email"), &|row| row.event.starts_with("account.email.")),
            (none().outcome(AuditOutcome::Refused), &|row| row.outcome == "refused"),
            (none().outcome(AuditOutcome::Success), &|row| row.outcome == "success"),
            (none().reason("wrong_password"), &|row| row.reason.as_deref() == Some("wrong_password")),
            (none().session(id), &|row| row.session_id == Some(id)),
            (none().from(late), &|row| row.at >= late),
            (none().until(late), &|row| row.at < late),
            (none().account(&ada).area("session").outcome(AuditOutcome::Refused), &|row| {
                row.user_id.as_ref() == Some(&ada)
                    && row.event.starts_with("session.")
                    && row.outcome == "refused"
            }),
            (none().account(&ada).until(late), &|row| row.user_id.as_ref() == Some(&ada) && row.at < late),
            (none().from(late).event("session.password.sign_in").session(id), &|row| {
                row.at >= late && row.session_id == Some(id) && row.event == "session.password.sign_in"
            }),
        ];
        for (filter, holds) in cases {
            let found = all(&host, &filter.clone().page_size(3)).await;
            assert!(found.iter().all(holds), "{filter:?}");
            assert_eq!(found.len(), count(&rows, holds), "{filter:?}");
        }
        assert!(count(&rows, |row| row.reason.as_deref() == Some("wrong_password")) > 0);
        // Names are no patterns, and nothing that is asked for upsets a database.
        for nothing in [
            none().event("session.password.%"),
            none().event("session.password.sign-in"),
            none().area("s_ssion"),
            none().area(""),
            none().reason("x\0"),
            none().account("' OR ''='"),
            none().request("no such request"),
            none().until(time::OffsetDateTime::UNIX_EPOCH),
            none().from(time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 8000)),
        ] {
            assert_eq!(all(&host, &nothing).await, [], "{nothing:?}");
        }
        // A cursor from elsewhere shows nothing that the filter leaves out.
        let cursor = host.auth.audit_page(&none().page_size(1), None).await.unwrap().next;
        let page = host.auth.audit_page(&none().until(late), cursor).await.unwrap();
        assert!(!page.rows.is_empty() && page.rows.iter().all(|row| row.at < late));
    })
    .await;
}
