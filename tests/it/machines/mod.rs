//! What is typed on nodes, and what follows from it, through the cluster's ear for it.
//! How one gets there from the learner's terminal is the terminal's.

mod causes;
mod crictl;
mod etcd;
mod kubeadm;
mod packages;
mod reads;
mod typing;
