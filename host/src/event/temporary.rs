//! Names under which clients store what is not complete yet.

/// How such names end, in any case: those of curl and browsers, WinSCP, Cyberduck, rclone, lftp and
/// of the scripts that operators write.
const ENDINGS: [&str; 9] = [
    ".part",
    ".partial",
    ".filepart",
    ".tmp",
    ".temp",
    ".crdownload",
    ".cyberduckpart",
    ".uploading",
    "~",
];

/// Whether `name`, the last part of a path, says that the file will be renamed when it is complete.
/// So does a leading dot (rsync, lftp's `.in.`): a name like `.htaccess` is taken for temporary
/// too.
pub fn is_temporary(name: &str) -> bool {
    let ends_with = |ending: &&str| {
        let at = name.len().checked_sub(ending.len());
        at.and_then(|at| name.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    name.starts_with('.') || ENDINGS.iter().any(ends_with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_told_apart() {
        let temporary = [
            "report.pdf.part",
            "a.PARTIAL",
            "x.filepart",
            "x.tmp",
            ".in.x.pdf",
            ".x.pdf.Zk3Q9a",
            "x~",
            ".part",
        ];
        let lasting = [
            "report.pdf",
            "x.parts",
            "part",
            "tmp",
            "a.tmp.gz",
            "",
            "é",
            "part.pdf",
        ];
        for name in temporary {
            assert!(is_temporary(name), "{name}");
        }
        for name in lasting {
            assert!(!is_temporary(name), "{name}");
        }
    }
}
