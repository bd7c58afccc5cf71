//! One-time codes by time (RFC 6238): the seed, its codes, and how an authenticator app is told.

use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::error::{Error, Failure};

/// Bytes of a seed: 160 bits, as RFC 4226 4 (R6) recommends.
pub(crate) const SEED_BYTES: usize = 20;
/// Seconds of a step.
const STEP: u64 = 30;
/// Steps before and after the present one that count, for clocks that differ (RFC 6238 5.2).
const SKEW: i64 = 1;

/// What an authenticator app and Sigra share.
pub(crate) struct Seed(Zeroizing<[u8; SEED_BYTES]>);

impl Seed {
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        getrandom::fill(&mut *seed).map_err(|error| Failure::Random(error.to_string()))?;
        Ok(Self(seed))
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &*self.0
    }

    fn builder(&self) -> totp_rs::Builder {
        // Written out, although they are the defaults: they are part of what every app was told.
        totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(STEP)
            .with_secret(*self.0)
    }

    /// The code of a step.
    fn code(&self, step: u64) -> Zeroizing<String> {
        let totp = self.builder().build_noncompliant();
        Zeroizing::new(totp.generate(step * STEP).to_string())
    }

    /// The step after `last` whose code this is, at a time in seconds. Every step of the window is compared, in constant time.
    pub(crate) fn step_of(&self, code: &str, last: i64, now: i64) -> Option<i64> {
        let present = step_at(now);
        let mut found = None;
        for step in (present - SKEW)..=(present + SKEW) {
            let Ok(number) = u64::try_from(step) else { continue };
            let same = bool::from(self.code(number).as_bytes().ct_eq(code.as_bytes()));
            if same && step > last && found.is_none() {
                found = Some(step);
            }
        }
        found
    }

    /// The seed as people type it: base32 (RFC 4648) in groups of four.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let secret = totp_rs::Secret::from(*self.0);
        let text = Zeroizing::new(secret.to_base32());
        let mut grouped = Zeroizing::new(String::with_capacity(40));
        for (i, letter) in text.chars().enumerate() {
            if i > 0 && i % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(letter);
        }
        grouped
    }

    /// The `otpauth:` address that an app reads from the QR code.
    pub(crate) fn uri(&self, issuer: &str, account: &str) -> Result<Zeroizing<String>, Error> {
        // A colon would end the issuer. No address that Sigra takes has one.
        let account = account.replace(':', "_");
        let totp = self.builder().with_issuer(Some(issuer)).with_account_name(account).build();
        let totp =
            totp.map_err(|error| Failure::Config(format!("`totp(issuer)` cannot be used: {error}")))?;
        let uri =
            totp.to_url().map_err(|error| Failure::Config(format!("no `otpauth:` address: {error}")))?;
        Ok(Zeroizing::new(uri))
    }
}

/// An address as a QR code in SVG.
pub(crate) fn qr(uri: &str) -> Result<Zeroizing<String>, Error> {
    let code = QRBuilder::new(uri)
        .build()
        .map_err(|error| Failure::Config(format!("`totp(issuer)` does not fit into a QR code: {error:?}")))?;
    Ok(Zeroizing::new(SvgBuilder::default().to_str(&code)))
}

/// The step of a time in seconds.
pub(crate) fn step_at(now: i64) -> i64 {
    now.div_euclid(STEP.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of the vectors.
    fn vectors() -> Seed {
        Seed::read(b"12345678901234567890").unwrap()
    }

    #[test]
    fn a_seed_has_160_random_bits() {
        const { assert!(SEED_BYTES >= 20) };
        let (one, other) = (Seed::generate().unwrap(), Seed::generate().unwrap());
        assert_eq!(one.bytes().len(), 20);
        assert_ne!(one.bytes(), other.bytes());
        assert_eq!(one.text().chars().filter(|c| *c != ' ').count(), 32);
    }

    #[test]
    fn the_vectors_of_rfc_4226() {
        // Appendix D: counter and code.
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(&*vectors().code(counter), code);
        }
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        // Appendix B, SHA-1: the last six of the eight digits.
        let vectors_of_time = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000_i64, "65353130"),
        ];
        for (time, code) in vectors_of_time {
            assert_eq!(vectors().step_of(&code[2..], -1, time), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn the_window_is_one_step_and_no_step_counts_twice() {
        let seed = Seed::generate().unwrap();
        let now = 1_800_000_000;
        let step = step_at(now);
        for (offset, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = seed.code(u64::try_from(step + offset).unwrap());
            let found = seed.step_of(&code, 0, now);
            // Two of the five codes are the same once in a hundred thousand runs.
            if found.is_some() != good {
                assert!((-1..=1).any(|near| *seed.code(u64::try_from(step + near).unwrap()) == *code));
                continue;
            }
            assert!(!good || found == Some(step + offset));
            assert_eq!(seed.step_of(&code, step + offset, now), None, "replayed");
            assert_eq!(seed.step_of(&code, step + 1, now), None, "older than the last");
        }
        assert_eq!(seed.step_of("", 0, now), None);
    }

    #[test]
    fn an_app_is_told_what_the_standard_says() {
        let uri = vectors().uri("Acme & Söhne", "ada+x@example.com").unwrap();
        assert_eq!(
            &*uri,
            "otpauth://totp/Acme%20%26%20S%C3%B6hne:ada%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Acme%20%26%20S%C3%B6hne"
        );
        assert_eq!(&*vectors().text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let svg = qr(&uri).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("<script"));
        let longest = vectors().uri(&"ö".repeat(64), &format!("{}@example.com", "a".repeat(240))).unwrap();
        assert!(qr(&longest).is_ok());
    }
}
