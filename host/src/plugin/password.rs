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
/// The least that bcrypt is defined for.
const MIN_BCRYPT_COST: u32 = 4;
/// The least of SHA-crypt; crypt(3) takes less for this.
const MIN_SHA_CRYPT_ROUNDS: u32 = 1000;
/// Of SHA-crypt: a tenth of what crypt(3) allows, about one second.
const MAX_SHA_CRYPT_ROUNDS: u32 = 1_000_000;
/// Of PBKDF2: twice those of aioftps3.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// Of the hash that PBKDF2 gives, in bytes.
const MAX_PBKDF2_HASH: usize = 64;
/// Fixed by aioftps3.
const AIOFTPS3_ROUNDS: u32 = 1_000_000;

/// Whether `password` is what was `encoded`. Takes up to seconds: not for a thread that serves
/// connections.
pub fn verify(encoded: &str, password: &str) -> Result<bool, PasswordError> {
    let encoded = Encoded::parse(encoded)?;
    if password.len() > MAX_PASSWORD {
        return Ok(false);
    }
    encoded.is_of(password)
}

/// How a password was `encoded`: what costs the same to verify has the same text. Takes no time,
/// and tells nothing of salt and hash.
pub fn inspect(encoded: &str) -> Result<String, PasswordError> {
    Encoded::parse(encoded).map(|encoded| encoded.scheme())
}

/// A PHC string of argon2id with a random salt, at the cost that OWASP recommends (19 MiB, two
/// passes).
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(password.as_bytes())?
        .to_string())
}

/// An encoded password that can be verified, within the bounds.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack of who verifies"
)]
enum Encoded<'e> {
    Argon2 {
        hash: PasswordHash,
        params: Params,
    },
    Bcrypt {
        encoded: &'e str,
        cost: u32,
    },
    /// With the number of rounds in it.
    ShaCrypt {
        encoded: String,
        form: &'e str,
        rounds: u32,
    },
    Pbkdf2 {
        salt: Vec<u8>,
        rounds: u32,
        hash: Vec<u8>,
    },
}

impl<'e> Encoded<'e> {
    fn parse(encoded: &'e str) -> Result<Self, PasswordError> {
        if encoded.len() > MAX_ENCODED {
            return Err(PasswordError::Malformed);
        }
        let form = encoded
            .strip_prefix('$')
            .and_then(|rest| rest.split_once('$'));
        match form.ok_or(PasswordError::UnknownForm)? {
            ("argon2id" | "argon2i", _) => Self::argon2(encoded),
            ("2a" | "2b" | "2x" | "2y", _) => Self::bcrypt(encoded),
            (form @ ("5" | "6"), rest) => Self::sha_crypt(form, rest),
            ("pbkdf2-sha256", rest) => Self::pbkdf2(rest),
            ("aioftps3", rest) => Self::aioftps3(rest),
            _ => Err(PasswordError::UnknownForm),
        }
    }

    fn argon2(encoded: &str) -> Result<Self, PasswordError> {
        let hash = PasswordHash::new(encoded).map_err(|_| PasswordError::Malformed)?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(PasswordError::Malformed);
        }
        let params = Params::try_from(&hash).map_err(|_| PasswordError::Malformed)?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if params.m_cost() > MAX_ARGON2_MEMORY || work > MAX_ARGON2_WORK {
            return Err(PasswordError::TooCostly);
        }
        Ok(Self::Argon2 { hash, params })
    }

    fn bcrypt(encoded: &'e str) -> Result<Self, PasswordError> {
        let parts: ::bcrypt::HashParts = encoded.parse().map_err(|_| PasswordError::Malformed)?;
        match parts.get_cost() {
            cost if cost < MIN_BCRYPT_COST => Err(PasswordError::Malformed),
            cost if cost > MAX_BCRYPT_COST => Err(PasswordError::TooCostly),
            cost => Ok(Self::Bcrypt { encoded, cost }),
        }
    }

    /// `[rounds=ROUNDS$]SALT$HASH`
    fn sha_crypt(form: &'e str, rest: &str) -> Result<Self, PasswordError> {
        // crypt(3) means 5000 where nothing is said, the crate means its own recommendation.
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(given) => given.split_once('$').ok_or(PasswordError::Malformed)?,
            None => ("5000", rest),
        };
        let rounds: u32 = rounds.parse().map_err(|_| PasswordError::Malformed)?;
        if rounds > MAX_SHA_CRYPT_ROUNDS {
            return Err(PasswordError::TooCostly);
        }
        let (salt, hash) = rest.split_once('$').ok_or(PasswordError::Malformed)?;
        // 32 or 64 bytes in the base64 of crypt(3).
        let length = if form == "5" { 43 } else { 86 };
        let is_base64 = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
            text.bytes().all(fits)
        };
        let well_formed = is_base64(salt) && is_base64(hash) && hash.len() == length;
        if rounds < MIN_SHA_CRYPT_ROUNDS || !well_formed {
            return Err(PasswordError::Malformed);
        }
        let encoded = format!("${form}$rounds={rounds}${rest}");
        Ok(Self::ShaCrypt {
            encoded,
            form,
            rounds,
        })
    }

    /// `i=ROUNDS[,l=LENGTH]$SALT$HASH` as PHC has it, or `ROUNDS$SALT$HASH` as passlib has it,
    /// whose base64 has `.` for `+`.
    fn pbkdf2(rest: &str) -> Result<Self, PasswordError> {
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
        Self::bounded_pbkdf2(decode(salt)?, rounds, decode(hash)?)
    }

    fn aioftps3(rest: &str) -> Result<Self, PasswordError> {
        let (salt, hash) = rest.rsplit_once('$').ok_or(PasswordError::Malformed)?;
        let hash = STANDARD
            .decode(hash)
            .map_err(|_| PasswordError::Malformed)?;
        Self::bounded_pbkdf2(salt.as_bytes().to_vec(), AIOFTPS3_ROUNDS, hash)
    }

    fn bounded_pbkdf2(salt: Vec<u8>, rounds: u32, hash: Vec<u8>) -> Result<Self, PasswordError> {
        // A short hash would be guessed; a long one only costs more.
        if !(16..=MAX_PBKDF2_HASH).contains(&hash.len()) || rounds == 0 {
            return Err(PasswordError::Malformed);
        }
        if rounds > MAX_PBKDF2_ROUNDS {
            return Err(PasswordError::TooCostly);
        }
        Ok(Self::Pbkdf2 { salt, rounds, hash })
    }

    fn is_of(&self, password: &str) -> Result<bool, PasswordError> {
        let password = password.as_bytes();
        match self {
            Self::Argon2 { hash, .. } => outcome(Argon2::default().verify_password(password, hash)),
            Self::Bcrypt { encoded, .. } => {
                ::bcrypt::verify(password, encoded).map_err(|_| PasswordError::Malformed)
            }
            Self::ShaCrypt { encoded, .. } => {
                let verifier = ::sha_crypt::ShaCrypt::default();
                outcome(verifier.verify_password(password, encoded.as_str()))
            }
            Self::Pbkdf2 { salt, rounds, hash } => {
                let mut computed = [0; MAX_PBKDF2_HASH];
                let computed = &mut computed[..hash.len()];
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, computed);
                Ok(computed.ct_eq(hash).into())
            }
        }
    }

    fn scheme(&self) -> String {
        match self {
            Self::Argon2 { hash, params } => {
                let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
                format!("{} m={m},t={t},p={p}", hash.algorithm)
            }
            Self::Bcrypt { cost, .. } => format!("bcrypt {cost}"),
            Self::ShaCrypt { form, rounds, .. } if *form == "5" => {
                format!("sha256-crypt {rounds}")
            }
            Self::ShaCrypt { rounds, .. } => format!("sha512-crypt {rounds}"),
            // Each 32 bytes of the hash cost all rounds.
            Self::Pbkdf2 { rounds, hash, .. } => {
                format!(
                    "pbkdf2-sha256 {}",
                    u64::from(*rounds) * hash.len().div_ceil(32) as u64
                )
            }
        }
    }
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
            ("$2b$12$tooshort".to_owned(), Malformed),
            (
                "$2b$03$abcdefghijklmnopqrstuutnpSwtHwcVU/p4go0tWzD07GlZAY4yS".to_owned(),
                Malformed,
            ),
            ("$6$salt$tooshort".to_owned(), Malformed),
            (format!("$6$salt${hash}"), Malformed),
            (format!("$5$rounds=10$salt${hash}"), Malformed),
            (format!("$5$sa lt${hash}"), Malformed),
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
            assert_eq!(inspect(&encoded), Err(expected), "{encoded}");
        }
    }

    #[test]
    fn what_costs_the_same_is_told_alike() {
        let hash = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let bcrypt = "abcdefghijklmnopqrstuutnpSwtHwcVU/p4go0tWzD07GlZAY4yS";
        let cases = [
            (
                vec![format!("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ${hash}")],
                "argon2id m=65536,t=2,p=1",
            ),
            (
                vec![format!("$2a$05${bcrypt}"), format!("$2b$05${bcrypt}")],
                "bcrypt 5",
            ),
            (
                vec![
                    format!("$5$salt${hash}"),
                    format!("$5$rounds=5000$salt${hash}"),
                ],
                "sha256-crypt 5000",
            ),
            (vec![format!("$6$salt${hash}{hash}")], "sha512-crypt 5000"),
            (
                vec![
                    "$aioftps3$salt$2ZaIeTiOmDnKxSqzsMn0OVbsHHhdeG+FaT+AQEL/vKk=".to_owned(),
                    format!("$pbkdf2-sha256$i=1000000,l=32$c2FsdA${hash}"),
                    format!("$pbkdf2-sha256$1000000$c2FsdA${hash}"),
                ],
                "pbkdf2-sha256 1000000",
            ),
        ];
        for (alike, scheme) in cases {
            for encoded in alike {
                assert_eq!(inspect(&encoded).as_deref(), Ok(scheme), "{encoded}");
            }
        }
    }
}
