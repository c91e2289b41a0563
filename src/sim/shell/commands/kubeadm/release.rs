//! Versions of Kubernetes as kubeadm reads and compares them.
//! Which there are to be had is the packages' data. Source: `k8s.io/apimachinery/pkg/util/version`, `cmd/kubeadm/app/util/version.go`.

/// A release, such as `v1.35.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    pub minor: u32,
    pub patch: u32,
}

impl Release {
    /// Reads `v1.35.4` or `1.35.4`.
    pub fn read(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
        let (major, minor, patch) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        (major == 1 && numbers.next().is_none()).then_some(Self { minor, patch })
    }

    /// The release a control plane is asked to have, or why a kubeadm of version `own` does not take it.
    pub fn asked(text: &str, own: &str) -> Result<Self, String> {
        let release = Self::read(text).ok_or_else(|| {
            format!(
                "version {text:?} doesn't match patterns for neither semantic version nor labels (stable, latest, ...)"
            )
        })?;
        let oldest = Self::read(own).map_or(release, Self::oldest);
        if release < oldest {
            let oldest = oldest.to_string();
            return Err(format!(
                "this version of kubeadm only supports deploying clusters with the control plane version >= {}. Current version: {release}",
                oldest.trim_start_matches('v'),
            ));
        }
        Ok(release)
    }

    /// The oldest control plane that a kubeadm of this version takes.
    pub fn oldest(self) -> Self {
        Self { minor: self.minor.saturating_sub(1), patch: 0 }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v1.{}.{}", self.minor, self.patch)
    }
}
