//! How many guesses a new password takes, as zxcvbn estimates.

use super::context::Words;
use super::{Password, PasswordProblem};
use crate::error::{Error, Failure};

/// The least estimate that a new password needs, for [`Builder::strength`](crate::Builder::strength).
///
/// zxcvbn looks at the first 100 characters. It knows English; of other languages it takes words for random letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Strength {
    /// At least 10⁶ guesses: a guess that is throttled does not find it. zxcvbn's score 2.
    Somewhat,
    /// At least 10⁸ guesses: one that is not throttled hardly does. Score 3.
    Safe,
    /// At least 10¹⁰ guesses: a stolen hash resists for a while. Score 4.
    Strong,
}

/// Off the async threads: the worst passwords take milliseconds.
pub(super) async fn check(password: Password, words: &Words, least: Strength) -> Result<(), Error> {
    let words = words.texts();
    let task = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let estimate = zxcvbn::zxcvbn(&password.0, &words);
        let least = match least {
            Strength::Somewhat => zxcvbn::Score::Two,
            Strength::Safe => zxcvbn::Score::Three,
            Strength::Strong => zxcvbn::Score::Four,
        };
        let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        (estimate.score() >= least, warning.map(|warning| warning.to_string()))
    });
    match task.await {
        Ok((true, _)) => Ok(()),
        Ok((false, warning)) => Err(PasswordProblem::Weak { warning }.into()),
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_guessable_password_is_refused_with_what_makes_it_so() {
        let words = Words::new("zqvblxt@kwrphm.example", &[], &[]);
        let nobody = Words::new("", &[], &[]);
        let weak = check("january1january2".into(), &words, Strength::Strong).await.unwrap_err().to_string();
        assert!(weak.starts_with("the password is too easy to guess"), "{weak}");
        assert!(check("glacier teapot 47 violins".into(), &words, Strength::Strong).await.is_ok());
        // Random to everybody but this account.
        let own = "zqvblxtkwrphm";
        assert!(check(own.into(), &nobody, Strength::Strong).await.is_ok());
        assert!(check(own.into(), &words, Strength::Strong).await.is_err());
    }
}
