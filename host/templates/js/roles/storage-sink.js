// A whole storage back end: small files in one directory, kept in the plugin's state.
//
// What lasts lies in the back end, and never in an instance, of which there are several: here a
// value for each content, and one for the list of files. Whoever changes that list decides.
import * as state from "wharf:plugin/state@1.0.0";

// Of a file, in bytes: a value of the state is not larger.
const LARGEST = 64 * 1024;

// A class of the contract is a class here, too. Nothing tells when the host drops one.
class Reader {
  constructor(rest) {
    this.rest = rest;
  }

  read(length) {
    const piece = this.rest.slice(0, length);
    this.rest = this.rest.subarray(length);
    return piece;
  }
}

// What came of a file that nobody sees yet. A larger one would go to the back end meanwhile.
class Upload {
  content = new Uint8Array();

  write(piece) {
    const before = this.content;
    if (before.length + piece.length > LARGEST) throw { tag: "quota-exceeded" };
    this.content = new Uint8Array(before.length + piece.length);
    this.content.set(before);
    this.content.set(piece, before.length);
  }

  publish(key, replace) {
    check(key);
    const file = { id: asked(() => state.increment("contents", 1n)), size: this.content.length };
    asked(() => state.set(contentOf(file), this.content));
    let replaced = file;
    try {
      replaced = change((files) => put(files, key, file, replace));
    } finally {
      // What there was before; what has just come, if it is not wanted.
      if (replaced) forget(replaced);
    }
    return entry(key, "file", file.size);
  }

  discard() {
    this.content = new Uint8Array();
  }

  read(offset, length) {
    return this.content.slice(Number(offset), Number(offset) + length);
  }
}

export const storageSink = {
  Reader,
  Upload,

  // What is not named is not asked for: to append and resume, directories, times.
  features() {
    return ["rename", "read-back"];
  },

  stat(key) {
    return key === "" ? entry("", "directory", 0) : entry(key, "file", find(key).size);
  },

  // `after` is what the page before had as `next`: here its last name.
  browse(key, limit, after) {
    if (key !== "") {
      find(key);
      throw { tag: "not-directory" };
    }
    const names = [...list().files].sort(([one], [other]) => (one < other ? -1 : 1));
    const rest = names.filter(([name]) => after === undefined || name > after);
    const page = rest.slice(0, limit);
    return {
      entries: page.map(([name, { size }]) => entry(name, "file", size)),
      next: rest.length > page.length ? page.at(-1)?.[0] : undefined,
    };
  },

  open(key, offset) {
    if (key === "") throw { tag: "is-directory" };
    const content = asked(() => state.get(contentOf(find(key))));
    // Somebody else has just removed it.
    if (content === undefined) throw { tag: "not-found" };
    return new Reader(content.subarray(Number(offset)));
  },

  beginUpload(key, _at, _sizeHint) {
    check(key);
    return new Upload();
  },

  delete(key) {
    forget(change((files) => removed(files, key)));
  },

  rename(source, target, replace) {
    check(target);
    const replaced = change((files) => put(files, target, removed(files, source), replace));
    if (replaced) forget(replaced);
  },

  // Not among the features.
  makeDirectory(_key) {
    throw { tag: "unsupported" };
  },
  removeDirectory(_key) {
    throw { tag: "unsupported" };
  },
  setModified(_key, _modifiedMs) {
    throw { tag: "unsupported" };
  },

  // In bytes; nobody knows.
  available() {
    return undefined;
  },
};

// The list by names, and the value that it is read from: `ID SIZE NAME` in each line.
function list() {
  const value = asked(() => state.get("files"));
  const files = new Map();
  for (const line of new TextDecoder().decode(value).split("\n")) {
    const [, id, size, name] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
    if (name) files.set(name, { id, size: Number(size) });
  }
  return { value, files };
}

function find(key) {
  return removed(list().files, key);
}

function removed(files, key) {
  const file = files.get(key);
  if (!file) throw { tag: "not-found" };
  files.delete(key);
  return file;
}

// What had the name is returned.
function put(files, name, file, replace) {
  const before = files.get(name);
  if (before && !replace) throw { tag: "exists" };
  files.set(name, file);
  return before;
}

// Changes the list; once more, where somebody else has changed it meanwhile.
function change(changed) {
  for (;;) {
    const { value, files } = list();
    const result = changed(files);
    const lines = [...files].map(([name, { id, size }]) => `${id} ${size} ${name}\n`);
    const after = new TextEncoder().encode(lines.join(""));
    if (asked(() => state.swap("files", value, after))) return result;
  }
}

// Nothing but the one directory is there to store into.
function check(key) {
  if (key.includes("/")) throw { tag: "not-found" };
}

function entry(name, kind, size) {
  return { name, kind, size: BigInt(size) };
}

function contentOf({ id }) {
  return `content/${id}`;
}

// Nothing leads to it any more: if it cannot be removed, it takes room and does no harm.
function forget(file) {
  try {
    state.remove(contentOf(file));
  } catch {}
}

// Asks the state; what it cannot do, in the terms of storage.
function asked(question) {
  try {
    return question();
  } catch (error) {
    // No answer of the host, but a fault in here.
    if (!error.payload) throw error;
    const { tag, val } = error.payload;
    if (tag === "quota" || tag === "too-large") throw { tag: "no-space" };
    if (tag === "not-granted") throw { tag, val: "`[allow] state` is missing" };
    throw { tag: "failed", val };
  }
}
