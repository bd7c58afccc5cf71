//! What is recorded: events, outcomes, reasons and actors, by their stable names.

use time::OffsetDateTime;

use super::details::EventError;
use super::host::{AuditEvent, EventName, reason_of};
use crate::client::harmless;

/// What an operation is called in the trail. The names are stable: `area.object.verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A visitor registers.
    Register,
    /// An operator gives a row of the host's table an account.
    AdoptAccount,
    /// An operator disables an account.
    DisableAccount,
    /// An operator enables an account again.
    EnableAccount,
    /// A mailed link or an operator lets a locked account be tried again.
    UnlockAccount,
    /// A visitor asks for a mail to unlock an account.
    RequestUnlock,
    /// A visitor asks for another confirmation mail.
    RequestConfirmation,
    /// An address is proved by link or code.
    ConfirmEmail,
    /// A visitor asks for a reset mail.
    RequestPasswordReset,
    /// A forgotten password is set anew by link.
    ResetPassword,
    /// A user changes the password.
    ChangePassword,
    /// An operator has a password replaced.
    RequirePasswordChange,
    /// A visitor signs in by the password. Where the second factor is due, no session begins: the row is refused with
    /// [`Reason::SecondFactorDue`] and stays so, and what comes of it is in rows of [`ProveSecondFactor`](Self::ProveSecondFactor).
    SignIn,
    /// The second step of a sign-in: the one that begins the session where there is a second factor. Its details have the
    /// `challenge` of the first step's row.
    ProveSecondFactor,
    /// A user proves once more to be there.
    StepUp,
    /// A user begins to add a second factor.
    BeginFactor,
    /// A code proves a new second factor.
    AddFactor,
    /// A user removes a second factor.
    RemoveFactor,
    /// A user makes new backup codes.
    CreateBackupCodes,
    /// A user has one browser, or all, ask for the second factor again.
    RevokeTrust,
    /// An operator begins to take the second factors off an account.
    BeginRecovery,
    /// An operator takes them off, after the delay.
    FinishRecovery,
    /// An operator stops it.
    CancelRecovery,
    /// A mailed link undoes a change that the owner did not make.
    Disown,
    /// A user signs out.
    SignOut,
    /// A user ends another session.
    RevokeSession,
    /// A user ends all other sessions.
    RevokeOtherSessions,
    /// A user or operator ends all sessions.
    RevokeAllSessions,
    /// The library writes a mail, with a fresh secret where it has one, and hands it over; `failed`: it was given up.
    SendMail,
    /// A process is given other keys while it runs.
    RotateKeys,
    /// A process is given other peppers while it runs.
    RotatePeppers,
    /// Rows of the trail itself are removed because they are older than `audit(retain)`.
    RemoveOldRows,
    /// An operator erases the personal facts from the rows of an account.
    ErasePersonalFacts,
    /// An operator begins to export rows of the trail.
    ExportAudit,
}

impl Event {
    /// The name in the column `event`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "account.user.register",
            Self::AdoptAccount => "account.user.adopt",
            Self::DisableAccount => "account.user.disable",
            Self::EnableAccount => "account.user.enable",
            Self::UnlockAccount => "account.user.unlock",
            Self::RequestUnlock => "account.user.request_unlock",
            Self::RequestConfirmation => "account.email.request_confirmation",
            Self::ConfirmEmail => "account.email.confirm",
            Self::RequestPasswordReset => "account.password.request_reset",
            Self::ResetPassword => "account.password.reset",
            Self::ChangePassword => "account.password.change",
            Self::RequirePasswordChange => "account.password.require_change",
            Self::SignIn => "session.password.sign_in",
            Self::ProveSecondFactor => "session.second_factor.prove",
            Self::StepUp => "session.own.step_up",
            Self::BeginFactor => "account.factor.begin",
            Self::AddFactor => "account.factor.add",
            Self::RemoveFactor => "account.factor.remove",
            Self::CreateBackupCodes => "account.backup_codes.create",
            Self::RevokeTrust => "account.trust.revoke",
            Self::BeginRecovery => "account.recovery.begin",
            Self::FinishRecovery => "account.recovery.finish",
            Self::CancelRecovery => "account.recovery.cancel",
            Self::Disown => "account.change.disown",
            Self::SignOut => "session.own.sign_out",
            Self::RevokeSession => "session.other.revoke",
            Self::RevokeOtherSessions => "session.others.revoke",
            Self::RevokeAllSessions => "session.all.revoke",
            Self::SendMail => "mail.message.send",
            Self::RotateKeys => "keyring.keys.rotate",
            Self::RotatePeppers => "keyring.peppers.rotate",
            Self::RemoveOldRows => "audit.rows.remove",
            Self::ErasePersonalFacts => "audit.facts.erase",
            Self::ExportAudit => "audit.trail.export",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was refused; the reason says why.
    Refused,
    /// It could not be done.
    Failed,
}

impl AuditOutcome {
    /// The name in the column `outcome`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Why something was refused or failed: stable codes for the column `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No account has this address.
    UnknownAccount,
    /// The password is wrong, or the account has none.
    WrongPassword,
    /// The stored hash of the account cannot be verified, whatever the password is: an operator has to look at it.
    UnreadableHash,
    /// The account's limit is reached.
    AccountLimit,
    /// The network's limit is reached.
    NetworkLimit,
    /// The limit of a known device is reached by attempts that came at once. From then on it is not known.
    DeviceLimit,
    /// The password was right, for the 101st time within an hour.
    RightPasswordLimit,
    /// The limit for everybody is reached.
    OverallLimit,
    /// The limit of mails to one address is reached.
    MailLimit,
    /// The password was right; nobody has confirmed the address, so it proves nothing.
    Unconfirmed,
    /// The account is disabled.
    Disabled,
    /// Too many failures in a row: the password opens nothing from an unknown device until its owner is back.
    PasswordShut,
    /// The password was right and has to be replaced.
    MustChangePassword,
    /// The new password is the present one.
    PasswordUnchanged,
    /// The password was right; the second factor is due. No failure: whoever counts failed sign-ins leaves it out.
    SecondFactorDue,
    /// The code of a second factor is wrong, or was used already.
    WrongCode,
    /// The account's limit of wrong codes is reached.
    FactorLimit,
    /// Too many wrong codes over all waits: none is looked at any more until a mailed link has set another password.
    FactorShut,
    /// The account's limit of changes of second factors and backup codes is reached.
    ChangeLimit,
    /// Who is there was not proved recently enough, or not by the second factor.
    SudoRequired,
    /// The account has as many second factors as it may.
    TooManyFactors,
    /// The account has no second factor.
    NoFactor,
    /// The delay of an assisted recovery has not passed.
    TooEarly,
    /// The account changed while its password was being checked.
    AccountChanged,
    /// The address has an account already.
    AddressTaken,
    /// The address has an account that nobody has confirmed yet: from now on whoever has the mailbox decides.
    AddressContested,
    /// The host changed the address of an account by itself, so that a link would prove another than it was asked for.
    AddressChanged,
    /// A value of the host's own is taken, or cannot be stored.
    InvalidValue,
    /// What was given for an address is none.
    InvalidEmail,
    /// The new password does not meet the policy.
    PasswordRejected,
    /// The new password could not be looked up among breached ones, and the host wants no other.
    BreachedPasswords,
    /// The new keys or peppers cannot take the place of those in use.
    Keys,
    /// The link or code is wrong, used, expired or voided.
    InvalidToken,
    /// The session that asked has ended.
    SessionEnded,
    /// There was nothing to change.
    NothingToDo,
    /// The mailer gave up after many attempts.
    DeliveryFailed,
    /// Something that it needs failed: the details say what by the [code of the failure](crate::Failure::code), and the log has
    /// all of it beside the request id.
    InternalError,
}

impl Reason {
    /// The code in the column `reason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown_account",
            Self::WrongPassword => "wrong_password",
            Self::UnreadableHash => "unreadable_hash",
            Self::AccountLimit => "account_limit",
            Self::NetworkLimit => "network_limit",
            Self::DeviceLimit => "device_limit",
            Self::RightPasswordLimit => "right_password_limit",
            Self::OverallLimit => "overall_limit",
            Self::MailLimit => "mail_limit",
            Self::Unconfirmed => "unconfirmed",
            Self::Disabled => "disabled",
            Self::PasswordShut => "password_shut",
            Self::MustChangePassword => "must_change_password",
            Self::PasswordUnchanged => "password_unchanged",
            Self::SecondFactorDue => "second_factor_due",
            Self::WrongCode => "wrong_code",
            Self::FactorLimit => "factor_limit",
            Self::FactorShut => "factor_shut",
            Self::ChangeLimit => "change_limit",
            Self::SudoRequired => "sudo_required",
            Self::TooManyFactors => "too_many_factors",
            Self::NoFactor => "no_factor",
            Self::TooEarly => "too_early",
            Self::AccountChanged => "account_changed",
            Self::AddressTaken => "address_taken",
            Self::AddressContested => "address_contested",
            Self::AddressChanged => "address_changed",
            Self::InvalidValue => "invalid_value",
            Self::InvalidEmail => "invalid_email",
            Self::PasswordRejected => "password_rejected",
            Self::BreachedPasswords => "breached_passwords",
            Self::Keys => "keys",
            Self::InvalidToken => "invalid_token",
            Self::SessionEnded => "session_ended",
            Self::NothingToDo => "nothing_to_do",
            Self::DeliveryFailed => "delivery_failed",
            Self::InternalError => "internal_error",
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who has proved nothing. Also whoever is signed in or has a good link to reset the password, where what they asked
    /// for failed, was refused by a limit or changes nothing: the row names the account, and the session if there is one, and a
    /// flood of them is [counted](crate::audit::Row::count).
    Visitor,
    /// The account itself, by its session or by a secret mailed to it.
    Account,
    /// A person who runs the application, by the name the host gives.
    Operator(String),
    /// Sigra's own worker.
    System,
}

impl Actor {
    /// By the name that the host gives, without what would end a line of the trail or turn its direction.
    pub(crate) fn operator(name: &str) -> Self {
        Self::Operator(harmless(name).collect())
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Visitor => "visitor".into(),
            Self::Account => "account".into(),
            Self::System => "system".into(),
            // Bounded: the column is indexed text of limited length.
            Self::Operator(name) => format!("operator:{}", name.chars().take(200).collect::<String>()),
        }
    }
}

/// Sigra's own event, or one of the host's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyEvent {
    Sigra(Event),
    Host(EventName),
}

impl AnyEvent {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sigra(event) => event.name(),
            Self::Host(name) => name.as_str(),
        }
    }
}

/// Sigra's own reason, or one of the host's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyReason {
    Sigra(Reason),
    Host(&'static str),
}

impl AnyReason {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sigra(reason) => reason.name(),
            Self::Host(reason) => reason,
        }
    }
}

/// One row about to be written.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) event: AnyEvent,
    pub(crate) outcome: AuditOutcome,
    pub(crate) reason: Option<AnyReason>,
    pub(crate) actor: Actor,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<uuid::Uuid>,
    /// JSON without blanks whose keys are sorted.
    pub(crate) details: Option<String>,
}

impl Entry {
    pub(crate) fn success(event: Event, actor: Actor) -> Self {
        Self::new(AnyEvent::Sigra(event), actor)
    }

    fn new(event: AnyEvent, actor: Actor) -> Self {
        let (on_behalf_of, user_id, session_id, details) = (None, None, None, None);
        let (outcome, reason) = (AuditOutcome::Success, None);
        Self { event, outcome, reason, actor, on_behalf_of, user_id, session_id, details }
    }

    /// The row of an event of the host's, whose details are looked at.
    pub(crate) fn of_host<E: AuditEvent>(event: &E, actor: Actor) -> Result<Self, EventError> {
        let (reason, details) = (reason_of(event)?.map(AnyReason::Host), event.details());
        let details = if details.is_empty() { None } else { Some(details.to_json()?) };
        Ok(Self { outcome: event.outcome(), reason, details, ..Self::new(AnyEvent::Host(E::NAME), actor) })
    }

    pub(crate) fn refused(event: Event, actor: Actor, reason: Reason) -> Self {
        Self::success(event, actor).refused_for(reason)
    }

    pub(crate) fn failed(event: Event, actor: Actor, reason: Reason) -> Self {
        Self::success(event, actor).failed_for(reason)
    }

    pub(crate) fn refused_for(self, reason: Reason) -> Self {
        Self { outcome: AuditOutcome::Refused, reason: Some(AnyReason::Sigra(reason)), ..self }
    }

    pub(crate) fn failed_for(self, reason: Reason) -> Self {
        Self { outcome: AuditOutcome::Failed, ..self.refused_for(reason) }
    }

    pub(crate) fn of(mut self, user_id: impl std::fmt::Display) -> Self {
        self.user_id = Some(user_id.to_string());
        self
    }

    /// The row is about an account for which somebody else acts.
    pub(crate) fn on_behalf_of(mut self, user_id: Option<&impl std::fmt::Display>) -> Self {
        self = self.maybe_of(user_id);
        self.on_behalf_of.clone_from(&self.user_id);
        self
    }

    pub(crate) fn maybe_of(mut self, user_id: Option<impl std::fmt::Display>) -> Self {
        self.user_id = user_id.map(|id| id.to_string());
        self
    }

    pub(crate) fn with_details(mut self, details: String) -> Self {
        self.details = Some(details);
        self
    }

    /// Adds a number to the details. Its key comes after those that are there, which are sorted.
    pub(crate) fn with_number(mut self, key: &str, number: u64) -> Self {
        let before = self.details.as_deref().and_then(|details| details.strip_suffix('}'));
        let before = before.map_or_else(|| "{".to_owned(), |before| format!("{before},"));
        self.details = Some(format!(r#"{before}"{key}":{number}}}"#));
        self
    }

    pub(crate) fn in_session(mut self, session: crate::session::SessionId) -> Self {
        self.session_id = Some(session.0);
        self
    }
}

/// One row of an account's own trail.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Activity {
    /// When (UTC).
    pub at: OffsetDateTime,
    /// The event's name, `area.object.verb`.
    pub event: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// The reason's code, where it was refused.
    pub reason: Option<String>,
    /// `visitor`, `account`, `operator:<name>` or `system`.
    pub actor: String,
    /// The network, as the privacy setting keeps it.
    pub network: Option<String>,
    /// The browser, as the privacy setting keeps it.
    pub user_agent: Option<String>,
    /// More about the event, as JSON without blanks whose keys are sorted. Of a host's event: its
    /// [`Details`](super::Details).
    pub details: Option<String>,
}
