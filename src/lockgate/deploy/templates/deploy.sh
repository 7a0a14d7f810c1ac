#!/bin/sh
# The only thing that triggers Dokploy: check, verify, deploy, status. Written by `lockgate init`.
#
# Settings come from lockgate.toml, secrets from the environment (DOKPLOY_API_KEY, GITEA_TOKEN) and never from arguments.
# `deploy.sh prove` checks and verifies and needs no key, `deploy.sh open` posts and deploys, and without either word both are
# done: then check and verify get an environment without the keys. In a workflow, give the keys to the second step only.
# The emergency way is loud: LOCKGATE_OVERRIDE="why, in words" deploys in spite of a red gate; the reason is printed here,
# stands in the commit status, and in the gate's report. Nothing is skipped silently.
set -eu

lockgate=${LOCKGATE:-lockgate}
reports=${LOCKGATE_REPORTS:-.lockgate-reports}

say() {
    printf 'deploy.sh: %s\n' "$*"
}

if ! command -v "$lockgate" >/dev/null 2>&1; then
    say "no such command: $lockgate (pip install 'lockgate[all]')" >&2
    exit 2
fi
case ${GITHUB_EVENT_NAME:-push} in
    pull_request*)
        say "a pull request does not deploy" >&2
        exit 2
        ;;
    *) ;;
esac

stage=all
case ${1:-} in
    prove | open)
        stage=$1
        shift
        ;;
    *) ;;
esac

# What reads and runs other people's SQL holds no key.
prove() {
    what=$1
    shift
    say "$what"
    code=0
    env -u DOKPLOY_API_KEY -u DOKPLOY_API_KEY_FILE -u GITEA_TOKEN -u GITEA_TOKEN_FILE \
        "$lockgate" "$what" "$@" --format json --output "$reports/$what.json" || code=$?
    say "$what: exit $code"
    echo "$code" > "$reports/$what.code"
}

post() {
    code=$(cat "$reports/$1.code" 2> /dev/null) || {
        say "there is no result of $1: run this with the word prove first" >&2
        exit 3
    }
    env -u DOKPLOY_API_KEY -u DOKPLOY_API_KEY_FILE "$lockgate" publish "$1" "$reports/$1.json" --exit-code "$code" ||
        say "the status of $1 could not be posted"
}

mkdir -p "$reports"
if [ "$stage" != open ]; then
    for each in check.json verify.json check.code verify.code attestation.json gate.json; do
        rm -f "$reports/$each"
    done
fi

if [ -n "${LOCKGATE_OVERRIDE:-}" ]; then
    say '!!! LOCKGATE_OVERRIDE is set: this run deploys even if the gate is red'
    say "!!! reason: $LOCKGATE_OVERRIDE"
fi

# A red result does not end the script here: the gate itself decides, and posts why it stays closed.
[ "$stage" = open ] || prove check
[ "$stage" = prove ] || post check
[ "$stage" = open ] || prove verify --attest "$reports/attestation.json"
[ "$stage" = prove ] || post verify
if [ "$stage" = prove ]; then
    exit 0
fi

say 'deploy'
set -- deploy --output "$reports/gate.json" "$@"
if [ -s "$reports/attestation.json" ]; then
    set -- "$@" --attestation "$reports/attestation.json"
fi
code=0
"$lockgate" "$@" || code=$?
say "deploy: exit $code"
# What was ordered and has no known end is followed once more; nothing is ordered twice.
if [ "$code" -eq 3 ] && grep -q '"end": "unknown"' "$reports/gate.json" 2> /dev/null; then
    code=0
    "$lockgate" deploy --resume --output "$reports/gate.json" || code=$?
    say "deploy --resume: exit $code"
fi
exit "$code"
