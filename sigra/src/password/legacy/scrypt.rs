//! scrypt (RFC 7914): the PHC form, which is passlib's too, and Django's.

use ::scrypt::Params;
use base64ct::{Base64, Base64Unpadded, Encoding as _};
use zeroize::Zeroizing;

use super::{Cost, is_output, same};
use crate::error::Failure;
use crate::password::argon2::unusable;

/// Bytes that one hash may take: twice OWASP's first choice.
const MAX_MEMORY: u64 = 256 * 1024 * 1024;
const MAX_PARALLELISM: u32 = 16;

pub(in crate::password) struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Scrypt {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("$scrypt$") {
            Self::phc(rest)
        } else {
            Self::django(text.strip_prefix("scrypt$")?)
        }
    }

    /// `ln=17,r=8,p=1$salt$hash`, both in unpadded base64.
    fn phc(rest: &str) -> Option<Self> {
        let [costs, salt, output] = split(rest)?;
        let mut costs = costs.split(',');
        let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let (log_n, r, p) = (cost("ln=")?, cost("r=")?, cost("p=")?);
        let salt = Base64Unpadded::decode_vec(salt).ok()?;
        costs.next().is_none().then_some(())?;
        Self::new(log_n, r, p, salt, Base64Unpadded::decode_vec(output).ok()?)
    }

    /// `N$salt$r$p$hash`, the salt as text, the hash in base64.
    fn django(rest: &str) -> Option<Self> {
        let [n, salt, r, p, output] = split(rest)?;
        let n: u64 = n.parse().ok()?;
        n.is_power_of_two().then_some(())?;
        let output = Base64::decode_vec(output).ok()?;
        Self::new(n.ilog2(), r.parse().ok()?, p.parse().ok()?, salt.into(), output)
    }

    fn new(log_n: u32, r: u32, p: u32, salt: Vec<u8>, output: Vec<u8>) -> Option<Self> {
        let memory = 1_u64.checked_shl(log_n)?.checked_mul(128)?.checked_mul(r.into())?;
        let sane = memory <= MAX_MEMORY && p <= MAX_PARALLELISM && is_output(&output);
        let params = Params::new(u8::try_from(log_n).ok()?, r, p).ok()?;
        sane.then_some(Self { params, salt, output })
    }

    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, Failure> {
        let mut computed = Zeroizing::new(vec![0; self.output.len()]);
        ::scrypt::scrypt(password, &self.salt, &self.params, &mut computed).map_err(unusable)?;
        Ok(same(&computed, &self.output))
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Scrypt { log_n: self.params.log_n(), r: self.params.r(), p: self.params.p() }
    }
}

fn split<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_rfc_7914_verifies() {
        // Section 12: scrypt("pleaseletmein", "SodiumChloride", N=16384, r=8, p=1).
        let text = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$\
                    cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";
        let hash = Scrypt::parse(text).unwrap();
        assert!(hash.verify(b"pleaseletmein").unwrap());
        assert!(!hash.verify(b"pleaseletmeout").unwrap());
    }

    #[test]
    fn costs_beyond_bounds_and_short_outputs_are_refused() {
        let hash = "$U29kaXVtQ2hsb3JpZGU$cCO9yz35wPCFE/rbL61DVA";
        assert!(Scrypt::parse(&format!("$scrypt$ln=14,r=8,p=1{hash}")).is_some());
        for costs in ["ln=19,r=8,p=1", "ln=64,r=8,p=1", "ln=14,r=8,p=17", "ln=14,r=0,p=1", "ln=14,r=8", ""] {
            assert!(Scrypt::parse(&format!("$scrypt${costs}{hash}")).is_none(), "{costs}");
        }
        assert!(Scrypt::parse("$scrypt$ln=14,r=8,p=1$U29kaXVt$").is_none());
        assert!(Scrypt::parse("scrypt$16383$salt$8$1$cCO9yz35wPCFE/rbL61DVA==").is_none());
    }
}
