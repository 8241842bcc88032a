// Whether an operation may be done, and where.
#include <string.h>

#include "bindings.h"

static bool ends_with(const bindings_string_t *text, const char *end) {
  size_t length = strlen(end);
  return text->len >= length && memcmp(text->ptr + text->len - length, end, length) == 0;
}

// What ends in `.keep` is not deleted.
bool exports_wharf_plugin_storage_guard_before(
    exports_wharf_plugin_storage_guard_borrow_session_t client,
    exports_wharf_plugin_storage_guard_intent_t *what,
    exports_wharf_plugin_storage_guard_decision_t *ret,
    exports_wharf_plugin_storage_guard_failure_t *err) {
  (void)client, (void)err;
  memset(ret, 0, sizeof *ret);
  ret->tag = EXPORTS_WHARF_PLUGIN_STORAGE_GUARD_DECISION_ALLOW;
  if (what->what == WHARF_PLUGIN_TYPES_OPERATION_DELETE && ends_with(&what->path, ".keep")) {
    ret->tag = EXPORTS_WHARF_PLUGIN_STORAGE_GUARD_DECISION_DENY;
    ret->val.deny.reason = WHARF_PLUGIN_TYPES_DENIAL_REASON_POLICY;
  }
  exports_wharf_plugin_storage_guard_intent_free(what);
  return true;
}
