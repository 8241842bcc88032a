//! What the host offers, as `testing` plays it: state, sinks, cryptography, time.

use std::time::{Duration, UNIX_EPOCH};

use wharf_plugin::crypto::{self, Algorithm, hex};
use wharf_plugin::testing::{self};
use wharf_plugin::{
    Entry, EntryKind, Failure, Location, Password, StorageError, clock, secrets, sinks, state,
};

#[test]
fn state_lasts_as_long_as_it_is_told_to() {
    testing::set_now(UNIX_EPOCH);
    let minute = Some(Duration::from_secs(60));
    state::set("short", b"a", minute).unwrap();
    state::set("long", b"b", None).unwrap();
    assert_eq!(state::increment("count", 2, minute), Ok(2));
    testing::advance(Duration::from_secs(59));
    assert_eq!(state::get("short"), Ok(Some(b"a".to_vec())));
    // The lifetime is that of the first time.
    assert_eq!(state::increment("count", -3, minute), Ok(-1));
    testing::advance(Duration::from_secs(1));
    assert_eq!(state::get("short"), Ok(None));
    assert_eq!(state::increment("count", 1, minute), Ok(1));
    assert_eq!(state::get("long"), Ok(Some(b"b".to_vec())));
    assert_eq!(clock::now(), UNIX_EPOCH + Duration::from_secs(60));
    assert_eq!(clock::elapsed(), Duration::from_secs(60));
}

#[test]
fn state_is_swapped_only_for_what_is_expected() {
    assert_eq!(state::swap("key", Some(b"a"), b"b"), Ok(false));
    assert_eq!(state::swap("key", None, b"a"), Ok(true));
    assert_eq!(state::swap("key", None, b"b"), Ok(false));
    assert_eq!(state::swap("key", Some(b"a"), b"b"), Ok(true));
    assert_eq!(state::get("key"), Ok(Some(b"b".to_vec())));
    state::remove("key").unwrap();
    assert_eq!(state::get("key"), Ok(None));
}

#[test]
fn state_fails_as_it_is_told_to() {
    for (error, failure) in [
        (state::Error::NotGranted, "misconfigured"),
        (state::Error::TooLarge, "internal"),
        (state::Error::Quota, "unavailable"),
        (state::Error::Unavailable("gone".into()), "unavailable"),
    ] {
        testing::fail_state(Some(error.clone()));
        assert_eq!(state::get("key"), Err(error.clone()));
        assert!(Failure::from(error).to_string().starts_with(failure));
    }
    testing::fail_state(None);
    assert_eq!(state::get("key"), Ok(None));
}

#[test]
fn sinks_hold_files_in_directories() {
    testing::set_now(UNIX_EPOCH);
    let root = Location::new("local", "");
    for key in ["a", "b/c", "b/d", "bc"] {
        sinks::put(&root.join(key), key.as_bytes()).unwrap();
    }
    sinks::put(&Location::new("other", "z"), b"z").unwrap();
    let entry = |name: &str, kind, size| Entry {
        name: name.into(),
        kind,
        size,
        modified: Some(UNIX_EPOCH),
    };
    let page = sinks::browse(&root, 2, None).unwrap();
    let expected = [
        entry("a", EntryKind::File, 1),
        entry("b", EntryKind::Directory, 0),
    ];
    assert_eq!(page.entries, expected);
    let page = sinks::browse(&root, 2, page.next.as_deref()).unwrap();
    assert_eq!(page.entries, [entry("bc", EntryKind::File, 2)]);
    assert_eq!(page.next, None);

    assert_eq!(
        sinks::stat(&root.join("b")),
        Ok(entry("b", EntryKind::Directory, 0))
    );
    sinks::copy(&root.join("b/c"), &root.join("e")).unwrap();
    assert_eq!(sinks::read(&root.join("e"), 1, 100), Ok(b"/c".to_vec()));
    assert_eq!(sinks::read(&root.join("e"), 9, 100), Ok(Vec::new()));
    sinks::delete(&root.join("e")).unwrap();
    assert_eq!(sinks::delete(&root.join("e")), Err(StorageError::NotFound));
    assert_eq!(testing::file(&root.join("a")), Some(b"a".to_vec()));
}

/// RFC 6234, RFC 4231 and RFC 2202.
#[test]
fn digests_are_the_real_ones() {
    let digest = |algorithm| hex(&crypto::digest(algorithm, b"abc").unwrap());
    assert_eq!(digest(Algorithm::Md5), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(
        digest(Algorithm::Sha1),
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
    assert!(digest(Algorithm::Sha256).starts_with("ba7816bf8f01cfea"));
    assert!(digest(Algorithm::Sha512).starts_with("ddaf35a193617aba"));

    let mac = |algorithm| {
        crypto::hmac(algorithm, b"Jefe", b"what do ya want for nothing?").map(|mac| hex(&mac))
    };
    let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    assert_eq!(mac(Algorithm::Sha1).unwrap(), sha1);
    assert!(
        mac(Algorithm::Sha256)
            .unwrap()
            .starts_with("5bdcc146bf60754e")
    );
    assert!(
        mac(Algorithm::Sha512)
            .unwrap()
            .starts_with("164b7a7bfcf819e2")
    );
    assert!(mac(Algorithm::Md5).is_err());
}

/// RFC 6238, appendix B, the last six of its eight digits.
#[test]
fn one_time_codes_follow_the_clock() {
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    testing::set_now(UNIX_EPOCH + Duration::from_secs(1_111_111_109));
    assert_eq!(testing::totp(secret), "081804");
    let step = Some(1_111_111_109 / 30);
    assert_eq!(crypto::verify_totp(secret, "081804", 0), Ok(step));
    testing::advance(Duration::from_secs(30));
    assert_eq!(crypto::verify_totp(secret, "081804", 0), Ok(None));
    assert_eq!(crypto::verify_totp(secret, "081804", 1), Ok(step));
    assert!(crypto::verify_totp("0", "081804", 1).is_err());
}

#[test]
fn passwords_are_hashed_to_what_verifies() {
    let password = Password::new("open");
    let encoded = crypto::hash_password(&password).unwrap();
    assert_eq!(crypto::verify_password(&encoded, &password), Ok(true));
    assert_eq!(crypto::inspect_password(&encoded), Ok("argon2id".into()));
    let (first, second) = (crypto::random(40), crypto::random(40));
    assert!(first.len() == 40 && first != second);
    assert_eq!(crypto::random(1 << 20).len(), 64 * 1024);
}

#[test]
fn a_secret_is_not_shown() {
    assert_eq!(secrets::get("token"), Err(secrets::Error::NotGranted));
    testing::set_secret("token", "hush");
    let token = secrets::get("token").unwrap();
    assert_eq!(token.expose(), "hush");
    assert!(!format!("{token:?}").contains("hush"));
}
