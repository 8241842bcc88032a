// What becomes of an upload before anybody sees it.
#include <string.h>

#include "bindings.h"

// How much of the content is read in `commit`, which checksums it is given, and whether it ever
// publishes elsewhere: nothing, none, never.
void exports_wharf_plugin_upload_gate_needs(exports_wharf_plugin_upload_gate_demands_t *ret) {
  memset(ret, 0, sizeof *ret);
  ret->content.tag = EXPORTS_WHARF_PLUGIN_UPLOAD_GATE_CONTENT_NONE;
}

// Nothing empty is stored.
bool exports_wharf_plugin_upload_gate_commit(
    exports_wharf_plugin_upload_gate_borrow_session_t client,
    exports_wharf_plugin_upload_gate_upload_t *what,
    exports_wharf_plugin_upload_gate_borrow_staged_t content,
    exports_wharf_plugin_upload_gate_disposition_t *ret,
    exports_wharf_plugin_upload_gate_failure_t *err) {
  (void)client, (void)content, (void)err;
  memset(ret, 0, sizeof *ret);
  ret->tag = EXPORTS_WHARF_PLUGIN_UPLOAD_GATE_DISPOSITION_PUBLISH;
  if (what->size == 0) {
    ret->tag = EXPORTS_WHARF_PLUGIN_UPLOAD_GATE_DISPOSITION_DISCARD;
    ret->val.discard.reason = WHARF_PLUGIN_TYPES_DENIAL_REASON_CONTENT_REJECTED;
    ret->val.discard.text.is_some = true;
    bindings_string_dup(&ret->val.discard.text.val, "The file is empty");
  }
  exports_wharf_plugin_upload_gate_upload_free(what);
  return true;
}
