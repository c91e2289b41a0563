# What one types while working here. `just` lists it; the commands work without just, too.

# List what there is.
default:
    @just --list

# Does it compile, tests included?
check:
    cargo check --all-targets

# All tests, or those whose name contains NAME.
test *NAME:
    cargo test {{NAME}}

# What CI says about style: formatting, clippy, dependencies.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo deny check bans licenses sources

# The shape of the house: layers, orders, files, rows, links.
shape:
    cargo test --test it architecture

# Put the formatting right.
fmt:
    cargo fmt

# The figures of docs/performance.md, all or those named: boot, reset, exam, frame, key, flood, api, idle, saving, large.
bench *NAME:
    cargo bench -- {{NAME}}

# The embedded cluster against the recorded answers of a real one: every difference that is not accepted.
parity:
    cargo test --test it parity:: -- --nocapture

# The same against a real cluster, now.
parity-with CONTEXT:
    KUBEDRILL_PARITY_CONTEXT={{CONTEXT}} cargo test --test it parity::what_is_typed -- --nocapture

# Record what a real cluster answers.
parity-record CONTEXT:
    KUBEDRILL_PARITY_CONTEXT={{CONTEXT}} cargo test --test it parity::record -- --ignored --nocapture

# Write the accepted differences into docs/simulator.md.
parity-page:
    KUBEDRILL_PARITY_PAGE=1 cargo test --test it parity::accepted

# Everything CI does.
ci:
    .ci/run

# The pictures of the README, taken from the real program.
pictures:
    cargo build --release
    cargo run --example picture -- target/release/kubedrill assets/pictures/home.svg 120x34 until:kubedrill until:Details
    cargo run --example picture -- target/release/kubedrill assets/pictures/task.svg 132x34 until:Details / "Just enough" enter enter "until:kubedrill work" "kubectl get nodes" enter until:node02 "kubectl -n kube-system get pods | head -6" enter until:etcd
