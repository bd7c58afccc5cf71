// Made by `tests/rules.rs`.

/// S0001: leave it out
mod s0001_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
         name: String,
    }
}

/// S0002: did you mean `session`?
mod s0002_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0003: mark the field: `#[sigra(skip)] created_at: time::OffsetDateTime`
mod s0003_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    #[sigra(skip)] created_at: time::OffsetDateTime,
    }
}

/// S0004: remove one of the two
mod s0004_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        privacy = "full",
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0005: write `must_change_password`
mod s0005_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password,
        must_change_password,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0006: write `privacy = "full"`
mod s0006_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        privacy = "full",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0007: write `reset_password(within = "1h")`
mod s0007_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0007: write `reset_password`, for the defaults
mod s0007_2 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0008: write `session(idle = "1h", absolute = "14d")`
mod s0008_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0009: write `, reset_password`
mod s0009_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password , reset_password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0010: write `privacy = "full"`
mod s0010_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        privacy = "full",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0011: leave it out, or write a key: `table = "users"`
mod s0011_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0012: write `idle = "15m"`
mod s0012_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "15m", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0013: write `after = 10`
mod s0013_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0014: write `table = "app_users"`
mod s0014_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "app_users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0015: write `prefix = "auth_"`
mod s0015_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        prefix = "auth_",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0016: write `unsafe_no_audit = "the database writes its own trail"`
mod s0016_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        unsafe_no_audit = "the database writes its own trail",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0017: write `issuer = "Acme production"`
mod s0017_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme production"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0018: write `privacy = "truncated"`
mod s0018_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        privacy = "truncated",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0019: write `crate = sigra`
mod s0019_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        crate = sigra,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0020: write `struct User` and a concrete type for each parameter
mod s0020_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
        extra: i64,
    }
}

/// S0021: write `struct User { #[sigra(id)] id: uuid::Uuid, #[sigra(email)] email: String, #[sigra(password)] password: Option<sigra::PasswordHash> }`
mod s0021_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User { #[sigra(id)] id: uuid::Uuid, #[sigra(email)] email: String, #[sigra(password)] password: Option<sigra::PasswordHash> }
}

/// S0023: leave it out: it is planned, and until then `password` signs in
mod s0023_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0024: write `reset_password(within = "1h")`
mod s0024_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0025: leave it out, or derive `AuditEvent`
mod s0025_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditDetail)]
    #[sigra()]
    struct Line {
        amount: i64,
    }
}

/// S0026: write `profile = "aal2"`
mod s0026_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h"),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0101: add `table = "users"`
mod s0101_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    table = "users",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0102: add `password` and mark its field: `#[sigra(password)] password: Option<sigra::PasswordHash>`
mod s0102_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    password,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
    #[sigra(password)] password: Option<sigra::PasswordHash>,
    }
}

/// S0103: add `session(idle = "1h", absolute = "14d")`
mod s0103_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        lockout(after = 10, wait = "15m"),
    session(idle = "1h", absolute = "14d"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0104: add `lockout(after = 10, wait = "15m")`
mod s0104_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0104: add `throttle(per_network = 100, within = "15m")`
mod s0104_2 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
    throttle(per_network = 100, within = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0104: add `unsafe_no_lockout = "the gateway counts failures"`
mod s0104_3 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
    unsafe_no_lockout = "the gateway counts failures",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0105: remove one of the two
mod s0105_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0106: remove one of the two
mod s0106_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        audit,
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0107: mark its primary key: `#[sigra(id)] id: uuid::Uuid`
mod s0107_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0108: mark it: `#[sigra(email)] email: String`
mod s0108_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0109: mark it: `#[sigra(password)] password: Option<sigra::PasswordHash>`
mod s0109_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
    #[sigra(password)] password: Option<sigra::PasswordHash>,
    }
}

/// S0110: add `password`
mod s0110_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    password,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0111: add `confirm_email(within = "48h")` and `reset_password(within = "1h")`
mod s0111_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    confirm_email(within = "48h"),
    reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
        #[sigra(confirmed_at)] confirmed_at: Option<OffsetDateTime>,
    }
}

/// S0112: write two fields: `#[sigra(email)] email: String` and `#[sigra(id)] id: uuid::Uuid`
mod s0112_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    #[sigra(id)] id: uuid::Uuid,
    }
}

/// S0113: leave it out: one field of `User` is marked so
mod s0113_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
        #[sigra()] backup: String,
    }
}

/// S0114: name another: `#[sigra(column = "name")] name: String`
mod s0114_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
        #[sigra(column = "name")] name: String,
    }
}

/// S0115: name the column in ASCII: `#[sigra(column = "gr__e")] größe: i64`
mod s0115_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
        #[sigra(column = "gr__e")] größe: i64,
    }
}

/// S0116: write `table = "members"`
mod s0116_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "members",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0116: add `prefix = "auth_"`
mod s0116_2 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "sigra_members",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    prefix = "auth_",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0117: name this field otherwise: `#[sigra(column = "other")] other_email: String`
mod s0117_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] address: String,
        #[sigra(password)] password: Option<PasswordHash>,
        #[sigra(column = "other")] other_email: String,
    }
}

/// S0118: write `password(memory_kib = 19456, iterations = 2)`
mod s0118_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(memory_kib = 19456, iterations = 2),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0118: write `password(memory_kib = 12288, iterations = 3)`
mod s0118_2 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(memory_kib = 12288, iterations = 3),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0119: write `idle = "24h"` at most
mod s0119_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "24h", absolute = "1d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0120: write `remember = "14d"` at least
mod s0120_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", remember = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0121: write `touch = "5m"` at most
mod s0121_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "10m", absolute = "14d", touch = "5m"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0122: add `reset_password(within = "1h")`
mod s0122_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        must_change_password,
    reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0123: write `overall = 2000` at least
mod s0123_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 1000, overall = 2000, within = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0124: add `backup_codes`
mod s0124_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme"),
    backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0124: add `assisted_recovery(delay = "24h")`
mod s0124_2 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme"),
    assisted_recovery(delay = "24h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0124: add `unsafe_no_recovery = "accounts are made anew"`
mod s0124_3 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme"),
    unsafe_no_recovery = "accounts are made anew",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0125: remove one of the two
mod s0125_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme"),
        backup_codes,
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0126: add `totp(issuer = "Acme")`
mod s0126_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        backup_codes,
    totp(issuer = "Acme"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0127: write `sudo(within = "10m")` at most
mod s0127_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "5m", absolute = "10m"),
        lockout(after = 10, wait = "15m"),
        sudo(within = "10m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0128: write `retain = "14d"` at least
mod s0128_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        audit(retain = "14d"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0129: add `reset_password(within = "1h")`
mod s0129_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        confirm_email,
    reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0201: write `min_length = 15`
mod s0201_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(min_length = 15),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0202: write `min_length = 64`
mod s0202_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(min_length = 64),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0203: write `memory_kib = 19456`
mod s0203_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(memory_kib = 19456),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0204: write `memory_kib = 1048576`
mod s0204_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(memory_kib = 1048576),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0205: write `iterations = 2`
mod s0205_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(iterations = 2),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0206: write `iterations = 64`
mod s0206_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(iterations = 64),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0207: write `idle = "1h"`
mod s0207_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0208: write `idle = "1h"`
mod s0208_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0209: write `absolute = "14d"`
mod s0209_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0210: write `absolute = "30d"`
mod s0210_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "30d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0211: write `remember = "30d"`
mod s0211_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", remember = "30d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0212: write `remember = "30d"`
mod s0212_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", remember = "30d"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0213: write `touch = "1s"`
mod s0213_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", touch = "1s"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0214: write `touch = "1m"`
mod s0214_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", touch = "1m"),
        lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0215: write `within = "5m"`
mod s0215_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        confirm_email(within = "5m"),
        reset_password,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0216: write `within = "7d"`
mod s0216_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        confirm_email(within = "7d"),
        reset_password,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0217: write `within = "5m"`
mod s0217_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password(within = "5m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0218: write `within = "24h"`
mod s0218_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password(within = "24h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0219: write `after = 1`
mod s0219_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 1, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0220: write `after = 100`
mod s0220_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 100, wait = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0221: write `wait = "30s"`
mod s0221_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "30s"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0222: write `wait = "24h"`
mod s0222_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "24h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0223: write `per_network = 1`
mod s0223_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 1, within = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0224: write `per_network = 100000`
mod s0224_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 100000, within = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0225: write `overall = 10000`
mod s0225_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 100, overall = 10000, within = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0226: write `overall = 10000000`
mod s0226_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 100, overall = 10000000, within = "15m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0227: write `within = "1m"`
mod s0227_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 100, within = "1m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0228: write `within = "24h"`
mod s0228_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 100, within = "24h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0229: write `count = 5`
mod s0229_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        backup_codes(count = 5),
        totp(issuer = "Acme"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0230: write `count = 20`
mod s0230_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        backup_codes(count = 20),
        totp(issuer = "Acme"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0231: write `delay = "1h"`
mod s0231_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        assisted_recovery(delay = "1h"),
        totp(issuer = "Acme"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0232: write `delay = "30d"`
mod s0232_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        assisted_recovery(delay = "30d"),
        totp(issuer = "Acme"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0233: write `within = "1m"`
mod s0233_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        trusted_browser(within = "1m"),
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0234: write `within = "30d"`
mod s0234_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        trusted_browser(within = "30d"),
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0235: write `within = "1m"`
mod s0235_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        sudo(within = "1m"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0236: write `within = "1h"`
mod s0236_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        sudo(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0237: write `retain = "400d"`
mod s0237_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        audit(retain = "400d"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0238: write `retain = "36500d"`
mod s0238_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        audit(retain = "36500d"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0301: write `profile = "aal2"`
mod s0301_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h"),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0302: add `totp(issuer = "Acme")` and `backup_codes`
mod s0302_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h"),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
    totp(issuer = "Acme"),
    backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0303: write `idle = "1h"` at most
mod s0303_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h"),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0304: write `absolute = "24h"` at most
mod s0304_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h"),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0305: leave it out: the session lasts as long as the profile allows
mod s0305_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h", ),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
        totp(issuer = "Acme"),
        backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0306: leave it out
mod s0306_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "24h"),
        lockout(after = 10, wait = "15m"),
        profile = "aal2",
        totp(issuer = "Acme"),
        backup_codes,
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0307: write `lockout(after = 10, wait = "15m")`
mod s0307_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        profile = "aal1",
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0401: ask for length: `password(min_length = 15)`
mod s0401_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password(min_length = 15),
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0402: leave it out; a password that leaked is replaced with `reset_password(within = "1h")`
mod s0402_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0403: write `reset_password(within = "1h")`
mod s0403_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0404: write `reset_password(within = "1h")`
mod s0404_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0405: leave it out
mod s0405_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0406: leave it out: `SIGRA_KEYS` in the environment holds the keys, `Builder::pepper` takes peppers
mod s0406_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0407: write `session(idle = "1h", absolute = "14d")`
mod s0407_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0408: leave it out
mod s0408_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0409: write `session(idle = "1h", absolute = "14d", remember = "30d")`
mod s0409_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", remember = "30d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0410: write `totp(issuer = "Acme")` and `backup_codes`
mod s0410_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme"),
    backup_codes,
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0411: leave it out
mod s0411_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0420: leave it out, and write `Sigra::<User>::builder().application_name("Acme")`
mod s0420_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0421: leave it out, and write `Sigra::<User>::builder().breached_passwords(source, WhenUnavailable::Refuse)`
mod s0421_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0422: leave it out, and write `Sigra::<User>::builder().strength(Strength::Safe)`, with the cargo feature `zxcvbn`
mod s0422_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    )]
    struct User {
        #[sigra(id)] id: uuid::Uuid,
        #[sigra(email)] email: String,
        #[sigra(password)] password: Option<PasswordHash>,
    }
}

/// S0601: add `event = "app.invoice.exported"`
mod s0601_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "app.invoice.exported")]
    struct InvoiceExported {
        invoice: Uuid,
    }
}

/// S0602: write `event = "billing.invoice.export"`
mod s0602_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported;
}

/// S0603: write `event = "app.invoice.export"`
mod s0603_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "app.invoice.export")]
    struct InvoiceExported;
}

/// S0604: write `event = "billing.an_invoice_of_a_customer_who_has_ordered_in_the.export"`
mod s0604_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.an_invoice_of_a_customer_who_has_ordered_in_the.export")]
    struct InvoiceExported;
}

/// S0605: write `event = "app.invoice.export"`
mod s0605_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "app.invoice.export")]
    struct InvoiceExported;
}

/// S0606: name it: `#[sigra(key = "the_size")] size: i64`
mod s0606_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported {
        #[sigra(key = "the_size")] size: i64,
    }
}

/// S0607: leave it out of the row: `#[sigra(skip)] access_token: String`
mod s0607_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported {
        #[sigra(skip)] access_token: String,
    }
}

/// S0607: or, where it is none, name it otherwise: `#[sigra(key = "value")] access_token: String`
mod s0607_2 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported {
        #[sigra(key = "value")] access_token: String,
    }
}

/// S0608: name it: `#[sigra(key = "size_2")] length: i64`
mod s0608_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported {
        size: i64,
        #[sigra(key = "size_2")] length: i64,
    }
}

/// S0609: remove one of the two
mod s0609_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported {
        #[sigra(skip, )] length: i64,
    }
}

/// S0610: write `struct InvoiceExported` and a concrete type for each parameter; lifetimes may stay
mod s0610_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported {
        what: i64,
    }
}

/// S0611: write `struct InvoiceExported { value: i64 }`
mod s0611_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export")]
    struct InvoiceExported { value: i64 }
}

/// S0620: leave it out, and write `event.refused("over_quota")` or `event.failed("disk_full")` there
mod s0620_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export", )]
    struct InvoiceExported;
}

/// S0621: leave it out, and write `auth.record(&session, event, &client)`
mod s0621_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export", )]
    struct InvoiceExported;
}

/// S0622: leave it out; `audit(retain = "400d")` of the user says how long rows are kept
mod s0622_1 {
    use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[derive(AuditEvent)]
    #[sigra(event = "billing.invoice.export", )]
    struct InvoiceExported;
}

/// S0501: add `confirm_email(within = "48h")` and `reset_password(within = "1h")`
mod s0501 {
    use sigra::{Client, Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"), confirm_email(within = "48h"),
    reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn confirm(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
        auth.confirm_email("token", client).await?;
        Ok(())
    }
}

/// S0502: add `reset_password(within = "1h")`
mod s0502 {
    use sigra::{Client, Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"), reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn forgot(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
        auth.request_password_reset("ada@example.com", client).await
    }
}

/// S0503: add `must_change_password` and `reset_password(within = "1h")`
mod s0503 {
    use sigra::{Client, Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"), must_change_password,
    reset_password(within = "1h"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn leaked(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
        auth.require_password_change("root", &7, client).await.map(|_| ())
    }
}

/// S0504: add `lockout(after = 10, wait = "15m")`
mod s0504 {
    use sigra::{Client, Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"), lockout(after = 10, wait = "15m"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn unlock(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
        auth.request_unlock("ada@example.com", client).await
    }
}

/// S0505: add `totp(issuer = "Acme")` and `backup_codes`
mod s0505 {
    use sigra::{Client, Error, PasswordHash, Sigra, Sudo};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"), sudo, totp(issuer = "Acme"),
    backup_codes,
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn enrol(auth: &Sigra<User>, sudo: &Sudo<User>, client: &Client) -> Result<(), Error> {
        auth.begin_totp(sudo, "phone", client).await.map(|_| ())
    }
}

/// S0506: add `backup_codes`
mod s0506 {
    use sigra::{Client, Error, PasswordHash, Sigra, Sudo};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
        totp(issuer = "Acme"), assisted_recovery, backup_codes,
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn codes(auth: &Sigra<User>, sudo: &Sudo<User>, client: &Client) -> Result<(), Error> {
        auth.create_backup_codes(sudo, client).await.map(|_| ())
    }
}

/// S0507: add `assisted_recovery(delay = "24h")`
mod s0507 {
    use sigra::{Client, Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
        totp(issuer = "Acme"), backup_codes, assisted_recovery(delay = "24h"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn lost(auth: &Sigra<User>, client: &Client) -> Result<bool, Error> {
        auth.finish_recovery("root", &7, client).await
    }
}

/// S0508: add `trusted_browser(within = "30d")`
mod s0508 {
    use sigra::{Client, Error, PasswordHash, Session, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
        totp(issuer = "Acme"), backup_codes, trusted_browser(within = "30d"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn forget(auth: &Sigra<User>, session: &Session<User>, client: &Client) -> Result<u64, Error> {
        auth.revoke_trusted_browsers(session, client).await
    }
}

/// S0509: add `sudo(within = "15m")`
mod s0509 {
    use sigra::{Client, Error, NewSession, PasswordHash, Session, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"), sudo(within = "15m"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn prove(auth: &Sigra<User>, session: &Session<User>, client: &Client) -> Result<NewSession<User>, Error> {
        auth.step_up_with_password(session, "a password", client).await
    }
}

/// S0510: add `#[sigra(disabled_at)] disabled_at: Option<time::OffsetDateTime>`
mod s0510 {
    use sigra::{Client, Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    #[sigra(disabled_at)] disabled_at: Option<time::OffsetDateTime>,
    }

    async fn disable(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
        auth.disable_account("ops", &7, client).await?;
        Ok(())
    }
}

/// S0511: leave it out: `unsafe_no_audit`; add `audit(retain = "400d")`
mod s0511 {
    use sigra::{Error, PasswordHash, Session, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        
    audit(retain = "400d"),
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn activity(auth: &Sigra<User>, session: &Session<User>) -> Result<(), Error> {
        auth.activity(session, 10).await?;
        Ok(())
    }
}

/// S0512: did you mean `i64`
mod s0512 {
    use sigra::{PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }
}

/// S0513: did you mean `String`
mod s0513 {
    use sigra::{PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }
}

/// S0514: did you mean `Option<sigra::PasswordHash>`
mod s0514 {
    use sigra::Sigra;

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<sigra::PasswordHash>,
    }
}

/// S0515: did you mean `Option<time::OffsetDateTime>`; did you mean `Option<time::OffsetDateTime>`
mod s0515 {
    use sigra::{PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        confirm_email,
        reset_password,
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
        #[sigra(confirmed_at)]
        confirmed_at: Option<time::OffsetDateTime>,
        #[sigra(disabled_at)]
        disabled_at: Option<time::OffsetDateTime>,
    }
}

/// S0516: by hand
mod s0516 {
    use sigra::{Error, PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn connect() -> Result<(), Error> {
        Sigra::<User>::connect("sqlite://app.db").await?;
        Ok(())
    }
}

/// S0517: by hand
mod s0517 {
    use sigra::{PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        reset_password,
        must_change_password,
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
        #[sigra(disabled_at)]
        disabled_at: Option<time::OffsetDateTime>,
    }

    fn greet(outcome: UserSignIn) -> &'static str {
        match outcome {
            UserSignIn::Complete(_session) => "welcome",
            UserSignIn::Disabled(_) => "ask the operator",
            UserSignIn::MustChangePassword(_) => "look into your mailbox",
        }
    }
}

/// S0518: by hand
mod s0518 {
    use sigra::{Client, Error, PasswordHash, SecondFactor, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
        totp(issuer = "Acme"), backup_codes)]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn leave(auth: &Sigra<User>, pending: &SecondFactor, code: &str, client: &Client) -> Result<(), Error> {
        let proved = auth.prove_second_factor(pending.token().expose(), code, client).await?;
        auth.sign_out(proved.session(), client).await
    }
}

/// S0519: by hand
mod s0519 {
    use sigra::{Client, Error, PasswordHash, Session, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
        totp(issuer = "Acme"), backup_codes)]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    async fn enrol(auth: &Sigra<User>, session: Session<User>, client: &Client) -> Result<(), Error> {
        let sudo = auth.sudo(session).await?;
        auth.begin_totp(&sudo, "phone", client).await.map(|_| ())
    }
}

/// S0520: by hand
mod s0520 {
    use sigra::{PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
        display_name: String,
    }

    fn new() -> NewUser {
        NewUser { email: String::new(), password: "".into(), display_name: String::new() }
    }
}

/// S0521: by hand
mod s0521 {
    use sigra::{PasswordHash, Sigra};

    #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
    #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    mod staff {
        use super::*;

        #[derive(Sigra)]
    #[sigra(unsafe_shared_tables = "examples that are never run")]
        #[sigra(table = "staff", prefix = "staff_", password, session(idle = "15m", absolute = "12h"), lockout(after = 10, wait = "15m"))]
        struct Operator {
            #[sigra(id)]
            id: i64,
            #[sigra(email)]
            email: String,
            #[sigra(password)]
            password: Option<PasswordHash>,
        }
    }
}
