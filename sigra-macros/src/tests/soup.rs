//! Random attributes: whatever stands in them, the derive answers with Rust code and never panics.

use std::fmt::Write as _;

use sigra_grammar::event::Kind;
use sigra_grammar::keys;

use super::{derive, tokens};
use crate::derive_event;

/// SplitMix64: the same soup in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const VALUES: &[&str] = &[
    "\"users\"",
    "\"1h\"",
    "\"14d\"",
    "\"\"",
    "\"0s\"",
    "\"18446744073709551615d\"",
    "\"ü\"",
    "10",
    "0",
    "-1",
    "1e9",
    "2fa",
    "true",
    "'x'",
    "b\"x\"",
    "LIMIT",
    "crate::LIMIT",
    "f(1, 2)",
    "|x| x",
    "{ 1 }",
    "()",
    "!",
    "",
    "==",
    "::",
    "\"full\"",
    "\"a good long reason\"",
    "340282366920938463463374607431768211456",
];
const BETWEEN: &[&str] = &[", ", ", ", ", ", ", ", " ", ",,", " = ", "; ", ": "];
const NAMES: &[&str] =
    &["foo", "sesion", "2fa", "webauthn", "ttl", "r#type", "a::b", "self", "_", "#", "'a", "=>", "hint"];

fn item(random: &mut Random, depth: usize) -> String {
    let known = keys::STRUCT
        .into_iter()
        .chain(keys::FIELD)
        .chain(keys::event::STRUCT)
        .chain(keys::event::FIELD)
        .chain(keys::STRUCT.into_iter().flat_map(|key| key.inner.iter().copied()));
    let known: Vec<_> = known.map(|key| key.name).collect();
    let name = if random.below(5) == 0 { random.pick(NAMES) } else { random.pick(&known) };
    match random.below(4) {
        0 => name.to_owned(),
        1 => format!("{name} = {}", random.pick(VALUES)),
        2 if depth < 3 => format!("{name}({})", list(random, depth + 1)),
        2 => format!("{name}[]"),
        _ => keys::STRUCT
            .into_iter()
            .chain(keys::FIELD)
            .find(|key| key.name == name)
            .map_or(name, |key| key.example)
            .to_owned(),
    }
}

fn list(random: &mut Random, depth: usize) -> String {
    (0..random.below(5)).fold(String::new(), |mut list, _| {
        let item = item(random, depth);
        write!(list, "{item}{}", random.pick(BETWEEN)).unwrap();
        list
    })
}

fn host(random: &mut Random) -> String {
    let attribute = list(random, 0);
    let types = ["i64", "String", "Option<PasswordHash>", "Vec<&'static str>", "[u8; 4]", "fn(u8) -> u8"];
    let fields = (0..random.below(5)).fold(String::new(), |mut fields, i| {
        write!(fields, "#[sigra({})] field{i}: {}, ", list(random, 1), random.pick(&types)).unwrap();
        fields
    });
    match random.below(12) {
        0 => format!("#[sigra({attribute})] enum User {{ A, B(#[sigra({attribute})] u8) }}"),
        1 => format!("#[sigra({attribute})] struct User<T> {{ {fields} t: T }}"),
        2 => format!("#[sigra({attribute})] struct User(#[sigra(id)] u8);"),
        _ => format!("#[sigra({attribute})] pub(crate) struct User {{ {fields} }}"),
    }
}

#[test]
fn no_attribute_makes_the_derive_panic_or_emit_nonsense() {
    let mut random = Random(0x5167_2a00);
    for _ in 0..600 {
        let source = host(&mut random);
        if source.parse::<proc_macro2::TokenStream>().is_err() {
            continue;
        }
        let derives: [fn(proc_macro2::TokenStream) -> proc_macro2::TokenStream; 3] =
            [derive, |input| derive_event(Kind::Event, input), |input| derive_event(Kind::Detail, input)];
        for derive in derives {
            let output = derive(tokens(&source)).to_string();
            assert!(!output.contains("this is a bug in Sigra"), "{source}\n{output}");
            let file = syn::parse_str::<syn::File>(&output);
            assert!(file.is_ok(), "{source}\n{output}");
        }
    }
}
