//! The development mailbox: mails land in memory, at `/dev/mailbox`. A real host gives Sigra a mailer that sends them.

use std::collections::VecDeque;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sigra::axum::SecretPage;
use sigra::mail::{Mail, MailError, Mailer, Message};

use crate::pages::{Format, Page};

/// Mails that are kept.
const CAPACITY: usize = 200;

/// The latest mails, the newest first.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<Letter>>>);

/// A mail as the page shows it.
#[derive(Clone, Serialize)]
struct Letter {
    to: String,
    subject: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Mailbox {
    fn letters(&self) -> MutexGuard<'_, VecDeque<Letter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailer for Mailbox {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        let (link, code) = match mail.message {
            Message::ConfirmEmail { link, code, .. } => (Some(link), Some(code)),
            Message::ResetPassword { link, .. }
            | Message::AccountLocked { link, .. }
            | Message::UnlockAccount { link, .. }
            | Message::MustChangePassword { link, .. }
            | Message::FactorAdded { link, .. }
            | Message::FactorRemoved { link, .. }
            | Message::BackupCodesReplaced { link, .. }
            | Message::RecoveryBegun { link, .. } => (Some(link), None),
            Message::AddressTaken { sign_in, .. } => (Some(sign_in), None),
            Message::PasswordChanged { reset }
            | Message::SecondFactorGuessed { reset }
            | Message::BackupCodeUsed { reset, .. }
            | Message::RecoveryFinished { reset } => (Some(reset), None),
            _ => (None, None),
        };
        let mut letters = self.letters();
        letters.push_front(Letter { to: mail.to, subject: mail.subject, text: mail.text, link, code });
        letters.truncate(CAPACITY);
        Box::pin(ready(Ok(())))
    }
}

#[derive(Deserialize)]
pub struct Filter {
    /// Only mails to this address.
    to: Option<String>,
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxPage {
    letters: Vec<Letter>,
}

impl Page for MailboxPage {
    fn json(&self) -> Value {
        json!(self.letters)
    }
}

/// `GET /dev/mailbox`, optionally with `?to=`: the newest first.
pub async fn show(
    State(mailbox): State<Mailbox>,
    Query(filter): Query<Filter>,
    format: Format,
) -> SecretPage<Response> {
    let wanted = |letter: &&Letter| filter.to.as_ref().is_none_or(|to| letter.to.eq_ignore_ascii_case(to));
    let letters = mailbox.letters().iter().filter(wanted).cloned().collect();
    SecretPage(format.show(&MailboxPage { letters }))
}
