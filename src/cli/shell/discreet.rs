//! Whether `\set` gives a variable what may be a secret, or a command of another program has it: nothing but names and
//! looks tell of it. Pure.

use crate::cli::shell::commands::{self, Act, Does};
use crate::cli::shell::steps::{self, Step};
use crate::cli::shell::variables::Variables;

/// Words of a name that stands for a secret, beside those that may stand before one anywhere.
const WORDS: [&str; 12] =
    ["auth", "bearer", "cred", "creds", "credential", "credentials", "key", "pass", "passphrase", "pin", "pw", "pwd"];
/// Shorter stretches, such as `v2`, are no secrets.
const LEAST: usize = 6;

/// Whether one of the commands in what was typed sets what may be a secret, or hands it to another program.
pub fn may_tell(text: &str) -> bool {
    steps::steps(text).0.iter().any(|step| {
        let Step::Command { text, .. } = step else { return false };
        let Ok((command, rest)) = commands::found(text) else { return false };
        if matches!(command.does, Does::Acts(Act::Set)) {
            return match commands::words(rest, &Variables::new()).split_first() {
                Some((name, values)) if !values.is_empty() => {
                    sounds_secret(name) || values.iter().any(|value| looks_secret(value))
                }
                _ => false,
            };
        }
        let is_secret = |word: &str| word.starts_with('-') && looks_secret(word);
        rest.trim_start().starts_with('|') && (sounds_secret(rest) || rest.split_whitespace().any(is_secret))
    })
}

fn sounds_secret(name: &str) -> bool {
    name.to_lowercase().split(|letter: char| !letter.is_alphabetic()).any(|word| WORDS.contains(&word))
}

/// Letters and digits in one stretch, as in no word, number, region or date. What an ARN has of that is none.
fn looks_secret(value: &str) -> bool {
    let mut words = value.split_whitespace().filter(|word| !word.trim_start_matches('\'').starts_with("arn:"));
    words.any(|word| {
        word.split(|letter: char| letter.is_ascii_punctuation()).any(|part| {
            part.chars().count() >= LEAST
                && part.chars().any(char::is_alphabetic)
                && part.chars().any(|letter| letter.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_told_by_name_and_looks() {
        for (text, expected) in [
            ("\\set p hunter2x", true),
            ("\\set p 'hunter2x'", true),
            ("\\set api_pw correct horse", true),
            ("\\set key x", true),
            ("SELECT 1;\n\\set p Tr0ub4dor&3", true),
            ("\\set id 4dfbc7ae-0001-4002-8003-100000000001", true),
            ("\\o |mysql -pTOPS3CRET5", true),
            ("SELECT 1 \\g |curl -H 'x-api-key: abc'", true),
            ("\\o |tee -a out2024.csv", false),
            ("\\set region us-east-1", false),
            ("\\set day 2026-11-22", false),
            ("\\set name orders-v2", false),
            ("\\set arn arn:aws:redshift:us-east-1:111122223333:integration:4dfbc7ae", false),
            ("\\set who \"O'Brien\"", false),
            ("\\set keyboard qwerty", false),
            ("\\set key", false),
            ("\\set", false),
            ("\\echo hunter2x", false),
            ("SELECT 'hunter2x';", false),
        ] {
            assert_eq!(may_tell(text), expected, "{text}");
        }
    }
}
