//! Tests of the decoder: lines, telnet's controls, bounds, and any chunking.

use proptest::prelude::*;

use super::*;

/// The events of `bytes`, pushed in chunks of `chunk` bytes and drained whenever there is no room.
fn events(bytes: &[u8], chunk: usize) -> Vec<Event> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for mut bytes in bytes.chunks(chunk) {
        while !bytes.is_empty() {
            let taken = decoder.push(bytes);
            bytes = &bytes[taken..];
            assert!(decoder.buffer.len() <= MAX_BUFFERED_BYTES);
            if decoder.room() == 0 {
                let event = decoder.next_event();
                assert!(
                    event.is_some() || decoder.room() > 0,
                    "neither an event nor room"
                );
                events.extend(event);
            }
        }
    }
    events.extend(std::iter::from_fn(|| decoder.next_event()));
    events
}

/// Pushes what there is room for.
fn push(decoder: &mut Decoder, bytes: &[u8]) {
    assert_eq!(decoder.push(bytes), bytes.len());
}

fn line(text: &[u8]) -> Event {
    Event::Line(Line(text.to_vec()))
}

#[test]
fn lines_free_of_telnet() {
    for (bytes, expected) in [
        (&b"NOOP\r\n"[..], &[&b"NOOP"[..]][..]),
        (b"NOOP\n", &[b"NOOP"]),
        (b"\r\n\n", &[b"", b""]),
        (b"A\r\nB\nC", &[b"A", b"B"]),
        (b"A\rB\r\r\n", &[b"A\rB\r"]),
        ("RETR 📁 ä\r\n".as_bytes(), &["RETR 📁 ä".as_bytes()]),
        // The ways in which ABOR comes: whole, and with one byte taken out as urgent.
        (b"\xff\xf4\xff\xf2ABOR\r\n", &[b"ABOR"]),
        (b"\xff\xf4\xffABOR\r\n", &[b"ABOR"]),
        (b"\xff\xf4\xf2ABOR\r\n", &[b"ABOR"]),
        (b"\xff\xf4\xff\xff\xf2ABOR\r\n", &[b"\xff\xf2ABOR"]),
        (b"\xf4\xf2ABOR\r\n", &[b"ABOR"]),
        (b"\xf2ABOR\r\n", &[b"ABOR"]),
        (b"NOOP\r\n\xf2ABOR\r\n", &[b"NOOP", b"ABOR"]),
        (
            b"\xff\xfb\x01\xff\xfc\x01\xff\xfd\xff\xff\xfe\nNOOP\r\n",
            &[b"NOOP"],
        ),
        (b"\xff\xfaNOOP\xff\xf0\r\n", &[b"NOOP"]),
        (b"RETR a\xff\xffb\r\n", &[b"RETR a\xffb"]),
        // Inside a line these bytes begin characters of four bytes.
        (
            "RETR \u{80000}\u{100000}\r\n".as_bytes(),
            &["RETR \u{80000}\u{100000}".as_bytes()],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|text| line(text)).collect();
        for chunk in [1, 2, 3, 100] {
            assert_eq!(
                events(bytes, chunk),
                expected,
                "{bytes:x?} in chunks of {chunk}"
            );
        }
    }
}

#[test]
fn a_line_too_long_is_told_once_and_skipped() {
    let longest = vec![b'a'; MAX_LINE_BYTES];
    for (length, end, expected) in [
        (MAX_LINE_BYTES, &b"\r\n"[..], line(&longest)),
        (MAX_LINE_BYTES, b"\n", line(&longest)),
        (MAX_LINE_BYTES + 1, b"\n", Event::TooLong),
        (MAX_LINE_BYTES + 1, b"\r\n", Event::TooLong),
        (1 << 20, b"\r\n", Event::TooLong),
    ] {
        let bytes = [&vec![b'a'; length], end, b"NOOP\r\n"].concat();
        for chunk in [1, 1000, 8192, 8194, 1 << 21] {
            let expected = [expected.clone(), line(b"NOOP")];
            assert_eq!(
                events(&bytes, chunk),
                expected,
                "{length} in chunks of {chunk}"
            );
        }
    }
}

#[test]
fn an_endless_line_needs_no_memory() {
    let mut decoder = Decoder::new();
    let mut told = 0;
    for _ in 0..1000 {
        assert_eq!(decoder.push(&[b'a'; 4096]), 4096);
        told += usize::from(decoder.next_event() == Some(Event::TooLong));
        assert!(decoder.buffer.capacity() <= 2 * MAX_BUFFERED_BYTES);
    }
    assert_eq!(told, 1);
    assert_eq!(decoder.buffer.capacity(), 0);
}

#[test]
fn no_more_is_taken_than_the_bound() {
    let mut decoder = Decoder::new();
    assert_eq!(
        decoder.push(&b"NOOP\r\n".repeat(10_000)),
        MAX_BUFFERED_BYTES
    );
    assert_eq!(decoder.room(), 0);
    assert_eq!(decoder.push(b"NOOP\r\n"), 0);
    assert_eq!(decoder.next_event(), Some(line(b"NOOP")));
    assert_eq!(decoder.room(), 6);
}

#[test]
fn there_is_room_for_a_full_line_whenever_nothing_is_told() {
    let mut decoder = Decoder::new();
    push(&mut decoder, &[b'a'; MAX_LINE_BYTES + 1]);
    assert_eq!(decoder.next_event(), None);
    assert!(decoder.room() > MAX_LINE_BYTES);
}

#[test]
fn nothing_is_held_while_nothing_waits() {
    let mut decoder = Decoder::new();
    push(&mut decoder, b"NOOP\r\nQUIT\r\n");
    assert_eq!(decoder.next_event(), Some(line(b"NOOP")));
    assert_eq!(decoder.next_event(), Some(line(b"QUIT")));
    assert_eq!((decoder.next_event(), decoder.buffer.capacity()), (None, 0));
}

#[test]
fn what_waits_in_clear_is_thrown_away() {
    for behind in [
        &b"USER eve\r\n"[..],
        b"USER eve",
        b"\xff",
        b"\xff\xfb",
        b"\x16\x03",
    ] {
        let mut decoder = Decoder::new();
        push(&mut decoder, b"AUTH TLS\r\n");
        push(&mut decoder, behind);
        assert_eq!(decoder.next_event(), Some(line(b"AUTH TLS")));
        decoder.discard();
        assert_eq!(decoder.next_event(), None);
        push(&mut decoder, b"USER bob\r\n");
        assert_eq!(decoder.next_event(), Some(line(b"USER bob")), "{behind:x?}");
    }
}

#[test]
fn a_tls_handshake_is_seen_before_any_line_ends() {
    assert_eq!(events(b"\x16\x03\x01\x02\x00\x01", 1), [Event::ClientHello]);
    let bytes = b"\x16\x03\x01\x0a\x16\x03\x01 and\nNOOP\n";
    let expected = [Event::ClientHello, Event::ClientHello, line(b"NOOP")];
    assert_eq!(events(bytes, 1), expected);
    assert_eq!(events(bytes, 100), expected);
}

#[test]
fn debug_shows_no_password() {
    let mut decoder = Decoder::new();
    push(&mut decoder, b"PASS horse\r\nPASS horse");
    assert_eq!(format!("{decoder:?}"), "Decoder(22 bytes)");
    assert_eq!(
        format!("{:?}", decoder.next_event()),
        "Some(Line(10 bytes))"
    );
    assert_eq!(format!("{decoder:?}"), "Decoder(10 bytes)");
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        bytes in proptest::collection::vec(
            prop_oneof![
                4 => Just(&b"NOOP\r\n"[..]), 2 => Just(&b"\n"[..]), 1 => Just(&b"\xff"[..]),
                1 => Just(&b"\xf2"[..]), 1 => Just(&b"\xf4"[..]), 1 => Just(&b"\xfb"[..]),
                1 => Just(&b"\x16\x03"[..]), 1 => Just(&[b'x'; 5000][..]),
            ],
            0..40,
        ),
        chunk in 1_usize..20_000,
    ) {
        let bytes = bytes.concat();
        let whole = events(&bytes, usize::MAX);
        prop_assert_eq!(&events(&bytes, chunk), &whole);
        prop_assert_eq!(&events(&bytes, 1), &whole);
        let bounded = |event: &Event| match event {
            Event::Line(line) => line.len() <= MAX_LINE_BYTES && !line.contains(&b'\n'),
            Event::TooLong | Event::ClientHello => true,
        };
        prop_assert!(whole.iter().all(bounded));
    }

    #[test]
    fn any_bytes_in_any_chunks(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), chunk in 1_usize..50,
    ) {
        prop_assert_eq!(events(&bytes, chunk), events(&bytes, usize::MAX));
    }
}
