//! `crictl logs` and `crictl exec`: what containers say, and what one says to them.
//! Both are the kubelet's runtime's own, as for `kubectl`.

use futures::StreamExt as _;

use super::Outcome;
use super::held::{self, Held};
use crate::sim::apiserver::server::{Command, Connector as _, Heard, LogOptions, Said};
use crate::sim::nodes::process::stream::Stream;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// How many words come before what a container is to run: flags, and its id.
pub(super) fn words(args: &[String]) -> usize {
    let flags = args.iter().take_while(|arg| arg.starts_with('-')).count();
    (flags + 1).min(args.len())
}

/// `crictl logs`.
pub(super) async fn logs(call: &Call, flags: &Flags, all: Vec<Held>) -> Outcome {
    let id = flags.rest.first().ok_or("ID cannot be empty")?;
    let mut one = held::find(&all, id)?;
    if flags.on("previous") {
        let before =
            all.iter().filter(|other| other.pod == one.pod && other.name == one.name && other.attempt < one.attempt);
        let missing = || format!("failed to find previous container of {id:?}: not found");
        one = before.max_by_key(|other| other.attempt).ok_or_else(missing)?;
    }
    let number = |name: &str| flags.get(name).and_then(|value| value.parse::<usize>().ok());
    let options = LogOptions {
        container: one.name.clone(),
        follow: flags.on("follow"),
        previous: one.previous,
        timestamps: flags.on("timestamps"),
        tail_lines: number("tail"),
        limit_bytes: number("limit-bytes"),
        ..LogOptions::default()
    };
    // The runtime is asked, not the kubelet.
    let lines = call.inside.kubelet.lines(&one.pod, &options).map_err(|status| status.message)?;
    let mut lines = std::pin::pin!(lines);
    while let Some((stream, text)) = lines.next().await {
        match stream {
            Stream::Output => call.bytes(text.into_bytes()),
            Stream::Errors => call.errors(text.into_bytes()),
        }
    }
    Ok(0)
}

/// `crictl exec`.
pub(super) async fn exec(call: &mut Call, (flags, words): (&Flags, &[String]), all: Vec<Held>) -> Outcome {
    let id = flags.rest.first().ok_or("ID cannot be empty")?.clone();
    let one = held::find(&all, &id)?;
    if one.state != "Running" {
        let why = "container is in CONTAINER_EXITED state";
        return Err(format!(
            "execing command in container: rpc error: code = Unknown desc = failed to exec in container: failed to create exec: {why}"
        ));
    }
    if words.is_empty() {
        return Err(
            "execing command in container: rpc error: code = InvalidArgument desc = no command given".to_owned()
        );
    }
    let stdin = flags.on("interactive");
    let command =
        Command { container: one.name.clone(), words: words.to_vec(), stdin, stdout: true, stderr: true, tty: false };
    let failed =
        |status: crate::sim::apiserver::status::Status| format!("execing command in container: {}", status.message);
    let mut session = call.inside.kubelet.session(&one.pod, command).map_err(failed)?;
    let mut listens = stdin;
    loop {
        tokio::select! {
            given = call.input.recv(), if listens => {
                let said = match given {
                    Some(bytes) if !bytes.is_empty() => Said::Bytes(bytes.into()),
                    _ => { listens = false; Said::End }
                };
                // A process that is gone is heard to be.
                let _ = session.say.send(said).await;
            }
            heard = session.hear.recv() => match heard {
                Some(Heard::Output(bytes)) => call.bytes(bytes.to_vec()),
                Some(Heard::Errors(bytes)) => call.errors(bytes.to_vec()),
                Some(Heard::Ended(0)) => return Ok(0),
                Some(Heard::Ended(code)) => {
                    return Err(format!("execing command in container: command terminated with exit code {code}"));
                }
                Some(Heard::Failed(status)) => return Err(failed(status)),
                None => return Err("execing command in container: the runtime is gone".to_owned()),
            }
        }
    }
}
