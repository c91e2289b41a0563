//! What is typed on nodes, and what follows from it, through the cluster's ear for it.
//! How one gets there from the learner's terminal is the terminal's.

mod apart;
mod callers;
mod causes;
mod certificates;
mod configurations;
mod configured;
mod control_planes;
mod crictl;
mod curl;
mod etcd;
mod host_paths;
mod init;
mod kubeadm;
mod packages;
mod processes;
mod reads;
mod typing;
