//! `crictl ps`, `crictl pods` and `crictl images`: tables, ids and JSON.
//! Source: cri-tools `cmd/crictl/container.go`, `sandbox.go`, `image.go`, `display.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Outcome;
use super::held::{self, Held, ago, sandbox};
use crate::object::meta;
use crate::sim::nodes::images;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;
use crate::sim::shell::table::{bytes, columns};

/// Columns have at least so many letters, spaces included.
const NARROWEST: usize = 20;

/// Rows as Go's tabwriter sets them for crictl.
fn print(call: &Call, headings: &[&str], rows: Vec<Vec<String>>) {
    let mut all = vec![headings.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let last = headings.len() - 1;
    for row in &mut all {
        for cell in row.iter_mut().take(last) {
            *cell = format!("{cell:<width$}", width = NARROWEST - 3);
        }
    }
    let text = columns(&all, 3);
    text.lines().for_each(|line| call.say(line.trim_end()));
}

/// Prints objects whole; `None` where a table is wanted.
pub(super) fn whole(call: &Call, flags: &Flags, value: Value) -> Result<Option<()>, String> {
    match flags.get("output") {
        None | Some("table") => return Ok(None),
        Some("json") => call.say(serde_json::to_string_pretty(&value).unwrap_or_default()),
        Some("yaml") => call.print(serde_yaml::to_string(&value).unwrap_or_default()),
        Some(other) => return Err(format!("unsupported output format {other:?}")),
    }
    Ok(Some(()))
}

fn short<'a>(id: &'a str, flags: &Flags) -> &'a str {
    if flags.on("no-trunc") { id } else { id.get(..13).unwrap_or(id) }
}

fn pattern(flags: &Flags, name: &str) -> Result<Option<regex::Regex>, String> {
    let pattern = flags.get(name).map(regex::Regex::new).transpose();
    pattern.map_err(|error| format!("invalid {name} pattern: {error}"))
}

fn nanos(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "0".to_owned(), |time| time.as_nanosecond().to_string())
}

fn as_json(one: &Held) -> Value {
    json!({
        "id": one.id,
        "podSandboxId": sandbox(&one.pod),
        "metadata": { "name": one.name, "attempt": one.attempt },
        "image": { "image": format!("sha256:{}", one.image_id), "userSpecifiedImage": one.image },
        "imageRef": format!("sha256:{}", one.image_id),
        "state": if one.state == "Running" { "CONTAINER_RUNNING" } else { "CONTAINER_EXITED" },
        "createdAt": nanos(Some(one.created)),
        "labels": labels(one),
    })
}

/// The labels the kubelet gives a container.
pub(super) fn labels(one: &Held) -> Value {
    json!({
        "io.kubernetes.container.name": one.name,
        "io.kubernetes.pod.name": meta::name(&one.pod),
        "io.kubernetes.pod.namespace": meta::namespace(&one.pod),
        "io.kubernetes.pod.uid": meta::uid(&one.pod),
    })
}

/// `crictl ps`.
pub(super) fn ps(call: &Call, flags: &Flags, mut all: Vec<Held>) -> Outcome {
    let (name, image) = (pattern(flags, "name")?, flags.get("image"));
    let state = flags.get("state").map(str::to_lowercase);
    if let Some(state) = state.as_deref().filter(|state| !["created", "running", "exited", "unknown"].contains(state)) {
        return Err(format!("--state should be one of created, running, exited or unknown, not {state:?}"));
    }
    let some = flags.on("all") || flags.on("latest") || flags.has("last") || state.is_some();
    all.retain(|one| {
        name.as_ref().is_none_or(|name| name.is_match(&one.name))
            && state.as_ref().is_none_or(|state| one.state.to_lowercase() == *state)
            && (some || one.state == "Running")
            && flags.get("pod").is_none_or(|pod| sandbox(&one.pod).starts_with(pod))
            && flags.get("id").is_none_or(|id| one.id.starts_with(id))
            && flags.get("namespace").is_none_or(|namespace| meta::namespace(&one.pod) == namespace)
            && image.is_none_or(|image| {
                images::canonical(image) == images::canonical(&one.image) || one.image_id.starts_with(image)
            })
    });
    let last = flags.get("last").and_then(|last| last.parse().ok()).or(flags.on("latest").then_some(1));
    all.truncate(last.unwrap_or(usize::MAX));
    if flags.on("quiet") {
        all.iter().for_each(|one| call.say(&one.id));
        return Ok(0);
    }
    let containers: Vec<Value> = all.iter().map(as_json).collect();
    if whole(call, flags, json!({ "containers": containers }))?.is_some() {
        return Ok(0);
    }
    let now = call.inside.client.clock().now();
    let row = |one: &Held| {
        let (pod, attempt) = (sandbox(&one.pod), one.attempt.to_string());
        let created = ago(one.created, now);
        let (image, namespace) = (short(&one.image_id, flags), meta::namespace(&one.pod));
        let (id, pod_id) = (short(&one.id, flags), short(&pod, flags));
        let cells = [id, image, &created, one.state, &one.name, &attempt, pod_id, meta::name(&one.pod), namespace];
        cells.map(str::to_owned).to_vec()
    };
    let headings = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    print(call, &headings, all.iter().map(row).collect());
    Ok(0)
}

fn ready(pod: &Value) -> bool {
    !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// `crictl pods`.
pub(super) fn pods(call: &Call, flags: &Flags) -> Outcome {
    let name = pattern(flags, "name")?;
    let state = flags.get("state").map(str::to_lowercase);
    let mut pods = held::pods(call);
    pods.retain(|pod| {
        name.as_ref().is_none_or(|name| name.is_match(meta::name(pod)))
            && flags.get("namespace").is_none_or(|namespace| meta::namespace(pod) == namespace)
            && flags.get("id").is_none_or(|id| sandbox(pod).starts_with(id))
            && state.as_ref().is_none_or(|state| (state == "ready") == ready(pod))
            && flags.all("label").iter().all(|label| {
                let (key, value) = label.split_once('=').unwrap_or((label, ""));
                meta::label(pod, key) == Some(value)
            })
    });
    let last = flags.get("last").and_then(|last| last.parse().ok()).or(flags.on("latest").then_some(1));
    pods.truncate(last.unwrap_or(usize::MAX));
    if flags.on("quiet") {
        pods.iter().for_each(|pod| call.say(sandbox(pod)));
        return Ok(0);
    }
    let items: Vec<Value> = pods.iter().map(|pod| json!({
        "id": sandbox(pod),
        "metadata": { "name": meta::name(pod), "uid": meta::uid(pod), "namespace": meta::namespace(pod), "attempt": 0 },
        "state": if ready(pod) { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" },
        "createdAt": nanos(held::created(pod)),
        "labels": pod["metadata"]["labels"],
    })).collect();
    if whole(call, flags, json!({ "items": items }))?.is_some() {
        return Ok(0);
    }
    let now = call.inside.client.clock().now();
    let rows = pods.iter().map(|pod| {
        let (id, created) = (sandbox(pod), ago(held::created(pod).unwrap_or(now), now));
        let state = if ready(pod) { "Ready" } else { "NotReady" };
        let cells = [short(&id, flags), &created, state, meta::name(pod), meta::namespace(pod), "0", "(default)"];
        cells.map(str::to_owned).to_vec()
    });
    let headings = ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"];
    print(call, &headings, rows.collect());
    Ok(0)
}

/// A reference's repository and tag.
fn apart(reference: &str) -> (&str, &str) {
    reference.rsplit_once(':').unwrap_or((reference, "<none>"))
}

/// The size of an image in bytes.
pub(super) fn size(reference: &str) -> u64 {
    images::resolve(reference).map_or(0, images::Image::size)
}

/// The digest of what an image was pulled as.
pub(super) fn digest(reference: &str) -> String {
    images::resolve(reference).map(|image| image.id(reference)).unwrap_or_default()
}

/// `crictl images`.
pub(super) fn images(call: &Call, flags: &Flags) -> Outcome {
    let wanted = flags.rest.first().map(|one| images::canonical(one));
    let mut all = held::references(call);
    all.retain(|one| wanted.as_ref().is_none_or(|wanted| one == wanted || apart(one).0 == apart(wanted).0));
    if flags.on("quiet") {
        all.iter().for_each(|one| call.say(format_args!("sha256:{}", held::image_id(one))));
        return Ok(0);
    }
    let images: Vec<Value> = all
        .iter()
        .map(|one| {
            json!({
                "id": format!("sha256:{}", held::image_id(one)),
                "repoTags": [one],
                "repoDigests": [digest(one)],
                "size": size(one).to_string(),
                "pinned": one.contains("/pause:"),
            })
        })
        .collect();
    if whole(call, flags, json!({ "images": images }))?.is_some() {
        return Ok(0);
    }
    let rows = all.iter().map(|one| {
        let (repository, tag) = apart(one);
        let id = held::image_id(one);
        [repository, tag, short(&id, flags), &bytes(size(one)).replace(' ', "")].map(str::to_owned).to_vec()
    });
    print(call, &["IMAGE", "TAG", "IMAGE ID", "SIZE"], rows.collect());
    Ok(0)
}
