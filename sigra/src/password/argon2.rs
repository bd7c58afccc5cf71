//! Argon2: what Sigra writes, and what other libraries wrote.

use ::argon2::password_hash::phc;
use ::argon2::{Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, Version};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::hash::PasswordHash;
use super::pepper::{Peppers, Secret};
use crate::error::Failure;
use crate::policy::PasswordPolicy;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// More than any policy asks for: a row with larger figures would be a way to stop the server.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_ITERATIONS: u32 = 64;
const MAX_LANES: u32 = 64;

/// The same cost under another pepper; none where the id is empty.
fn under(params: &Params, pepper: &[u8]) -> Result<Params, Failure> {
    build(params.m_cost(), params.t_cost(), params.p_cost(), pepper).map_err(unusable)
}

/// Today's cost, under the pepper that writes.
pub(super) fn current(policy: &PasswordPolicy, peppers: &Peppers) -> Result<Params, Failure> {
    build(policy.memory_kib, policy.iterations, 1, peppers.current())
        .map_err(|error| Failure::Config(format!("the cost of `password(..)` cannot be used: {error}")))
}

fn build(memory_kib: u32, iterations: u32, lanes: u32, pepper: &[u8]) -> ::argon2::Result<Params> {
    let mut builder = ParamsBuilder::new();
    builder.m_cost(memory_kib).t_cost(iterations).p_cost(lanes).output_len(OUTPUT_BYTES);
    if !pepper.is_empty() {
        builder.keyid(KeyId::new(pepper)?);
    }
    builder.build()
}

/// Passes over memory, the work that an attacker has to do for each guess, in KiB.
fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// A stored Argon2 hash with what it takes to compute it again.
pub(super) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Zeroizing<Vec<u8>>,
    secret: Option<Secret>,
}

impl Argon2Hash {
    /// Reads a PHC string, also as Django stores it. `None`: it is another form.
    pub(super) fn parse(text: &str, peppers: &Peppers) -> Option<Result<Self, Failure>> {
        let text = text.strip_prefix("argon2$argon2").map_or(text, |_| &text["argon2".len()..]);
        text.starts_with("$argon2").then(|| Self::read(text, peppers))
    }

    fn read(text: &str, peppers: &Peppers) -> Result<Self, Failure> {
        let phc = phc::PasswordHash::new(text).map_err(unusable)?;
        let algorithm = Algorithm::try_from(phc.algorithm.as_str()).map_err(unusable)?;
        // Before version 19 there was no such field.
        let version = Version::try_from(phc.version.unwrap_or(Version::V0x10.into())).map_err(unusable)?;
        let params = Params::try_from(&phc).map_err(unusable)?;
        if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_ITERATIONS || params.p_cost() > MAX_LANES
        {
            return Err(unusable("its cost is beyond what Sigra computes"));
        }
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(unusable("it has no salt or no output"));
        };
        let secret = peppers.secret(params.keyid())?;
        let (salt, output) = (salt.as_ref().to_vec(), Zeroizing::new(output.as_bytes().to_vec()));
        Ok(Self { algorithm, version, params, salt, output, secret })
    }

    /// Whether a password is the right one.
    pub(super) fn verify(&self, password: &[u8], blocks: &mut [Block]) -> Result<bool, Failure> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        context(self.algorithm, self.version, &self.params, self.secret.as_ref())?
            .hash_password_into_with_memory(password, &self.salt, &mut output, blocks)
            .map_err(unusable)?;
        Ok(output.ct_eq(&self.output).into())
    }

    /// 1 KiB blocks that it takes to compute it.
    pub(super) fn blocks(&self) -> usize {
        self.params.block_count()
    }

    /// What decides about the cost, for an operator.
    pub(super) fn form(&self) -> String {
        let (memory, passes, lanes) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        format!("Argon2 {{ memory_kib: {memory}, iterations: {passes}, lanes: {lanes} }}")
    }

    /// Whether both cost the same to compute.
    pub(super) fn same_cost(&self, other: &Self) -> bool {
        self.costs(&other.params)
    }

    /// Whether it costs exactly this to compute.
    pub(super) fn costs(&self, params: &Params) -> bool {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        cost(&self.params) == cost(params)
    }

    /// Whether it is less work than today's cost: passes times memory, whatever the two are.
    ///
    /// By OWASP's list of equal costs (46 MiB with one pass, 19 with two, 12 with three, 9 with four, 7 with five) a pass counts
    /// for a little more than its share of the product: fewer passes and less work is weaker by that list too. Less work in less
    /// memory is what an attacker's hardware likes best. What is as much work or more stays as it is, also where it has less
    /// memory: which of the two is stronger is then a matter of that hardware, and a replacement might be the weaker one. Lanes
    /// share the same work, so they do not count.
    pub(super) fn is_weaker_than(&self, today: &Params) -> bool {
        work(&self.params) < work(today)
    }

    /// What it is to be replaced by; `None` where it may stay. Never anything weaker: a stored hash that costs more than
    /// today's keeps its cost when all that it lacks is the pepper, and where no pepper writes it keeps its own.
    pub(super) fn successor(&self, today: &Params) -> Option<Params> {
        let pepper = if today.keyid().is_empty() { self.params.keyid() } else { today.keyid() };
        if self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.is_weaker_than(today)
        {
            return under(today, pepper).ok();
        }
        if self.params.keyid() == pepper {
            return None;
        }
        under(&self.params, pepper).ok()
    }
}

/// Hashes a new password under a fresh salt, and gives the PHC string. The parameters name the pepper.
pub(super) fn hash(
    params: &Params,
    peppers: &Peppers,
    password: &[u8],
    blocks: &mut [Block],
) -> Result<PasswordHash, Failure> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| Failure::Random(error.to_string()))?;
    let secret = peppers.secret(params.keyid())?;
    let mut output = Zeroizing::new([0; OUTPUT_BYTES]);
    context(Algorithm::Argon2id, Version::V0x13, params, secret.as_ref())?
        .hash_password_into_with_memory(password, &salt, &mut *output, blocks)
        .map_err(unusable)?;
    stored(params, &salt, &*output)
}

/// A hash that no password is known to have: of the usual form, with a random result.
pub(super) fn unknowable(params: &Params) -> Result<PasswordHash, Failure> {
    let mut bytes = [0; SALT_BYTES + OUTPUT_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Random(error.to_string()))?;
    let (salt, output) = bytes.split_at(SALT_BYTES);
    stored(params, salt, output)
}

fn stored(params: &Params, salt: &[u8], output: &[u8]) -> Result<PasswordHash, Failure> {
    let phc = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(params).map_err(unusable)?,
        salt: Some(phc::Salt::new(salt).map_err(unusable)?),
        hash: Some(phc::Output::new(output).map_err(unusable)?),
    };
    Ok(PasswordHash::new(phc.to_string()))
}

fn context<'a>(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    secret: Option<&'a Secret>,
) -> Result<Argon2<'a>, Failure> {
    match secret {
        Some(secret) => {
            Argon2::new_with_secret(&**secret, algorithm, version, params.clone()).map_err(unusable)
        }
        None => Ok(Argon2::new(algorithm, version, params.clone())),
    }
}

/// An error that names no part of the hash.
pub(super) fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::PasswordHash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(costs: &str) -> Argon2Hash {
        let text = format!("{costs}$c2lncmFzaWdyYXNpZ3JhIQ$UYXtGa1cM9YtxEXcWXnBfOKd6trEL0x7mntysjlHt4M");
        Argon2Hash::parse(&text, &Peppers::default()).unwrap().unwrap()
    }

    fn today(memory_kib: u32, iterations: u32) -> Params {
        current(&PasswordPolicy { min_length: 15, memory_kib, iterations }, &Peppers::default()).unwrap()
    }

    #[test]
    fn a_hash_is_replaced_where_today_is_stronger_and_never_because_figures_differ() {
        let today = today(19_456, 2);
        let replaced = |costs: &str| read(costs).successor(&today).is_some();
        for weaker in [
            "$argon2id$v=19$m=19456,t=1,p=1",
            "$argon2id$v=19$m=8192,t=2,p=1",
            // More passes, but less work altogether and in less memory.
            "$argon2id$v=19$m=4096,t=3,p=1",
            // More memory, but one pass: OWASP asks for 46 MiB there.
            "$argon2id$v=19$m=20480,t=1,p=1",
            "$argon2id$v=19$m=32768,t=1,p=1",
            "$argon2id$v=19$m=38911,t=1,p=1",
            // Today's figures with another algorithm or an old version; without `v` it is version 16.
            "$argon2i$v=19$m=19456,t=2,p=1",
            "$argon2d$v=19$m=65536,t=3,p=1",
            "$argon2id$v=16$m=19456,t=2,p=1",
            "$argon2id$m=19456,t=2,p=1",
        ] {
            assert!(replaced(weaker), "{weaker}");
        }
        for left in [
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=4",
            "$argon2id$v=19$m=65536,t=3,p=1",
            // Fewer passes, or less memory, but as much work or more.
            "$argon2id$v=19$m=38912,t=1,p=1",
            "$argon2id$v=19$m=47104,t=1,p=1",
            "$argon2id$v=19$m=9728,t=4,p=1",
            "$argon2id$v=19$m=9216,t=5,p=1",
        ] {
            assert!(!replaced(left), "{left}");
        }
    }

    /// OWASP Password Storage: memory in KiB and passes that are of equal strength.
    const EQUAL: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

    #[test]
    fn no_hash_is_replaced_by_less_work_nor_in_less_memory_unless_the_list_of_equal_costs_says_so_too() {
        let strength = |memory: u32, passes: u32| {
            let (equal, _) = EQUAL.into_iter().find(|(_, listed)| *listed == passes).unwrap();
            f64::from(memory) / f64::from(equal)
        };
        let memories: Vec<u32> = (7..=64).map(|mebibytes| mebibytes * 1024).collect();
        let costs = || memories.iter().flat_map(|memory| (1..=5).map(move |passes| (*memory, passes)));
        let mut replaced = 0;
        for (memory, passes) in costs() {
            let stored = read(&format!("$argon2id$v=19$m={memory},t={passes},p=1"));
            for (new_memory, new_passes) in costs() {
                let today = today(new_memory, new_passes);
                let Some(next) = stored.successor(&today) else { continue };
                replaced += 1;
                assert!(work(&stored.params) < work(&next));
                if next.m_cost() < memory {
                    let (old, new) = (strength(memory, passes), strength(new_memory, new_passes));
                    assert!(old < new, "m={memory},t={passes} by m={new_memory},t={new_passes}");
                }
            }
        }
        assert!(replaced > 10_000, "{replaced}");
        // Nor do equal ones chase each other: of two, one is never replaced by the other.
        for one in EQUAL {
            for other in EQUAL {
                let by = |old: (u32, u32), new: (u32, u32)| {
                    read(&format!("$argon2id$v=19$m={},t={},p=1", old.0, old.1))
                        .successor(&today(new.0, new.1))
                        .is_some()
                };
                assert!(!(by(one, other) && by(other, one)), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn costs_beyond_bounds_are_refused() {
        for costs in ["m=2097152,t=1,p=1", "m=19456,t=65,p=1", "m=19456,t=2,p=65"] {
            let text = format!(
                "$argon2id$v=19${costs}$c2lncmFzaWdyYXNpZ3JhIQ$UYXtGa1cM9YtxEXcWXnBfOKd6trEL0x7mntysjlHt4M"
            );
            assert!(Argon2Hash::parse(&text, &Peppers::default()).unwrap().is_err(), "{costs}");
        }
        assert!(Argon2Hash::parse("$argon2id$v=19$m=19456", &Peppers::default()).unwrap().is_err());
        assert!(Argon2Hash::parse("$2b$10$x", &Peppers::default()).is_none());
    }
}
