//! Solutions as text to be read: what is typed, and the files it takes.
//! Doing them is the lab's.

use serde_json::json;

use crate::scenario::step::{PatchType, Step};
use crate::scenario::variant::Variant;

/// All solutions of a task, with the files they use, in Markdown.
pub fn markdown(variant: &Variant) -> String {
    let mut text = String::new();
    for solution in &variant.solutions {
        text.push_str(&format!("## {}\n\n", solution.name));
        for step in &solution.steps {
            text.push_str(&step_text(step));
            text.push('\n');
        }
    }
    let used = |name: &str| text.contains(name);
    let files: Vec<_> = variant.files.iter().filter(|(name, _)| used(name)).collect();
    let mut files_text = String::new();
    for (name, content) in files {
        files_text.push_str(&format!("`{name}`\n\n```yaml\n{}\n```\n\n", content.trim_end()));
    }
    if let Some(explain) = &variant.explain {
        files_text.push_str(&format!("## Why\n\n{explain}\n"));
    }
    text + &files_text
}

fn step_text(step: &Step) -> String {
    match step {
        Step::Run(run) => format!("```sh\n{}\n```\n", run.0.trim_end()),
        Step::Apply(apply) => {
            let objects: Vec<String> = apply.objects.iter().map(yaml).collect();
            format!("`kubectl apply -f` with\n\n```yaml\n{}\n```\n", objects.join("\n---\n"))
        }
        Step::Delete(delete) => {
            let target = &delete.0;
            let namespace = target.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
            format!("```sh\nkubectl delete{namespace} {} {}\n```\n", target.kind.to_lowercase(), target.name)
        }
        Step::Patch(patch) => {
            let target = patch.target();
            let namespace = target.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
            let (kind, name) = (target.kind.to_lowercase(), &target.name);
            let way = match patch.patch_type {
                PatchType::Strategic => "",
                PatchType::Merge => " --type=merge",
                PatchType::Json => " --type=json",
            };
            let text = json!(patch.patch).to_string().replace('\'', r"'\''");
            format!("```sh\nkubectl patch{namespace} {kind} {name}{way} -p '{text}'\n```\n")
        }
        Step::NodeFile(file) => format!("Change `{}` on {}.\n", file.path, file.node),
        Step::Certificate(certificate) => {
            format!("Sign `{}` on {} anew.\n", certificate.path, certificate.node)
        }
        Step::NodeCommand(command) => {
            format!("On {}:\n\n```sh\n{}\n```\n", command.node, command.run.join(" "))
        }
        Step::WaitFor(wait) => {
            format!("Wait until {} {} is as it should be.\n", wait.object.target.kind, wait.object.target.name)
        }
    }
}

fn yaml(object: &serde_json::Value) -> String {
    serde_yaml::to_string(object).map(|text| text.trim_end().to_owned()).unwrap_or_else(|_| object.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::step::Patch;

    #[test]
    fn a_patch_that_is_shown_can_be_typed() {
        let patch: Patch = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "shop", "type": "json",
            "patch": [{ "op": "add", "path": "/metadata/annotations/note", "value": "it's" }],
        }))
        .unwrap();
        let shown = step_text(&Step::Patch(patch));
        let typed = r#"kubectl patch -n shop pod web --type=json -p '[{"op":"add","path":"/metadata/annotations/note","value":"it'\''s"}]'"#;
        assert!(shown.contains(typed), "{shown}");
    }
}
