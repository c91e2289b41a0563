//! Traffic: whether a Pod of a cluster reaches somebody, and what it is answered.
//! The embedded cluster knows, and says why not; elsewhere a program is run in the Pod, which can say only what it saw.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::AskError;
use crate::sim::network::{self, Network};

/// A Pod asks somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The asking Pod.
    pub namespace: String,
    pub pod: String,
    /// A name or an address.
    pub host: String,
    pub port: u16,
    /// What is asked over HTTP; `None` for a connection alone.
    pub http: Option<Ask>,
}

/// A GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Begins with `/`.
    pub path: String,
    pub tls: bool,
    /// The `Host` header, where it is not the host that is called.
    pub host: Option<String>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All who may be chosen answered; over HTTP with these.
    Reached(Vec<Reply>),
    /// Some of those who may be chosen answer, and one does not, for this reason.
    Partly(String),
    /// Nobody answered, for this reason.
    Not(String),
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

/// What can be asked who reaches whom.
pub trait Traffic: Send + Sync {
    /// Makes a call. An error is what could not be tried.
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, AskError>>;
}

/// The embedded cluster's own network: nothing is run, everything is known.
pub struct Simulated(pub Arc<Network>);

impl Traffic for Simulated {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, AskError>> {
        let request = call.http.as_ref().map(|ask| network::Request {
            path: ask.path.clone(),
            host: ask.host.clone().unwrap_or_else(|| call.host.clone()),
            tls: ask.tls,
            ..network::Request::default()
        });
        let from = (call.namespace.as_str(), call.pod.as_str());
        let told = self.0.survey(from, (&call.host, call.port), request.as_ref());
        let answer = match told {
            Err(why) => Answer::Not(why.to_string()),
            Ok(ends) => {
                let count = ends.len();
                let mut refused: Vec<String> = Vec::new();
                let mut replies = Vec::new();
                for end in ends {
                    match end {
                        Ok(answer) => replies.extend(answer.map(|it| Reply { status: it.status, body: it.body })),
                        Err(why) => refused.push(why.to_string()),
                    }
                }
                match refused.first().cloned() {
                    None => Answer::Reached(replies),
                    Some(why) if refused.len() == count => Answer::Not(why),
                    Some(why) => Answer::Partly(why),
                }
            }
        };
        std::future::ready(Ok(answer)).boxed()
    }
}

/// Programs in the Pods of a cluster that is not ours.
pub struct ByExec(pub kube::Client);

/// How long one call may take, the start of its program included.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints `connected`, or the body and then a line `status NNN`; fails with the program's complaint. `$1` host, `$2` port, `$3` URL,
/// `$4` Host header.
const SCRIPT: &str = r#"
if [ -z "$3" ]; then
  if command -v nc >/dev/null; then nc -z -w 3 "$1" "$2" </dev/null && echo connected; exit; fi
  if command -v bash >/dev/null; then timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2" && echo connected; exit; fi
  set -- "$1" "$2" "http://$1:$2/" ""
fi
if command -v curl >/dev/null; then
  curl -skS -m 5 ${4:+-H "Host: $4"} -w '\nstatus %{http_code}\n' "$3"; exit
fi
said=$(wget -q -T 5 -O /tmp/.kubedrill ${4:+--header "Host: $4"} "$3" 2>&1) && code=200 ||
  code=$(echo "$said" | sed -n 's/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p')
cat /tmp/.kubedrill 2>/dev/null; rm -f /tmp/.kubedrill
if [ -n "$code" ]; then echo; echo "status $code"; else echo "$said" >&2; exit 1; fi
"#;

impl ByExec {
    async fn run(&self, call: &Call) -> Result<(String, String), AskError> {
        let url = call.http.as_ref().map(|ask| {
            let scheme = if ask.tls { "https" } else { "http" };
            format!("{scheme}://{}:{}{}", call.host, call.port, ask.path)
        });
        let header = call.http.as_ref().and_then(|ask| ask.host.clone()).unwrap_or_default();
        let port = call.port.to_string();
        let url = url.unwrap_or_default();
        let words = ["sh", "-c", SCRIPT, "sh", &call.host, &port, &url, &header];
        let pods: Api<Pod> = Api::namespaced(self.0.clone(), &call.namespace);
        let options = AttachParams::default().stdin(false).stdout(true).stderr(true);
        let process: AttachedProcess = pods.exec(&call.pod, words, &options).await?;
        read(process).await
    }
}

/// What a program wrote: its output, and its complaints. One whose end is not told was cut off.
async fn read(mut process: AttachedProcess) -> Result<(String, String), AskError> {
    let (out, err, status) = (process.stdout(), process.stderr(), process.take_status());
    let told = tokio::join!(whole(out), whole(err));
    let ended = match status {
        Some(status) => status.await,
        None => None,
    };
    process.abort();
    ended.map(|_| told).ok_or_else(|| AskError::NoAnswer("the connection to the Pod broke off".to_owned()))
}

async fn whole(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What breaks off was still said.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a program's words mean.
fn understood(output: &str, complaints: &str) -> Result<Answer, String> {
    if output.trim() == "connected" {
        return Ok(Answer::Reached(Vec::new()));
    }
    if let Some((body, status)) = output.trim_end().rsplit_once("\nstatus ")
        && let Ok(status) = status.trim().parse()
        && status != 0
    {
        return Ok(Answer::Reached(vec![Reply { status, body: body.to_owned() }]));
    }
    let missing = [
        "executable file not found",
        "not found in $PATH",
        "wget: not found",
        "command not found",
        "invalid option",
        "unrecognized option",
    ];
    if missing.iter().any(|word| complaints.contains(word)) {
        return Err("the Pod has no program to ask with: sh with curl, wget or nc".to_owned());
    }
    let why = complaints.trim();
    Ok(Answer::Not(if why.is_empty() { "nobody answers".to_owned() } else { why.to_owned() }))
}

impl Traffic for ByExec {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Answer, AskError>> {
        async move {
            let slow = |_| AskError::NoAnswer(format!("no answer from Pod {} within {PATIENCE:?}", call.pod));
            let (output, complaints) = tokio::time::timeout(PATIENCE, self.run(call)).await.map_err(slow)??;
            understood(&output, &complaints).map_err(AskError::NoAnswer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_programs_are_understood() {
        let reached = |status, body: &str| Ok(Answer::Reached(vec![Reply { status, body: body.to_owned() }]));
        assert_eq!(understood("connected\n", ""), Ok(Answer::Reached(Vec::new())));
        assert_eq!(understood("<h1>hi</h1>\n\nstatus 404\n", ""), reached(404, "<h1>hi</h1>\n"));
        assert_eq!(understood("\nstatus 000\n", "curl: (7) no"), Ok(Answer::Not("curl: (7) no".to_owned())));
        assert!(understood("", "exec: \"sh\": executable file not found in $PATH").is_err());
    }
}
