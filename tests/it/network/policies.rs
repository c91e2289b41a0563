//! NetworkPolicies as a table of cases: one policy or two, both directions, every kind of peer and port.
//! The cases follow upstream's `test/e2e/network/netpol`; judged by the API's documentation.

use kubedrill::sim::network::policy::{Direction, End, Flow, allows};
use serde_json::{Value, json};

/// Pods of three namespaces, each with its labels and a port with a name.
fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": { "namespace": namespace, "name": name, "labels": { "pod": name, "tier": if name == "a" { "front" } else { "back" } } },
        "spec": { "containers": [{ "ports": [{ "name": "web", "containerPort": 80 }, { "name": "dns", "containerPort": 53, "protocol": "UDP" }] }] },
    })
}

fn namespace(name: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name, "ns": name } } })
}

fn address(namespace: &str, name: &str) -> std::net::IpAddr {
    let of = |text: &str| text.as_bytes()[0];
    std::net::Ipv4Addr::new(10, 244, of(namespace), of(name)).into()
}

fn policy(namespace: &str, spec: Value) -> Value {
    json!({ "metadata": { "namespace": namespace, "name": "p" }, "spec": spec })
}

/// Whether `from` reaches `to` on a port through the policies of both ends; places are `namespace/pod`, or an address.
fn reaches(policies: &[Value], from: &str, to: &str, (port, protocol): (u16, &'static str)) -> Result<(), String> {
    let parts = |place: &str| place.split_once('/').map(|(of, name)| (pod(of, name), namespace(of), address(of, name)));
    let (one, other) = (parts(from), parts(to));
    fn end<'a>(parts: &'a Option<(Value, Value, std::net::IpAddr)>, place: &str) -> End<'a> {
        match parts {
            Some((pod, namespace, address)) => End { pod: Some((pod, namespace)), address: *address },
            None => End { pod: None, address: place.parse().expect("an address") },
        }
    }
    let flow = Flow { from: end(&one, from), to: end(&other, to), port, protocol };
    let both = allows(policies, &flow, Direction::Egress).and_then(|()| allows(policies, &flow, Direction::Ingress));
    both.map_err(|denial| denial.to_string())
}

/// Policies, then who asks whom where, and whether it gets through.
type Case<'a> = (&'a str, Vec<Value>, Vec<(&'a str, &'a str, u16, bool)>);

fn check(cases: Vec<Case<'_>>) {
    for (what, policies, calls) in cases {
        for (from, to, port, expected) in calls {
            let protocol = if port == 53 { "UDP" } else { "TCP" };
            let found = reaches(&policies, from, to, (port, protocol));
            assert_eq!(found.is_ok(), expected, "{what}: {from} to {to}:{port}: {found:?}");
        }
    }
}

/// A policy of namespace x for its Pod a, with these rules for what comes in.
fn only(rules: Value) -> Vec<Value> {
    let spec =
        json!({ "podSelector": { "matchLabels": { "pod": "a" } }, "policyTypes": ["Ingress"], "ingress": rules });
    vec![policy("x", spec)]
}

#[test]
fn ingress() {
    check(vec![
        ("no policy", vec![], vec![("y/b", "x/a", 80, true), ("8.8.8.8", "x/a", 80, true)]),
        (
            "no rules",
            only(json!([])),
            vec![("x/b", "x/a", 80, false), ("x/b", "x/c", 80, true), ("x/a", "x/b", 80, true)],
        ),
        ("one empty rule", only(json!([{}])), vec![("y/b", "x/a", 80, true), ("8.8.8.8", "x/a", 81, true)]),
        (
            "pods of the own namespace",
            only(json!([{ "from": [{ "podSelector": { "matchLabels": { "pod": "b" } } }] }])),
            vec![("x/b", "x/a", 80, true), ("y/b", "x/a", 80, false), ("x/c", "x/a", 80, false)],
        ),
        (
            "all pods of the own namespace",
            only(json!([{ "from": [{ "podSelector": {} }] }])),
            vec![("x/c", "x/a", 80, true), ("y/c", "x/a", 80, false), ("8.8.8.8", "x/a", 80, false)],
        ),
        (
            "a namespace",
            only(json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "ns": "y" } } }] }])),
            vec![("y/b", "x/a", 80, true), ("z/b", "x/a", 80, false), ("x/b", "x/a", 80, false)],
        ),
        (
            "all namespaces",
            only(json!([{ "from": [{ "namespaceSelector": {} }] }])),
            vec![("z/b", "x/a", 80, true), ("8.8.8.8", "x/a", 80, false)],
        ),
        (
            "namespace and pods in one peer",
            only(
                json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "ns": "y" } }, "podSelector": { "matchLabels": { "pod": "b" } } }] }]),
            ),
            vec![("y/b", "x/a", 80, true), ("y/c", "x/a", 80, false), ("x/b", "x/a", 80, false)],
        ),
        (
            "namespace or pods in two peers",
            only(
                json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "ns": "y" } } }, { "podSelector": { "matchLabels": { "pod": "b" } } }] }]),
            ),
            vec![("y/c", "x/a", 80, true), ("x/b", "x/a", 80, true), ("z/b", "x/a", 80, false)],
        ),
        (
            "expressions",
            only(
                json!([{ "from": [{ "podSelector": { "matchExpressions": [{ "key": "pod", "operator": "NotIn", "values": ["b"] }] } }] }]),
            ),
            vec![("x/c", "x/a", 80, true), ("x/b", "x/a", 80, false)],
        ),
        (
            "a block with an exception",
            only(json!([{ "from": [{ "ipBlock": { "cidr": "8.0.0.0/8", "except": ["8.8.4.0/24"] } }] }])),
            vec![("8.8.8.8", "x/a", 80, true), ("8.8.4.4", "x/a", 80, false), ("y/b", "x/a", 80, false)],
        ),
    ]);
}

#[test]
fn ports() {
    let on = |ports: Value| {
        vec![policy("x", json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "ports": ports }] }))]
    };
    check(vec![
        ("a number", on(json!([{ "port": 80 }])), vec![("y/a", "x/a", 80, true), ("y/a", "x/a", 81, false)]),
        ("a name", on(json!([{ "port": "web" }])), vec![("y/a", "x/a", 80, true), ("y/a", "x/a", 81, false)]),
        ("a name of another protocol", on(json!([{ "port": "dns" }])), vec![("y/a", "x/a", 53, false)]),
        (
            "a name and its protocol",
            on(json!([{ "port": "dns", "protocol": "UDP" }])),
            vec![("y/a", "x/a", 53, true), ("y/a", "x/a", 80, false)],
        ),
        (
            "a range",
            on(json!([{ "port": 80, "endPort": 90 }])),
            vec![("y/a", "x/a", 85, true), ("y/a", "x/a", 91, false)],
        ),
        (
            "a protocol alone",
            on(json!([{ "protocol": "UDP" }])),
            vec![("y/a", "x/a", 53, true), ("y/a", "x/a", 80, false)],
        ),
        (
            "two",
            on(json!([{ "port": 80 }, { "port": 53, "protocol": "UDP" }])),
            vec![("y/a", "x/a", 80, true), ("y/a", "x/a", 53, true)],
        ),
    ]);
}

/// A policy of namespace x for its Pod a, with these rules for what goes out.
fn out(rules: Value) -> Value {
    policy("x", json!({ "podSelector": { "matchLabels": { "pod": "a" } }, "policyTypes": ["Egress"], "egress": rules }))
}

#[test]
fn egress_and_both() {
    let deny_in = |of: &str| policy(of, json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    let let_in = |of: &str, from: &str| {
        policy(
            of,
            json!({ "podSelector": {}, "ingress": [{ "from": [{ "namespaceSelector": { "matchLabels": { "ns": from } } }] }] }),
        )
    };
    check(vec![
        (
            "no rules",
            vec![out(json!([]))],
            vec![("x/a", "x/b", 80, false), ("x/a", "8.8.8.8", 80, false), ("x/b", "x/a", 80, true)],
        ),
        (
            "only DNS",
            vec![out(json!([{ "ports": [{ "port": 53, "protocol": "UDP" }] }]))],
            vec![("x/a", "z/b", 53, true), ("x/a", "z/b", 80, false)],
        ),
        (
            "to pods",
            vec![out(
                json!([{ "to": [{ "podSelector": { "matchLabels": { "pod": "b" } } }], "ports": [{ "port": "web" }] }]),
            )],
            vec![
                ("x/a", "x/b", 80, true),
                ("x/a", "x/c", 80, false),
                ("x/a", "y/b", 80, false),
                ("x/a", "x/b", 81, false),
            ],
        ),
        (
            "to the outside alone",
            vec![out(json!([{ "to": [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } }] }]))],
            vec![("x/a", "8.8.8.8", 443, true), ("x/a", "y/b", 80, false)],
        ),
        (
            "egress rules without policyTypes",
            vec![policy("x", json!({ "podSelector": {}, "egress": [{ "to": [{ "podSelector": {} }] }] }))],
            vec![("x/a", "x/b", 80, false), ("x/a", "y/b", 80, false), ("y/a", "x/b", 80, false)],
        ),
        (
            "policies add up",
            vec![deny_in("y"), let_in("y", "x")],
            vec![("x/a", "y/b", 80, true), ("z/a", "y/b", 80, false)],
        ),
        (
            "both ends must allow",
            vec![out(json!([{ "to": [{ "namespaceSelector": { "matchLabels": { "ns": "y" } } }] }])), deny_in("y")],
            vec![("x/a", "y/b", 80, false), ("x/b", "y/b", 80, false)],
        ),
        (
            "both ends allow",
            vec![out(json!([{ "to": [{ "namespaceSelector": { "matchLabels": { "ns": "y" } } }] }])), let_in("y", "x")],
            vec![("x/a", "y/b", 80, true), ("x/a", "z/b", 80, false)],
        ),
    ]);
}

#[test]
fn a_denial_says_who_denies() {
    let deny = policy("x", json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    assert_eq!(
        reaches(std::slice::from_ref(&deny), "y/b", "x/a", (80, "TCP")).unwrap_err(),
        "NetworkPolicy x/p selects Pod x/a and allows no ingress"
    );
    let some = policy("x", json!({ "podSelector": {}, "ingress": [{ "ports": [{ "port": 81 }] }] }));
    assert_eq!(
        reaches(&[some, deny], "y/b", "x/a", (80, "TCP")).unwrap_err(),
        "NetworkPolicies x/p, x/p select Pod x/a and none allows ingress from Pod y/b on TCP port 80"
    );
}
