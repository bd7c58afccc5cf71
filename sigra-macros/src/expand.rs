//! From the model to tokens: one function for each generated item. The work itself is in the generic library.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use sigra_grammar::Keyed;
use sigra_grammar::error::Assertion;
use sigra_grammar::keys::Unit;
use sigra_grammar::model::{Field, Model};
use sigra_grammar::value::{Amount, Privacy, Quantity};
use syn::spanned::Spanned as _;
use syn::{Path, Visibility};

/// Everything that the derive emits for a struct without mistakes.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let user = User { ident: &model.ident, vis: &model.vis, hook: model.hook, krate: &model.krate };
    let variants: Vec<_> =
        [disabled(model), must_change_password(model), second_factor(model)].into_iter().flatten().collect();
    let filled: Vec<_> = filled(&model.fields).collect();
    let sign_in = user.sign_in(&variants);
    let new = user.new_struct(&filled);
    let compiled = compiled(&model.quantities, &model.assertions);
    let account = account(&user, model, &filled);
    let markers = markers(model);
    let checks = checks(model);
    let impls = user.impls(&variants);
    let claim = model.claim.as_ref().map(claim);
    let hidden = hidden(&quote!(#claim #compiled #checks #impls #account #markers));
    quote!(#sign_in #new #hidden)
}

/// What names the generated items.
pub(crate) struct User<'i> {
    pub(crate) ident: &'i Ident,
    pub(crate) vis: &'i Visibility,
    pub(crate) hook: Span,
    pub(crate) krate: &'i Path,
}

/// A variant that a key adds to the outcome of a sign-in.
pub(crate) struct Variant {
    name: &'static str,
    /// The key's span, so that rustc underlines the key where it says that an arm is missing.
    key: Span,
    payload: TokenStream,
    docs: &'static str,
}

impl Variant {
    pub(crate) fn disabled(key: Span, payload: TokenStream) -> Self {
        let docs =
            " The password was right; the account is disabled. On because of the field marked `disabled_at`.";
        Self { name: "Disabled", key, payload, docs }
    }

    pub(crate) fn must_change_password(key: Span, payload: TokenStream) -> Self {
        let docs = " The password was right and has to be replaced; a link went to the address. On because of `must_change_password`.";
        Self { name: "MustChangePassword", key, payload, docs }
    }

    pub(crate) fn second_factor(key: Span, payload: TokenStream) -> Self {
        let docs =
            " The password was right; the second factor is due. It is no session. On because of `totp`.";
        Self { name: "SecondFactor", key, payload, docs }
    }
}

fn second_factor(model: &Model) -> Option<Variant> {
    let krate = &model.krate;
    model.totp.as_ref().map(|(key, _)| Variant::second_factor(key.span(), quote!(#krate::SecondFactor)))
}

fn must_change_password(model: &Model) -> Option<Variant> {
    let krate = &model.krate;
    model
        .must_change_password
        .as_ref()
        .map(|key| Variant::must_change_password(key.span(), quote!(#krate::MustChangePassword)))
}

fn disabled(model: &Model) -> Option<Variant> {
    let krate = &model.krate;
    model.disabled_at.as_ref().map(|(_, key)| Variant::disabled(key.span(), quote!(#krate::Disabled)))
}

impl User<'_> {
    pub(crate) fn sign_in_name(&self) -> Ident {
        format_ident!("{}SignIn", self.ident, span = self.hook)
    }

    pub(crate) fn new_name(&self) -> Ident {
        format_ident!("New{}", self.ident)
    }

    /// `enum UserSignIn`.
    pub(crate) fn sign_in(&self, variants: &[Variant]) -> TokenStream {
        let Self { ident, vis, krate, .. } = self;
        let name = self.sign_in_name();
        let docs = format!(" What a sign-in of [`{ident}`] can come to.");
        let variants = variants.iter().map(|Variant { name, key, payload, docs }| {
            let name = Ident::new(name, *key);
            quote!(#[doc = #docs] #name(#payload),)
        });
        let allow = allow();
        quote! {
            #[doc = #docs]
            #[must_use = "nobody is signed in before the session's token is in a cookie"]
            #allow
            #vis enum #name {
                /// Signed in.
                Complete(#krate::NewSession<#ident>),
                #(#variants)*
            }
        }
    }

    /// `struct NewUser`.
    pub(crate) fn new_struct(&self, filled: &[&Field]) -> TokenStream {
        let Self { ident, vis, krate, .. } = self;
        let name = self.new_name();
        let docs = format!(" What registration fills in of a [`{ident}`].");
        let fields = filled.iter().map(|field| {
            let Field { ident, ty, docs, .. } = field;
            let docs = if docs.is_empty() {
                let text = format!(" The column `{}`.", field.column());
                quote!(#[doc = #text])
            } else {
                quote!(#(#docs)*)
            };
            quote!(#docs pub #ident: #ty,)
        });
        let allow = allow();
        quote! {
            #[doc = #docs]
            #allow
            #vis struct #name {
                /// The address, as the visitor wrote it.
                pub email: ::std::string::String,
                /// The password.
                pub password: #krate::Password,
                #(#fields)*
            }
        }
    }

    /// What both implement: `Debug`, which shows nothing of the visitor, and the way from the library's outcome.
    pub(crate) fn impls(&self, variants: &[Variant]) -> TokenStream {
        let Self { ident, krate, .. } = self;
        let (sign_in, new) = (self.sign_in_name(), self.new_name());
        // Without the key's span: on the key, the editor would show the library's hidden `Outcome`.
        let rest: Vec<_> =
            variants.iter().map(|variant| Ident::new(variant.name, Span::call_site())).collect();
        let complete = format!("{sign_in}::Complete(..)");
        let texts = rest.iter().map(|variant| format!("{sign_in}::{variant}(..)"));
        let new_text = format!("{new} {{ .. }}");
        quote! {
            impl ::core::fmt::Debug for #sign_in {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str(match self {
                        Self::Complete(_) => #complete,
                        #(Self::#rest(_) => #texts,)*
                    })
                }
            }
            impl ::core::fmt::Debug for #new {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str(#new_text)
                }
            }
            impl ::core::convert::From<#krate::__private::Outcome<#ident>> for #sign_in {
                fn from(outcome: #krate::__private::Outcome<#ident>) -> Self {
                    match outcome {
                        #krate::__private::Outcome::Complete(session) => Self::Complete(session),
                        #(#krate::__private::Outcome::#rest(reason) => Self::#rest(reason),)*
                    }
                }
            }
        }
    }
}

/// `impl Account for User`.
fn account(user: &User<'_>, model: &Model, filled: &[&Field]) -> TokenStream {
    let User { ident, krate, .. } = user;
    let (new, sign_in) = (user.new_name(), user.sign_in_name());
    let payload = |variant: Option<Variant>| {
        variant.map_or_else(|| quote!(::core::convert::Infallible), |variant| variant.payload)
    };
    let disabled = payload(disabled(model));
    let must_change_password = payload(must_change_password(model));
    let second_factor = payload(second_factor(model));
    let (id, id_type) = (&model.id.ident, &model.id.ty);
    let email = {
        // The type's span: an error about another type than `String` belongs there.
        let Field { ident, ty, .. } = &model.email;
        quote_spanned!(ty.span()=> #krate::__private::check::email::<#ty>(&self.#ident))
    };
    let all = model.fields.iter().map(|field| &field.ident);
    // The type's span: an error about a type that no database takes belongs there.
    let pushes =
        filled.iter().map(|Field { ident, ty, .. }| quote_spanned!(ty.span()=> values.push(&new.#ident);));
    let (schema, policy) = (schema(model, filled), policy(model));
    quote! {
        impl #krate::Account for #ident {
            type Id = #id_type;
            type New = #new;
            type SignIn = #sign_in;
            type Disabled = #disabled;
            type MustChangePassword = #must_change_password;
            type SecondFactor = #second_factor;
            const SCHEMA: #krate::__private::Schema = #schema;
            const POLICY: #krate::__private::Policy = #policy;
            fn id(&self) -> &Self::Id {
                &self.#id
            }
            fn email(&self) -> &::core::primitive::str {
                #email
            }
            fn read(
                columns: &mut #krate::__private::Columns<'_>,
            ) -> ::core::result::Result<Self, #krate::__private::ReadError> {
                ::core::result::Result::Ok(Self { #(#all: columns.next()?,)* })
            }
            fn credentials(new: &Self::New) -> (&::core::primitive::str, &#krate::Password) {
                (&new.email, &new.password)
            }
            fn write<'n>(new: &'n Self::New, values: &mut #krate::__private::Values<'n>) {
                #(#pushes)*
            }
        }
    }
}

/// The names in the database.
fn schema(model: &Model, filled: &[&Field]) -> TokenStream {
    let krate = &model.krate;
    let (user_type, table, prefix) = (model.ident.to_string(), &model.table, &model.prefix);
    let (id, email, password) = (model.id.column(), model.email.column(), model.hash.column());
    let confirmed_at = option(model.confirmed_at.as_ref().map(Field::column));
    let disabled_at = option(model.disabled_at.as_ref().map(|(field, _)| field.column()));
    let columns = model.fields.iter().map(Field::column);
    let new_columns = filled.iter().map(|field| field.column());
    quote! {
        #krate::__private::Schema {
            user_type: #user_type,
            table: #table,
            prefix: #prefix,
            id: #id,
            email: #email,
            password: #password,
            confirmed_at: #confirmed_at,
            disabled_at: #disabled_at,
            columns: &[#(#columns),*],
            new_columns: &[#(#new_columns),*],
        }
    }
}

/// The settings of the keys.
fn policy(model: &Model) -> TokenStream {
    let private = {
        let krate = &model.krate;
        quote!(#krate::__private)
    };
    let password = {
        let password = &model.password.value;
        let (min_length, memory_kib, iterations) =
            (quantity(&password.min_length), quantity(&password.memory_kib), quantity(&password.iterations));
        quote!(#private::PasswordPolicy { min_length: #min_length, memory_kib: #memory_kib, iterations: #iterations })
    };
    let session = {
        let session = &model.session.value;
        let (idle, absolute, touch) =
            (quantity(&session.idle), quantity(&session.absolute), quantity(&session.touch));
        let remember = option(session.remember.as_ref().map(quantity));
        quote!(#private::SessionPolicy { idle: #idle, absolute: #absolute, remember: #remember, touch: #touch })
    };
    let confirm_email = option(model.confirm_email.as_ref().map(|confirm_email| {
        let within = quantity(&confirm_email.value);
        quote!(#private::ConfirmEmailPolicy { within: #within })
    }));
    let reset_password = option(model.reset_password.as_ref().map(|reset_password| {
        let within = quantity(&reset_password.value);
        quote!(#private::ResetPasswordPolicy { within: #within })
    }));
    let must_change_password = model.must_change_password.is_some();
    let lockout = option(model.lockout.as_ref().map(|lockout| {
        let (after, wait) = (quantity(&lockout.value.after), quantity(&lockout.value.wait));
        quote!(#private::LockoutPolicy { after: #after, wait: #wait })
    }));
    let throttle = option(model.throttle.as_ref().map(|throttle| {
        let (per_network, within) = (quantity(&throttle.per_network), quantity(&throttle.within));
        let overall = option(throttle.overall.as_ref().map(quantity));
        quote!(#private::ThrottlePolicy { per_network: #per_network, overall: #overall, within: #within })
    }));
    let within = |key: &Option<Keyed<Quantity>>| option(key.as_ref().map(|key| quantity(&key.value)));
    let totp =
        option(model.totp.as_ref().map(|(_, issuer)| quote!(#private::TotpPolicy { issuer: #issuer })));
    let backup_codes = within(&model.backup_codes);
    let (assisted_recovery, trusted_browser) =
        (within(&model.assisted_recovery), within(&model.trusted_browser));
    let sudo = match (&model.sudo, &model.totp) {
        (None, Some(_)) => option(Some(quote!(#private::DEFAULT_SUDO))),
        (sudo, _) => within(sudo),
    };
    let audit = {
        let enabled = model.audit.is_some();
        let retain = option(model.audit.as_ref().and_then(|(_, retain)| retain.as_ref()).map(quantity));
        quote!(#private::AuditPolicy { enabled: #enabled, retain: #retain })
    };
    let privacy = match model.privacy {
        Privacy::Full => quote!(Full),
        Privacy::Truncated => quote!(Truncated),
        Privacy::None => quote!(None),
    };
    let reasons = model.unsafe_reasons.iter().map(|(key, reason)| quote!((#key, #reason)));
    quote! {
        #private::Policy {
            password: #password,
            session: #session,
            confirm_email: #confirm_email,
            reset_password: #reset_password,
            must_change_password: #must_change_password,
            lockout: #lockout,
            throttle: #throttle,
            totp: #totp,
            backup_codes: #backup_codes,
            assisted_recovery: #assisted_recovery,
            trusted_browser: #trusted_browser,
            sudo: #sudo,
            audit: #audit,
            privacy: #private::Privacy::#privacy,
            unsafe_reasons: &[#(#reasons),*],
        }
    }
}

/// The markers of what is on, each with the span of its key: hover and go-to-definition on the key come from there.
fn markers(model: &Model) -> TokenStream {
    let (krate, user) = (&model.krate, &model.ident);
    let on = [
        Some(("Passwords", model.password.key.span())),
        Some(("Sessions", model.session.key.span())),
        model.confirm_email.as_ref().map(|on| ("ConfirmEmail", on.key.span())),
        model.reset_password.as_ref().map(|on| ("ResetPassword", on.key.span())),
        model.must_change_password.as_ref().map(|key| ("MustChangePassword", key.span())),
        model.lockout.as_ref().map(|on| ("Lockout", on.key.span())),
        model.totp.as_ref().map(|(key, _)| ("Totp", key.span())),
        model.backup_codes.as_ref().map(|on| ("BackupCodes", on.key.span())),
        model.assisted_recovery.as_ref().map(|on| ("AssistedRecovery", on.key.span())),
        model.trusted_browser.as_ref().map(|on| ("TrustedBrowser", on.key.span())),
        model
            .sudo
            .as_ref()
            .map(|on| &on.key)
            .or(model.totp.as_ref().map(|(key, _)| key))
            .map(|key| ("Sudo", key.span())),
        model.disabled_at.as_ref().map(|(_, key)| ("DisableAccount", key.span())),
        model
            .audit
            .as_ref()
            .map(|(key, _)| ("Audit", key.as_ref().map_or_else(Span::call_site, Ident::span))),
    ];
    let markers = on.into_iter().flatten().map(|(name, span)| Ident::new(name, span));
    quote!(#(impl #krate::feature::#markers for #user {})*)
}

/// Asks the compiler whether the types of the marked fields will do. The type of the id is checked by `type Id`.
fn checks(model: &Model) -> TokenStream {
    let (krate, user) = (&model.krate, &model.ident);
    let moments: Vec<_> =
        model.confirmed_at.iter().chain(model.disabled_at.iter().map(|(field, _)| field)).collect();
    let check = |field: &Field, check| {
        let ty = &field.ty;
        let check = Ident::new(check, ty.span());
        quote_spanned!(ty.span()=> const _: () = #krate::__private::check::#check::<#ty>();)
    };
    let password = check(&model.hash, "password");
    let moment = moments.iter().map(|field| check(field, "moment"));
    // Only Sigra reads these fields, which rustc cannot know of a private one.
    let read = [&model.hash].into_iter().chain(moments.iter().copied()).map(|field| &field.ident);
    quote! {
        #password
        #(#moment)*
        const _: fn(&#user) = |user| {
            #(let _ = &user.#read;)*
        };
    }
}

/// Exported, since only the names of exported macros are compared across a whole crate. Nobody calls it.
pub(crate) fn claim(name: &Ident) -> TokenStream {
    quote_spanned! {name.span()=>
        #[doc(hidden)]
        #[macro_export]
        #[allow(non_local_definitions)]
        macro_rules! #name { () => {} }
    }
}

/// Wraps what no host names.
pub(crate) fn hidden(body: &TokenStream) -> TokenStream {
    let allow = allow();
    quote! {
        #[doc(hidden)]
        #allow
        #[automatically_derived]
        const _: () = { #body };
    }
}

/// The host's lints are about the host's code. No lint is named that a host may well forbid: that would be an error.
fn allow() -> TokenStream {
    quote!(#[allow(dead_code, deprecated, private_interfaces, unused_qualifications, clippy::all, clippy::pedantic)])
}

/// The fields that registration fills with a value of the host's.
pub(crate) fn filled(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields.iter().filter(|field| field.is_filled())
}

/// What the compiler evaluates: the values that are paths, and the checks of them.
pub(crate) fn compiled(quantities: &[Quantity], assertions: &[Assertion]) -> TokenStream {
    let constants = quantities.iter().filter_map(constant);
    let assertions = assertions.iter().map(assertion);
    quote!(#(#constants)* #(#assertions)*)
}

/// A constant for a quantity that is an expression: it is evaluated and type-checked in one place.
fn constant(quantity: &Quantity) -> Option<TokenStream> {
    let Quantity { constant, written, range, amount, .. } = quantity;
    let ty = match range.unit {
        Unit::Count => quote!(::core::primitive::u32),
        Unit::Duration => quote!(::core::time::Duration),
    };
    (*amount == Amount::Compiled).then(|| quote!(const #constant: #ty = #written;))
}

fn quantity(quantity: &Quantity) -> TokenStream {
    match (quantity.amount, quantity.range.unit) {
        (Amount::Known(seconds), Unit::Duration) => quote!(::core::time::Duration::from_secs(#seconds)),
        (Amount::Known(number), Unit::Count) => {
            proc_macro2::Literal::u64_unsuffixed(number).to_token_stream()
        }
        _ => quantity.constant.to_token_stream(),
    }
}

/// `assert!(..)` from the first to the last of the user's tokens: the compiler underlines all of them.
fn assertion(Assertion { at, condition, message }: &Assertion) -> TokenStream {
    let spans: Vec<_> = at.clone().into_iter().map(|token| token.span()).collect();
    let start = spans.first().copied().unwrap_or_else(Span::call_site);
    let end = spans.last().copied().unwrap_or(start);
    let mut arguments = Group::new(Delimiter::Parenthesis, quote!(#condition, #message));
    arguments.set_span(end);
    quote_spanned!(start=> const _: () = ::core::assert! #arguments;)
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}
