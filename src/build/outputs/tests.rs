#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{super::may_be_output, *};

fn at(name: &str, content: &[u8]) -> (tempfile::TempDir, Option<OutputKind>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let hint = may_be_output(content.get(..HEAD).unwrap_or(content), content.len() as u64);
    let found = file_output(&path);
    (folder, found, hint)
}

fn found(content: &[u8]) -> Option<OutputKind> {
    let (_folder, found, hint) = at("any-name", content);
    assert!(hint || found.is_none(), "the hint is not sound");
    found
}

#[test]
fn digests_and_metadata_are_known_whatever_they_are_called() {
    let digest = Digest::of(b"x").to_string();
    assert_eq!(found(digest.as_bytes()), Some(OutputKind::Digest));
    // Files of other tools: with a line break, of another length, with other digits.
    for other in [
        format!("{digest}\n"),
        digest[..70].to_owned(),
        digest.replace(':', "-"),
        "sha256:".to_owned() + &"g".repeat(64),
    ] {
        assert_eq!(found(other.as_bytes()), None, "{other:?}");
    }
    let image = json!({"containerimage.descriptor": {}, "containerimage.digest": digest, "image.name": "a"});
    assert_eq!(found(image.to_string().as_bytes()), Some(OutputKind::Metadata));
    assert_eq!(found(json!({"a": image, "b": image}).to_string().as_bytes()), Some(OutputKind::Metadata));
    let mut pushed = image.clone();
    pushed["hardpan.name"] = json!("a");
    assert_eq!(found(pushed.to_string().as_bytes()), Some(OutputKind::Metadata));
    // Of a shard, and of a call that keeps going.
    let failed =
        json!({"image.name": null, "hardpan.recipe": "a.toml", "hardpan.status": "failed", "hardpan.errors": []});
    let mut timed = image.clone();
    timed["hardpan.duration-ms"] = json!(7);
    let shard = json!({"number": 1, "count": 2, "plan": "x", "recipes": [], "total": 3});
    for ours in
        [json!({"hardpan.shard": shard}), json!({"hardpan.shard": shard, "a": timed, "b": failed}), timed, failed]
    {
        assert_eq!(found(ours.to_string().as_bytes()), Some(OutputKind::Metadata), "{ours}");
    }
    // buildx has more to say.
    let mut buildx = image.clone();
    buildx["buildx.build.ref"] = json!("x");
    for other in [buildx, json!({"a": image, "b": 1}), json!([image]), json!({}), json!({"a": shard})] {
        assert_eq!(found(other.to_string().as_bytes()), None, "{other}");
    }
}

#[test]
fn locks_are_what_the_reader_of_locks_reads() {
    let lock = recipe::Lock::default().to_text(Some("a.toml"));
    assert_eq!(found(lock.as_bytes()), Some(OutputKind::Lock));
    assert_eq!(found((lock + "[unknown]\n").as_bytes()), None);
    assert_eq!(found(b"# Write it with `hardpan lock`.\n"), None);
}

#[test]
fn a_head_that_is_cut_off_says_nothing() {
    assert!(may_be_output(b"", 10) && may_be_output(b"abc", 10));
    assert!(!may_be_output(b"", 0) && !may_be_output(b"0123456789", 10));
    assert!(!may_be_output(&[b'x'; HEAD], 1 << 20));
}

#[test]
fn tars_and_folders_that_no_reader_takes_for_images_are_inputs() {
    let mut tar = vec![0; 10 << 10];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(found(&tar), None);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
    std::fs::write(folder.path().join("index.json"), "{\"schemaVersion\":2,\"manifests\":[]}").unwrap();
    assert_eq!(folder_output(folder.path()), None);
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert_eq!(file_output(&fifo), None);
}

#[test]
fn reports_of_audits_are_known_with_a_baseline_of_several_images_and_of_older_versions() {
    for (rest, expected) in [
        (r#""audits": [], "rules": {}}"#, true),
        (r#""audits": [], "rules": {}, "baseline": {}, "ending-waivers": []}"#, true),
        (r#""images": [], "not-images": [], "rules": {}, "baseline": {}}"#, true),
        (r#""audits": [], "rules": {}, "mine": 1}"#, false),
        (r#""images": [], "rules": {}}"#, false),
    ] {
        let text = format!("{{\n  \"format\": 1,\n  \"outcome\": \"clean\",\n  {rest}");
        assert_eq!(found(text.as_bytes()), expected.then_some(OutputKind::Audit), "{rest}");
    }
    for end in AUDIT_HTML_ENDS {
        let page = [b"<title>Audit of x</title>", end].concat();
        assert_eq!(found(&page), Some(OutputKind::Audit));
    }
    assert_eq!(found(b"<title>Audit of x</title></footer>\n</body>\n</html>\n"), None);
}
