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

# Make a batch of codes on a fresh disk, and print how fast it goes and what memory it takes; `just batch-bench 5000` a smaller one
batch-bench *codes:
    cargo run --release -p local -- batch-bench --data "$(mktemp -d)" {{ codes }}

# Measure the functions' binaries through the Lambda Runtime API, beside bare ones; `just lambda-bench catalog` one of them
lambda-bench *functions:
    cargo run --release -p local -- lambda-bench {{ functions }}

# Build the functions for AWS into target/lambda: `just lambda` for arm64, `just lambda x86-64`
lambda architecture="arm64":
    cargo lambda build --release --{{ architecture }} -p catalog -p basket -p checkout -p payment-webhook -p session -p fulfillment -p janitor

# Check infra/template.yaml
template:
    .ci/run template

# The shop on an emulator of AWS: up, test or down
emulate command="test":
    infra/emulate.sh {{ command }}

# Write docs/openapi.json anew from the code
openapi:
    UPDATE_OPENAPI=1 cargo test -p tests openapi
