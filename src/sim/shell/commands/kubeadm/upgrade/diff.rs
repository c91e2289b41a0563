//! `kubeadm upgrade diff`: what an upgrade would change in the manifests.
//! Source: `cmd/kubeadm/app/cmd/upgrade/diff.go`.

use similar::TextDiff;

use super::{Done, KNOWN, Typed, cluster, connect, manifests};

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let client = connect(typed, flags.get("kubeconfig").unwrap_or(cluster::ADMIN)).await?;
    let config = cluster::configuration(typed, &client, "upgrade/diff")?;
    let version = flags.rest.first().cloned().unwrap_or(typed.version()?);
    let lines = flags.get("context-lines").and_then(|lines| lines.parse().ok()).unwrap_or(3);
    for component in &manifests::COMPONENTS[1..] {
        let path = manifests::path(component);
        let old = typed.root()?.text(&path).map_err(|_| format!("open {path}: no such file or directory"))?;
        let new = manifests::text(typed, component, (&config, &version))?;
        let diff = TextDiff::from_lines(&old, &new);
        typed.call.print(diff.unified_diff().context_radius(lines).header(&path, "new manifest"));
    }
    Ok(())
}
