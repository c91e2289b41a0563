//! `crictl stop`, `rm`, `stopp`, `rmp`, `pull` and `rmi`.
//! What is stopped here the kubelet finds ended, and begins again where its Pod wants that.

use super::Outcome;
use super::held::{self, Held, Kept};
use crate::object::meta;
use crate::sim::nodes::images;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

fn given(flags: &Flags) -> Result<&[String], String> {
    if flags.rest.is_empty() { Err("ID cannot be empty".to_owned()) } else { Ok(&flags.rest) }
}

/// `crictl stop` and `crictl rm`.
pub(super) fn containers(call: &Call, (command, flags): (&str, &Flags), all: Vec<Held>, kept: &mut Kept) -> Outcome {
    let mut code = 0;
    let ids: Vec<String> = match flags.on("all") {
        true => all.iter().filter(|one| command == "stop" || one.state == "Exited").map(|one| one.id.clone()).collect(),
        false => given(flags)?.to_vec(),
    };
    for id in &ids {
        let one = match held::find(&all, id) {
            Ok(one) => one,
            Err(why) => {
                let doing = if command == "rm" { "removing" } else { "stopping" };
                call.complain(format_args!("ERRO[0000] {doing} container {id:?}: {why}"));
                code = 1;
                continue;
            }
        };
        let running = one.state == "Running";
        if command == "rm" && running && !flags.on("force") {
            let id = &one.id;
            call.complain(format_args!("ERRO[0000] removing container {id:?} failed: rpc error: code = Unknown desc = container {id:?} is running, please stop first"));
            code = 1;
            continue;
        }
        if running {
            call.inside.kubelet.stop(&one.pod, &one.id);
        }
        if command == "rm" {
            kept.removed.push(one.id.clone());
        }
        call.say(id);
    }
    kept.save(&call.machine);
    if code == 0 {
        Ok(0)
    } else {
        Err(format!("unable to {} container(s)", if command == "rm" { "remove" } else { "stop" }))
    }
}

/// `crictl stopp` and `crictl rmp`: the containers end, and the kubelet makes the sandbox anew.
pub(super) fn pods(call: &Call, (command, flags): (&str, &Flags), all: Vec<Held>) -> Outcome {
    let pods = held::pods(call);
    for id in given(flags)? {
        let pod = held::find_pod(&pods, id)?;
        let mine = all.iter().filter(|one| meta::uid(&one.pod) == meta::uid(pod) && one.state == "Running");
        let mine: Vec<&Held> = mine.collect();
        if command == "rmp" && !mine.is_empty() && !flags.on("force") {
            let why = format!(
                "rpc error: code = Unknown desc = sandbox container {:?} is not fully stopped",
                held::sandbox(pod)
            );
            return Err(format!("removing the pod sandbox {id:?}: {why}"));
        }
        mine.iter().for_each(|one| call.inside.kubelet.stop(pod, &one.id));
        let done = if command == "rmp" { "Removed" } else { "Stopped" };
        call.say(format_args!("{done} sandbox {id}"));
    }
    Ok(0)
}

/// `crictl pull`.
pub(super) async fn pull(call: &Call, flags: &Flags) -> Outcome {
    let [wanted] = &flags.rest[..] else { return Err("image name is required".to_owned()) };
    let image = images::resolve(wanted).map_err(|missing| {
        let why = missing.message(wanted);
        let why = if why.starts_with("rpc error") { why } else { format!("rpc error: code = Unknown desc = {why}") };
        format!("pulling image: {why}")
    })?;
    let full = images::canonical(wanted);
    if !held::references(call).contains(&full) {
        call.inside.client.clock().sleep(image.pull_time()).await;
        let (runtime, client) = (call.inside.kubelet.runtime(), &call.inside.client);
        runtime.change_images(client, &call.machine.name, |all| all.insert(full.clone()));
    }
    call.say(format_args!("Image is up to date for sha256:{}", held::image_id(&full)));
    Ok(0)
}

/// `crictl rmi`.
pub(super) fn remove_images(call: &Call, flags: &Flags) -> Outcome {
    let all = held::references(call);
    let used: Vec<String> = held::containers(call).iter().map(|one| images::canonical(&one.image)).collect();
    let chosen: Vec<String> = match (flags.on("prune"), flags.on("all")) {
        (true, _) => all.iter().filter(|one| !used.contains(one) && !one.contains("/pause:")).cloned().collect(),
        (_, true) => all.clone(),
        _ => given(flags)?.to_vec(),
    };
    if chosen.is_empty() {
        call.complain("INFO[0000] No images to remove");
        return Ok(0);
    }
    let mut failed = false;
    for wanted in &chosen {
        let (full, id) = (images::canonical(wanted), wanted.trim_start_matches("sha256:"));
        let found = all.iter().find(|one| **one == full || held::is_image(one, id));
        let Some(found) = found else {
            call.complain(format_args!("ERRO[0000] no such image {wanted}"));
            failed = true;
            continue;
        };
        let (runtime, client) = (call.inside.kubelet.runtime(), &call.inside.client);
        runtime.change_images(client, &call.machine.name, |all| all.remove(found));
        call.say(format_args!("Deleted: {found}"));
    }
    if failed { Err("unable to remove the image(s)".to_owned()) } else { Ok(0) }
}
