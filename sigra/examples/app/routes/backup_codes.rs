//! Backup codes: how many are left, and new ones.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage, Visitor, Web};
use sigra::{BackupCodes, Error, Sudo};

use crate::pages::{Format, Page};
use crate::user::User;

#[derive(Template)]
#[template(path = "backup_codes.html")]
struct CodesPage {
    left: u64,
    /// New ones, which are shown once.
    made: Option<BackupCodes>,
    problem: Option<Problem>,
}

impl Page for CodesPage {
    fn json(&self) -> Value {
        match &self.made {
            Some(made) => json!({ "codes": made.iter().collect::<Vec<_>>() }),
            None => json!({ "left": self.left }),
        }
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /settings/backup-codes`
pub async fn form(State(web): State<Web<User>>, sudo: Sudo<User>, format: Format) -> Result<Response, Error> {
    let left = web.auth().backup_codes_left(&sudo).await?;
    Ok(format.show(&CodesPage { left, made: None, problem: None }))
}

/// `POST /settings/backup-codes` makes new ones; those from before are void.
pub async fn create(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
    format: Format,
) -> Result<SecretPage<Response>, Error> {
    let page = match web.auth().create_backup_codes(&sudo, &visitor).await {
        Ok(made) => {
            let left = web.auth().backup_codes_left(&sudo).await?;
            CodesPage { left, made: Some(made), problem: None }
        }
        Err(error) => {
            let left = web.auth().backup_codes_left(&sudo).await?;
            CodesPage { left, made: None, problem: Some(error.into()) }
        }
    };
    Ok(SecretPage(format.show(&page)))
}
