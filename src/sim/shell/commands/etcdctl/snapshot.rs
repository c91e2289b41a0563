//! `etcdctl snapshot save`: everything the etcd holds, in a file for its owner only.
//! Source: `etcdctl/ctlv3/command/snapshot_command.go`, `client/v3/snapshot/v3_snapshot.go`.

use super::access::{Access, time, words};
use super::{Failure, Outcome};
use crate::sim::shell::call::Call;
use crate::sim::shell::table::bytes;

/// The server's version, as it says it in a snapshot's stream.
const SERVER: &str = "3.6.0";

/// Runs `snapshot`.
pub(super) async fn run(call: &Call, rest: &[&str], access: Access) -> Outcome {
    match rest {
        ["save", path] => save(call, path, access.open(call)?).await,
        ["save", ..] => Err(Failure::arguments("snapshot save expects one argument <filename>")),
        _ => {
            call.print(super::USAGE);
            Ok(0)
        }
    }
}

async fn save(call: &Call, path: &str, access: Access) -> Outcome {
    let info = |logger: &str, caller: &str, rest: String| {
        let time = time(call);
        call.complain(format_args!(r#"{{"level":"info","ts":"{time}"{logger},"caller":"{caller}",{rest}}}"#));
    };
    let client = r#","logger":"client""#;
    let part = format!("{path}.part");
    let failed = |error: std::io::Error| {
        Failure(5, vec![format!("Error: could not open {part} (open {part}: {})", words(&error))])
    };
    let files = call.files().map_err(failed)?;
    let whole = call.path(path);
    let folder = whole.rsplit_once('/').map_or("/", |(folder, _)| folder);
    if !folder.is_empty() && !files.is_dir(folder) {
        return Err(failed(std::io::Error::from_raw_os_error(2)));
    }
    files.write(&call.path(&part), b"", 0o600).map_err(failed)?;
    info("", "snapshot/v3_snapshot.go:83", format!(r#""msg":"created temporary db file","path":"{part}""#));
    let reached = access.endpoints.first().map_or(Err(String::new()), |endpoint| access.reach(call, endpoint));
    if let Err(why) = reached {
        // The real one waits here for ever, and leaves its learner in the dark.
        access.wait(call).await;
        let why = format!("rpc error: code = Unavailable desc = connection error: desc = \"{why}\"");
        return Err(Failure(5, vec![format!("Error: {why}")]));
    }
    let endpoint = access.endpoints.first().cloned().unwrap_or_default();
    let saved = call.inside.etcd.save();
    let size = bytes(saved.size());
    info(client, "v3@v3.6.5/maintenance.go:236", r#""msg":"opened snapshot stream; downloading""#.to_owned());
    info("", "snapshot/v3_snapshot.go:96", format!(r#""msg":"fetching snapshot","endpoint":"{endpoint}""#));
    info(client, "v3@v3.6.5/maintenance.go:302", r#""msg":"completed snapshot read; closing""#.to_owned());
    files.write(&call.path(&part), &saved.to_snapshot(), 0o600).map_err(failed)?;
    let fetched = format!(
        r#""msg":"fetched snapshot","endpoint":"{endpoint}","size":"{size}","took":"20.41996ms","etcd-version":"{SERVER}""#
    );
    info("", "snapshot/v3_snapshot.go:111", fetched);
    files.rename(&call.path(&part), &whole).map_err(|error| {
        Failure(5, vec![format!("Error: could not rename {part} to {path} (rename {part} {path}: {})", words(&error))])
    })?;
    info("", "snapshot/v3_snapshot.go:121", format!(r#""msg":"saved","path":"{path}""#));
    call.say(format_args!("Snapshot saved at {path}\nServer version {SERVER}"));
    Ok(0)
}
