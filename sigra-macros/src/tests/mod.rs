//! In-process tests of the derive: no compiler runs, so that they take milliseconds and count for coverage.

mod events;
mod expansion;
mod generated;
mod messages;
mod soup;

use proc_macro2::TokenStream;
use quote::quote;
use sigra_grammar::event::Kind;
use syn::DeriveInput;

/// The derive of a build with everything.
fn derive(input: TokenStream) -> TokenStream {
    crate::derive(input, crate::Built { totp: true })
}

/// Reads Rust source as tokens. Spans are real, so that a test can ask which token an error underlines.
fn tokens(source: &str) -> TokenStream {
    source.parse().unwrap_or_else(|error| panic!("{error} in:\n{source}"))
}

fn input(source: &str) -> DeriveInput {
    syn::parse2(tokens(source)).unwrap_or_else(|error| panic!("{error} in:\n{source}"))
}

/// The errors of a host: what is underlined, and what is said.
fn errors(source: &str) -> Vec<(String, String)> {
    match sigra_grammar::model(&input(source)) {
        Ok(_) => Vec::new(),
        Err(rejected) => said(rejected.error),
    }
}

/// The errors of an event, or of what stands in one.
fn event_errors(kind: Kind, source: &str) -> Vec<(String, String)> {
    match sigra_grammar::event::model(kind, &input(source)) {
        Ok(_) => Vec::new(),
        Err(rejected) => said(rejected.error),
    }
}

fn said(errors: syn::Error) -> Vec<(String, String)> {
    let errors = errors.into_iter();
    errors.map(|error| (error.span().source_text().unwrap_or_default(), error.to_string())).collect()
}

/// The fields of a user with every role.
fn fields() -> TokenStream {
    quote! {
        #[sigra(id)]
        pub id: uuid::Uuid,
        #[sigra(email)]
        pub email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
        #[sigra(confirmed_at)]
        confirmed_at: Option<time::OffsetDateTime>,
        #[sigra(disabled_at)]
        disabled_at: Option<time::OffsetDateTime>,
        #[sigra(skip)]
        created_at: time::OffsetDateTime,
        /// How others see them.
        #[sigra(column = "name")]
        pub display_name: String,
        pub r#type: i64,
    }
}

/// A user with every key.
fn everything() -> TokenStream {
    let fields = fields();
    quote! {
        #[sigra(
            table = "users",
            prefix = "auth_",
            profile = "aal1",
            password(min_length = 16, memory_kib = 47104, iterations = 1),
            session(idle = "1h", absolute = "14d", remember = "30d", touch = "2m"),
            confirm_email(within = "24h"),
            reset_password(within = "30m"),
            must_change_password,
            lockout(after = 10, wait = "15m"),
            throttle(per_network = limits::PER_NETWORK, overall = 10000, within = limits::WINDOW),
            totp(issuer = "Acme"),
            backup_codes(count = 12),
            assisted_recovery(delay = "48h"),
            trusted_browser(within = "7d"),
            sudo(within = "10m"),
            audit(retain = "400d"),
            privacy = "truncated",
        )]
        pub struct User { #fields }
    }
}
