//! What an operator sees of the audit trail, and takes away.

use std::fmt::Display;
use std::str::FromStr;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::Error;
use sigra::audit::{AuditCursor, AuditFilter, AuditOutcome, AuditPage, ExportFormat};
use sigra::axum::{Problem, Visitor, Web};
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::operators::Operator;
use crate::pages::{Format, Input, Moment, Page};
use crate::user::User;

/// What the operator asks for. A field that is empty is as good as none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    account: String,
    event: String,
    outcome: String,
    reason: String,
    from: String,
    until: String,
}

impl Wanted {
    fn filter(&self) -> Result<AuditFilter, Problem> {
        let mut filter = AuditFilter::new();
        if !self.account.is_empty() {
            filter = filter.account(&self.account);
        }
        // `session` and `account.email` name areas; an event has three words.
        filter = match self.event.matches('.').count() {
            _ if self.event.is_empty() => filter,
            0 | 1 => filter.area(&self.event),
            _ => filter.event(&self.event),
        };
        if !self.reason.is_empty() {
            filter = filter.reason(&self.reason);
        }
        filter = match self.outcome.as_str() {
            "" => filter,
            "success" => filter.outcome(AuditOutcome::Success),
            "refused" => filter.outcome(AuditOutcome::Refused),
            "failed" => filter.outcome(AuditOutcome::Failed),
            _ => return Err(malformed("the outcome is success, refused or failed")),
        };
        if let Some(first) = day(&self.from)? {
            filter = filter.from(first);
        }
        if let Some(last) = day(&self.until)? {
            filter = filter.until(last.saturating_add(time::Duration::DAY));
        }
        Ok(filter)
    }
}

/// The beginning of a day (UTC), as a date field sends it.
fn day(text: &str) -> Result<Option<OffsetDateTime>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
    date.map(|date| Some(date.midnight().assume_utc())).map_err(|_| malformed("a day is written 2026-01-31"))
}

fn malformed(why: impl Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", why.to_string())
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditTemplate {
    wanted: Wanted,
    page: AuditPage,
}

impl Page for AuditTemplate {
    fn json(&self) -> Value {
        let rows = self.page.rows.iter().map(|row| {
            json!({
                "id": row.id.to_string(),
                "at": Moment(&row.at).machine(),
                "event": row.event,
                "outcome": row.outcome,
                "reason": row.reason,
                "actor": row.actor,
                "user_id": row.user_id,
                "network": row.network,
                "user_agent": row.user_agent,
                "details": row.details,
                "count": row.count,
                "leaf": row.leaf,
            })
        });
        json!({
            "rows": rows.collect::<Vec<_>>(),
            "next": self.page.next.map(|cursor| cursor.to_string()),
        })
    }
}

#[derive(Deserialize)]
pub struct Place {
    /// Where an earlier page ended.
    after: Option<String>,
}

/// `GET /audit`
pub async fn show(
    State(web): State<Web<User>>,
    _: Operator,
    Query(wanted): Query<Wanted>,
    Query(place): Query<Place>,
    format: Format,
) -> Result<Response, Response> {
    let filter = wanted.filter().map_err(IntoResponse::into_response)?;
    let after = place.after.filter(|after| !after.is_empty());
    let after = after.map(|after| AuditCursor::from_str(&after)).transpose();
    let after = after.map_err(|error| malformed(error).into_response())?;
    let page = web.auth().audit_page(&filter, after).await.map_err(IntoResponse::into_response)?;
    Ok(format.show(&AuditTemplate { wanted, page }))
}

#[derive(Deserialize)]
pub struct Export {
    format: String,
    #[serde(flatten)]
    wanted: Wanted,
}

/// `POST /audit/export` sends a file, a piece at a time. It is a POST because it writes a row into the trail.
pub async fn export(
    State(web): State<Web<User>>,
    Operator(session): Operator,
    visitor: Visitor<User>,
    Input(Export { format, wanted }): Input<Export>,
) -> Result<Response, Response> {
    let (format, content_type, disposition) = match format.as_str() {
        "jsonl" => (ExportFormat::JsonLines, "application/jsonl", "attachment; filename=\"audit.jsonl\""),
        "csv" => (
            ExportFormat::Csv,
            "text/csv; charset=utf-8; header=present",
            "attachment; filename=\"audit.csv\"",
        ),
        "ocsf" => (ExportFormat::Ocsf, "application/jsonl", "attachment; filename=\"audit.ocsf.jsonl\""),
        _ => return Err(malformed("the format is jsonl, csv or ocsf").into_response()),
    };
    let filter = wanted.filter().map_err(IntoResponse::into_response)?;
    let operator = session.user().id.to_string();
    let export = web.auth().export_audit(&operator, filter, format, &visitor).await;
    let export = export.map_err(IntoResponse::into_response)?;
    // An answer that fails on its way is cut off, which a browser shows as a failed download.
    let chunks = try_unfold(export, |mut export| async move {
        Ok::<_, Error>(export.next_chunk().await?.map(|chunk| (chunk, export)))
    });
    let headers = [(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, disposition)]
        .map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok((headers, Body::from_stream(chunks)).into_response())
}
