// Hears of what happened.
#include <stdlib.h>

#include "bindings.h"

void exports_wharf_plugin_storage_events_subscribe(bindings_list_string_t *ret) {
  ret->ptr = calloc(1, sizeof *ret->ptr);
  ret->len = ret->ptr == NULL ? 0 : 1;
  if (ret->len == 1) bindings_string_dup(ret->ptr, "upload");
}

// The same event may come again, with the same id.
bool exports_wharf_plugin_storage_events_deliver(
    exports_wharf_plugin_storage_events_list_event_t *batch,
    exports_wharf_plugin_storage_events_failure_t *err) {
  (void)err;
  bindings_string_t message;
  bindings_string_set(&message, "stored");
  for (size_t at = 0; at < batch->len; at++) {
    exports_wharf_plugin_storage_events_event_t *event = &batch->ptr[at];
    bindings_tuple2_string_string_t told[2];
    bindings_string_set(&told[0].f0, "id");
    told[0].f1 = event->id;
    bindings_string_set(&told[1].f0, "path");
    bindings_string_set(&told[1].f1, "");
    if (event->path.is_some) told[1].f1 = event->path.val;
    bindings_list_tuple2_string_string_t fields = {told, 2};
    wharf_plugin_logging_write(WHARF_PLUGIN_LOGGING_LEVEL_INFO, &message, &fields);
  }
  exports_wharf_plugin_storage_events_list_event_free(batch);
  return true;
}
