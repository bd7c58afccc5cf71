//! Mail: what Sigra has to say to an account's owner, and the seam through which the host sends it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::{Error, Failure};

/// Sends a mail: over SMTP, an API, or into a development mailbox.
///
/// The worker sends a few at once and cuts each off after a minute. Hand mails to a relay of your own, which takes them at once: one
/// that speaks to the recipient's server waits for as long as that pleases.
///
/// ```
/// use sigra::mail::{Mail, MailError, Mailer};
/// use std::{future::Future, pin::Pin};
///
/// struct Discard;
/// impl Mailer for Discard {
///     fn send(&self, _mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
///         Box::pin(async { Ok(()) })
///     }
/// }
/// ```
pub trait Mailer: Send + Sync + 'static {
    /// Hands the mail over. An error means that it may be tried again.
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>>;
}

/// The mailer could not take a mail. The text is logged. Where it repeats the address, the link or the code of the mail, as answers
/// of servers do, they are taken out of it; the rest is the mailer's to keep clean.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MailError(String);

impl MailError {
    /// Says what went wrong.
    #[must_use]
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// One mail: a plain text that is ready to send, and the facts in it for hosts that write their own.
///
/// It may hold a secret; `Debug` shows only what it is about.
#[derive(Clone)]
#[non_exhaustive]
pub struct Mail {
    /// The address as the host's table stores it. Never one that a request named.
    pub to: String,
    /// A subject without secrets or names.
    pub subject: &'static str,
    /// The text.
    pub text: String,
    /// What the text says, for a template of the host's own.
    pub message: Message,
}

/// What there is to say.
#[derive(Clone)]
#[non_exhaustive]
pub enum Message {
    /// Confirm the address, by link or by code.
    ConfirmEmail {
        /// The link. Its page asks for a click: it must not act by GET.
        link: String,
        /// Six digits.
        code: String,
        /// How long both are good.
        within: Duration,
    },
    /// Somebody tried to register with an address that has an account.
    AddressTaken {
        /// The sign-in page.
        sign_in: String,
        /// The page to ask for a reset.
        reset: String,
    },
    /// Choose a new password.
    ResetPassword {
        /// The link.
        link: String,
        /// How long it is good.
        within: Duration,
    },
    /// Strangers have used up the attempts at the password; its owner gets in all the same.
    AccountLocked {
        /// The link. Its page asks for a click: it must not act by GET.
        link: String,
        /// How long it is good.
        within: Duration,
    },
    /// Unlock the account, as was asked for.
    UnlockAccount {
        /// The link. Its page asks for a click: it must not act by GET.
        link: String,
        /// How long it is good.
        within: Duration,
    },
    /// The password has to be replaced, since others may know it.
    MustChangePassword {
        /// The link to choose a new one.
        link: String,
        /// The page to ask for another link.
        ask: String,
        /// How long the link is good.
        within: Duration,
    },
    /// Somebody who knows the password has guessed at the second factor.
    SecondFactorGuessed {
        /// The page to ask for a reset.
        reset: String,
    },
    /// A second factor was added.
    FactorAdded {
        /// The link that undoes it. Its page asks for a click: it must not act by GET.
        link: String,
        /// How long it is good from now on, to the hour.
        within: Duration,
    },
    /// A second factor was removed.
    FactorRemoved {
        /// The link that undoes it. Its page asks for a click: it must not act by GET.
        link: String,
        /// How long it is good from now on, to the hour.
        within: Duration,
    },
    /// Backup codes were made; those from before are void.
    BackupCodesReplaced {
        /// The link that voids them. Its page asks for a click: it must not act by GET.
        link: String,
        /// How long it is good from now on, to the hour.
        within: Duration,
    },
    /// A backup code was used.
    BackupCodeUsed {
        /// How many are left.
        left: u64,
        /// So few that the owner should make new ones.
        few: bool,
        /// The page to ask for a reset.
        reset: String,
    },
    /// Somebody has asked that the second factors be taken off.
    RecoveryBegun {
        /// The link that stops it. Its page asks for a click: it must not act by GET.
        link: String,
        /// How long it is good from now on, to the hour.
        within: Duration,
        /// How long the owner has until it may be done.
        delay: Duration,
    },
    /// The second factors were taken off.
    RecoveryFinished {
        /// The page to ask for a reset.
        reset: String,
    },
    /// The password was changed; what to do if it was not the owner.
    PasswordChanged {
        /// The page to ask for a reset.
        reset: String,
    },
}

/// What of a mail must not be logged, for texts that may repeat it: servers like to.
pub(crate) struct Private {
    anywhere: Vec<String>,
    /// What stands before the `@`, which may be a part of other words.
    local_part: String,
}

impl Private {
    /// The text with nothing of the mail in it.
    pub(crate) fn conceal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for private in &self.anywhere {
            text = conceal(&text, private, |_, _| true);
        }
        let outside = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
        conceal(&text, &self.local_part, |before, after| {
            outside(before.chars().next_back()) && outside(after.chars().next())
        })
    }
}

/// Replaces a text in whatever ASCII case it stands, where what stands before and behind it allows.
fn conceal(text: &str, private: &str, at: impl Fn(&str, &str) -> bool) -> String {
    // The length of each letter stays the same.
    let (folded, private) = (text.to_ascii_lowercase(), private.to_ascii_lowercase());
    if private.is_empty() {
        return text.to_owned();
    }
    let mut concealed = String::with_capacity(text.len());
    let mut rest = 0;
    for (start, _) in folded.match_indices(&private) {
        let end = start + private.len();
        if start >= rest && at(&text[..start], &text[end..]) {
            concealed.push_str(&text[rest..start]);
            concealed.push_str("(..)");
            rest = end;
        }
    }
    concealed + &text[rest..]
}

impl Mail {
    /// What of it must not be logged.
    pub(crate) fn private(&self) -> Private {
        let mut anywhere = vec![self.to.clone()];
        match &self.message {
            Message::ConfirmEmail { link, code, .. } => anywhere.extend([link.clone(), code.clone()]),
            Message::ResetPassword { link, .. }
            | Message::AccountLocked { link, .. }
            | Message::UnlockAccount { link, .. }
            | Message::MustChangePassword { link, .. }
            | Message::FactorAdded { link, .. }
            | Message::FactorRemoved { link, .. }
            | Message::BackupCodesReplaced { link, .. }
            | Message::RecoveryBegun { link, .. } => anywhere.push(link.clone()),
            Message::AddressTaken { .. }
            | Message::SecondFactorGuessed { .. }
            | Message::BackupCodeUsed { .. }
            | Message::RecoveryFinished { .. }
            | Message::PasswordChanged { .. } => {}
        }
        // The token without its link, and without what names its kind.
        let secrets = |text: &String| {
            text.rsplit_once('.').map(|(_, secret)| secret.to_owned()).filter(|secret| secret.len() > 20)
        };
        anywhere.extend(anywhere.iter().filter_map(secrets).collect::<Vec<_>>());
        let local_part = self.to.rsplit_once('@').map_or(String::new(), |(local, _)| local.to_owned());
        Private { anywhere, local_part }
    }

    #[allow(clippy::too_many_lines, reason = "every text there is, one below the other")]
    pub(crate) fn new(to: String, message: Message) -> Self {
        let (subject, text) = match &message {
            Message::ConfirmEmail { link, code, within } => (
                "Confirm your e-mail address",
                format!(
                    "Welcome! Please confirm that this address is yours. Open this link:\n\n{link}\n\n\
                     or type this code: {code}\n\nBoth are good for {}. If you did not register, ignore this mail: \
                     without the confirmation nobody can use the account.\n",
                    spoken(*within)
                ),
            ),
            Message::AddressTaken { sign_in, reset } => (
                "You have an account already",
                format!(
                    "Somebody tried to register with this address, which has an account already. If it was you, sign in \
                     here:\n\n{sign_in}\n\nIf you forgot your password, choose a new one:\n\n{reset}\n\nIf it was not you, \
                     there is nothing to do, and whoever tried was not told.\n\nIf you have never confirmed this address, \
                     choose a new password there now, since nobody can know who chose the old one.\n"
                ),
            ),
            Message::ResetPassword { link, within } => (
                "Choose a new password",
                format!(
                    "Somebody asked to reset the password of your account. To choose a new one, open this link:\n\n\
                     {link}\n\nIt is good for {} and works once. If it was not you, ignore this mail: your password stays \
                     as it is.\n",
                    spoken(*within)
                ),
            ),
            Message::AccountLocked { link, within } => (
                "Somebody tried to guess your password",
                format!(
                    "Somebody tried to sign in to your account with wrong passwords, so often that browsers in which you \
                     have not signed in before have to wait. Those in which you have are not affected, and your password \
                     was not found out.\n\nIf you are kept out yourself, open this link in the browser in which you want to \
                     sign in:\n\n{link}\n\nIt is good for {} and works once. If you are not, there is nothing to do.\n",
                    spoken(*within)
                ),
            ),
            Message::UnlockAccount { link, within } => (
                "Unlock your account",
                format!(
                    "Somebody asked to unlock your account. If it was you, open this link in the browser in which you want \
                     to sign in:\n\n{link}\n\nIt is good for {} and works once. If it was not you, ignore this mail.\n",
                    spoken(*within)
                ),
            ),
            Message::MustChangePassword { link, ask, within } => (
                "Your password has to be replaced",
                format!(
                    "Others may know the password of your account, so it does not open the account any more. Choose a new \
                     one here:\n\n{link}\n\nThe link is good for {} and works once. Later you can ask for another \
                     here:\n\n{ask}\n\nIf you use the old password anywhere else, change it there too.\n",
                    spoken(*within)
                ),
            ),
            Message::SecondFactorGuessed { reset } => (
                "Somebody knows your password",
                format!(
                    "Somebody signed in with the password of your account and then typed wrong codes, so often that browsers \
                     in which you have not signed in before have to wait. They did not get in.\n\nIf it was not you, choose a \
                     new password here, and change it wherever else you use it:\n\n{reset}\n"
                ),
            ),
            Message::FactorAdded { link, within } => (
                "A second factor was added to your account",
                format!(
                    "An authenticator was added to your account, and devices that had signed in without a second factor were \
                     signed out. If it was you, there is nothing to do.\n\n{}",
                    not_me(link, *within, "It is removed again")
                ),
            ),
            Message::FactorRemoved { link, within } => (
                "A second factor was removed from your account",
                format!(
                    "An authenticator was removed from your account. If it was you, there is nothing to do.\n\n{}",
                    not_me(link, *within, "It is put back")
                ),
            ),
            Message::BackupCodesReplaced { link, within } => (
                "New backup codes were made for your account",
                format!(
                    "New backup codes were made for your account; those from before are not good any more. If it was you, keep \
                     them where you find them without your phone.\n\n{}",
                    not_me(link, *within, "The codes become worthless")
                ),
            ),
            Message::BackupCodeUsed { left, few, reset } => (
                if *few { "You have few backup codes left" } else { "A backup code was used" },
                format!(
                    "One of the backup codes of your account was used. {left} {} left.{}\n\nIf it was not you, somebody has your \
                     codes and your password: choose a new password here, then make new codes in the settings:\n\n{reset}\n",
                    if *left == 1 { "is" } else { "are" },
                    if *few {
                        " Make new ones in the settings of your account before you need them."
                    } else {
                        ""
                    },
                ),
            ),
            Message::RecoveryBegun { link, within, delay } => (
                "The second factors of your account are about to be removed",
                format!(
                    "We were asked to remove the second factors of your account, since they are said to be lost. It can be done \
                     in {}. If you asked for it, there is nothing to do.\n\n{}",
                    spoken(*delay),
                    not_me(link, *within, "It is stopped")
                ),
            ),
            Message::RecoveryFinished { reset } => (
                "The second factors of your account were removed",
                format!(
                    "The second factors of your account were removed, as was asked for, and every device was signed out. Sign \
                     in with your password and add an authenticator anew.\n\nIf it was not you who asked, choose a new password \
                     here, and tell us:\n\n{reset}\n"
                ),
            ),
            Message::PasswordChanged { reset } => (
                "Your password was changed",
                format!(
                    "The password of your account was changed, and every other device was signed out. If it was you, \
                     there is nothing to do.\n\nIf it was not you, take your account back: choose a new password \
                     here:\n\n{reset}\n"
                ),
            ),
        };
        Self { to, subject, text, message }
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfirmEmail { .. } => "ConfirmEmail",
            Self::AddressTaken { .. } => "AddressTaken",
            Self::ResetPassword { .. } => "ResetPassword",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::AccountLocked { .. } => "AccountLocked",
            Self::UnlockAccount { .. } => "UnlockAccount",
            Self::MustChangePassword { .. } => "MustChangePassword",
            Self::SecondFactorGuessed { .. } => "SecondFactorGuessed",
            Self::FactorAdded { .. } => "FactorAdded",
            Self::FactorRemoved { .. } => "FactorRemoved",
            Self::BackupCodesReplaced { .. } => "BackupCodesReplaced",
            Self::BackupCodeUsed { .. } => "BackupCodeUsed",
            Self::RecoveryBegun { .. } => "RecoveryBegun",
            Self::RecoveryFinished { .. } => "RecoveryFinished",
        })
    }
}

/// What to do about a change that was somebody else's.
fn not_me(link: &str, within: Duration, undone: &str) -> String {
    format!(
        "If it was not you, open this link and say so:\n\n{link}\n\n{undone}, every device is signed out, and no backup code is \
         good any more. The link is good for {} and works once.\n",
        spoken(within)
    )
}

/// "48 hours", "15 minutes": the largest unit that fits without a rest.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        s if s >= 172_800 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s >= 3_600 && s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s >= 60 && s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Where the links in mails lead. The host says so once; no header of a request has a part in it.
#[derive(Clone, Debug)]
pub struct Links {
    base: String,
    confirm_email: String,
    reset_password: String,
    unlock_account: String,
    disown: String,
    sign_in: String,
    ask_reset: String,
}

impl Links {
    /// Links below an address such as `https://acme.example`, with the paths of the reference host: `/confirm/{token}`,
    /// `/reset/{token}`, `/unlock/{token}`, `/disown/{token}`, `/login` and `/reset`.
    ///
    /// Plain `http` is for `localhost`, `127.0.0.1` and `[::1]`: whoever reads a link on its way can use it.
    ///
    /// # Errors
    /// [`Failure::Config`] for anything else, with what to write.
    pub fn new(base_url: &str) -> Result<Self, Error> {
        let base = base_url.trim_end_matches('/');
        let is_plain = |rest: &str| !rest.is_empty() && !rest.contains(['?', '#', '@', ' ', '\\']);
        let is_local = |rest: &str| {
            let authority = rest.split('/').next().unwrap_or_default();
            let port =
                ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|host| authority.strip_prefix(host));
            port.is_some_and(|port| port.is_empty() || port.starts_with(':'))
        };
        let good = match (base.strip_prefix("https://"), base.strip_prefix("http://")) {
            (Some(rest), _) => is_plain(rest),
            (None, Some(rest)) => is_plain(rest) && is_local(rest),
            (None, None) => false,
        };
        if !good {
            return Err(Failure::Config(format!(
                "`{base_url}` is no address for links in mails; write one such as `https://acme.example`"
            ))
            .into());
        }
        Ok(Self {
            base: base.to_owned(),
            confirm_email: "/confirm/{token}".into(),
            reset_password: "/reset/{token}".into(),
            unlock_account: "/unlock/{token}".into(),
            disown: "/disown/{token}".into(),
            sign_in: "/login".into(),
            ask_reset: "/reset".into(),
        })
    }

    /// The address that they are below.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Another path of the confirmation page; `{token}` stands for the token.
    ///
    /// # Errors
    /// [`Failure::Config`] for a path that does not begin with a slash or has no `{token}`.
    pub fn confirm_email_at(mut self, path: &str) -> Result<Self, Error> {
        self.confirm_email = below_the_site(path, "{token}")?;
        Ok(self)
    }

    /// Another path of the page that sets a new password; `{token}` stands for the token.
    ///
    /// # Errors
    /// [`Failure::Config`] for a path that does not begin with a slash or has no `{token}`.
    pub fn reset_password_at(mut self, path: &str) -> Result<Self, Error> {
        self.reset_password = below_the_site(path, "{token}")?;
        Ok(self)
    }

    /// Another path of the page that unlocks an account; `{token}` stands for the token.
    ///
    /// # Errors
    /// [`Failure::Config`] for a path that does not begin with a slash or has no `{token}`.
    pub fn unlock_account_at(mut self, path: &str) -> Result<Self, Error> {
        self.unlock_account = below_the_site(path, "{token}")?;
        Ok(self)
    }

    /// Another path of the page that undoes a change; `{token}` stands for the token.
    ///
    /// # Errors
    /// [`Failure::Config`] for a path that does not begin with a slash or has no `{token}`.
    pub fn disown_at(mut self, path: &str) -> Result<Self, Error> {
        self.disown = below_the_site(path, "{token}")?;
        Ok(self)
    }

    /// Another path of the sign-in page.
    ///
    /// # Errors
    /// [`Failure::Config`] for a path that does not begin with a slash.
    pub fn sign_in_at(mut self, path: &str) -> Result<Self, Error> {
        self.sign_in = below_the_site(path, "")?;
        Ok(self)
    }

    /// Another path of the page that asks for a reset mail.
    ///
    /// # Errors
    /// [`Failure::Config`] for a path that does not begin with a slash.
    pub fn ask_reset_at(mut self, path: &str) -> Result<Self, Error> {
        self.ask_reset = below_the_site(path, "")?;
        Ok(self)
    }

    pub(crate) fn confirm_email(&self, token: &str) -> String {
        format!("{}{}", self.base, self.confirm_email.replace("{token}", token))
    }

    pub(crate) fn reset_password(&self, token: &str) -> String {
        format!("{}{}", self.base, self.reset_password.replace("{token}", token))
    }

    pub(crate) fn unlock_account(&self, token: &str) -> String {
        format!("{}{}", self.base, self.unlock_account.replace("{token}", token))
    }

    pub(crate) fn disown(&self, token: &str) -> String {
        format!("{}{}", self.base, self.disown.replace("{token}", token))
    }

    pub(crate) fn sign_in(&self) -> String {
        format!("{}{}", self.base, self.sign_in)
    }

    pub(crate) fn ask_reset(&self) -> String {
        format!("{}{}", self.base, self.ask_reset)
    }
}

/// A path of the site, with what it must have a place for: a link without its token would lead nowhere.
fn below_the_site(path: &str, place: &str) -> Result<String, Error> {
    if path.starts_with('/') && path.contains(place) {
        return Ok(path.to_owned());
    }
    Err(Failure::Config(format!(
        "`{path}` is no path for a link in a mail; write one such as `/page/{place}`"
    ))
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_over_https_or_to_this_machine() {
        for good in [
            "https://acme.example",
            "https://acme.example/app/",
            "https://acme.example:8443",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://localhost",
        ] {
            assert!(Links::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "acme.example",
            "http://acme.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example:80",
            "http://localhost@evil.example",
            "https://",
            "https://acme.example?x",
            "https://a@acme.example",
        ] {
            assert!(Links::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_server_repeats_of_a_mail_is_taken_out() {
        let link = "https://acme.example/confirm/sgc.k1.c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw";
        let message = Message::ConfirmEmail {
            link: link.into(),
            code: "271828".into(),
            within: Duration::from_hours(1),
        };
        let private = Mail::new("Ada@acme.example".into(), message).private();
        let said = format!("550 <ADA@acme.example>: no mailbox ada, not even adapter; {link} 271828");
        let said = private.conceal(&said);
        assert_eq!(said, "550 <(..)>: no mailbox (..), not even adapter; (..) (..)");
        let secret = link.rsplit('.').next().unwrap();
        assert_eq!(private.conceal(&format!("token={secret}&é")), "token=(..)&é");
        assert_eq!(private.conceal("connection refused"), "connection refused");
    }

    #[test]
    fn a_path_without_a_place_for_the_token_is_refused() {
        let links = || Links::new("https://acme.example/").unwrap();
        let moved = links().confirm_email_at("/welcome?t={token}").unwrap();
        assert_eq!(moved.confirm_email("abc"), "https://acme.example/welcome?t=abc");
        assert!(links().confirm_email_at("/welcome").is_err());
        assert!(links().reset_password_at("reset/{token}").is_err());
    }
}
