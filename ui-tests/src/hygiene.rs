//! Names in scope that the generated code must not trip over.

/// Nothing is in scope but what is written.
pub mod without_a_prelude {
    #![no_implicit_prelude]

    /// Somebody with an account.
    #[derive(::sigra::Sigra)]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d", remember = "14d"),
        confirm_email,
        reset_password,
        throttle(per_network = 5, within = "1h"),
        prefix = "h0_"
    )]
    pub struct User {
        #[sigra(id)]
        id: ::uuid::Uuid,
        #[sigra(email)]
        email: ::std::string::String,
        #[sigra(password)]
        password: ::core::option::Option<::sigra::PasswordHash>,
        #[sigra(disabled_at)]
        disabled_at: ::core::option::Option<::time::OffsetDateTime>,
        /// The name.
        pub name: ::std::string::String,
    }
}

/// Everything that the generated code names means something else here.
pub mod names_that_clash {
    /// A user type named like a type of the prelude.
    #[derive(::sigra::Sigra)]
    #[sigra(
        table = "results",
        password,
        session(idle = "1h", absolute = "14d"),
        confirm_email,
        reset_password,
        lockout(after = 1, wait = "30s"),
        prefix = "h1_"
    )]
    pub struct Result {
        #[sigra(id)]
        id: ::uuid::Uuid,
        #[sigra(email)]
        email: ::std::string::String,
        #[sigra(password)]
        password: ::core::option::Option<::sigra::PasswordHash>,
        /// A keyword.
        pub r#type: ::std::string::String,
        /// Names of the generated code's own variables.
        pub columns: i64,
        /// See above.
        pub values: i64,
        /// See above.
        pub new: i64,
    }

    /// Another.
    #[derive(::sigra::Sigra)]
    #[sigra(
        table = "options",
        prefix = "o_",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 1, wait = "30s")
    )]
    pub struct Option {
        #[sigra(id)]
        id: ::std::primitive::i64,
        #[sigra(email)]
        email: ::std::string::String,
        #[sigra(password)]
        password: ::core::option::Option<::sigra::PasswordHash>,
    }

    /// Another.
    #[derive(::sigra::Sigra)]
    #[sigra(
        table = "errors",
        prefix = "e_",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 1, wait = "30s")
    )]
    pub struct Error {
        #[sigra(id)]
        id: ::std::string::String,
        #[sigra(email)]
        email: ::std::string::String,
        #[sigra(password)]
        password: ::sigra::PasswordHash,
    }

    /// Not the crate.
    pub mod sigra {}
    /// Not the crate.
    pub mod core {}
    /// Not the crate.
    pub mod std {}
    /// Not the primitive.
    #[expect(non_camel_case_types, reason = "it has the primitive's name")]
    pub struct str;
    /// Not the macro.
    #[macro_export]
    macro_rules! assert {
        () => {};
    }
    /// Not the primitive.
    pub struct String;
    /// Not the trait.
    pub trait From {}
    /// Not the trait.
    pub trait Account {}
    /// Not the function.
    pub fn read() {}
}

/// Sigra under another name.
pub mod renamed {
    /// A crate that passes Sigra on.
    pub mod vendored {
        pub use sigra as auth;
    }

    /// Somebody with an account.
    #[derive(vendored::auth::Sigra)]
    #[sigra(
        crate = vendored::auth,
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        confirm_email,
        reset_password,
        lockout(after = 10, wait = "15m"),
        prefix = "h2_"
    )]
    pub struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<vendored::auth::PasswordHash>,
    }
}

/// A type inside a function, with a field whose type only the host can see.
pub fn inside_a_function() {
    #[derive(sigra::Sigra)]
    #[sigra(
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        lockout(after = 10, wait = "15m"),
        prefix = "h3_"
    )]
    struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<sigra::PasswordHash>,
    }

    fn _of(user: &User) -> &i64 {
        sigra::Account::id(user)
    }
}

/// Values that come out of another macro.
pub mod through_a_macro {
    macro_rules! user {
        ($name:ident, $table:literal, $idle:expr) => {
            /// Somebody with an account.
            #[derive(sigra::Sigra)]
            #[sigra(table = $table, password, session(idle = $idle, absolute = "14d"), lockout(after = 10, wait = "15m"), unsafe_shared_tables = "hosts that are built and never run")]
            pub struct $name {
                #[sigra(id)]
                id: i64,
                #[sigra(email)]
                email: String,
                #[sigra(password)]
                password: Option<sigra::PasswordHash>,
            }
        };
    }

    user!(Customer, "customers", "1h");
    user!(Employee, "employees", std::time::Duration::from_mins(10));
}

/// Events where nothing is in scope but what is written.
pub mod events_without_a_prelude {
    #![no_implicit_prelude]

    /// Something happened.
    #[derive(::sigra::AuditEvent)]
    #[sigra(event = "shop.door.open")]
    pub struct Opened<'d> {
        /// Which.
        pub door: &'d ::std::primitive::str,
        /// Why.
        pub r#type: ::core::option::Option<::std::string::String>,
        /// More.
        pub steps: ::std::vec::Vec<Step>,
    }

    /// A part of it.
    #[derive(::sigra::AuditDetail)]
    pub struct Step {
        /// A name of the generated code's own.
        pub details: ::std::primitive::i64,
    }

    /// By hand.
    pub struct Closed;

    impl ::sigra::AuditEvent for Closed {
        const NAME: ::sigra::audit::EventName = ::sigra::audit::event_name!("shop.door.close");

        fn details(&self) -> ::sigra::audit::Details {
            ::sigra::audit::Details::new()
        }
    }
}

/// Events where Sigra has another name.
pub mod events_renamed {
    use super::renamed::vendored;

    /// Something happened.
    #[derive(vendored::auth::AuditEvent)]
    #[sigra(event = "shop.door.open", crate = vendored::auth)]
    pub struct Opened {
        /// How far.
        pub angle: Angle,
    }

    /// A part of it.
    #[derive(vendored::auth::AuditDetail)]
    #[sigra(crate = vendored::auth)]
    pub struct Angle {
        /// In degrees.
        pub degrees: u16,
    }

    /// The macro finds its own crate.
    pub const CLOSED: vendored::auth::audit::EventName =
        vendored::auth::audit::event_name!("shop.door.close");

    /// Not the crate.
    pub mod sigra {}
}

/// Events that come out of another macro, also inside a function.
#[must_use]
pub fn events_through_a_macro() -> [(&'static str, sigra::audit::Details); 2] {
    use sigra::AuditEvent as _;

    macro_rules! event {
        ($name:ident, $event:literal, $ty:ty) => {
            #[derive(sigra::AuditEvent)]
            #[sigra(event = $event)]
            struct $name {
                value: $ty,
            }
        };
    }
    event!(Opened, "shop.door.open", u32);
    event!(Closed, "shop.door.close", Option<&'static str>);
    let (opened, closed) = (Opened { value: 1 }, Closed { value: None });
    [(Opened::NAME.as_str(), opened.details()), (Closed::NAME.as_str(), closed.details())]
}
