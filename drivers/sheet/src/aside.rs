//! Files that lie beside templates and fonts and are none: what editors and file managers keep for themselves.
//!
//! In: a path. Out: whether its name is such a one.
//! Not here: who passes them over (`src/bin/shirase-sheet/world.rs`, and who looks for changes).

use std::path::Path;

/// Whether a file is an editor's or a file manager's own: `.t.typ.swp`, `.#t.typ`, `#t.typ#`, `t.typ~`, `._t.typ`.
#[must_use]
pub fn is_aside(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with(['.', '#']) || name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_keep_is_aside_and_templates_words_and_fonts_are_not() {
        let is_aside = |name| is_aside(&Path::new("/etc/.shirase").join(name));
        let aside = [".t.typ.swp", ".#t.typ", "#t.typ#", "t.typ~", "._t.typ", ".DS_Store"];
        assert!(aside.into_iter().all(is_aside));
        assert!(
            !["t.typ", "ja.toml", "BIZUDGothic-Regular.ttf", "a#b.typ"].into_iter().any(is_aside)
        );
    }
}
