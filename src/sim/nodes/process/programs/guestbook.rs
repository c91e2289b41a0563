//! `agnhost guestbook`: a primary keeps entries and hands them on to replicas, a frontend asks both.
//! Source: `test/images/agnhost/guestbook/guestbook.go` of kubernetes/kubernetes.

use std::time::Duration;

use serde_json::{Value, json};

use super::agnhost_answer::{field, option_port};
use super::server;
use crate::sim::network::{Protocol, Reply, Request};
use crate::sim::nodes::process::container::Container;
use crate::sim::nodes::process::program::Program;

/// How long a replica waits before it asks the primary again, and how often it does.
const PAUSE: Duration = Duration::from_secs(1);
const TRIES: u32 = 60;
/// Begin the names of what is noted: entries, and the addresses of replicas.
const ENTRY: &str = "entry/";
const REPLICA: &str = "replica/";

/// Registers where it is told to, then serves.
pub async fn guestbook(program: &Program) -> i32 {
    let container = &program.container;
    if let Some(primary) = container.option("-replicaof") {
        let path = format!("/register?host={}", container.address());
        let mut tries = 0;
        let told = loop {
            if let Ok(told) = ask(container, &primary, &path) {
                break told;
            }
            tries += 1;
            if tries == TRIES {
                program.say("Timed out while registering to primary.").await;
                return 1;
            }
            program.sleep(PAUSE).await;
        };
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        for (key, value) in told["data"].as_object().into_iter().flatten() {
            container.note(&format!("{ENTRY}{key}"), value.as_str().unwrap_or_default());
        }
        program.say(&format!("Registered to node: {primary}")).await;
    }
    server::serve(program, vec![option_port(container, "-http-port", 80)]).await
}

/// What a host's guestbook answers, or why it does not.
fn ask(container: &Container, host: &str, path: &str) -> Result<String, String> {
    let port = option_port(container, "-backend-port", 6379);
    let network = &container.network;
    let request = Request { host: host.to_owned(), ..Request::of(path) };
    let answer = network.connect(host, port, Protocol::Tcp).and_then(|made| network.get(&made, &request));
    answer.map(|reply| reply.body).map_err(|why| format!("Get \"http://{host}:{port}{path}\": {why}"))
}

/// The answer to a request; `None` for paths it does not have.
pub fn reply(container: &Container, path: &str, request: &Request) -> Option<Reply> {
    let (key, value) = (field(request, "key"), field(request, "value"));
    let with = |status: u16, body: String| Some(Reply { status, body, ..Reply::default() });
    match path {
        "/register" => {
            let entries = entries(container);
            container.note(&format!("{REPLICA}{}", field(request, "host")), "");
            with(200, json!({ "data": entries }).to_string())
        }
        "/get" if key.is_empty() => with(200, json!({ "data": entries(container) }).to_string()),
        "/get" => {
            let found = container.notes().remove(&format!("{ENTRY}{key}")).unwrap_or_default();
            with(200, json!({ "data": found }).to_string())
        }
        "/set" if key.is_empty() => with(400, "cannot set with empty key.\n".to_owned()),
        "/set" => {
            container.note(&format!("{ENTRY}{key}"), &value);
            let notes = container.notes();
            for replica in notes.keys().filter_map(|name| name.strip_prefix(REPLICA)) {
                if let Err(why) = ask(container, replica, &request.path) {
                    let why = format!("encountered error while propagating to replica '{replica}': {why}\n");
                    return with(417, why);
                }
            }
            with(200, json!({ "message": "Updated" }).to_string())
        }
        "/guestbook" => {
            let host = match field(request, "cmd").to_lowercase().as_str() {
                "get" => "agnhost-replica",
                "set" => "agnhost-primary",
                other => return with(400, format!("unsupported cmd: '{other}'\n")),
            };
            let query = request.path.split_once('?').map_or("", |(_, query)| query);
            let verb = if host == "agnhost-replica" { "get" } else { "set" };
            match ask(container, host, &format!("/{verb}?{query}")) {
                Ok(answer) => with(200, answer),
                Err(why) => with(417, format!("encountered error: {why}\n")),
            }
        }
        _ => None,
    }
}

fn entries(container: &Container) -> Value {
    let notes = container.notes();
    let entries = notes.iter().filter_map(|(name, value)| Some((name.strip_prefix(ENTRY)?.to_owned(), json!(value))));
    Value::Object(entries.collect())
}
