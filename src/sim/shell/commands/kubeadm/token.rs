//! `kubeadm token`: bootstrap tokens, which are Secrets of `kube-system`.
//! What a joining machine does with one is `join`'s. Source: `cmd/kubeadm/app/cmd/token.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::configuration::{self, Exactness};
use super::init::settings::mixed;
use super::table::{lines, no_printer, row};
use super::{Done, Typed, cluster, validation};
use crate::object::duration::{duration, flag_duration, go};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::{DeleteOptions, timestamp, uuid};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::pki;
use crate::sim::apiserver::registry::duration::human;
use crate::sim::apiserver::registry::kinds::secret::SECRET;
use crate::sim::apiserver::storage::Object;
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
pub const JOINING: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let verb = typed.subcommand(&["create", "delete", "generate", "list"])?;
    let flags = typed.flags(KNOWN)?;
    if verb == "generate" {
        typed.say(generate());
        return Ok(());
    }
    let path = flags.get("kubeconfig").map_or_else(|| cluster::found(typed), |path| Ok(path.to_owned()))?;
    let made = match flags.get("config") {
        _ if verb != "create" => Vec::new(),
        Some(file) => {
            mixed(&flags)?;
            Made::of_file(typed, file)?
        }
        None => Made::of_flags(&flags)?,
    };
    let client = cluster::connect(typed, &path).await?;
    match verb.as_str() {
        "create" => create(typed, &flags, (&client, &path, made)),
        "delete" => delete(typed, &flags, &client),
        _ => list(typed, &flags, &client),
    }
}

/// A new token nobody can guess.
pub fn generate() -> String {
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

fn malformed(token: &str) -> String {
    format!("the bootstrap token {token:?} was not of the form \"\\\\A([a-z0-9]{{6}})\\\\.([a-z0-9]{{16}})\\\\z\"")
}

fn create(typed: &Typed, flags: &Flags, (client, path, all): (&Client, &str, Vec<Made>)) -> Done {
    for made in &all {
        let (id, _) = parts(&made.token).unwrap_or_default();
        if client.find(&SECRET, "kube-system", &format!("bootstrap-token-{id}")).is_some() {
            return Err(format!("a token with id {id:?} already exists"));
        }
        if !flags.on("dry-run") {
            store(client, made, typed.now())?;
        }
    }
    let Some(made) = all.into_iter().next() else { return Ok(()) };
    if flags.has("certificate-key") && !flags.on("print-join-command") {
        return Err("cannot use --certificate-key without --print-join-command".to_owned());
    }
    let line =
        if flags.on("print-join-command") { join_command(typed, (path, &made.token), flags)? } else { made.token };
    typed.say(line);
    Ok(())
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct Made {
    pub token: String,
    /// How long it lasts; for ever when it is not above zero.
    pub ttl: SignedDuration,
    pub description: Option<String>,
    pub usages: Vec<String>,
    pub groups: Vec<String>,
}

impl Made {
    /// One as kubeadm makes it where nobody asks for anything else.
    pub fn usual(token: String) -> Self {
        Self {
            token,
            ttl: SignedDuration::from_hours(24),
            description: None,
            usages: ["signing", "authentication"].map(str::to_owned).to_vec(),
            groups: vec![JOINING.to_owned()],
        }
    }

    /// The one that the flags of `token create` ask for.
    fn of_flags(flags: &Flags) -> Result<Vec<Self>, String> {
        let token = flags.rest.first().cloned().unwrap_or_else(generate);
        parts(&token).ok_or_else(|| malformed(&token))?;
        let mut made = Self::usual(token);
        if let Some(ttl) = flags.get("ttl") {
            made.ttl = flag_duration("ttl", ttl)?;
        }
        made.description = flags.get("description").map(str::to_owned);
        if flags.has("usages") {
            made.usages = flags.texts("usages");
        }
        if flags.has("groups") {
            made.groups = flags.texts("groups");
        }
        Self::valid(vec![made])
    }

    /// Those of an InitConfiguration in a file (`token create --config`).
    fn of_file(typed: &Typed, file: &str) -> Result<Vec<Self>, String> {
        let text = configuration::text(typed, file)?;
        let mut found = configuration::of_init(typed, &text, Exactness::Warns)?;
        let init = found.remove("InitConfiguration").unwrap_or_default();
        let all: Vec<Self> = match meta::list(&init, "/bootstrapTokens") {
            [] => vec![Self::usual(generate())],
            listed => listed.iter().map(|one| Self::of_tree(typed, one)).collect::<Result<_, _>>()?,
        };
        Self::valid(all)
    }

    fn valid(all: Vec<Self>) -> Result<Vec<Self>, String> {
        let mut errors = ErrorList::default();
        validation::tokens(&all, &mut errors);
        if errors.is_empty() { Ok(all) } else { Err(errors.sentence()) }
    }

    /// Those that an `init` is to make: of its flags, or of an InitConfiguration.
    pub fn asked(typed: &Typed, flags: &Flags, init: &Value) -> Result<Vec<Self>, String> {
        let listed = meta::list(init, "/bootstrapTokens");
        if !listed.is_empty() {
            return listed.iter().map(|one| Self::of_tree(typed, one)).collect();
        }
        let token = flags.get("token").map_or_else(generate, str::to_owned);
        parts(&token).ok_or_else(|| malformed(&token))?;
        let mut made = Self::usual(token);
        if let Some(ttl) = flags.get("token-ttl") {
            made.ttl = flag_duration("token-ttl", ttl)?;
        }
        if !flags.has("config") {
            made.description = Some("The default bootstrap token generated by 'kubeadm init'.".to_owned());
        }
        Ok(vec![made])
    }

    fn of_tree(typed: &Typed, tree: &Value) -> Result<Self, String> {
        let text = |pointer: &str| Some(meta::text(tree, pointer)).filter(|text| !text.is_empty()).map(str::to_owned);
        let token = text("/token").unwrap_or_else(generate);
        parts(&token).ok_or_else(|| malformed(&token))?;
        let listed = |pointer: &str, usual: Vec<String>| match tree.pointer(pointer).and_then(Value::as_array) {
            Some(list) if !list.is_empty() => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => usual,
        };
        let usual = Self::usual(token);
        let ttl = match (text("/expires"), text("/ttl")) {
            (Some(_), Some(_)) => {
                return Err("bootstrapTokens.0: Invalid value: \"\": the BootstrapToken .TTL and .Expires fields are mutually exclusive".to_owned());
            }
            (Some(expires), None) => {
                let until: Timestamp = expires.parse().map_err(|error| format!("{expires:?}: {error}"))?;
                until.duration_since(typed.now())
            }
            (None, Some(ttl)) => duration(&ttl)?,
            (None, None) => usual.ttl,
        };
        Ok(Self {
            ttl,
            description: text("/description"),
            usages: listed("/usages", usual.usages),
            groups: listed("/groups", usual.groups),
            token: usual.token,
        })
    }

    /// As an InitConfiguration says it.
    pub fn tree(&self) -> Value {
        let mut tree =
            json!({ "groups": self.groups, "token": self.token, "ttl": go(self.ttl), "usages": self.usages });
        if let Some(description) = &self.description {
            tree["description"] = json!(description);
        }
        tree
    }
}

/// The Secret of a token.
pub fn secret(made: &Made, now: Timestamp) -> Value {
    let (id, secret) = parts(&made.token).unwrap_or_default();
    let mut data = json!({ "token-id": id, "token-secret": secret });
    if !made.groups.is_empty() {
        data["auth-extra-groups"] = json!(made.groups.join(","));
    }
    made.usages.iter().for_each(|usage| data[format!("usage-bootstrap-{usage}")] = json!("true"));
    if let Some(description) = made.description.as_ref().filter(|text| !text.is_empty()) {
        data["description"] = json!(description);
    }
    if made.ttl.is_positive() {
        data["expiration"] = json!(timestamp(now.saturating_add(made.ttl).unwrap_or(Timestamp::MAX)));
    }
    json!({
        "metadata": { "name": format!("bootstrap-token-{id}"), "namespace": "kube-system" },
        "type": "bootstrap.kubernetes.io/token",
        "stringData": data,
    })
}

/// Puts a token into the cluster, as a Secret.
pub fn store(client: &Client, made: &Made, now: Timestamp) -> Result<Object, String> {
    let secret = secret(made, now);
    let name = meta::name(&secret).to_owned();
    let created = match client.create(&SECRET, secret.clone()) {
        Err(status) if status.is_conflict() => client.update(&SECRET, secret),
        created => created,
    };
    created.map_err(|status| format!("failed to create or update bootstrap token with name {name}: {status}"))
}

/// Where a machine that joins finds the cluster, by a kubeconfig, and the hash of its authority's key.
pub fn place(typed: &Typed, path: &str) -> Result<(String, String), String> {
    let text = typed.root()?.text(path).map_err(|error| format!("failed to load kubeconfig: {error}"))?;
    let config: Value = serde_yaml::from_str(&text).map_err(|error| format!("failed to load kubeconfig: {error}"))?;
    let place = &config["clusters"][0]["cluster"];
    let server = place["server"].as_str().unwrap_or_default().trim_start_matches("https://");
    let authority = STANDARD.decode(place["certificate-authority-data"].as_str().unwrap_or_default());
    let authority = authority.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let hash = pki::public_key_hash(&authority).map_err(|error| format!("failed to get join command: {error}"))?;
    Ok((server.to_owned(), hash))
}

fn join_command(typed: &Typed, (path, token): (&str, &str), flags: &Flags) -> Result<String, String> {
    let (server, hash) = place(typed, path)?;
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

    /// As `-o json` shows it. Source: `cmd/kubeadm/app/apis/output/v1alpha3`.
    fn tree(&self) -> Value {
        let mut tree = json!({
            "kind": "BootstrapToken",
            "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
            "token": format!("{}.{}", self.id, self.secret),
        });
        if !self.description.is_empty() {
            tree["description"] = json!(self.description);
        }
        if let Some(expires) = self.expires {
            tree["expires"] = json!(timestamp(expires));
        }
        if !self.usages.is_empty() {
            tree["usages"] = json!(self.usages);
        }
        if !self.groups.is_empty() {
            tree["groups"] = self.groups.split(',').collect();
        }
        tree
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

fn list(typed: &Typed, flags: &Flags, client: &Client) -> Done {
    let all = Token::all(client);
    match flags.get("output").unwrap_or("text") {
        "text" => table(typed, &all),
        "json" => {
            for token in &all {
                typed.call.print(configuration::json(&token.tree())?);
            }
        }
        "yaml" => {
            let texts: Result<Vec<_>, String> = all.iter().map(|token| configuration::yaml(&token.tree())).collect();
            typed.call.print(texts?.join("---\n"));
        }
        other => return Err(no_printer(other)),
    }
    Ok(())
}

fn table(typed: &Typed, all: &[Token]) {
    let mut rows = vec![row(["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"])];
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    for token in all {
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
    fn tokens_are_read_as_kubeadm_reads_them() {
        assert_eq!(parts("abcdef.0123456789abcdef"), Some(("abcdef", "0123456789abcdef")));
        assert!(parts("abcdef").is_none() && parts("ABCDEF.0123456789abcdef").is_none());
        assert!(parts(&generate()).is_some());
    }
}
