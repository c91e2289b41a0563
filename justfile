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

# The figures of docs/performance.md, all or those whose name contains NAME.
bench *NAME:
    cargo bench -- {{NAME}}

# Everything CI does.
ci:
    .ci/run
