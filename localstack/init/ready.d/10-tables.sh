#!/usr/bin/env bash
# Creates Signet's tables in LocalStack from the generated tables.json. LocalStack runs it once it is ready.
#
# A convenience for looking at the tables before the first start: `signet serve` creates what is missing by itself.
# What exists is left alone, so it may run twice, and beside a starting `signet`. By hand, outside the container:
#   AWS_DEFAULT_REGION=us-east-1 localstack/init/ready.d/10-tables.sh localstack/tables.json
set -euo pipefail

tables=${1:-/etc/localstack/tables.json}

# One line a table: name, TTL attribute or "-", the rest as the input of CreateTable. JSON written so has no raw tabs.
list_tables() {
  python3 - "$tables" <<'PY'
import json, sys
for table in json.load(open(sys.argv[1], encoding="utf-8")):
    ttl = table.pop("TimeToLiveAttribute", None) or "-"
    print(table["TableName"], ttl, json.dumps(table), sep="\t")
PY
}

create() {
  local name=$1 input=$2 answer
  if answer=$(awslocal dynamodb create-table --cli-input-json "$input" 2>&1 >/dev/null); then
    echo "created $name"
  elif [[ $answer == *ResourceInUseException* ]]; then
    echo "$name is there already"
  else
    echo "could not create $name: $answer" >&2
    return 1
  fi
}

enable_ttl() {
  local name=$1 attribute=$2 state
  awslocal dynamodb wait table-exists --table-name "$name"
  # DynamoDB refuses to enable what is enabled.
  state=$(awslocal dynamodb describe-time-to-live --table-name "$name" \
    --query TimeToLiveDescription.TimeToLiveStatus --output text)
  case $state in ENABLED | ENABLING) return ;; esac
  awslocal dynamodb update-time-to-live --table-name "$name" \
    --time-to-live-specification "Enabled=true,AttributeName=$attribute" >/dev/null
  echo "rows of $name expire by $attribute"
}

# Read as a whole first: a broken file creates nothing, and its error is not lost in a pipe.
lines=$(list_tables)
while IFS=$'\t' read -r -u 3 name ttl input; do
  [ -n "$name" ] || continue
  create "$name" "$input"
  [ "$ttl" = - ] || enable_ttl "$name" "$ttl"
done 3<<<"$lines"
