//! Rows of the trail as events of the Open Cybersecurity Schema Framework 1.1.0. The table stands at `ExportFormat::Ocsf`.

use std::net::IpAddr;

use super::export::Object;
use super::row::{Row, micros};

const AUTHENTICATION: i64 = 3002;
const ACCOUNT_CHANGE: i64 = 3001;
const BASE_EVENT: i64 = 0;
const OTHER: i64 = 99;

/// The class, the activity in it and the activity's name.
fn class(event: &str) -> (i64, i64, &str) {
    let other = event;
    match event {
        // The step that begins the session, whichever it is.
        "session.password.sign_in" | "session.second_factor.prove" => (AUTHENTICATION, 1, "Logon"),
        "session.own.sign_out" | "session.other.revoke" | "session.others.revoke" | "session.all.revoke" => {
            (AUTHENTICATION, 2, "Logoff")
        }
        "account.user.register" | "account.user.adopt" => (ACCOUNT_CHANGE, 1, "Create"),
        "account.user.enable" => (ACCOUNT_CHANGE, 2, "Enable"),
        "account.password.change" => (ACCOUNT_CHANGE, 3, "Password Change"),
        "account.password.reset" => (ACCOUNT_CHANGE, 4, "Password Reset"),
        "account.user.disable" => (ACCOUNT_CHANGE, 5, "Disable"),
        _ if event.starts_with("session.") => (AUTHENTICATION, OTHER, other),
        _ if event.starts_with("account.") => (ACCOUNT_CHANGE, OTHER, other),
        _ => (BASE_EVENT, OTHER, other),
    }
}

/// One event. `log` names the log that the row is of.
pub(super) fn event(row: &Row, log: &str) -> String {
    let (class, activity, name) = class(&row.event);
    let category = if class == BASE_EVENT { 0 } else { 3 };
    let (status, caption, severity) = match (row.outcome.as_str(), row.reason.as_deref()) {
        ("success", _) => (1, "Success", 1),
        // Neither: the sign-in goes on, and ends in a row of its own.
        ("refused", Some("second_factor_due")) => (OTHER, "second_factor_due", 1),
        ("refused", _) => (2, "Failure", 2),
        _ => (2, "Failure", 3),
    };
    let object = Object::new()
        .number("class_uid", class)
        .number("category_uid", category)
        .number("activity_id", activity)
        .text("activity_name", name)
        .number("type_uid", class * 100 + activity)
        .number("severity_id", severity)
        .number("status_id", status)
        .text("status", caption)
        .some("status_code", row.reason.as_deref())
        .number("time", micros(row.at).div_euclid(1_000))
        .number("count", row.count)
        .object("metadata", metadata(row, log));
    let object = if class == BASE_EVENT { object } else { with_people(object, row, class, log) };
    let unmapped = unmapped(row, class);
    if unmapped.is_empty() { object.end() } else { object.object("unmapped", unmapped).end() }
}

fn metadata(row: &Row, log: &str) -> Object {
    let product = Object::new().text("name", "Sigra").text("vendor_name", "Sigra");
    let metadata = Object::new()
        .text("version", "1.1.0")
        .object("product", product)
        .text("uid", &row.id.to_string())
        .text("event_code", &row.event)
        .text("log_name", log)
        .some("correlation_uid", row.request_id.as_deref());
    match row.leaf {
        Some(leaf) => metadata.number("sequence", leaf),
        None => metadata,
    }
}

/// Who, from where: what the two classes of identity have, and the base event has not.
fn with_people(mut object: Object, row: &Row, class: i64, log: &str) -> Object {
    object = object.object("user", user(row.user_id.as_deref()));
    let session = row.session_id.map(|id| Object::new().text("uid", &id.to_string()));
    if let Some(actor) = actor(row) {
        object = object.object("actor", Object::new().object("user", actor));
    }
    if class == AUTHENTICATION {
        object = object.object("service", Object::new().text("name", log));
        if let Some(session) = session {
            object = object.object("session", session);
        }
    }
    if let Some(ip) = address(row) {
        object = object.object("src_endpoint", Object::new().text("ip", ip));
    }
    let request =
        Object::new().some("uid", row.request_id.as_deref()).some("user_agent", row.user_agent.as_deref());
    if request.is_empty() { object } else { object.object("http_request", request) }
}

fn user(id: Option<&str>) -> Object {
    match id {
        Some(id) => Object::new().text("uid", id).number("type_id", 1),
        None => Object::new().text("name", "unknown").number("type_id", 0),
    }
}

/// Nothing for a visitor: who that is, nobody knows.
fn actor(row: &Row) -> Option<Object> {
    match (row.actor.as_str(), row.actor.strip_prefix("operator:")) {
        (_, Some(name)) => Some(Object::new().text("name", name).number("type_id", 2)),
        ("account", _) => Some(user(row.user_id.as_deref())),
        ("system", _) => Some(Object::new().text("name", "system").number("type_id", 3)),
        _ => None,
    }
}

/// The network, where the privacy setting kept an address.
fn address(row: &Row) -> Option<&str> {
    row.network.as_deref().filter(|network| network.parse::<IpAddr>().is_ok())
}

/// What the class has no place for, by the names of the columns.
fn unmapped(row: &Row, class: i64) -> Object {
    let base = class == BASE_EVENT;
    let session = row.session_id.filter(|_| class != AUTHENTICATION).map(|id| id.to_string());
    let network = row.network.as_deref().filter(|_| base || address(row).is_none());
    let unmapped = Object::new()
        .text("outcome", &row.outcome)
        .text("actor", &row.actor)
        .some("on_behalf_of", row.on_behalf_of.as_deref())
        .some("user_id", row.user_id.as_deref().filter(|_| base))
        .some("session_id", session.as_deref())
        .some("network", network)
        .some("user_agent", row.user_agent.as_deref().filter(|_| base))
        .some("details", row.details.as_deref());
    if row.is_foreign() { unmapped.number("foreign", 1) } else { unmapped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Event;
    use crate::audit::row::example;

    const LOG: &str = "acme.example/sigra_audit";

    #[test]
    fn a_refused_sign_in_is_this_event() {
        assert_eq!(
            event(&Row { leaf: Some(7), ..example() }, LOG),
            "{\"class_uid\":3002,\"category_uid\":3,\"activity_id\":1,\"activity_name\":\"Logon\",\"type_uid\":300201,\
             \"severity_id\":2,\"status_id\":2,\"status\":\"Failure\",\"status_code\":\"wrong_password\",\
             \"time\":1760000000000,\"count\":1,\"metadata\":{\"version\":\"1.1.0\",\"product\":{\"name\":\"Sigra\",\
             \"vendor_name\":\"Sigra\"},\"uid\":\"01920000-0000-7000-8000-000000000001\",\
             \"event_code\":\"session.password.sign_in\",\"log_name\":\"acme.example/sigra_audit\",\
             \"correlation_uid\":\"\",\"sequence\":7},\"user\":{\"uid\":\"42\",\"type_id\":1},\
             \"service\":{\"name\":\"acme.example/sigra_audit\"},\"src_endpoint\":{\"ip\":\"192.0.2.7\"},\
             \"http_request\":{\"uid\":\"\",\"user_agent\":\"curl\"},\
             \"unmapped\":{\"outcome\":\"refused\",\"actor\":\"visitor\"}}"
        );
    }

    #[test]
    fn an_operator_and_an_event_of_the_host_are_these() {
        let session = uuid::Uuid::from_u128(9);
        let operator = Row {
            event: Event::DisableAccount.name().into(),
            outcome: "success".into(),
            reason: None,
            actor: "operator:root".into(),
            network: Some("192.0.2.0/24".into()),
            session_id: Some(session),
            user_id: None,
            ..example()
        };
        let read: serde_json::Value = serde_json::from_str(&event(&operator, LOG)).unwrap();
        assert_eq!((&read["class_uid"], &read["type_uid"]), (&3001.into(), &300_105.into()));
        assert_eq!(read["actor"]["user"], serde_json::json!({ "name": "root", "type_id": 2 }));
        assert_eq!(read["user"], serde_json::json!({ "name": "unknown", "type_id": 0 }));
        assert_eq!(read["unmapped"]["network"], "192.0.2.0/24");
        assert!(read.get("src_endpoint").is_none() && read.get("session").is_none());

        let host = Row { event: "shop.order.place".into(), details: Some("{\"a\":1}".into()), ..operator };
        let read: serde_json::Value = serde_json::from_str(&event(&host, LOG)).unwrap();
        assert_eq!(
            (&read["class_uid"], &read["category_uid"], &read["type_uid"]),
            (&0.into(), &0.into(), &99.into())
        );
        assert_eq!(
            read["unmapped"],
            serde_json::json!({
                "outcome": "success", "actor": "operator:root", "session_id": session.to_string(),
                "network": "192.0.2.0/24", "user_agent": "curl", "details": "{\"a\":1}",
            })
        );
        assert!(read.get("user").is_none() && read.get("actor").is_none());
    }

    #[test]
    fn a_sign_in_that_goes_on_with_the_second_factor_is_no_failure() {
        let due = event(&Row { reason: Some("second_factor_due".into()), ..example() }, LOG);
        assert!(due.contains("\"severity_id\":1,\"status_id\":99,\"status\":\"second_factor_due\""), "{due}");
        let proved = Row { event: "session.second_factor.prove".into(), ..example() };
        let done = event(&Row { outcome: "success".into(), reason: None, ..proved }, LOG);
        assert!(done.contains("\"activity_name\":\"Logon\""), "{done}");
        assert!(done.contains("\"status_id\":1,"), "{done}");
    }

    #[test]
    fn the_names_are_those_of_the_events() {
        for (event, activity) in [
            (Event::SignIn, 1),
            (Event::ProveSecondFactor, 1),
            (Event::StepUp, OTHER),
            (Event::SignOut, 2),
            (Event::RevokeSession, 2),
            (Event::RevokeOtherSessions, 2),
            (Event::RevokeAllSessions, 2),
        ] {
            assert_eq!(class(event.name()).1, activity, "{event:?}");
        }
        for (event, activity) in [
            (Event::Register, 1),
            (Event::AdoptAccount, 1),
            (Event::EnableAccount, 2),
            (Event::ChangePassword, 3),
            (Event::ResetPassword, 4),
            (Event::DisableAccount, 5),
            (Event::UnlockAccount, OTHER),
        ] {
            assert_eq!(class(event.name()), (ACCOUNT_CHANGE, activity, class(event.name()).2), "{event:?}");
        }
        for event in [Event::SendMail, Event::RotateKeys, Event::RemoveOldRows] {
            assert_eq!(class(event.name()), (BASE_EVENT, OTHER, event.name()));
        }
    }
}
