//! Names that checks ask for and the learner was never told: the task asks for one name, the check for another.
//! Which words of a check are names the checks say themselves.

use super::Subject;
use crate::object::meta;
use crate::scenario::check::Statement;
use crate::scenario::inspect::Inspect;
use crate::scenario::problem::Problem;
use crate::scenario::step::Step;

/// Names that are there in every cluster, or that the embedded one has.
const EVERYWHERE: &[&str] = &[
    "cpu",
    "memory",
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kubernetes",
    "controlplane",
    "node01",
    "node02",
    "standard",
    "coredns",
    "kube-dns",
    "kube-proxy",
    "kubeadm-config",
    "kube-root-ca.crt",
    "cluster-admin",
    "admin",
    "edit",
    "view",
];

/// Looks at the names of all checks.
pub fn lint(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let variant = &subject.drawing.variant;
    let mut told = variant.task.clone();
    for step in &variant.setup {
        match step {
            Step::Apply(apply) => {
                apply.objects.iter().for_each(|object| told.push_str(&format!(" {object} {}", meta::name(object))));
            }
            Step::Certificate(certificate) => told.push_str(&format!(" {}", certificate.path)),
            _ => {}
        }
    }
    for (check, node) in variant.checks.iter().zip(subject.items("checks")) {
        // What a guard watches over is none of the learner's business.
        let Some(node) = node.get(check.kind.key()).filter(|_| !check.guard) else { continue };
        // What is wrong with the check is told in `checks`.
        let mut other = Vec::new();
        let mut inspect = Inspect::new(&subject.scenario.source, node, &mut other);
        check.inspect(&mut inspect);
        for (place, name) in inspect.names {
            if !EVERYWHERE.contains(&name.as_str()) && !name.starts_with("system:") && !contains_word(&told, &name) {
                let message =
                    format!("the check asks for `{name}`, which the task does not name and the setup does not make");
                let help = "use one parameter in both; a learner can only do what the task says";
                problems.push(Problem::at(place, "name-not-told", message).help(help).warning());
            }
        }
    }
}

/// Whether a text has a name that is not only a part of a longer one.
fn contains_word(text: &str, name: &str) -> bool {
    let part =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '-' || letter == '_');
    let alone = |at: usize| !part(text[..at].chars().next_back()) && !part(text[at + name.len()..].chars().next());
    name.is_empty() || text.match_indices(name).any(|(at, _)| alone(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_of_its_own() {
        assert!(contains_word("Create a Job **backup-job** there.", "backup-job"));
        assert!(!contains_word("Create a Job **backup-job** there.", "hello-job"));
        assert!(!contains_word("Create a Job **my-backup-job**", "backup-job"));
        assert!(!contains_word("Create a Job **backup-job**", "backup"));
    }
}
