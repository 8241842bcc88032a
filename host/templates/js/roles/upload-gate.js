// What becomes of an upload before anybody sees it.

export const uploadGate = {
  // How much of the content is read in commit, which checksums it is given, and whether it ever
  // publishes elsewhere.
  needs() {
    return { content: { tag: "none" }, checksums: [], relocates: false };
  },

  // Nothing empty is stored.
  commit(_client, upload, _content) {
    if (upload.size === 0n) {
      const text = "The file is empty";
      return { tag: "discard", val: { reason: "content-rejected", text } };
    }
    return { tag: "publish" };
  },
};
