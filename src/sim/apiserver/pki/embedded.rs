//! A certificate in a file: a PEM text of its own, or data in a kubeconfig.
//! What the certificate says is `inspect`'s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// The PEM certificate of a file's text: its own, or that of a kubeconfig's first user.
pub fn certificate_in(text: &str) -> Option<String> {
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Some(text.to_owned());
    }
    let config: Value = serde_yaml::from_str(text).ok()?;
    let data = config["users"][0]["user"]["client-certificate-data"].as_str()?;
    String::from_utf8(BASE64.decode(data).ok()?).ok()
}

/// A kubeconfig with another certificate and key in it, both PEM; all else stays.
pub fn embed(text: &str, (certificate, key): (&str, &str)) -> String {
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        match line.trim_start().split(':').next() {
            Some("client-certificate-data") => {
                format!("{indent}client-certificate-data: {}\n", BASE64.encode(certificate))
            }
            Some("client-key-data") => format!("{indent}client-key-data: {}\n", BASE64.encode(key)),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}
