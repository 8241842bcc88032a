//! `wharf hash-password`, and passwords in general.

use std::io::{self, BufRead, IsTerminal, Read};

use anyhow::{Context, bail};
use rand::RngExt;
use wharf_protocol::secret::Secret;

/// The longest password that is read: no client sends a longer line.
const PASSWORD_BYTES_MAX: u64 = 8 * 1024;

/// Of a random password: no two look alike, and none needs quoting.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Of a random password: 20 of 56 characters are 116 bits.
const RANDOM_LENGTH: usize = 20;

/// Prints the encoded form of a password from a prompt, or from standard input where that is no
/// terminal.
pub fn run() -> anyhow::Result<()> {
    let password = if io::stdin().is_terminal() {
        prompt()?
    } else {
        from_stdin(io::stdin())?
    };
    println!("{}", hash(&password)?);
    Ok(())
}

/// Asks twice on the terminal, without echo.
fn prompt() -> anyhow::Result<Secret> {
    let first = Secret::new(rpassword::prompt_password("Password: ")?);
    let again = Secret::new(rpassword::prompt_password("Again: ")?);
    if first != again {
        bail!("the two passwords differ; nothing was hashed");
    }
    require_some(first)
}

/// The first line of `input`.
pub fn from_stdin(input: impl Read) -> anyhow::Result<Secret> {
    let mut line = String::new();
    io::BufReader::new(input.take(PASSWORD_BYTES_MAX))
        .read_line(&mut line)
        .context("cannot read the password")?;
    if line.len() as u64 == PASSWORD_BYTES_MAX {
        bail!("the password is longer than {PASSWORD_BYTES_MAX} bytes");
    }
    require_some(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

fn require_some(password: Secret) -> anyhow::Result<Secret> {
    if password.is_empty() {
        bail!("the password is empty");
    }
    Ok(password)
}

/// A password that nobody guesses.
pub fn random() -> Secret {
    let mut random = rand::rng();
    let letters = (0..RANDOM_LENGTH).map(|_| {
        let index = random.random_range(0..ALPHABET.len());
        char::from(ALPHABET[index])
    });
    Secret::new(letters.collect::<String>())
}

/// `password` as an argon2id string in PHC form, with a random salt.
pub fn hash(password: &Secret) -> anyhow::Result<String> {
    crate::plugin::hash_password(password.expose())
        .map_err(|error| anyhow::anyhow!("cannot hash the password: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        for (input, password) in [
            ("hunter2", "hunter2"),
            ("hunter2\nmore", "hunter2"),
            (" a b \r\n", " a b "),
        ] {
            assert_eq!(from_stdin(input.as_bytes()).unwrap().expose(), password);
        }
    }

    #[test]
    fn no_password_is_an_error() {
        let long = "x".repeat(9000);
        for (input, error) in [
            ("", "the password is empty"),
            ("\n", "the password is empty"),
            (long.as_str(), "the password is longer than 8192 bytes"),
        ] {
            assert_eq!(from_stdin(input.as_bytes()).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_hash_fits_its_password_and_no_other() {
        let encoded = hash(&Secret::new("hunter2")).unwrap();
        assert!(
            encoded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{encoded}"
        );
        assert!(crate::plugin::verify_password(&encoded, "hunter2").unwrap());
        assert!(!crate::plugin::verify_password(&encoded, "hunter3").unwrap());
    }

    #[test]
    fn random_passwords_differ() {
        let (one, other) = (random(), random());
        assert_eq!(one.expose().len(), RANDOM_LENGTH);
        assert_ne!(one, other);
    }
}
