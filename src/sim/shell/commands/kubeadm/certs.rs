//! `kubeadm certs`: how long certificates last, and new ones in their place.
//! Which there are stands in `certificates`. Source: `cmd/kubeadm/app/cmd/certs.go`.

use jiff::Timestamp;
use serde_json::json;

use super::certificates::{AUTHORITIES, CERTIFICATES, Certificate, PKI};
use super::table::{lines, row};
use super::{Done, Typed, cluster};
use crate::sim::apiserver::pki;
use crate::sim::apiserver::registry::duration::human;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known =
    &[("cert-dir", '\0', true), ("config", '\0', true), ("kubeconfig", '\0', true), ("output", 'o', true)];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    match typed.subcommand(&["check-expiration", "renew", "certificate-key"])?.as_str() {
        "check-expiration" => check(typed).await,
        "renew" => renew(typed).await,
        _ => {
            let key: String = (0..2).map(|_| crate::sim::apiserver::endpoints::uuid().replace('-', "")).collect();
            typed.say(key);
            Ok(())
        }
    }
}

/// Reads the cluster's configuration where it answers; without it the defaults do.
async fn configuration(typed: &Typed, flags: &Flags, prefix: &str) -> Result<String, String> {
    if flags.get("config").is_none()
        && let Ok(client) = cluster::connect(typed, flags.get("kubeconfig").unwrap_or(cluster::ADMIN)).await
    {
        cluster::configuration(typed, &client, prefix)?;
        typed.say("");
    } else if typed.root()?.exists(flags.get("kubeconfig").unwrap_or(cluster::ADMIN)) {
        typed.say(format_args!(
            "[{prefix}] Error reading configuration from the Cluster. Falling back to default configuration\n"
        ));
    }
    Ok(flags.get("cert-dir").unwrap_or(PKI).trim_end_matches('/').to_owned())
}

/// How long something still lasts.
fn residual(until: Timestamp, now: Timestamp) -> String {
    human(until.as_second() - now.as_second())
}

async fn check(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let json = flags.get("output") == Some("json");
    let folder = if json {
        flags.get("cert-dir").unwrap_or(PKI).to_owned()
    } else {
        configuration(typed, &flags, "check-expiration").await?
    };
    let (root, now) = (typed.root()?, typed.now());
    let day = |time: Timestamp| time.strftime("%b %d, %Y %H:%M UTC").to_string();
    let authorities = AUTHORITIES.iter().map(|(name, file)| {
        let found = root.text(&format!("{folder}/{file}.crt")).ok().and_then(|text| pki::inspect(&text).ok());
        (*name, found.map(|found| found.not_after))
    });
    let authorities: Vec<(&str, Option<Timestamp>)> = authorities.collect();
    if json {
        let one = |name: &str, until: Option<Timestamp>| match until {
            Some(until) => {
                json!({ "name": name, "expirationDate": until.to_string(), "residualTime": until.as_second() - now.as_second() })
            }
            None => json!({ "name": name, "missing": true }),
        };
        let certificates =
            CERTIFICATES.iter().map(|known| one(known.name, known.read(root, &folder).map(|found| found.not_after)));
        let whole = json!({
            "kind": "CertificateExpirationInfo", "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
            "certificates": certificates.collect::<Vec<_>>(),
            "certificateAuthorities": authorities.iter().map(|(name, until)| one(name, *until)).collect::<Vec<_>>(),
        });
        typed.say(serde_json::to_string_pretty(&whole).unwrap_or_default());
        return Ok(());
    }
    let mut rows =
        vec![row(["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"])];
    rows.extend(CERTIFICATES.iter().map(|known| match known.read(root, &folder) {
        Some(found) => {
            let (until, left) = (day(found.not_after), residual(found.not_after, now));
            row([known.name, &until, &left, known.authority, "no      "])
        }
        None => row([&format!("!MISSING! {}", known.name), "", "", "", ""]),
    }));
    lines(&rows).iter().for_each(|line| typed.say(line));
    typed.say("");
    let mut rows = vec![row(["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"])];
    rows.extend(authorities.iter().map(|(name, until)| match until {
        Some(until) => row([name, &day(*until), &residual(*until, now), "no      "]),
        None => row([&format!("!MISSING! {name}"), "", "", ""]),
    }));
    lines(&rows).iter().for_each(|line| typed.say(line));
    Ok(())
}

async fn renew(typed: &mut Typed) -> Done {
    let names: Vec<&str> = CERTIFICATES.iter().map(|known| known.name).chain(["all"]).collect();
    let name = typed.subcommand(&names)?;
    let flags = typed.flags(KNOWN)?;
    if let Some(more) = flags.rest.first() {
        return Err(format!("unknown command {more:?} for {:?}", typed.path));
    }
    let folder = configuration(typed, &flags, "renew").await?;
    let wanted = CERTIFICATES.iter().filter(|known| name == "all" || known.name == name);
    for known in wanted {
        one(typed, &folder, known)?;
    }
    if name == "all" {
        typed.say("\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that they can use the new certificates.");
    }
    Ok(())
}

fn one(typed: &Typed, folder: &str, known: &Certificate) -> Done {
    let root = typed.root()?;
    let line = if known.read(root, folder).is_none() {
        format!("MISSING! {}", known.long)
    } else if known.renew(root, folder, typed.now())? {
        format!("{} renewed", known.long)
    } else {
        format!("Detected external {}, {} can't be renewed", known.authority, known.long)
    };
    typed.say(line);
    Ok(())
}
