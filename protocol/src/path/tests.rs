//! Tests of paths: tables, and that no argument ever leads out.

use proptest::prelude::*;

use super::*;

fn argument(text: &str) -> PathArgument {
    PathArgument::parse(text.as_bytes()).expect("a path argument")
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).expect("an absolute path")
}

#[test]
fn arguments_are_taken_as_they_are_or_refused() {
    for text in [
        "a",
        " a ",
        " ",
        "-x",
        "a\tb",
        "ä",
        "a\u{308}",
        "📁 \"q\"",
        "\\",
        "a\u{1}b",
    ] {
        assert_eq!(argument(text).as_str(), text);
    }
    for (bytes, error) in [
        (&b""[..], PathError::Empty),
        (b"a\rb", PathError::ForbiddenByte),
        (b"a\nb", PathError::ForbiddenByte),
        (b"a\0b", PathError::ForbiddenByte),
        (b"caf\xe9", PathError::NotUtf8),
        (b"\xff", PathError::NotUtf8),
        (&[b'a'; MAX_PATH_BYTES + 1], PathError::TooLong),
    ] {
        assert_eq!(PathArgument::parse(bytes), Err(error));
    }
    assert!(PathArgument::parse(&[b'a'; MAX_PATH_BYTES]).is_ok());
}

#[test]
fn joining_folds_and_stays_below_the_root() {
    for (from, to, expected) in [
        ("/", "a", "/a"),
        ("/a", "b", "/a/b"),
        ("/a", "/b", "/b"),
        ("/a", "b/", "/a/b"),
        ("/a/b", "..", "/a"),
        ("/a", "..", "/"),
        ("/", "..", "/"),
        ("/", "../../etc/passwd", "/etc/passwd"),
        ("/a", "./b//c/.", "/a/b/c"),
        ("/a", "/..//../x/../y", "/y"),
        ("/a", ".", "/a"),
        ("/a", "/", "/"),
        ("/a", "//", "/"),
        ("/a", "...", "/a/..."),
        ("/a", " .. ", "/a/ .. "),
        ("/a", "..b", "/a/..b"),
        ("/a", "~", "/a/~"),
        ("/a", "-x", "/a/-x"),
        ("/a", "./-x", "/a/-x"),
        ("/a", "b\\..\\c", "/a/b\\..\\c"),
    ] {
        assert_eq!(
            path(from).join(&argument(to)),
            Ok(path(expected)),
            "{from} and {to}"
        );
        assert_eq!(path(expected).as_str(), expected);
    }
}

#[test]
fn a_joined_path_is_bounded_too() {
    let deep = path(&format!("/{}", "a".repeat(MAX_PATH_BYTES - 1)));
    assert_eq!(deep.join(&argument("b")), Err(PathError::TooLong));
    assert_eq!(deep.join(&argument("../b")), Ok(path("/b")));
}

#[test]
fn a_configured_path_is_absolute() {
    assert_eq!(VirtualPath::parse("home/bob"), Err(PathError::Relative));
    assert_eq!(VirtualPath::parse(""), Err(PathError::Empty));
    assert_eq!(VirtualPath::parse("/home//bob/"), Ok(path("/home/bob")));
}

#[test]
fn parts() {
    for (text, parent, name, components) in [
        ("/", None, None, vec![]),
        ("/a", Some("/"), Some("a"), vec!["a"]),
        ("/a/b c", Some("/a"), Some("b c"), vec!["a", "b c"]),
    ] {
        assert_eq!(path(text).parent(), parent.map(path));
        assert_eq!(path(text).name(), name);
        assert_eq!(path(text).components().collect::<Vec<_>>(), components);
    }
}

proptest! {
    #[test]
    fn any_bytes_lead_to_a_normal_path_or_an_error(
        from in "(/[a-z.]{1,3}){0,3}", bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let from = path(&format!("/{from}"));
        if let Ok(joined) = PathArgument::parse(&bytes).and_then(|to| from.join(&to)) {
            assert_normal(&joined);
        }
    }

    #[test]
    fn any_sequence_of_dots_and_slashes_stays_below_the_root(text in "[./a]{1,40}") {
        let joined = path("/home/bob").join(&argument(&text)).expect("short");
        assert_normal(&joined);
        prop_assert_eq!(VirtualPath::parse(joined.as_str()), Ok(joined));
    }
}

fn assert_normal(path: &VirtualPath) {
    let text = path.as_str();
    assert!(
        text.starts_with('/') && (text == "/" || !text.ends_with('/')),
        "{text:?}"
    );
    assert!(!text.contains(is_forbidden), "{text:?}");
    if text != "/" {
        for component in text[1..].split('/') {
            assert!(!matches!(component, "" | "." | ".."), "{text:?}");
        }
    }
}
