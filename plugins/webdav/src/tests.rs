//! The plugin against the SDK's host.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use wharf_plugin::http::{Error, Response};
use wharf_plugin::testing;

use super::*;

const ROOT: &str = "https://dav.example.com/files";

fn plugin(settings: &Value) -> Result<WebDav, Problems> {
    testing::set_config(&settings.to_string());
    WebDav::start()
}

fn ordinary() -> WebDav {
    testing::set_secret("cloud", "hush");
    let settings = json!({ "url": ROOT, "user": "harbour", "password": "cloud" });
    plugin(&settings).expect("the settings are right")
}

fn answer(method: &str, path: &str, status: u16) {
    let url = format!("{ROOT}{path}");
    testing::answer_http(method, &url, Ok(Response::new(status)));
}

/// What PROPFIND tells of these files, and of the collection that is named first.
fn tell(path: &str, names: &[(&str, u64)]) {
    let mut text = String::from("<multistatus xmlns=\"DAV:\">");
    if path.ends_with('/') {
        text += &format!(
            "<response><href>/files{path}</href><propstat><prop><resourcetype><collection/>\
             </resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>"
        );
    }
    for (name, size) in names {
        text += &format!(
            "<response><href>/files{path}{name}</href><propstat><prop>\
             <getcontentlength>{size}</getcontentlength></prop>\
             <status>HTTP/1.1 200 OK</status></propstat></response>"
        );
    }
    let response = Response::new(207).body(text + "</multistatus>");
    testing::answer_http("PROPFIND", &format!("{ROOT}{path}"), Ok(response));
}

fn requests() -> Vec<String> {
    let requests = testing::http_requests();
    let line = |request: &wharf_plugin::http::Request| {
        let path = request.url.strip_prefix(ROOT).unwrap_or(&request.url);
        format!("{} {path}", request.method)
    };
    requests.iter().map(line).collect()
}

#[test]
fn a_directory_in_pages_is_asked_for_once() {
    let webdav = ordinary();
    tell(
        "/d/",
        &[("c", 3), ("a", 1), ("b%20b", 2), ("x%2Fy", 9), ("%FF", 9)],
    );
    let first = webdav.browse("d", 2, None).unwrap();
    let names = |page: &Page| -> Vec<String> {
        page.entries
            .iter()
            .map(|entry| entry.name.clone())
            .collect()
    };
    assert_eq!(
        (names(&first), first.next.as_deref()),
        (vec!["a".into(), "b b".into()], Some("b b"))
    );
    let second = webdav.browse("d", 2, Some("b b")).unwrap();
    assert_eq!((names(&second), second.next), (vec!["c".into()], None));
    assert_eq!(requests(), ["PROPFIND /d/"]);
    // Another instance, or somebody who took his time, looks again.
    let again = ordinary().browse("d", 2, Some("b b")).unwrap();
    assert_eq!(names(&again), ["c"]);
}

#[test]
fn the_collection_of_uploads_is_nobodys() {
    let webdav = ordinary();
    tell("/", &[("a", 1), (".wharf-uploads", 0)]);
    let page = webdav.browse("", 10, None).unwrap();
    assert_eq!(page.entries.len(), 1);
    for key in [".wharf-uploads", ".wharf-uploads/x"] {
        assert_eq!(webdav.stat(key), Err(StorageError::NotFound));
        assert_eq!(webdav.open(key, 0).err(), Some(StorageError::NotFound));
        let denied = Err(StorageError::PermissionDenied);
        assert_eq!(webdav.make_directory(key), denied);
        assert_eq!(webdav.0.place(&format!("{ROOT}/a"), key, true), denied);
    }
    requests();
    tell("/a", &[("", 7)]);
    let denied = Err(StorageError::PermissionDenied);
    assert_eq!(webdav.rename("a", ".wharf-uploads/a", true), denied);
    assert_eq!(requests(), ["PROPFIND /a"]);
}

#[test]
fn who_answers_for_another_path_is_told() {
    let webdav = ordinary();
    let response = "<multistatus xmlns=\"DAV:\"><response><href>/</href></response></multistatus>";
    let response = Response::new(207).body(response);
    testing::answer_http("PROPFIND", &format!("{ROOT}/d/"), Ok(response));
    let error = webdav.browse("d", 10, None).err();
    assert!(matches!(error, Some(StorageError::Failed(text)) if text.contains("another path")));
}

#[test]
fn every_request_has_the_credentials() {
    let webdav = ordinary();
    tell("/a", &[("", 7)]);
    assert_eq!(webdav.stat("a").unwrap().size, 7);
    let header = |request: &wharf_plugin::http::Request| request.headers[0].clone();
    let basic = (
        "authorization".to_owned(),
        "Basic aGFyYm91cjpodXNo".to_owned(),
    );
    assert_eq!(header(&testing::http_requests()[0]), basic);
    let bearer = plugin(&json!({ "url": ROOT, "token": "cloud" })).unwrap();
    assert_eq!(bearer.stat("a").unwrap().size, 7);
    let bearer = ("authorization".to_owned(), "Bearer hush".to_owned());
    assert_eq!(header(&testing::http_requests()[0]), bearer);
}

#[test]
fn an_answer_decides_what_a_client_hears() {
    let webdav = ordinary();
    for (status, expected) in [
        (401, "NotGranted"),
        (404, "NotFound"),
        (423, "locked"),
        (403, "PermissionDenied"),
        (507, "QuotaExceeded"),
        (414, "InvalidName"),
        (500, "Failed"),
    ] {
        // The last answer is given again and again, so each has its turn as the second of two.
        answer("DELETE", "/a", status);
        tell("/a", &[("", 7)]);
        webdav.delete("a").ok();
        let outcome = format!("{:?}", webdav.delete("a"));
        assert!(outcome.contains(expected), "{status}: {outcome}");
    }
    testing::answer_http("PROPFIND", &format!("{ROOT}/b"), Err(Error::TimedOut));
    assert!(matches!(webdav.stat("b"), Err(StorageError::Failed(_))));
}

#[test]
fn a_name_behind_a_proxy_is_said_in_another_way() {
    let webdav = ordinary();
    tell("/a", &[("", 7)]);
    answer("MOVE", "/a", 502);
    answer("MOVE", "/a", 201);
    assert_eq!(webdav.rename("a", "b c", true), Ok(()));
    let destination = |request: &wharf_plugin::http::Request| {
        let headers = request.headers.iter();
        let mut values = headers.filter(|(name, _)| name == "destination");
        values.next().map(|(_, value)| value.clone())
    };
    let destinations: Vec<_> = testing::http_requests()
        .iter()
        .filter_map(destination)
        .collect();
    assert_eq!(
        destinations,
        [format!("{ROOT}/b%20c"), "/files/b%20c".into()]
    );
}

#[test]
fn what_the_server_lost_is_not_published() {
    testing::set_now(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let webdav = ordinary();
    tell("/", &[]);
    tell("/.wharf-uploads/", &[]);
    let mut upload = webdav.begin_upload("a", Start::Replace, None).unwrap();
    upload.write(b"0123").unwrap();
    assert_eq!(upload.read(1, 9).unwrap(), b"123");
    assert_eq!(requests(), ["PROPFIND /", "PROPFIND /.wharf-uploads/"]);
    // No answer to PUT is there: the server is gone.
    assert!(upload.publish("a", true).is_err());
}

#[test]
fn every_problem_is_named_with_its_key() {
    testing::set_secret("cloud", "hush");
    for (settings, expected) in [
        (
            json!({ "url": "cloud.example.com", "staging": "../x" }),
            vec!["url", "staging"],
        ),
        (json!({ "url": ROOT, "user": "bob" }), vec!["user"]),
        (
            json!({ "url": ROOT, "user": "a:b", "password": "cloud" }),
            vec!["user"],
        ),
        (
            json!({ "url": ROOT, "user": "bob", "password": "x" }),
            vec!["password"],
        ),
        (json!({ "url": ROOT, "token": "x" }), vec!["token"]),
        (
            json!({ "url": ROOT, "sweep-after": 5 }),
            vec!["sweep-after"],
        ),
    ] {
        let problems = plugin(&settings).err().expect("they are wrong");
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|found| found.key.as_deref())
            .collect();
        assert_eq!(keys, expected, "{settings}");
    }
}

#[test]
fn what_deserves_attention_is_shown() {
    testing::set_secret("cloud", "hush");
    for (settings, expected) in [
        (json!({ "url": ROOT, "token": "cloud" }), None),
        (json!({ "url": ROOT }), Some("user")),
        (json!({ "url": "http://h/", "token": "cloud" }), Some("url")),
    ] {
        let warnings = plugin(&settings).expect("they are right").warnings();
        let key = warnings.iter().find_map(|found| found.key.as_deref());
        assert_eq!(key, expected);
    }
}

#[test]
fn the_example_is_right() {
    testing::set_secret("cloud", "hush");
    let example: toml::Table = include_str!("../webdav.toml").parse().unwrap();
    let webdav = plugin(&serde_json::to_value(&example["config"]).unwrap());
    assert_eq!(
        webdav.expect("the example is right").warnings(),
        Problems::new()
    );
}
