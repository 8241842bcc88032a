// Who may connect, and who may stay.

export const sessionGuard = {
  // Before the greeting. Nothing lets the client in; { reason: "address" } and the like do not.
  connect(_client) {
    return undefined;
  },

  // As often as the grant's setRevalidateEvery says.
  revalidate(_client) {
    return { tag: "keep" };
  },
};
