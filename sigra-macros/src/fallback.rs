//! Implementations beside an error: a host that uses its user type is not told a second time that something is wrong.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use sigra_grammar::Rejected;
use sigra_grammar::keys::{Key, MUST_CHANGE_PASSWORD, TOTP, field};
use sigra_grammar::model::{Draft, Role};
use sigra_grammar::rules::user_keys;
use syn::{Data, DeriveInput, Field, Meta, Type};

use crate::expand::{User, Variant, claim, compiled, filled, hidden};

/// All features on, and an outcome with every variant. Whether a variant can come decides whether the host's `match`
/// needs an arm for it: it can where its key was meant, and holds `Infallible` elsewhere.
pub(crate) fn expand(input: &DeriveInput, Rejected { draft, assertions, .. }: &Rejected) -> TokenStream {
    // Without the parameters there is no type to implement anything for, and with them no enum that the host could name.
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let krate = draft.krate();
    let user = User { ident: &draft.ident, vis: &draft.vis, hook: draft.hook, krate: &krate };
    let words = words(input);
    let written = |key: &Key| draft.mentions(key) || words.iter().any(|word| word == key.name);
    let meant = |key: &Key, payload| {
        if written(key) { payload } else { quote!(::core::convert::Infallible) }
    };
    let disabled = meant(&field::DISABLED_AT, quote!(#krate::Disabled));
    let must_change = meant(&MUST_CHANGE_PASSWORD, quote!(#krate::MustChangePassword));
    let second_factor = meant(&TOTP, quote!(#krate::SecondFactor));
    // Where every word is a key, a variant without its key is in no `match`; one by reference would need an arm for it.
    let all_known = words.iter().all(|word| user_keys().any(|key| word == key.name));
    let variants = [
        (&field::DISABLED_AT, Variant::disabled(Span::call_site(), disabled.clone())),
        (&MUST_CHANGE_PASSWORD, Variant::must_change_password(Span::call_site(), must_change.clone())),
        (&TOTP, Variant::second_factor(Span::call_site(), second_factor.clone())),
    ];
    let variants: Vec<_> = variants
        .into_iter()
        .filter(|(key, _)| !all_known || written(key))
        .map(|(_, variant)| variant)
        .collect();
    // An unmarked `email` is likely to be what its name says, and would clash with the one that every `NewUser` has.
    let filled: Vec<_> =
        filled(&draft.fields).filter(|field| field.ident != "email" && field.ident != "password").collect();
    let (sign_in, new, impls) = (user.sign_in(&variants), user.new_struct(&filled), user.impls(&variants));

    let (ident, new_name, sign_in_name) = (user.ident, user.new_name(), user.sign_in_name());
    let (id, policy) = (id_type(draft), policy(&user));
    let private = quote!(#krate::__private);
    let never = quote!(::core::panic!("this code stands beside a compile error"));
    // Whoever shares its tables does so whatever else is wrong.
    let claim = draft.claim().as_ref().map(claim);
    let compiled = compiled(&draft.quantities(), assertions);
    let hidden = hidden(&quote! {
        #claim
        #compiled
        #impls
        impl #krate::Account for #ident {
            type Id = #id;
            type New = #new_name;
            type SignIn = #sign_in_name;
            type Disabled = #disabled;
            type MustChangePassword = #must_change;
            type SecondFactor = #second_factor;
            const SCHEMA: #private::Schema = #private::Schema {
                user_type: "",
                table: "",
                prefix: "",
                id: "",
                email: "",
                password: "",
                confirmed_at: ::core::option::Option::None,
                disabled_at: ::core::option::Option::None,
                columns: &[],
                new_columns: &[],
            };
            const POLICY: #private::Policy = #policy;
            fn id(&self) -> &Self::Id { #never }
            fn email(&self) -> &::core::primitive::str { #never }
            fn read(_: &mut #private::Columns<'_>) -> ::core::result::Result<Self, #private::ReadError> { #never }
            fn credentials(_: &Self::New) -> (&::core::primitive::str, &#krate::Password) { #never }
            fn write<'n>(_: &'n Self::New, _: &mut #private::Values<'n>) { #never }
        }
        impl #krate::feature::Passwords for #ident {}
        impl #krate::feature::Sessions for #ident {}
        impl #krate::feature::ConfirmEmail for #ident {}
        impl #krate::feature::ResetPassword for #ident {}
        impl #krate::feature::MustChangePassword for #ident {}
        impl #krate::feature::Lockout for #ident {}
        impl #krate::feature::Totp for #ident {}
        impl #krate::feature::BackupCodes for #ident {}
        impl #krate::feature::AssistedRecovery for #ident {}
        impl #krate::feature::TrustedBrowser for #ident {}
        impl #krate::feature::Sudo for #ident {}
        impl #krate::feature::DisableAccount for #ident {}
        impl #krate::feature::Audit for #ident {}
    });
    quote!(#sign_in #new #hidden)
}

/// The type of the field that is, or looks like, the id.
fn id_type(draft: &Draft) -> Type {
    let marked = draft.fields.iter().find(|field| field.is(Role::Id) || field.mentions.has(&field::ID));
    let named = || draft.fields.iter().find(|field| field.ident == "id" && may_be_id(&field.ty));
    marked.or_else(named).map_or_else(|| syn::parse_quote!(::core::primitive::i64), |field| field.ty.clone())
}

fn may_be_id(ty: &Type) -> bool {
    let name = ty.to_token_stream().into_iter().last().map(|token| token.to_string());
    matches!(name.as_deref(), Some("i64" | "Uuid" | "String"))
}

/// Settings that nothing reads.
fn policy(user: &User<'_>) -> TokenStream {
    let krate = user.krate;
    let (private, none) = (quote!(#krate::__private), quote!(::core::option::Option::None));
    let zero = quote!(::core::time::Duration::ZERO);
    quote! {
        #private::Policy {
            password: #private::PasswordPolicy { min_length: 0, memory_kib: 0, iterations: 0 },
            session: #private::SessionPolicy { idle: #zero, absolute: #zero, remember: #none, touch: #zero },
            confirm_email: #none,
            reset_password: #none,
            must_change_password: false,
            lockout: #none,
            throttle: #none,
            totp: #none,
            backup_codes: #none,
            assisted_recovery: #none,
            trusted_browser: #none,
            sudo: #none,
            audit: #private::AuditPolicy { enabled: true, retain: #none },
            privacy: #private::Privacy::None,
            unsafe_reasons: &[],
        }
    }
}

/// Every word in every `#[sigra(..)]`, also where the tokens around it could not be read.
fn words(input: &DeriveInput) -> Vec<String> {
    let fields: Box<dyn Iterator<Item = &Field>> = match &input.data {
        Data::Struct(data) => Box::new(data.fields.iter()),
        Data::Enum(data) => Box::new(data.variants.iter().flat_map(|variant| &variant.fields)),
        Data::Union(data) => Box::new(data.fields.named.iter()),
    };
    let mut words = Vec::new();
    for attr in input.attrs.iter().chain(fields.flat_map(|field| &field.attrs)) {
        if let Meta::List(list) = &attr.meta
            && list.path.is_ident("sigra")
        {
            collect(list.tokens.clone(), &mut words);
        }
    }
    words
}

fn collect(tokens: TokenStream, words: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), words),
            TokenTree::Ident(word) => words.push(word.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}
