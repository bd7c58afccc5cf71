//! What every change of an account does to everything that opens it: one table, which the operations carry out, the tests
//! enumerate and SECURITY.md prints.

/// A change after which something that was good before must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// The user changed the password, knowing the present one.
    PasswordChanged,
    /// A mailed link set another password.
    PasswordReset,
    /// The password has to be replaced.
    ChangeRequired,
    /// An operator disabled the account.
    Disabled,
    /// The user added a second factor.
    FactorAdded,
    /// The user removed a second factor and has another.
    FactorRemoved,
    /// The user removed the last second factor.
    LastFactorRemoved,
    /// The user made new backup codes.
    CodesReplaced,
    /// An operator took the second factors off, after the delay.
    Recovered,
    /// The owner says of a change that it was somebody else's.
    Disowned,
}

/// What may open an account, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The session that makes the change. Where it stays after a change of second factors, it has another secret; after new backup
    /// codes it has the same.
    OwnSession,
    /// Other sessions without a second factor that was proved in them, also those of trusted browsers.
    SingleFactorSessions,
    /// Other sessions in which a second factor was proved.
    TwoFactorSessions,
    /// Browsers in which the account is known, so that strangers cannot lock its owner out there.
    KnownDevices,
    /// Browsers in which the second factor is skipped.
    TrustedBrowsers,
    /// Sign-ins whose second factor is due.
    PendingSignIns,
    /// Mailed links to a new password.
    ResetLinks,
    /// Mailed links and codes that prove the address.
    ConfirmLinks,
    /// Mailed links that unlock the account.
    UnlockLinks,
    /// Mailed links that undo a change.
    DisownLinks,
    /// Backup codes.
    BackupCodes,
    /// Second factors that no code has proved yet.
    Enrolments,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// It is good as before.
    Stays,
    /// It is worth nothing any more, here or anywhere, from the moment of the change.
    Ends,
}

/// The columns of the table, in its order.
pub const KINDS: [Kind; 12] = [
    Kind::OwnSession,
    Kind::SingleFactorSessions,
    Kind::TwoFactorSessions,
    Kind::KnownDevices,
    Kind::TrustedBrowsers,
    Kind::PendingSignIns,
    Kind::ResetLinks,
    Kind::ConfirmLinks,
    Kind::UnlockLinks,
    Kind::DisownLinks,
    Kind::BackupCodes,
    Kind::Enrolments,
];

const E: Cell = Cell::Ends;
const S: Cell = Cell::Stays;

/// The table: one row for each change, with a cell for each of [`KINDS`].
///
/// A change of the password ends what the old one could have opened; the links that undo a change stay, or whoever took the
/// account over could void them. A change of factors ends what was opened with less than is asked for now. Where one change was
/// somebody else's, backup codes may be too: they end with it.
#[rustfmt::skip]
pub const TABLE: [(Change, [Cell; 12]); 10] = [
    //                        own single two known trust pend. reset conf. unlock disown codes enrol.
    (Change::PasswordChanged, [E, E,     E,  E,    E,    E,    E,    E,    E,     S,     S,    E]),
    (Change::PasswordReset,   [E, E,     E,  E,    E,    E,    E,    E,    E,     S,     S,    E]),
    (Change::ChangeRequired,  [E, E,     E,  E,    E,    E,    E,    E,    E,     S,     S,    E]),
    (Change::Disabled,        [E, E,     E,  E,    E,    E,    E,    E,    E,     S,     S,    E]),
    (Change::FactorAdded,     [S, E,     S,  S,    E,    E,    S,    S,    S,     S,     S,    E]),
    (Change::FactorRemoved,   [S, E,     S,  S,    E,    E,    S,    S,    S,     S,     S,    E]),
    (Change::LastFactorRemoved, [S, E,   S,  S,    E,    E,    S,    S,    S,     S,     E,    E]),
    (Change::CodesReplaced,   [S, S,     S,  S,    S,    S,    S,    S,    S,     S,     E,    S]),
    (Change::Recovered,       [E, E,     E,  E,    E,    E,    E,    E,    E,     E,     E,    E]),
    (Change::Disowned,        [E, E,     E,  E,    E,    E,    E,    E,    E,     S,     E,    E]),
];

impl Change {
    /// What becomes of a kind. What the table does not name ends.
    #[must_use]
    pub fn does_to(self, kind: Kind) -> Cell {
        let row = TABLE.iter().find(|(change, _)| *change == self).map(|(_, row)| row);
        let column = KINDS.iter().position(|one| *one == kind);
        row.zip(column).and_then(|(row, column)| row.get(column)).copied().unwrap_or(Cell::Ends)
    }

    const fn title(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password changed",
            Self::PasswordReset => "password reset by link",
            Self::ChangeRequired => "password has to be replaced",
            Self::Disabled => "account disabled",
            Self::FactorAdded => "second factor added",
            Self::FactorRemoved => "second factor removed",
            Self::LastFactorRemoved => "last second factor removed",
            Self::CodesReplaced => "backup codes made anew",
            Self::Recovered => "assisted recovery finished",
            Self::Disowned => "\"this was not me\"",
        }
    }
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::OwnSession => "own session",
            Self::SingleFactorSessions => "other single-factor sessions",
            Self::TwoFactorSessions => "other two-factor sessions",
            Self::KnownDevices => "known devices",
            Self::TrustedBrowsers => "trusted browsers",
            Self::PendingSignIns => "pending sign-ins",
            Self::ResetLinks => "reset links",
            Self::ConfirmLinks => "confirmation links",
            Self::UnlockLinks => "unlock links",
            Self::DisownLinks => "\"not me\" links",
            Self::BackupCodes => "backup codes",
            Self::Enrolments => "unproved enrolments",
        }
    }
}

/// The table as Markdown, as SECURITY.md prints it.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| |");
    for kind in KINDS {
        text = text + " " + kind.title() + " |";
    }
    text = text + "\n|---|" + &"---|".repeat(KINDS.len()) + "\n";
    for (change, row) in TABLE {
        text = text + "| " + change.title() + " |";
        for cell in row {
            text += match cell {
                Cell::Stays => " stays |",
                Cell::Ends => " ends |",
            };
        }
        text.push('\n');
    }
    text
}
