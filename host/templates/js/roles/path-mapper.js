// Where a path leads.

export const pathMapper = {
  // A directory that all share, beside what the grant shows.
  mounts(_client) {
    const target = { sink: "local", key: "shared" };
    const allow = { browse: true, stat: true, changeDirectory: true, download: true };
    return [{ directory: "/shared", target, allow, dynamic: false }];
  },

  // Only asked below mounts that are dynamic.
  locate(_client, _what, _path) {
    return { tag: "pass" };
  },
};
