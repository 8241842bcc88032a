// What a listing shows.
#include "bindings.h"

// Hides what begins with a dot.
bool exports_wharf_plugin_listing_filter_shape(
    exports_wharf_plugin_listing_filter_borrow_session_t client, bindings_string_t *directory,
    exports_wharf_plugin_listing_filter_list_entry_t *page, bool last,
    exports_wharf_plugin_listing_filter_list_entry_t *ret,
    exports_wharf_plugin_listing_filter_failure_t *err) {
  (void)client, (void)last, (void)err;
  size_t kept = 0;
  for (size_t at = 0; at < page->len; at++) {
    bindings_string_t *name = &page->ptr[at].name;
    if (name->len > 0 && name->ptr[0] == '.') {
      bindings_string_free(name);
    } else {
      page->ptr[kept++] = page->ptr[at];
    }
  }
  *ret = *page;
  ret->len = kept;
  bindings_string_free(directory);
  return true;
}
