//! What `kubeadm init` says when a cluster has begun: how to use it, and how others join.
//! Source: `cmd/kubeadm/app/cmd/phases/init/showjoincommand.go`, `cmd/kubeadm/app/cmd/util/join.go`.

use super::super::{Done, cluster, token};
use super::Init;

const BEGUN: &str = "
Your Kubernetes control-plane has initialized successfully!

To start using your cluster, you need to run the following as a regular user:

  mkdir -p $HOME/.kube
  sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Alternatively, if you are the root user, you can run:

  export KUBECONFIG=/etc/kubernetes/admin.conf

You should now deploy a pod network to the cluster.
Run \"kubectl apply -f [podnetwork].yaml\" with one of the options listed at:
  https://kubernetes.io/docs/concepts/cluster-administration/addons/
";

const WITH_KEY: &str = "
Please note that the certificate-key gives access to cluster sensitive data, keep it secret!
As a safeguard, uploaded-certs will be deleted in two hours; If necessary, you can use
\"kubeadm init phase upload-certs --upload-certs\" to reload certs afterward.
";

/// Says it; the administrator's kubeconfig is at `admin`.
pub fn tell(init: &Init, admin: &str) -> Done {
    let (typed, settings) = (init.typed, &init.settings);
    let token = settings.tokens.first().map(|made| made.token.as_str()).unwrap_or_default();
    let shown = if init.flags.on("skip-token-print") { "<value withheld>" } else { token };
    let (server, hash) = token::place(typed, admin)?;
    let join = format!("kubeadm join {server} --token {shown} \\\n\t--discovery-token-ca-cert-hash sha256:{hash} ");
    typed.say(BEGUN.replacen(cluster::ADMIN, admin, 1));
    if settings.endpoint().is_some() {
        let uploads = init.flags.on("upload-certs");
        let key = settings.certificate_key.as_deref().filter(|_| uploads);
        let key = key.map(|key| if init.flags.on("skip-certificate-key-print") { "<value withheld>" } else { key });
        let key = key.map(|key| format!("--certificate-key {key}")).unwrap_or_default();
        typed.say(match uploads {
            true => "You can now join any number of control-plane nodes running the following command on each as root:\n",
            false => "You can now join any number of control-plane nodes by copying certificate authorities\nand service account keys on each node and then running the following as root:\n",
        });
        typed.say(format_args!("  {join}\\\n\t--control-plane {key}"));
        typed.say(if uploads { WITH_KEY } else { "" });
    }
    typed.say("Then you can join any number of worker nodes by running the following on each as root:\n");
    typed.say(join);
    Ok(())
}
