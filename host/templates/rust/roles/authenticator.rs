//! Who logs in: the users of the settings, with passwords that the host verifies.

use wharf_plugin::{
    Authenticator, Credential, Denial, Failure, Grant, Operations, Session, Step, crypto,
};

use crate::Settings;

impl Authenticator for Settings {
    // USER: everybody is asked for a password, unless `begin` is written here too.

    /// PASS
    fn answer(
        &self,
        _session: &Session<'_>,
        user: &str,
        credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        let Credential::Password(password) = credential else {
            return Ok(Step::Deny(Denial::credentials()));
        };
        let known = self.users.get(user);
        // An unknown user's password is verified too, in vain, and takes as long.
        let Some(account) = known.or_else(|| self.users.values().next()) else {
            return Ok(Step::Deny(Denial::credentials()));
        };
        let right = crypto::verify_password(&account.password, &password)?;
        if known.is_none() || !right {
            return Ok(Step::Deny(Denial::credentials()));
        }
        let grant = Grant::new(user).root(&self.sink, &account.root);
        Ok(Step::Grant(grant.allow("/**", Operations::ALL)))
    }
}
