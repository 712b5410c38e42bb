//! What holds for any bytes.

use proptest::prelude::*;

use super::{streams::hostile, *};

#[test]
fn hits_are_the_same_on_every_run() {
    let text: String = tokens().into_iter().map(|(_, token)| token + "\n").collect();
    assert_eq!(scan("srv/a", &text), scan("srv/a", &text));
}

/// Bytes that begin tokens more often than chance does.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<Vec<u8>> = tokens()
        .into_iter()
        .map(|(_, token)| token.into_bytes())
        .chain(hostile().into_iter().map(String::into_bytes))
        .collect();
    let piece = prop_oneof![
        3 => proptest::sample::select(words),
        2 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => Just(b"\n".to_vec()),
        1 => Just(b" ".to_vec()),
        1 => (0_usize..70_000).prop_map(|length| vec![b'z'; length]),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_chunks_of_any_bytes_give_the_same_hits(bytes in pieces(), cuts in proptest::collection::vec(1_usize..90_000, 1..6),
        path in proptest::sample::select(vec!["srv/a", "srv/.env", "root/.netrc", "root/.kube/config", "a.json", "etc/shadow"]))
    {
        let mut whole = SecretScanner::sniffing(path);
        whole.push(&bytes);
        let (whole, work) = whole.finish_counting();
        prop_assert!(work <= WORK_PER_BYTE * bytes.len() as u64 + 4096);
        let mut cut = SecretScanner::sniffing(path);
        let mut rest = bytes.as_slice();
        let mut sizes = cuts.iter().cycle();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            cut.push(head);
            rest = tail;
        }
        prop_assert_eq!(cut.finish(), whole);
    }

    #[test]
    fn a_text_holds_what_a_scanner_finds_in_it(bytes in pieces(), first in proptest::sample::select(vec!["", "{", "0", "x"])) {
        let text = format!("{first}{}", String::from_utf8_lossy(&bytes));
        let mut scanner = SecretScanner::new(ContentKind::Text, "");
        scanner.push(text.as_bytes());
        let mut hits = scanner.finish().hits;
        for hit in &mut hits {
            hit.line = None;
        }
        prop_assert_eq!(text::detected(&text), hits);
    }

    #[test]
    fn any_text_of_a_configuration_is_read(text in ".{0,300}", name in ".{0,40}") {
        for context in [TextContext::Env { name: &name }, TextContext::Label { key: &name }, TextContext::History, TextContext::Argument] {
            for hit in scan_text(context, &text) {
                prop_assert!(text.len() < 4 || !hit.masked.contains(&text));
            }
        }
        let _ = name_hit(&name);
    }
}
