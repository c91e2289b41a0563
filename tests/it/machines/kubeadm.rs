//! kubeadm on nodes: certificates, tokens, machines that join, and what stands in the way of an upgrade.
//! The table of certificates is what the real kubeadm 1.35.4 prints (`certs check-expiration --cert-dir`, dates masked).

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;
use kubedrill::base::topology::Topology;
use kubedrill::sim::apiserver::pki;
use regex::Regex;

use super::typing::Seat;

const TABLE: &str = "CERTIFICATE                         EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED
!MISSING! admin.conf                                                                                 
apiserver                           Nov 30, 2027 09:40 UTC   364d            ca                      no      
apiserver-etcd-client               Nov 30, 2027 09:40 UTC   364d            etcd-ca                 no      
apiserver-kubelet-client            Nov 30, 2027 09:40 UTC   364d            ca                      no      
!MISSING! controller-manager.conf                                                                    
etcd-healthcheck-client             Nov 30, 2027 09:40 UTC   364d            etcd-ca                 no      
etcd-peer                           Nov 30, 2027 09:40 UTC   364d            etcd-ca                 no      
etcd-server                         Nov 30, 2027 09:40 UTC   364d            etcd-ca                 no      
front-proxy-client                  Nov 30, 2027 09:40 UTC   364d            front-proxy-ca          no      
!MISSING! scheduler.conf                                                                             
!MISSING! super-admin.conf                                                                           

CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED
ca                      Nov 27, 2036 09:40 UTC   9y              no      
etcd-ca                 Nov 27, 2036 09:40 UTC   9y              no      
front-proxy-ca          Nov 27, 2036 09:40 UTC   9y              no      
";

fn masked(text: &str) -> String {
    Regex::new("[A-Z][a-z]{2} [0-9]{2}, [0-9]{4} [0-9:]{5} UTC").unwrap().replace_all(text, "DATE").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_listed_as_kubeadm_lists_them_and_renewed_for_the_same_names() {
    let seat = Seat::take(Topology::workers(1)).await;
    let node = "controlplane";
    let read = |path: &str| seat.files(node, |root| pki::inspect(&root.text(path).unwrap()).unwrap());
    let (before, file) = (read("/etc/kubernetes/pki/apiserver.crt"), "/etc/kubernetes/pki/apiserver.crt");
    let renewed = seat.prints(node, "kubeadm certs renew apiserver").await;
    assert!(renewed.ends_with("\ncertificate for serving the Kubernetes API renewed\n"), "{renewed}");
    let after = read(file);
    assert!(after.not_after > before.not_after, "it lasts longer than the old one");
    assert_eq!((after.subject.clone(), after.names.clone()), (before.subject, before.names));
    assert!(after.issued_by(&seat.files(node, |root| root.text("/etc/kubernetes/pki/ca.crt").unwrap())));
    for name in ["admin", "super-admin", "controller-manager", "scheduler"] {
        seat.files(node, |root| root.remove(&format!("/etc/kubernetes/{name}.conf"))).unwrap();
    }
    assert_eq!(masked(&seat.prints(node, "kubeadm certs check-expiration").await), masked(TABLE));
    assert_eq!(
        seat.fails(node, "kubeadm certs renew apisever").await,
        "error: unknown command \"apisever\" for \"kubeadm certs renew\"\nTo see the stack trace of this error execute with --v=5 or higher\n"
    );
    let made = seat.prints(node, "kubeadm init phase kubeconfig admin").await;
    assert_eq!(made, "[kubeconfig] Writing \"admin.conf\" kubeconfig file\n");
    seat.prints(node, "kubeadm token list").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_machine_joins_with_a_token_and_becomes_ready() {
    let seat = Seat::take(Topology { blank: 1, ..Topology::workers(1) }).await;
    let client = seat.world.client().unwrap();
    let nodes: kube::Api<k8s_openapi::api::core::v1::Node> = kube::Api::all(client);
    assert!(nodes.get_opt("node02").await.unwrap().is_none(), "it has not joined");
    assert!(!seat.files("node02", |root| root.exists("/etc/kubernetes/kubelet.conf")));
    let line = seat.prints("controlplane", "kubeadm token create --print-join-command --ttl 1h").await;
    let line = line.trim().to_owned();
    let (bare, hash) = line.split_once(" --discovery-token-ca-cert-hash ").unwrap();
    let unpinned = seat.fails("node02", bare).await;
    assert!(
        unpinned.starts_with(
            "error: discovery.bootstrapToken.caCertHashes: Invalid value: \"\": using token-based discovery"
        ),
        "{unpinned}"
    );
    let wrong = format!("{bare} --discovery-token-ca-cert-hash sha256:{}", "0".repeat(64));
    let wrong = seat.fails("node02", &wrong).await;
    assert!(wrong.contains(&format!("none of the public keys \"{hash}\" are pinned")), "{wrong}");
    let unknown = line.replace(bare.split_whitespace().last().unwrap(), "abcdef.0123456789abcdef");
    let unknown = seat.fails("node02", &unknown).await;
    assert!(
        unknown.contains("could not find a JWS signature in the cluster-info ConfigMap for token ID \"abcdef\""),
        "{unknown}"
    );
    let joined = seat.prints("node02", &line).await;
    assert!(joined.contains("\nThis node has joined the cluster:\n"), "{joined}");
    let ready = || async {
        let node = nodes.get("node02").await.unwrap();
        let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True")
    };
    seat.until("the node becomes Ready", ready).await;
    let again = seat.fails("node02", &line).await;
    assert!(
        again.contains(
            "[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists\n"
        ),
        "{again}"
    );
    let id = line.split("--token ").nth(1).unwrap().split('.').next().unwrap().to_owned();
    assert!(seat.prints("controlplane", "kubeadm token list").await.contains(&format!("\n{id}.")));
    assert_eq!(
        seat.prints("controlplane", &format!("kubeadm token delete {id}")).await,
        format!("bootstrap token \"{id}\" deleted\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_out_of_order_fails_in_kubeadms_words() {
    let seat = Seat::take(Topology { kubernetes: "1.34.2".to_owned(), ..Topology::workers(1) }).await;
    assert_eq!(seat.prints("controlplane", "kubeadm version -o short").await, "v1.34.2\n");
    let plan = seat.prints("controlplane", "kubeadm upgrade plan").await;
    assert!(plan.contains("\nkube-apiserver            controlplane   v1.34.2   v1.34.7\n"), "{plan}");
    assert!(plan.contains("\tkubeadm upgrade apply v1.34.7\n\nNote: Before you can perform this upgrade, you have to update kubeadm to v1.34.7.\n"), "{plan}");
    let object: serde_json::Value =
        serde_json::from_str(&seat.prints("controlplane", "kubeadm upgrade plan -o json").await).unwrap();
    let offered = &object["availableUpgrades"][0];
    assert_eq!(offered["description"], "version in the v1.34 series");
    let of =
        |name: &str| offered["components"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!(
        of("kubeadm"),
        serde_json::json!({ "name": "kubeadm", "currentVersion": "v1.34.2", "newVersion": "v1.34.7" })
    );
    assert_eq!(of("kube-apiserver")["nodeName"], "controlplane");
    let newer = seat.fails("controlplane", "kubeadm upgrade apply v1.35.4 -y").await;
    assert!(
        newer.starts_with("error: error execution phase preflight: the version argument is invalid due to these fatal errors:\n\n\t- Specified version to upgrade to \"v1.35.4\" is at least one minor release higher than the kubeadm minor release (35 > 34). Such an upgrade is not supported\n"),
        "{newer}"
    );
    let patch = seat.fails("controlplane", "kubeadm upgrade apply v1.34.7 -y").await;
    assert!(patch.contains("is higher than the kubeadm version \"v1.34.2\". Upgrade kubeadm first"), "{patch}");
    assert_eq!(
        seat.fails("controlplane", "kubeadm upgrade apply").await.lines().next(),
        Some("error: missing one or more required arguments. Required arguments: [version]")
    );
    let worker = seat.fails("node01", "kubeadm upgrade plan").await;
    assert!(
        worker.starts_with("error: couldn't create a Kubernetes client from file \"/etc/kubernetes/admin.conf\": failed to load admin kubeconfig: open /etc/kubernetes/admin.conf: no such file or directory\n"),
        "{worker}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_and_a_worker_go_to_the_next_minor_version() {
    let seat = Seat::take(Topology { kubernetes: "1.34".to_owned(), ..Topology::workers(1) }).await;
    let nodes: Api<Node> = Api::all(seat.world.client().unwrap());
    let pods: Api<Pod> = Api::namespaced(seat.world.client().unwrap(), "kube-system");
    let versions = || async {
        let found = nodes.list(&ListParams::default()).await.unwrap().items;
        found.into_iter().map(|node| node.status.unwrap().node_info.unwrap().kubelet_version).collect::<Vec<_>>()
    };
    for node in ["controlplane", "node01"] {
        seat.files(node, |root| {
            let list = "/etc/apt/sources.list.d/kubernetes.list";
            root.write(list, root.text(list).unwrap().replace("v1.34", "v1.35").as_bytes(), 0o644).unwrap();
        });
        for line in ["apt-get update", "apt-mark unhold kubeadm kubelet", "apt-get install -y kubeadm=1.35.4-*"] {
            seat.prints(node, line).await;
        }
    }
    let said = seat.prints("controlplane", "kubeadm upgrade apply v1.35.4 -y").await;
    assert!(said.contains("SUCCESS! A control plane node of your cluster was upgraded to \"v1.35.4\"."), "{said}");
    let api = pods.get("kube-apiserver-controlplane").await.unwrap();
    let image = api.spec.unwrap().containers.remove(0).image;
    assert_eq!(image.as_deref(), Some("registry.k8s.io/kube-apiserver:v1.35.4"));
    assert_eq!(versions().await, ["v1.34.7", "v1.34.7"], "kubelets are upgraded by themselves");
    let node = seat.prints("node01", "kubeadm upgrade node").await;
    assert!(node.contains("The kubelet configuration for this node was successfully upgraded!"), "{node}");
    for node in ["controlplane", "node01"] {
        seat.prints(node, "apt-get install -y kubelet=1.35.4-*").await;
        seat.prints(node, "systemctl daemon-reload").await;
        seat.prints(node, "systemctl restart kubelet").await;
    }
    assert_eq!(versions().await, ["v1.35.4", "v1.35.4"]);
    let again = seat.prints("controlplane", "kubeadm upgrade plan").await;
    assert!(again.contains("[upgrade/versions] Cluster version: 1.35.4\n"), "{again}");
}

#[tokio::test]
async fn a_question_is_answered_when_it_is_asked() {
    let seat = Seat::take(Topology::workers(1)).await;
    let said = seat.answers("node01", "kubeadm reset", "n\n").await;
    assert!(said.out.contains("Are you sure you want to proceed? [y/N]: "), "{said:?}");
    assert!(said.code == 1 && said.errors.contains("aborted reset operation"), "{said:?}");
    assert!(seat.files("node01", |root| root.exists("/etc/kubernetes/kubelet.conf")), "nothing was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_configuration_are_read_to_the_letter() {
    let seat = Seat::take(Topology::workers(1)).await;
    let node = "controlplane";
    let write = |path: &str, text: &str| seat.files(node, |root| root.write(path, text.as_bytes(), 0o644).unwrap());
    let head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.4\n";
    write(
        "/root/good.yaml",
        &format!(
            "{head}networking: {{ podSubnet: 10.9.0.0/16 }}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs: {{ v: \"4\" }}\n"
        ),
    );
    write(
        "/root/old.yaml",
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.4\napiServer:\n  timeoutForControlPlane: 4m0s\n  extraArgs: { profiling: \"false\" }\n",
    );
    let newer = seat.prints(node, "kubeadm config migrate --old-config old.yaml").await;
    assert!(newer.contains("  extraArgs:\n  - name: profiling\n    value: \"false\"\n"), "{newer}");
    write("/root/newer.yaml", &newer);
    assert_eq!(seat.prints(node, "kubeadm config validate --config newer.yaml").await, "ok\n");
    write(
        "/root/bad.yaml",
        &format!("{head}clusterName: a\nclusterName: b\nnetworking: {{ podSubnets: 10.9.0.0/16 }}\n"),
    );
    write("/root/small.yaml", &format!("{head}networking: {{ podSubnet: 10.9.0.0/25, serviceSubnet: 10.1.2.3/8 }}\n"));
    write("/root/odd.yaml", &format!("{head}apiServer: {{ certSANs: foo }}\n"));
    assert_eq!(seat.prints(node, "kubeadm config validate --config good.yaml").await, "ok\n");
    let whole = seat.prints(node, "kubeadm config migrate --old-config good.yaml").await;
    assert!(
        whole.contains("  kubeletExtraArgs:\n  - name: v\n    value: '4'\n")
            || whole.contains("  kubeletExtraArgs:\n  - name: v\n    value: \"4\"\n"),
        "{whole}"
    );
    assert!(whole.contains("\n  podSubnet: 10.9.0.0/16\n  serviceSubnet: 10.96.0.0/12\n"), "{whole}");
    let said = "error: error unmarshaling configuration schema.GroupVersionKind{Group:\"kubeadm.k8s.io\", Version:\"v1beta4\", Kind:\"ClusterConfiguration\"}: ";
    for (file, why) in [
        ("bad.yaml", format!("{said}strict decoding error: yaml: unmarshal errors:\n  line 5: key \"clusterName\" already set in map, unknown field \"networking.podSubnets\"\n")),
        ("odd.yaml", format!("{said}json: cannot unmarshal string into Go struct field APIServer.apiServer.certSANs of type []string\n")),
        ("small.yaml", "error: [networking.serviceSubnet: Invalid value: \"10.0.0.0/8\": specified service subnet is too large; for 32-bit addresses, the mask must be >= 12, networking.podSubnet: Invalid value: \"10.9.0.0/25\": the size of pod subnet with mask 25 is smaller than the size of node subnet with mask 24]\n".to_owned()),
        ("none.yaml", "error: open none.yaml: no such file or directory\n".to_owned()),
    ] {
        let found = seat.fails(node, &format!("kubeadm config validate --config {file}")).await;
        assert!(found.starts_with(&why), "{file}: {found}");
    }
    let images = seat.types(node, "kubeadm config images list --config bad.yaml", "").await;
    assert!(
        images.code == 0 && images.errors.contains("initconfiguration.go:332] error unmarshaling configuration"),
        "{images:?}"
    );
    assert!(images.out.starts_with("registry.k8s.io/kube-apiserver:v1.35.4\n"), "{images:?}");
    let both = seat
        .prints(
            node,
            "kubeadm config print init-defaults --component-configs KubeletConfiguration,KubeProxyConfiguration",
        )
        .await;
    assert!(
        both.contains("\n---\napiVersion: kubelet.config.k8s.io/v1beta1\n")
            && both.contains("\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_certificates_and_kubeconfigs_are_what_was_asked_for() {
    let seat = Seat::take(Topology::workers(1)).await;
    let node = "controlplane";
    for (line, why) in [
        (
            "kubeadm token create --usages foo,signing",
            "bootstrapTokens.0.usages: Invalid value: [\"foo\",\"signing\"]: invalid bootstrap token usage string: foo, valid usage options: signing,authentication",
        ),
        (
            "kubeadm token create --ttl 2d",
            "invalid argument \"2d\" for \"--ttl\" flag: time: unknown unit \"d\" in duration \"2d\"",
        ),
        (
            "kubeadm token create foo",
            "the bootstrap token \"foo\" was not of the form \"\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z\"",
        ),
        (
            "kubeadm kubeconfig user --client-name bob --validity-period 9d",
            "invalid argument \"9d\" for \"--validity-period\" flag: time: unknown unit \"d\" in duration \"9d\"",
        ),
        ("kubeadm certs generate-csr", "file already exists: key or CSR /etc/kubernetes/pki/apiserver"),
    ] {
        let said = seat.fails(node, line).await;
        assert!(said.contains(&format!("{why}\n")) || said.contains(&format!("{why}, ")), "{line}: {said}");
    }
    seat.prints(node, "kubeadm token create abcdef.0123456789abcdef --ttl 0 --description mine").await;
    let asked = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens: [{ token: fedcba.0123456789abcdef, ttl: 1h0m0s, description: filed }]\n";
    seat.files(node, |root| root.write("/root/tokens.yaml", asked.as_bytes(), 0o600)).unwrap();
    let made = seat.prints(node, "kubeadm token create --config /root/tokens.yaml").await;
    assert_eq!(made, "fedcba.0123456789abcdef\n");
    let filed = seat.prints(node, "kubeadm token list").await;
    assert!(filed.lines().any(|line| line.starts_with("fedcba.") && line.contains("filed")), "{filed}");
    let other = b"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    seat.files(node, |root| root.write("/root/kubelet.yaml", other, 0o600)).unwrap();
    let neither = seat.fails(node, "kubeadm token create --config /root/kubelet.yaml").await;
    assert!(neither.contains("no InitConfiguration or ClusterConfiguration kind was found"), "{neither}");
    let missing = seat.fails(node, "kubeadm token create --config /nope").await;
    assert!(missing.contains("open /nope: no such file or directory"), "{missing}");
    let listed = seat.prints(node, "kubeadm token list").await;
    assert!(listed.contains("abcdef.0123456789abcdef   <forever>   <never>") && listed.contains("mine"), "{listed}");
    let objects = seat.prints(node, "kubeadm token list -o yaml").await;
    let forever = "apiVersion: output.kubeadm.k8s.io/v1alpha3\ndescription: mine\ngroups:\n- system:bootstrappers:kubeadm:default-node-token\nkind: BootstrapToken\ntoken: abcdef.0123456789abcdef\nusages:\n- authentication\n- signing\n---\n";
    assert!(objects.contains(forever), "{objects}");
    let user = seat.prints(node, "kubeadm kubeconfig user --client-name bob --token abc").await;
    assert!(
        user.ends_with("users:\n- name: \"bob\"\n  user:\n    token: \"abc\"\n\n")
            || user.ends_with("users:\n- name: bob\n  user:\n    token: abc\n\n"),
        "{user}"
    );
    let checked = seat.prints(node, "kubeadm certs check-expiration -o json").await;
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(
        (&checked["certificates"][1]["caName"], &checked["certificates"][1]["missing"]),
        (&"ca".into(), &false.into())
    );
    seat.prints(node, "kubeadm certs generate-csr --cert-dir /root/csr --kubeconfig-dir /root/conf").await;
    let request = seat.files(node, |root| root.read("/root/csr/apiserver.csr").unwrap());
    let request = pki::Request::from_pem(&request).unwrap();
    assert!(request.names().dns.contains(&"kubernetes.default.svc.cluster.local".to_owned()));
    assert!(seat.files(node, |root| root.exists("/root/conf/admin.conf") && root.exists("/root/conf/admin.conf.csr")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_and_shows_what_would_be() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.prints("controlplane", "kubeadm reset -f").await;
    let said = seat.types("controlplane", "kubeadm init --dry-run --service-cidr 172.20.0.0/16", "").await;
    assert_eq!(said.code, 0, "{said:?}");
    for line in [
        "[preflight] Would pull the required images (like 'kubeadm config images pull')\n[certs] Using certificateDir folder \"/etc/kubernetes/tmp/kubeadm-init-dryrun",
        "[dryrun] Would write file \"/etc/kubernetes/manifests/kube-apiserver.yaml\" with content:\napiVersion: v1\n",
        "    - --service-cluster-ip-range=172.20.0.0/16\n",
        "[dryrun] Would make sure the kubelet returns 'ok' at http://127.0.0.1:10248/healthz\n[upload-config] Storing the configuration",
        "[dryrun] Would perform action CREATE on resource \"configmaps\" in API group \"core/v1\"\n[dryrun] Attached object:\napiVersion: v1\ndata:\n  ClusterConfiguration: ",
        "  clusterIP: 172.20.0.10\n",
        "\nYour Kubernetes control-plane has initialized successfully!\n",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    for path in [
        "/etc/kubernetes/admin.conf",
        "/etc/kubernetes/pki/ca.crt",
        "/etc/kubernetes/manifests/etcd.yaml",
        "/var/lib/kubelet/config.yaml",
    ] {
        assert!(!seat.files("controlplane", |root| root.exists(path)), "{path}");
    }
    let wrong = seat.fails("controlplane", "kubeadm init --skip-phases foo").await;
    assert!(wrong.starts_with("error: invalid phase name: foo\n"), "{wrong}");
}
