# Every recipe is one command you could type; `just` lists them.

_default:
    @just --list --unsorted

# All of CI. Steps may be named: `just check fmt clippy`
check *steps:
    .ci/run {{ steps }}

# Format the code
fmt:
    cargo fmt --all

# Run the tests, or those whose name holds FILTER
test *filter:
    cargo test --workspace {{ filter }}

# The whole cloud in one process, with demo data
run *args:
    cargo run -p local -- {{ args }}

# Measure the operations beside the same bare DynamoDB calls
bench:
    cargo run --release -p local -- bench

# Write docs/openapi.json anew from the code
openapi:
    UPDATE_OPENAPI=1 cargo test -p tests openapi
