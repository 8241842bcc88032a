// {{name}}: its settings are looked at here; each role has a file of its own.
#include "bindings.h"

// What is wrong with the settings. An operator reads it at load.
void exports_wharf_plugin_lifecycle_validate(exports_wharf_plugin_lifecycle_list_problem_t *ret) {
  ret->ptr = NULL;
  ret->len = 0;
}

// Once per instance. Instances come and go: what must last belongs to the host.
bool exports_wharf_plugin_lifecycle_start(bindings_string_t *err) {
  (void)err;
  return true;
}
