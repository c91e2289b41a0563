//! `kubeadm kubeconfig user`: a kubeconfig for somebody, signed by the cluster's authority on this machine.
//! Source: `cmd/kubeadm/app/cmd/kubeconfig.go`.

use jiff::SignedDuration;

use super::certificates::authority;
use super::configuration::warn;
use super::init::settings::Settings;
use super::{Done, Typed};
use crate::object::duration::{flag_duration, go};
use crate::sim::apiserver::pki::{Issue, Kubeconfig, Subject, Usages};
use crate::sim::shell::flags::Known;

static KNOWN: Known = &[
    ("client-name", '\0', true),
    ("org", '\0', true),
    ("config", '\0', true),
    ("token", '\0', true),
    ("validity-period", '\0', true),
];

/// How long a certificate lasts where nobody says (`CertificateValidityPeriod`).
pub const USUAL: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    typed.subcommand(&["user"])?;
    let flags = typed.flags(KNOWN)?;
    let user = flags.get("client-name").ok_or_else(|| "required flag(s) \"client-name\" not set".to_owned())?;
    let period = flags.get("validity-period").map(|text| flag_duration("validity-period", text)).transpose()?;
    let (groups, token) = (flags.texts("org"), flags.get("token"));
    let settings = Settings::read(typed, &flags.only(&["config"]))?;
    let period = period.unwrap_or(USUAL);
    if period > USUAL {
        let (long, usual) = (go(period), go(USUAL));
        let why = format!(
            "WARNING: the specified certificate validity period {long} is longer than the default duration {usual}, this may increase security risks."
        );
        warn(typed, "kubeconfig.go:95", &why);
    }
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let server = settings.server(typed);
    let asked = Asked { user, groups: &groups, token, period };
    let text = asked.text(typed, (settings.folder(), &server));
    typed.say(text.map_err(|why| format!("couldn't create a kubeconfig; the CA files couldn't be loaded: {why}"))?);
    Ok(())
}

/// A kubeconfig that is asked for.
struct Asked<'a> {
    user: &'a str,
    groups: &'a [&'a str],
    token: Option<&'a str>,
    period: SignedDuration,
}

impl Asked<'_> {
    /// Its text: for a server, by the authority in a folder.
    fn text(&self, typed: &Typed, (folder, server): (&str, &str)) -> Result<String, String> {
        let authority = authority(typed.root()?, folder, "ca")?;
        let pem = authority.certificate_pem();
        let config = Kubeconfig { server, authority: &pem, user: self.user, certificate: "", key: "", namespace: None };
        if let Some(token) = self.token {
            return Ok(config.with_token(token));
        }
        let now = typed.now();
        let usual = Issue::for_a_year(Subject::new(self.user, self.groups), Usages::client(), now);
        let issue = Issue { not_after: now.saturating_add(self.period).unwrap_or(usual.not_after), ..usual };
        let issued = authority.issue(&issue).map_err(|error| error.to_string())?;
        let (certificate, key) = (issued.certificate_pem(), issued.key.to_pem());
        Ok(Kubeconfig { certificate: &certificate, key: &key, ..config }.to_yaml())
    }
}

/// A kubeconfig for a user of some groups, signed by the authority in a folder, for a server.
pub fn signed(typed: &Typed, (user, groups): (&str, &[&str]), place: (&str, &str)) -> Result<String, String> {
    Asked { user, groups, token: None, period: USUAL }.text(typed, place)
}
