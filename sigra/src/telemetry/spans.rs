//! The name of each operation, and the span it runs in.

use tracing::field::Empty;
use tracing::{Level, Span};

use super::TARGET;
use crate::audit::Event;

/// What is known of an operation when it begins.
pub(super) struct About<'a> {
    pub(super) user_type: &'static str,
    pub(super) request_id: Option<&'a str>,
    pub(super) session_id: Option<tracing::field::DisplayValue<crate::SessionId>>,
}

/// One name, one place in the code: a subscriber decides once for each whether it wants the span.
macro_rules! spans {
    ($($named:ident = $name:literal at $level:ident;)*) => {
        /// An operation, by its name in spans and metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(not(feature = "totp"), allow(dead_code, reason = "some are those of second factors"))]
        pub(crate) enum Named {
            $($named,)*
        }

        /// The names of all spans. They are stable: dashboards may be checked against them.
        pub const SPANS: &[&str] = &[$($name),*];

        impl Named {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$named),*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$named => $name,)*
                }
            }

            /// `INFO` for what changes something, less for what is only read.
            pub(super) const fn level(self) -> Level {
                match self {
                    $(Self::$named => Level::$level,)*
                }
            }

            pub(super) fn span(self, about: &About<'_>) -> Span {
                match self {
                    $(Self::$named => tracing::span!(
                        target: TARGET,
                        Level::$level,
                        $name,
                        user_type = about.user_type,
                        request_id = about.request_id,
                        session_id = about.session_id.as_ref(),
                        outcome = Empty,
                        reason = Empty,
                        otel.status_code = Empty,
                    ),)*
                }
            }
        }
    };
}

spans! {
    Connect = "store.database.connect" at INFO;
    Migrate = "store.schema.migrate" at INFO;
    Sweep = "store.expired.sweep" at INFO;
    Register = "account.user.register" at INFO;
    AdoptAccounts = "account.user.adopt" at INFO;
    DisableAccount = "account.user.disable" at INFO;
    EnableAccount = "account.user.enable" at INFO;
    Unlock = "account.user.unlock" at INFO;
    UnlockByOperator = "account.user.unlock_by_operator" at INFO;
    RequestUnlock = "account.user.request_unlock" at INFO;
    ConfirmEmail = "account.email.confirm" at INFO;
    ConfirmEmailCode = "account.email.confirm_by_code" at INFO;
    RequestConfirmation = "account.email.request_confirmation" at INFO;
    RequestPasswordReset = "account.password.request_reset" at INFO;
    ResetPassword = "account.password.reset" at INFO;
    ChangePassword = "account.password.change" at INFO;
    RequirePasswordChange = "account.password.require_change" at INFO;
    SignIn = "session.password.sign_in" at INFO;
    SignOut = "session.own.sign_out" at INFO;
    ProveSecondFactor = "session.second_factor.prove" at INFO;
    PendingSignIn = "session.second_factor.check" at DEBUG;
    StepUp = "session.own.step_up" at INFO;
    StepUpWithCode = "session.own.step_up_by_code" at INFO;
    CheckSudo = "session.own.check_sudo" at DEBUG;
    RevokeSession = "session.other.revoke" at INFO;
    RevokeOtherSessions = "session.others.revoke" at INFO;
    RevokeAllSessions = "session.all.revoke" at INFO;
    CheckSession = "session.own.check" at TRACE;
    ListSessions = "session.all.list" at DEBUG;
    BeginTotp = "account.factor.begin" at INFO;
    ConfirmTotp = "account.factor.add" at INFO;
    RemoveFactor = "account.factor.remove" at INFO;
    ListFactors = "account.factor.list" at DEBUG;
    CreateBackupCodes = "account.backup_codes.create" at INFO;
    CountBackupCodes = "account.backup_codes.count" at DEBUG;
    RevokeTrust = "account.trust.revoke" at INFO;
    RevokeAllTrust = "account.trust.revoke_all" at INFO;
    ListTrustedBrowsers = "account.trust.list" at DEBUG;
    Disown = "account.change.disown" at INFO;
    BeginRecovery = "account.recovery.begin" at INFO;
    FinishRecovery = "account.recovery.finish" at INFO;
    CancelRecovery = "account.recovery.cancel" at INFO;
    Record = "audit.event.record" at INFO;
    RecordByOperator = "audit.event.record_by_operator" at INFO;
    RecordBySystem = "audit.event.record_by_system" at INFO;
    SealAudit = "audit.rows.seal" at INFO;
    ProveAuditRow = "audit.row.prove" at INFO;
    VerifyAudit = "audit.trail.verify" at DEBUG;
    ForwardAudit = "audit.rows.forward" at INFO;
    ReadAuditPage = "audit.page.read" at DEBUG;
    ExportAudit = "audit.trail.export" at INFO;
    ReadAuditExport = "audit.export.read" at DEBUG;
    ErasePersonalFacts = "audit.facts.erase" at INFO;
    RotateKeys = "keyring.keys.rotate" at INFO;
    RotatePeppers = "keyring.peppers.rotate" at INFO;
    ReadActivity = "audit.own.read" at DEBUG;
    DeliverMail = "mail.outbox.deliver" at INFO;
    SendMail = "mail.message.send" at INFO;
}

impl Named {
    /// The event of the row that it writes for whoever asked. None of what only reads, of what has a row for each thing it does, and
    /// of what a host records, which names its own.
    pub(crate) const fn event(self) -> Option<Event> {
        Some(match self {
            Self::Register => Event::Register,
            Self::AdoptAccounts => Event::AdoptAccount,
            Self::DisableAccount => Event::DisableAccount,
            Self::EnableAccount => Event::EnableAccount,
            Self::Unlock | Self::UnlockByOperator => Event::UnlockAccount,
            Self::RequestUnlock => Event::RequestUnlock,
            Self::ConfirmEmail | Self::ConfirmEmailCode => Event::ConfirmEmail,
            Self::RequestConfirmation => Event::RequestConfirmation,
            Self::RequestPasswordReset => Event::RequestPasswordReset,
            Self::ResetPassword => Event::ResetPassword,
            Self::ChangePassword => Event::ChangePassword,
            Self::RequirePasswordChange => Event::RequirePasswordChange,
            Self::SignIn => Event::SignIn,
            Self::ProveSecondFactor => Event::ProveSecondFactor,
            Self::StepUp | Self::StepUpWithCode => Event::StepUp,
            Self::SignOut => Event::SignOut,
            Self::RevokeSession => Event::RevokeSession,
            Self::RevokeOtherSessions => Event::RevokeOtherSessions,
            Self::RevokeAllSessions => Event::RevokeAllSessions,
            Self::BeginTotp => Event::BeginFactor,
            Self::ConfirmTotp => Event::AddFactor,
            Self::RemoveFactor => Event::RemoveFactor,
            Self::CreateBackupCodes => Event::CreateBackupCodes,
            Self::RevokeTrust | Self::RevokeAllTrust => Event::RevokeTrust,
            Self::Disown => Event::Disown,
            Self::BeginRecovery => Event::BeginRecovery,
            Self::FinishRecovery => Event::FinishRecovery,
            Self::CancelRecovery => Event::CancelRecovery,
            Self::ErasePersonalFacts => Event::ErasePersonalFacts,
            Self::ExportAudit => Event::ExportAudit,
            Self::RotateKeys => Event::RotateKeys,
            Self::RotatePeppers => Event::RotatePeppers,
            Self::Connect
            | Self::Migrate
            | Self::Sweep
            | Self::PendingSignIn
            | Self::CheckSudo
            | Self::CheckSession
            | Self::ListSessions
            | Self::ListFactors
            | Self::CountBackupCodes
            | Self::ListTrustedBrowsers
            | Self::Record
            | Self::RecordByOperator
            | Self::RecordBySystem
            | Self::SealAudit
            | Self::ProveAuditRow
            | Self::VerifyAudit
            | Self::ForwardAudit
            | Self::ReadAuditPage
            | Self::ReadAuditExport
            | Self::ReadActivity
            | Self::DeliverMail
            | Self::SendMail => return None,
        })
    }

    /// How it signs in, where it does: by which step, since a sign-in may take two.
    pub(super) const fn sign_in_method(self) -> Option<&'static str> {
        match self {
            Self::SignIn => Some("password"),
            Self::ProveSecondFactor => Some("second_factor"),
            _ => None,
        }
    }
}
