// A whole storage back end: small files in one directory, kept in the plugin's state.
//
// What lasts lies in the back end, and never in an instance, of which there are several: here a
// value for each content, and one for the list of files. Whoever changes that list decides.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings.h"

typedef bindings_string_t text_t;
typedef bindings_list_u8_t bytes_t;
typedef exports_wharf_plugin_storage_sink_storage_error_t error_t;
typedef exports_wharf_plugin_storage_sink_entry_t entry_t;
typedef exports_wharf_plugin_storage_sink_reader_t reader_t;
typedef exports_wharf_plugin_storage_sink_upload_t upload_t;

// Of a file, in bytes: a value of the state is not larger.
enum { LARGEST = 64 * 1024 };
// Of a line of the list before its name: two numbers.
enum { NUMBERS_MAX = 48 };

// A file of the list: the number of its content, which no other has had, and its size.
typedef struct {
  int64_t id;
  uint64_t size;
  text_t name;
} file_t;

// A resource of the contract is a struct here. What is still to be read:
struct exports_wharf_plugin_storage_sink_reader_t {
  bytes_t content;
  size_t at;
};

// What came of a file that nobody sees yet. A larger one would go to the back end meanwhile.
struct exports_wharf_plugin_storage_sink_upload_t {
  bytes_t content;
};

static bool fails(error_t *err, uint8_t tag) {
  memset(err, 0, sizeof *err);
  err->tag = tag;
  return false;
}

// What the state could not do, in the terms of storage.
static bool refused(const wharf_plugin_state_error_t *why, error_t *err) {
  if (why->tag == WHARF_PLUGIN_STATE_ERROR_NOT_GRANTED) {
    fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NOT_GRANTED);
    bindings_string_dup(&err->val.not_granted, "`[allow] state` is missing");
    return false;
  }
  if (why->tag == WHARF_PLUGIN_STATE_ERROR_UNAVAILABLE) {
    fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_FAILED);
    err->val.failed = why->val.unavailable;
    return false;
  }
  return fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NO_SPACE);
}

// Without memory there is no answer: the host throws this instance away.
static void *room(size_t length) {
  void *room = malloc(length > 0 ? length : 1);
  if (room == NULL) abort();
  return room;
}

static void copy(bytes_t *ret, const uint8_t *from, size_t length) {
  *ret = (bytes_t){NULL, length};
  if (length > 0) ret->ptr = memcpy(room(length), from, length);
}

// At most `length` bytes from `offset` on.
static void piece(bytes_t *ret, const bytes_t *content, uint64_t offset, uint32_t length) {
  size_t start = offset < content->len ? (size_t)offset : content->len;
  size_t left = content->len - start;
  copy(ret, content->ptr + start, left < length ? left : length);
}

static void describe(entry_t *ret, const text_t *name, uint64_t size) {
  memset(ret, 0, sizeof *ret);
  bindings_string_dup_n(&ret->name, (const char *)name->ptr, name->len);
  ret->kind = name->len == 0 ? WHARF_PLUGIN_TYPES_ENTRY_KIND_DIRECTORY
                             : WHARF_PLUGIN_TYPES_ENTRY_KIND_FILE;
  ret->size = size;
}

static int compare(const text_t *one, const text_t *other) {
  size_t common = one->len < other->len ? one->len : other->len;
  int order = common > 0 ? memcmp(one->ptr, other->ptr, common) : 0;
  return order != 0 ? order : (one->len > other->len) - (one->len < other->len);
}

// Where a content is kept.
static text_t content_key(int64_t id, char room[NUMBERS_MAX]) {
  int length = snprintf(room, NUMBERS_MAX, "content/%lld", (long long)id);
  return (text_t){(uint8_t *)room, (size_t)length};
}

// Nothing leads to it any more: if it cannot be removed, it takes room and does no harm.
static void forget(int64_t id) {
  char room[NUMBERS_MAX];
  text_t key = content_key(id, room);
  wharf_plugin_state_error_t why;
  if (!wharf_plugin_state_remove(&key, &why)) wharf_plugin_state_error_free(&why);
}

// The list, `ID SIZE NAME` in each line in the order of the names; nothing at first.
static bool get_list(bindings_option_list_u8_t *ret, error_t *err) {
  text_t key;
  bindings_string_set(&key, "files");
  wharf_plugin_state_error_t why;
  if (!wharf_plugin_state_get(&key, ret, &why)) return refused(&why, err);
  if (!ret->is_some) ret->val = (bytes_t){NULL, 0};
  return true;
}

// The file in the line that begins at `*at`. Its name stands in the list itself.
static bool next(const bytes_t *list, size_t *at, file_t *file) {
  const char *line = (const char *)list->ptr + *at;
  const char *end = *at < list->len ? memchr(line, '\n', list->len - *at) : NULL;
  if (end == NULL) return false;
  char *rest;
  file->id = strtoll(line, &rest, 10);
  file->size = strtoull(rest, &rest, 10);
  file->name = (text_t){(uint8_t *)rest + 1, (size_t)(end - rest - 1)};
  *at += (size_t)(end - line) + 1;
  return true;
}

static bool find(const text_t *name, file_t *file, error_t *err) {
  bindings_option_list_u8_t list;
  if (!get_list(&list, err)) return false;
  bool found = false;
  for (size_t at = 0; !found && next(&list.val, &at, file);) {
    found = compare(&file->name, name) == 0;
  }
  file->name = *name;
  bindings_option_list_u8_free(&list);
  return found || fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NOT_FOUND);
}

static void append(bytes_t *list, const file_t *file) {
  char *end = (char *)list->ptr + list->len;
  int length = snprintf(end, NUMBERS_MAX, "%lld %llu ", (long long)file->id,
                        (unsigned long long)file->size);
  memcpy(end + length, file->name.ptr, file->name.len);
  end[(size_t)length + file->name.len] = '\n';
  list->len += (size_t)length + file->name.len + 1;
}

// The list without `gone` and with `put`; `replaced` is the content that had its name, or 0.
static bool edit(const bytes_t *list, const file_t *gone, const file_t *put, bytes_t *ret,
                 int64_t *replaced) {
  *ret = (bytes_t){room(list->len + (put == NULL ? 0 : NUMBERS_MAX + put->name.len + 1)), 0};
  bool was_there = gone == NULL;
  *replaced = 0;
  file_t file;
  size_t at = 0;
  while (next(list, &at, &file)) {
    int order = put == NULL ? -1 : compare(&file.name, &put->name);
    if (order > 0) {
      append(ret, put);
      put = NULL;
    }
    if (gone != NULL && gone->id == file.id) {
      was_there = true;
    } else if (order == 0) {
      *replaced = file.id;
    } else {
      append(ret, &file);
    }
  }
  if (put != NULL) append(ret, put);
  return was_there;
}

// Changes the list like that; once more, where somebody else has changed it meanwhile.
static bool change(const file_t *gone, const file_t *put, bool replace, int64_t *replaced,
                   error_t *err) {
  for (bool is_done = false, is_right = true; !is_done;) {
    bindings_option_list_u8_t before;
    if (!get_list(&before, err)) return false;
    bytes_t after;
    if (!edit(&before.val, gone, put, &after, replaced)) {
      is_right = fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NOT_FOUND);
    } else if (*replaced != 0 && !replace) {
      is_right = fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_EXISTS);
    } else {
      text_t key;
      bindings_string_set(&key, "files");
      wharf_plugin_state_error_t why;
      bytes_t *expected = before.is_some ? &before.val : NULL;
      is_right = wharf_plugin_state_swap(&key, expected, &after, &is_done, &why) ||
                 refused(&why, err);
    }
    bindings_option_list_u8_free(&before);
    free(after.ptr);
    if (!is_right) return false;
  }
  return true;
}

// Nothing but the one directory is there to store into.
static bool check(const text_t *key, error_t *err) {
  bool is_below = key->len > 0 && memchr(key->ptr, '/', key->len) != NULL;
  return !is_below || fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NOT_FOUND);
}

// What is not named is not asked for: to append and resume, directories, times.
void exports_wharf_plugin_storage_sink_features(bindings_list_string_t *ret) {
  *ret = (bindings_list_string_t){room(2 * sizeof *ret->ptr), 2};
  bindings_string_dup(&ret->ptr[0], "rename");
  bindings_string_dup(&ret->ptr[1], "read-back");
}

bool exports_wharf_plugin_storage_sink_stat(text_t *key, entry_t *ret, error_t *err) {
  file_t file = {0};
  bool is_there = key->len == 0 || find(key, &file, err);
  if (is_there) describe(ret, key, file.size);
  bindings_string_free(key);
  return is_there;
}

// `after` is what the page before had as `next`: here its last name.
bool exports_wharf_plugin_storage_sink_browse(text_t *key, uint32_t limit, text_t *after,
                                              exports_wharf_plugin_storage_sink_page_t *ret,
                                              error_t *err) {
  file_t file;
  bindings_option_list_u8_t list;
  bool is_read = false;
  if (key->len > 0) {
    if (find(key, &file, err)) fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NOT_DIRECTORY);
  } else if (get_list(&list, err)) {
    is_read = true;
    memset(ret, 0, sizeof *ret);
    // No more than there are: a line has five bytes at least.
    if (limit > list.val.len / 5) limit = (uint32_t)(list.val.len / 5);
    ret->entries.ptr = room(limit * sizeof *ret->entries.ptr);
    for (size_t at = 0; next(&list.val, &at, &file);) {
      if (after != NULL && compare(&file.name, after) <= 0) continue;
      ret->next.is_some = ret->entries.len == limit;
      if (ret->next.is_some) break;
      describe(&ret->entries.ptr[ret->entries.len++], &file.name, file.size);
    }
    if (ret->next.is_some && limit > 0) {
      text_t *last = &ret->entries.ptr[limit - 1].name;
      bindings_string_dup_n(&ret->next.val, (const char *)last->ptr, last->len);
    }
    if (ret->entries.len == 0) free(ret->entries.ptr);
    bindings_option_list_u8_free(&list);
  }
  bindings_string_free(key);
  if (after != NULL) bindings_string_free(after);
  return is_read;
}

bool exports_wharf_plugin_storage_sink_open(text_t *key, uint64_t offset,
                                            exports_wharf_plugin_storage_sink_own_reader_t *ret,
                                            error_t *err) {
  file_t file;
  bindings_option_list_u8_t content;
  bool is_open = false;
  if (key->len == 0) {
    fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_IS_DIRECTORY);
  } else if (find(key, &file, err)) {
    char room_of_key[NUMBERS_MAX];
    text_t where = content_key(file.id, room_of_key);
    wharf_plugin_state_error_t why;
    if (!wharf_plugin_state_get(&where, &content, &why)) {
      refused(&why, err);
    } else if (!content.is_some) {
      // Somebody else has just removed it.
      fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_NOT_FOUND);
    } else {
      is_open = true;
      reader_t *reader = room(sizeof *reader);
      reader->content = content.val;
      reader->at = offset < content.val.len ? (size_t)offset : content.val.len;
      *ret = exports_wharf_plugin_storage_sink_reader_new(reader);
    }
  }
  bindings_string_free(key);
  return is_open;
}

bool exports_wharf_plugin_storage_sink_method_reader_read(reader_t *self, uint32_t length,
                                                          bytes_t *ret, error_t *err) {
  (void)err;
  piece(ret, &self->content, self->at, length);
  self->at += ret->len;
  return true;
}

// The host has dropped it.
void exports_wharf_plugin_storage_sink_reader_destructor(reader_t *self) {
  bindings_list_u8_free(&self->content);
  free(self);
}

bool exports_wharf_plugin_storage_sink_begin_upload(
    text_t *key, exports_wharf_plugin_storage_sink_start_t *at, uint64_t *size_hint,
    exports_wharf_plugin_storage_sink_own_upload_t *ret, error_t *err) {
  (void)at, (void)size_hint;
  bool may_be = check(key, err);
  if (may_be) {
    upload_t *upload = room(sizeof *upload);
    upload->content = (bytes_t){NULL, 0};
    *ret = exports_wharf_plugin_storage_sink_upload_new(upload);
  }
  bindings_string_free(key);
  return may_be;
}

bool exports_wharf_plugin_storage_sink_method_upload_write(upload_t *self, bytes_t *piece,
                                                           error_t *err) {
  bytes_t *content = &self->content;
  bool fits = piece->len <= LARGEST - content->len;
  if (fits && piece->len > 0) {
    uint8_t *grown = realloc(content->ptr, content->len + piece->len);
    if (grown == NULL) abort();
    memcpy(grown + content->len, piece->ptr, piece->len);
    *content = (bytes_t){grown, content->len + piece->len};
  }
  bindings_list_u8_free(piece);
  return fits || fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_QUOTA_EXCEEDED);
}

// Keeps a content under a number of its own.
static bool keep(bytes_t *content, int64_t *id, error_t *err) {
  text_t key;
  bindings_string_set(&key, "contents");
  wharf_plugin_state_error_t why;
  if (!wharf_plugin_state_increment(&key, 1, NULL, id, &why)) return refused(&why, err);
  char room[NUMBERS_MAX];
  key = content_key(*id, room);
  return wharf_plugin_state_set(&key, content, NULL, &why) || refused(&why, err);
}

bool exports_wharf_plugin_storage_sink_method_upload_publish(upload_t *self, text_t *key,
                                                             bool replace, entry_t *ret,
                                                             error_t *err) {
  file_t file = {0, self->content.len, *key};
  int64_t replaced = 0;
  bool is_done = check(key, err) && keep(&self->content, &file.id, err);
  if (is_done) {
    is_done = change(NULL, &file, replace, &replaced, err);
    // What there was before; what has just come, if it is not wanted.
    int64_t unused = is_done ? replaced : file.id;
    if (unused != 0) forget(unused);
  }
  if (is_done) describe(ret, key, file.size);
  bindings_string_free(key);
  return is_done;
}

bool exports_wharf_plugin_storage_sink_method_upload_discard(upload_t *self, error_t *err) {
  (void)err;
  bindings_list_u8_free(&self->content);
  self->content = (bytes_t){NULL, 0};
  return true;
}

bool exports_wharf_plugin_storage_sink_method_upload_read(upload_t *self, uint64_t offset,
                                                          uint32_t length, bytes_t *ret,
                                                          error_t *err) {
  (void)err;
  piece(ret, &self->content, offset, length);
  return true;
}

// Published, discarded, or given up: the host has dropped it.
void exports_wharf_plugin_storage_sink_upload_destructor(upload_t *self) {
  bindings_list_u8_free(&self->content);
  free(self);
}

bool exports_wharf_plugin_storage_sink_delete(text_t *key, error_t *err) {
  file_t file;
  int64_t replaced;
  bool is_done = find(key, &file, err) && change(&file, NULL, true, &replaced, err);
  if (is_done) forget(file.id);
  bindings_string_free(key);
  return is_done;
}

bool exports_wharf_plugin_storage_sink_rename(text_t *source, text_t *target, bool replace,
                                              error_t *err) {
  file_t file;
  int64_t replaced = 0;
  bool is_done = check(target, err) && find(source, &file, err);
  if (is_done) {
    file_t moved = {file.id, file.size, *target};
    is_done = change(&file, &moved, replace, &replaced, err);
  }
  if (is_done && replaced != 0) forget(replaced);
  bindings_string_free(source);
  bindings_string_free(target);
  return is_done;
}

// Not among the features: these three are never asked.
bool exports_wharf_plugin_storage_sink_make_directory(text_t *key, error_t *err) {
  bindings_string_free(key);
  return fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_UNSUPPORTED);
}

bool exports_wharf_plugin_storage_sink_remove_directory(text_t *key, error_t *err) {
  bindings_string_free(key);
  return fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_UNSUPPORTED);
}

bool exports_wharf_plugin_storage_sink_set_modified(text_t *key, uint64_t modified_ms,
                                                    error_t *err) {
  (void)modified_ms;
  bindings_string_free(key);
  return fails(err, WHARF_PLUGIN_TYPES_STORAGE_ERROR_UNSUPPORTED);
}

// In bytes; nobody knows.
bool exports_wharf_plugin_storage_sink_available(bindings_option_u64_t *ret, error_t *err) {
  (void)err;
  ret->is_some = false;
  return true;
}
