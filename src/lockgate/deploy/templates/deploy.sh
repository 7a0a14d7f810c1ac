#!/bin/sh
# The only thing that triggers Dokploy: check, verify, deploy, status. Written by `lockgate init`.
#
# Settings come from lockgate.toml, secrets from the environment (DOKPLOY_API_KEY, GITEA_TOKEN) and never from arguments.
# The emergency way is loud: LOCKGATE_OVERRIDE="why, in words" deploys in spite of a red gate; the reason is printed here,
# stands in the commit status, and in the gate's report. Nothing is skipped silently.
set -eu

lockgate=${LOCKGATE:-lockgate}
reports=${LOCKGATE_REPORTS:-.lockgate-reports}

say() {
    printf 'deploy.sh: %s\n' "$*"
}

if ! command -v "$lockgate" >/dev/null 2>&1; then
    say "no such command: $lockgate (pip install lockgate)" >&2
    exit 2
fi
case ${GITHUB_EVENT_NAME:-push} in
    pull_request*)
        say "a pull request does not deploy" >&2
        exit 2
        ;;
    *) ;;
esac

mkdir -p "$reports"
rm -f "$reports/check.json" "$reports/verify.json" "$reports/attestation.json" "$reports/gate.json"

if [ -n "${LOCKGATE_OVERRIDE:-}" ]; then
    say '!!! LOCKGATE_OVERRIDE is set: this run deploys even if the gate is red'
    say "!!! reason: $LOCKGATE_OVERRIDE"
fi

# A red result does not end the script here: the gate itself decides, and posts why it stays closed.
say 'check'
code=0
"$lockgate" check --format json --output "$reports/check.json" || code=$?
say "check: exit $code"
"$lockgate" publish check "$reports/check.json" --exit-code "$code" || say 'the status of the check could not be posted'

say 'verify'
code=0
"$lockgate" verify --attest "$reports/attestation.json" --format json --output "$reports/verify.json" || code=$?
say "verify: exit $code"
"$lockgate" publish verify "$reports/verify.json" --exit-code "$code" || say 'the status of the verification could not be posted'

say 'deploy'
set -- deploy --output "$reports/gate.json" "$@"
if [ -s "$reports/attestation.json" ]; then
    set -- "$@" --attestation "$reports/attestation.json"
fi
code=0
"$lockgate" "$@" || code=$?
say "deploy: exit $code"
exit "$code"
