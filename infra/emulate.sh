#!/usr/bin/env bash
# The shop as infra/template.yaml makes it, deployed on an emulator of AWS on this machine, and tested there.
#
#   infra/emulate.sh up      builds, starts the emulator, deploys, seeds, starts the simulators of Stripe and Open edX
#   infra/emulate.sh test    runs the journeys against it; if it was not up, brings it up before and down after
#   infra/emulate.sh down    takes the stack and everything that was started away
#
# It needs Rust, a C compiler, Python 3.10 with venv, jq and curl; the rest it installs into target/emulate. The emulator is
# MiniStack, with the functions' policies enforced; with AWS_ENDPOINT_URL it is whatever answers there, as LocalStack.
# With BURSAR_LAMBDA_DIR the functions are those in that folder, built before. docs/emulation.md says what differs from AWS.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

functions=(catalog basket checkout payment-webhook session fulfillment janitor)
stack=bursar-emulated
work=$PWD/target/emulate
run=$work/run
# Not target/lambda, from where AWS is deployed to: these are for this machine's architecture.
lambda=${BURSAR_LAMBDA_DIR:-$work/lambda}
emulator_port=${BURSAR_EMULATOR_PORT:-4566}
simulators_port=${BURSAR_SIMULATORS_PORT:-8090}
simulators=http://127.0.0.1:$simulators_port
# The largest artefact that Lambda is to unpack at a cold start (ADR 26).
max_zip=4000000

say() { printf '\n--> %s\n' "$*"; }

tools() {
    local programs
    programs=$(infra/emulate/venv.sh requirements.txt)
    export PATH=$programs:$PATH
}

# Everything talks to the emulator, whatever profile this machine has.
surroundings() {
    case ${AWS_ENDPOINT_URL:-} in
        *amazonaws.com*)
            echo "AWS_ENDPOINT_URL is AWS itself: this is for emulators, and deletes what it deployed" >&2
            exit 2
            ;;
        "")
            own_emulator=yes
            export AWS_ENDPOINT_URL=http://127.0.0.1:$emulator_port
            ;;
        *) own_emulator= ;;
    esac
    unset AWS_PROFILE AWS_SESSION_TOKEN
    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
    export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER="" SAM_CLI_TELEMETRY=0
}

architecture() {
    case $(uname -m) in
        x86_64) echo x86_64 ;;
        arm64 | aarch64) echo arm64 ;;
        *) echo "no Lambda runs on $(uname -m)" >&2 && exit 1 ;;
    esac
}

build() {
    local packages=() name flag=--x86-64
    if [[ -z ${BURSAR_LAMBDA_DIR:-} ]]; then
        say "functions, as they are deployed"
        [[ $(architecture) == arm64 ]] && flag=--arm64
        for name in "${functions[@]}"; do packages+=(--package "$name"); done
        cargo lambda build --release "$flag" --lambda-dir "$lambda" "${packages[@]}"
        python3 infra/emulate/sizes.py "$max_zip" "${functions[@]/#/$lambda/}"
    fi
    say "simulators and journeys"
    cargo build --package local --bin local --package tests --bin journeys
}

# start NAME COMMAND…: in the background, in a process group of its own.
start() {
    local name=$1
    shift
    set -m
    "$@" >"$run/$name.log" 2>&1 &
    echo $! >"$run/$name.pid"
    set +m
}

# Whether what was started under a name still runs, and is no other process that has its number by now.
runs() {
    local pid
    pid=$(cat "$run/$1.pid" 2>/dev/null) && [[ $(ps -ww -o command= -p "$pid") == *"$PWD/target/"* ]]
}

stop() {
    local name=$1 pid
    runs "$name" || return 0
    pid=$(cat "$run/$name.pid")
    kill -TERM -- "-$pid" 2>/dev/null || true
    for _ in {1..50}; do
        kill -0 -- "-$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    rm -f "$run/$name.pid"
}

# free PORT VARIABLE: fails if somebody listens on the port already, who would answer in the place of ours.
free() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        echo "something listens on port $1 already; $2 names another" >&2
        return 1
    fi
}

# wait_for NAME URL: until it answers, or its process is gone.
wait_for() {
    local name=$1 url=$2
    for _ in {1..600}; do
        kill -0 "$(cat "$run/$name.pid")" 2>/dev/null || break
        curl --silent --fail --output /dev/null --max-time 5 "$url" && return 0
        sleep 0.1
    done
    echo "$name does not answer at $url:" >&2
    tail -n 20 "$run/$name.log" >&2 || true
    return 1
}

# Functions inherit the emulator's environment, so it gets none of ours. AUTH enforces their policies.
start_emulator() {
    if [[ -z $own_emulator ]]; then
        say "emulator at $AWS_ENDPOINT_URL"
        return
    fi
    say "emulator (MiniStack) on port $emulator_port"
    free "$emulator_port" BURSAR_EMULATOR_PORT
    mkdir -p "$run/tmp"
    start emulator env -i PATH="$PATH" HOME="$run" TMPDIR="$run/tmp" LANG=C.UTF-8 AUTH=true IOT_MTLS_ENABLED=0 \
        BIND_HOST=127.0.0.1 GATEWAY_PORT="$emulator_port" AWS_ENDPOINT_URL="$AWS_ENDPOINT_URL" ministack
    wait_for emulator "$AWS_ENDPOINT_URL/_ministack/ready"
}

deploy() {
    say "sam build && sam deploy"
    local config=$PWD/samconfig.toml code
    code=$(cd "$lambda" && pwd)
    sed "s#CodeUri: ../target/lambda/#CodeUri: $code/#" infra/template.yaml >"$work/template.yaml"
    sam build --config-file "$config" --config-env dev --template-file "$work/template.yaml" --build-dir "$work/build" >"$run/sam.log" 2>&1
    sam deploy --config-file "$config" --config-env dev --template-file "$work/build/template.yaml" --stack-name "$stack" --s3-prefix "$stack" \
        --parameter-overrides Stage=dev Architecture="$(architecture)" FulfillmentConcurrency=0 >>"$run/sam.log" 2>&1
    output ApiUrl >"$run/api-url"
    echo "ApiUrl $(cat "$run/api-url")"
}

# MiniStack checks GetParametersByPath against `*`, AWS against the path, as the template has it. So each role gets a policy
# more here; all else stays as the template says.
allow_paths() {
    [[ -n $own_emulator ]] || return 0
    local role
    for role in $(roles); do
        aws iam put-role-policy --role-name "$role" --policy-name emulator --policy-document '{"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": "*"}]}'
    done
}

roles() {
    aws cloudformation list-stack-resources --stack-name "$stack" --output text \
        --query "StackResourceSummaries[?ResourceType=='AWS::IAM::Role'].PhysicalResourceId"
}

output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

seed() {
    local api
    api=$(cat "$run/api-url")
    say "simulators of Stripe and Open edX on port $simulators_port"
    free "$simulators_port" BURSAR_SIMULATORS_PORT
    start simulators "$PWD/target/debug/local" --simulators --data memory --port "$simulators_port" \
        --webhook-url "$api/webhooks/default/stripe"
    wait_for simulators "$simulators/_local/webhook-url"
    say "parameters"
    target/debug/local parameters --simulators-url "$simulators" --public-url "$api" >"$run/parameters"
    infra/parameters.sh dev "$run/parameters" | tail -n 1
}

is_up() { [[ -f $run/up ]] && has_emulator && runs simulators; }

# Whether there is one to ask.
has_emulator() { [[ -z $own_emulator ]] || runs emulator; }

up() {
    if is_up; then
        echo "it is up already, at $(cat "$run/api-url")"
        return
    fi
    # What an earlier run left that was killed.
    stop simulators
    stop emulator
    rm -rf "$run"
    mkdir -p "$run"
    build
    start_emulator
    deploy
    allow_paths
    seed
    touch "$run/up"
    say "the shop answers at $(cat "$run/api-url")"
}

journeys() {
    say "journeys"
    local skip=()
    [[ -n $own_emulator ]] && skip=(--skip "a_page_of_a_known_site_may_call_and_no_other_may=the emulator answers preflights itself")
    target/debug/journeys --api "$(cat "$run/api-url")" --simulators "$simulators" ${skip[@]+"${skip[@]}"}
}

# What the functions said, newest last, without the emulator's own lines.
logs() {
    local name
    if [[ ! -s $run/api-url ]]; then
        [[ -f $run/sam.log ]] && say "log of sam" && tail -n 40 "$run/sam.log"
        return
    fi
    for name in "${functions[@]}"; do
        say "log of $name"
        aws logs filter-log-events --log-group-name "/aws/lambda/$stack-$name" --output json 2>/dev/null |
            jq --raw-output '.events[].message' | grep -v -E '^(START|END|REPORT) RequestId' | tail -n 30 || true
    done
    say "errors of the emulator"
    grep -E ' (ERROR|WARNING) ' "$run/emulator.log" 2>/dev/null | tail -n 20 || true
}

down() {
    local role
    say "taking it away"
    if [[ -f $run/sam.log ]] && has_emulator; then
        for role in $(roles 2>/dev/null); do
            aws iam delete-role-policy --role-name "$role" --policy-name emulator 2>/dev/null || true
        done
        sam delete --no-prompts --region us-east-1 --stack-name "$stack" >>"$run/sam.log" 2>&1 ||
            echo "the stack is not deleted, see $run/sam.log" >&2
        aws ssm get-parameters-by-path --path /bursar/dev --recursive --output text --query 'Parameters[].Name' |
            tr '\t' '\n' | grep / | xargs -r -n 10 aws ssm delete-parameters --output text --names >/dev/null || true
    fi
    stop simulators
    stop emulator
    rm -f "$run/up" "$run/parameters"
}

# Nothing is left running, and after a failure what was said is on the screen.
at_exit() {
    local status=$?
    trap - EXIT
    if ((status != 0)); then
        logs || true
    fi
    down || true
    exit "$status"
}

command=${1:-}
case $command in
    up | test | down) ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
surroundings
tools
case $command in
    up)
        is_up || trap at_exit EXIT
        up
        trap - EXIT
        ;;
    test)
        if is_up; then
            journeys || { logs && exit 1; }
        else
            trap at_exit EXIT
            up
            journeys
        fi
        ;;
    down) down ;;
esac
