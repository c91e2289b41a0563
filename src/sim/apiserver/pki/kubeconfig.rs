//! Kubeconfig files in kubeadm's shape: one cluster, one user, one context.
//! Where such a file is kept is the caller's. Nothing here touches `~/.kube/config`.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::base::files;

/// What a client needs to reach a cluster as one user.
#[derive(Clone, Copy, Debug)]
pub struct Kubeconfig<'a> {
    /// Where the API server listens, such as `https://127.0.0.1:6443`.
    pub server: &'a str,
    /// The authority's certificate, PEM.
    pub authority: &'a str,
    /// The user's name in the file; `kubernetes-admin` in kubeadm's.
    pub user: &'a str,
    /// The user's certificate, PEM.
    pub certificate: &'a str,
    /// The user's key, PEM.
    pub key: &'a str,
    /// The namespace of the context, when it is not `default`.
    pub namespace: Option<&'a str>,
}

impl Kubeconfig<'_> {
    /// The file's text.
    pub fn to_yaml(&self) -> String {
        let data = |pem: &str| BASE64.encode(pem);
        let (certificate, key) = (data(self.certificate), data(self.key));
        self.of_user(&format!("    client-certificate-data: {certificate}\n    client-key-data: {key}\n"))
    }

    /// The file's text with a token in the place of the certificate and key.
    pub fn with_token(&self, token: &str) -> String {
        self.of_user(&format!("    token: {}\n", scalar(token)))
    }

    fn of_user(&self, credentials: &str) -> String {
        let context = scalar(&format!("{}@kubernetes", self.user));
        let namespace = self.namespace.map_or(String::new(), |name| format!("    namespace: {}\n", scalar(name)));
        format!(
            "apiVersion: v1\n\
             clusters:\n\
             - cluster:\n\
             \x20   certificate-authority-data: {authority}\n\
             \x20   server: {server}\n\
             \x20 name: kubernetes\n\
             contexts:\n\
             - context:\n\
             \x20   cluster: kubernetes\n\
             {namespace}\
             \x20   user: {user}\n\
             \x20 name: {context}\n\
             current-context: {context}\n\
             kind: Config\n\
             users:\n\
             - name: {user}\n\
             \x20 user:\n\
             {credentials}",
            authority = BASE64.encode(self.authority),
            server = self.server,
            user = scalar(self.user),
        )
    }

    /// Writes the file for its owner only: it holds a private key.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        files::write_atomic(path, self.to_yaml().as_bytes(), 0o600)
    }
}

/// A YAML scalar: plain where every reader takes it for a string, else a JSON string, which is YAML too.
fn scalar(text: &str) -> String {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let inner = text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.@".contains(one));
    let long = text.len() > 5;
    if starts && inner && long { text.to_owned() } else { json!(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_as_kubeadms() -> Result<(), Box<dyn std::error::Error>> {
        let config = Kubeconfig {
            server: "https://127.0.0.1:6443",
            authority: "ca",
            user: "yes: \"no\"",
            certificate: "crt",
            key: "key",
            namespace: Some("orion"),
        };
        let read: serde_json::Value = serde_yaml::from_str(&config.to_yaml())?;
        assert_eq!(
            read["contexts"][0]["context"],
            json!({"cluster": "kubernetes", "namespace": "orion", "user": config.user})
        );
        assert_eq!(read["current-context"], read["contexts"][0]["name"]);
        assert_eq!(read["users"][0]["user"]["client-key-data"], "a2V5");
        assert_eq!(read["clusters"][0]["cluster"]["server"], config.server);
        Ok(())
    }

    #[test]
    fn only_the_owner_reads_it() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("admin.conf");
        let config = Kubeconfig {
            server: "https://127.0.0.1:6443",
            authority: "",
            user: "kubernetes-admin",
            certificate: "",
            key: "",
            namespace: None,
        };
        config.write(&path)?;
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path)?.contains("current-context: kubernetes-admin@kubernetes\n"));
        Ok(())
    }
}
