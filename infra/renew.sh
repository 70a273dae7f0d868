#!/usr/bin/env bash
# Deploys what a stage runs once more, so that every function starts anew: after a change of the parameter store, or of a
# parameter of the template, neither of which is a new version to SAM. Code and template are the deployed ones; what is built
# or checked out here does not matter. It needs the SAM CLI and the AWS CLI, and honours AWS_ENDPOINT_URL.
#
#   infra/renew.sh STAGE [Name=value …]     Name is a parameter of the template; those not named keep what they have
set -euo pipefail

stage=${1:-}
if [[ ! $stage =~ ^(dev|staging|prod)$ ]]; then
    echo "usage: infra/renew.sh dev|staging|prod [Name=value …]" >&2
    exit 2
fi
shift

config=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/samconfig.toml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# As `sam deploy` sent it: its CodeUri are addresses in S3, where the code stays.
aws cloudformation get-template --stack-name "bursar-$stage" --template-stage Original --query TemplateBody --output text >"$scratch/deployed.yaml"
sed -E "s/Description: revision [0-9]+$/Description: revision $(date +%s)/" "$scratch/deployed.yaml" >"$scratch/template.yaml"
if cmp --silent "$scratch/deployed.yaml" "$scratch/template.yaml"; then
    echo "the template of bursar-$stage has no \"Description: revision …\" to write anew: deploy this version's with sam deploy" >&2
    exit 1
fi
sam deploy --config-file "$config" --config-env "$stage" --template-file "$scratch/template.yaml" --parameter-overrides "Stage=$stage" "$@"
