#!/usr/bin/env bash
# Puts the settings and secrets of a stage into the parameter store, as /bursar/<stage>/<group>/<VARIABLE>.
#
#   infra/parameters.sh STAGE FILE      FILE as infra/parameters.example says; - is standard input
#
# What is there already and is the same is left alone, so it can be run again. Every line is read before anything is written.
# Values are neither printed nor put on a command line. It needs the AWS CLI and jq, and honours AWS_ENDPOINT_URL. Functions
# read parameters when they start: infra/renew.sh starts them anew.
set -euo pipefail
umask 077

secrets=" BURSAR_KEY_SECRET BURSAR_ISSUERS BURSAR_GATEWAY BURSAR_SIGNING_KEYS BURSAR_STRIPE_SECRET_KEY \
BURSAR_STRIPE_WEBHOOK_SECRETS BURSAR_LMS_CLIENT_SECRET OTEL_EXPORTER_OTLP_HEADERS "
example=$(dirname "${BASH_SOURCE[0]}")/parameters.example
# What there is, as <group>/<VARIABLE>. Anything else would be stored open, whatever it holds.
known=" $(sed -n 's/^\([a-z]*\/[A-Z_]*\)=.*/\1/p' "$example" | tr '\n' ' ')"

stage=${1:-} file=${2:-}
if [[ ! $stage =~ ^(dev|staging|prod)$ || -z $file ]]; then
    echo "usage: infra/parameters.sh dev|staging|prod FILE" >&2
    exit 2
fi
[[ $file == - ]] && file=/dev/stdin

refuse() {
    echo "line $line_number: $1" >&2
    exit 1
}

names=() values=() line_number=0
while IFS= read -r line || [[ -n $line ]]; do
    line_number=$((line_number + 1))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^([a-z]+/[A-Z][A-Z0-9_]*)=(.*)$ ]] || refuse "not <group>/<VARIABLE>=<value>"
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    [[ $known == *" ${name%%__*} "* ]] || refuse "infra/parameters.example has no ${name%%__*}"
    [[ " ${names[*]-} " != *" /bursar/$stage/$name "* ]] || refuse "$name stands there twice"
    [[ $value != *…* ]] || refuse "$name is not filled in: it has a …"
    names+=("/bursar/$stage/$name") values+=("$value")
done <"$file"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What is in the store, as {"/bursar/…": {"value": …, "type": …}}.
store=$(aws ssm get-parameters-by-path --path "/bursar/$stage" --recursive --with-decryption --output json \
    --query 'Parameters[].[Name,Value,Type]' | jq 'map({(.[0]): {value: .[1], type: .[2]}}) | add // {}')

# stored NAME MEMBER: of what is in the store; empty if it is not there.
stored() { jq --raw-output --arg name "$1" --arg member "$2" '.[$name][$member] // ""' <<<"$store"; }

type_of() {
    local variable=${1##*/}
    if [[ $secrets == *" ${variable%%__*} "* ]]; then echo SecureString; else echo String; fi
}

put() {
    printf '%s' "$2" | jq --raw-input --slurp --arg name "$1" --arg type "$(type_of "$1")" \
        '{Name: $name, Value: ., Type: $type, Overwrite: true, Tier: "Intelligent-Tiering"}' >"$scratch/request"
    aws ssm put-parameter --cli-input-json "file://$scratch/request" >/dev/null
}

# AWS changes no parameter's type, and another BURSAR_KEY_SECRET is another shop in the same table: neither is done by the way.
# Nothing is written before all are known to fit.
for i in "${!names[@]}"; do
    name=${names[i]} type=$(stored "${names[i]}" type)
    if [[ $name == */BURSAR_KEY_SECRET* && -n $type && $(stored "$name" value) != "${values[i]}" ]]; then
        echo "$name is there and cannot be changed or taken away: nothing is written. Put its value into the file, or leave the line out" >&2
        exit 1
    fi
    if [[ -n ${values[i]} && -n $type && $type != $(type_of "$name") ]]; then
        echo "$name is a $type, and is to be a $(type_of "$name"): delete it first, aws ssm delete-parameter --name $name" >&2
        exit 1
    fi
done

written=0 same=0 removed=0
for i in "${!names[@]}"; do
    name=${names[i]} value=${values[i]} type=$(stored "${names[i]}" type)
    if [[ -z $value ]]; then
        [[ -n $type ]] || continue
        aws ssm delete-parameter --name "$name" >/dev/null
        removed=$((removed + 1)) && echo "removed $name"
    elif [[ -n $type && $(stored "$name" value) == "$value" ]]; then
        same=$((same + 1))
    else
        put "$name" "$value"
        written=$((written + 1)) && echo "wrote   $name"
    fi
done
echo "$stage: $written written, $same the same, $removed removed"
