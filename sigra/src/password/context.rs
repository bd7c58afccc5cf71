//! Words that anybody would try first on this account: its address and the name of the site.

use unicode_normalization::UnicodeNormalization as _;

/// Shorter words stand in too many good passwords.
const SHORTEST: usize = 3;

/// In lower case and NFC, as passwords are compared.
pub(super) struct Words(Vec<Vec<char>>);

impl Words {
    /// The words of an address in any of its forms, of the names that the host gave, and of the domains that it serves.
    ///
    /// They are: the whole address and its local part; its domain and those of the site in both forms; the whole names; and the
    /// runs of letters and digits in all of them, without a domain's last label.
    pub(super) fn new<'a>(
        address: &str,
        names: &[String],
        sites: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let mut words = Self(Vec::new());
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        words.add_with_parts(local);
        for domain in forms(domain) {
            words.add(&format!("{local}@{domain}"));
            words.add_domain(&domain);
        }
        for name in names {
            words.add_with_parts(name);
        }
        for domain in sites.into_iter().flat_map(|site| forms(site)) {
            words.add_domain(&domain);
        }
        words
    }

    fn add_domain(&mut self, domain: &str) {
        self.add(domain);
        self.add_with_parts(domain.rsplit_once('.').map_or("", |(labels, _)| labels));
    }

    fn add_with_parts(&mut self, text: &str) {
        self.add(text);
        text.split(|c: char| !c.is_alphanumeric()).for_each(|part| self.add(part));
    }

    fn add(&mut self, word: &str) {
        let word: Vec<char> = word.to_lowercase().nfc().collect();
        if word.len() >= SHORTEST && !self.0.contains(&word) {
            self.0.push(word);
        }
    }

    /// Whether the whole password is made of these words, with nothing around and between them but digits, blanks and
    /// punctuation, and the words are at least half of it: `Ada.Lovelace-1815!` but not `ada 5839 2847 1034`.
    ///
    /// A password that merely contains one of the words is as good as its rest.
    pub(super) fn make_up(&self, folded: &[char]) -> bool {
        // How many characters before each place words can cover at most, where the place can be reached at all.
        let mut covered: Vec<Option<usize>> = vec![None; folded.len() + 1];
        covered[0] = Some(0);
        for at in 0..folded.len() {
            let Some(so_far) = covered[at] else { continue };
            if !folded[at].is_alphabetic() {
                covered[at + 1] = covered[at + 1].max(Some(so_far));
            }
            for word in self.0.iter().filter(|word| folded[at..].starts_with(word)) {
                let end = at + word.len();
                covered[end] = covered[end].max(Some(so_far + word.len()));
            }
        }
        covered[folded.len()].is_some_and(|words| words > 0 && words * 2 >= folded.len())
    }

    /// The words as texts.
    #[cfg(feature = "zxcvbn")]
    pub(super) fn texts(&self) -> Vec<String> {
        self.0.iter().map(|word| word.iter().collect()).collect()
    }
}

/// A domain as it is typed, in letters of ASCII, and in its own.
fn forms(domain: &str) -> [String; 3] {
    let ascii = idna::domain_to_ascii(domain).unwrap_or_default();
    let (unicode, _) = idna::domain_to_unicode(domain);
    [domain.to_owned(), ascii, unicode]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_up(address: &str, password: &str) -> bool {
        let names = ["Acme Rockets".to_owned(), "acme.example".to_owned()];
        let sites = ["rockets.xn--bcher-kva.example".to_owned()];
        Words::new(address, &names, &sites).make_up(&password.to_lowercase().nfc().collect::<Vec<_>>())
    }

    #[test]
    fn an_address_and_the_names_alone_or_decorated_are_refused() {
        for password in [
            "ada.lovelace@mail.example.com",
            "Ada.Lovelace@Mail.Example.COM",
            "adalovelace1815",
            "rockets.xn--bcher-kva.example",
            "Rockets.Bücher-2026",
            "Ada.Lovelace-1815!",
            "lovelacelovelace",
            "lovelace@lovelace",
            "AcmeRocketsAcme",
            "acme rockets 2026!",
            "rockets.acme.ada",
            "acme.example2026",
            "mail.example.com!!1",
        ] {
            assert!(made_up("ada.lovelace@mail.example.com", password), "{password}");
        }
        // Both forms of a domain, and letters in both forms.
        for password in ["b\u{fc}cher.example!", "BU\u{308}CHERbu\u{308}cher", "xn--bcher-kva.example"] {
            assert!(made_up("ada@b\u{fc}cher.example", password), "{password}");
            assert!(made_up("ada@xn--bcher-kva.example", password), "{password}");
        }
    }

    #[test]
    fn a_password_that_merely_contains_them_is_good() {
        for password in [
            "ada likes teapots",
            "glacier teapot 47 violins",
            "ada 5839 2847 1034",
            "lovelaces violins",
            "583928471034756",
            "",
        ] {
            assert!(!made_up("ada.lovelace@mail.example.com", password), "{password}");
        }
        // The last label of a domain and words of two letters say nothing.
        assert!(!made_up("jo@de.example.com", "com jo com jo com"));
    }
}
