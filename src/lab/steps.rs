//! What setup, solutions and wrong answers do to a cluster, one step at a time.
//! Their forms are the scenario's.

use std::process::Stdio;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tokio::process::Command;

use super::{Lab, LabError, foreign, inside, shell};
use crate::base::clock::Clock;
use crate::cluster::{AskError, PatchForm, Selection};
use crate::object::{matching, meta, schema};
use crate::scenario::step::{PatchType, Step, WaitFor};

/// How long a step's shell text may take.
const LONGEST_RUN: Duration = Duration::from_secs(120);
/// How long a new namespace may take to get its ServiceAccount.
const NEWBORN: Duration = Duration::from_secs(10);
/// What is waited for gets so much of the wall's time, however fast the cluster's clock runs: a busy machine is no fault of the pack.
const AT_LEAST: Duration = Duration::from_secs(20);
/// How much of a command's output an error shows.
const OUTPUT: usize = 4000;

/// Does one step.
pub async fn run(lab: &Lab, step: &Step) -> Result<(), LabError> {
    match step {
        Step::Apply(apply) => {
            for object in &apply.objects {
                apply_one(lab, object).await?;
            }
            Ok(())
        }
        Step::Delete(delete) => {
            let target = &delete.0;
            let selection =
                Selection::named(&target.api_version, &target.kind, target.namespace.as_deref(), &target.name);
            delete_and_wait(lab, &selection).await
        }
        Step::Patch(patch) => {
            let target = patch.target();
            let selection =
                Selection::named(&target.api_version, &target.kind, target.namespace.as_deref(), &target.name);
            let form = match patch.patch_type {
                PatchType::Strategic => PatchForm::Strategic,
                PatchType::Merge => PatchForm::Merge,
                PatchType::Json => PatchForm::Json,
            };
            let done = lab.objects.patch(&selection, form, &patch.patch).await;
            done.map(drop).map_err(failed(format!("patching {} {}", target.kind, target.name)))
        }
        Step::WaitFor(wait) => wait_for(lab, wait).await,
        Step::NodeFile(file) => inside::file(lab, file).await,
        Step::NodeCommand(command) => inside::command(lab, command).await,
        Step::Certificate(certificate) => inside::certificate(lab, certificate).await,
        Step::Run(text) => run_text(lab, &text.0).await,
    }
}

fn failed(what: String) -> impl FnOnce(AskError) -> LabError {
    move |source| LabError::Ask { what, source }
}

async fn apply_one(lab: &Lab, object: &Value) -> Result<(), LabError> {
    let mut object = object.clone();
    if lab.foreign.is_some() {
        foreign::mark(lab, &mut object);
    }
    let wall = Clock::system();
    let end = wall.now() + jiff::SignedDuration::try_from(NEWBORN).unwrap_or_default();
    loop {
        match lab.objects.apply(&object).await {
            Ok(_) => return Ok(()),
            // A Pod right behind its namespace comes before the namespace's ServiceAccount.
            Err(AskError::Refused { code: 403, message, .. })
                if message.contains("error looking up service account") && wall.now() < end =>
            {
                wall.sleep(Duration::from_millis(20)).await;
            }
            Err(source) => {
                let what = format!("applying {} {}", meta::text(&object, "/kind"), meta::name(&object));
                return Err(LabError::Ask { what, source });
            }
        }
    }
}

/// How long what was deleted may still be there: a busy controller manager takes minutes to empty several namespaces at once.
const TO_BE_GONE: Duration = Duration::from_secs(180);

/// Deletes an object and waits until it is gone.
pub async fn delete_and_wait(lab: &Lab, selection: &Selection) -> Result<(), LabError> {
    let what = format!("deleting {} {}", selection.kind, selection.name.as_deref().unwrap_or_default());
    lab.objects.delete(selection).await.map_err(failed(what.clone()))?;
    settle(lab, selection, TO_BE_GONE, &what, |found| {
        found.is_none().then_some(()).ok_or_else(|| "it is still there".to_owned())
    })
    .await
}

async fn wait_for(lab: &Lab, wait: &WaitFor) -> Result<(), LabError> {
    let target = &wait.object.target;
    let selection = Selection::named(&target.api_version, &target.kind, target.namespace.as_deref(), &target.name);
    let of = schema::of(&target.api_version, &target.kind);
    let what = format!("{} {}", target.kind, target.name);
    settle(lab, &selection, wait.limit(), &what, |found| match found {
        None => Err("it is not there".to_owned()),
        Some(found) => match matching::find(&wait.object.fields, found, of).first() {
            None => Ok(()),
            Some(finding) => Err(format!("{} is not as expected", finding.path)),
        },
    })
    .await
}

/// Looks at one object until it is right, by watching it.
async fn settle(
    lab: &Lab,
    selection: &Selection,
    limit: Duration,
    what: &str,
    right: impl Fn(Option<&Value>) -> Result<(), String>,
) -> Result<(), LabError> {
    let clock = lab.cluster.clock();
    let wall = Clock::system();
    let after = |clock: Clock, wait: Duration| clock.now() + jiff::SignedDuration::try_from(wait).unwrap_or_default();
    let (end, patient) = (after(clock, limit), after(wall, AT_LEAST.min(limit)));
    loop {
        let (found, revision) = lab.objects.list(selection).await.map_err(failed(format!("looking for {what}")))?;
        let Err(why) = right(found.first()) else { return Ok(()) };
        if clock.now() >= end && wall.now() >= patient {
            return Err(LabError::Waited { what: what.to_owned(), seconds: limit.as_secs(), why });
        }
        let mut changes =
            lab.objects.changes(selection, &revision).await.map_err(failed(format!("watching {what}")))?;
        tokio::select! {
            _ = changes.next() => {}
            () = async { tokio::join!(clock.sleep_until(end), wall.sleep_until(patient)); } => {}
        }
    }
}

async fn run_text(lab: &Lab, text: &str) -> Result<(), LabError> {
    let mut command = Command::new("sh");
    command
        .args(["-eu", "-c", text])
        .current_dir(lab.work())
        .envs(shell::environment(lab))
        .env("SOLUTION", lab.solution());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let path = || std::path::PathBuf::from("sh");
    let child = command.spawn().map_err(|source| LabError::File { path: path(), source })?;
    let Ok(ended) = tokio::time::timeout(LONGEST_RUN, child.wait_with_output()).await else {
        let why = format!("they still run:\n{text}");
        return Err(LabError::Waited { what: "the commands to end".to_owned(), seconds: LONGEST_RUN.as_secs(), why });
    };
    let ended = ended.map_err(|source| LabError::File { path: path(), source })?;
    if ended.status.success() {
        return Ok(());
    }
    let mut output = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let start = output.len().saturating_sub(OUTPUT);
    let start = (start..=output.len()).find(|at| output.is_char_boundary(*at)).unwrap_or_default();
    output.drain(..start);
    Err(LabError::Run { code: ended.status.to_string(), output })
}
