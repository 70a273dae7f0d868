#!/usr/bin/env bash
# Deploys what is in target/lambda so that every function starts anew: after a change of the parameter store, or of a
# parameter of the template, neither of which is a new version to SAM.
#
#   infra/renew.sh STAGE [Name=value …]     Name is a parameter of the template; those not named keep what they have
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stage=${1:-}
if [[ ! $stage =~ ^(dev|staging|prod)$ ]]; then
    echo "usage: infra/renew.sh dev|staging|prod [Name=value …]" >&2
    exit 2
fi
shift

built=.aws-sam/build/template.yaml
sam build --config-env "$stage"
sed -i.before "s/Description: revision 0$/Description: revision $(date +%s)/" "$built"
rm "$built.before"
grep --quiet 'Description: revision [0-9]\{10\}$' "$built"
if (($# > 0)); then
    sam deploy --config-env "$stage" --parameter-overrides "$@"
else
    sam deploy --config-env "$stage"
fi
