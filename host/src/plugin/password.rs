//! Passwords checked against their encoded hashes, at a bounded cost.
//!
//! Known forms: PHC strings of argon2id, argon2i and PBKDF2-HMAC-SHA256 (also as passlib writes
//! them), crypt(3) strings of bcrypt, SHA-256 and SHA-512, and `$aioftps3$SALT$HASH`: the two
//! settings of aioftps3 as they stand, PBKDF2-HMAC-SHA256 of 1,000,000 rounds over the characters
//! of the salt (which are not decoded), the hash in base64.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Why a password could not be checked. Holds nothing of the password or its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The text begins like no form that is known.
    #[error("this form of password hash is not known")]
    UnknownForm,
    /// It begins like one, and is none.
    #[error("the password hash is malformed")]
    Malformed,
    /// Its parameters ask for more time or memory than the host gives.
    #[error("the password hash asks for too much time or memory")]
    TooCostly,
}

/// A client's line is shorter than this, and the work of some forms grows with the length.
const MAX_PASSWORD: usize = 8 * 1024;
/// Longer than every form with its largest salt and hash.
const MAX_ENCODED: usize = 1024;
/// Of argon2, in KiB. Twice what the recommendations of RFC 9106 for ordinary machines take.
const MAX_ARGON2_MEMORY: u32 = 128 * 1024;
/// Of argon2: passes times memory in KiB, about two seconds.
const MAX_ARGON2_WORK: u64 = 1024 * 1024;
/// Of bcrypt: about one second.
const MAX_BCRYPT_COST: u32 = 14;
/// Of SHA-crypt: a tenth of what crypt(3) allows, about one second.
const MAX_SHA_CRYPT_ROUNDS: u32 = 1_000_000;
/// Of PBKDF2: twice those of aioftps3.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// Fixed by aioftps3.
const AIOFTPS3_ROUNDS: u32 = 1_000_000;

/// Whether `password` is what was `encoded`. Takes up to seconds: not for a thread that serves
/// connections.
pub fn verify(encoded: &str, password: &str) -> Result<bool, PasswordError> {
    if encoded.len() > MAX_ENCODED {
        return Err(PasswordError::Malformed);
    }
    if password.len() > MAX_PASSWORD {
        return Ok(false);
    }
    let form = encoded
        .strip_prefix('$')
        .and_then(|rest| rest.split_once('$'));
    match form.ok_or(PasswordError::UnknownForm)? {
        ("argon2id" | "argon2i", _) => argon2(encoded, password),
        ("2a" | "2b" | "2x" | "2y", rest) => bcrypt(encoded, rest, password),
        ("5" | "6", rest) => sha_crypt(encoded, rest, password),
        ("pbkdf2-sha256", rest) => pbkdf2(rest, password),
        ("aioftps3", rest) => aioftps3(rest, password),
        _ => Err(PasswordError::UnknownForm),
    }
}

/// A PHC string of argon2id with a random salt, at the cost that OWASP recommends (19 MiB, two
/// passes).
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(password.as_bytes())?
        .to_string())
}

fn argon2(encoded: &str, password: &str) -> Result<bool, PasswordError> {
    let hash = PasswordHash::new(encoded).map_err(|_| PasswordError::Malformed)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(PasswordError::Malformed);
    }
    let params = Params::try_from(&hash).map_err(|_| PasswordError::Malformed)?;
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if params.m_cost() > MAX_ARGON2_MEMORY || work > MAX_ARGON2_WORK {
        return Err(PasswordError::TooCostly);
    }
    outcome(Argon2::default().verify_password(password.as_bytes(), &hash))
}

fn bcrypt(encoded: &str, rest: &str, password: &str) -> Result<bool, PasswordError> {
    let cost = rest
        .split('$')
        .next()
        .and_then(|cost| cost.parse::<u32>().ok());
    if cost.ok_or(PasswordError::Malformed)? > MAX_BCRYPT_COST {
        return Err(PasswordError::TooCostly);
    }
    ::bcrypt::verify(password, encoded).map_err(|_| PasswordError::Malformed)
}

fn sha_crypt(encoded: &str, rest: &str, password: &str) -> Result<bool, PasswordError> {
    let verifier = ::sha_crypt::ShaCrypt::default();
    let Some(given) = rest.strip_prefix("rounds=") else {
        // crypt(3) means 5000 where nothing is said, the crate means its own recommendation.
        let (form, rest) = encoded.split_at(encoded.len() - rest.len());
        let encoded = format!("{form}rounds=5000${rest}");
        return outcome(verifier.verify_password(password.as_bytes(), encoded.as_str()));
    };
    let rounds = given
        .split('$')
        .next()
        .and_then(|rounds| rounds.parse::<u32>().ok());
    if rounds.ok_or(PasswordError::Malformed)? > MAX_SHA_CRYPT_ROUNDS {
        return Err(PasswordError::TooCostly);
    }
    outcome(verifier.verify_password(password.as_bytes(), encoded))
}

/// `i=ROUNDS[,l=LENGTH]$SALT$HASH` as PHC has it, or `ROUNDS$SALT$HASH` as passlib has it, whose
/// base64 has `.` for `+`.
fn pbkdf2(rest: &str, password: &str) -> Result<bool, PasswordError> {
    let fields: Vec<&str> = rest.split('$').collect();
    let [params, salt, hash] = fields[..] else {
        return Err(PasswordError::Malformed);
    };
    let rounds = params.split(',').next().unwrap_or_default();
    let rounds = rounds.strip_prefix("i=").unwrap_or(rounds);
    let rounds = rounds.parse().map_err(|_| PasswordError::Malformed)?;
    let decode = |text: &str| {
        let text = text.replace('.', "+");
        STANDARD_NO_PAD
            .decode(text)
            .map_err(|_| PasswordError::Malformed)
    };
    pbkdf2_matches(password, &decode(salt)?, rounds, &decode(hash)?)
}

fn aioftps3(rest: &str, password: &str) -> Result<bool, PasswordError> {
    let (salt, hash) = rest.rsplit_once('$').ok_or(PasswordError::Malformed)?;
    let hash = STANDARD
        .decode(hash)
        .map_err(|_| PasswordError::Malformed)?;
    pbkdf2_matches(password, salt.as_bytes(), AIOFTPS3_ROUNDS, &hash)
}

fn pbkdf2_matches(
    password: &str,
    salt: &[u8],
    rounds: u32,
    expected: &[u8],
) -> Result<bool, PasswordError> {
    // A short hash would be guessed; a long one only costs more.
    if !(16..=64).contains(&expected.len()) || rounds == 0 {
        return Err(PasswordError::Malformed);
    }
    if rounds > MAX_PBKDF2_ROUNDS {
        return Err(PasswordError::TooCostly);
    }
    let mut computed = [0; 64];
    let computed = &mut computed[..expected.len()];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, computed);
    Ok(computed.ct_eq(expected).into())
}

fn outcome(verified: password_hash::Result<()>) -> Result<bool, PasswordError> {
    match verified {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by crypt(3), by CPython's hashlib and by the reference implementation of argon2.
    #[test]
    fn hashes_made_elsewhere_are_verified() {
        let ours = "Correct horse 🐎";
        let cases = [
            (
                ours,
                "$5$saltstring$pXSERekljaG6e6lTf0wIFUUe0jWmT0d5yjJQ/kArUl8",
            ),
            (
                ours,
                "$5$rounds=1400$anotherlongsalts$iJGfNH6OMZtm.iB5BNpvlhzgP2VVVYZAEq35winm9.A",
            ),
            (
                ours,
                "$6$saltstring$aq6/bu9yATyYciU8k3zGe8tULewp.TbBKx1O1HUt7A8PmPRwuYop.l4F4M89ID0gJWGj\
                 5eJbAA8zDPPCX/4os.",
            ),
            (
                ours,
                "$6$rounds=10000$saltstringsaltst$xWam6vneSjnEa8aI3Sa3KnPtvAaid7gquvMdT2yjZPe8AstUh\
                 QtOH8fTbf8s3PWsUIBStzNTJzUpoqV7Ni404.",
            ),
            (
                ours,
                "$2b$05$abcdefghijklmnopqrstuutnpSwtHwcVU/p4go0tWzD07GlZAY4yS",
            ),
            (
                ours,
                "$2y$05$abcdefghijklmnopqrstuutnpSwtHwcVU/p4go0tWzD07GlZAY4yS",
            ),
            (
                ours,
                "$aioftps3$c2FsdCBhcyBpdCBzdGFuZHM=$2ZaIeTiOmDnKxSqzsMn0OVbsHHhdeG+FaT+AQEL/vKk=",
            ),
            (
                ours,
                "$pbkdf2-sha256$i=1000,l=32$c29tZSBzYWx0IGJ5dGVzIQ$xzhrj2yXpdIfJeuGEUgVf14qjln3SPI\
                 rDqyRkiX8bNI",
            ),
            (
                ours,
                "$pbkdf2-sha256$29000$.//.c2FsdA$eUPLrPKNedrRftwr0sPyvaXXlVTI8x2O.6jIh0UL/IY",
            ),
            (
                "password",
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2G\
                 RPPc",
            ),
            (
                "password",
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeB\
                 btA",
            ),
        ];
        for (password, encoded) in cases {
            assert_eq!(verify(encoded, password), Ok(true), "{encoded}");
            assert_eq!(verify(encoded, "password "), Ok(false), "{encoded}");
        }
    }

    #[test]
    fn what_was_hashed_here_is_verified_here() {
        let encoded = hash("p").unwrap();
        assert!(
            encoded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{encoded}"
        );
        assert_eq!(verify(&encoded, "p"), Ok(true));
        assert_eq!(verify(&encoded, "q"), Ok(false));
        assert_ne!(encoded, hash("p").unwrap());
    }

    #[test]
    fn hostile_hashes_are_refused_before_any_work() {
        use PasswordError::{Malformed, TooCostly, UnknownForm};
        let hash = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let cases = [
            (String::new(), UnknownForm),
            ("plain".to_owned(), UnknownForm),
            ("$1$salt$hash".to_owned(), UnknownForm),
            ("$".repeat(2000), Malformed),
            (
                format!("$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ${hash}"),
                TooCostly,
            ),
            (
                format!("$argon2id$v=19$m=65536,t=4000,p=1$c29tZXNhbHQ${hash}"),
                TooCostly,
            ),
            ("$argon2id$v=19$m=65536".to_owned(), Malformed),
            (
                "$2b$31$abcdefghijklmnopqrstuutnpSwtHwcVU/p4go0tWzD07GlZAY4yS".to_owned(),
                TooCostly,
            ),
            ("$2b$x$".to_owned(), Malformed),
            ("$6$rounds=999999999$salt$hash".to_owned(), TooCostly),
            ("$6$rounds=x$salt$hash".to_owned(), Malformed),
            ("$6$salt".to_owned(), Malformed),
            (
                format!("$pbkdf2-sha256$i=4000000000$c2FsdA${hash}"),
                TooCostly,
            ),
            (format!("$pbkdf2-sha256$i=0$c2FsdA${hash}"), Malformed),
            ("$pbkdf2-sha256$i=1000$c2FsdA$AA".to_owned(), Malformed),
            ("$aioftps3$salt".to_owned(), Malformed),
            ("$aioftps3$salt$!".to_owned(), Malformed),
        ];
        for (encoded, expected) in cases {
            assert_eq!(verify(&encoded, "password"), Err(expected), "{encoded}");
        }
    }
}
