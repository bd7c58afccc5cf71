//! Makes `sigra/src/password/blocklist/entries.txt`, the passwords that Sigra refuses because everybody uses them.
//!
//! ```sh
//! # passwords.json of the npm package @zxcvbn-ts/language-common 4.1.3 (MIT): passwords, the commonest first.
//! cargo run -p sigra-tests --example blocklist -- passwords.json > sigra/src/password/blocklist/entries.txt
//! ```
//!
//! A list of common passwords is almost empty where fifteen characters are asked for: visitors never had to. What they do when
//! they must is known, though: they repeat a short password, put two after another, count on, walk further over the keyboard
//! or type a phrase that everybody knows. These are derived here, so that the list fits every minimum from eight up.
#![allow(clippy::print_stdout, reason = "it writes a file for a person to look at")]

use std::collections::BTreeSet;
use std::error::Error;

use unicode_normalization::UnicodeNormalization as _;

/// The least minimum that a policy may have.
const SHORT: usize = 8;
/// The minimum where a password stands alone.
const LONG: usize = 15;

/// The rows of keyboards, and their columns from left to right.
const KEYBOARDS: &[&[&str]] = &[
    &["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"],
    &["1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"],
    &["1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"],
    &["1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik", "9ol", "0p"],
    &["1q", "2w", "3e", "4r", "5t", "6y", "7u", "8i", "9o", "0p"],
    &["qaz", "wsx", "edc", "rfv", "tgb", "yhn", "ujm"],
    &["1q2w3e4r5t6y7u8i9o0p", "a1s2d3f4g5h6j7k8l9"],
    &["йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"],
];

/// Digits that mean something to many.
const DIGITS: &[&str] = &[
    "1123581321345589144",
    "112233445566778899",
    "11223344556677889900",
    "998877665544332211",
    "111222333444555666777888999",
    "102030405060708090",
    "147258369147258369",
    "147852369147852369",
    "159357159357159357",
    "159753159753159753",
    "314159265358979323846",
    "271828182845904523536",
    "135791113151719",
    "24681012141618202224",
    "123456789101112131415",
    "12345678987654321",
    "123454321234543212345",
];

/// Phrases that many think of. Each is taken with blanks, without, and with the usual separators.
const PHRASES: &[&str] = &[
    "correct horse battery staple",
    "correct horse battery",
    "the quick brown fox",
    "the quick brown fox jumps over the lazy dog",
    "may the force be with you",
    "to be or not to be",
    "to be or not to be that is the question",
    "live long and prosper",
    "i am your father",
    "luke i am your father",
    "winter is coming",
    "valar morghulis",
    "hakuna matata",
    "hello world hello world",
    "hello my name is",
    "i love you so much",
    "i love you very much",
    "i love you forever",
    "i love you baby",
    "i love my family",
    "i love my mother",
    "i love my husband",
    "i love my wife",
    "i love my daughter",
    "i love my children",
    "i hate passwords",
    "i hate this password",
    "i forgot my password",
    "i dont have a password",
    "i dont know",
    "i dont remember",
    "i cant remember",
    "forgot my password",
    "forgot password",
    "this is my password",
    "this is a password",
    "this is the password",
    "this is not a password",
    "this is a secure password",
    "this is a strong password",
    "this is a long password",
    "this is a test",
    "this is a secret",
    "my password",
    "my new password",
    "my secret password",
    "my secure password",
    "my strong password",
    "my super secret password",
    "my password is password",
    "my password is",
    "my long password",
    "my passphrase",
    "a long password",
    "a secure password",
    "a strong password",
    "a very long password",
    "very long password",
    "very secure password",
    "very strong password",
    "super secret",
    "super secret password",
    "super secure password",
    "super strong password",
    "secure password",
    "strong password",
    "secret password",
    "default password",
    "temporary password",
    "temp password",
    "initial password",
    "master password",
    "admin password",
    "root password",
    "user password",
    "test password",
    "guest password",
    "login password",
    "new password",
    "old password",
    "change password",
    "change me now",
    "change me please",
    "please change me",
    "please change this password",
    "change this password",
    "enter your password",
    "enter password here",
    "your password here",
    "type your password",
    "password is password",
    "password password password",
    "pass word pass word",
    "passphrase passphrase",
    "open sesame",
    "open sesame open sesame",
    "let me in",
    "let me in please",
    "please let me in",
    "let me in now",
    "trust no one",
    "trust no one trust no one",
    "administrator",
    "administrator administrator",
    "admin admin admin",
    "test test test test",
    "testing testing testing",
    "testing one two three",
    "one two three four",
    "one two three four five",
    "one two three four five six",
    "welcome to the jungle",
    "welcome home",
    "welcome welcome",
    "never gonna give you up",
    "all your base are belong to us",
    "dont worry be happy",
    "what is the password",
    "who are you",
    "carpe diem carpe diem",
    "in god we trust",
    "god is good all the time",
    "jesus is my savior",
    "jesus is lord",
    "jesus loves me",
    "jesus christ",
    "god bless america",
    "united states of america",
    "manchester united",
    "manchester city",
    "real madrid",
    "liverpool football club",
    "you will never walk alone",
    "youll never walk alone",
    "san francisco",
    "los angeles lakers",
    "new york city",
    "new york yankees",
    "happy birthday to you",
    "merry christmas",
    "once upon a time",
    "four score and seven years ago",
    "mary had a little lamb",
    "twinkle twinkle little star",
    "humpty dumpty sat on a wall",
    "romeo and juliet",
    "harry potter",
    "star wars star wars",
    "lord of the rings",
    "game of thrones",
    "the lord is my shepherd",
    "monday tuesday wednesday",
    "january february march",
    "spring summer autumn winter",
    "abc def ghi jkl mno",
    "alpha bravo charlie delta",
    "red green blue yellow",
];

/// What is put behind a password that is not long enough, or has to have a digit elsewhere.
const TAILS: &[&str] = &["1", "12", "123", "1234", "!", "1!", "123!", "."];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of passwords.json")?;
    let listed: Vec<String> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    // What a broken import made of letters is nobody's password.
    let listed: Vec<String> =
        listed.iter().filter(|one| !one.contains(['\u{fffd}', 'ї', 'ѕ'])).map(|one| fold(one)).collect();

    let mut list = List::default();
    listed.iter().filter(|one| length(one) >= SHORT).take(10_000).for_each(|one| list.add(one, SHORT));
    for one in &listed {
        list.add(one, 12);
    }
    stretched(&listed, &mut list);
    walks(&mut list);
    digits(&mut list);
    phrases(&mut list);
    for entry in list.0 {
        println!("{entry}");
    }
    Ok(())
}

#[derive(Default)]
struct List(BTreeSet<String>);

impl List {
    /// Adds what is long enough, in the form in which passwords are compared.
    fn add(&mut self, entry: &str, at_least: usize) {
        let entry = fold(entry);
        if length(&entry) >= at_least && !entry.contains('\n') && entry.trim() == entry {
            self.0.insert(entry);
        }
    }
}

/// Common passwords, repeated, one after another, and with digits, until they are long enough.
fn stretched(listed: &[String], list: &mut List) {
    let words: Vec<&str> =
        listed.iter().map(String::as_str).filter(|one| (4..LONG).contains(&length(one))).collect();
    for (rank, word) in words.iter().enumerate().take(1_000) {
        let copies = LONG.div_ceil(length(word)).max(2);
        let repeated = word.repeat(copies);
        list.add(&repeated, LONG);
        if rank < 150 {
            list.add(&word.repeat(copies + 1), LONG);
            list.add(&vec![*word; copies].join(" "), LONG);
            list.add(&vec![*word; copies].join("-"), LONG);
            for tail in ["1", "123", "!"] {
                list.add(&format!("{repeated}{tail}"), LONG);
                list.add(&format!("{word}{word}{tail}"), LONG);
            }
            for digits in 4..=10 {
                let digits = &"1234567890"[..digits];
                list.add(&format!("{word}{digits}"), LONG);
                list.add(&format!("{digits}{word}"), LONG);
            }
        }
    }
    for one in words.iter().take(40) {
        for other in words.iter().take(40) {
            list.add(&format!("{one}{other}"), LONG);
        }
    }
    let first: Vec<_> = words.iter().take(7).collect();
    for one in &first {
        for other in &first {
            for third in &first {
                list.add(&format!("{one}{other}{third}"), LONG);
            }
        }
    }
}

/// Walks from the beginning of a row or column to anywhere, there and back.
fn walks(list: &mut List) {
    for keyboard in KEYBOARDS {
        for first in 0..keyboard.len() {
            let there: String = keyboard[first..].concat();
            let back: String = keyboard[first..].iter().rev().flat_map(|row| row.chars()).collect();
            let snake: String = keyboard[first..]
                .iter()
                .enumerate()
                .flat_map(|(index, row)| -> Vec<char> {
                    if index % 2 == 0 { row.chars().collect() } else { row.chars().rev().collect() }
                })
                .collect();
            for walk in [there, back, snake] {
                let reversed: String = walk.chars().rev().collect();
                for walk in [walk, reversed] {
                    for end in SHORT..=walk.chars().count().min(26) {
                        let part: String = walk.chars().take(end).collect();
                        list.add(&part, SHORT);
                        if end == LONG || end == 10 || end == 12 {
                            list.add(&part.repeat(2), LONG);
                        }
                    }
                }
            }
        }
    }
}

fn digits(list: &mut List) {
    for digits in DIGITS {
        for end in LONG..=digits.len() {
            list.add(&digits[..end], LONG);
        }
    }
}

fn phrases(list: &mut List) {
    for phrase in PHRASES {
        for separator in [" ", "", "-", "_", "."] {
            let phrase = phrase.replace(' ', separator);
            list.add(&phrase, LONG);
            let usual = separator.trim().is_empty();
            for tail in TAILS.iter().filter(|_| usual) {
                list.add(&format!("{phrase}{tail}"), LONG);
            }
        }
    }
}

/// As `sigra` compares: lower case, NFC.
fn fold(text: &str) -> String {
    text.to_lowercase().nfc().collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}
