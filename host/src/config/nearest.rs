//! What a misspelt word may have meant.

/// The one of `words` that is nearest to `word`, if any is near enough to be meant.
pub fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    // A third of a word may be wrong: `idle-timout` is near, `colour` is not near `color-depth`.
    let far_enough = 1 + word.chars().count() / 3;
    let word = word.to_lowercase().replace('_', "-");
    words
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, known), known))
        .filter(|(distance, _)| *distance <= far_enough)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
