//! Every SQL statement of the library, one unit struct each. See [`statement`](super::statement) for the placeholders.

use super::Template;

macro_rules! statements {
    ($(
        $(#[$doc:meta])*
        $name:ident = $sql:literal $(, postgres: $postgres:literal)? $(, mysql: $mysql:literal)?;
    )*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Template for $name {
            const SQL: &'static str = $sql;
            $(const POSTGRES: &'static str = $postgres;)?
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
        "INSERT{ignore} INTO [accounts] (user_id, identifier, epoch, bucket, factor_failures, created_at) \
         VALUES ($1, $2, 0, $3, 0, $4){on_conflict}";
    IdentifierTaken = "SELECT a.user_id FROM [accounts] a WHERE a.identifier = $1";
    /// The account of the nearest address up to this one, or else of the first of all: a row is handed over whether or not there is
    /// one of the very address, so that the work is the same.
    NearestIdentifier =
        "SELECT a.identifier, a.user_id FROM [accounts] a WHERE a.identifier = COALESCE(\
         (SELECT n.identifier FROM [accounts] n WHERE n.identifier <= $1 ORDER BY n.identifier DESC LIMIT 1), \
         (SELECT f.identifier FROM [accounts] f ORDER BY f.identifier LIMIT 1))";
    /// Rows of the host's that have no account, by their key: what stays without must not be read twice.
    UsersWithoutAccount =
        "SELECT {columns}, u.{id} FROM {users} u WHERE NOT EXISTS (SELECT 1 FROM [accounts] a WHERE a.user_id = u.{id}) \
         ORDER BY u.{id} LIMIT $1";
    UsersWithoutAccountAfter =
        "SELECT {columns}, u.{id} FROM {users} u WHERE u.{id} > $1 \
         AND NOT EXISTS (SELECT 1 FROM [accounts] a WHERE a.user_id = u.{id}) ORDER BY u.{id} LIMIT $2";
    /// No account is without its row, so how many rows are without an account is what is left: to count is cheap, to compare is not.
    CountWithoutAccount =
        "SELECT CAST((SELECT COUNT(*) FROM {users}) - (SELECT COUNT(*) FROM [accounts]) AS {int8})";
    /// What a sign-in needs to know of whoever has the nearest address: the search is that of `NearestIdentifier`, and has to stay
    /// so. The failures are those of the address that is tried, whose row is there for nobody too.
    CredentialsByNearest =
        "SELECT a.identifier, a.user_id, a.epoch, COALESCE(l.failures, 0), {is_confirmed}, u.{password} FROM [accounts] a \
         JOIN {users} u ON u.{id} = a.user_id LEFT JOIN [limits] l ON l.bucket = $1 \
         WHERE a.identifier = COALESCE(\
         (SELECT n.identifier FROM [accounts] n WHERE n.identifier <= $2 ORDER BY n.identifier DESC LIMIT 1), \
         (SELECT f.identifier FROM [accounts] f ORDER BY f.identifier LIMIT 1))";
    /// The same of a user who is signed in.
    CredentialsByUser =
        "SELECT a.user_id, a.epoch, COALESCE(l.failures, 0), {is_confirmed}, u.{password} FROM [accounts] a \
         JOIN {users} u ON u.{id} = a.user_id LEFT JOIN [limits] l ON l.bucket = a.bucket \
         WHERE a.user_id = $1";
    /// What may stand in the way of a session.
    Standing =
        "SELECT a.epoch, a.identifier, u.{email}, {is_confirmed}, {disabled}, a.must_change_since, {factors} \
         FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id WHERE a.user_id = $1";
    /// A new epoch ends every session and token of the old one, also those that a request is about to create.
    AdvanceEpoch = "UPDATE [accounts] SET epoch = epoch + 1 WHERE user_id = $1 AND epoch = $2";
    /// Keeps an epoch from being advanced until the transaction ends; no row where it was advanced already.
    HoldEpoch = "UPDATE [accounts] SET epoch = epoch WHERE user_id = $1 AND epoch = $2";
    RequireChange =
        "UPDATE [accounts] SET must_change_since = $1 WHERE user_id = $2 AND must_change_since IS NULL";
    /// A second registration has made the password of an unconfirmed account one that nobody knows, in the epoch that begins with
    /// it; no row where that was done in this epoch already. Whoever sets a password begins another.
    Contest =
        "UPDATE [accounts] SET contested_epoch = epoch + 1 \
         WHERE user_id = $1 AND (contested_epoch IS NULL OR contested_epoch <> epoch)";
    ChangeDone = "UPDATE [accounts] SET must_change_since = NULL WHERE user_id = $1";
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
        "INSERT INTO [sessions] (id, user_id, token_hash, key_id, epoch, remembered, created_at, last_seen_at, \
         idle_expires_at, expires_at, network, user_agent, note, first_factor, first_at, second_factor, second_at, \
         proved_at, trusted) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
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
         ORDER BY s.last_seen_at DESC, s.id DESC LIMIT $4";
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
        "UPDATE [sessions] SET token_hash = $1, key_id = $2, second_factor = $3, second_at = $4, proved_at = $5, \
         trusted = $6 WHERE id = $7 AND user_id = $8";
    /// What lives on takes the new epoch; what is not moved is void.
    MoveOwnSession = "UPDATE [sessions] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND id = $4";
    MoveTwoFactorSessions =
        "UPDATE [sessions] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND id <> $4 AND second_factor IS NOT NULL";
    MoveSingleFactorSessions =
        "UPDATE [sessions] SET epoch = $1 WHERE user_id = $2 AND epoch = $3 AND id <> $4 AND second_factor IS NULL";
    DeleteOldSessions = "DELETE FROM [sessions] WHERE user_id = $1 AND epoch < $2";
    /// The live session that is one too many beside a new one.
    SurplusSession =
        "SELECT last_seen_at, id FROM [sessions] WHERE user_id = $1 AND idle_expires_at > $2 AND expires_at > $3 \
         ORDER BY last_seen_at DESC, id DESC LIMIT 1 OFFSET $4";
    DeleteSurplusSessions =
        "DELETE FROM [sessions] WHERE user_id = $1 AND idle_expires_at > $2 AND expires_at > $3 \
         AND (last_seen_at < $4 OR (last_seen_at = $5 AND id <= $6))";
}

// Known devices: browsers in which the account was signed in to before.
statements! {
    InsertDevice =
        "INSERT INTO [devices] (id, user_id, token_hash, key_id, epoch, failures, factor_failures, created_at, \
         last_seen_at, expires_at, second_at, network, user_agent) \
         VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7, $8, $9, $10, $11)";
    /// A device counts while the account is in the epoch in which it became known.
    DeviceByToken =
        "SELECT d.id FROM [devices] d JOIN [accounts] a ON a.user_id = d.user_id \
         WHERE d.token_hash = $1 AND a.identifier = $2 AND d.expires_at > $3 AND d.epoch = a.epoch";
    /// Its owner is there: the row of wrong passwords is over. That of wrong codes is only by a right one.
    TouchDevice =
        "UPDATE [devices] SET last_seen_at = $1, expires_at = $2, failures = 0, token_hash = $3, key_id = $4, \
         second_at = COALESCE($5, second_at), network = $6, user_agent = $7 \
         WHERE token_hash = $8 AND user_id = $9 AND expires_at > $10 AND epoch = $11";
    MoveDevices = "UPDATE [devices] SET epoch = $1 WHERE user_id = $2 AND epoch = $3";
    DeleteOldDevices = "DELETE FROM [devices] WHERE user_id = $1 AND epoch < $2";
    RevokeTrustOf =
        "UPDATE [devices] SET trusted_until = NULL WHERE user_id = $1 AND trusted_until IS NOT NULL";
    /// The device that is one too many beside a new one.
    SurplusDevice =
        "SELECT last_seen_at, id FROM [devices] WHERE user_id = $1 ORDER BY last_seen_at DESC, id DESC LIMIT 1 OFFSET $2";
    DeleteSurplusDevices =
        "DELETE FROM [devices] WHERE user_id = $1 AND (last_seen_at < $2 OR (last_seen_at = $3 AND id <= $4))";
    CountDeviceFailure = "UPDATE [devices] SET failures = failures + 1 WHERE id = $1";
    DeleteSpentDevice = "DELETE FROM [devices] WHERE id = $1 AND failures >= $2";
    DeleteDevices = "DELETE FROM [devices] WHERE user_id = $1";
}

// Tokens.
statements! {
    InsertToken =
        "INSERT INTO [tokens] (id, user_id, purpose, token_hash, key_id, code_hash, code_for, identifier, epoch, attempts, \
         remembered, factor, undoes, about, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13, $14, $15)";
    /// A token counts while the account is as it was when the token was issued: same epoch, same address, not disabled. One that
    /// undoes a change opens nothing, and must not be kept waiting by whoever made the change until that is for good.
    TokenByHash =
        "SELECT t.id, t.user_id, t.identifier, t.epoch, t.created_at, t.expires_at, t.remembered, t.factor, t.undoes, \
         t.about FROM [tokens] t JOIN [accounts] a ON a.user_id = t.user_id JOIN {users} u ON u.{id} = t.user_id \
         WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND t.consumed_at IS NULL \
         AND t.epoch = a.epoch AND t.identifier = a.identifier AND ({disabled} IS NULL OR t.purpose = 'disown')";
    /// The newest code of an address (`code_for` is the address where there is a code), or that of a neighbour in the index where it has none, or the last of all: whichever
    /// address is asked for, the same is searched, and one row read and compared, so that the time tells nothing. Whether the token
    /// is still good is asked of a right code alone.
    NearestCode =
        "SELECT t.id, t.token_hash, t.code_hash, t.identifier FROM [tokens] t WHERE t.id = (SELECT found.id FROM (\
         SELECT near.id, 0 AS place FROM (\
         SELECT c.id FROM [tokens] c WHERE c.code_for <= $1 \
         ORDER BY c.code_for DESC, c.created_at DESC, c.id DESC LIMIT 1) near UNION ALL \
         SELECT far.id, 1 AS place FROM (\
         SELECT c.id FROM [tokens] c WHERE c.code_for IS NOT NULL \
         ORDER BY c.code_for DESC, c.created_at DESC, c.id DESC LIMIT 1) far) found ORDER BY found.place LIMIT 1)";
    /// One try at what a token opens, counted before it is looked at.
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
        "INSERT INTO [factors] (id, user_id, kind, name, secret, key_id, created_at, expires_at, last_step) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)";
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
    /// The same seed under another key. What was changed since it was read stays as it is.
    ResealFactor = "UPDATE [factors] SET secret = $1, key_id = $2 WHERE id = $3 AND user_id = $4 AND secret = $5";
    /// The next seeds under a key, whether or not they count: a removed factor may be restored.
    SeedsUnder =
        "SELECT id, user_id, secret FROM [factors] WHERE key_id = $1 AND id > $2 ORDER BY id LIMIT $3";
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
    /// What was removed so late can be restored until the time given, if it still can.
    KeepRemoved =
        "UPDATE [factors] SET expires_at = $1 \
         WHERE user_id = $2 AND removed_at >= $3 AND expires_at > $4 AND expires_at < $5";
    /// Of those that can be restored and were removed late enough, the one that was proved first: whoever added one to take the
    /// account over came later.
    OldestRemoved =
        "SELECT id FROM [factors] WHERE user_id = $1 AND removed_at >= $2 AND expires_at > $3 \
         ORDER BY confirmed_at, id LIMIT 1";
    ConfirmedAt = "SELECT confirmed_at FROM [factors] WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL";
    /// Of those that count, the one that was proved last and is another than this.
    NewestBeside =
        "SELECT id FROM [factors] WHERE user_id = $1 AND confirmed_at IS NOT NULL AND removed_at IS NULL AND id <> $2 \
         ORDER BY confirmed_at DESC, id DESC LIMIT 1";
    DeleteFactor = "DELETE FROM [factors] WHERE id = $1 AND user_id = $2";
    DeleteFactors = "DELETE FROM [factors] WHERE user_id = $1";
    CountFactorFailure = "UPDATE [accounts] SET factor_failures = factor_failures + 1 WHERE user_id = $1";
    ForgetFactorFailures = "UPDATE [accounts] SET factor_failures = 0 WHERE user_id = $1 AND factor_failures > 0";
    LowerFactorFailures = "UPDATE [accounts] SET factor_failures = $1 WHERE user_id = $2 AND factor_failures > $3";
    FactorFailures = "SELECT factor_failures FROM [accounts] WHERE user_id = $1";
    InsertBackupCode =
        "INSERT INTO [backup_codes] (id, user_id, code_hash, key_id, created_at) VALUES ($1, $2, $3, $4, $5)";
    UseBackupCode =
        "UPDATE [backup_codes] SET used_at = $1 WHERE code_hash = $2 AND user_id = $3 AND used_at IS NULL";
    /// For metrics alone: users with backup codes under a key. A set is made under one.
    BackupCodeHolders =
        "SELECT CAST(COUNT(DISTINCT user_id) AS {int8}) FROM [backup_codes] WHERE key_id = $1 AND used_at IS NULL";
    BackupCodesLeft =
        "SELECT CAST(COUNT(*) AS {int8}) FROM [backup_codes] WHERE user_id = $1 AND used_at IS NULL";
    /// One that nobody finished in time is none.
    BeginRecovery =
        "UPDATE [accounts] SET recovery_at = $1 WHERE user_id = $2 AND (recovery_at IS NULL OR recovery_at <= $3)";
    CancelRecovery = "UPDATE [accounts] SET recovery_at = NULL WHERE user_id = $1 AND recovery_at IS NOT NULL";
    RecoveryOf = "SELECT recovery_at FROM [accounts] WHERE user_id = $1";
    FinishRecovery =
        "UPDATE [accounts] SET recovery_at = NULL, factor_failures = 0 WHERE user_id = $1 AND recovery_at <= $2 \
         AND recovery_at > $3";
    CountDeviceFactorFailure = "UPDATE [devices] SET factor_failures = factor_failures + 1 WHERE id = $1";
    DeleteDeviceSpentOnCodes = "DELETE FROM [devices] WHERE id = $1 AND factor_failures >= $2";
    ForgetDeviceFactorFailures =
        "UPDATE [devices] SET factor_failures = 0 WHERE id = $1 AND factor_failures > 0";
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
        "INSERT{ignore} INTO [limits] (bucket, used, failures, wait, resets_at, forget_at) \
         VALUES ($1, $2, 0, $3, $4, $5){on_conflict}";
    /// A row at its limit.
    LimitReachedUntil =
        "SELECT resets_at FROM [limits] WHERE bucket = $1 AND resets_at > $2 AND used >= $3";
    /// A row that is given its last attempt back is open as if that had never armed the wait: it would lapse with the wait, and
    /// the next wait be the first again.
    RefundLimit =
        "UPDATE [limits] SET used = used - 1, resets_at = forget_at \
         WHERE bucket = $1 AND used > 0 AND resets_at <= $2";
    /// One more failure in a row over all waits, whether or not there is such an account.
    CountFailure = "UPDATE [limits] SET failures = failures + 1 WHERE bucket = $1";
    /// The row of failures is over, the wait is not.
    ForgetFailures = "UPDATE [limits] SET failures = 0 WHERE bucket = $1";
    ClearLimit = "DELETE FROM [limits] WHERE bucket = $1";
}

// Outbox.
statements! {
    InsertMail =
        "INSERT INTO [outbox] (id, kind, identifier, about, created_at, due_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, 0)";
    /// Only what this version knows how to write: a row of a newer one waits for a worker that does. The numbers are those of the
    /// queues, three all of them.
    DueMail =
        "SELECT o.id, o.kind, o.identifier, o.about, o.created_at, o.due_at, o.attempts FROM [outbox] o \
         WHERE o.due_at <= $1 AND o.kind IN ({mail_kinds}) \
         AND $2 IN (3, CASE WHEN o.kind NOT IN ({asked_mail_kinds}) THEN 0 \
         WHEN EXISTS (SELECT 1 FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id \
         WHERE a.identifier = o.identifier AND {is_confirmed} = 1) THEN 1 ELSE 2 END) \
         ORDER BY o.due_at LIMIT $3";
    /// Takes a row for the time of a lease: of many workers, one moves it.
    ClaimMail = "UPDATE [outbox] SET due_at = $1, attempts = attempts + 1 WHERE id = $2 AND due_at = $3";
    /// A worker whose lease ran out has nothing to say any more.
    PostponeMail = "UPDATE [outbox] SET due_at = $1 WHERE id = $2 AND due_at = $3";
    DeleteMail = "DELETE FROM [outbox] WHERE id = $1 AND due_at = $2";
    /// For metrics alone: all mails, those that are due, and the oldest.
    OutboxStands =
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN due_at <= $1 THEN 1 ELSE 0 END), 0) AS {int8}), \
         MIN(created_at) FROM [outbox]";
}

// Audit.
statements! {
    InsertAudit =
        "INSERT INTO [audit] (id, at, event, outcome, reason, actor, on_behalf_of, user_id, session_id, request_id, \
         network, user_agent, details, count, key_id, personal_salt, personal, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    /// Nothing from before the account: SQLite may give a deleted account's number to a new one.
    Activity =
        "SELECT l.at, l.event, l.outcome, l.reason, l.actor, l.network, l.user_agent, l.details FROM [audit] l \
         WHERE l.user_id = $1 AND l.at >= (SELECT a.created_at FROM [accounts] a WHERE a.user_id = $2) \
         ORDER BY l.id DESC LIMIT $3";
    /// A page for an operator, between two ids, which sort as the times do. What may be left out of the filter is bound twice.
    AuditPage =
        "SELECT {audit_row} FROM [audit] l WHERE l.id >= $1 AND l.id <= $2 \
         AND l.event LIKE $3 ESCAPE '!' AND ($4 IS NULL OR l.outcome = $5) AND ($6 IS NULL OR l.reason = $7) \
         AND ($8 IS NULL OR l.session_id = $9) AND ($10 IS NULL OR l.request_id = $11) \
         ORDER BY l.id DESC LIMIT $12";
    /// The same of one account, found by the index of its rows.
    AuditPageOf =
        "SELECT {audit_row} FROM [audit] l WHERE l.user_id = $1 AND l.id >= $2 AND l.id <= $3 \
         AND l.event LIKE $4 ESCAPE '!' AND ($5 IS NULL OR l.outcome = $6) AND ($7 IS NULL OR l.reason = $8) \
         AND ($9 IS NULL OR l.session_id = $10) AND ($11 IS NULL OR l.request_id = $12) \
         ORDER BY l.id DESC LIMIT $13";
    /// Not those of operators who did something to the account: their facts are not the account's.
    ErasePersonalFacts =
        "UPDATE [audit] SET network = NULL, user_agent = NULL, personal_salt = NULL \
         WHERE user_id = $1 AND actor IN ('visitor', 'account') AND leaf IS NOT NULL AND personal_salt IS NOT NULL";
    /// Rows of an account that have facts and no number yet.
    UnsealedFacts =
        "SELECT COUNT(*) FROM [audit] WHERE user_id = $1 AND actor IN ('visitor', 'account') AND leaf IS NULL \
         AND personal_salt IS NOT NULL";
}

// The log: numbers, seals, the tree and its checkpoints.
statements! {
    /// Committed rows without a number, in the order of their ids. MariaDB reads them so from its index, and would sort them
    /// all if it was asked to.
    UnsealedRows = "SELECT {audit_row} FROM [audit] l WHERE l.leaf IS NULL ORDER BY l.id LIMIT $1 OFFSET $2",
        mysql: "SELECT {audit_row} FROM [audit] l WHERE l.leaf IS NULL LIMIT $1 OFFSET $2";
    /// Whether the worker has rows to number or counts to write. When a checkpoint is due is no question for here: the times in
    /// these tables are under no keyed hash.
    SealingDue =
        "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM [audit] WHERE leaf IS NULL) \
         OR EXISTS (SELECT 1 FROM [audit_counts] WHERE ends_at <= $1) THEN 1 ELSE 0 END AS {int8})";
    /// For metrics alone: rows without a number, when the newest checkpoint was signed that every sink has, or the oldest where
    /// they have none, and whether there are newer rows. What is for more rows than there are, or of the future, was put there.
    SealingStands =
        "SELECT (SELECT COUNT(*) FROM [audit] WHERE leaf IS NULL), \
         COALESCE((SELECT MAX(signed_at) FROM [audit_checkpoints] WHERE exported_at IS NOT NULL AND signed_at <= $1), \
         (SELECT MIN(signed_at) FROM [audit_checkpoints] WHERE signed_at <= $2)), \
         CAST(CASE WHEN EXISTS (SELECT 1 FROM [audit] l WHERE l.leaf >= \
         COALESCE((SELECT MAX(c.size) FROM [audit_checkpoints] c WHERE c.exported_at IS NOT NULL \
         AND c.size <= (SELECT MAX(n.leaf) + 1 FROM [audit] n)), 0)) THEN 1 ELSE 0 END AS {int8})";
    /// Numbers and seals many rows at once: `$1` rows, whose ids and seals stand one behind the other in `$2` and `$3`, from
    /// the number `$4` on.
    SealRows =
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1), \
         v AS (SELECT i, substr($2, i * 16 + 1, 16) AS id, substr($3, i * 32 + 1, 32) AS seal FROM n) \
         UPDATE [audit] SET leaf = $4 + v.i, seal = v.seal FROM v WHERE [audit].id = v.id AND [audit].leaf IS NULL",
        postgres:
        "WITH p AS (SELECT CAST($1 AS BIGINT) AS n, CAST($2 AS BYTEA) AS ids, CAST($3 AS BYTEA) AS seals, \
         CAST($4 AS BIGINT) AS base) \
         UPDATE [audit] AS l SET leaf = v.leaf, seal = v.seal \
         FROM (SELECT p.base + g.i AS leaf, \
         CAST(encode(substr(p.ids, CAST(g.i * 16 + 1 AS INTEGER), 16), 'hex') AS UUID) AS id, \
         substr(p.seals, CAST(g.i * 32 + 1 AS INTEGER), 32) AS seal \
         FROM p, generate_series(0, p.n - 1) AS g (i)) v WHERE l.id = v.id AND l.leaf IS NULL",
        mysql:
        "UPDATE (WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
         SELECT i, CAST(SUBSTR($2, i * 16 + 1, 16) AS BINARY(16)) AS id, SUBSTR($3, i * 32 + 1, 32) AS seal FROM n) v \
         STRAIGHT_JOIN [audit] l ON l.id = v.id SET l.leaf = $4 + v.i, l.seal = v.seal WHERE l.leaf IS NULL";
    StartTree =
        "INSERT{ignore} INTO [audit_tree] (id, size, nodes, removed, removed_until, mac, lease_until) \
         VALUES (1, 0, $1, 0, NULL, $2, $3){on_conflict}";
    /// Whoever changes the row keeps it until the transaction ends: sequencing goes one after the other, lease or not.
    HoldTree = "UPDATE [audit_tree] SET holder = holder WHERE id = 1";
    /// Takes the lease where it is this node's already or nobody's any more: also where it ends later than anybody takes it for.
    LeaseTree =
        "UPDATE [audit_tree] SET holder = $1, lease_until = $2 \
         WHERE id = 1 AND (holder = $3 OR lease_until <= $4 OR lease_until > $5)";
    Tree = "SELECT size, nodes, removed, removed_until, mac FROM [audit_tree] WHERE id = 1";
    WriteTree =
        "UPDATE [audit_tree] SET size = $1, nodes = $2, removed = $3, removed_until = $4, mac = $5 WHERE id = 1";
    InsertSegment = "INSERT INTO [audit_segments] (segment, hash) VALUES ($1, $2)";
    Segments = "SELECT segment, hash FROM [audit_segments] WHERE segment >= $1 ORDER BY segment LIMIT $2";
    /// In the place of one that a key has signed which is in the ring no more, or of what is none.
    InsertCheckpoint =
        "INSERT INTO [audit_checkpoints] (size, note, signed_at) VALUES ($1, $2, $3) ON CONFLICT (size) \
         DO UPDATE SET note = excluded.note, signed_at = excluded.signed_at, exported_at = NULL",
        mysql: "INSERT INTO [audit_checkpoints] (size, note, signed_at) VALUES ($1, $2, $3) ON DUPLICATE KEY \
         UPDATE note = VALUES(note), signed_at = VALUES(signed_at), exported_at = NULL";
    NewestCheckpoints = "SELECT size, note FROM [audit_checkpoints] ORDER BY size DESC LIMIT $1";
    NewestExported =
        "SELECT size, note FROM [audit_checkpoints] WHERE exported_at IS NOT NULL ORDER BY size DESC LIMIT $1";
    DueCheckpoints =
        "SELECT size, note FROM [audit_checkpoints] WHERE exported_at IS NULL AND size > $1 ORDER BY size LIMIT $2";
    /// The same statement under other keys.
    RenewCheckpoint = "UPDATE [audit_checkpoints] SET note = $1 WHERE size = $2";
    UnsealedUnder = "SELECT COUNT(*) FROM [audit] WHERE leaf IS NULL AND key_id = $1";
    /// What the database takes for the time, where that is another computer.
    DatabaseTime =
        "SELECT CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
        postgres: "SELECT clock_timestamp()",
        mysql: "SELECT UTC_TIMESTAMP(6)";
    CheckpointExported = "UPDATE [audit_checkpoints] SET exported_at = $1 WHERE size = $2 AND exported_at IS NULL";
    /// Old ones stand outside the database. The newest that was handed over stays: retention asks for it.
    SweepCheckpoints = "DELETE FROM [audit_checkpoints] WHERE signed_at <= $1 AND exported_at IS NOT NULL AND size < $2";
    RowsFrom =
        "SELECT {audit_row} FROM [audit] l WHERE l.leaf >= $1 AND l.leaf < $2 ORDER BY l.leaf";
    RowById = "SELECT {audit_row} FROM [audit] l WHERE l.id = $1";
    /// Rows whose number the log has not given, or has taken back.
    StrayRows = "SELECT {audit_row} FROM [audit] l WHERE l.leaf < $1 OR l.leaf >= $2 ORDER BY l.leaf LIMIT $3";
    /// By place and not by key: of rows that somebody forged, not even the key need be readable.
    UnsealedFrom = "SELECT {audit_row} FROM [audit] l WHERE l.leaf IS NULL ORDER BY l.id LIMIT $1 OFFSET $2";
    Numbered =
        "SELECT COALESCE(MIN(leaf), 0), COALESCE(MAX(leaf), -1), COUNT(*), (SELECT COUNT(*) FROM [audit_segments]) \
         FROM [audit] WHERE leaf IS NOT NULL";
    DeleteRows = "DELETE FROM [audit] WHERE leaf < $1";
}

// Sinks of rows: how far each has come, and whose turn it is.
statements! {
    /// Whether a sink has not got the newest row yet; 2 where its place is past the end of the log.
    SinksDue =
        "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM [audit_sinks] s JOIN [audit_tree] t ON t.id = 1 AND s.next_leaf > t.size \
         WHERE s.name = $1) THEN 2 WHEN EXISTS (SELECT 1 FROM [audit] l WHERE l.leaf >= \
         COALESCE((SELECT s.next_leaf FROM [audit_sinks] s WHERE s.name = $2), 0) \
         AND l.leaf < (SELECT t.size FROM [audit_tree] t WHERE t.id = 1)) THEN 1 ELSE 0 END AS {int8})";
    /// How many sealed rows a sink has not got: all of them, where its place is none.
    SinkBehind =
        "SELECT COALESCE((SELECT n.size FROM [audit_tree] n WHERE n.id = 1), 0) - \
         COALESCE((SELECT s.next_leaf FROM [audit_sinks] s JOIN [audit_tree] t ON t.id = 1 AND s.next_leaf <= t.size \
         WHERE s.name = $1), 0)";
    /// Sinks whose place is not one in the log.
    SinksAhead = "SELECT name FROM [audit_sinks] WHERE next_leaf > $1 OR next_leaf < 0 ORDER BY name";
    /// A number that the log has not given is nobody's yet.
    RowsToForward =
        "SELECT {audit_row} FROM [audit] l \
         WHERE l.leaf >= $1 AND l.leaf < (SELECT t.size FROM [audit_tree] t WHERE t.id = 1) \
         ORDER BY l.leaf LIMIT $2";
    StartSink =
        "INSERT{ignore} INTO [audit_sinks] (name, next_leaf, lease_until) VALUES ($1, 0, $2){on_conflict}";
    LeaseSink =
        "UPDATE [audit_sinks] SET holder = $1, lease_until = $2 \
         WHERE name = $3 AND (lease_until <= $4 OR lease_until > $5)";
    SinkPlace = "SELECT next_leaf FROM [audit_sinks] WHERE name = $1";
    ForwardedTo = "UPDATE [audit_sinks] SET next_leaf = $1, lease_until = $2 WHERE name = $3 AND holder = $4";
}

// Floods of refusals: counted where they would fill the trail.
statements! {
    CountRefusal =
        "UPDATE [audit_counts] SET count = count + 1, known = known + $1, last_at = $2, \
         network = CASE WHEN network = $3 THEN network ELSE NULL END WHERE bucket = $4 AND ends_at > $5";
    StartCount =
        "INSERT{ignore} INTO [audit_counts] (bucket, event, reason, network, count, known, first_at, last_at, ends_at) \
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8){on_conflict}";
    EndedCounts =
        "SELECT bucket, event, reason, network, count, known, first_at, last_at, ends_at FROM [audit_counts] \
         WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2";
    StaleCount =
        "SELECT bucket, event, reason, network, count, known, first_at, last_at, ends_at FROM [audit_counts] \
         WHERE bucket = $1 AND ends_at <= $2";
    /// Takes a count that is over: of several that want to write its row, one does.
    TakeCount = "DELETE FROM [audit_counts] WHERE bucket = $1 AND ends_at = $2 AND count = $3";
}

// Sweeping: small batches, so that no request waits for a long delete.
statements! {
    SweepSessions =
        "DELETE FROM [sessions] WHERE id IN \
         (SELECT id FROM [sessions] WHERE expires_at <= $1 OR idle_expires_at <= $2 LIMIT $3)",
        mysql: "DELETE FROM [sessions] WHERE expires_at <= $1 OR idle_expires_at <= $2 LIMIT $3";
    SweepTokens =
        "DELETE FROM [tokens] WHERE id IN (SELECT id FROM [tokens] WHERE expires_at <= $1 LIMIT $2)",
        mysql: "DELETE FROM [tokens] WHERE expires_at <= $1 LIMIT $2";
    /// The failures of an account are kept until its owner is back; those of an address that nobody has are not. The time stands
    /// twice: PostgreSQL looks at a row again that was restarted while it waited, and only at what is outside the parentheses.
    SweepLimits =
        "DELETE FROM [limits] WHERE forget_at <= $1 AND bucket IN (SELECT l.bucket FROM [limits] l WHERE l.forget_at <= $2 \
         AND (l.failures = 0 OR NOT EXISTS (SELECT 1 FROM [accounts] a WHERE a.bucket = l.bucket)) LIMIT $3)",
        mysql: "DELETE FROM [limits] WHERE forget_at <= $1 AND forget_at <= $2 \
         AND (failures = 0 OR NOT EXISTS (SELECT 1 FROM [accounts] a WHERE a.bucket = [limits].bucket)) LIMIT $3";
    SweepDevices =
        "DELETE FROM [devices] WHERE id IN (SELECT id FROM [devices] WHERE expires_at <= $1 LIMIT $2)",
        mysql: "DELETE FROM [devices] WHERE expires_at <= $1 LIMIT $2";
    /// Enrolments that no code proved in time, and factors that were removed so long ago that nobody undoes it.
    SweepFactors =
        "DELETE FROM [factors] WHERE id IN (SELECT id FROM [factors] WHERE expires_at <= $1 LIMIT $2)",
        mysql: "DELETE FROM [factors] WHERE expires_at <= $1 LIMIT $2";
}

// Keys: which ones this database was used with. A check value proves a key to whoever has it, and tells nothing else.
statements! {
    /// A row that is no key, and that every writer changes first: of processes that start at once, one goes first.
    TakeTurnWithKeys =
        "INSERT INTO [keys] (kind, id, check_value, first_used_at) VALUES ('turn', '', $1, $2) \
         ON CONFLICT (kind, id) DO UPDATE SET first_used_at = excluded.first_used_at",
        mysql: "INSERT INTO [keys] (kind, id, check_value, first_used_at) VALUES ('turn', '', $1, $2) \
         ON DUPLICATE KEY UPDATE first_used_at = VALUES(first_used_at)";
    KnownKeys =
        "SELECT kind, id, check_value FROM [keys] WHERE kind <> 'turn' ORDER BY first_used_at, kind, id";
    NoteKey = "INSERT INTO [keys] (kind, id, check_value, first_used_at) VALUES ($1, $2, $3, $4)";
    /// How many live sessions, tokens, devices, factors, backup codes and users with such each key has. Read only where a key that was in use is missing.
    NeededKeys =
        "SELECT s.key_id, CAST(0 AS {int8}), CAST(COUNT(*) AS {int8}) FROM [sessions] s \
         WHERE s.idle_expires_at > $1 AND s.expires_at > $2 GROUP BY s.key_id UNION ALL \
         SELECT t.key_id, CAST(1 AS {int8}), CAST(COUNT(*) AS {int8}) FROM [tokens] t \
         WHERE t.expires_at > $3 AND t.consumed_at IS NULL GROUP BY t.key_id UNION ALL \
         SELECT d.key_id, CAST(2 AS {int8}), CAST(COUNT(*) AS {int8}) FROM [devices] d \
         WHERE d.expires_at > $4 GROUP BY d.key_id UNION ALL \
         SELECT f.key_id, CAST(3 AS {int8}), CAST(COUNT(*) AS {int8}) FROM [factors] f \
         WHERE f.expires_at IS NULL OR f.expires_at > $5 GROUP BY f.key_id UNION ALL \
         SELECT b.key_id, CAST(4 AS {int8}), CAST(COUNT(*) AS {int8}) FROM [backup_codes] b \
         WHERE b.used_at IS NULL GROUP BY b.key_id UNION ALL \
         SELECT h.key_id, CAST(5 AS {int8}), CAST(COUNT(DISTINCT h.user_id) AS {int8}) FROM [backup_codes] h \
         WHERE h.used_at IS NULL GROUP BY h.key_id";
    /// Whether a hash names a pepper. Not `LIKE`, which folds case on SQLite and by most collations of MariaDB.
    HashWithPepper =
        "SELECT u.{id} FROM {users} u WHERE REPLACE(u.{password}, $1, '') <> u.{password} LIMIT 1";
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

    /// `bucket` is the counter of `identifier`: whoever writes one of the two writes the other.
    CreateAccounts =
        "CREATE TABLE IF NOT EXISTS [accounts] (\
         user_id {user_id} NOT NULL PRIMARY KEY, \
         identifier {name} NOT NULL UNIQUE, \
         epoch {integer} NOT NULL, \
         bucket {bytes} NOT NULL UNIQUE, \
         factor_failures {integer} NOT NULL, \
         confirmed_at {stamp} NULL, \
         must_change_since {stamp} NULL, \
         recovery_at {stamp} NULL, \
         contested_epoch {integer} NULL, \
         created_at {stamp} NOT NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    CreateSessions =
        "CREATE TABLE IF NOT EXISTS [sessions] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         token_hash {bytes} NOT NULL UNIQUE, \
         key_id {name} NOT NULL, \
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
    IndexSessionsByUser = "CREATE INDEX{if_not_exists} [sessions_by_user] ON [sessions] (user_id)";
    IndexSessionsByExpiry = "CREATE INDEX{if_not_exists} [sessions_by_expiry] ON [sessions] (expires_at)";
    IndexSessionsByIdle = "CREATE INDEX{if_not_exists} [sessions_by_idle] ON [sessions] (idle_expires_at)";
    CreateDevices =
        "CREATE TABLE IF NOT EXISTS [devices] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         token_hash {bytes} NOT NULL UNIQUE, \
         key_id {name} NOT NULL, \
         epoch {integer} NOT NULL, \
         failures {integer} NOT NULL, \
         factor_failures {integer} NOT NULL, \
         created_at {stamp} NOT NULL, \
         last_seen_at {stamp} NOT NULL, \
         expires_at {stamp} NOT NULL, \
         second_at {stamp} NULL, \
         trusted_until {stamp} NULL, \
         network {text} NULL, \
         user_agent {text} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexDevicesByUser = "CREATE INDEX{if_not_exists} [devices_by_user] ON [devices] (user_id, last_seen_at)";
    IndexDevicesByExpiry = "CREATE INDEX{if_not_exists} [devices_by_expiry] ON [devices] (expires_at)";
    CreateTokens =
        "CREATE TABLE IF NOT EXISTS [tokens] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         purpose {name} NOT NULL, \
         token_hash {bytes} NOT NULL UNIQUE, \
         key_id {name} NOT NULL, \
         code_hash {bytes} NULL, \
         code_for {name} NULL, \
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
    IndexTokensByUser = "CREATE INDEX{if_not_exists} [tokens_by_user] ON [tokens] (user_id, purpose)";
    IndexTokensByCode =
        "CREATE INDEX IF NOT EXISTS [tokens_by_code] ON [tokens] (code_for, created_at, id) WHERE code_for IS NOT NULL",
        mysql: "CREATE INDEX [tokens_by_code] ON [tokens] (code_for, created_at, id)";
    IndexTokensByExpiry = "CREATE INDEX{if_not_exists} [tokens_by_expiry] ON [tokens] (expires_at)";
    CreateFactors =
        "CREATE TABLE IF NOT EXISTS [factors] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         kind {name} NOT NULL, \
         name {text} NOT NULL, \
         secret {sealed} NOT NULL, \
         key_id {name} NOT NULL, \
         created_at {stamp} NOT NULL, \
         confirmed_at {stamp} NULL, \
         removed_at {stamp} NULL, \
         expires_at {stamp} NULL, \
         last_step {integer} NOT NULL, \
         last_used_at {stamp} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexFactorsByUser = "CREATE INDEX{if_not_exists} [factors_by_user] ON [factors] (user_id)";
    IndexFactorsByExpiry = "CREATE INDEX{if_not_exists} [factors_by_expiry] ON [factors] (expires_at)";
    IndexFactorsByKey = "CREATE INDEX{if_not_exists} [factors_by_key] ON [factors] (key_id, id)";
    CreateBackupCodes =
        "CREATE TABLE IF NOT EXISTS [backup_codes] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         user_id {user_id} NOT NULL, \
         code_hash {bytes} NOT NULL UNIQUE, \
         key_id {name} NOT NULL, \
         created_at {stamp} NOT NULL, \
         used_at {stamp} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexBackupCodesByUser = "CREATE INDEX{if_not_exists} [backup_codes_by_user] ON [backup_codes] (user_id)";
    IndexBackupCodesByKey = "CREATE INDEX{if_not_exists} [backup_codes_by_key] ON [backup_codes] (key_id, used_at)";
    CreateKeys =
        "CREATE TABLE IF NOT EXISTS [keys] (\
         kind {name} NOT NULL, \
         id {name} NOT NULL, \
         check_value {bytes} NOT NULL, \
         first_used_at {stamp} NOT NULL, \
         PRIMARY KEY (kind, id)) {options}";
    CreateLimits =
        "CREATE TABLE IF NOT EXISTS [limits] (\
         bucket {bytes} NOT NULL PRIMARY KEY, \
         used {integer} NOT NULL, \
         failures {integer} NOT NULL, \
         wait {integer} NOT NULL, \
         resets_at {stamp} NOT NULL, \
         forget_at {stamp} NOT NULL) {options}";
    IndexLimitsByForget = "CREATE INDEX{if_not_exists} [limits_by_forget] ON [limits] (forget_at)";
    CreateOutbox =
        "CREATE TABLE IF NOT EXISTS [outbox] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         kind {name} NOT NULL, \
         identifier {name} NOT NULL, \
         about {uuid} NULL, \
         created_at {stamp} NOT NULL, \
         due_at {stamp} NOT NULL, \
         attempts {integer} NOT NULL) {options}";
    IndexOutboxByDue = "CREATE INDEX{if_not_exists} [outbox_by_due] ON [outbox] (due_at)";
    /// No foreign key: the trail outlives the account.
    CreateAudit =
        "CREATE TABLE IF NOT EXISTS [audit] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         at {stamp} NOT NULL, \
         event {name} NOT NULL, \
         outcome {name} NOT NULL, \
         reason {name} NULL, \
         actor {name} NOT NULL, \
         on_behalf_of {name} NULL, \
         user_id {name} NULL, \
         session_id {uuid} NULL, \
         request_id {text} NULL, \
         network {text} NULL, \
         user_agent {text} NULL, \
         details {text} NULL, \
         count {integer} NOT NULL, \
         key_id {name} NOT NULL, \
         personal_salt {bytes} NULL, \
         personal {bytes} NULL, \
         mac {bytes} NOT NULL, \
         leaf {integer} NULL, \
         seal {bytes} NULL) {clustered}";
    /// Rows about no account too: a refusal must not take longer where there is one.
    IndexAuditByUser = "CREATE INDEX{if_not_exists} [audit_by_user] ON [audit] (user_id, id)";
    /// Also finds the rows without a number on MariaDB, which has no partial indexes and keeps those at its front.
    IndexAuditByLeaf =
        "CREATE UNIQUE INDEX IF NOT EXISTS [audit_by_leaf] ON [audit] (leaf) WHERE leaf IS NOT NULL",
        mysql: "CREATE UNIQUE INDEX [audit_by_leaf] ON [audit] (leaf)";
    IndexAuditUnsealed =
        "CREATE INDEX IF NOT EXISTS [audit_unsealed] ON [audit] (id) WHERE leaf IS NULL",
        mysql: "";
    /// One row: the tree's right edge, and who sequences at the moment.
    CreateAuditTree =
        "CREATE TABLE IF NOT EXISTS [audit_tree] (\
         id {integer} NOT NULL PRIMARY KEY, \
         size {integer} NOT NULL, \
         nodes {long_bytes} NOT NULL, \
         removed {integer} NOT NULL, \
         removed_until {stamp} NULL, \
         mac {bytes} NOT NULL, \
         holder {uuid} NULL, \
         lease_until {stamp} NOT NULL) {options}";
    CreateAuditSegments =
        "CREATE TABLE IF NOT EXISTS [audit_segments] (\
         segment {integer} NOT NULL PRIMARY KEY, \
         hash {bytes} NOT NULL) {options}";
    CreateAuditCheckpoints =
        "CREATE TABLE IF NOT EXISTS [audit_checkpoints] (\
         size {integer} NOT NULL PRIMARY KEY, \
         note {text} NOT NULL, \
         signed_at {stamp} NOT NULL, \
         exported_at {stamp} NULL) {options}";
    IndexAuditCheckpointsByExport =
        "CREATE INDEX{if_not_exists} [audit_checkpoints_by_export] ON [audit_checkpoints] (exported_at)";
    CreateAuditCounts =
        "CREATE TABLE IF NOT EXISTS [audit_counts] (\
         bucket {bytes} NOT NULL PRIMARY KEY, \
         event {name} NOT NULL, \
         reason {name} NOT NULL, \
         network {text} NULL, \
         count {integer} NOT NULL, \
         known {integer} NOT NULL, \
         first_at {stamp} NOT NULL, \
         last_at {stamp} NOT NULL, \
         ends_at {stamp} NOT NULL) {options}";
    CreateAuditSinks =
        "CREATE TABLE IF NOT EXISTS [audit_sinks] (\
         name {name} NOT NULL PRIMARY KEY, \
         next_leaf {integer} NOT NULL, \
         holder {uuid} NULL, \
         lease_until {stamp} NOT NULL) {options}";
    IndexAuditCountsByEnd = "CREATE INDEX{if_not_exists} [audit_counts_by_end] ON [audit_counts] (ends_at)";
}

// Triggers that refuse what Sigra never does to the trail. They stop mistakes and whoever has no more than the rights to change
// rows; whoever may drop a trigger is found by `verify_audit`. An empty text: this database needs no such statement.
statements! {
    RefuseAuditChange =
        "", postgres:
        "CREATE OR REPLACE FUNCTION [audit_refuse]() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION ''rows of the audit trail are never changed or removed by hand''; END'",
        mysql: "";
    /// Whole segments go when retention has noted that they do.
    GuardAuditDelete =
        "", postgres:
        "CREATE OR REPLACE FUNCTION [audit_guard_delete]() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN IF OLD.leaf < (SELECT t.removed FROM [audit_tree] t WHERE t.id = 1) THEN RETURN OLD; END IF; \
         RAISE EXCEPTION ''rows of the audit trail are never changed or removed by hand''; END'",
        mysql: "";
    DropAuditInsertTrigger = "DROP TRIGGER IF EXISTS [audit_on_insert]",
        postgres: "DROP TRIGGER IF EXISTS [audit_on_insert] ON [audit]";
    /// A row is born without a number, and at a time that can be read. On SQLite `INSERT OR REPLACE` would remove a row past every
    /// other trigger.
    CreateAuditInsertTrigger =
        "CREATE TRIGGER [audit_on_insert] BEFORE INSERT ON [audit] \
         WHEN NEW.leaf IS NOT NULL OR NEW.seal IS NOT NULL OR NEW.at NOT BETWEEN 0 AND 253402214400000000 \
         OR EXISTS (SELECT 1 FROM [audit] l WHERE l.id = NEW.id) \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_on_insert] BEFORE INSERT ON [audit] FOR EACH ROW \
         WHEN (NEW.leaf IS NOT NULL OR NEW.seal IS NOT NULL \
         OR NEW.at NOT BETWEEN '1970-01-01T00:00:00Z' AND '9999-12-31T00:00:00Z') EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_on_insert] BEFORE INSERT ON [audit] FOR EACH ROW \
         IF NEW.leaf IS NOT NULL OR NEW.seal IS NOT NULL \
         OR NEW.at NOT BETWEEN '1970-01-01' AND '9999-12-31' THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'rows of the audit trail are never changed or removed by hand'; END IF";
    DropAuditUpdateTrigger = "DROP TRIGGER IF EXISTS [audit_on_update]",
        postgres: "DROP TRIGGER IF EXISTS [audit_on_update] ON [audit]";
    /// A row without a number may get one with its seal; a row with one may lose its personal facts; nothing else may change.
    CreateAuditUpdateTrigger =
        "CREATE TRIGGER [audit_on_update] BEFORE UPDATE ON [audit] \
         WHEN NOT (OLD.id IS NEW.id AND OLD.at IS NEW.at AND OLD.event IS NEW.event AND OLD.outcome IS NEW.outcome \
         AND OLD.reason IS NEW.reason AND OLD.actor IS NEW.actor AND OLD.on_behalf_of IS NEW.on_behalf_of \
         AND OLD.user_id IS NEW.user_id AND OLD.session_id IS NEW.session_id AND OLD.request_id IS NEW.request_id \
         AND OLD.details IS NEW.details AND OLD.count IS NEW.count AND OLD.key_id IS NEW.key_id \
         AND OLD.personal IS NEW.personal AND OLD.mac IS NEW.mac AND \
         ((OLD.leaf IS NULL AND NEW.leaf IS NOT NULL AND OLD.seal IS NULL AND NEW.seal IS NOT NULL \
         AND OLD.network IS NEW.network AND OLD.user_agent IS NEW.user_agent \
         AND OLD.personal_salt IS NEW.personal_salt \
         AND NOT EXISTS (SELECT 1 FROM [audit] l WHERE l.leaf = NEW.leaf)) \
         OR (OLD.leaf IS NOT NULL AND OLD.leaf IS NEW.leaf AND OLD.seal IS NEW.seal \
         AND NEW.network IS NULL AND NEW.user_agent IS NULL AND NEW.personal_salt IS NULL))) \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_on_update] BEFORE UPDATE ON [audit] FOR EACH ROW \
         WHEN (NOT ((OLD.id, OLD.at, OLD.event, OLD.outcome, OLD.reason, OLD.actor, OLD.on_behalf_of, OLD.user_id, \
         OLD.session_id, OLD.request_id, OLD.details, OLD.count, OLD.key_id, OLD.personal, OLD.mac) \
         IS NOT DISTINCT FROM (NEW.id, NEW.at, NEW.event, NEW.outcome, NEW.reason, NEW.actor, NEW.on_behalf_of, \
         NEW.user_id, NEW.session_id, NEW.request_id, NEW.details, NEW.count, NEW.key_id, NEW.personal, NEW.mac) AND \
         ((OLD.leaf IS NULL AND NEW.leaf IS NOT NULL AND OLD.seal IS NULL AND NEW.seal IS NOT NULL \
         AND (OLD.network, OLD.user_agent, OLD.personal_salt) \
         IS NOT DISTINCT FROM (NEW.network, NEW.user_agent, NEW.personal_salt)) \
         OR (OLD.leaf IS NOT NULL AND (OLD.leaf, OLD.seal) IS NOT DISTINCT FROM (NEW.leaf, NEW.seal) \
         AND NEW.network IS NULL AND NEW.user_agent IS NULL AND NEW.personal_salt IS NULL)))) \
         EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_on_update] BEFORE UPDATE ON [audit] FOR EACH ROW \
         IF NOT (OLD.id <=> NEW.id AND OLD.at <=> NEW.at AND OLD.event <=> NEW.event AND OLD.outcome <=> NEW.outcome \
         AND OLD.reason <=> NEW.reason AND OLD.actor <=> NEW.actor AND OLD.on_behalf_of <=> NEW.on_behalf_of \
         AND OLD.user_id <=> NEW.user_id AND OLD.session_id <=> NEW.session_id \
         AND OLD.request_id <=> NEW.request_id AND OLD.details <=> NEW.details AND OLD.count <=> NEW.count \
         AND OLD.key_id <=> NEW.key_id AND OLD.personal <=> NEW.personal AND OLD.mac <=> NEW.mac AND \
         ((OLD.leaf IS NULL AND NEW.leaf IS NOT NULL AND OLD.seal IS NULL AND NEW.seal IS NOT NULL \
         AND OLD.network <=> NEW.network AND OLD.user_agent <=> NEW.user_agent \
         AND OLD.personal_salt <=> NEW.personal_salt) \
         OR (OLD.leaf IS NOT NULL AND OLD.leaf <=> NEW.leaf AND OLD.seal <=> NEW.seal \
         AND NEW.network IS NULL AND NEW.user_agent IS NULL AND NEW.personal_salt IS NULL))) \
         THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'rows of the audit trail are never changed or removed by hand'; END IF";
    DropAuditDeleteTrigger = "DROP TRIGGER IF EXISTS [audit_on_delete]",
        postgres: "DROP TRIGGER IF EXISTS [audit_on_delete] ON [audit]";
    CreateAuditDeleteTrigger =
        "CREATE TRIGGER [audit_on_delete] BEFORE DELETE ON [audit] \
         WHEN OLD.leaf IS NULL OR OLD.leaf >= COALESCE((SELECT t.removed FROM [audit_tree] t WHERE t.id = 1), 0) \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_on_delete] BEFORE DELETE ON [audit] FOR EACH ROW \
         EXECUTE FUNCTION [audit_guard_delete]()",
        mysql:
        "CREATE TRIGGER [audit_on_delete] BEFORE DELETE ON [audit] FOR EACH ROW \
         IF OLD.leaf IS NULL OR OLD.leaf >= COALESCE((SELECT t.removed FROM [audit_tree] t WHERE t.id = 1), 0) \
         THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'rows of the audit trail are never changed or removed by hand'; END IF";
    DropTreeInsertTrigger = "DROP TRIGGER IF EXISTS [audit_tree_on_insert]",
        postgres: "DROP TRIGGER IF EXISTS [audit_tree_on_insert] ON [audit_tree]";
    CreateTreeInsertTrigger =
        "CREATE TRIGGER [audit_tree_on_insert] BEFORE INSERT ON [audit_tree] WHEN NEW.removed <> 0 \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_tree_on_insert] BEFORE INSERT ON [audit_tree] FOR EACH ROW WHEN (NEW.removed <> 0) \
         EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_tree_on_insert] BEFORE INSERT ON [audit_tree] FOR EACH ROW IF NEW.removed <> 0 \
         THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'rows of the audit trail are never changed or removed by hand'; END IF";
    DropTreeUpdateTrigger = "DROP TRIGGER IF EXISTS [audit_tree_on_update]",
        postgres: "DROP TRIGGER IF EXISTS [audit_tree_on_update] ON [audit_tree]";
    /// The word that rows may go, given as retention gives it: for four segments at once.
    CreateTreeUpdateTrigger =
        "CREATE TRIGGER [audit_tree_on_update] BEFORE UPDATE ON [audit_tree] \
         WHEN NEW.removed < OLD.removed OR NEW.removed > OLD.removed + 1024 OR NEW.removed > NEW.size \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_tree_on_update] BEFORE UPDATE ON [audit_tree] FOR EACH ROW \
         WHEN (NEW.removed < OLD.removed OR NEW.removed > OLD.removed + 1024 OR NEW.removed > NEW.size) \
         EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_tree_on_update] BEFORE UPDATE ON [audit_tree] FOR EACH ROW \
         IF NEW.removed < OLD.removed OR NEW.removed > OLD.removed + 1024 OR NEW.removed > NEW.size \
         THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'rows of the audit trail are never changed or removed by hand'; END IF";
    DropAuditTruncateTrigger =
        "", postgres: "DROP TRIGGER IF EXISTS [audit_on_truncate] ON [audit]",
        mysql: "";
    CreateAuditTruncateTrigger =
        "", postgres:
        "CREATE TRIGGER [audit_on_truncate] BEFORE TRUNCATE ON [audit] EXECUTE FUNCTION [audit_refuse]()",
        mysql: "";
    DropSegmentsUpdateTrigger = "DROP TRIGGER IF EXISTS [audit_segments_on_update]",
        postgres: "DROP TRIGGER IF EXISTS [audit_segments_on_update] ON [audit_segments]";
    CreateSegmentsUpdateTrigger =
        "CREATE TRIGGER [audit_segments_on_update] BEFORE UPDATE ON [audit_segments] \
         BEGIN SELECT RAISE(ABORT, 'segments of the audit trail are never changed or removed'); END",
        postgres:
        "CREATE TRIGGER [audit_segments_on_update] BEFORE UPDATE OR DELETE OR TRUNCATE ON [audit_segments] \
         EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_segments_on_update] BEFORE UPDATE ON [audit_segments] FOR EACH ROW \
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'segments of the audit trail are never changed or removed'";
    DropSegmentsDeleteTrigger = "DROP TRIGGER IF EXISTS [audit_segments_on_delete]",
        postgres: "";
    CreateSegmentsDeleteTrigger =
        "CREATE TRIGGER [audit_segments_on_delete] BEFORE DELETE ON [audit_segments] \
         BEGIN SELECT RAISE(ABORT, 'segments of the audit trail are never changed or removed'); END",
        postgres: "",
        mysql:
        "CREATE TRIGGER [audit_segments_on_delete] BEFORE DELETE ON [audit_segments] FOR EACH ROW \
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'segments of the audit trail are never changed or removed'";
}
