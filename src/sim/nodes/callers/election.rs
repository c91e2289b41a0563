//! The lease by which several of a kind elect one that works: who has it, who may take it, and when it is given up.
//! Source: `k8s.io/client-go/tools/leaderelection/leaderelection.go`, tryAcquireOrRenew and release.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::caller::{Caller, Standing};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::lease::LEASE;
use crate::sim::nodes::components::settings::Lease;

fn stamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn holder(lease: &Value) -> &str {
    meta::text(lease, "/spec/holderIdentity")
}

/// Whether one that starts goes on as the leader it was: after a restart of everything, or of its container alone.
pub fn takes_up(client: &Client, caller: &mut Caller, leaders: &HashSet<String>) -> bool {
    let Some(lease) = &caller.calls.lease else { return false };
    let Some(found) = client.find(&LEASE, &lease.namespace, &lease.name) else { return false };
    let known = holder(&found);
    let is_own = known.strip_prefix(&caller.calls.hostname).is_some_and(|rest| rest.starts_with('_'));
    if is_own && !leaders.contains(known) {
        known.clone_into(&mut caller.identity);
        return true;
    }
    false
}

/// One that waits looks at the lease: whether it has taken it. Nobody takes what is held until it was not renewed for long enough.
pub fn takes(client: &Client, caller: &mut Caller, leaders: &HashSet<String>) -> bool {
    let now = client.clock().now();
    let Some(lease) = caller.calls.lease.clone() else { return true };
    let found = client.find(&LEASE, &lease.namespace, &lease.name);
    let held = found.as_deref().map_or("", holder);
    if !held.is_empty() && held != caller.identity {
        let seen = match &caller.standing {
            Standing::Waiting(Some((known, since))) if known == held && !leaders.contains(held) => *since,
            _ => now,
        };
        let seconds = found.as_deref().and_then(|found| meta::number(found, "/spec/leaseDurationSeconds"));
        if now < seen.saturating_add(SignedDuration::from_secs(seconds.unwrap_or(15))).unwrap_or(Timestamp::MAX) {
            caller.standing = Standing::Waiting(Some((held.to_owned(), seen)));
            return false;
        }
    }
    take(client, &lease, (&caller.identity, found.as_deref()))
}

/// Writes down that somebody has a lease now.
fn take(client: &Client, lease: &Lease, (identity, found): (&str, Option<&Value>)) -> bool {
    let now = stamp(client.clock().now());
    let before = found.map(|found| meta::number(found, "/spec/leaseTransitions").unwrap_or_default());
    let spec = json!({
        "acquireTime": now, "renewTime": now, "leaseDurationSeconds": 15,
        "leaseTransitions": before.map_or(0, |before| before + 1),
        "holderIdentity": identity,
    });
    let taken = if found.is_some() {
        client.modify(&LEASE, &lease.namespace, &lease.name, |found| found["spec"] = spec.clone()).map(drop)
    } else {
        let named = json!({ "name": lease.name, "namespace": lease.namespace });
        let made = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": named, "spec": spec });
        client.create(&LEASE, made).map(drop)
    };
    taken.inspect_err(|status| tracing::debug!(%status, lease = lease.name, "nobody can take a lease")).is_ok()
}

/// Gives a lease up that is held by this name.
pub fn release(client: &Client, (lease, identity): &(Lease, String)) {
    let now = stamp(client.clock().now());
    let given = client.modify(&LEASE, &lease.namespace, &lease.name, |found| {
        if holder(found) == identity
            && let Some(spec) = found["spec"].as_object_mut()
        {
            spec.insert("holderIdentity".to_owned(), json!(""));
            spec.insert("leaseDurationSeconds".to_owned(), json!(1));
            spec.insert("acquireTime".to_owned(), json!(now));
            spec.insert("renewTime".to_owned(), json!(now));
        }
    });
    if let Err(status) = given {
        tracing::debug!(%status, lease = lease.name, "a lease is not given up");
    }
}
