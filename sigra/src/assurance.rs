//! How sure it is who is there: which factors were proved, and when (NIST SP 800-63B-4 2, ASVS 6.3.3).

use time::OffsetDateTime;

/// What was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Factor {
    /// The password.
    Password,
    /// A one-time code of an authenticator app (RFC 6238).
    Totp,
    /// A backup code.
    BackupCode,
}

/// What a factor is. Two proofs of one kind are one factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Knowledge,
    Possession,
}

impl Factor {
    const ALL: [Self; 3] = [Self::Password, Self::Totp, Self::BackupCode];

    /// The name in the columns `first_factor` and `second_factor`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::BackupCode => "backup_code",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| factor.name() == name)
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Password => Kind::Knowledge,
            Self::Totp | Self::BackupCode => Kind::Possession,
        }
    }

    /// Whether a site that looks like this one learns nothing it could use here. None of today's factors is so.
    const fn is_phishing_resistant(self) -> bool {
        match self {
            Self::Password | Self::Totp | Self::BackupCode => false,
        }
    }
}

/// An authenticator assurance level (NIST SP 800-63B-4 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Aal {
    /// One factor.
    One,
    /// Two factors of different kinds, both proved in this session.
    Two,
}

/// What was proved of whoever is signed in, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assurance {
    pub(crate) first: Factor,
    pub(crate) first_at: OffsetDateTime,
    pub(crate) second: Option<(Factor, OffsetDateTime)>,
    /// Of the last proof of any factor.
    pub(crate) proved_at: OffsetDateTime,
    pub(crate) trusted: bool,
}

impl Assurance {
    /// One factor, proved now.
    pub(crate) fn first(factor: Factor, at: OffsetDateTime) -> Self {
        Self { first: factor, first_at: at, second: None, proved_at: at, trusted: false }
    }

    /// The same with a second factor, proved now.
    #[cfg(feature = "totp")]
    pub(crate) fn with_second(self, factor: Factor, at: OffsetDateTime) -> Self {
        Self { second: Some((factor, at)), proved_at: at, trusted: false, ..self }
    }

    /// The same where a trusted browser let the second factor be skipped.
    pub(crate) fn trusted(self) -> Self {
        Self { trusted: true, ..self }
    }

    /// What began the session, and when (UTC).
    #[must_use]
    pub fn first_factor(&self) -> (Factor, OffsetDateTime) {
        (self.first, self.first_at)
    }

    /// The second factor that was proved in this session, and when (UTC).
    #[must_use]
    pub fn second_factor(&self) -> Option<(Factor, OffsetDateTime)> {
        self.second
    }

    /// When a factor, whichever, was last proved (UTC).
    #[must_use]
    pub fn proved_at(&self) -> OffsetDateTime {
        self.proved_at
    }

    /// Whether the second factor was skipped because the browser is trusted. It is [`Aal::One`] all the same.
    #[must_use]
    pub fn is_from_trusted_browser(&self) -> bool {
        self.trusted
    }

    /// The level: two only for two factors of different kinds, however many were proved.
    #[must_use]
    pub fn level(&self) -> Aal {
        match self.second {
            Some((second, _)) if second.kind() != self.first.kind() => Aal::Two,
            _ => Aal::One,
        }
    }

    /// Whether a factor was proved that cannot be phished (NIST SP 800-63B-4 3.2.5). No factor of this version is such a one.
    #[must_use]
    pub fn is_phishing_resistant(&self) -> bool {
        self.first.is_phishing_resistant()
            || self.second.is_some_and(|(second, _)| second.is_phishing_resistant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_twice_is_one_factor() {
        let at = OffsetDateTime::UNIX_EPOCH;
        for first in Factor::ALL {
            assert_eq!(Assurance::first(first, at).level(), Aal::One);
            assert_eq!(Assurance::first(first, at).trusted().level(), Aal::One);
            for second in Factor::ALL {
                let both = Assurance { second: Some((second, at)), ..Assurance::first(first, at) };
                let level = if first.kind() == second.kind() { Aal::One } else { Aal::Two };
                assert_eq!(both.level(), level, "{first:?} {second:?}");
            }
        }
        assert!(Aal::One < Aal::Two);
    }

    #[test]
    fn names_are_read_back() {
        for factor in Factor::ALL {
            assert_eq!(Factor::parse(factor.name()), Some(factor));
        }
        assert_eq!(Factor::parse("passkey"), None);
    }
}
