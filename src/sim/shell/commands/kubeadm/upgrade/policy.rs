//! Which versions may follow which: the rules of version skew, and their words.
//! Source: `cmd/kubeadm/app/phases/upgrade/policy.go`.

use super::release::Release;

/// What stands in the way of an upgrade.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Nothing helps against these.
    pub mandatory: Vec<String>,
    /// `--force` passes over these.
    pub skippable: Vec<String>,
}

/// The versions that are compared.
pub struct Versions<'a> {
    pub wanted: Release,
    pub cluster: Release,
    pub kubeadm: Release,
    pub kubelets: &'a [Release],
}

/// Compares them.
pub fn check(versions: &Versions<'_>) -> Errors {
    let Versions { wanted, cluster, kubeadm, kubelets } = *versions;
    let mut errors = Errors::default();
    let named = format!("\"{wanted}\"");
    if wanted < kubeadm.oldest() {
        errors.mandatory.push(format!("Specified version to upgrade to {named} is equal to or lower than the minimum supported version \"{cluster}\". Please specify a higher version to upgrade to"));
    }
    if wanted.minor > cluster.minor + 1 {
        errors.mandatory.push(format!(
            "Specified version to upgrade to {named} is too high; kubeadm can upgrade only 1 minor version at a time"
        ));
    }
    if wanted.minor + 1 < cluster.minor {
        errors.mandatory.push(format!(
            "Specified version to downgrade to {named} is too low; kubeadm can downgrade only 1 minor version at a time"
        ));
    }
    if kubeadm < wanted {
        if wanted.minor > kubeadm.minor {
            errors.mandatory.push(format!("Specified version to upgrade to {named} is at least one minor release higher than the kubeadm minor release ({} > {}). Such an upgrade is not supported", wanted.minor, kubeadm.minor));
        } else {
            errors.skippable.push(format!("Specified version to upgrade to {named} is higher than the kubeadm version \"{kubeadm}\". Upgrade kubeadm first using the tool you used to install kubeadm"));
        }
    }
    if kubeadm.minor > wanted.minor {
        errors.skippable.push(format!(
            "Kubeadm version {kubeadm} can only be used to upgrade to Kubernetes version 1.{}",
            kubeadm.minor
        ));
    }
    let old: Vec<String> =
        kubelets.iter().filter(|kubelet| wanted.minor > kubelet.minor + 3).map(Release::to_string).collect();
    if !old.is_empty() {
        errors.skippable.push(format!(
            "There are kubelets in this cluster that are too old that have these versions [{}]",
            old.join(" ")
        ));
    }
    errors
}

impl Errors {
    /// What ends the upgrade, if anything does.
    pub fn fatal(&self, force: bool) -> Result<(), String> {
        let listed = |errors: &[String]| errors.iter().map(|error| format!("\t- {error}\n")).collect::<String>();
        if !self.mandatory.is_empty() {
            return Err(format!(
                "the version argument is invalid due to these fatal errors:\n\n{}\nPlease fix the misalignments highlighted above and try upgrading again",
                listed(&self.mandatory)
            ));
        }
        if !self.skippable.is_empty() && !force {
            return Err(format!(
                "the version argument is invalid due to these errors:\n\n{}\nCan be bypassed if you pass the --force flag",
                listed(&self.skippable)
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(wanted: &str, cluster: &str, kubeadm: &str) -> Errors {
        let read = |text| Release::read(text).unwrap();
        let kubelets = [read(cluster)];
        check(&Versions { wanted: read(wanted), cluster: read(cluster), kubeadm: read(kubeadm), kubelets: &kubelets })
    }

    #[test]
    fn one_minor_version_at_a_time_and_kubeadm_first() {
        assert_eq!(told("v1.35.4", "v1.34.2", "v1.35.4"), Errors::default());
        assert_eq!(
            told("v1.36.0", "v1.34.2", "v1.36.0").mandatory,
            [
                "Specified version to upgrade to \"v1.36.0\" is too high; kubeadm can upgrade only 1 minor version at a time",
            ]
        );
        assert_eq!(
            told("v1.35.4", "v1.34.2", "v1.34.2").mandatory,
            [
                "Specified version to upgrade to \"v1.35.4\" is at least one minor release higher than the kubeadm minor release (35 > 34). Such an upgrade is not supported",
            ]
        );
        assert_eq!(told("v1.34.7", "v1.34.2", "v1.34.2").skippable.len(), 1);
        assert_eq!(
            told("v1.34.7", "v1.34.2", "v1.35.4").skippable,
            ["Kubeadm version v1.35.4 can only be used to upgrade to Kubernetes version 1.35",]
        );
    }
}
