//! The scheduler and the controller manager: they go by their kubeconfigs, and lead by a lease; what becomes of that is `callers`'.
//! A scheduler's own configuration is read in `settings`.

use super::super::callers::{Calls, Round};
use super::super::process::script::Script;
use super::super::startup::access::{Access, file_fault};
use super::super::startup::flags::Given;
use super::begin::Begin;
use super::greeting::Greeting;
use super::settings::Settings;
use crate::object::meta;
use crate::object::selector::FieldSelector;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::reconciler::key;

impl Begin<'_> {
    /// The port it answers on, or how it ends because it cannot.
    fn port(&self, given: &Given) -> Result<(), Script> {
        let usual = if self.program == "kube-scheduler" { "10259" } else { "10257" };
        let port = given.get("secure-port").unwrap_or(usual);
        if port.parse::<i64>().is_ok_and(|port| !(0..=65535).contains(&port)) {
            let why = "must be between 0 and 65535, inclusive. 0 for turning off secure port";
            return Err(self.failed(&format!("--secure-port {port} {why}")));
        }
        let (pod, _) = self.starting.of;
        let number: u16 = port.parse().unwrap_or_default();
        if number == 0 || !meta::truth(pod, "/spec/hostNetwork") {
            return Ok(());
        }
        let here = FieldSelector::parse(&format!("spec.nodeName={}", meta::text(pod, "/spec/nodeName")));
        let others = here.map(|here| self.client().where_fields(&POD, "", &here)).unwrap_or_default();
        let taken = others.iter().any(|other| {
            meta::uid(other) != meta::uid(pod)
                && meta::truth(other, "/spec/hostNetwork")
                && self.starting.runtime.front(meta::uid(other)).is_some_and(|front| front.listens(number))
        });
        if !taken {
            return Ok(());
        }
        let address = format!("{}:{port}", given.get("bind-address").unwrap_or("0.0.0.0"));
        let why = format!("failed to listen on {address}: listen tcp {address}: bind: address already in use");
        Err(self.failed(&format!("failed to create listener: {why}")))
    }

    /// Its configuration: a scheduler's file, or what flags say.
    fn settings(&self, given: &Given) -> Result<Settings, Script> {
        let file = given.get("config").filter(|path| !path.is_empty() && self.program == "kube-scheduler");
        let Some(path) = file else { return Ok(Settings::of_flags(self.program, given)) };
        let text = self.read(path).map_err(|error| self.failed(&format!("open {path}: {}", file_fault(&error))))?;
        Settings::read(&text, given).map_err(|why| self.failed(&why))
    }

    /// The scheduler and the controller manager go by their kubeconfigs.
    pub(super) fn client_of_api(&self, given: &Given) -> Script {
        self.connect(given).unwrap_or_else(|ended| ended)
    }

    fn connect(&self, given: &Given) -> Result<Script, Script> {
        let reader = |path: &str| self.read(path);
        for flag in ["authentication-kubeconfig", "authorization-kubeconfig"] {
            let what = flag.trim_end_matches("-kubeconfig");
            if let Some(Err(why)) = given.get(flag).map(|path| Access::read(path, &reader)) {
                let failed = format!("failed to get delegated {what} kubeconfig");
                return Err(self.failed(&format!("{failed}: {failed}: {why}")));
            }
        }
        let settings = self.settings(given)?;
        let mut lines = vec![self.generated()];
        let access = match settings.kubeconfig.as_str() {
            "" => {
                let text = "Neither --kubeconfig nor --master was specified.  Using the inClusterConfig.  This might not work.";
                lines.push(self.line('W', "client_config.go:682", text));
                Access::in_cluster(&reader).map_err(|why| {
                    let text = format!("error creating inClusterConfig, falling back to default config: {why}");
                    let mut script = self.failed("invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable");
                    script.last.insert(0, self.line('W', "client_config.go:687", &text));
                    script
                })?
            }
            path => Access::read(path, &reader).map_err(|why| self.failed(&why))?,
        };
        self.port(given)?;
        Ok(self.work(given, (settings, Some(access)), lines))
    }

    /// One that was set up right: what it says first, and how it then stands with the API server.
    fn work(&self, given: &Given, (settings, access): (Settings, Option<Access>), mut lines: Vec<String>) -> Script {
        let of = self.starting.of;
        let Greeting { first, reached, works } = self.greeting(given, settings.lease.as_ref());
        let node = meta::text(of.0, "/spec/nodeName");
        let is_scheduler = self.program == "kube-scheduler";
        let hostname = if meta::truth(of.0, "/spec/hostNetwork") { node } else { meta::name(of.0) };
        let calls = Calls {
            program: self.program,
            pod: key(of.0),
            node: node.to_owned(),
            access,
            lease: settings.lease,
            names: if is_scheduler { settings.names } else { Vec::new() },
            hostname: hostname.to_owned(),
            reached,
            works,
            proxy: None,
        };
        let round = Round::new((self.client(), self.starting.runtime), self.starting.now);
        if let Some(why) = round.fault(&calls).filter(|_| is_scheduler) {
            lines.extend(self.unauthenticated(&calls, why));
        }
        lines.extend(self.told(&first));
        let (caller, told) = round.begin(calls);
        lines.extend(told);
        Script { lines, caller: Some(Box::new(caller)), ..Script::default() }
    }

    /// What a scheduler says that cannot look up how to tell who asks it.
    fn unauthenticated(&self, calls: &Calls, why: String) -> [String; 3] {
        let server = calls.access.as_ref().map_or("", |access| access.server.trim_end_matches('/'));
        let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
        let why = if why == "Unauthorized" { why } else { format!("Get \"{server}{path}\": {why}") };
        [
            ("397", format!("Error looking up in-cluster authentication configuration: {why}")),
            ("398", "Continuing without authentication configuration. This may treat all requests as anonymous.".to_owned()),
            ("399", "To require authentication configuration lookup to succeed, set --authentication-tolerate-lookup-failure=false".to_owned()),
        ]
        .map(|(line, text)| self.line('W', &format!("authentication.go:{line}"), &text))
    }

    /// One on a machine nobody went into: nothing befalls it there.
    pub(super) fn whole(&self, given: &Given) -> Script {
        match self.program {
            "kube-apiserver" => Script { lines: self.api(given), ..Script::default() },
            "etcd" => Script { lines: self.etcd(given), ..Script::default() },
            _ => self.work(given, (Settings::of_flags(self.program, given), None), vec![self.generated()]),
        }
    }

    fn generated(&self) -> String {
        self.line('I', "serving.go:386", "Generated self-signed cert in-memory")
    }
}
