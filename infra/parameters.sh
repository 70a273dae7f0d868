#!/usr/bin/env bash
# Puts the settings and secrets of a stage into the parameter store, as /bursar/<stage>/<group>/<VARIABLE>.
#
#   infra/parameters.sh STAGE FILE      FILE as infra/parameters.example says; - is standard input
#
# What is there already and is the same is left alone, so it can be run again. Values are neither printed nor put on a command
# line. It needs the AWS CLI and jq, and honours AWS_ENDPOINT_URL. Functions read parameters when they start: infra/renew.sh
# starts them anew.
set -euo pipefail
umask 077

secrets=" BURSAR_KEY_SECRET BURSAR_ISSUERS BURSAR_GATEWAY BURSAR_SIGNING_KEYS BURSAR_STRIPE_SECRET_KEY \
BURSAR_STRIPE_WEBHOOK_SECRETS BURSAR_LMS_CLIENT_SECRET OTEL_EXPORTER_OTLP_HEADERS "

stage=${1:-} file=${2:-}
if [[ ! $stage =~ ^(dev|staging|prod)$ || -z $file ]]; then
    echo "usage: infra/parameters.sh dev|staging|prod FILE" >&2
    exit 2
fi
[[ $file == - ]] && file=/dev/stdin

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What is in the store, as {"/bursar/…": "value"}.
store=$(aws ssm get-parameters-by-path --path "/bursar/$stage" --recursive --with-decryption --output json \
    --query 'Parameters[].[Name,Value]' | jq 'map({(.[0]): .[1]}) | add // {}')

has() { jq --exit-status --arg name "$1" 'has($name)' <<<"$store" >/dev/null; }
value_of() { jq --raw-output --arg name "$1" '.[$name]' <<<"$store"; }

put() {
    local name=$1 value=$2 type=String
    local variable=${name##*/}
    [[ $secrets == *" ${variable%%__*} "* ]] && type=SecureString
    printf '%s' "$value" | jq --raw-input --slurp --arg name "$name" --arg type "$type" \
        '{Name: $name, Value: ., Type: $type, Overwrite: true, Tier: "Intelligent-Tiering"}' >"$scratch/request"
    aws ssm put-parameter --cli-input-json "file://$scratch/request" >/dev/null
}

line_number=0 written=0 same=0 removed=0
while IFS= read -r line || [[ -n $line ]]; do
    line_number=$((line_number + 1))
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    if [[ ! $line =~ ^(shop|identity|session|stripe|lms|telemetry)/([A-Z][A-Z0-9_]*)=(.*)$ ]]; then
        echo "line $line_number is not <group>/<VARIABLE>=<value>" >&2
        exit 1
    fi
    name=/bursar/$stage/${BASH_REMATCH[1]}/${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    if [[ -z $value ]]; then
        if has "$name"; then
            aws ssm delete-parameter --name "$name" >/dev/null
            removed=$((removed + 1)) && echo "removed $name"
        fi
    elif has "$name" && [[ $(value_of "$name") == "$value" ]]; then
        same=$((same + 1))
    else
        put "$name" "$value"
        written=$((written + 1)) && echo "wrote   $name"
    fi
done <"$file"
echo "$stage: $written written, $same the same, $removed removed"
