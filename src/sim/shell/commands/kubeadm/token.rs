//! `kubeadm token`: bootstrap tokens, which are Secrets of `kube-system`.
//! What a joining machine does with one is `join`'s. Source: `cmd/kubeadm/app/cmd/token.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::table::{lines, row};
use super::{Done, Typed, cluster};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::{DeleteOptions, timestamp, uuid};
use crate::sim::apiserver::pki;
use crate::sim::apiserver::registry::duration::human;
use crate::sim::apiserver::registry::kinds::secret::SECRET;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("kubeconfig", '\0', true),
    ("dry-run", '\0', false),
    ("print-join-command", '\0', false),
    ("ttl", '\0', true),
    ("description", '\0', true),
    ("usages", '\0', true),
    ("groups", '\0', true),
    ("certificate-key", '\0', true),
    ("config", '\0', true),
    ("output", 'o', true),
];

/// The group whose members may become nodes.
const JOINING: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let verb = typed.subcommand(&["create", "delete", "generate", "list"])?;
    let flags = typed.flags(KNOWN)?;
    if verb == "generate" {
        typed.say(generate());
        return Ok(());
    }
    let path = flags.get("kubeconfig").unwrap_or(cluster::ADMIN).to_owned();
    let client = cluster::connect(typed, &path).await?;
    match verb.as_str() {
        "create" => create(typed, &flags, (&client, &path)),
        "delete" => delete(typed, &flags, &client),
        _ => {
            list(typed, &client);
            Ok(())
        }
    }
}

/// A new token nobody can guess.
fn generate() -> String {
    let letters: Vec<char> = format!("{}{}", uuid(), uuid()).replace('-', "").chars().collect();
    let part = |from: usize, to: usize| letters[from..to].iter().collect::<String>();
    format!("{}.{}", part(0, 6), part(32, 48))
}

/// Whether something is a token: its id and its secret.
pub fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let fits = |part: &str, length: usize| {
        part.len() == length && part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    (fits(id, 6) && fits(secret, 16)).then_some((id, secret))
}

/// A duration as Go writes it (`24h0m0s`, `1h`, `90s`).
fn duration(text: &str) -> Option<SignedDuration> {
    if text == "0" {
        return Some(SignedDuration::ZERO);
    }
    let (mut whole, mut digits) = (SignedDuration::ZERO, String::new());
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let number: i64 = digits.parse().ok()?;
        digits.clear();
        whole += match letter {
            'h' => SignedDuration::from_hours(number),
            'm' => SignedDuration::from_mins(number),
            's' => SignedDuration::from_secs(number),
            _ => return None,
        };
    }
    digits.is_empty().then_some(whole)
}

fn create(typed: &Typed, flags: &Flags, (client, path): (&Client, &str)) -> Done {
    let ttl = flags.get("ttl").unwrap_or("24h0m0s");
    let ttl = duration(ttl)
        .ok_or_else(|| format!("invalid argument {ttl:?} for \"--ttl\" flag: time: invalid duration {ttl:?}"))?;
    let token = flags.rest.first().cloned().unwrap_or_else(generate);
    let (id, secret) = parts(&token).ok_or_else(|| {
        format!("the bootstrap token {token:?} was not of the form \"\\\\A([a-z0-9]{{6}})\\\\.([a-z0-9]{{16}})\\\\z\"")
    })?;
    if flags.has("certificate-key") && !flags.on("print-join-command") {
        return Err("cannot use --certificate-key without --print-join-command".to_owned());
    }
    let usages = if flags.has("usages") { flags.all("usages") } else { vec!["signing", "authentication"] };
    let groups = if flags.has("groups") { flags.all("groups").join(",") } else { JOINING.to_owned() };
    let mut data = json!({ "token-id": id, "token-secret": secret, "auth-extra-groups": groups });
    usages.iter().for_each(|usage| data[format!("usage-bootstrap-{usage}")] = json!("true"));
    if let Some(description) = flags.get("description") {
        data["description"] = json!(description);
    }
    if !ttl.is_zero() {
        data["expiration"] = json!(timestamp(typed.now() + ttl));
    }
    let name = format!("bootstrap-token-{id}");
    if client.find(&SECRET, "kube-system", &name).is_some() {
        return Err(format!("a token with id {id:?} already exists"));
    }
    if !flags.on("dry-run") {
        let secret = json!({
            "metadata": { "name": name, "namespace": "kube-system" },
            "type": "bootstrap.kubernetes.io/token",
            "stringData": data,
        });
        client
            .create(&SECRET, secret)
            .map_err(|status| format!("failed to create or update bootstrap token with name {name}: {status}"))?;
    }
    let line = if flags.on("print-join-command") { join_command(typed, (path, &token), flags)? } else { token };
    typed.say(line);
    Ok(())
}

fn join_command(typed: &Typed, (path, token): (&str, &str), flags: &Flags) -> Result<String, String> {
    let text = typed.root()?.text(path).map_err(|error| format!("failed to load kubeconfig: {error}"))?;
    let config: Value = serde_yaml::from_str(&text).map_err(|error| format!("failed to load kubeconfig: {error}"))?;
    let place = &config["clusters"][0]["cluster"];
    let server = place["server"].as_str().unwrap_or_default().trim_start_matches("https://");
    let authority = STANDARD.decode(place["certificate-authority-data"].as_str().unwrap_or_default());
    let authority = authority.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let hash = pki::public_key_hash(&authority).map_err(|error| format!("failed to get join command: {error}"))?;
    let control_plane = match flags.get("certificate-key") {
        Some(key) => format!("--control-plane --certificate-key {key}"),
        None => String::new(),
    };
    Ok(format!("kubeadm join {server} --token {token} --discovery-token-ca-cert-hash sha256:{hash} {control_plane}"))
}

/// A bootstrap token as its Secret has it.
pub struct Token {
    pub id: String,
    pub secret: String,
    pub expires: Option<Timestamp>,
    pub usages: Vec<String>,
    pub groups: String,
    description: String,
}

impl Token {
    fn of(secret: &Value) -> Option<Self> {
        if meta::text(secret, "/type") != "bootstrap.kubernetes.io/token" {
            return None;
        }
        let text = |key: &str| {
            let bytes = STANDARD.decode(secret["data"][key].as_str().unwrap_or_default()).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        };
        let usages = ["authentication", "signing"].map(str::to_owned).into_iter();
        Some(Self {
            id: text("token-id"),
            secret: text("token-secret"),
            expires: text("expiration").parse().ok(),
            usages: usages.filter(|usage| text(&format!("usage-bootstrap-{usage}")) == "true").collect(),
            groups: text("auth-extra-groups"),
            description: text("description"),
        })
    }

    /// All of a cluster.
    pub fn all(client: &Client) -> Vec<Self> {
        client.list(&SECRET, "kube-system").iter().filter_map(|secret| Self::of(secret)).collect()
    }

    /// Whether it still counts.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

fn list(typed: &Typed, client: &Client) {
    let mut rows = vec![row(["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"])];
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    for token in Token::all(client) {
        let left = token
            .expires
            .map_or("<forever>".to_owned(), |expires| human(expires.as_second() - typed.now().as_second()));
        rows.push(vec![
            format!("{}.{}", token.id, token.secret),
            format!("{left:<9}"),
            token.expires.map_or("<never>".to_owned(), timestamp),
            format!("{:<22}", or(&token.usages.join(","), "<none>")),
            format!("{:<56}", or(&token.description, "<none>")),
            or(&token.groups, "<none>"),
        ]);
    }
    if rows.len() > 1 {
        lines(&rows).iter().for_each(|line| typed.say(line));
    }
}

fn delete(typed: &Typed, flags: &Flags, client: &Client) -> Done {
    if flags.rest.is_empty() {
        return Err("missing argument; 'token delete' is missing token of form [\"^([a-z0-9]{6})$\"] or [\"\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z\"]".to_owned());
    }
    for asked in &flags.rest {
        let id = parts(asked).map_or(asked.as_str(), |(id, _)| id);
        if id.len() != 6 {
            return Err("given token didn't match pattern \"\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z\" or \"\\\\A([a-z0-9]{6})\\\\z\"".to_owned());
        }
        let gone = client.delete(&SECRET, "kube-system", &format!("bootstrap-token-{id}"), &DeleteOptions::default());
        gone.map_err(|status| format!("failed to delete bootstrap token {id:?}: {status}"))?;
        typed.say(format_args!("bootstrap token {id:?} deleted"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_durations_are_read_as_kubeadm_reads_them() {
        assert_eq!(parts("abcdef.0123456789abcdef"), Some(("abcdef", "0123456789abcdef")));
        assert!(parts("abcdef").is_none() && parts("ABCDEF.0123456789abcdef").is_none());
        assert!(parts(&generate()).is_some());
        assert_eq!(duration("1h30m"), Some(SignedDuration::from_mins(90)));
        assert_eq!(duration("0"), Some(SignedDuration::ZERO));
        assert!(duration("2 days").is_none() && duration("90").is_none());
    }
}
