//! What differs from run to run and from cluster to cluster, put out of the way: uids, times, addresses, hashes, allotted ports.
//! Recorded answers went through it already; before they are compared, both go through it once more, so that a rule may be added later.

use std::sync::LazyLock;

use regex::Regex;

/// The letters and digits of generated names (`k8s.io/apimachinery/pkg/util/rand`).
const GENERATED: &str = "[bcdfghjklmnpqrstvwxz2456789]";

/// What is replaced by what, in this order.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        (r"(?s)-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", "<pem>"),
        (r"LS0tLS1[A-Za-z0-9+/=]+", "<pem>"),
        (r"eyJ[\w-]+\.[\w.-]+", "<jwt>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4})", "<time>"),
        (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
        (r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
        (r"([EFWI])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ", "$1<log> "),
        // What a watch says that is cut off in passing.
        (r"(?m)^[EWI]<log> reflector\.go:.*\n?", ""),
        (r#"("?resourceVersion"?(?::|\\":) ?\\?"?)\d+"#, "$1<rv>"),
        (r"(resourceVersion=|Resource Version: +)\d+", "$1<rv>"),
        (r"(Expected resource version to be \d+, was )\d+", "$1<rv>"),
        (r"containerd://[0-9a-f]{64}", "containerd://<id>"),
        (r#"start exec "[0-9a-f]{64}""#, "start exec <id>"),
        (r"sha256:[0-9a-f]{64}", "sha256:<id>"),
        (r"X509SHA256=[0-9a-f]{64}", "X509SHA256=<id>"),
        (r"default-scheduler-[a-z0-9.-]+", "default-scheduler-<host>"),
        (r"kubectl-edit-\d+", "kubectl-edit-<n>"),
        (r"\b(LIVE|MERGED)-\d+", "$1-<n>"),
        (
            r"in <?[\w.]+>? \(<?[\w.]+>? including waiting\)\. Image size: [\d<>n]+ bytes",
            "in <d> (<d> including waiting). Image size: <n> bytes",
        ),
        (r"\b127\.\d+\.\d+\.\d+:\d+", "<server>"),
        (r"\b(10|192\.168)(\.\d+){2,3}\b", "<ip>"),
        (r#"(pod-template-hash|controller-revision-hash)(["\\]*[:=] ?["\\]*)[a-z0-9-]+"#, "$1$2<hash>"),
        (r"\.[0-9a-f]{16}\b", ".<hex>"),
        (r"-\d{8}\b", "-<minute>"),
        (r"\bnode0\d\b", "<node>"),
        (r"\b3[0-2]\d{3}\b", "<port>"),
        (r"(^|[ (,])\d+(\.\d+)?(ms|µs)\b", "$1<d>"),
        (r"\b\d+[dhm]\d+[hms](\d+s)?\b", "<age>"),
        (r"(?m)(^|[ (,])\d+s\b", "$1<age>"),
        (r"\b\d+[dhm] ago\b", "<age> ago"),
        (r"<invalid>", "<age>"),
        (r"\(x\d+ over <age>\)", "(x<n> over <age>)"),
    ];
    let generated = [
        (format!("-{GENERATED}{{6,10}}-{GENERATED}{{5}}\\b"), "-<hash>-<rand>"),
        (format!("-{GENERATED}{{8,10}}\\b"), "-<hash>"),
        (format!("-{GENERATED}{{5}}\\b"), "-<rand>"),
    ];
    let rules = rules.into_iter().map(|(pattern, by)| (pattern.to_owned(), by));
    rules.chain(generated).map(|(pattern, by)| (Regex::new(&pattern).expect("constant: a pattern"), by)).collect()
});

static EVENT: LazyLock<Regex> = LazyLock::new(|| {
    let row = r"^ +(Normal|Warning) +(\S+) +(?:\S+(?: \(x\S+ over \S+\))?) +(\S+) +(.*)$";
    Regex::new(row).expect("constant: a pattern")
});
static GAP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\S) {2,}|\t+").expect("constant: a pattern"));
static DASHES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"-{3,}").expect("constant: a pattern"));
static HEADER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^ *[A-Z][A-Z0-9()/%-]*( {1,}[A-Z0-9()/%-]+)+ *$").expect("constant: a pattern"));

/// Columns that say how long ago something was.
const AGES: [&str; 6] = ["AGE", "LAST SEEN", "FIRST SEEN", "DURATION", "LAST SCHEDULE", "REQUESTEDDURATION"];

/// Where the columns of a table begin, if this is the first line of one.
fn columns(line: &str) -> Option<Vec<(usize, String)>> {
    if !HEADER.is_match(line) {
        return None;
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    for cell in line.split("  ") {
        if !cell.trim().is_empty() {
            found.push((at + cell.len() - cell.trim_start().len(), cell.trim().to_owned()));
        }
        at += cell.len() + 2;
    }
    (found.len() > 1).then_some(found)
}

/// A row of a table, its ages put out of the way; `None` when it does not stand under the columns.
fn row(line: &str, columns: &[(usize, String)]) -> Option<String> {
    let starts = |at: usize| at == 0 || at >= line.len() || line.as_bytes()[at - 1] == b' ';
    if !line.is_ascii() || !columns.iter().all(|(at, _)| starts(*at)) {
        return None;
    }
    let ends = columns.iter().skip(1).map(|(at, _)| *at).chain([line.len()]);
    let cells = columns.iter().zip(ends).map(|((at, name), end)| {
        let cell = line.get(*at..end.min(line.len())).unwrap_or_default().trim();
        if AGES.contains(&name.as_str()) && !cell.is_empty() && cell != "<none>" { "<age>" } else { cell }
    });
    Some(cells.collect::<Vec<_>>().join("  ").trim_end().to_owned())
}

/// The text with nothing in it that differs from run to run.
pub fn normal(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut table: Option<Vec<(usize, String)>> = None;
    for line in text.lines() {
        if line.trim().is_empty() {
            table = None;
        }
        if let Some(event) = EVENT.captures(line) {
            lines.push(format!("  {}  {}  <age>  {}  {}", &event[1], &event[2], &event[3], &event[4]));
            continue;
        }
        if let Some(columns) = columns(line) {
            table = Some(columns);
            lines.push(line.to_owned());
            continue;
        }
        lines.push(table.as_ref().and_then(|table| row(line, table)).unwrap_or_else(|| line.to_owned()));
    }
    let mut text = lines.join("\n");
    for (pattern, by) in RULES.iter() {
        text = pattern.replace_all(&text, *by).into_owned();
    }
    let even = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let rest = GAP.replace_all(&line[indent..], "$1  ");
        format!("{}{}", &line[..indent], DASHES.replace_all(rest.trim_end(), "---"))
    };
    text.lines().map(even).collect()
}

#[test]
fn what_differs_each_time_is_put_away() {
    let table = "NAME                  READY   STATUS    RESTARTS     AGE\nweb-5d4f8c7b9-x7k2p   1/1     Running   2 (15s ago)   5m\n";
    assert_eq!(
        normal(table),
        ["NAME  READY  STATUS  RESTARTS  AGE", "web-<hash>-<rand>  1/1  Running  2 (<age> ago)  <age>"]
    );
    let event = "  Warning  BackOff  3s (x4 over 60s)  kubelet  Back-off restarting";
    assert_eq!(normal(event), ["  Warning  BackOff  <age>  kubelet  Back-off restarting"]);
    let object = "uid: 8d5b2f5e-1111-4222-8333-123456789abc\nresourceVersion: \"123\"\nclusterIP: 10.96.3.4\ncpu: 100m";
    assert_eq!(normal(object), ["uid: <uid>", "resourceVersion: \"<rv>\"", "clusterIP: <ip>", "cpu: 100m"]);
}

#[test]
fn what_is_put_away_stays_away() {
    let texts = [
        "NAME   TYPE       CLUSTER-IP   PORT(S)        AGE\nx      NodePort   10.96.1.2    80:31234/TCP   12s",
        "  Normal  Scheduled  3s  default-scheduler  Successfully assigned p-x/web to node01",
        "created in 1.2s (1.2s including waiting). Image size: 123 bytes. pod-template-hash=abc123",
        "Labels:  pod-template-hash=5d4f8c7b9\n{\"pod-template-hash\": \"5d4f8c7b9\"}\n    pod-template-hash: 5d4f8c7b9",
    ];
    for text in texts {
        let once = normal(text);
        assert_eq!(normal(&once.join("\n")), once);
    }
}
