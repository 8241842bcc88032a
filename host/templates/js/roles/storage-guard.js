// Whether an operation may be done, and where.

export const storageGuard = {
  // What ends in `.keep` is not deleted.
  before(_client, intent) {
    if (intent.what === "delete" && intent.path.endsWith(".keep")) {
      return { tag: "deny", val: { reason: "policy" } };
    }
    return { tag: "allow" };
  },
};
