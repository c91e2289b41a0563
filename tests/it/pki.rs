//! Certificate requests as OpenSSL writes them, signed by the cluster's authority.
//! The requests lie in `tests/fixtures/csr`, each of `/O=dev/O=ops/CN=jane` with another kind of key.

use jiff::{SignedDuration, Timestamp};
use kubedrill::sim::apiserver::pki::{Authority, PkiError, Request, Signer, Subject, sign_request, verify};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const CLIENT: [&str; 1] = ["client auth"];

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap_or_default()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/fixtures/csr/{name}.pem")).unwrap_or_default()
}

fn der(pem: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    use base64::Engine as _;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    Ok(base64::engine::general_purpose::STANDARD.decode(body)?)
}

#[test]
fn every_usual_key_is_signed_with_both_groups() -> Outcome {
    let authority = Authority::generate("kubernetes", now())?;
    for name in ["rsa2048", "rsa4096-sha512", "p256", "p384", "ed25519"] {
        let request = Request::from_pem(&fixture(name))?;
        Signer::ApiServerClient.accept(&request, &CLIENT)?;
        let pem = sign_request(&authority, &request, &CLIENT, None, now())?;
        let found = verify(&der(&pem)?, authority.certificate())?;
        assert_eq!(found.subject, Subject::new("jane", &["dev", "ops"]), "{name}");
    }
    Ok(())
}

#[test]
fn p521_is_refused_by_name() -> Outcome {
    let authority = Authority::generate("kubernetes", now())?;
    let request = Request::from_pem(&fixture("p521"))?;
    assert!(matches!(sign_request(&authority, &request, &CLIENT, None, now()), Err(PkiError::Unsupported(_))));
    Ok(())
}

#[test]
fn the_asked_time_is_kept_within_ten_minutes_and_a_year() -> Outcome {
    let authority = Authority::generate("kubernetes", now())?;
    let request = Request::from_pem(&fixture("p256"))?;
    let lasting = |asked| -> Result<SignedDuration, Box<dyn std::error::Error>> {
        let pem = sign_request(&authority, &request, &CLIENT, asked, now())?;
        Ok(verify(&der(&pem)?, authority.certificate())?.not_after.duration_since(now()))
    };
    assert_eq!(lasting(Some(3600))?, SignedDuration::from_hours(1));
    assert_eq!(lasting(Some(1))?, SignedDuration::from_mins(10));
    let year = SignedDuration::from_hours(365 * 24) - SignedDuration::from_mins(5);
    assert_eq!(lasting(None)?, year);
    assert_eq!(lasting(Some(1 << 40))?, year);
    Ok(())
}

#[test]
fn signers_say_why_they_refuse() -> Outcome {
    let why = |signer: Signer, name: &str, usages: &[&str]| -> Result<String, PkiError> {
        let refused = signer.accept(&Request::from_pem(&fixture(name))?, usages);
        Ok(refused.map_or_else(|error| error.to_string(), |()| "accepted".to_owned()))
    };
    let client = Signer::ApiServerClient;
    let missing = "missing required usage for client certificate: client auth";
    assert_eq!(why(client, "p256", &["digital signature"])?, missing);
    let invalid = "invalid usage for client certificate: server auth";
    assert_eq!(why(client, "p256", &["client auth", "server auth"])?, invalid);
    let serving = ["digital signature", "key encipherment", "server auth"];
    assert_eq!(why(Signer::KubeletServing, "serving", &serving)?, "accepted");
    assert_eq!(why(Signer::KubeletServing, "p256", &serving)?, "subject organization is not system:nodes");
    let no_names = "DNS subjectAltNames are not allowed";
    assert_eq!(why(Signer::ApiServerClientKubelet, "serving", &["digital signature", "client auth"])?, no_names);
    let usages = "usages did not match [digital signature key encipherment server auth]";
    assert_eq!(why(Signer::KubeletServing, "serving", &["server auth"])?, usages);
    Ok(())
}

#[test]
fn a_request_whose_text_was_changed_is_not_signed() -> Outcome {
    let authority = Authority::generate("kubernetes", now())?;
    let text = String::from_utf8(fixture("p256"))?;
    let mut bytes = der(&text)?;
    let at = bytes.windows(4).position(|four| four == b"jane").ok_or("no name")?;
    bytes[at] = b'k';
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(bytes);
    let changed = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    let request = Request::from_pem(changed.as_bytes())?;
    assert_eq!(request.subject().common_name, "kane");
    assert!(matches!(sign_request(&authority, &request, &CLIENT, None, now()), Err(PkiError::BadSignature(_))));
    Ok(())
}

#[test]
fn what_is_no_request_is_refused_in_the_servers_words() {
    let why = Request::from_pem(b"hello").map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(why, Err("PEM block type must be CERTIFICATE REQUEST".to_owned()));
}
