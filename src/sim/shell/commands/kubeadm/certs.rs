//! `kubeadm certs`: how long certificates last, and new ones in their place.
//! Which there are stands in `certificates`. Source: `cmd/kubeadm/app/cmd/certs.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::certificates::{self, AUTHORITIES, CERTIFICATES, Certificate, PKI};
use super::init::settings::Settings;
use super::init::uploads;
use super::table::{lines, row};
use super::{Done, Typed, cluster, requests};
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::pki;
use crate::sim::apiserver::registry::duration::human;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known =
    &[("cert-dir", '\0', true), ("config", '\0', true), ("kubeconfig", '\0', true), ("output", 'o', true)];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    match typed.subcommand(&["check-expiration", "renew", "certificate-key", "generate-csr"])?.as_str() {
        "check-expiration" => check(typed).await,
        "renew" => renew(typed).await,
        "generate-csr" => requests::run(typed),
        _ => {
            typed.say(uploads::certificate_key());
            Ok(())
        }
    }
}

/// The folder of the certificates: a flag's, or that of the cluster's configuration where it answers; without it the defaults do.
async fn folder(typed: &Typed, flags: &Flags, prefix: Option<&str>) -> Result<String, String> {
    let given = flags.get("cert-dir").map(|folder| folder.trim_end_matches('/').to_owned());
    if flags.has("config") {
        let settings = Settings::read(typed, &flags.only(&["config"]))?;
        return Ok(given.unwrap_or_else(|| settings.folder().to_owned()));
    }
    let path = flags.get("kubeconfig").unwrap_or(cluster::ADMIN);
    let Ok(client) = cluster::connect(typed, path).await else {
        if let Some(prefix) = prefix.filter(|_| typed.root().is_ok_and(|root| root.exists(path))) {
            typed.say(format_args!(
                "[{prefix}] Error reading configuration from the Cluster. Falling back to default configuration\n"
            ));
        }
        return Ok(given.unwrap_or_else(|| PKI.to_owned()));
    };
    let config = match prefix {
        Some(prefix) => cluster::configuration(typed, &client, prefix)?,
        None => cluster::stored(&client)?,
    };
    if prefix.is_some() {
        typed.say("");
    }
    let own = meta::text(&config, "/certificatesDir").trim_end_matches('/').to_owned();
    Ok(given.unwrap_or(if own.is_empty() { PKI.to_owned() } else { own }))
}

/// How long something still lasts.
fn residual(until: Timestamp, now: Timestamp) -> String {
    human(seconds_left(until, now))
}

/// Begun seconds do not count: what was renewed in this very second lasts 364 days, not 365.
fn seconds_left(until: Timestamp, now: Timestamp) -> i64 {
    until.duration_since(now).as_secs()
}

/// One line of the tables: a certificate or an authority, until when it lasts, and who signed it.
struct Line {
    name: &'static str,
    until: Option<Timestamp>,
    authority: &'static str,
    /// Whether whoever signed it keeps the key elsewhere.
    external: bool,
}

async fn check(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    let as_text = flags.get("output").is_none_or(|form| form == "text");
    let folder = folder(typed, &flags, as_text.then_some("check-expiration")).await?;
    let (root, now) = (typed.root()?, typed.now());
    let external = |authority: &str| certificates::is_external(root, &folder, authority);
    let certificates = CERTIFICATES.iter().map(|known| Line {
        name: known.name,
        until: known.read(root, &folder).map(|found| found.not_after),
        authority: known.authority,
        external: external(known.authority),
    });
    let authorities = AUTHORITIES.iter().map(|(name, file)| {
        let found = root.text(&format!("{folder}/{file}.crt")).ok().and_then(|text| pki::inspect(&text).ok());
        Line { name, until: found.map(|found| found.not_after), authority: "", external: external(name) }
    });
    let (certificates, authorities): (Vec<Line>, Vec<Line>) = (certificates.collect(), authorities.collect());
    let whole = json!({
        "kind": "CertificateExpirationInfo",
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "certificates": certificates.iter().map(|line| line.tree(now)).collect::<Vec<_>>(),
        "certificateAuthorities": authorities.iter().map(|line| line.tree(now)).collect::<Vec<_>>(),
    });
    typed.output(&flags, &whole, || text((&certificates, &authorities), now))
}

impl Line {
    fn tree(&self, now: Timestamp) -> Value {
        let mut tree = json!({
            "name": self.name,
            "expirationDate": self.until.map(timestamp),
            "residualTime": self.until.map_or(0, |until| seconds_left(until, now)),
            "externallyManaged": self.until.is_some() && self.external,
        });
        if self.until.is_some() && !self.authority.is_empty() {
            tree["caName"] = json!(self.authority);
        }
        tree["missing"] = json!(self.until.is_none());
        tree
    }
}

/// The two tables.
fn text((certificates, authorities): (&[Line], &[Line]), now: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%b %d, %Y %H:%M UTC").to_string();
    let external = |line: &Line| if line.external { "yes     " } else { "no      " };
    let mut first =
        vec![row(["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"])];
    first.extend(certificates.iter().map(|line| match line.until {
        Some(until) => row([line.name, &day(until), &residual(until, now), line.authority, external(line)]),
        None => row([&format!("!MISSING! {}", line.name), "", "", "", ""]),
    }));
    let mut second = vec![row(["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"])];
    second.extend(authorities.iter().map(|line| match line.until {
        Some(until) => row([line.name, &day(until), &residual(until, now), external(line)]),
        None => row([&format!("!MISSING! {}", line.name), "", "", ""]),
    }));
    let table = |rows: &[Vec<String>]| lines(rows).join("\n") + "\n";
    format!("{}\n{}", table(&first), table(&second))
}

async fn renew(typed: &mut Typed) -> Done {
    let names: Vec<&str> = CERTIFICATES.iter().map(|known| known.name).chain(["all"]).collect();
    let name = typed.subcommand(&names)?;
    let flags = typed.flags(KNOWN)?;
    if let Some(more) = flags.rest.first() {
        return Err(format!("unknown command {more:?} for {:?}", typed.path));
    }
    let folder = folder(typed, &flags, Some("renew")).await?;
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
