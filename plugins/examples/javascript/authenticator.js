// Who logs in: the users of the settings, with passwords that the host verifies.
import { json } from "wharf:plugin/config@1.0.0";
import { verifyPassword } from "wharf:plugin/crypto@1.0.0";
import { Grant } from "wharf:plugin/grants@1.0.0";

// The host is there when a function is called, and not while this file is built.
const settings = () => ({ sink: "local", users: {}, ...JSON.parse(json()) });

const allowed = {
  browse: true, stat: true, changeDirectory: true, download: true, upload: true, overwrite: true,
  append: true, delete: true, rename: true, makeDirectory: true, removeDirectory: true,
};

export const authenticator = {
  // USER. Everybody is asked for a password, so that nobody learns which users there are.
  begin(_client, _user) {
    return { tag: "ask", val: { kind: "password", continuation: new Uint8Array() } };
  },

  // PASS
  answer(_client, user, given, _continuation) {
    const { sink, users } = settings();
    const known = Object.hasOwn(users, user);
    // An unknown user's password is verified too, in vain, and takes as long.
    const account = known ? users[user] : Object.values(users)[0];
    const right = given.tag === "password" && account && verified(account.password, given.val);
    if (!known || !right) {
      return { tag: "deny", val: { reason: "credentials" } };
    }
    const grant = new Grant(user);
    grant.setRoot(sink, account.root);
    grant.allow("/**", allowed);
    return { tag: "grant", val: grant };
  },
};

// "No" is an answer; that there is none is a failure, which is thrown.
function verified(encoded, password) {
  try {
    return verifyPassword(encoded, password);
  } catch (error) {
    // No answer of the host, but a fault in here.
    if (!error.payload) throw error;
    throw { tag: "misconfigured", val: `a password cannot be verified: ${error.payload.tag}` };
  }
}
