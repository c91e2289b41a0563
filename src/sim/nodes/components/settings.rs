//! What a scheduler or controller manager is set to: names, lease and kubeconfig, from flags or a `KubeSchedulerConfiguration`.
//! Source: `cmd/kube-scheduler/app/options`, `pkg/scheduler/apis/config/v1/defaults.go`, `pkg/scheduler/apis/config/validation`.

use serde_json::Value;

use super::super::startup::flags::Given;
use super::super::startup::typed;
use crate::object::meta;

/// The scheduler of Pods that name none.
pub const DEFAULT: &str = "default-scheduler";

/// The lease by which several of a kind elect one that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub namespace: String,
    pub name: String,
}

impl Lease {
    /// The one a program has that is told nothing else.
    pub fn usual(program: &str) -> Self {
        Self { namespace: "kube-system".to_owned(), name: program.to_owned() }
    }
}

/// What a scheduler or controller manager is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The schedulers it is.
    pub names: Vec<String>,
    /// The lease it elects a leader by, if it does.
    pub lease: Option<Lease>,
    /// The path of its kubeconfig; empty for the Pod's own way.
    pub kubeconfig: String,
}

/// The lease of `program`: a flag that is given counts more than what a file says.
fn lease(program: &str, given: &Given, config: &Value) -> Option<Lease> {
    let said = |flag: &str, field: &str| {
        let of_file = config.pointer(&format!("/leaderElection/{field}"));
        let of_file = || of_file.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        given.get(flag).map(str::to_owned).or_else(of_file).filter(|value| !value.is_empty())
    };
    let usual = Lease::usual(program);
    (said("leader-elect", "leaderElect").as_deref() != Some("false")).then(|| Lease {
        namespace: said("leader-elect-resource-namespace", "resourceNamespace").unwrap_or(usual.namespace),
        name: said("leader-elect-resource-name", "resourceName").unwrap_or(usual.name),
    })
}

impl Settings {
    /// Those of a program that has no file.
    pub fn of_flags(program: &str, given: &Given) -> Self {
        Self {
            names: vec![DEFAULT.to_owned()],
            lease: lease(program, given, &Value::Null),
            kubeconfig: given.get("kubeconfig").unwrap_or_default().to_owned(),
        }
    }

    /// Those of a scheduler's file. Beside it only flags about the election count. The error is what the scheduler ends with.
    pub fn read(text: &str, given: &Given) -> Result<Self, String> {
        let read = typed::decode(text, &typed::KUBE_SCHEDULER)?;
        if let Some(why) = read.strict {
            return Err(why);
        }
        let config = read.config;
        let profiles = meta::list(&config, "/profiles");
        let one = profiles.len() < 2;
        let name = |profile: &Value| match profile.get("schedulerName").and_then(Value::as_str) {
            None if one => DEFAULT.to_owned(),
            name => name.unwrap_or_default().to_owned(),
        };
        let mut names: Vec<String> = profiles.iter().map(name).collect();
        if names.is_empty() {
            names.push(DEFAULT.to_owned());
        }
        let lease = lease("kube-scheduler", given, &config);
        let faults = faults(&config, &names, lease.is_some());
        match faults.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            all => return Err(format!("[{}]", all.join(", "))),
        }
        let kubeconfig = meta::text(&config, "/clientConnection/kubeconfig").to_owned();
        Ok(Self { names, lease, kubeconfig })
    }
}

fn faults(config: &Value, names: &[String], elects: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let number = |field: &str| meta::number(config, &format!("/{field}"));
    let lock = meta::text(config, "/leaderElection/resourceLock");
    if elects && !matches!(lock, "" | "leases") {
        faults.push(format!(
            "leaderElection.resourceLock: Invalid value: {lock:?}: resourceLock value must be \"leases\""
        ));
    }
    if let Some(parallelism) = number("parallelism").filter(|parallelism| *parallelism < 0) {
        faults.push(format!("parallelism: Invalid value: {parallelism}: should be an integer value greater than zero"));
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            faults.push(format!("profiles[{at}].schedulerName: Required value"));
        }
        let score = meta::number(config, &format!("/profiles/{at}/percentageOfNodesToScore"));
        if let Some(score) = score.filter(|score| !(0..=100).contains(score)) {
            faults.push(format!(
                "profiles[{at}].percentageOfNodesToScore: Invalid value: {score}: not in valid range [0-100]"
            ));
        }
        // The value that is shown is a path, of which nothing can be seen from outside.
        if names[..at].contains(name) {
            faults.push(format!("profiles[{at}].schedulerName: Duplicate value: {{}}"));
        }
    }
    if let Some(score) = number("percentageOfNodesToScore").filter(|score| !(0..=100).contains(score)) {
        faults.push(format!("percentageOfNodesToScore: Invalid value: {score}: not in valid range [0-100]"));
    }
    let (first, most) = (number("podInitialBackoffSeconds").unwrap_or(1), number("podMaxBackoffSeconds").unwrap_or(10));
    if first <= 0 {
        faults.push(format!("podInitialBackoffSeconds: Invalid value: {first}: must be greater than 0"));
    }
    if most < first {
        faults.push(format!(
            "podMaxBackoffSeconds: Invalid value: {most}: must be greater than or equal to PodInitialBackoffSeconds"
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::super::startup::flags;
    use super::*;

    const HEAD: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

    fn read(rest: &str) -> Result<Settings, String> {
        Settings::read(&format!("{HEAD}{rest}"), &Given::default())
    }

    #[test]
    fn a_file_gives_names_lease_and_kubeconfig() {
        let settings =
            read("clientConnection: { kubeconfig: /a.conf }\nprofiles: [{ schedulerName: mine }]\n").unwrap();
        assert_eq!((settings.names, settings.kubeconfig.as_str()), (vec!["mine".to_owned()], "/a.conf"));
        assert_eq!(settings.lease, Some(Lease::usual("kube-scheduler")));
        let own = read("leaderElection: { resourceName: mine, leaderElect: true }\n").unwrap();
        assert_eq!((own.lease.unwrap().name.as_str(), own.names[0].as_str()), ("mine", DEFAULT));
        let off = read("leaderElection: { leaderElect: false }\n").unwrap();
        assert_eq!(off.lease, None);
        let given = flags::read("kube-scheduler", &["--leader-elect=true".to_owned()]).unwrap();
        let flag = Settings::read(&format!("{HEAD}leaderElection: {{ leaderElect: false }}\n"), &given).unwrap();
        assert!(flag.lease.is_some(), "the flag counts more");
    }

    #[test]
    fn what_is_not_valid_ends_it() {
        assert_eq!(
            read("profiles: [{ schedulername: mine }]\n").unwrap_err(),
            "strict decoding error: unknown field \"profiles[0].schedulername\""
        );
        let two = read("profiles: [{ schedulerName: a }, { schedulerName: a }]\npodInitialBackoffSeconds: 20\n");
        let two = two.unwrap_err();
        assert!(
            two.starts_with("[profiles[1].schedulerName: Duplicate value: ") && two.contains("podMaxBackoff"),
            "{two}"
        );
        assert_eq!(
            read("profiles: [{}, { schedulerName: a }]\n").unwrap_err(),
            "profiles[0].schedulerName: Required value"
        );
        assert!(Settings::read("kind: Foo\napiVersion: v1\n", &Given::default()).is_err());
    }
}
