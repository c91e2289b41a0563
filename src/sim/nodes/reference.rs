//! References to images, as they are written: which host and repository one means, and why a text is none.
//! Source: `github.com/distribution/reference` (`normalize.go`, `reference.go`, `regexp.go`), `github.com/opencontainers/go-digest`.

use std::sync::LazyLock;

use regex::Regex;

/// A reference with its host; the groups are tag and digest.
static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    let label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let host = format!(r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
    let word = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    let tag = "[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}";
    let whole = format!("^(?:{host}/)?{word}(?:/{word})*(?::({tag}))?(?:@({digest}))?$");
    Regex::new(&whole).expect("constant: a pattern")
});

/// The host and the rest of a reference, with what may be left out: `docker.io` and `library/nginx` of `nginx`.
pub fn split(reference: &str) -> (&str, String) {
    const HUB: &str = "docker.io";
    let (host, rest) = match reference.split_once('/') {
        Some(("index.docker.io", rest)) => (HUB, rest),
        // What has capitals is no repository, so it is taken for a host.
        Some((host, rest)) if host == "localhost" || host.contains(['.', ':']) || host.to_lowercase() != host => {
            (host, rest)
        }
        _ => (HUB, reference),
    };
    let official = host == HUB && !rest.contains('/');
    (host, if official { format!("library/{rest}") } else { rest.to_owned() })
}

/// Why a text is no reference to an image, if it is none.
pub fn fault(reference: &str) -> Option<String> {
    let is_hex = |text: &str| text.chars().all(|letter| matches!(letter, '0'..='9' | 'a'..='f'));
    if reference.len() == 64 && is_hex(reference) {
        return Some(format!("invalid repository name ({reference}), cannot specify 64-byte hexadecimal strings"));
    }
    let (host, rest) = split(reference);
    let repository = rest.split(':').next().unwrap_or_default();
    if repository.to_lowercase() != repository {
        return Some(format!("invalid reference format: repository name ({repository}) must be lowercase"));
    }
    let whole = format!("{host}/{rest}");
    let Some(found) = WHOLE.captures(&whole) else {
        let lower = WHOLE.is_match(&whole.to_lowercase());
        return Some(if lower { "repository name must be lowercase" } else { "invalid reference format" }.to_owned());
    };
    let (algorithm, encoded) = found.get(2)?.as_str().split_once(':')?;
    let size = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Some("unsupported digest algorithm".to_owned()),
    };
    let why = if encoded.len() == size {
        (!is_hex(encoded)).then_some("invalid checksum digest format")
    } else {
        Some("invalid checksum digest length")
    };
    why.map(str::to_owned)
}
