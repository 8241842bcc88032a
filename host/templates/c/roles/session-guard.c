// Who may connect, and who may stay.
#include "bindings.h"

// Before the greeting. Nothing in `ret` lets the client in.
bool exports_wharf_plugin_session_guard_connect(
    exports_wharf_plugin_session_guard_borrow_session_t client,
    exports_wharf_plugin_session_guard_option_denial_t *ret,
    exports_wharf_plugin_session_guard_failure_t *err) {
  (void)client, (void)err;
  ret->is_some = false;
  return true;
}

// As often as the grant's `set_revalidate_every` says.
bool exports_wharf_plugin_session_guard_revalidate(
    exports_wharf_plugin_session_guard_borrow_session_t client,
    exports_wharf_plugin_session_guard_ruling_t *ret,
    exports_wharf_plugin_session_guard_failure_t *err) {
  (void)client, (void)err;
  ret->tag = EXPORTS_WHARF_PLUGIN_SESSION_GUARD_RULING_KEEP;
  return true;
}
