"""Who logs in: the users of the settings, with passwords that the host verifies."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import authenticator as login
from wit_world.imports import config, crypto, types
from wit_world.imports.grants import Grant
from wit_world.imports.types import Denial, DenialReason
from wit_world.imports.types import Operations as May

ALLOWED = (
    May.BROWSE | May.STAT | May.CHANGE_DIRECTORY | May.DOWNLOAD | May.UPLOAD | May.OVERWRITE
    | May.APPEND | May.DELETE | May.RENAME | May.MAKE_DIRECTORY | May.REMOVE_DIRECTORY
)


class Authenticator(exports.Authenticator):
    def begin(self, client, user):
        """USER. Everybody is asked for a password, so that nobody learns which users there are."""
        return login.Step_Ask(login.Prompt(login.PromptKind.PASSWORD, None, b""))

    def answer(self, client, user, given, continuation):
        """PASS"""
        settings = json.loads(config.json())
        users = settings.get("users", {})
        # An unknown user's password is verified too, in vain, and takes as long.
        account = users.get(user) or next(iter(users.values()), None)
        right = (
            isinstance(given, login.Credential_Password)
            and account is not None
            and verified(account["password"], given.value)
        )
        if user not in users or not right:
            return login.Step_Deny(Denial(DenialReason.CREDENTIALS, None, None))
        grant = Grant(user)
        grant.set_root(settings.get("sink", "local"), account["root"])
        grant.allow("/**", ALLOWED)
        return login.Step_Grant(grant)


def verified(encoded, password):
    """"No" is an answer; that there is none is a failure, which is raised."""
    try:
        return crypto.verify_password(encoded, password)
    except Err as error:
        why = f"a password cannot be verified: {type(error.value).__name__}"
        raise Err(types.Failure_Misconfigured(why)) from error
