// Where a path leads.
#include <stdlib.h>

#include "bindings.h"

// A directory that all share, beside what the grant shows.
bool exports_wharf_plugin_path_mapper_mounts(
    exports_wharf_plugin_path_mapper_borrow_session_t client,
    exports_wharf_plugin_path_mapper_list_mount_t *ret,
    exports_wharf_plugin_path_mapper_failure_t *err) {
  (void)client;
  ret->len = 1;
  ret->ptr = calloc(1, sizeof *ret->ptr);
  if (ret->ptr == NULL) {
    err->tag = WHARF_PLUGIN_TYPES_FAILURE_INTERNAL;
    bindings_string_dup(&err->val.internal, "no memory");
    return false;
  }
  bindings_string_dup(&ret->ptr->directory, "/shared");
  bindings_string_dup(&ret->ptr->target.sink, "local");
  bindings_string_dup(&ret->ptr->target.key, "shared");
  ret->ptr->allow =
      WHARF_PLUGIN_TYPES_OPERATIONS_BROWSE | WHARF_PLUGIN_TYPES_OPERATIONS_STAT |
      WHARF_PLUGIN_TYPES_OPERATIONS_CHANGE_DIRECTORY | WHARF_PLUGIN_TYPES_OPERATIONS_DOWNLOAD;
  return true;
}

// Only asked below mounts that are dynamic.
bool exports_wharf_plugin_path_mapper_locate(
    exports_wharf_plugin_path_mapper_borrow_session_t client,
    exports_wharf_plugin_path_mapper_operation_t what, bindings_string_t *path,
    exports_wharf_plugin_path_mapper_resolution_t *ret,
    exports_wharf_plugin_path_mapper_failure_t *err) {
  (void)client, (void)what, (void)err;
  ret->tag = EXPORTS_WHARF_PLUGIN_PATH_MAPPER_RESOLUTION_PASS;
  bindings_string_free(path);
  return true;
}
