//! ASP.NET Core Identity, versions 2 and 3: base64 of a marker, the costs, the salt and the output of PBKDF2.

use base64ct::{Base64, Encoding as _};

use super::pbkdf2::{Hash, Pbkdf2};

const V2_ROUNDS: u32 = 1000;
const V2_SALT_BYTES: usize = 16;
const V2_OUTPUT_BYTES: usize = 32;
const V3_MIN_SALT_BYTES: usize = 16;

pub(super) fn parse(text: &str) -> Option<Pbkdf2> {
    let blob = Base64::decode_vec(text).ok()?;
    match blob.split_first()? {
        (0, rest) if rest.len() == V2_SALT_BYTES + V2_OUTPUT_BYTES => {
            let (salt, output) = rest.split_at(V2_SALT_BYTES);
            Pbkdf2::new(Hash::Sha1, V2_ROUNDS, salt.to_vec(), output.to_vec())
        }
        (1, rest) => v3(rest),
        _ => None,
    }
}

/// Three big-endian numbers, which are the function, the rounds and the length of the salt; then the salt and the output.
fn v3(rest: &[u8]) -> Option<Pbkdf2> {
    let (hash, rest) = number(rest)?;
    let (rounds, rest) = number(rest)?;
    let (salt_bytes, rest) = number(rest)?;
    let hash = match hash {
        0 => Hash::Sha1,
        1 => Hash::Sha256,
        2 => Hash::Sha512,
        _ => return None,
    };
    let (salt, output) = rest.split_at_checked(usize::try_from(salt_bytes).ok()?)?;
    if salt.len() < V3_MIN_SALT_BYTES {
        return None;
    }
    Pbkdf2::new(hash, rounds, salt.to_vec(), output.to_vec())
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    bytes.split_first_chunk().map(|(number, rest)| (u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_that_do_not_add_up_are_refused() {
        let blob = |bytes: &[u8]| parse(&Base64::encode_string(bytes)).is_some();
        let v3 = |hash: u8, rounds: u32, salt_bytes: u32, rest: usize| {
            let mut bytes = vec![1, 0, 0, 0, hash];
            bytes.extend(rounds.to_be_bytes());
            bytes.extend(salt_bytes.to_be_bytes());
            bytes.extend(vec![7; rest]);
            blob(&bytes)
        };
        assert!(v3(2, 100_000, 16, 48));
        assert!(!v3(3, 100_000, 16, 48), "an unknown function");
        assert!(!v3(2, u32::MAX, 16, 48), "a cost that nobody waits for");
        assert!(!v3(2, 100_000, u32::MAX, 48), "a salt beyond the end");
        assert!(!v3(2, 100_000, 48, 48), "no output");
        assert!(!v3(2, 100_000, 8, 48), "a short salt");
        assert!(blob(&[0; 49]));
        assert!(!blob(&[0; 48]) && !blob(&[1, 0, 0]) && !blob(&[]));
    }
}
