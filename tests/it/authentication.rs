//! Who somebody is to the API server: certificates, tokens, impersonation, in the words of kube-apiserver 1.35.4.
//! What they may do stands in `rbac.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use kubedrill::sim::apiserver::auth::impersonation::impersonate;
use kubedrill::sim::apiserver::auth::{
    Authenticator, PeerCertificate, Policy, TokenClaims, TokenKey, TokenObjects, User,
};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use serde_json::{Value, json};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap_or_default()
}

#[derive(Default)]
struct Stored(HashMap<(String, String), Arc<Value>>);

impl Stored {
    fn put(&mut self, kind: &str, name: &str, uid: &str) {
        let object = json!({"metadata": {"name": name, "namespace": "ns", "uid": uid}});
        self.0.insert((kind.to_owned(), name.to_owned()), Arc::new(object));
    }
}

impl TokenObjects for Stored {
    fn object(&self, kind: &str, _namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.0.get(&(kind.to_owned(), name.to_owned())).cloned()
    }

    fn note_use(&self, _secret: &Value, _now: Timestamp) {}
}

fn cluster() -> Result<(Authority, Authenticator), Box<dyn std::error::Error>> {
    let authority = Authority::generate("kubernetes", now())?;
    let authenticator = Authenticator::new(authority.certificate(), TokenKey::new(&KeyPair::generate()?)?);
    Ok((authority, authenticator))
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("")))
    };
    pairs.iter().map(pair).collect()
}

fn claims() -> TokenClaims<'static> {
    TokenClaims { namespace: "ns", name: "one", uid: "u1", ..TokenClaims::default() }
}

#[test]
fn a_certificate_is_its_name_and_groups() -> Outcome {
    let (authority, authenticator) = cluster()?;
    let issued = authority.issue_client("jane", &["dev", "ops"], now())?;
    let peer = PeerCertificate::new(issued.certificate);
    let stored = Stored::default();
    let user = authenticator.authenticate(Some(&peer), &HeaderMap::new(), now(), &stored)?;
    assert_eq!(
        (user.name.as_str(), user.groups),
        ("jane", vec!["dev".into(), "ops".into(), "system:authenticated".into()])
    );
    let credential = &user.extra["authentication.kubernetes.io/credential-id"][0];
    assert_eq!(credential.len(), "X509SHA256=".len() + 64);
    let later = now() + Duration::from_secs(366 * 24 * 3600);
    let refused = authenticator.authenticate(Some(&peer), &HeaderMap::new(), later, &stored);
    assert_eq!(refused.map_err(|status| (status.code, status.message)), Err((401, "Unauthorized".to_owned())));
    Ok(())
}

#[test]
fn a_strangers_certificate_is_refused_unless_a_token_is_good() -> Outcome {
    let (_, authenticator) = cluster()?;
    let stranger = Authority::generate("kubernetes", now())?.issue_client("jane", &["system:masters"], now())?;
    let peer = PeerCertificate::new(stranger.certificate);
    let mut stored = Stored::default();
    stored.put("ServiceAccount", "one", "u1");
    let refused = authenticator.authenticate(Some(&peer), &HeaderMap::new(), now(), &stored);
    assert_eq!(refused.map_err(|status| status.code), Err(401));
    let (token, _) = authenticator.tokens().issue(&claims(), 3600, now(), "id")?;
    let bearer = headers(&[("authorization", &format!("Bearer {token}"))]);
    let user = authenticator.authenticate(Some(&peer), &bearer, now(), &stored)?;
    assert_eq!(user.name, "system:serviceaccount:ns:one");
    Ok(())
}

#[test]
fn nobody_in_particular_is_anonymous_but_a_bad_token_is_refused() -> Outcome {
    let (_, authenticator) = cluster()?;
    let ask = |value: &str| {
        let headers = if value.is_empty() { HeaderMap::new() } else { headers(&[("authorization", value)]) };
        authenticator.authenticate(None, &headers, now(), &Stored::default()).map_err(|status| status.code)
    };
    for silent in ["", "Basic abc", "Bearer ", "bearer"] {
        assert_eq!(ask(silent), Ok(User::anonymous()), "{silent}");
    }
    assert_eq!(ask("Bearer abc"), Err(401));
    Ok(())
}

#[test]
fn a_token_says_who_for_whom_and_until_when() -> Outcome {
    let (_, authenticator) = cluster()?;
    let mut stored = Stored::default();
    stored.put("ServiceAccount", "one", "u1");
    stored.put("Pod", "web", "p1");
    let bound = TokenClaims { bound: Some(("Pod", "web", "p1")), node: Some(("node01", "n1")), ..claims() };
    let (token, until) = authenticator.tokens().issue(&bound, 600, now(), "7")?;
    assert_eq!(until, now() + Duration::from_secs(600));
    let found = authenticator.review_token(&token, &[], now(), &stored)?;
    assert_eq!(found.audiences, [ISSUER]);
    let extra = json!({
        "authentication.kubernetes.io/credential-id": ["JTI=7"],
        "authentication.kubernetes.io/node-name": ["node01"],
        "authentication.kubernetes.io/node-uid": ["n1"],
        "authentication.kubernetes.io/pod-name": ["web"],
        "authentication.kubernetes.io/pod-uid": ["p1"],
    });
    let groups = ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"];
    let info = json!({"username": "system:serviceaccount:ns:one", "uid": "u1", "groups": groups, "extra": extra});
    assert_eq!(found.user.to_value(), info);
    let why = |objects: &Stored, seconds: i64| {
        let then = now() + Duration::from_secs(seconds.unsigned_abs());
        authenticator.review_token(&token, &[], then, objects).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(why(&stored, 659), "");
    assert_eq!(why(&stored, 661), "[invalid bearer token, service account token has expired]");
    stored.put("Pod", "web", "p2");
    let pod = "[invalid bearer token, pod UID (p2) does not match service account pod ref claim (p1)]";
    assert_eq!(why(&stored, 0), pod);
    stored.0.retain(|(kind, _), _| kind != "Pod");
    assert_eq!(why(&stored, 0), "[invalid bearer token, service account token has been invalidated]");
    stored.put("ServiceAccount", "one", "u2");
    let account = "[invalid bearer token, service account UID (u2) does not match claim (u1)]";
    assert_eq!(why(&stored, 0), account);
    let gone = "[invalid bearer token, serviceaccounts \"one\" not found]";
    assert_eq!(why(&Stored::default(), 0), gone);
    Ok(())
}

#[test]
fn reviews_of_tokens_are_in_the_servers_words() -> Outcome {
    let (_, authenticator) = cluster()?;
    let mut stored = Stored::default();
    stored.put("ServiceAccount", "one", "u1");
    let (token, _) = authenticator.tokens().issue(&claims(), 3600, now(), "id")?;
    let why = |token: &str, audiences: &[String]| {
        let found = authenticator.review_token(token, audiences, now(), &stored);
        found.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(why(&token, &[]), "");
    assert_eq!(why("abc", &[]), "invalid bearer token");
    assert_eq!(why("a.b.c", &[]), "invalid bearer token");
    let foo = "[invalid bearer token, token audiences [\"https://kubernetes.default.svc.cluster.local\"] is invalid for the \
               target audiences [\"foo\"]]";
    assert_eq!(why(&token, &["foo".to_owned()]), foo);
    let broken = "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]";
    assert_eq!(why(&format!("{token}x"), &[]), broken);
    let other = TokenKey::new(&KeyPair::generate()?)?.issue(&claims(), 3600, now(), "id")?.0;
    assert_eq!(why(&other, &[]), "[invalid bearer token, invalid signature, no keys found]");
    Ok(())
}

#[test]
fn the_token_of_a_secret_lives_with_it() -> Outcome {
    use base64::Engine as _;
    let (_, authenticator) = cluster()?;
    let mut stored = Stored::default();
    stored.put("ServiceAccount", "one", "u1");
    let token = authenticator.tokens().issue_legacy(&claims(), "s")?;
    let data = base64::engine::general_purpose::STANDARD.encode(&token);
    let secret = json!({"metadata": {"name": "s", "namespace": "ns"}, "data": {"token": data}});
    stored.0.insert(("Secret".to_owned(), "s".to_owned()), Arc::new(secret));
    let much_later = now() + Duration::from_secs(1 << 30);
    let found = authenticator.review_token(&token, &[], much_later, &stored)?;
    assert_eq!(found.user.name, "system:serviceaccount:ns:one");
    stored.0.retain(|(kind, _), _| kind != "Secret");
    let refused = authenticator.review_token(&token, &[], now(), &stored);
    let said = "[invalid bearer token, Token has been invalidated]";
    assert_eq!(refused.err().map(|error| error.to_string()).as_deref(), Some(said));
    Ok(())
}

/// A policy in which `one` may impersonate users, groups and ServiceAccounts, and nothing else of a user.
fn policy() -> Policy {
    let role = json!({
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["users", "groups", "serviceaccounts"], "verbs": ["impersonate"]}],
    });
    let binding = json!({
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "User", "name": "one"}],
    });
    Policy::of(&[role, binding])
}

#[test]
fn impersonation_gives_the_groups_the_real_server_gives() -> Outcome {
    let policy = policy();
    let root = User::new("root", &["system:masters"]);
    let become_of = |pairs: &[(&'static str, &str)]| impersonate(&headers(pairs), &root, &policy);
    let groups = |pairs| become_of(pairs).map(|user| user.map(|user| user.groups.join(" ")).unwrap_or_default());
    let account = "system:serviceaccounts system:serviceaccounts:ns system:authenticated";
    assert_eq!(become_of(&[])?, None);
    assert_eq!(groups(&[("impersonate-user", "jane")])?, "system:authenticated");
    assert_eq!(groups(&[("impersonate-user", "system:serviceaccount:ns:sa")])?, account);
    assert_eq!(groups(&[("impersonate-user", "system:anonymous")])?, "system:unauthenticated");
    let nobody = [("impersonate-user", "jane"), ("impersonate-group", "system:unauthenticated")];
    assert_eq!(groups(&nobody)?, "system:unauthenticated");
    let all = [
        ("impersonate-user", "jane"),
        ("impersonate-group", "g"),
        ("impersonate-group", "h"),
        ("impersonate-uid", "3"),
        ("impersonate-extra-acme.com%2fscope", "view"),
    ];
    let jane = become_of(&all)?.unwrap_or_default();
    let groups = ["g", "h", "system:authenticated"];
    let info = json!({"username": "jane", "uid": "3", "groups": groups, "extra": {"acme.com/scope": ["view"]}});
    assert_eq!(jane.to_value(), info);
    Ok(())
}

#[test]
fn impersonation_is_asked_for_each_thing() {
    let policy = policy();
    let refused = |sender: &str, pairs: &[(&'static str, &str)]| {
        let outcome = impersonate(&headers(pairs), &User::new(sender, &[]), &policy);
        outcome.map(|_| ()).map_err(|status| (status.code, status.message)).err()
    };
    let bob = ("impersonate-user", "bob");
    assert_eq!(refused("one", &[bob, ("impersonate-group", "g")]), None);
    let said = "users \"bob\" is forbidden: User \"two\" cannot impersonate resource \"users\" in API group \"\" at the cluster \
                scope";
    assert_eq!(refused("two", &[bob]), Some((403, said.to_owned())));
    let said = "serviceaccounts \"sa\" is forbidden: User \"two\" cannot impersonate resource \"serviceaccounts\" in API group \
                \"\" in the namespace \"ns\"";
    assert_eq!(refused("two", &[("impersonate-user", "system:serviceaccount:ns:sa")]), Some((403, said.to_owned())));
    let said = "uids.authentication.k8s.io \"3\" is forbidden: User \"one\" cannot impersonate resource \"uids\" in API group \
                \"authentication.k8s.io\" at the cluster scope";
    assert_eq!(refused("one", &[bob, ("impersonate-uid", "3")]), Some((403, said.to_owned())));
    let said = "userextras.authentication.k8s.io \"b\" is forbidden: User \"one\" cannot impersonate resource \"userextras/a\" in \
                API group \"authentication.k8s.io\" at the cluster scope";
    assert_eq!(refused("one", &[bob, ("impersonate-extra-a", "b")]), Some((403, said.to_owned())));
    let said = "requested [{Group  x    } {UserExtra  x  authentication.k8s.io/v1  foo} {UID  x  authentication.k8s.io/v1  }] \
                without impersonating a user";
    let nobody = [("impersonate-extra-foo", "x"), ("impersonate-group", "x"), ("impersonate-uid", "x")];
    assert_eq!(refused("one", &nobody), Some((400, said.to_owned())));
}
