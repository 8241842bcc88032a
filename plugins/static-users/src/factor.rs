//! The second factor: codes of six digits that change with time.

use wharf_plugin::{Failure, Password, crypto, secrets, state};

/// Steps of 30 s either way: clocks differ, and people type.
const WINDOW: u8 = 1;

/// How many digits a code has.
const DIGITS: usize = 6;

/// What a user's codes are made from.
pub enum Seed {
    /// In base32, as it stands in the settings.
    Text(String),
    /// The secret of this name.
    Named(String),
}

impl Seed {
    /// Whether the code is the user's, and was not used before.
    ///
    /// # Errors
    /// The seed cannot be had or used, or the state in which used codes are remembered.
    pub fn accepts(&self, user: &str, code: &str) -> Result<bool, Failure> {
        let step = match self {
            Self::Text(seed) => crypto::verify_totp(seed, code, WINDOW)?,
            Self::Named(name) => crypto::verify_totp(secrets::get(name)?.expose(), code, WINDOW)?,
        };
        match step {
            Some(step) => is_new(user, step),
            None => Ok(false),
        }
    }
}

/// Remembers that the user's code of this step is used up, unless it was, or a later one.
fn is_new(user: &str, step: u64) -> Result<bool, Failure> {
    let key = format!("totp/{user}");
    loop {
        let last = state::get(&key)?;
        let number = last
            .as_deref()
            .map(|last| str::from_utf8(last).map(str::parse));
        if let Some(Ok(Ok(last))) = number
            && step <= last
        {
            return Ok(false);
        }
        // Otherwise somebody logged in meanwhile, and is looked at; that cannot happen for ever, as
        // each time the step grows.
        if state::swap(&key, last.as_deref(), step.to_string().as_bytes())? {
            return Ok(true);
        }
    }
}

/// The password and the code that stands behind it, if one does.
pub fn split(given: &Password) -> Option<(Password, String)> {
    let text = given.expose();
    let at = text.len().checked_sub(DIGITS)?;
    let (password, code) = text.split_at_checked(at)?;
    let is_code = code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| (Password::new(password), code.to_owned()))
}
