// {{name}}: its settings are looked at here; each role has a file of its own.
#include <stdio.h>
#include <stdlib.h>

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

// An assertion that does not hold, in the host's log: the host itself only sees that the call
// stopped, and what is printed nobody sees.
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function) {
  char place[256];
  snprintf(place, sizeof place, "%s:%d", file, line);
  bindings_string_t message;
  bindings_string_set(&message, "asserted");
  bindings_tuple2_string_string_t told[3];
  bindings_string_set(&told[0].f0, "message");
  bindings_string_set(&told[0].f1, what);
  bindings_string_set(&told[1].f0, "at");
  bindings_string_set(&told[1].f1, place);
  bindings_string_set(&told[2].f0, "function");
  bindings_string_set(&told[2].f1, function);
  bindings_list_tuple2_string_string_t fields = {told, 3};
  wharf_plugin_logging_write(WHARF_PLUGIN_LOGGING_LEVEL_ERROR, &message, &fields);
  abort();
}
