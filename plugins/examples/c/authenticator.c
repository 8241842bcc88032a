// Who logs in: the users of the settings, with passwords that the host verifies.
//
// A function returns true with `ret`, or false with `err`. What it is given and what it returns is
// on the heap: the one it frees, the other the bindings free.
#include <stdio.h>
#include <string.h>

#include "bindings.h"

typedef exports_wharf_plugin_authenticator_step_t step_t;
typedef exports_wharf_plugin_authenticator_failure_t failure_t;

// Of a key of the settings; a user whose name does not fit is not known.
enum { KEY_MAX = 512 };

static const uint32_t ALLOWED =
    WHARF_PLUGIN_TYPES_OPERATIONS_BROWSE | WHARF_PLUGIN_TYPES_OPERATIONS_STAT |
    WHARF_PLUGIN_TYPES_OPERATIONS_CHANGE_DIRECTORY | WHARF_PLUGIN_TYPES_OPERATIONS_DOWNLOAD |
    WHARF_PLUGIN_TYPES_OPERATIONS_UPLOAD | WHARF_PLUGIN_TYPES_OPERATIONS_OVERWRITE |
    WHARF_PLUGIN_TYPES_OPERATIONS_APPEND | WHARF_PLUGIN_TYPES_OPERATIONS_DELETE |
    WHARF_PLUGIN_TYPES_OPERATIONS_RENAME | WHARF_PLUGIN_TYPES_OPERATIONS_MAKE_DIRECTORY |
    WHARF_PLUGIN_TYPES_OPERATIONS_REMOVE_DIRECTORY;

// The setting `users.USER.NAME`.
static bool setting(const bindings_string_t *user, const char *name, bindings_string_t *value) {
  char key[KEY_MAX];
  // A dot would lead into another table.
  if (memchr(user->ptr, '.', user->len) != NULL) return false;
  int length = snprintf(key, sizeof key, "users.%.*s.%s", (int)user->len, user->ptr, name);
  if (length < 0 || length >= KEY_MAX) return false;
  bindings_string_t asked = {(uint8_t *)key, (size_t)length};
  return wharf_plugin_config_get(&asked, value);
}

// Whether the password is the user's. An unknown user's is verified too, in vain, and takes as
// long: against a hash of the host's own form that fits nothing.
static bool verified(bindings_string_t *user, bindings_string_t *password, bool *right,
                     failure_t *err) {
  bindings_string_t encoded;
  bool known = setting(user, "password", &encoded);
  if (!known) {
    bindings_string_dup(&encoded,
                        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  }
  wharf_plugin_crypto_error_t error;
  bool answered = wharf_plugin_crypto_verify_password(&encoded, password, right, &error);
  bindings_string_free(&encoded);
  *right = answered && known && *right;
  if (!answered) {
    wharf_plugin_crypto_error_free(&error);
    err->tag = WHARF_PLUGIN_TYPES_FAILURE_MISCONFIGURED;
    bindings_string_dup(&err->val.misconfigured, "a password cannot be verified");
  }
  return answered;
}

// What the user sees and may do.
static void grant(bindings_string_t *user, step_t *ret) {
  bindings_string_t sink, root, pattern, asked;
  bindings_string_set(&asked, "sink");
  if (!wharf_plugin_config_get(&asked, &sink)) bindings_string_dup(&sink, "local");
  if (!setting(user, "root", &root)) bindings_string_dup_n(&root, (char *)user->ptr, user->len);
  ret->tag = EXPORTS_WHARF_PLUGIN_AUTHENTICATOR_STEP_GRANT;
  ret->val.grant = wharf_plugin_grants_constructor_grant(user);
  wharf_plugin_grants_borrow_grant_t borrowed = wharf_plugin_grants_borrow_grant(ret->val.grant);
  wharf_plugin_grants_method_grant_set_root(borrowed, &sink, &root);
  bindings_string_set(&pattern, "/**");
  wharf_plugin_grants_method_grant_allow(borrowed, &pattern, ALLOWED);
  bindings_string_free(&sink);
  bindings_string_free(&root);
}

// USER. Everybody is asked for a password, so that nobody learns which users there are.
bool exports_wharf_plugin_authenticator_begin(
    exports_wharf_plugin_authenticator_borrow_session_t client, bindings_string_t *user,
    step_t *ret, failure_t *err) {
  (void)client, (void)err;
  bindings_string_free(user);
  memset(ret, 0, sizeof *ret);
  ret->tag = EXPORTS_WHARF_PLUGIN_AUTHENTICATOR_STEP_ASK;
  ret->val.ask.kind = EXPORTS_WHARF_PLUGIN_AUTHENTICATOR_PROMPT_KIND_PASSWORD;
  return true;
}

// PASS
bool exports_wharf_plugin_authenticator_answer(
    exports_wharf_plugin_authenticator_borrow_session_t client, bindings_string_t *user,
    exports_wharf_plugin_authenticator_credential_t *given, bindings_list_u8_t *continuation,
    step_t *ret, failure_t *err) {
  (void)client;
  bool right = false, answered = true;
  memset(ret, 0, sizeof *ret);
  if (given->tag == EXPORTS_WHARF_PLUGIN_AUTHENTICATOR_CREDENTIAL_PASSWORD) {
    answered = verified(user, &given->val.password, &right, err);
  }
  if (right) {
    grant(user, ret);
  } else {
    ret->tag = EXPORTS_WHARF_PLUGIN_AUTHENTICATOR_STEP_DENY;
    ret->val.deny.reason = WHARF_PLUGIN_TYPES_DENIAL_REASON_CREDENTIALS;
  }
  bindings_string_free(user);
  exports_wharf_plugin_authenticator_credential_free(given);
  bindings_list_u8_free(continuation);
  return answered;
}
