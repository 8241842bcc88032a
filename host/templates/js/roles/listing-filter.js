// What a listing shows.

export const listingFilter = {
  // Hides what begins with a dot.
  shape(_client, _directory, page, _last) {
    return page.filter((entry) => !entry.name.startsWith("."));
  },
};
