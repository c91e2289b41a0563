//! The commands of a node that the cluster answers for: one file each, a row here.
//! All others are the host's own programs on the node's files.

mod apt;
mod containerd;
mod crictl;
mod curl;
mod dpkg;
mod etcdctl;
mod etcdutl;
mod hostnamectl;
mod ip;
mod journalctl;
mod kill;
mod kubeadm;
mod kubelet;
mod lsof;
mod modules;
mod pgrep;
mod ps;
mod service;
mod sockets;
mod swap;
mod sysctl;
mod systemctl;

use futures::future::BoxFuture;

use super::call::Call;

/// A command.
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What it does; its result is the exit code.
    run: fn(Call) -> BoxFuture<'static, u8>,
}

/// Every command.
pub static COMMANDS: &[Command] = &[
    Command { name: "containerd", run: |call| Box::pin(containerd::run(call)) },
    Command { name: "crictl", run: |call| Box::pin(crictl::run(call)) },
    Command { name: "ctr", run: |call| Box::pin(containerd::ctr(call)) },
    Command { name: "curl", run: |call| Box::pin(curl::run(call)) },
    Command { name: "etcdctl", run: |call| Box::pin(etcdctl::run(call)) },
    Command { name: "etcdutl", run: |call| Box::pin(etcdutl::run(call)) },
    Command { name: "apt", run: |call| Box::pin(apt::apt(call)) },
    Command { name: "apt-cache", run: |call| Box::pin(apt::cache(call)) },
    Command { name: "apt-get", run: |call| Box::pin(apt::get(call)) },
    Command { name: "apt-mark", run: |call| Box::pin(apt::mark(call)) },
    Command { name: "dpkg", run: |call| Box::pin(dpkg::run(call)) },
    Command { name: "dpkg-query", run: |call| Box::pin(dpkg::run(call)) },
    Command { name: "hostnamectl", run: |call| Box::pin(hostnamectl::run(call)) },
    Command { name: "ip", run: |call| Box::pin(ip::run(call)) },
    Command { name: "journalctl", run: |call| Box::pin(journalctl::run(call)) },
    Command { name: "kill", run: |call| Box::pin(kill::run(call)) },
    Command { name: "killall", run: |call| Box::pin(pgrep::killall(call)) },
    Command { name: "kubeadm", run: |call| Box::pin(kubeadm::run(call)) },
    Command { name: "kubelet", run: |call| Box::pin(kubelet::run(call)) },
    Command { name: "lsmod", run: |call| Box::pin(modules::list(call)) },
    Command { name: "lsof", run: |call| Box::pin(lsof::run(call)) },
    Command { name: "modprobe", run: |call| Box::pin(modules::run(call)) },
    Command { name: "netstat", run: |call| Box::pin(sockets::netstat(call)) },
    Command { name: "pgrep", run: |call| Box::pin(pgrep::run(call)) },
    Command { name: "pidof", run: |call| Box::pin(pgrep::pidof(call)) },
    Command { name: "pkill", run: |call| Box::pin(pgrep::run(call)) },
    Command { name: "ps", run: |call| Box::pin(ps::run(call)) },
    Command { name: "service", run: |call| Box::pin(service::run(call)) },
    Command { name: "ss", run: |call| Box::pin(sockets::run(call)) },
    Command { name: "swapoff", run: |call| Box::pin(swap::run(call)) },
    Command { name: "swapon", run: |call| Box::pin(swap::run(call)) },
    Command { name: "sysctl", run: |call| Box::pin(sysctl::run(call)) },
    Command { name: "systemctl", run: |call| Box::pin(systemctl::run(call)) },
];

/// Runs the command a call names; 127 where there is none of that name.
pub async fn run(call: Call) -> u8 {
    let name = call.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(call).await,
        None => {
            call.complain(format_args!("bash: {name}: command not found"));
            127
        }
    }
}
