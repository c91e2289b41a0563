//! Points: what tally makes of verdicts, and that a report survives JSON.
//! How verdicts come about is tested with the checks.

use kubedrill::base::seed::Seed;
use kubedrill::grading::report::{Finding, Outcome, Report, Verdict, tally};
use kubedrill::object::matching;
use serde_json::json;

fn check(name: &str, points: u32, verdict: Verdict) -> Outcome {
    Outcome { name: name.to_owned(), points, guard: false, after: Vec::new(), verdict }
}

fn after(names: &[&str], outcome: Outcome) -> Outcome {
    Outcome { after: names.iter().map(ToString::to_string).collect(), ..outcome }
}

fn guard(outcome: Outcome) -> Outcome {
    Outcome { guard: true, ..outcome }
}

fn fail() -> Verdict {
    Verdict::fail(Finding::at("spec.replicas", Some(json!(3)), Some(json!(1))))
}

fn report(outcomes: Vec<Outcome>) -> Report {
    tally("scale", Seed(1), outcomes)
}

#[test]
fn points_are_partial_per_check() {
    let report = report(vec![check("a", 2, Verdict::Pass), check("b", 3, fail())]);
    assert_eq!((report.earned, report.out_of), (2, 5));
    assert_eq!(report.lost(), ["b"]);
    assert!(!report.full_marks());
}

#[test]
fn a_guard_earns_nothing_and_costs_when_it_fails() {
    let kept = report(vec![check("a", 2, Verdict::Pass), guard(check("kept", 1, Verdict::Pass))]);
    assert_eq!((kept.earned, kept.out_of), (2, 2));
    assert!(kept.full_marks());
    let spoilt = report(vec![check("a", 2, Verdict::Pass), guard(check("kept", 1, fail()))]);
    assert_eq!((spoilt.earned, spoilt.out_of), (1, 2));
    assert_eq!(spoilt.lost(), ["kept"]);
    let unpriced = report(vec![check("a", 2, Verdict::Pass), guard(check("kept", 0, fail()))]);
    assert_eq!((unpriced.earned, unpriced.out_of), (1, 2), "a guard always costs");
    let nothing_done = report(vec![check("a", 2, fail()), guard(check("kept", 5, fail()))]);
    assert_eq!(nothing_done.earned, 0);
}

#[test]
fn a_check_after_another_pays_only_when_that_one_counts() {
    let chain = |first| {
        report(vec![
            after(&["b"], check("c", 4, Verdict::Pass)),
            after(&["a"], check("b", 2, Verdict::Pass)),
            check("a", 1, first),
        ])
    };
    assert_eq!(chain(Verdict::Pass).earned, 7);
    let lost = chain(fail());
    assert_eq!(lost.earned, 0);
    assert_eq!(lost.lost(), ["c", "b", "a"]);
    assert_eq!(lost.results[0].waits_for, ["b"]);
}

#[test]
fn a_circle_or_an_unknown_name_never_pays() {
    let circle = report(vec![
        after(&["b"], check("a", 1, Verdict::Pass)),
        after(&["a"], check("b", 1, Verdict::Pass)),
        after(&["nobody"], check("c", 1, Verdict::Pass)),
    ]);
    assert_eq!(circle.earned, 0);
    assert_eq!(circle.lost().len(), 3);
}

#[test]
fn broken_marks_the_task_ungraded_and_says_why() {
    let report = report(vec![
        check("a", 2, Verdict::Pass),
        check("b", 3, Verdict::broken("connection refused")),
        guard(check("kept", 1, Verdict::broken("connection refused"))),
    ]);
    assert_eq!((report.earned, report.out_of), (2, 5));
    assert_eq!(report.ungraded.as_deref(), Some("\"b\" could not be checked: connection refused (and one more check)"));
    assert!(!report.full_marks());
}

#[test]
fn what_matching_finds_is_told_in_the_same_words() {
    let expected = json!({ "spec": { "replicas": 3, "paused": null } });
    let found = json!({ "spec": { "replicas": 1, "paused": true } });
    let found = matching::find(&expected, &found, None);
    let words: Vec<_> = found.iter().map(ToString::to_string).collect();
    let findings: Vec<_> = found.into_iter().map(Finding::from).collect();
    assert_eq!(findings.iter().map(|finding| &finding.text).collect::<Vec<_>>(), words.iter().collect::<Vec<_>>());
    assert_eq!(words, ["spec.replicas: expected 3, found 1", "spec.paused: expected nothing, found true"]);
    assert_eq!(findings[1].expected, None);
}

#[test]
fn a_report_survives_json_with_nulls_kept_apart_from_nothing() -> serde_json::Result<()> {
    let findings = vec![
        Finding::at("spec.nodeName", Some(json!("node01")), None),
        Finding::at("data.key", None, Some(json!(null))),
        Finding::told("no event says so"),
    ];
    let report = report(vec![
        check("a", 2, Verdict::Pass),
        after(&["a"], check("b", 3, Verdict::Fail { findings })),
        guard(check("c", 1, Verdict::broken("timed out"))),
    ]);
    let text = serde_json::to_value(&report)?;
    assert_eq!(text["results"][1]["verdict"], "fail");
    assert_eq!(text["results"][1]["findings"][0]["text"], "spec.nodeName: expected node01, found nothing");
    assert_eq!(serde_json::from_value::<Report>(text)?, report);
    Ok(())
}
