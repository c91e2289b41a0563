//! A desk for tests: a small catalogue, one task with a shell, a grading with every kind of verdict, an exam.
//! It answers at once and always the same; what was asked can be read afterwards.

use jiff::Timestamp;
use kubedrill::base::seed::Seed;
use kubedrill::exam::results::{DomainResult, Results, TaskResult};
use kubedrill::grading::report::{Finding, Outcome, Verdict, tally};
use kubedrill::tui::desk::{
    Attempt, Catalogue, CheckLine, Difficulty, Domain, Exam, ExamOpened, ExamOver, ExamTask, Graded, History, News,
    Next, Progress, Request, Scenario, Shell, Standing, TaskOpened, Trouble, UnderWay,
};
use serde_json::json;

/// When everything happens.
pub const NOW: &str = "2026-03-14T10:00:00Z";

/// The desk.
#[derive(Debug, Default)]
pub struct FakeDesk {
    pub asked: Vec<Request>,
    /// Everything holds at the next grading.
    pub solved: bool,
    pub under_way: bool,
    /// The next request fails.
    pub trouble: Option<Trouble>,
    pub hints: u32,
}

/// Now, or some minutes later.
pub fn now(minutes: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().expect("a time");
    now + jiff::SignedDuration::from_mins(minutes)
}

impl FakeDesk {
    /// What the desk says to a request.
    pub fn answer(&mut self, request: Request) -> Vec<News> {
        self.asked.push(request.clone());
        if let Some(trouble) = self.trouble.take_if(|_| request != Request::Attend) {
            return vec![News::Trouble(trouble)];
        }
        match request {
            Request::Catalogue => vec![News::Catalogue(self.catalogue())],
            Request::History => vec![News::History(history())],
            Request::Practise { scenario, .. } => vec![
                News::Progress(Progress { text: "starting the cluster".into(), done: 1, of: 3 }),
                News::TaskOpened(Box::new(task(0, &scenario))),
            ],
            Request::StartExam { .. } | Request::ResumeExam => vec![News::ExamOpened(exam())],
            Request::Open { task: number } => vec![News::TaskOpened(Box::new(exam_task(number)))],
            Request::Grade { .. } => self.grading(),
            Request::Hint { .. } => {
                self.hints += 1;
                vec![News::Hint { number: self.hints, of: 2, text: hint(self.hints) }]
            }
            Request::Solution { .. } => vec![News::Solution { text: SOLUTION.into() }],
            Request::Reset { .. } => vec![News::Reset { shell: None }],
            Request::Submit => vec![News::Results(Box::new(over()))],
            Request::Attend
            | Request::LeaveTask { .. }
            | Request::Flag { .. }
            | Request::Note { .. }
            | Request::Leave => Vec::new(),
        }
    }

    fn catalogue(&self) -> Catalogue {
        let mut catalogue = catalogue();
        if self.under_way {
            catalogue.under_way = Some(UnderWay { title: "Mock exam".into(), deadline: now(43) });
        }
        catalogue
    }

    fn grading(&self) -> Vec<News> {
        let outcomes = if self.solved { solved() } else { outcomes() };
        let line =
            |outcome: &Outcome| CheckLine { name: outcome.name.clone(), points: outcome.points, guard: outcome.guard };
        let mut news = vec![News::Checks(outcomes.iter().map(line).collect())];
        for (check, outcome) in outcomes.iter().enumerate() {
            news.push(News::Settled { check, verdict: outcome.verdict.clone() });
        }
        news.push(News::Graded(Box::new(graded(outcomes))));
        news
    }
}

fn domains() -> Vec<Domain> {
    [
        ("troubleshooting", "Troubleshooting", 30),
        ("cluster-architecture", "Cluster Architecture, Installation & Configuration", 25),
        ("networking", "Services & Networking", 20),
        ("workloads", "Workloads & Scheduling", 15),
        ("storage", "Storage", 10),
    ]
    .map(|(id, title, weight)| Domain { id: id.into(), title: title.into(), weight })
    .to_vec()
}

/// id, domain, title, topics, difficulty, minutes, best.
type Line = (&'static str, &'static str, &'static str, &'static str, Difficulty, u32, Option<u32>);

const SCENARIOS: [Line; 16] = [
    (
        "wrong-selector",
        "troubleshooting",
        "A Service that finds no Pods",
        "services labels",
        Difficulty::Easy,
        5,
        Some(100),
    ),
    ("image-pull", "troubleshooting", "An image that cannot be pulled", "pods images", Difficulty::Easy, 4, Some(60)),
    ("pending-pod", "troubleshooting", "A Pod that stays Pending", "scheduling resources", Difficulty::Medium, 6, None),
    ("jsonpath", "troubleshooting", "Names of nodes, sorted, in a file", "jsonpath sort", Difficulty::Medium, 5, None),
    ("node-down", "troubleshooting", "A node that is NotReady", "kubelet nodes", Difficulty::Hard, 9, None),
    (
        "rbac-deployer",
        "cluster-architecture",
        "Just enough rights for a pipeline",
        "rbac serviceaccounts",
        Difficulty::Medium,
        6,
        Some(100),
    ),
    (
        "csr-user",
        "cluster-architecture",
        "A user who logs in with a certificate",
        "csr certificates rbac",
        Difficulty::Hard,
        10,
        Some(40),
    ),
    ("drain", "cluster-architecture", "Take a node out of service", "drain cordon", Difficulty::Easy, 5, None),
    ("netpol", "networking", "Only the frontend may talk to the database", "networkpolicy", Difficulty::Hard, 8, None),
    ("ingress", "networking", "Two paths behind one host", "ingress services", Difficulty::Medium, 7, None),
    ("rollout-undo", "workloads", "Undo a broken rollout", "deployments rollout", Difficulty::Medium, 6, Some(70)),
    ("sidecar", "workloads", "Ship logs with a sidecar", "pods sidecar volumes", Difficulty::Medium, 7, None),
    ("hpa", "workloads", "Scale on load", "hpa metrics", Difficulty::Medium, 6, None),
    ("taints", "workloads", "A Pod for a tainted node", "taints tolerations", Difficulty::Easy, 4, Some(100)),
    ("pv-pvc", "storage", "A claim, its volume and a Pod", "pv pvc", Difficulty::Medium, 7, None),
    ("reclaim", "storage", "Bring a retained volume back into use", "pv reclaim", Difficulty::Hard, 8, None),
];

/// Everything there is to practise.
pub fn catalogue() -> Catalogue {
    let scenario = |(id, domain, title, topics, difficulty, minutes, best): Line| Scenario {
        id: id.into(),
        title: title.into(),
        domain: domain.into(),
        topics: topics.split(' ').map(str::to_owned).collect(),
        difficulty,
        minutes,
        points: 7,
        summary: "In namespace **vega** somebody left work half done. Find out what is wrong, set it right, and leave \
                  `deployment/web` as it is."
            .into(),
        best,
        attempts: best.map_or(0, |_| 3),
        last: best.map(|_| "2 days ago".into()),
        due: best.map(|best| if best < 100 { "due today".into() } else { "again in 6 days".into() }),
        missing: (id == "node-down")
            .then(|| "Needs node-shell: user namespaces are off on this machine. See `kubedrill doctor`.".into()),
    };
    Catalogue {
        pack: "cka 0.1.0".into(),
        domains: domains(),
        scenarios: SCENARIOS.map(scenario).to_vec(),
        exams: vec![
            Exam {
                id: "mock".into(),
                title: "Mock exam".into(),
                minutes: 120,
                tasks: 17,
                pass: 66,
                weights: domains().into_iter().map(|domain| (domain.title, domain.weight)).collect(),
                best: Some(58),
                attempts: 2,
                missing: None,
            },
            Exam {
                id: "short".into(),
                title: "Short exam: one task a domain".into(),
                minutes: 35,
                tasks: 5,
                pass: 66,
                weights: domains().into_iter().map(|domain| (domain.title, 20)).collect(),
                ..Exam::default()
            },
        ],
        next: Some(Next { scenario: "rollout-undo".into(), why: "70 % so far, due today".into() }),
        under_way: None,
    }
}

const TEXT: &str = "\
A release of the Deployment **web** in namespace **vega** does not come up: its new Pods cannot pull their image.

1. Bring the Deployment back to the revision before.
2. Scale it to **3** replicas.
3. Write the image that now runs into `image.txt`, as `kubectl` shows it.

Leave the Service `web` as it is.

## What to know

| What | Where |
|---|---|
| Deployment | `vega/web` |
| Service | `vega/web`, port 80 |

```sh
kubectl -n vega rollout history deployment web
kubectl -n vega get pods -o wide
```

> The exam shows the host to work on above each task.
";

const SOLUTION: &str = "\
Look at the revisions, then go back one:

```sh
kubectl -n vega rollout undo deployment web
kubectl -n vega scale deployment web --replicas 3
kubectl -n vega get deployment web -o jsonpath='{.spec.template.spec.containers[0].image}' > image.txt
```
";

fn hint(number: u32) -> String {
    match number {
        1 => "`kubectl rollout -h` lists what can be done with a release.".into(),
        _ => "`kubectl get deployment web -o jsonpath=…` prints one field and nothing else.".into(),
    }
}

/// A task as it is opened.
pub fn task(number: usize, scenario: &str) -> TaskOpened {
    TaskOpened {
        task: number,
        scenario: scenario.into(),
        title: "Undo a broken rollout".into(),
        domain: "Workloads & Scheduling".into(),
        difficulty: Difficulty::Medium,
        seed: 4711,
        points: 7,
        minutes: 6,
        text: TEXT.into(),
        hints: 2,
        shell: Shell {
            program: "bash".into(),
            args: vec!["--norc".into(), "-i".into()],
            env: vec![("PS1".into(), "$ ".into())],
            cwd: "/tmp".into(),
        },
        spent: 0,
    }
}

fn exam_task(number: usize) -> TaskOpened {
    let title = exam().tasks.get(number).map(|task| task.title.clone()).unwrap_or_default();
    TaskOpened { hints: 0, title, spent: 60 * number as i64, ..task(number, "exam") }
}

/// An exam that has gone on for a while.
pub fn exam() -> ExamOpened {
    let task = |(number, (_, domain, title, _, _, minutes, _)): (usize, Line)| ExamTask {
        title: title.into(),
        domain: domains().into_iter().find(|known| known.id == domain).map(|known| known.title).unwrap_or_default(),
        worth: 6,
        minutes,
        opened: number < 3,
        flagged: number == 1,
        note: if number == 1 { "selector looks right, look at ports".into() } else { String::new() },
        spent: if number < 3 { 190 + 60 * number as i64 } else { 0 },
    };
    ExamOpened {
        title: "Mock exam".into(),
        minutes: 120,
        pass: 66,
        deadline: now(97),
        tasks: SCENARIOS.into_iter().enumerate().map(task).collect(),
    }
}

fn outcome(name: &str, points: u32, verdict: Verdict) -> Outcome {
    Outcome { name: name.into(), points, guard: false, after: Vec::new(), verdict }
}

/// Every kind of verdict.
pub fn outcomes() -> Vec<Outcome> {
    let selector = Finding::at(
        "spec.template.spec.containers[name=web].resources",
        Some(json!({"requests": {"cpu": "100m", "memory": "64Mi"}})),
        Some(json!({"requests": {"cpu": "100m"}})),
    );
    vec![
        outcome("The Deployment runs the image from before", 3, Verdict::Pass),
        outcome(
            "Three replicas are ready",
            2,
            Verdict::Fail {
                findings: vec![
                    Finding::at("spec.replicas", Some(json!(3)), Some(json!(1))),
                    Finding::at("status.readyReplicas", Some(json!(3)), None),
                ],
            },
        ),
        outcome("The resources are asked for", 1, Verdict::fail(selector)),
        Outcome {
            after: vec!["Three replicas are ready".into()],
            ..outcome("The image's name is in image.txt", 1, Verdict::Pass)
        },
        Outcome { guard: true, ..outcome("The Service is as it was", 1, Verdict::Pass) },
    ]
}

fn solved() -> Vec<Outcome> {
    let pass = |outcome| Outcome { verdict: Verdict::Pass, ..outcome };
    outcomes().into_iter().map(pass).collect()
}

/// A grading that could not ask the cluster.
pub fn broken() -> Vec<Outcome> {
    let mut outcomes = outcomes();
    outcomes[1].verdict =
        Verdict::broken("GET https://127.0.0.1:6443/apis/apps/v1/namespaces/vega/deployments/web: connection refused");
    outcomes
}

/// A report of these.
pub fn graded(outcomes: Vec<Outcome>) -> Graded {
    Graded {
        report: tally("rollout-undo", Seed(4711), outcomes),
        explain: "`kubectl rollout undo` makes the **previous** revision the newest. It does not change the number of replicas: \
                  that is no part of the template, so no revision has it.\n\nRemember `rollout history --revision=2`, which shows \
                  what a revision contains before one goes back to it."
            .into(),
        docs: vec!["https://kubernetes.io/docs/concepts/workloads/controllers/deployment/".into()],
        spent: 252,
        next: Some(Next { scenario: "image-pull".into(), why: "due today".into() }),
    }
}

fn over() -> ExamOver {
    let tasks: Vec<TaskResult> = exam()
        .tasks
        .into_iter()
        .enumerate()
        .map(|(number, task)| TaskResult {
            scenario: SCENARIOS[number].0.into(),
            title: task.title,
            domain: task.domain,
            earned: Some([7, 4, 0, 7, 6][number % 5]),
            out_of: 7,
            worth: 6,
            score: 6.0 * f64::from([7, 4, 0, 7, 6][number % 5]) / 7.0,
            ungraded: (number == 4).then(|| "connection refused".into()),
            spent: 200 + 31 * number as i64,
            expected: i64::from(task.minutes) * 60,
        })
        .collect();
    let domain = |domain: Domain| DomainResult {
        domain: domain.title,
        tasks: 3,
        worth: domain.weight,
        score: f64::from(domain.weight) * 0.7,
        spent: 900,
        expected: 1200,
    };
    let reports = tasks.iter().map(|_| graded(outcomes())).collect();
    let results = Results {
        score: 71.4,
        pass: Some(66),
        passed: Some(true),
        spent: 6200,
        allowed: Some(7200),
        tasks,
        domains: domains().into_iter().map(domain).collect(),
    };
    ExamOver { title: "Mock exam".into(), results, tasks: reports }
}

fn history() -> History {
    let attempt = |(number, (id, domain, title, _, _, minutes, best)): (usize, Line)| Attempt {
        scenario: id.into(),
        when: format!("{} Mar 09:{:02}", 14 - number / 3, 10 + number),
        title: title.into(),
        exam: false,
        domain: domains().into_iter().find(|known| known.id == domain).map(|known| known.title).unwrap_or_default(),
        score: best,
        spent: 130 + 47 * number as i64,
        expected: i64::from(minutes) * 60,
        remark: if number % 4 == 1 { "solution shown".into() } else { String::new() },
    };
    let standing = |title: &str, score, practised, of| Standing { title: title.into(), score, practised, of };
    History {
        attempts: SCENARIOS.into_iter().enumerate().map(attempt).collect(),
        domains: domains()
            .into_iter()
            .enumerate()
            .map(|(number, domain)| standing(&domain.title, (number < 4).then_some(90 - 15 * number as u32), 2, 5))
            .collect(),
        topics: vec![
            standing("csr", Some(40), 1, 1),
            standing("images", Some(60), 1, 2),
            standing("rollout", Some(70), 1, 1),
            standing("networkpolicy", None, 0, 1),
        ],
    }
}
