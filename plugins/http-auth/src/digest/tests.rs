//! The examples of the standards. What they hold was also computed with another implementation.

use wharf_plugin::testing;

use super::*;

/// One example: the challenge, who answers it with what, and the proof.
struct Example {
    challenge: &'static str,
    user: &'static str,
    password: &'static str,
    cnonce: &'static str,
    uri: &'static str,
    response: &'static str,
}

const EXAMPLES: &[Example] = &[
    // RFC 7616, section 3.9.1.
    Example {
        challenge: r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5,
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
        user: "Mufasa",
        password: "Circle of Life",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        uri: "/dir/index.html",
        response: "8ca523f5e9506fed4657c9700eebdbec",
    },
    Example {
        challenge: r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256,
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v""#,
        user: "Mufasa",
        password: "Circle of Life",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        uri: "/dir/index.html",
        response: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    },
    // Section 3.9.2, with the digest of erratum 4897.
    Example {
        challenge: r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256,
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", charset=UTF-8, userhash=true"#,
        user: "J\u{e4}s\u{f8}n Doe",
        password: "Secret, or not?",
        cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        uri: "/doe.json",
        response: "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
    },
    // RFC 2617, section 3.5.
    Example {
        challenge: r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#,
        user: "Mufasa",
        password: "Circle Of Life",
        cnonce: "0a4f113b",
        uri: "/dir/index.html",
        response: "6629fae49393a05397450978507c4ef1",
    },
    // RFC 2069, section 2.4, with the digest of its erratum.
    Example {
        challenge: r#"Digest realm="testrealm@host.com",
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#,
        user: "Mufasa",
        password: "CircleOfLife",
        cnonce: "",
        uri: "/dir/index.html",
        response: "1949323746fe6a43ef61f9606e7febea",
    },
];

fn nonce(challenge: &str) -> Nonce {
    let mut response = Response::new(401);
    let value = challenge.replace('\n', " ");
    response.headers.push(("www-authenticate".into(), value));
    Nonce {
        count: 1,
        ..Nonce::new(Challenge::first(&response).expect("it can be answered"))
    }
}

fn proof(user: &str, secret: &str) -> Proof {
    Proof {
        user: user.into(),
        secret: secret.into(),
    }
}

#[test]
fn the_examples_of_the_standards_hold() {
    for example in EXAMPLES {
        let nonce = Nonce {
            cnonce: example.cnonce.into(),
            ..nonce(example.challenge)
        };
        let proof = proof(example.user, example.password);
        let url = format!("https://www.example.org{}", example.uri);
        let value = nonce.authorization(&Request::get(url), &proof).unwrap();
        let response = format!("response=\"{}\"", example.response);
        assert!(value.contains(&response), "{value}");
    }
}

#[test]
fn a_name_is_written_as_the_service_can_take_it() {
    let base = "Digest realm=\"api@example.org\", nonce=\"n\", qop=\"auth\"";
    let utf8 = format!("{base}, charset=utf-8");
    let hashed = format!("{base}, algorithm=SHA-512-256, userhash=true");
    for (challenge, user, expected) in [
        (base, "alice", "Digest username=\"alice\", realm="),
        (base, "a\"b\\c", "Digest username=\"a\\\"b\\\\c\", realm="),
        (&utf8, "alice", "Digest username=\"alice\", realm="),
        (
            &utf8,
            "J\u{e4}s\u{f8}n",
            "Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm=",
        ),
        (
            base,
            "J\u{e4}s\u{f8}n",
            "Digest username=\"J\u{e4}s\u{f8}n\", realm=",
        ),
        (
            &hashed,
            "J\u{e4}s\u{f8}n Doe",
            "Digest username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\", \
             userhash=true, realm=",
        ),
    ] {
        let request = Request::get("https://example.org/");
        let value = nonce(challenge)
            .authorization(&request, &proof(user, "x"))
            .unwrap();
        assert!(value.starts_with(expected), "{value}");
    }
}

#[test]
fn what_was_not_offered_is_not_said() {
    let request = Request::get("https://example.org?a=b#c");
    let old = nonce("Digest realm=r, nonce=n").authorization(&request, &proof("a", "b"));
    let old = old.unwrap();
    for word in ["qop", "nc=", "cnonce", "algorithm", "opaque", "userhash"] {
        assert!(!old.contains(word), "{old}");
    }
    assert!(old.contains("uri=\"?a=b\""), "{old}");
    let new = nonce("Digest realm=r, nonce=n, qop=auth-int, algorithm=SHA-256-sess, opaque=\"o\"");
    let new = new.authorization(&request, &proof("a", "b")).unwrap();
    for words in [
        "qop=auth-int, nc=00000001, cnonce=\"",
        ", algorithm=SHA-256-sess",
        ", opaque=\"o\"",
    ] {
        assert!(new.contains(words), "{new}");
    }
}

/// The service's answers in turn, and what becomes of the question.
fn asked(answers: &[(u16, &str)], nonce: &mut Option<Nonce>) -> String {
    let url = "https://example.org/";
    testing::http_requests();
    for (status, challenge) in answers {
        let mut response = Response::new(*status);
        let header = ("www-authenticate".into(), (*challenge).into());
        response.headers.push(header);
        testing::answer_http("GET", url, Ok(response));
    }
    let service = Service {
        timeout: std::time::Duration::from_secs(1),
        redirects: 0,
        denied: vec![401, 403],
        headers: Vec::new(),
    };
    let endpoint = Endpoint {
        method: "GET".into(),
        url: url.into(),
    };
    match ask(&service, &endpoint, &proof("a", "b"), nonce) {
        Ok(Verdict::Accepted(_)) => "accepted".into(),
        Ok(Verdict::Refused(_)) => "refused".into(),
        Err(failure) => failure.to_string(),
    }
}

const FIRST: (u16, &str) = (401, "Digest realm=r, nonce=1, qop=auth");
const SECOND: (u16, &str) = (401, "Digest realm=r, nonce=2, qop=auth");
const STALE: (u16, &str) = (401, "Digest realm=r, nonce=2, qop=auth, stale=true");
const YES: (u16, &str) = (200, "");

#[test]
fn a_question_ends_with_an_answer() {
    let old = || Some(nonce(FIRST.1));
    for (answers, before, expected) in [
        (&[FIRST, YES][..], None, "accepted"),
        (&[FIRST, FIRST], None, "refused"),
        (&[FIRST, STALE, YES], None, "accepted"),
        (
            &[FIRST, STALE, STALE],
            None,
            "unavailable: it takes none of its own nonces",
        ),
        (&[FIRST, (403, "")], None, "refused"),
        (&[FIRST, (401, "")], None, "refused"),
        (&[FIRST, (503, "")], None, "unavailable: it answered 503"),
        (
            &[YES],
            None,
            "misconfigured: it answers 200 to whoever asks",
        ),
        (
            &[(404, "")],
            None,
            "unavailable: it answered 404 and asked for no digest",
        ),
        (
            &[(401, "Basic realm=r")],
            None,
            "misconfigured: it asks for no digest that is known here",
        ),
        (&[YES], old(), "accepted"),
        (&[STALE, YES], old(), "accepted"),
        (&[SECOND, YES], old(), "accepted"),
        (&[SECOND, SECOND], old(), "refused"),
        (&[(401, "")], old(), "refused"),
    ] {
        // The last answer is given again and again, and each thread has a host of its own.
        let mut nonce = before.clone();
        let run = std::thread::scope(|scope| {
            let asked = scope.spawn(|| asked(answers, &mut nonce));
            asked.join().expect("it answers")
        });
        assert_eq!(run, expected, "{answers:?} after {before:?}");
    }
}

#[test]
fn answers_to_one_nonce_are_counted() {
    let mut nonce = None;
    asked(&[FIRST, YES], &mut nonce);
    asked(&[YES], &mut nonce);
    let requests = testing::http_requests();
    let sent = &requests[0].headers[0].1;
    assert!(
        sent.contains("nonce=\"1\"") && sent.contains("nc=00000002"),
        "{sent}"
    );
    assert!(!format!("{requests:?}").contains(sent.as_str()));
}
