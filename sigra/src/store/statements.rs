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
        "INSERT{ignore} INTO [accounts] (user_id, identifier, epoch, created_at) \
         VALUES ($1, $2, 0, $3){on_conflict}";
    IdentifierTaken = "SELECT a.user_id FROM [accounts] a WHERE a.identifier = $1";
    /// What a sign-in needs to know of whoever has this identifier.
    Credentials =
        "SELECT a.user_id, a.epoch, u.{password} FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id \
         WHERE a.identifier = $1";
    /// The same for a user who is signed in.
    CredentialsOf =
        "SELECT a.user_id, a.epoch, u.{password} FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id \
         WHERE a.user_id = $1";
    /// What may stand in the way of a session.
    Standing =
        "SELECT a.epoch, a.identifier, u.{email}, CAST(CASE WHEN {confirmed} IS NULL THEN 0 ELSE 1 END AS {int8}), \
         {disabled} FROM [accounts] a JOIN {users} u ON u.{id} = a.user_id WHERE a.user_id = $1";
    /// A new epoch ends every session and token of the old one, also those that a request is about to create.
    AdvanceEpoch = "UPDATE [accounts] SET epoch = epoch + 1 WHERE user_id = $1 AND epoch = $2";
    /// Keeps an epoch from being advanced until the transaction ends; no row where it was advanced already.
    HoldEpoch = "UPDATE [accounts] SET epoch = epoch WHERE user_id = $1 AND epoch = $2";
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
         idle_expires_at, expires_at, network, user_agent, note) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    /// The session check: one statement, found by the unique index on the token's hash, that also brings the user.
    SessionByToken =
        "SELECT s.id, s.created_at, s.last_seen_at, s.expires_at, s.remembered, {columns} \
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
    /// Whether the session that asks is still there, at the moment of the change it asks for.
    SessionIsLive =
        "SELECT s.epoch FROM [sessions] s JOIN [accounts] a ON a.user_id = s.user_id \
         JOIN {users} u ON u.{id} = s.user_id \
         WHERE s.id = $1 AND s.user_id = $2 AND s.idle_expires_at > $3 AND s.expires_at > $4 AND s.epoch = a.epoch \
         AND {disabled} IS NULL";
    DeleteSession = "DELETE FROM [sessions] WHERE id = $1 AND user_id = $2";
    DeleteSessionByToken = "DELETE FROM [sessions] WHERE token_hash = $1";
    DeleteOtherSessions = "DELETE FROM [sessions] WHERE user_id = $1 AND id <> $2";
    DeleteSessions = "DELETE FROM [sessions] WHERE user_id = $1";
}

// Tokens.
statements! {
    InsertToken =
        "INSERT INTO [tokens] (id, user_id, purpose, token_hash, code_hash, identifier, epoch, attempts, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)";
    /// A token counts while the account is as it was when the token was issued: same epoch, same address, not disabled.
    TokenByHash =
        "SELECT t.id, t.user_id, t.identifier, t.epoch FROM [tokens] t JOIN [accounts] a ON a.user_id = t.user_id \
         JOIN {users} u ON u.{id} = t.user_id \
         WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND t.consumed_at IS NULL \
         AND t.epoch = a.epoch AND t.identifier = a.identifier AND {disabled} IS NULL";
    /// The newest token of an address that has a code. The code itself is compared in constant time afterwards.
    TokenByIdentifier =
        "SELECT t.id, t.user_id, t.identifier, t.epoch, t.code_hash FROM [tokens] t \
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
    DeleteTokens = "DELETE FROM [tokens] WHERE user_id = $1";
    DeleteTokensFor = "DELETE FROM [tokens] WHERE user_id = $1 AND purpose = $2 AND id <> $3";
}

// Limits.
statements! {
    /// One more in a row. The last one that is allowed arms the wait. `resets_at` comes first: MariaDB assigns from left
    /// to right, and it must see the old count.
    CountInARow =
        "UPDATE [limits] SET resets_at = CASE WHEN used + 1 >= $1 THEN $2 ELSE $3 END, used = used + 1 \
         WHERE bucket = $4 AND resets_at > $5 AND used < $6";
    /// One more within a window that keeps its end.
    CountInWindow = "UPDATE [limits] SET used = used + 1 WHERE bucket = $1 AND resets_at > $2 AND used < $3";
    /// The first after the old count lapsed.
    RestartLimit = "UPDATE [limits] SET resets_at = $1, used = 1 WHERE bucket = $2 AND resets_at <= $3";
    /// The first ever.
    StartLimit =
        "INSERT{ignore} INTO [limits] (bucket, used, resets_at) VALUES ($1, 1, $2){on_conflict}";
    /// A row at its limit.
    LimitReachedUntil =
        "SELECT resets_at FROM [limits] WHERE bucket = $1 AND resets_at > $2 AND used >= $3";
    RefundLimit = "UPDATE [limits] SET used = used - 1 WHERE bucket = $1 AND used > 0";
    ClearLimit = "DELETE FROM [limits] WHERE bucket = $1";
}

// Outbox.
statements! {
    InsertMail =
        "INSERT INTO [outbox] (id, kind, identifier, created_at, due_at, attempts) VALUES ($1, $2, $3, $4, $5, 0)";
    /// Only what this version knows how to write: a row of a newer one waits for a worker that does.
    DueMail =
        "SELECT id, kind, identifier, created_at, due_at, attempts FROM [outbox] WHERE due_at <= $1 \
         AND kind IN ('confirm_email', 'address_taken', 'reset_password', 'password_changed') ORDER BY due_at LIMIT 20";
    /// Takes a row for the time of a lease: of many workers, one moves it.
    ClaimMail = "UPDATE [outbox] SET due_at = $1, attempts = attempts + 1 WHERE id = $2 AND due_at = $3";
    /// A worker whose lease ran out has nothing to say any more.
    PostponeMail = "UPDATE [outbox] SET due_at = $1 WHERE id = $2 AND due_at = $3";
    DeleteMail = "DELETE FROM [outbox] WHERE id = $1 AND due_at = $2";
}

// Audit.
statements! {
    InsertAudit =
        "INSERT INTO [audit] (id, at, event, outcome, reason, actor, on_behalf_of, user_id, session_id, request_id, \
         network, user_agent, details, count, key_id, personal_salt, personal, hash, mac) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    /// Nothing from before the account: SQLite may give a deleted account's number to a new one.
    Activity =
        "SELECT l.at, l.event, l.outcome, l.reason, l.actor, l.network, l.user_agent FROM [audit] l \
         WHERE l.user_id = $1 AND l.at >= (SELECT a.created_at FROM [accounts] a WHERE a.user_id = $2) \
         ORDER BY l.at DESC, l.id DESC LIMIT $3";
    ErasePersonalFacts =
        "UPDATE [audit] SET network = NULL, user_agent = NULL, personal_salt = NULL \
         WHERE user_id = $1 AND personal_salt IS NOT NULL";
}

// The log: which row has which number, the tree and its checkpoints.
statements! {
    /// Whether the worker has anything to do: rows to number, counts to write, a checkpoint to sign or to hand over.
    SealingDue =
        "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM [audit] l \
         WHERE l.seq > COALESCE((SELECT t.high FROM [audit_tree] t WHERE t.id = 1), 0)) \
         OR EXISTS (SELECT 1 FROM [audit_gaps] g JOIN [audit] l ON l.seq >= g.low AND l.seq <= g.high) \
         OR EXISTS (SELECT 1 FROM [audit_counts] WHERE ends_at <= $1) \
         OR EXISTS (SELECT 1 FROM [audit_checkpoints] WHERE exported_at IS NULL) \
         OR EXISTS (SELECT 1 FROM [audit_tree] t WHERE t.size > 0 AND NOT EXISTS (SELECT 1 FROM [audit_checkpoints] c \
         WHERE c.size = (SELECT MAX(m.size) FROM [audit_checkpoints] m) AND (c.size >= t.size OR c.signed_at > $2))) \
         THEN 1 ELSE 0 END AS {int8})";
    NewRows = "SELECT seq, id, key_id, hash, mac FROM [audit] WHERE seq > $1 ORDER BY seq LIMIT 1024";
    /// Rows that committed after others with higher numbers had been read.
    LateRows =
        "SELECT l.seq, l.id, l.key_id, l.hash, l.mac FROM [audit_gaps] g \
         JOIN [audit] l ON l.seq >= g.low AND l.seq <= g.high ORDER BY l.seq LIMIT 1024";
    Gaps = "SELECT low, high, seen_at FROM [audit_gaps] ORDER BY low";
    InsertGap = "INSERT INTO [audit_gaps] (low, high, seen_at) VALUES ($1, $2, $3)";
    DeleteGap = "DELETE FROM [audit_gaps] WHERE low = $1";
    StartTree =
        "INSERT{ignore} INTO [audit_tree] (id, size, nodes, entries, high, removed, removed_until, mac, removed_high, \
         lease_until) VALUES (1, 0, $1, $2, 0, 0, NULL, $3, 0, $4){on_conflict}";
    /// Whoever changes the row keeps it until the transaction ends: sequencing goes one after the other, lease or not.
    HoldTree = "UPDATE [audit_tree] SET holder = holder WHERE id = 1";
    /// Takes the lease where it is this node's already or nobody's any more.
    LeaseTree =
        "UPDATE [audit_tree] SET holder = $1, lease_until = $2 WHERE id = 1 AND (holder = $3 OR lease_until <= $4)";
    Tree = "SELECT size, nodes, entries, high, removed, removed_until, mac FROM [audit_tree] WHERE id = 1";
    WriteTree =
        "UPDATE [audit_tree] SET size = $1, nodes = $2, entries = $3, high = $4, removed = $5, removed_until = $6, \
         mac = $7 WHERE id = 1";
    /// Tells the trigger which rows may go.
    RemovedHigh = "UPDATE [audit_tree] SET removed_high = $1 WHERE id = 1 AND removed_high < $2";
    InsertSegment = "INSERT INTO [audit_segments] (segment, low, high, entries, hash) VALUES ($1, $2, $3, $4, $5)";
    Segments =
        "SELECT segment, low, high, entries, hash FROM [audit_segments] WHERE segment >= $1 ORDER BY segment LIMIT $2";
    SegmentHashes = "SELECT segment, hash FROM [audit_segments] WHERE segment >= $1 ORDER BY segment LIMIT $2";
    /// The segments that may have a row: nearly always one.
    SegmentsAround = "SELECT segment, low, high, entries, hash FROM [audit_segments] WHERE low <= $1 AND high >= $2";
    EmptySegment = "UPDATE [audit_segments] SET entries = NULL WHERE segment = $1";
    InsertCheckpoint = "INSERT INTO [audit_checkpoints] (size, note, signed_at) VALUES ($1, $2, $3)";
    NewestCheckpoint = "SELECT note, signed_at FROM [audit_checkpoints] ORDER BY size DESC LIMIT 1";
    NewestExported =
        "SELECT note, signed_at FROM [audit_checkpoints] WHERE exported_at IS NOT NULL ORDER BY size DESC LIMIT 1";
    DueCheckpoints = "SELECT note, signed_at FROM [audit_checkpoints] WHERE exported_at IS NULL ORDER BY size LIMIT 20";
    CheckpointExported = "UPDATE [audit_checkpoints] SET exported_at = $1 WHERE size = $2 AND exported_at IS NULL";
    /// Old ones stand outside the database. The newest that was handed over stays: retention asks for it.
    SweepCheckpoints = "DELETE FROM [audit_checkpoints] WHERE signed_at <= $1 AND exported_at IS NOT NULL AND size < $2";
    RowsAfter = "SELECT {audit_row} FROM [audit] l WHERE l.seq > $1 ORDER BY l.seq LIMIT 512";
    RowsBetween = "SELECT {audit_row} FROM [audit] l WHERE l.seq >= $1 AND l.seq <= $2 ORDER BY l.seq";
    RowById = "SELECT {audit_row} FROM [audit] l WHERE l.id = $1";
    /// Removes `$1` rows, whose ids stand in `$2`, 32 bytes apart.
    DeleteRows =
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
         DELETE FROM [audit] WHERE id IN (SELECT substr($2, i * 32 + 1, 16) FROM n)",
        postgres:
        "WITH p AS (SELECT CAST($1 AS BIGINT) AS n, CAST($2 AS BYTEA) AS entries) \
         DELETE FROM [audit] l USING (SELECT CAST(encode(substr(p.entries, CAST(g.i * 32 + 1 AS INTEGER), 16), 'hex') \
         AS UUID) AS id FROM p, generate_series(0, p.n - 1) AS g (i)) v WHERE l.id = v.id",
        mysql:
        "DELETE l FROM (WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) \
         SELECT CAST(SUBSTR($2, i * 32 + 1, 16) AS BINARY(16)) AS id FROM n) v \
         STRAIGHT_JOIN [audit] l ON l.id = v.id";
}

// Floods of refusals: counted where they would fill the trail.
statements! {
    CountRefusal =
        "UPDATE [audit_counts] SET count = count + 1, last_at = $1, \
         network = CASE WHEN network = $2 THEN network ELSE NULL END WHERE bucket = $3 AND ends_at > $4";
    StartCount =
        "INSERT{ignore} INTO [audit_counts] (bucket, event, reason, network, count, first_at, last_at, ends_at) \
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7){on_conflict}";
    EndedCounts =
        "SELECT bucket, event, reason, network, count, first_at, last_at, ends_at FROM [audit_counts] \
         WHERE ends_at <= $1 ORDER BY ends_at LIMIT 100";
    StaleCount =
        "SELECT bucket, event, reason, network, count, first_at, last_at, ends_at FROM [audit_counts] \
         WHERE bucket = $1 AND ends_at <= $2";
    /// Takes a count that is over: of several that want to write its row, one does.
    TakeCount = "DELETE FROM [audit_counts] WHERE bucket = $1 AND ends_at = $2 AND count = $3";
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
        "DELETE FROM [limits] WHERE bucket IN (SELECT bucket FROM [limits] WHERE resets_at <= $1 LIMIT 500)",
        mysql: "DELETE FROM [limits] WHERE resets_at <= $1 LIMIT 500";
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
         confirmed_at {stamp} NULL, \
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
         created_at {stamp} NOT NULL, \
         expires_at {stamp} NOT NULL, \
         consumed_at {stamp} NULL, \
         FOREIGN KEY (user_id) REFERENCES {users} ({id}) ON DELETE CASCADE) {options}";
    IndexTokensByUser = "CREATE INDEX IF NOT EXISTS [tokens_by_user] ON [tokens] (user_id, purpose)",
        mysql: "CREATE INDEX [tokens_by_user] ON [tokens] (user_id, purpose)";
    IndexTokensByExpiry = "CREATE INDEX IF NOT EXISTS [tokens_by_expiry] ON [tokens] (expires_at)",
        mysql: "CREATE INDEX [tokens_by_expiry] ON [tokens] (expires_at)";
    CreateLimits =
        "CREATE TABLE IF NOT EXISTS [limits] (\
         bucket {bytes} NOT NULL PRIMARY KEY, \
         used {integer} NOT NULL, \
         resets_at {stamp} NOT NULL) {options}";
    IndexLimitsByReset = "CREATE INDEX IF NOT EXISTS [limits_by_reset] ON [limits] (resets_at)",
        mysql: "CREATE INDEX [limits_by_reset] ON [limits] (resets_at)";
    CreateOutbox =
        "CREATE TABLE IF NOT EXISTS [outbox] (\
         id {uuid} NOT NULL PRIMARY KEY, \
         kind {name} NOT NULL, \
         identifier {name} NOT NULL, \
         created_at {stamp} NOT NULL, \
         due_at {stamp} NOT NULL, \
         attempts {integer} NOT NULL) {options}";
    IndexOutboxByDue = "CREATE INDEX IF NOT EXISTS [outbox_by_due] ON [outbox] (due_at)",
        mysql: "CREATE INDEX [outbox_by_due] ON [outbox] (due_at)";
    /// No foreign key: the trail outlives the account.
    CreateAudit =
        "CREATE TABLE IF NOT EXISTS [audit] (\
         seq {counting_key}, \
         id {uuid} NOT NULL UNIQUE, \
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
         hash {bytes} NOT NULL, \
         mac {bytes} NOT NULL) {options}";
    IndexAuditByUser =
        "CREATE INDEX IF NOT EXISTS [audit_by_user] ON [audit] (user_id, at) WHERE user_id IS NOT NULL",
        mysql: "CREATE INDEX [audit_by_user] ON [audit] (user_id, at)";
    /// One row: the tree's right edge, the rows of the segment that is not full yet, how far the rows were read, and who
    /// sequences at the moment.
    CreateAuditTree =
        "CREATE TABLE IF NOT EXISTS [audit_tree] (\
         id {integer} NOT NULL PRIMARY KEY, \
         size {integer} NOT NULL, \
         nodes {long_bytes} NOT NULL, \
         entries {long_bytes} NOT NULL, \
         high {integer} NOT NULL, \
         removed {integer} NOT NULL, \
         removed_until {stamp} NULL, \
         mac {bytes} NOT NULL, \
         removed_high {integer} NOT NULL, \
         holder {uuid} NULL, \
         lease_until {stamp} NOT NULL) {options}";
    /// Full segments: id and seal of each of the 256 rows, and the hash over them. The hash stays when the rows go.
    CreateAuditSegments =
        "CREATE TABLE IF NOT EXISTS [audit_segments] (\
         segment {integer} NOT NULL PRIMARY KEY, \
         low {integer} NOT NULL, \
         high {integer} NOT NULL, \
         entries {long_bytes} NULL, \
         hash {bytes} NOT NULL) {options}";
    /// Numbers that were not there when higher ones were read: of transactions that were under way, or came to nothing.
    CreateAuditGaps =
        "CREATE TABLE IF NOT EXISTS [audit_gaps] (\
         low {integer} NOT NULL PRIMARY KEY, \
         high {integer} NOT NULL, \
         seen_at {stamp} NOT NULL) {options}";
    CreateAuditCheckpoints =
        "CREATE TABLE IF NOT EXISTS [audit_checkpoints] (\
         size {integer} NOT NULL PRIMARY KEY, \
         note {text} NOT NULL, \
         signed_at {stamp} NOT NULL, \
         exported_at {stamp} NULL) {options}";
    IndexAuditCheckpointsByExport =
        "CREATE INDEX IF NOT EXISTS [audit_checkpoints_by_export] ON [audit_checkpoints] (exported_at)",
        mysql: "CREATE INDEX [audit_checkpoints_by_export] ON [audit_checkpoints] (exported_at)";
    CreateAuditCounts =
        "CREATE TABLE IF NOT EXISTS [audit_counts] (\
         bucket {bytes} NOT NULL PRIMARY KEY, \
         event {name} NOT NULL, \
         reason {name} NOT NULL, \
         network {text} NULL, \
         count {integer} NOT NULL, \
         first_at {stamp} NOT NULL, \
         last_at {stamp} NOT NULL, \
         ends_at {stamp} NOT NULL) {options}";
    IndexAuditCountsByEnd = "CREATE INDEX IF NOT EXISTS [audit_counts_by_end] ON [audit_counts] (ends_at)",
        mysql: "CREATE INDEX [audit_counts_by_end] ON [audit_counts] (ends_at)";
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
         'BEGIN IF OLD.seq <= (SELECT t.removed_high FROM [audit_tree] t WHERE t.id = 1) THEN RETURN OLD; END IF; \
         RAISE EXCEPTION ''rows of the audit trail are never changed or removed by hand''; END'",
        mysql: "";
    DropAuditInsertTrigger = "DROP TRIGGER IF EXISTS [audit_on_insert]",
        postgres: "", mysql: "";
    /// On SQLite `INSERT OR REPLACE` would remove a row past every other trigger.
    CreateAuditInsertTrigger =
        "CREATE TRIGGER [audit_on_insert] BEFORE INSERT ON [audit] \
         WHEN EXISTS (SELECT 1 FROM [audit] l WHERE l.id = NEW.id OR l.seq = NEW.seq) \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres: "", mysql: "";
    DropAuditUpdateTrigger = "DROP TRIGGER IF EXISTS [audit_on_update]",
        postgres: "DROP TRIGGER IF EXISTS [audit_on_update] ON [audit]";
    /// A row may lose its personal facts; nothing else may change.
    CreateAuditUpdateTrigger =
        "CREATE TRIGGER [audit_on_update] BEFORE UPDATE ON [audit] \
         WHEN NOT (OLD.seq IS NEW.seq AND OLD.id IS NEW.id AND OLD.at IS NEW.at AND OLD.event IS NEW.event \
         AND OLD.outcome IS NEW.outcome AND OLD.reason IS NEW.reason AND OLD.actor IS NEW.actor \
         AND OLD.on_behalf_of IS NEW.on_behalf_of AND OLD.user_id IS NEW.user_id AND OLD.session_id IS NEW.session_id \
         AND OLD.request_id IS NEW.request_id AND OLD.details IS NEW.details AND OLD.count IS NEW.count \
         AND OLD.key_id IS NEW.key_id AND OLD.personal IS NEW.personal AND OLD.hash IS NEW.hash \
         AND OLD.mac IS NEW.mac AND NEW.network IS NULL AND NEW.user_agent IS NULL AND NEW.personal_salt IS NULL) \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_on_update] BEFORE UPDATE ON [audit] FOR EACH ROW \
         WHEN (NOT ((OLD.seq, OLD.id, OLD.at, OLD.event, OLD.outcome, OLD.reason, OLD.actor, OLD.on_behalf_of, \
         OLD.user_id, OLD.session_id, OLD.request_id, OLD.details, OLD.count, OLD.key_id, OLD.personal, OLD.hash, \
         OLD.mac) IS NOT DISTINCT FROM (NEW.seq, NEW.id, NEW.at, NEW.event, NEW.outcome, NEW.reason, NEW.actor, \
         NEW.on_behalf_of, NEW.user_id, NEW.session_id, NEW.request_id, NEW.details, NEW.count, NEW.key_id, \
         NEW.personal, NEW.hash, NEW.mac) \
         AND NEW.network IS NULL AND NEW.user_agent IS NULL AND NEW.personal_salt IS NULL)) \
         EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_on_update] BEFORE UPDATE ON [audit] FOR EACH ROW \
         IF NOT (OLD.seq <=> NEW.seq AND OLD.id <=> NEW.id AND OLD.at <=> NEW.at AND OLD.event <=> NEW.event \
         AND OLD.outcome <=> NEW.outcome AND OLD.reason <=> NEW.reason AND OLD.actor <=> NEW.actor \
         AND OLD.on_behalf_of <=> NEW.on_behalf_of AND OLD.user_id <=> NEW.user_id \
         AND OLD.session_id <=> NEW.session_id AND OLD.request_id <=> NEW.request_id \
         AND OLD.details <=> NEW.details AND OLD.count <=> NEW.count AND OLD.key_id <=> NEW.key_id \
         AND OLD.personal <=> NEW.personal AND OLD.hash <=> NEW.hash AND OLD.mac <=> NEW.mac \
         AND NEW.network IS NULL AND NEW.user_agent IS NULL AND NEW.personal_salt IS NULL) \
         THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'rows of the audit trail are never changed or removed by hand'; END IF";
    DropAuditDeleteTrigger = "DROP TRIGGER IF EXISTS [audit_on_delete]",
        postgres: "DROP TRIGGER IF EXISTS [audit_on_delete] ON [audit]";
    CreateAuditDeleteTrigger =
        "CREATE TRIGGER [audit_on_delete] BEFORE DELETE ON [audit] \
         WHEN OLD.seq > COALESCE((SELECT t.removed_high FROM [audit_tree] t WHERE t.id = 1), 0) \
         BEGIN SELECT RAISE(ABORT, 'rows of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_on_delete] BEFORE DELETE ON [audit] FOR EACH ROW \
         EXECUTE FUNCTION [audit_guard_delete]()",
        mysql:
        "CREATE TRIGGER [audit_on_delete] BEFORE DELETE ON [audit] FOR EACH ROW \
         IF OLD.seq > COALESCE((SELECT t.removed_high FROM [audit_tree] t WHERE t.id = 1), 0) \
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
    /// The list of its rows goes when they went.
    CreateSegmentsUpdateTrigger =
        "CREATE TRIGGER [audit_segments_on_update] BEFORE UPDATE ON [audit_segments] \
         WHEN NOT (OLD.segment IS NEW.segment AND OLD.low IS NEW.low AND OLD.high IS NEW.high \
         AND OLD.hash IS NEW.hash AND NEW.entries IS NULL) \
         BEGIN SELECT RAISE(ABORT, 'segments of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_segments_on_update] BEFORE UPDATE ON [audit_segments] FOR EACH ROW \
         WHEN (NOT ((OLD.segment, OLD.low, OLD.high, OLD.hash) IS NOT DISTINCT FROM (NEW.segment, NEW.low, NEW.high, \
         NEW.hash) AND NEW.entries IS NULL)) EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_segments_on_update] BEFORE UPDATE ON [audit_segments] FOR EACH ROW \
         IF NOT (OLD.segment <=> NEW.segment AND OLD.low <=> NEW.low AND OLD.high <=> NEW.high \
         AND OLD.hash <=> NEW.hash AND NEW.entries IS NULL) THEN SIGNAL SQLSTATE '45000' \
         SET MESSAGE_TEXT = 'segments of the audit trail are never changed or removed by hand'; END IF";
    DropSegmentsDeleteTrigger = "DROP TRIGGER IF EXISTS [audit_segments_on_delete]",
        postgres: "DROP TRIGGER IF EXISTS [audit_segments_on_delete] ON [audit_segments]";
    CreateSegmentsDeleteTrigger =
        "CREATE TRIGGER [audit_segments_on_delete] BEFORE DELETE ON [audit_segments] \
         BEGIN SELECT RAISE(ABORT, 'segments of the audit trail are never changed or removed by hand'); END",
        postgres:
        "CREATE TRIGGER [audit_segments_on_delete] BEFORE DELETE OR TRUNCATE ON [audit_segments] \
         EXECUTE FUNCTION [audit_refuse]()",
        mysql:
        "CREATE TRIGGER [audit_segments_on_delete] BEFORE DELETE ON [audit_segments] FOR EACH ROW \
         SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'segments of the audit trail are never changed or removed by hand'";
}
