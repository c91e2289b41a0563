//! Why an image cannot be had, in containerd's words.
//! Which there are is `images.rs`.

use super::images::canonical;

/// Why an image cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    InvalidName(String),
    Tag,
    Repository,
    Host,
}

impl Missing {
    /// What containerd answers.
    pub fn message(&self, reference: &str) -> String {
        let full = canonical(reference);
        let unpack = format!("failed to pull and unpack image {full:?}: failed to resolve reference {full:?}");
        match self {
            Self::InvalidName(why) => (*why).to_owned(),
            Self::Tag => format!("rpc error: code = NotFound desc = {unpack}: {full}: not found"),
            Self::Repository => format!(
                "{unpack}: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
            ),
            Self::Host => {
                let host = full.split('/').next().unwrap_or_default();
                let (name, tag) = full.rsplit_once(':').unwrap_or((&full, "latest"));
                let path = name.split_once('/').map_or("", |(_, path)| path);
                let bare = host.split(':').next().unwrap_or_default();
                format!(
                    "{unpack}: failed to do request: Head \"https://{host}/v2/{path}/manifests/{tag}\": dial tcp: lookup {bare}: no such host"
                )
            }
        }
    }
}
