//! Protobuf bodies as kubectl sends them, read into the trees that Go's own types give.
//! The bodies and the trees lie in `tests/golden/protobuf`; where they come from stands in `tests/golden/README.md`.

use kubedrill::sim::apiserver::decoding::{FieldValidation, decode};
use serde_json::Value;
use std::path::Path;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const MEDIA: &str = "application/vnd.kubernetes.protobuf";

#[test]
fn every_recorded_body_is_read_as_go_reads_it() -> Outcome {
    let folder = Path::new("tests/golden/protobuf");
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json"))?)?;
    let expected = expected.as_object().ok_or("no table")?;
    assert!(expected.len() > 30);
    for (name, tree) in expected {
        let body = std::fs::read(folder.join(format!("{name}.pb")))?;
        let (found, warnings) = decode(&body, MEDIA, None, FieldValidation::Strict)?;
        assert_eq!(&found, tree, "{name}");
        assert!(warnings.is_empty(), "{name}");
    }
    Ok(())
}

#[test]
fn every_tree_reads_the_same_from_json_and_from_yaml() -> Outcome {
    let expected: Value = serde_json::from_slice(&std::fs::read("tests/golden/protobuf/expected.json")?)?;
    for (name, tree) in expected.as_object().ok_or("no table")? {
        let body = serde_json::to_vec(tree)?;
        for media in ["application/json", "", "application/yaml"] {
            let (found, warnings) = decode(&body, media, None, FieldValidation::Strict)?;
            assert_eq!(&found, tree, "{name} {media}");
            assert!(warnings.is_empty(), "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_body_cut_short_is_never_the_whole_and_never_a_panic() -> Outcome {
    let body = std::fs::read("tests/golden/protobuf/pod-full.pb")?;
    let whole = decode(&body, MEDIA, Some(("v1", "Pod")), FieldValidation::Strict)?;
    // The envelope ends in a few empty words that nobody misses.
    for length in 0..body.len() - 8 {
        let cut = decode(&body[..length], MEDIA, Some(("v1", "Pod")), FieldValidation::Strict);
        assert!(cut.is_err() || cut.is_ok_and(|cut| cut != whole), "{length}");
    }
    Ok(())
}
