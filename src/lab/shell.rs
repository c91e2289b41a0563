//! The learner's shell: which program, where, and with which environment.
//! Running it in a terminal is the faces'.

use std::path::PathBuf;

use super::{Lab, LabError};
use crate::base::files;

/// A shell as it is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    pub program: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
}

/// The variables by which `kubectl` and its kin find the lab's cluster, and nothing of the user's own.
pub fn environment(lab: &Lab) -> Vec<(String, String)> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    vec![
        ("KUBECONFIG".to_owned(), path(lab.cluster.kubeconfig().to_owned())),
        // Discovery is cached by address; clusters of different shape may follow each other on one port.
        ("KUBECACHEDIR".to_owned(), path(lab.dir.join("cache"))),
    ]
}

/// What the exam's shells have ready.
const RC: &str = r#"[ -f ~/.bashrc ] && . ~/.bashrc
alias k=kubectl
if command -v kubectl >/dev/null 2>&1; then
  . <(kubectl completion bash 2>/dev/null)
  complete -o default -F __start_kubectl k 2>/dev/null
fi
PS1='\[\e[1;36m\]kubedrill\[\e[0m\] \[\e[2m\]\W\[\e[0m\] \$ '
"#;

/// The learner's own bash with the exam's comforts; `sh` where there is none.
pub fn of(lab: &Lab) -> Result<Shell, LabError> {
    let rc = lab.dir.join("bashrc");
    files::write_atomic(&rc, RC.as_bytes(), 0o600).map_err(|source| LabError::File { path: rc.clone(), source })?;
    let has = |name: &str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
    };
    let (program, args) = if has("bash") {
        ("bash", vec!["--rcfile".to_owned(), rc.to_string_lossy().into_owned(), "-i".to_owned()])
    } else {
        ("sh", Vec::new())
    };
    Ok(Shell { program: program.to_owned(), args, env: environment(lab), cwd: lab.work() })
}
