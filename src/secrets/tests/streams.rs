//! Streams: encodings, cuts, sizes, and the steps that hostile input costs.

use super::*;
use crate::report::{Limits, Rule};

#[test]
fn utf16_and_its_offsets() {
    for (kind, mark) in [(ContentKind::Utf16Le, [0xff, 0xfe]), (ContentKind::Utf16Be, [0xfe, 0xff])] {
        let text = format!("größe = 1\r\ntoken = {}", checked("ghp_"));
        let at = text.chars().take_while(|c| *c != 'p').count() - 2;
        let wide = text
            .encode_utf16()
            .flat_map(|unit| if kind == ContentKind::Utf16Le { unit.to_le_bytes() } else { unit.to_be_bytes() });
        let bytes: Vec<u8> = mark.into_iter().chain(wide).collect();
        let mut scanner = SecretScanner::sniffing("srv/a.txt");
        for byte in &bytes {
            scanner.push(&[*byte]);
        }
        let hits = scanner.finish().hits;
        assert_eq!(detectors(&hits), ["github-token"]);
        assert_eq!(hits[0].offset, 2 + 2 * at as u64);
    }
}

#[test]
fn the_cuts_of_a_stream_change_nothing() {
    let mut text = "x ".repeat(40_000);
    for (_, token) in tokens() {
        text.push_str(&token);
        text.push_str("\n.\n");
    }
    text.push_str(&"y ".repeat(40_000));
    for kind in [ContentKind::Text, ContentKind::Binary] {
        let whole = scan_as(kind, "srv/a", text.as_bytes());
        assert!(whole.len() > 15, "{}", whole.len());
        for size in [7, 4096, 65_536, 65_537, 98_304, 100_000] {
            let mut scanner = SecretScanner::new(kind, "srv/a");
            text.as_bytes().chunks(size).for_each(|chunk| scanner.push(chunk));
            assert_eq!(scanner.finish().hits, whole, "{size}");
        }
    }
}

#[test]
fn a_token_is_found_at_every_cut_and_at_every_place_of_a_block() {
    let token = checked("ghp_");
    let text = format!("..{token}..");
    for cut in 0..=text.len() {
        let mut scanner = SecretScanner::new(ContentKind::Text, "srv/a");
        scanner.push(&text.as_bytes()[..cut]);
        scanner.push(&text.as_bytes()[cut..]);
        let hits = scanner.finish().hits;
        assert_eq!((hits.len(), hits[0].offset), (1, 2), "{cut}");
    }
    for shift in 0..60 {
        let before = Limits::SECRET_BLOCK - 50 + shift;
        let text = format!("{}{text}{}", ".".repeat(before), ".".repeat(2 * Limits::SECRET_BLOCK));
        assert_eq!(scan("srv/a", &text)[0].offset, before as u64 + 2);
    }
}

#[test]
fn what_stands_before_a_keyword_is_seen_across_the_border_of_two_looks() {
    let openai = ["sk-", &noise(ALNUM, 20), "T3BlbkFJ", &noise(LETTERS, 20)].concat();
    let url = ["postgres://app:", &noise(ALNUM, 12), "@db.internal/x"].concat();
    for token in [openai, url] {
        let expected = detectors(&scan("srv/a", &token));
        assert_eq!(expected.len(), 1);
        // The first look ends where the last byte with a whole window is; chunks of one block make that a round number.
        let border = 2 * Limits::SECRET_BLOCK - Limits::SECRET_AHEAD;
        for shift in 0..=token.len() {
            let filler = ".".repeat(border - shift);
            let text = format!("{filler}\n{token}\n{}", ".".repeat(Limits::SECRET_BLOCK));
            assert_eq!(detectors(&scan_as(ContentKind::Text, "srv/a", text.as_bytes())), expected, "{shift}");
        }
    }
}

#[test]
fn a_line_of_megabytes_is_read_like_any_other() {
    let mut scanner = SecretScanner::sniffing("srv/a.js");
    let filler = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        scanner.push(&filler);
        scanner.push(format!(" {} ", checked("npm_")).as_bytes());
    }
    let hits = scanner.finish().hits;
    assert_eq!(hits.len(), 1, "the same secret eight times");
    assert_eq!(hits[0].offset, (1 << 20) + 1);
}

/// Input made to be slow: what begins as many tokens as it can and ends as none.
pub(super) fn hostile() -> Vec<String> {
    let mut inputs: Vec<String> = detectors::DETECTORS
        .iter()
        .flat_map(|detector| detector.keywords)
        .flat_map(|word| {
            [(*word).to_owned(), format!("{word} "), format!("{word}."), format!("{word}a."), format!("{word}a ")]
        })
        .collect();
    let dashes = "-".repeat(5);
    inputs.extend(tokens().into_iter().map(|(_, token)| token));
    inputs.extend([
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}\n"),
        format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}\nAAAA: "),
        "PuTTY-User-Key-File-2: a\nEncryption: none\n".to_owned(),
        "eyJ.eyJ.".to_owned(),
        "eyJhdXRocyI6 ".to_owned(),
        "a://b:c".to_owned(),
        "aa://".to_owned(),
        "sk-T3BlbkFJ".to_owned(),
        "{\"auths\":".to_owned(),
        "[".to_owned(),
        "password ".to_owned(),
        "a=".to_owned(),
        "\\n".to_owned(),
        base64(b"{\"auths\": and more"),
        format!("{}=", base64(b"text that is long enough to be looked into, twice")),
        "-ldflags -X ".to_owned(),
    ]);
    inputs
}

#[test]
fn hostile_input_costs_a_bounded_number_of_steps_a_byte() {
    let steps = |unit: &str, path: &str| {
        // Longer than any window.
        let text = unit.repeat((40 << 10) / unit.len());
        let mut scanner = SecretScanner::new(ContentKind::Text, path);
        scanner.push(text.as_bytes());
        scanner.finish_counting().1 / text.len() as u64
    };
    for unit in hostile() {
        assert!(steps(&unit, "srv/a") <= WORK_PER_BYTE, "{:?}", &unit.get(..unit.len().min(40)));
    }
    for unit in [
        "<a b=\"c\"",
        "<!-->",
        "{\"password\":\"",
        "[\"",
        "a -p b 'c=",
        "TFMwdExTMUNSVWRKVGlC",
        "password ",
        "a=",
        "\n",
        "token: b\n",
        "{\"auths\":",
        "user:$6$salt$hash\n",
    ] {
        for path in [
            "root/.netrc",
            "srv/.env",
            "root/.kube/config",
            "etc/shadow",
            "root/.docker/config.json",
            "a.json",
            "a.xml",
            "a.sh",
        ] {
            assert!(steps(unit, path) <= WORK_PER_BYTE, "{unit:?} {path}");
        }
    }
}

#[test]
fn a_flood_of_secrets_keeps_its_bound_and_the_heaviest() {
    let mut text: String = (0..500)
        .flat_map(|number| ["https://user:Zk3vQ9xT2mB", &number.to_string(), "@host.internal/\n"].map(str::to_owned))
        .collect();
    text.push_str(&pem());
    let hits = scan("srv/a", &text);
    assert_eq!(hits.len(), Limits::SECRETS_PER_FILE);
    assert!(hits.iter().any(|hit| hit.rule == Rule::PrivateKey));
}

#[test]
fn nothing_that_is_shown_holds_the_value() {
    for (name, token) in tokens() {
        for hit in scan("srv/.env", &format!("TOKEN={token}\n")) {
            let shown = format!("{} {hit:?} {}", hit.masked, serde_json::to_string(&hit).unwrap());
            let long: Vec<&str> =
                token.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.len() > 9).collect();
            for part in long {
                // A name of the setting may be a long word too.
                let is_name = part.bytes().all(|byte| byte.is_ascii_alphabetic()) && part.len() < 16;
                assert!(is_name || !shown.contains(part), "{name}: {shown}");
            }
        }
    }
}

#[test]
fn a_secret_of_a_document_is_at_its_byte_whatever_the_encoding() {
    let password = noise(ALNUM, 12);
    // 80 bytes of Latin-1, which is no UTF-8, and a broken character at the end.
    let latin = [&b"# "[..], &[0xe4; 80], b"\xf0\x9f\x94\n"].concat();
    let netrc = format!("machine a.example login ci\npassword {password}\n");
    let token = noise(ALNUM, 30);
    for (path, rest, value) in [
        ("root/.netrc", netrc.as_str(), password.as_str()),
        ("srv/.env", &format!("DB_PASSWORD={password}\n"), &password),
        ("root/.pgpass", &format!("h:1:d:u:{password}\n"), &password),
        ("etc/shadow", "ci:$6$salt$0123456789abcdefghij:19000:::::::\n", "$6$salt"),
        ("root/.git/config", "extraheader = AUTHORIZATION: basic Zk3vQ9xT2mBn7LpW\n", "Zk3vQ9xT2m"),
        ("root/.kube/config", &format!("    token: {token}\n"), &token),
    ] {
        let text = [&latin[..], rest.as_bytes()].concat();
        let at = memchr::memmem::find(&text, value.as_bytes()).unwrap() as u64;
        let hits = scan_as(ContentKind::Text, path, &text);
        assert_eq!(hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [at], "{path}");
        let wide: Vec<u8> = "größe 🔑\n".encode_utf16().chain(rest.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let wide = [&[0xff, 0xfe][..], &wide].concat();
        let value: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let at = memchr::memmem::find(&wide, &value).unwrap() as u64;
        let hits = scan_as(ContentKind::of(path, &wide), path, &wide);
        assert_eq!(hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [at], "{path} in UTF-16");
    }
    let json =
        [b"{\"a\":\"\xe4\xe4\",", format!("\"credentials\":{{\"a\":{{\"token\":\"{token}\"}}}}}}").as_bytes()].concat();
    let at = memchr::memmem::find(&json, token.as_bytes()).unwrap() as u64;
    assert_eq!(scan_as(ContentKind::Text, "a.tfrc.json", &json)[0].offset, at);
    // The value is written with an escape, which is a part of it.
    let escaped = format!("{{\"credentials\":{{\"a\":{{\"token\":\"\\u0041{token}\"}}}}}}");
    assert_eq!(scan("a.tfrc.json", &escaped)[0].offset, escaped.find("\\u0041").unwrap() as u64);
}

#[test]
fn two_passwords_that_differ_in_a_byte_outside_of_utf_8_are_two() {
    let text = b"machine a login ci password Zk3v\xe4Q9xT\nmachine b login ci password Zk3v\xf6Q9xT\n";
    let hits = scan_as(ContentKind::Text, "root/.netrc", text);
    assert_eq!(hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [28, 66]);
    assert!(hits.iter().all(|hit| hit.masked == "password=\u{2026} (hidden)"));
}

/// The hits of a file that is given in chunks of that size.
fn scanned(path: &str, bytes: &[u8], size: usize) -> ScannedSecrets {
    let mut scanner = SecretScanner::sniffing(path);
    bytes.chunks(size).for_each(|chunk| scanner.push(chunk));
    scanner.finish()
}

#[test]
fn documents_of_any_size_are_read_to_their_end() {
    let secret = "Sup3rS3cret9";
    let json = |key: &str| {
        let filler = "\"x\":{\"value\":\"yyyyyyyyyyyyyyyyyyyy\"},".repeat(20_000);
        format!("{{\"outputs\":{{{filler}\"z\":1}},\"resources\":[{{\"attributes\":{{\"{key}\":\"{secret}\"}}}}]}}")
    };
    let lines =
        |last: &str| "K=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n".repeat(12_000) + last;
    for (path, text) in [
        ("app/.env", lines(&format!("DB_PASSWORD={secret}"))),
        ("root/.netrc", lines(&format!("machine a login b\npassword\n{secret}"))),
        ("root/.pgpass", lines(&format!("h:1:d:u:{secret}\n"))),
        ("app/x.properties", lines(&format!("db.password={secret}\n"))),
        ("app/terraform.tfstate", json("password")),
        ("app/config.json", json("password")),
        ("app/x.xml", format!("<a>{}<password>{secret}</password></a>", "<b c=\"d\">text</b>\n".repeat(40_000))),
    ] {
        assert!(text.len() > 700_000, "{path}");
        for size in [65_536, 1000] {
            let found = scanned(path, text.as_bytes(), size);
            let at = text.find(secret).unwrap();
            let line = 1 + text[..at].matches('\n').count() as u64;
            let places: Vec<_> = found.hits.iter().map(|hit| (hit.offset, hit.line)).collect();
            assert_eq!(places, [(at as u64, Some(line))], "{path}");
            assert_eq!(found.unread, None, "{path}");
        }
    }
}

#[test]
fn what_a_bound_cuts_off_is_said() {
    let long = "x".repeat(Limits::SECRET_LINE_BYTES);
    for (path, text, at, reason) in [
        ("app/.env", format!("A=b\nLIST={long},PASSWORD=Sup3rS3cret9\n"), 4, SecretUnreadReason::LongLine),
        ("app/a.json", format!("{{\"password\": \"{long}\"}}"), 14, SecretUnreadReason::LongValue),
        ("root/.vault-token", long.clone(), 0, SecretUnreadReason::LongFile),
        ("app/settings.xml", format!("<settings><servers><server a=\"{long}\"/>"), 20, SecretUnreadReason::LongLine),
    ] {
        for size in [65_536, 999] {
            let unread = scanned(path, text.as_bytes(), size).unread;
            assert_eq!(unread, Some(SecretUnread { offset: at, reason }), "{path}");
        }
    }
    let quiet = format!("{{\"picture\": \"{long}\"}}");
    assert_eq!(scanned("app/a.json", quiet.as_bytes(), 4096).unread, None);
}

#[test]
fn a_hit_has_its_line_in_text_and_none_in_a_program() {
    let token = checked("ghp_");
    let text = format!("a\r\n\n{}\n x {token}\n{}", "y\n".repeat(70_000), pem());
    let lines: Vec<_> = scanned("srv/a", text.as_bytes(), 4096).hits.iter().map(|hit| hit.line).collect();
    assert_eq!(lines, [Some(70_004), Some(70_005)]);
    let word = base64(pem().as_bytes());
    let text = format!("{}key={word}\n", "y\n".repeat(70_000));
    for size in [1000, 65_536] {
        let hits = scanned("srv/a", text.as_bytes(), size).hits;
        assert_eq!(hits.iter().map(|hit| (hit.offset, hit.line)).collect::<Vec<_>>(), [(140_004, Some(70_001))]);
    }
    let program = [&b"\x7fELF\0\0\n\n"[..], token.as_bytes()].concat();
    assert_eq!(scanned("srv/a", &program, 9).hits[0].line, None);
}

#[test]
fn a_credential_file_with_a_byte_that_no_text_has_is_read() {
    let text = b"A=\0\0\nDB_PASSWORD=Sup3rS3cret9\n";
    assert_eq!(detectors(&scanned("srv/.env", text, 9).hits), ["dotenv"]);
}
