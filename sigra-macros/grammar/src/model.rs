//! What the attributes say, with types: first as it was written, then complete.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, Meta, Path, Type, Visibility};

use crate::Rejected;
use crate::attr::{Items, Keyed, Mentions, Place};
use crate::error::{Assertion, Errors};
use crate::keys::{self, Key, field};
use crate::rules::{profile, reading};
use crate::value::{CratePath, Issuer, Name, Privacy, Profile, Quantity, Reason, name_problem, plain_name};

/// A struct as it was written. Everything may be missing.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The user type.
    pub ident: Ident,
    /// Its visibility, which the generated types share.
    pub vis: Visibility,
    /// The word `sigra` of its attribute, under which errors about the generated enum point.
    pub hook: Span,
    /// What `#[sigra(..)]` on the struct says.
    pub settings: Settings,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Keys that were meant somewhere on the struct.
    pub mentions: Mentions,
    readable: bool,
}

/// The keys of the struct, one field each.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `table = ".."`
    pub table: Option<Keyed<Name>>,
    /// `prefix = ".."`
    pub prefix: Option<Keyed<Name>>,
    /// `unsafe_shared_tables = ".."`
    pub unsafe_shared_tables: Option<Keyed<Reason>>,
    /// `profile = ".."`
    pub profile: Option<Keyed<Profile>>,
    /// `password` or `password(..)`
    pub password: Option<Keyed<Password>>,
    /// `session(..)`
    pub session: Option<Keyed<Session>>,
    /// `confirm_email` or `confirm_email(..)`: the lifetime of its link.
    pub confirm_email: Option<Keyed<Quantity>>,
    /// `reset_password` or `reset_password(..)`: the lifetime of its link.
    pub reset_password: Option<Keyed<Quantity>>,
    /// `must_change_password`
    pub must_change_password: Option<Ident>,
    /// `lockout(..)`
    pub lockout: Option<Keyed<Lockout>>,
    /// `throttle(..)`
    pub throttle: Option<Keyed<Throttle>>,
    /// `totp(..)`: the issuer, where it could be read.
    pub totp: Option<Keyed<Option<Issuer>>>,
    /// `backup_codes` or `backup_codes(..)`: how many.
    pub backup_codes: Option<Keyed<Quantity>>,
    /// `assisted_recovery` or `assisted_recovery(..)`: its delay.
    pub assisted_recovery: Option<Keyed<Quantity>>,
    /// `trusted_browser(..)`: how long.
    pub trusted_browser: Option<Keyed<Quantity>>,
    /// `sudo` or `sudo(..)`: how recent.
    pub sudo: Option<Keyed<Quantity>>,
    /// `audit` or `audit(..)`: how long a row is kept.
    pub audit: Option<Keyed<Option<Quantity>>>,
    /// `privacy = ".."`
    pub privacy: Option<Keyed<Privacy>>,
    /// `crate = ..`
    pub krate: Option<Keyed<CratePath>>,
    /// `unsafe_no_lockout = ".."`
    pub unsafe_no_lockout: Option<Keyed<Reason>>,
    /// `unsafe_no_audit = ".."`
    pub unsafe_no_audit: Option<Keyed<Reason>>,
    /// `unsafe_no_recovery = ".."`
    pub unsafe_no_recovery: Option<Keyed<Reason>>,
}

/// `password(..)`
#[derive(Clone, Debug)]
pub struct Password {
    /// Code points.
    pub min_length: Quantity,
    /// Argon2id memory.
    pub memory_kib: Quantity,
    /// Argon2id passes.
    pub iterations: Quantity,
}

/// `session(..)`
#[derive(Clone, Debug)]
pub struct Session {
    /// Limit without use.
    pub idle: Quantity,
    /// Limit with use.
    pub absolute: Quantity,
    /// Both limits where the visitor asked to be remembered.
    pub remember: Option<Quantity>,
    /// Least time between two records of the last use.
    pub touch: Quantity,
}

/// `lockout(..)`
#[derive(Clone, Debug)]
pub struct Lockout {
    /// Failures in a row.
    pub after: Quantity,
    /// Time of refusal.
    pub wait: Quantity,
}

/// `throttle(..)`
#[derive(Clone, Debug)]
pub struct Throttle {
    /// Failures of one network.
    pub per_network: Quantity,
    /// Failures of everybody.
    pub overall: Option<Quantity>,
    /// Time in which they are counted.
    pub within: Quantity,
}

/// One field of the struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub ident: Ident,
    /// Its type.
    pub ty: Type,
    /// Its doc comments.
    pub docs: Vec<Attribute>,
    /// `column = ".."`
    pub renamed: Option<Keyed<Name>>,
    /// What it is marked as. More than one is a mistake.
    pub marks: Vec<(Role, Ident)>,
    /// Keys that were meant here.
    pub mentions: Mentions,
}

/// What a field is to Sigra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The primary key.
    Id,
    /// The address.
    Email,
    /// The hash of the password.
    Password,
    /// When the address was proved.
    ConfirmedAt,
    /// When the account was disabled.
    DisabledAt,
    /// Left to the database at registration.
    Skip,
}

impl Role {
    /// All of them, with their keys.
    pub const ALL: [(Self, &'static Key); 6] = [
        (Self::Id, &field::ID),
        (Self::Email, &field::EMAIL),
        (Self::Password, &field::PASSWORD),
        (Self::ConfirmedAt, &field::CONFIRMED_AT),
        (Self::DisabledAt, &field::DISABLED_AT),
        (Self::Skip, &field::SKIP),
    ];

    /// The key that marks it.
    #[must_use]
    pub fn key(self) -> &'static Key {
        Self::ALL[self as usize].1
    }
}

impl Draft {
    pub(crate) fn read(input: &DeriveInput, errors: &Errors) -> Self {
        let ident = input.ident.clone();
        let hook = input
            .attrs
            .iter()
            .find(|attr| attr.path().is_ident("sigra"))
            .map_or(ident.span(), |attr| attr.path().span());
        let mut draft = Self {
            ident,
            vis: input.vis.clone(),
            hook,
            settings: Settings::default(),
            fields: Vec::new(),
            mentions: Mentions::default(),
            readable: false,
        };
        let Some(fields) = named_fields(input, errors) else {
            // What else is wrong would be about a struct that does not exist. The fallback still has to know the crate.
            let unreported = Errors::default();
            draft.settings.krate = Items::of(&input.attrs, Place::Struct, &unreported).value(&keys::CRATE);
            drop(unreported.finish());
            return draft;
        };
        let items = Items::of(&input.attrs, Place::Struct, errors);
        draft.settings = Settings::read(&items);
        if !items.mentions(&keys::SESSION) {
            draft.settings.session = draft.settings.profile.as_ref().and_then(profile::session);
        }
        draft.mentions = items.into_mentions();
        draft.fields = fields.named.iter().filter_map(|field| Field::read(field, errors)).collect();
        draft.readable = true;
        draft
    }

    /// Whether it is a struct with named fields, so that it makes sense to look for what is missing.
    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Where the generated code finds Sigra.
    #[must_use]
    pub fn krate(&self) -> Path {
        self.settings.krate.as_ref().map_or_else(|| syn::parse_quote!(::sigra), |krate| krate.value.0.clone())
    }

    /// What stands before the names of Sigra's tables, unless it could not be read.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        match &self.settings.prefix {
            Some(prefix) => Some(&prefix.value.0),
            None => (!self.mentions(&keys::PREFIX)).then_some("sigra_"),
        }
    }

    /// A name of which a crate can have one for each prefix, so that rustc refuses a second user type with the same. It has
    /// the place of what says the prefix.
    #[must_use]
    pub fn claim(&self) -> Option<Ident> {
        // What is no such struct has no tables, and says so already.
        if !self.readable || self.mentions(&keys::UNSAFE_SHARED_TABLES) {
            return None;
        }
        let span = self.settings.prefix.as_ref().map_or(self.ident.span(), |prefix| prefix.key.span());
        Some(format_ident!("S0521_give_each_user_type_a_prefix_of_its_own__{}", self.prefix()?, span = span))
    }

    /// Every number and duration.
    #[must_use]
    pub fn quantities(&self) -> Vec<Quantity> {
        self.settings.clone().quantities_mut().into_iter().map(|quantity| quantity.clone()).collect()
    }

    /// The first field with this role.
    #[must_use]
    pub fn field(&self, role: Role) -> Option<&Field> {
        self.fields.iter().find(|field| field.is(role))
    }

    /// Reports a key that this build of Sigra cannot serve.
    pub(crate) fn needs_feature(&self, key: &Key, errors: &Errors) {
        let written = self.settings.totp.as_ref().map(|totp| &totp.key);
        if let Some(written) = written.filter(|written| *written == key.name) {
            let name = key.name;
            errors.at(
                written,
                reading::CARGO_FEATURE
                    .says(format_args!("`{name}` needs Sigra's cargo feature `{name}`"))
                    .help(format_args!("run `cargo add sigra --features {name}`")),
            );
        }
    }

    /// Whether `key` was meant anywhere.
    #[must_use]
    pub fn mentions(&self, key: &Key) -> bool {
        self.mentions.has(key) || self.fields.iter().any(|field| field.mentions.has(key))
    }
}

/// The fields of a plain struct, or one error about what stands there instead.
fn named_fields<'i>(input: &'i DeriveInput, errors: &Errors) -> Option<&'i syn::FieldsNamed> {
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            reading::GENERIC
                .says("a Sigra user cannot be generic: sessions and tokens name it by a concrete type")
                .help(format_args!("write `struct {}` and a concrete type for each parameter", input.ident)),
        );
        return None;
    }
    let what = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Some(fields),
            Fields::Unnamed(_) => "a struct without named fields",
            Fields::Unit => "a struct without fields",
        },
        Data::Enum(_) => "an enum",
        Data::Union(_) => "a union",
    };
    let ident = &input.ident;
    let message = reading::NO_STRUCT
        .says(format_args!("`#[derive(Sigra)]` needs a struct with named fields; `{ident}` is {what}"));
    let fields = [&field::ID, &field::EMAIL, &field::PASSWORD].map(|key| key.example).join(", ");
    errors.at(ident, message.help(format_args!("write `struct {ident} {{ {fields} }}`")));
    None
}

impl Settings {
    /// Every number and duration.
    pub(crate) fn quantities_mut(&mut self) -> Vec<&mut Quantity> {
        let mut all = Vec::new();
        if let Some(Keyed { value: Password { min_length, memory_kib, iterations }, .. }) = &mut self.password
        {
            all.extend([min_length, memory_kib, iterations]);
        }
        if let Some(Keyed { value: Session { idle, absolute, remember, touch }, .. }) = &mut self.session {
            all.extend([idle, absolute, touch]);
            all.extend(remember);
        }
        if let Some(Keyed { value: Lockout { after, wait }, .. }) = &mut self.lockout {
            all.extend([after, wait]);
        }
        if let Some(Keyed { value: Throttle { per_network, overall, within }, .. }) = &mut self.throttle {
            all.extend([per_network, within]);
            all.extend(overall);
        }
        let single = [
            &mut self.confirm_email,
            &mut self.reset_password,
            &mut self.backup_codes,
            &mut self.assisted_recovery,
            &mut self.trusted_browser,
            &mut self.sudo,
        ];
        all.extend(single.into_iter().flatten().map(|keyed| &mut keyed.value));
        all.extend(self.audit.as_mut().and_then(|audit| audit.value.as_mut()));
        all
    }

    fn read(items: &Items<'_>) -> Self {
        Self {
            table: items.value(&keys::TABLE),
            prefix: items.value(&keys::PREFIX).filter(|prefix| is_prefix(prefix, items)),
            unsafe_shared_tables: items.value(&keys::UNSAFE_SHARED_TABLES),
            profile: items.value(&keys::PROFILE),
            password: read(items, &keys::PASSWORD, |inner| {
                Some(Password {
                    min_length: inner.required(&keys::password::MIN_LENGTH)?,
                    memory_kib: inner.required(&keys::password::MEMORY_KIB)?,
                    iterations: inner.required(&keys::password::ITERATIONS)?,
                })
            }),
            session: read(items, &keys::SESSION, |inner| {
                Some(Session {
                    idle: inner.required(&keys::session::IDLE)?,
                    absolute: inner.required(&keys::session::ABSOLUTE)?,
                    remember: inner.quantity(&keys::session::REMEMBER),
                    touch: inner.required(&keys::session::TOUCH)?,
                })
            }),
            confirm_email: read(items, &keys::CONFIRM_EMAIL, |inner| {
                inner.required(&keys::confirm_email::WITHIN)
            }),
            reset_password: read(items, &keys::RESET_PASSWORD, |inner| {
                inner.required(&keys::reset_password::WITHIN)
            }),
            must_change_password: items.word(&keys::MUST_CHANGE_PASSWORD),
            lockout: read(items, &keys::LOCKOUT, |inner| {
                Some(Lockout {
                    after: inner.required(&keys::lockout::AFTER)?,
                    wait: inner.required(&keys::lockout::WAIT)?,
                })
            }),
            throttle: read(items, &keys::THROTTLE, |inner| {
                Some(Throttle {
                    per_network: inner.required(&keys::throttle::PER_NETWORK)?,
                    overall: inner.quantity(&keys::throttle::OVERALL),
                    within: inner.required(&keys::throttle::WITHIN)?,
                })
            }),
            totp: read(items, &keys::TOTP, |inner| {
                Some(inner.value(&keys::totp::ISSUER).map(|issuer| issuer.value))
            }),
            backup_codes: read(items, &keys::BACKUP_CODES, |inner| {
                inner.required(&keys::backup_codes::COUNT)
            }),
            assisted_recovery: read(items, &keys::ASSISTED_RECOVERY, |inner| {
                inner.required(&keys::assisted_recovery::DELAY)
            }),
            trusted_browser: read(items, &keys::TRUSTED_BROWSER, |inner| {
                inner.required(&keys::trusted_browser::WITHIN)
            }),
            sudo: read(items, &keys::SUDO, |inner| inner.required(&keys::sudo::WITHIN)),
            audit: read(items, &keys::AUDIT, |inner| Some(inner.quantity(&keys::audit::RETAIN))),
            privacy: items.value(&keys::PRIVACY),
            krate: items.value(&keys::CRATE),
            unsafe_no_lockout: items.value(&keys::UNSAFE_NO_LOCKOUT),
            unsafe_no_audit: items.value(&keys::UNSAFE_NO_AUDIT),
            unsafe_no_recovery: items.value(&keys::UNSAFE_NO_RECOVERY),
        }
    }
}

fn read<T>(
    items: &Items<'_>,
    key: &'static Key,
    inner: impl Fn(&Items<'_>) -> Option<T>,
) -> Option<Keyed<T>> {
    let Keyed { key, written, value } = items.list(key)?;
    Some(Keyed { key, written, value: inner(&value)? })
}

/// The most bytes of a prefix.
const LONGEST_PREFIX: usize = 32;

fn is_prefix(prefix: &Keyed<Name>, items: &Items<'_>) -> bool {
    let text = &prefix.value.0;
    let lower = text.to_ascii_lowercase();
    let problem = match name_problem(text, LONGEST_PREFIX) {
        None if lower == *text => return true,
        None => "a prefix is in lower case: PostgreSQL folds names that are not quoted".to_owned(),
        Some(problem) => problem,
    };
    let plain = plain_name(&lower, LONGEST_PREFIX).unwrap_or_else(|| "sigra_".to_owned());
    items.report(
        &prefix.written,
        reading::PREFIX.says(problem).help(format_args!("write `prefix = \"{plain}\"`")),
    );
    false
}

impl Field {
    fn read(field: &syn::Field, errors: &Errors) -> Option<Self> {
        let items = Items::of(&field.attrs, Place::Field, errors);
        Some(Self {
            ident: field.ident.clone()?,
            ty: field.ty.clone(),
            docs: field.attrs.iter().filter(|attr| is_doc(attr)).cloned().collect(),
            renamed: items.value(&field::COLUMN),
            marks: Role::ALL.into_iter().filter_map(|(role, key)| Some((role, items.word(key)?))).collect(),
            mentions: items.into_mentions(),
        })
    }

    /// The column that it is read from.
    #[must_use]
    pub fn column(&self) -> String {
        self.renamed.as_ref().map_or_else(|| self.ident.unraw().to_string(), |name| name.value.0.clone())
    }

    /// Whether it is marked as `role`.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.marks.iter().any(|(mark, _)| *mark == role)
    }

    /// Whether registration fills it with a value of the host's.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        Role::ALL.iter().all(|(_, key)| !self.mentions.has(key))
    }
}

fn is_doc(attr: &Attribute) -> bool {
    matches!(&attr.meta, Meta::NameValue(pair) if pair.path.is_ident("doc"))
}

/// A struct without mistakes.
#[derive(Debug)]
pub struct Model {
    /// The user type.
    pub ident: Ident,
    /// Its visibility.
    pub vis: Visibility,
    /// The word `sigra` of its attribute.
    pub hook: Span,
    /// Where the generated code finds Sigra.
    pub krate: Path,
    /// The host's table.
    pub table: String,
    /// The prefix of Sigra's tables.
    pub prefix: String,
    /// What no other user type of the crate may claim.
    pub claim: Option<Ident>,
    /// `password`
    pub password: Keyed<Password>,
    /// `session`
    pub session: Keyed<Session>,
    /// `confirm_email`
    pub confirm_email: Option<Keyed<Quantity>>,
    /// `reset_password`
    pub reset_password: Option<Keyed<Quantity>>,
    /// `must_change_password`
    pub must_change_password: Option<Ident>,
    /// `lockout`, and its key.
    pub lockout: Option<Keyed<Lockout>>,
    /// `throttle`
    pub throttle: Option<Throttle>,
    /// `totp`, and its key.
    pub totp: Option<(Ident, String)>,
    /// `backup_codes`
    pub backup_codes: Option<Keyed<Quantity>>,
    /// `assisted_recovery`
    pub assisted_recovery: Option<Keyed<Quantity>>,
    /// `trusted_browser`
    pub trusted_browser: Option<Keyed<Quantity>>,
    /// `sudo`, as it was written. `totp` brings it without.
    pub sudo: Option<Keyed<Quantity>>,
    /// The key `audit`, if it was written, and how long rows are kept. `None`: the trail is off.
    pub audit: Option<(Option<Ident>, Option<Quantity>)>,
    /// `privacy`
    pub privacy: Privacy,
    /// Each `unsafe_..` key with its reason.
    pub unsafe_reasons: Vec<(&'static str, String)>,
    /// Every field, in the order of the struct.
    pub fields: Vec<Field>,
    /// The field of the id.
    pub id: Field,
    /// The field of the address.
    pub email: Field,
    /// The field of the hash.
    pub hash: Field,
    /// The field of the time of confirmation.
    pub confirmed_at: Option<Field>,
    /// The field of the time of disabling, and its key.
    pub disabled_at: Option<(Field, Ident)>,
    /// Every number and duration of the keys.
    pub quantities: Vec<Quantity>,
    /// What is left for the compiler to check.
    pub assertions: Vec<Assertion>,
}

impl Model {
    /// Completes a draft that has no mistakes.
    pub(crate) fn new(draft: Draft, assertions: Vec<Assertion>) -> Result<Self, Box<Rejected>> {
        if let Some(model) = Self::complete(&draft, assertions) {
            return Ok(model);
        }
        let message = "`#[derive(Sigra)]` could not read this struct and did not notice: this is a bug in Sigra\n\
                       = help: please report it with this struct";
        let error = syn::Error::new(draft.ident.span(), message);
        Err(Box::new(Rejected { error, draft, assertions: Vec::new() }))
    }

    fn complete(draft: &Draft, assertions: Vec<Assertion>) -> Option<Self> {
        let settings = &draft.settings;
        let reason = |key: &'static Key, reason: &Option<Keyed<Reason>>| {
            Some((key.name, reason.as_ref()?.value.0.clone()))
        };
        let no_lockout = reason(&keys::UNSAFE_NO_LOCKOUT, &settings.unsafe_no_lockout);
        let no_audit = reason(&keys::UNSAFE_NO_AUDIT, &settings.unsafe_no_audit);
        let shared_tables = reason(&keys::UNSAFE_SHARED_TABLES, &settings.unsafe_shared_tables);
        let no_recovery = reason(&keys::UNSAFE_NO_RECOVERY, &settings.unsafe_no_recovery);
        let audit = || match &settings.audit {
            Some(audit) => (Some(audit.key.clone()), audit.value.clone()),
            None => (None, None),
        };
        Some(Self {
            ident: draft.ident.clone(),
            vis: draft.vis.clone(),
            hook: draft.hook,
            krate: draft.krate(),
            table: settings.table.as_ref()?.value.0.clone(),
            prefix: draft.prefix()?.to_owned(),
            claim: draft.claim(),
            password: settings.password.clone()?,
            session: settings.session.clone()?,
            confirm_email: settings.confirm_email.clone(),
            reset_password: settings.reset_password.clone(),
            must_change_password: settings.must_change_password.clone(),
            lockout: settings.lockout.clone(),
            throttle: settings.throttle.clone().map(|throttle| throttle.value),
            totp: match &settings.totp {
                Some(totp) => Some((totp.key.clone(), totp.value.clone()?.0)),
                None => None,
            },
            backup_codes: settings.backup_codes.clone(),
            assisted_recovery: settings.assisted_recovery.clone(),
            trusted_browser: settings.trusted_browser.clone(),
            sudo: settings.sudo.clone(),
            audit: no_audit.is_none().then(audit),
            privacy: settings.privacy.as_ref().map_or_else(Privacy::default, |privacy| privacy.value),
            unsafe_reasons: shared_tables
                .into_iter()
                .chain(no_lockout)
                .chain(no_recovery)
                .chain(no_audit)
                .collect(),
            fields: draft.fields.clone(),
            id: draft.field(Role::Id)?.clone(),
            email: draft.field(Role::Email)?.clone(),
            hash: draft.field(Role::Password)?.clone(),
            confirmed_at: draft.field(Role::ConfirmedAt).cloned(),
            disabled_at: draft
                .field(Role::DisabledAt)
                .and_then(|field| Some((field.clone(), field.marks.first()?.1.clone()))),
            quantities: draft.quantities(),
            assertions,
        })
    }
}
