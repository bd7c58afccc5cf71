//! Addresses: what counts as one, and the one place where two spellings become the same account.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::Refusal;

/// Bytes of an address (RFC 5321 4.5.3.1.3, less the brackets).
const MAX_BYTES: usize = 254;

/// An address as the visitor wrote it, in NFC. Mail goes to this form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

/// The canonical form of an address: what accounts, limits and tokens are found by.
///
/// Only [`Address::identifier`] makes one, so that no counter, index or comparison can use another rule: NFC, lower case by
/// Unicode's locale-free mapping, and the domain as IDNA puts it on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identifier(String);

impl Address {
    /// Reads exactly one plain address: no display name, list, comment, quoted local part, address literal or control.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let text: String = text.trim().nfc().collect();
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let plain = text.len() <= MAX_BYTES
            && !text
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '"' | '<' | '>'));
        let known = plain && EmailAddress::parse_with_options(&text, options).is_ok();
        // The parser above knows the grammar; IDNA knows which domains can exist.
        let domain_ok =
            text.rsplit_once('@').is_some_and(|(_, domain)| idna::domain_to_ascii_strict(domain).is_ok());
        if known && domain_ok { Ok(Self(text)) } else { Err(Refusal::InvalidEmail) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn identifier(&self) -> Identifier {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        // Lower-casing can leave a decomposed letter behind, so NFC comes last.
        let local: String = local.to_lowercase().nfc().collect();
        let domain = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase());
        Identifier(format!("{local}@{domain}"))
    }
}

impl Identifier {
    /// Takes the canonical form of whatever a visitor typed, address or not, so that both take the same path.
    pub(crate) fn of_attempt(text: &str) -> Self {
        match Address::parse(text) {
            Ok(address) => address.identifier(),
            // No account has this form: it has no `@`.
            Err(_) => Self("not-an-address".to_owned()),
        }
    }

    /// Takes over what Sigra's own table stores.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Identifier};

    #[test]
    fn spellings_of_one_address_are_one_identifier() {
        let spellings = ["Ada@Example.com", " ada@example.COM ", "ADA@EXAMPLE.COM"];
        let all: Vec<_> = spellings.iter().map(|text| Address::parse(text).unwrap().identifier()).collect();
        assert!(all.iter().all(|one| one.as_str() == "ada@example.com"), "{all:?}");
        // Composed and decomposed `é`, and the domain in both of its forms.
        let composed = Address::parse("caf\u{e9}@b\u{fc}cher.example").unwrap().identifier();
        let decomposed = Address::parse("CAFE\u{301}@xn--bcher-kva.example").unwrap().identifier();
        assert_eq!(composed, decomposed);
        // The Kelvin sign folds to `k`: a look-alike is the same account, never a second one.
        assert_eq!(
            Address::parse("\u{212a}im@example.com").unwrap().identifier().as_str(),
            "kim@example.com"
        );
    }

    #[test]
    fn more_or_less_than_one_plain_address_is_refused() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a@x.com,b@y.com",
            "a@x.com b@y.com",
            "Ada <a@x.com>",
            "\"a b\"@x.com",
            "a@[127.0.0.1]",
            "a\n@x.com",
            "a@x.com\r\nBcc: b@y.com",
            "a@x..com",
            "a\0@x.com",
            "a@-x.com",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
        assert!(Address::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
        assert_eq!(Identifier::of_attempt("nobody"), Identifier::of_attempt("a@x.com,b@y.com"));
    }

    #[test]
    fn stored_form_is_what_the_visitor_wrote() {
        assert_eq!(Address::parse(" Ada@Example.com ").unwrap().as_str(), "Ada@Example.com");
    }
}
