//! Every SQL statement of the library, one unit struct each. See [`statement`](super::statement) for the placeholders.

use super::Template;

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal $(, mysql: $mysql:literal)?;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Template for $name {
            const SQL: &'static str = $sql;
            $(const MYSQL: &'static str = $mysql;)?
        }
    )*};
}

// Accounts.
statements! {
    /// A host's row whose key Sigra makes.
    InsertUserWithId =
        "INSERT INTO {users} ({id}, {email}, {password}{new_columns}) VALUES ($1, $2, $3{new_values})";
    /// A host's row whose key the database makes.
    InsertUser =
        "INSERT INTO {users} ({email}, {password}{new_columns}) VALUES ($1, $2{new_values}){returning_id}";
    LoadUser = "SELECT {columns} FROM {users} u WHERE u.{id} = $1";
    /// The unique index on the identifier decides between two registrations at once.
    InsertAccount =
        "INSERT{ignore} INTO [accounts] (user_id, identifier, epoch, failures, factor_failures, created_at) \
         VALUES ($1, $2, 0, 0, 0, $3){on_conflict}";
    IdentifierTaken = "SELECT a.user_id FROM [accounts] a WHERE a.identifier = $1";
    /// What a sign-in needs to know of whoever has this identifier.
    Credentials =
        "SELECT a.user_id, a.epoch, a.failures, u.{password} FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id \
         WHERE a.identifier = $1";
    /// The same for a user who is signed in.
    CredentialsOf =
        "SELECT a.user_id, a.epoch, a.failures, u.{password} FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id \
         WHERE a.user_id = $1";
    /// What may stand in the way of a session.
    Standing =
        "SELECT a.epoch, a.identifier, u.{email}, CAST(CASE WHEN {confirmed} IS NULL THEN 0 ELSE 1 END AS {int8}), \
         {disabled}, a.must_change_since, {factors} FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id \
         WHERE a.user_id = $1";
    /// A new epoch ends every session and token of the old one, also those that a request is about to create.
    AdvanceEpoch = "UPDATE [accounts] SET epoch = epoch + 1 WHERE user_id = $1 AND epoch = $2";
    /// Keeps an epoch from being advanced until the transaction ends; no row where it was advanced already.
    HoldEpoch = "UPDATE [accounts] SET epoch = epoch WHERE user_id = $1 AND epoch = $2";
    /// One more failure in a row. The same statement for an address that nobody has.
    CountFailure = "UPDATE [accounts] SET failures = failures + 1 WHERE identifier = $1";
    /// The row of failures is over.
    ForgetFailures = "UPDATE [accounts] SET failures = 0 WHERE user_id = $1";
    RequireChange =
        "UPDATE [accounts] SET must_change_since = $1 WHERE user_id = $2 AND must_change_since IS NULL";
    ChangeDone =
        "UPDATE [accounts] SET must_change_since = NULL, failures = 0, factor_failures = 0 WHERE user_id = $1";
    SetPassword = "UPDATE {users} SET {password} = $1 WHERE {id} = $2";
    UpgradePassword = "UPDATE {users} SET {password} = $1 WHERE {id} = $2 AND {password} = $3";
    Confirm =
        "UPDATE {confirmed_table} SET {confirmed_column} = $1 \
         WHERE {confirmed_key} = $2 AND {confirmed_column} IS NULL";
    Disable = "UPDATE {users} SET {disabled_at} = $1 WHERE {id} = $2 AND {disabled_at} IS NULL";
    Enable = "UPDATE {users} SET {disabled_at} = NULL WHERE {id} = $1 AND {disabled_at} IS NOT NULL";
}

// Sessions.
statements! {
    InsertSession =
        "INSERT INTO [sessions] (id, user_id, token_hash, epoch, remembered, created_at, last_seen_at, \
         idle_expires_at, expires_at, network, user_agent, note, first_factor, first_at, second_factor, second_at, \
         proved_at, trusted) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    /// The session check: one statement, found by the unique index on the token's hash, that also brings the user.
    SessionByToken =
        "SELECT s.id, s.created_at, s.last_seen_at, s.expires_at, s.remembered, {assurance}, {columns} \
         FROM [sessions] s JOIN [accounts] a ON a.user_id = s.user_id JOIN {users} u ON u.{id} = s.user_id \
         WHERE s.token_hash = $1 AND s.idle_expires_at > $2 AND s.expires_at > $3 AND s.epoch = a.epoch \
         AND {disabled} IS NULL";
    /// Only one of several requests at once moves the time of last use.
    TouchSession =
        "UPDATE [sessions] SET last_seen_at = $1, idle_expires_at = $2 WHERE id = $3 AND last_seen_at = $4";
    LiveSessions =
        "SELECT s.id, s.created_at, s.last_seen_at, s.expires_at, s.remembered, s.network, s.user_agent, s.note \
         FROM [sessions] s JOIN [accounts] a ON a.user_id = s.user_id \
         WHERE s.user_id = $1 AND s.idle_expires_at > $2 AND s.expires_at > $3 AND s.epoch = a.epoch \
         ORDER BY s.last_seen_at DESC, s.id DESC LIMIT 200";
    /// Whether the session that asks is still there, at the moment of the change it asks for, and what was proved in it.
    SessionIsLive =
        "SELECT s.epoch, s.created_at, s.last_seen_at, s.expires_at, s.remembered, {assurance}, {factors} FROM [sessions] s JOIN [accounts] a ON a.user_id = s.user_id \
         JOIN {users} u ON u.{id} = s.user_id \
         WHERE s.id = $1 AND s.user_id = $2 AND s.idle_expires_at > $3 AND s.expires_at > $4 AND s.epoch = a.epoch \
         AND {disabled} IS NULL";
    DeleteSession = "DELETE FROM [sessions] WHERE id = $1 AND user_id = $2";
    DeleteSessionByToken = "DELETE FROM [sessions] WHERE token_hash = $1";
    DeleteOtherSessions = "DELETE FROM [sessions] WHERE user_id = $1 AND id <> $2";
    DeleteSessions = "DELETE FROM [sessions] WHERE user_id = $1";
    /// A factor was proved in a session: from now on it has another secret (ASVS 7.2.4).
    RotateSession =
        "UPDATE [sessions] SET token_hash = $1, second_factor = $2, second_at = $3, proved_at = $4, trusted = $5 \
         WHERE id = $6 AND user_id = $7";
    /// What lives on takes the new epoch; what is not moved is void.
    MoveOwnSession = "UPDATE [sessions] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND id = $4";
    MoveTwoFactorSessions =
        "UPDATE [sessions] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND id <> $4 AND second_factor IS NOT NULL";
    MoveSingleFactorSessions =
        "UPDATE [sessions] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND id <> $4 AND second_factor IS NULL";
    DeleteOldSessions = "DELETE FROM [sessions] WHERE user_id = $1 AND epoch < $2";
}

// Known devices: browsers in which the account was signed in to before.
statements! {
    InsertDevice =
        "INSERT INTO [devices] (id, user_id, token_hash, epoch, created_at, last_seen_at, expires_at, second_at, network, \
         user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /// A device counts while the account is in the epoch in which it became known.
    DeviceByToken =
        "SELECT d.id FROM [devices] d JOIN [accounts] a ON a.user_id = d.user_id \
         WHERE d.token_hash = $1 AND a.identifier = $2 AND d.expires_at > $3 AND d.epoch = a.epoch";
    TouchDevice =
        "UPDATE [devices] SET last_seen_at = $1, expires_at = $2, second_at = COALESCE($3, second_at), network = $4, \
         user_agent = $5 WHERE token_hash = $6 AND user_id = $7 AND expires_at > $8 AND epoch = $9";
    MoveDevices = "UPDATE [devices] SET epoch = $1 WHERE user_id = $2 AND epoch = $3";
    DeleteOldDevices = "DELETE FROM [devices] WHERE user_id = $1 AND epoch < $2";
    RevokeTrustOf =
        "UPDATE [devices] SET trusted_until = NULL WHERE user_id = $1 AND trusted_until IS NOT NULL";
    /// The device that is one too many.
    SurplusDevice =
        "SELECT last_seen_at, id FROM [devices] WHERE user_id = $1 ORDER BY last_seen_at DESC, id DESC LIMIT 1 OFFSET 20";
    DeleteSurplusDevices =
        "DELETE FROM [devices] WHERE user_id = $1 AND (last_seen_at < $2 OR (last_seen_at = $3 AND id <= $4))";
    DeleteDevice = "DELETE FROM [devices] WHERE id = $1";
}

// Tokens.
statements! {
    InsertToken =
        "INSERT INTO [tokens] (id, user_id, purpose, token_hash, code_hash, identifier, epoch, attempts, remembered, \
         factor, undoes, about, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13)";
    /// A token counts while the account is as it was when the token was issued: same epoch, same address, not disabled.
    TokenByHash =
        "SELECT t.id, t.user_id, t.identifier, t.epoch, t.created_at, t.expires_at, t.remembered, t.factor, t.undoes, \
         t.about FROM [tokens] t JOIN [accounts] a ON a.user_id = t.user_id JOIN {users} u ON u.{id} = t.user_id \
         WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND t.consumed_at IS NULL \
         AND t.epoch = a.epoch AND t.identifier = a.identifier AND {disabled} IS NULL";
    /// The newest token of an address that has a code. The code itself is compared in constant time afterwards.
    TokenByIdentifier =
        "SELECT t.id, t.user_id, t.identifier, t.epoch, t.created_at, t.expires_at, t.remembered, t.factor, t.undoes, \
         t.about, t.code_hash FROM [tokens] t \
         JOIN [accounts] a ON a.user_id = t.user_id JOIN {users} u ON u.{id} = t.user_id \
         WHERE a.identifier = $1 AND t.purpose = $2 AND t.expires_at > $3 AND t.consumed_at IS NULL \
         AND t.epoch = a.epoch AND t.identifier = a.identifier AND {disabled} IS NULL AND t.code_hash IS NOT NULL \
         ORDER BY t.created_at DESC, t.id DESC LIMIT 1";
    /// One try of a code, counted before the code is compared.
    CountTry =
        "UPDATE [tokens] SET attempts = attempts + 1 WHERE id = $1 AND attempts < $2 AND consumed_at IS NULL";
    /// The one statement that consumes: of many at once, exactly one changes the row.
    Consume =
        "UPDATE [tokens] SET consumed_at = $1 \
         WHERE id = $2 AND purpose = $3 AND consumed_at IS NULL AND expires_at > $4";
    MoveTokens = "UPDATE [tokens] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND purpose = $4";
    DeleteOldTokens = "DELETE FROM [tokens] WHERE user_id = $1 AND epoch < $2";
    DeleteTokensFor = "DELETE FROM [tokens] WHERE user_id = $1 AND purpose = $2 AND id <> $3";
}

// Second factors: what every change of an account has to reach, whether or not they are on.
statements! {
    DeleteBackupCodes = "DELETE FROM [backup_codes] WHERE user_id = $1";
    DeleteEnrolments = "DELETE FROM [factors] WHERE user_id = $1 AND confirmed_at IS NULL";
}

// Second factors. A factor counts while it is confirmed and not removed.
#[cfg(feature = "totp")]
statements! {
    InsertFactor =
        "INSERT INTO [factors] (id, user_id, kind, name, secret, created_at, expires_at, last_step) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)";
    /// A factor that no code has proved yet.
    Enrolment = "SELECT secret FROM [factors] WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL AND expires_at > $3";
    /// Proves an enrolment, and uses up the step that did.
    ConfirmFactor =
        "UPDATE [factors] SET confirmed_at = $1, expires_at = NULL, last_step = $2, last_used_at = $3 \
         WHERE id = $4 AND user_id = $5 AND confirmed_at IS NULL AND expires_at > $6";
    FactorSeeds =
        "SELECT id, secret, last_step FROM [factors] \
         WHERE user_id = $1 AND confirmed_at IS NOT NULL AND removed_at IS NULL ORDER BY id";
    /// A step counts once: of many at once, exactly one changes the row (RFC 6238 5.2).
    UseStep =
        "UPDATE [factors] SET last_step = $1, last_used_at = $2 WHERE id = $3 AND user_id = $4 AND last_step < $5 \
         AND confirmed_at IS NOT NULL AND removed_at IS NULL";
    ResealFactor = "UPDATE [factors] SET secret = $1 WHERE id = $2 AND user_id = $3";
    FactorsOf =
        "SELECT id, kind, name, confirmed_at, last_used_at FROM [factors] \
         WHERE user_id = $1 AND confirmed_at IS NOT NULL AND removed_at IS NULL ORDER BY id";
    /// The row stays for a while, so that its owner can undo what somebody else did.
    RemoveFactor =
        "UPDATE [factors] SET removed_at = $1, expires_at = $2 \
         WHERE id = $3 AND user_id = $4 AND confirmed_at IS NOT NULL AND removed_at IS NULL";
    RestoreFactor =
        "UPDATE [factors] SET removed_at = NULL, expires_at = NULL WHERE id = $1 AND user_id = $2 \
         AND removed_at IS NOT NULL AND expires_at > $3";
    DeleteFactor = "DELETE FROM [factors] WHERE id = $1 AND user_id = $2";
    DeleteFactors = "DELETE FROM [factors] WHERE user_id = $1";
    CountFactorFailure = "UPDATE [accounts] SET factor_failures = factor_failures + 1 WHERE user_id = $1";
    ForgetFactorFailures = "UPDATE [accounts] SET factor_failures = 0 WHERE user_id = $1 AND factor_failures > 0";
    FactorFailures = "SELECT factor_failures FROM [accounts] WHERE user_id = $1";
    InsertBackupCode =
        "INSERT INTO [backup_codes] (id, user_id, code_hash, created_at) VALUES ($1, $2, $3, $4)";
    UseBackupCode =
        "UPDATE [backup_codes] SET used_at = $1 WHERE code_hash = $2 AND user_id = $3 AND used_at IS NULL";
    BackupCodesLeft =
        "SELECT CAST(COUNT(*) AS {int8}) FROM [backup_codes] WHERE user_id = $1 AND used_at IS NULL";
    BeginRecovery = "UPDATE [accounts] SET recovery_at = $1 WHERE user_id = $2 AND recovery_at IS NULL";
    CancelRecovery = "UPDATE [accounts] SET recovery_at = NULL WHERE user_id = $1 AND recovery_at IS NOT NULL";
    RecoveryOf = "SELECT recovery_at FROM [accounts] WHERE user_id = $1";
    FinishRecovery =
        "UPDATE [accounts] SET recovery_at = NULL, factor_failures = 0 WHERE user_id = $1 AND recovery_at <= $2";
    /// The known device with this secret, where its owner proved the second factor before.
    FactorDevice =
        "SELECT id FROM [devices] WHERE token_hash = $1 AND user_id = $2 AND epoch = $3 AND expires_at > $4 \
         AND second_at IS NOT NULL";
    TrustDevice =
        "UPDATE [devices] SET trusted_until = $1 WHERE token_hash = $2 AND user_id = $3 AND epoch = $4 \
         AND second_at IS NOT NULL";
    /// Bound to the user, to the account's epoch and to the browser's secret.
    TrustedDevice =
        "SELECT id FROM [devices] WHERE token_hash = $1 AND user_id = $2 AND epoch = $3 AND expires_at > $4 \
         AND trusted_until > $5";
    TrustedDevices =
        "SELECT d.id, d.token_hash, d.created_at, d.last_seen_at, d.trusted_until, d.network, d.user_agent \
         FROM [devices] d JOIN [accounts] a ON a.user_id = d.user_id \
         WHERE d.user_id = $1 AND d.epoch = a.epoch AND d.trusted_until > $2 ORDER BY d.last_seen_at DESC, d.id DESC";
    RevokeTrust =
        "UPDATE [devices] SET trusted_until = NULL WHERE id = $1 AND user_id = $2 AND trusted_until > $3";
    RevokeAllTrust = "UPDATE [devices] SET trusted_until = NULL WHERE user_id = $1 AND trusted_until > $2";
}

// Limits.
statements! {
    /// One more in a row. The last one that is allowed arms the wait. `used` comes last: MariaDB assigns from left to right,
    /// and the others must see the old count.
    CountInARow =
        "UPDATE [limits] SET resets_at = CASE WHEN used + 1 >= $1 THEN $2{plus}wait{micros} ELSE $3 END, \
         forget_at = CASE WHEN used + 1 >= $4 THEN $5{plus}wait{micros} ELSE $6 END, used = used + 1 \
         WHERE bucket = $7 AND resets_at > $8 AND used < $9";
    /// One more within a window that keeps its end.
    CountInWindow = "UPDATE [limits] SET used = used + 1 WHERE bucket = $1 AND resets_at > $2 AND used < $3";
    /// A new row of attempts after the old one lapsed. Where that had reached its limit and is not forgotten, the next wait is
    /// twice as long. A time that no clock can have written with good reason counts as lapsed. `wait` comes first: MariaDB
    /// assigns from left to right.
    RestartLimit =
        "UPDATE [limits] SET wait = CASE WHEN used < $1 OR forget_at <= $2 THEN $3 WHEN wait * 2 < $4 THEN wait * 2 \
         ELSE $5 END, used = $6, resets_at = $7, forget_at = $8 \
         WHERE bucket = $9 AND (resets_at <= $10 OR resets_at > $11)";
    /// The first ever.
    StartLimit =
        "INSERT{ignore} INTO [limits] (bucket, used, wait, resets_at, forget_at) VALUES ($1, $2, $3, $4, $5){on_conflict}";
    /// A row at its limit.
    LimitReachedUntil =
        "SELECT resets_at FROM [limits] WHERE bucket = $1 AND resets_at > $2 AND used >= $3";
    RefundLimit = "UPDATE [limits] SET used = used - 1 WHERE bucket = $1 AND used > 0";
    ClearLimit = "DELETE FROM [limits] WHERE bucket = $1";
}

// Outbox.
statements! {
    InsertMail =
        "INSERT INTO [outbox] (id, kind, identifier, about, created_at, due_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, 0)";
    /// Only what this version knows how to write: a row of a newer one waits for a worker that does.
    DueMail =
        "SELECT id, kind, identifier, about, created_at, due_at, attempts FROM [outbox] WHERE due_at <= $1 \
         AND kind IN ('confirm_email', 'address_taken', 'reset_password', 'password_changed', 'account_locked', \
         'unlock_account', 'must_change_password', 'second_factor_guessed', 'factor_added', 'factor_removed', \
         'backup_codes_replaced', 'backup_code_used', 'recovery_begun', 'recovery_finished') ORDER BY due_at LIMIT 20";
    /// Takes a row for the time of a lease: of many workers, one moves it.
    ClaimMail = "UPDATE [outbox] SET due_at = $1, attempts = attempts + 1 WHERE id = $2 AND due_at = $3";
    /// A worker whose lease ran out has nothing to say any more.
    PostponeMail = "UPDATE [outbox] SET due_at = $1 WHERE id = $2 AND due_at = $3";
    DeleteMail = "DELETE FROM [outbox] WHERE id = $1 AND due_at = $2";
}

// Audit.
statements! {
    InsertAudit =
        "INSERT INTO [audit] (id, at, event, outcome, reason, actor, user_id, session_id, network, user_agent, \
         request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    /// Nothing from before the account: SQLite may give a deleted account's number to a new one.
    Activity =
        "SELECT l.at, l.event, l.outcome, l.reason, l.actor, l.network, l.user_agent FROM [audit] l \
         WHERE l.user_id = $1 AND l.at >= (SELECT a.created_at FROM [accounts] a WHERE a.user_id = $2) \
         ORDER BY l.at DESC, l.id DESC LIMIT $3";
}

// Sweeping: small batches, so that no request waits for a long delete.
statements! {
    SweepSessions =
        "DELETE FROM [sessions] WHERE id IN \
         (SELECT id FROM [sessions] WHERE expires_at <= $1 OR idle_expires_at <= $2 LIMIT 500)",
        mysql: "DELETE FROM [sessions] WHERE expires_at <= $1 OR idle_expires_at <= $2 LIMIT 500";
    SweepTokens =
        "DELETE FROM [tokens] WHERE id IN (SELECT id FROM [tokens] WHERE expires_at <= $1 LIMIT 500)",
        mysql: "DELETE FROM [tokens] WHERE expires_at <= $1 LIMIT 500";
    SweepLimits =
        "DELETE FROM [limits] WHERE bucket IN (SELECT bucket FROM [limits] WHERE forget_at <= $1 LIMIT 500)",
        mysql: "DELETE FROM [limits] WHERE forget_at <= $1 LIMIT 500";
    SweepDevices =
        "DELETE FROM [devices] WHERE id IN (SELECT id FROM [devices] WHERE expires_at <= $1 LIMIT 500)",
        mysql: "DELETE FROM [devices] WHERE expires_at <= $1 LIMIT 500";
    /// Enrolments that no code proved in time, and factors that were removed so long ago that nobody undoes it.
    SweepFactors =
        "DELETE FROM [factors] WHERE id IN (SELECT id FROM [factors] WHERE expires_at <= $1 LIMIT 500)",
        mysql: "DELETE FROM [factors] WHERE expires_at <= $1 LIMIT 500";
    SweepAudit =
        "DELETE FROM [audit] WHERE id IN (SELECT id FROM [audit] WHERE at <= $1 ORDER BY at LIMIT 500)",
        mysql: "DELETE FROM [audit] WHERE at <= $1 ORDER BY at LIMIT 500";
}

// Migrations.
statements! {
    /// A server has one space of lock names for all its databases.
    LockMigrations =
        "SELECT CAST(GET_LOCK(CONCAT('sigra:', SHA1(DATABASE())), 60) AS {int8})";
    CreateMigrations =
        "CREATE TABLE IF NOT EXISTS [migrations] (version {integer} NOT NULL PRIMARY KEY, name {text} NOT NULL, \
         host_table {text} NOT NULL, applied_at {stamp} NOT NULL) {options}";
    AppliedMigrations = "SELECT version, host_table FROM [migrations] ORDER BY version";
    RecordMigration =
        "INSERT INTO [migrations] (version, name, host_table, applied_at) VALUES ($1, $2, $3, $4)";

    CreateAccounts =
        "CREATE TABLE IF NOT EXISTS [accounts] (\
         user_id {user_id} NOT NULL PRIMARY KEY, \
         identifier {name} NOT NULL UNIQUE, \
         epoch {integer} NOT NULL, \
         failures {integer} NOT NULL, \
         factor_failures {integer} NOT NULL, \
         confirmed_at {stamp} NULL, \
         must_change_since {stamp} NULL, \
         recovery_at {stamp} NULL, \
         created_at {stamp} NOT NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    CreateSessions =
        "CREATE TABLE IF NOT EXISTS [sessions] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         token_hash {bytes} NOT NULL UNIQUE, \
         epoch {integer} NOT NULL, \
         remembered {integer} NOT NULL, \
         created_at {stamp} NOT NULL, \
         last_seen_at {stamp} NOT NULL, \
         idle_expires_at {stamp} NOT NULL, \
         expires_at {stamp} NOT NULL, \
         first_factor {name} NOT NULL, \
         first_at {stamp} NOT NULL, \
         second_factor {name} NULL, \
         second_at {stamp} NULL, \
         proved_at {stamp} NOT NULL, \
         trusted {integer} NOT NULL, \
         network {text} NULL, \
         user_agent {text} NULL, \
         note {text} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexSessionsByUser = "CREATE INDEX IF NOT EXISTS [sessions_by_user] ON [sessions] (user_id)",
        mysql: "CREATE INDEX [sessions_by_user] ON [sessions] (user_id)";
    IndexSessionsByExpiry = "CREATE INDEX IF NOT EXISTS [sessions_by_expiry] ON [sessions] (expires_at)",
        mysql: "CREATE INDEX [sessions_by_expiry] ON [sessions] (expires_at)";
    IndexSessionsByIdle = "CREATE INDEX IF NOT EXISTS [sessions_by_idle] ON [sessions] (idle_expires_at)",
        mysql: "CREATE INDEX [sessions_by_idle] ON [sessions] (idle_expires_at)";
    CreateDevices =
        "CREATE TABLE IF NOT EXISTS [devices] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         token_hash {bytes} NOT NULL UNIQUE, \
         epoch {integer} NOT NULL, \
         created_at {stamp} NOT NULL, \
         last_seen_at {stamp} NOT NULL, \
         expires_at {stamp} NOT NULL, \
         second_at {stamp} NULL, \
         trusted_until {stamp} NULL, \
         network {text} NULL, \
         user_agent {text} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexDevicesByUser = "CREATE INDEX IF NOT EXISTS [devices_by_user] ON [devices] (user_id, last_seen_at)",
        mysql: "CREATE INDEX [devices_by_user] ON [devices] (user_id, last_seen_at)";
    IndexDevicesByExpiry = "CREATE INDEX IF NOT EXISTS [devices_by_expiry] ON [devices] (expires_at)",
        mysql: "CREATE INDEX [devices_by_expiry] ON [devices] (expires_at)";
    CreateTokens =
        "CREATE TABLE IF NOT EXISTS [tokens] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         purpose {name} NOT NULL, \
         token_hash {bytes} NOT NULL UNIQUE, \
         code_hash {bytes} NULL, \
         identifier {name} NOT NULL, \
         epoch {integer} NOT NULL, \
         attempts {integer} NOT NULL, \
         remembered {integer} NOT NULL, \
         factor {name} NULL, \
         undoes {name} NULL, \
         about {uuid} NULL, \
         created_at {stamp} NOT NULL, \
         expires_at {stamp} NOT NULL, \
         consumed_at {stamp} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexTokensByUser = "CREATE INDEX IF NOT EXISTS [tokens_by_user] ON [tokens] (user_id, purpose)",
        mysql: "CREATE INDEX [tokens_by_user] ON [tokens] (user_id, purpose)";
    IndexTokensByExpiry = "CREATE INDEX IF NOT EXISTS [tokens_by_expiry] ON [tokens] (expires_at)",
        mysql: "CREATE INDEX [tokens_by_expiry] ON [tokens] (expires_at)";
    CreateFactors =
        "CREATE TABLE IF NOT EXISTS [factors] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         kind {name} NOT NULL, \
         name {text} NOT NULL, \
         secret {sealed} NOT NULL, \
         created_at {stamp} NOT NULL, \
         confirmed_at {stamp} NULL, \
         removed_at {stamp} NULL, \
         expires_at {stamp} NULL, \
         last_step {integer} NOT NULL, \
         last_used_at {stamp} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexFactorsByUser = "CREATE INDEX IF NOT EXISTS [factors_by_user] ON [factors] (user_id)",
        mysql: "CREATE INDEX [factors_by_user] ON [factors] (user_id)";
    IndexFactorsByExpiry = "CREATE INDEX IF NOT EXISTS [factors_by_expiry] ON [factors] (expires_at)",
        mysql: "CREATE INDEX [factors_by_expiry] ON [factors] (expires_at)";
    CreateBackupCodes =
        "CREATE TABLE IF NOT EXISTS [backup_codes] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         code_hash {bytes} NOT NULL UNIQUE, \
         created_at {stamp} NOT NULL, \
         used_at {stamp} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexBackupCodesByUser = "CREATE INDEX IF NOT EXISTS [backup_codes_by_user] ON [backup_codes] (user_id)",
        mysql: "CREATE INDEX [backup_codes_by_user] ON [backup_codes] (user_id)";
    CreateLimits =
        "CREATE TABLE IF NOT EXISTS [limits] (\
         bucket {bytes} NOT NULL PRIMARY KEY, \
         used {integer} NOT NULL, \
         wait {integer} NOT NULL, \
         resets_at {stamp} NOT NULL, \
         forget_at {stamp} NOT NULL) {options}";
    IndexLimitsByForget = "CREATE INDEX IF NOT EXISTS [limits_by_forget] ON [limits] (forget_at)",
        mysql: "CREATE INDEX [limits_by_forget] ON [limits] (forget_at)";
    CreateOutbox =
        "CREATE TABLE IF NOT EXISTS [outbox] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         kind {name} NOT NULL, \
         identifier {name} NOT NULL, \
         about {uuid} NULL, \
         created_at {stamp} NOT NULL, \
         due_at {stamp} NOT NULL, \
         attempts {integer} NOT NULL) {options}";
    IndexOutboxByDue = "CREATE INDEX IF NOT EXISTS [outbox_by_due] ON [outbox] (due_at)",
        mysql: "CREATE INDEX [outbox_by_due] ON [outbox] (due_at)";
    /// No foreign key: the trail outlives the account.
    CreateAudit =
        "CREATE TABLE IF NOT EXISTS [audit] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         at {stamp} NOT NULL, \
         event {name} NOT NULL, \
         outcome {name} NOT NULL, \
         reason {name} NULL, \
         actor {name} NOT NULL, \
         user_id {name} NULL, \
         session_id {uuid} NULL, \
         network {text} NULL, \
         user_agent {text} NULL, \
         request_id {text} NULL) {options}";
    IndexAuditByUser = "CREATE INDEX IF NOT EXISTS [audit_by_user] ON [audit] (user_id, at)",
        mysql: "CREATE INDEX [audit_by_user] ON [audit] (user_id, at)";
    IndexAuditByTime = "CREATE INDEX IF NOT EXISTS [audit_by_time] ON [audit] (at)",
        mysql: "CREATE INDEX [audit_by_time] ON [audit] (at)";
}
