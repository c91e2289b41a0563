//! What a TLS client and a server say to each other's certificates, from the files both were given.
//! Whether one authority vouches for a certificate is `identity`'s. Words: Go's `crypto/x509` and `crypto/tls`.

use jiff::Timestamp;
use x509_cert::ext::pkix::SubjectAltName;

use super::authority::certificate_der;
use super::identity::{self, AlternativeNames, Purpose, Verified};
use super::{KeyPair, PkiError};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The certificates of a PEM file, in order. What is no certificate is passed over, as Go does with pools.
pub fn certificates(pem: &str) -> Vec<Vec<u8>> {
    pem.match_indices(BEGIN).filter_map(|(at, _)| certificate_der(&pem[at..]).ok()).collect()
}

/// The certificate of a pair of files that hold a certificate and its key.
pub fn pair(certificate: &str, key: &str) -> Result<Vec<u8>, PkiError> {
    let missing = |what| PkiError::Pem(format!("tls: failed to find any PEM data in {what} input"));
    let der = certificates(certificate).into_iter().next().ok_or_else(|| missing("certificate"))?;
    if !key.contains("PRIVATE KEY-----") {
        return Err(missing("key"));
    }
    let public = identity::public_key(&der)?;
    // Keys of other kinds than ours are somebody's own: they are believed.
    match KeyPair::from_pem(key) {
        Ok(key) if key.public_der() != public => {
            Err(PkiError::Unacceptable("tls: private key does not match public key".to_owned()))
        }
        _ => Ok(der),
    }
}

/// The names a certificate says its server has.
pub fn names(der: &[u8]) -> Result<AlternativeNames, PkiError> {
    let read = identity::read(der)?;
    let names = read.tbs_certificate().get_extension::<SubjectAltName>();
    let names = names.map_err(|error| PkiError::malformed("certificate", error))?;
    Ok(names.map(|(_, names)| AlternativeNames::from_extension(&names)).unwrap_or_default())
}

/// Whether one of `authorities` vouches for a certificate at `now`, for this purpose.
pub fn vouched(
    der: &[u8],
    authorities: &[Vec<u8>],
    (purpose, now): (Purpose, Timestamp),
) -> Result<Verified, PkiError> {
    let unknown = PkiError::Unacceptable("x509: certificate signed by unknown authority".to_owned());
    let mut refused = unknown;
    for authority in authorities {
        match identity::verify_for(der, authority, purpose) {
            Ok(verified) => return verified.check_time(now).map(|()| verified),
            Err(error @ PkiError::Unacceptable(_)) => refused = error,
            // The name is that of the authority, the signature is not.
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Whether a client that looks for `host` believes a server's certificate.
pub fn serves(der: &[u8], authorities: &[Vec<u8>], (host, now): (&str, Timestamp)) -> Result<(), PkiError> {
    vouched(der, authorities, (Purpose::Server, now))?;
    let names = names(der)?;
    let (has, all) = match host.parse::<std::net::IpAddr>() {
        Ok(ip) => (names.ips.contains(&ip), names.ips.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Err(_) => (names.dns.iter().any(|name| name.eq_ignore_ascii_case(host)), names.dns.clone()),
    };
    if has {
        return Ok(());
    }
    let all = all.join(", ");
    Err(PkiError::Unacceptable(format!("x509: certificate is valid for {all}, not {host}")))
}

#[cfg(test)]
mod tests {
    use super::super::{Authority, Issue, Subject, Usages};
    use super::*;

    #[test]
    fn both_sides_say_what_go_says() -> Result<(), PkiError> {
        let now: Timestamp = "2026-03-04T12:00:00Z".parse().expect("a time");
        let ours = Authority::generate("etcd-ca", now)?;
        let other = Authority::generate("kubernetes", now)?;
        let names = AlternativeNames { dns: vec!["controlplane".to_owned()], ..AlternativeNames::default() };
        let issue = Issue { names, ..Issue::for_a_year(Subject::new("a", &[]), Usages::peer(), now) };
        let server = ours.issue(&issue)?;
        let pools =
            [vec![other.certificate().to_vec()], certificates(&(other.certificate_pem() + &ours.certificate_pem()))];
        let said = |pool: &[Vec<u8>], host, now| {
            serves(&server.certificate, pool, (host, now)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(said(&pools[0], "controlplane", now), "x509: certificate signed by unknown authority");
        assert_eq!(said(&pools[1], "controlplane", now), "");
        assert_eq!(said(&pools[1], "localhost", now), "x509: certificate is valid for controlplane, not localhost");
        let later = now + std::time::Duration::from_secs(400 * 86400);
        assert!(said(&pools[1], "controlplane", later).starts_with("x509: certificate has expired"));
        let key = other.key_pem();
        let mixed = pair(&server.certificate_pem(), &key).err().map(|error| error.to_string());
        assert_eq!(mixed.as_deref(), Some("tls: private key does not match public key"));
        Ok(())
    }
}
