//! `kubeadm kubeconfig user`: a kubeconfig for somebody, signed by the cluster's authority on this machine.
//! Source: `cmd/kubeadm/app/cmd/kubeconfig.go`.

use super::certificates::{PKI, authority};
use super::{Done, Typed};
use crate::sim::apiserver::pki::Kubeconfig;
use crate::sim::shell::flags::Known;

static KNOWN: Known = &[
    ("client-name", '\0', true),
    ("org", '\0', true),
    ("config", '\0', true),
    ("token", '\0', true),
    ("validity-period", '\0', true),
];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    typed.subcommand(&["user"])?;
    let flags = typed.flags(KNOWN)?;
    let user = flags.get("client-name").ok_or_else(|| "required flag(s) \"client-name\" not set".to_owned())?;
    let text = signed(typed, (user, &flags.all("org")), PKI)
        .map_err(|why| format!("couldn't create a kubeconfig; the CA files couldn't be loaded: {why}"))?;
    typed.call.print(text);
    Ok(())
}

/// A kubeconfig for a user of some groups.
pub fn signed(typed: &Typed, (user, groups): (&str, &[&str]), folder: &str) -> Result<String, String> {
    let authority = authority(typed.root()?, folder, "ca")?;
    let issued = authority.issue_client(user, groups, typed.now()).map_err(|error| error.to_string())?;
    let server = format!("https://controlplane:{}", typed.call.inside.machines.birth().api.port());
    let (certificate, key) = (issued.certificate_pem(), issued.key.to_pem());
    let config = Kubeconfig {
        server: &server,
        authority: &authority.certificate_pem(),
        user,
        certificate: &certificate,
        key: &key,
        namespace: None,
    };
    Ok(config.to_yaml())
}
