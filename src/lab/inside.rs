//! Steps inside of nodes: files that change, commands that run.
//! Their forms are the scenario's, nodes the cluster's.

use jiff::SignedDuration;

use super::{Lab, LabError};
use crate::cluster::certificates::{self, CertificateError};
use crate::cluster::{AskError, NodeFile as File};
use crate::scenario::step::{Certificate, Change, NodeCommand, NodeFile};

/// The permissions of a file that is new.
const NEW: u32 = 0o644;

fn failed(what: String) -> impl Fn(AskError) -> LabError {
    move |source| LabError::Ask { what: what.clone(), source }
}

/// Writes, changes, moves or takes away a file.
pub async fn file(lab: &Lab, step: &NodeFile) -> Result<(), LabError> {
    let (node, path) = (&step.node, &step.path);
    let failed = failed(format!("{path} on {node}"));
    let nodes = lab.objects.nodes();
    let known = nodes.read(node, path).await.map_err(&failed)?;
    let mode = step.mode.or(known.as_ref().map(|file| file.mode)).unwrap_or(NEW);
    let missing = || LabError::Node(format!("the file {path} is not there on {node}"));
    let write = |path: &str, bytes: Vec<u8>| {
        let path = path.to_owned();
        async move { nodes.write(node, &path, Some(&File { bytes, mode })).await }
    };
    match &step.change {
        Change::Text(text) => write(path, text.clone().into_bytes()).await.map_err(&failed),
        Change::Absent => nodes.write(node, path, None).await.map_err(&failed),
        Change::MoveTo(to) => {
            write(to, known.ok_or_else(missing)?.bytes).await.map_err(&failed)?;
            nodes.write(node, path, None).await.map_err(&failed)
        }
        Change::Replace(pairs) => {
            let mut text = String::from_utf8_lossy(&known.ok_or_else(missing)?.bytes).into_owned();
            for pair in pairs {
                if !text.contains(&pair.find) {
                    return Err(LabError::Node(format!("{path} on {node} does not contain {:?}", pair.find)));
                }
                text = text.replace(&pair.find, &pair.with);
            }
            write(path, text.into_bytes()).await.map_err(&failed)
        }
    }
}

/// Runs a command, which must succeed.
pub async fn command(lab: &Lab, step: &NodeCommand) -> Result<(), LabError> {
    let line = step.run.join(" ");
    let failed = failed(format!("running `{line}` on {}", step.node));
    let ended = lab.objects.nodes().run(&step.node, &step.run).await.map_err(failed)?;
    if ended.code == 0 {
        return Ok(());
    }
    Err(LabError::Run { code: format!("exit code {}: {line}", ended.code), output: ended.stdout + &ended.stderr })
}

/// Signs a certificate anew, with another end.
pub async fn certificate(lab: &Lab, step: &Certificate) -> Result<(), LabError> {
    let (node, path, now) = (step.node.as_str(), step.path.as_str(), lab.cluster.clock().now());
    let end = now + SignedDuration::from_hours(24 * step.ends_in_days);
    let signed = certificates::sign_anew(lab.objects.nodes(), (node, path), now, end).await;
    signed.map_err(|error| match error {
        CertificateError::Ask(source) => failed(format!("{path} on {node}"))(source),
        CertificateError::Told(why) => LabError::Node(why),
    })
}
