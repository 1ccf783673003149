#!/usr/bin/env bash
# `make demo`: two notifications, from an HTTP call to a page on a far fax machine: the number is proven, then a key goes.
#
# In: the built programs; KEEP=1 leaves line and daemon running. Out: the folder demo/ with everything
# that was used and received; exit status 0 only if the far machine confirmed both pages and every
# received pel below the tag line is as drawn. `run.sh --clean` ends what KEEP=1 left and removes the folder.
# Not here: what happens on the way; that is all real.
set -euo pipefail
umask 077
cd "$(dirname "$0")/../.."

demo=$PWD/demo
bin=$PWD/${CARGO_TARGET_DIR:-target}/debug
case ${CARGO_TARGET_DIR:-} in /*) bin=$CARGO_TARGET_DIR/debug ;; esac
port=${PORT:-8750}
keep=${KEEP:-}

stop() {
    for name in shirase softline; do
        if [ -s "$demo/$name.pid" ]; then
            pid=$(cat "$demo/$name.pid")
            # A number from an old file can be a stranger's by now.
            if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$name" ]; then
                kill "$pid" 2>/dev/null || true
                for _ in $(seq 100); do
                    kill -0 "$pid" 2>/dev/null || break
                    sleep 0.1
                done
            fi
            rm -f "$demo/$name.pid"
        fi
    done
}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

fail() {
    printf '\ndemo: %s\n' "$*" >&2
    [ -s "$demo/shirase.log" ] && tail -n 20 "$demo/shirase.log" >&2
    exit 1
}

# Waits until a file has a line like this, for a time in which anything healthy has started.
await() { # FILE PATTERN WHAT
    for _ in $(seq 300); do
        grep -qs "$2" "$1" && return
        sleep 0.1
    done
    fail "$3 did not start; see $1"
}

stop
if [ "${1:-}" = --clean ]; then
    rm -rf "$demo"
    exit
fi
[ "$keep" = 1 ] || trap stop EXIT
rm -rf "$demo"
mkdir -p "$demo"

say "A telephone line in software, with far ends to dial"
setsid "$bin/softline" --config tests/demo/softline.toml --line "line1=$demo/line1" \
    --out "$demo/received" --log "$demo/dialogue.log" >"$demo/softline.jsonl" 2>"$demo/softline.log" </dev/null &
echo $! >"$demo/softline.pid"
await "$demo/softline.jsonl" '"event":"ready"' softline
awk -F'"' '/^# /{what=substr($0,3)} /^number/{printf "  %s  %s\n", $2, what}' tests/demo/softline.toml

say "The daemon, with a modem on that line"
"$bin/shirase" key new "$demo/master-key"
"$bin/shirase" token new demo --scope notify,read,lines,numbers --tokens-file "$demo/tokens" >"$demo/token"
sed -e "s,@DEMO@,$demo,; s,@BIN@,$bin,; s,@REPOSITORY@,$PWD,; s,@PORT@,$port," \
    tests/demo/shirase.toml >"$demo/shirase.toml"
SHIRASE_LOG=${SHIRASE_LOG:-info} setsid "$bin/shirase" serve --config "$demo/shirase.toml" \
    >/dev/null 2>"$demo/shirase.log" </dev/null &
echo $! >"$demo/shirase.pid"
await "$demo/shirase.log" 'line.ready' "the daemon (is port $port taken? make demo PORT=8751)"
echo "  http://127.0.0.1:$port, log in demo/shirase.log"

export SHIRASE_URL=http://127.0.0.1:$port SHIRASE_TOKEN_FILE=$demo/token
say "A key goes to a proven number only: it is refused, and a sheet without one goes first"
"$bin/shirase" submit tests/demo/first-contact.json 2>&1 | sed 's/^/  /' || true
"$bin/shirase" submit tests/demo/number-proof.json --wait || fail "the number was not proven"

say "One notification over HTTP, followed to its end"
"$bin/shirase" submit tests/demo/first-contact.json --wait || fail "the page was not confirmed"

say "What the far machine received"
for _ in $(seq 300); do
    [ "$(grep -c '"event":"call"' "$demo/softline.jsonl")" -ge 2 ] && break
    sleep 0.1
done
tiff=$(sed -n 's/.*"event":"call".*"file":"\([^"]*\)".*/\1/p' "$demo/softline.jsonl" | tail -n 1)
[ -s "$tiff" ] || fail "the far machine kept no page"
id=$(sed -nE 's/.*job\.settled job=([0-9A-Z]+).*/\1/p' "$demo/shirase.log" | tail -n 1)
convert "$tiff" "$demo/received.png"
echo "  picture  $demo/received.png"
echo "  fax file $tiff"
"$bin/shirase" sheet first_contact --data tests/demo/first-contact.json --config "$demo/shirase.toml" --id "$id" \
    --compare "$tiff" | sed 's/^/  /'

[ "$keep" = 1 ] || exit 0
cat <<END

Line and daemon are running; \`make clean-demo\` ends them. To try next:

  alias s='$bin/shirase'; g='--url http://127.0.0.1:$port --token-file $demo/token'
  s status \$g                               # the whole appliance, what is wrong first
  s why $id \$g       # where it stands, in a paragraph
  s list \$g                                  # every notification
  s show $id \$g      # its receipt
  sed s/03-5550-0001/03-5550-0003/ tests/demo/number-proof.json | s submit - \$g --wait --timeout-s 60   # busy
  s numbers show 03-5550-0001 \$g              # what is remembered of that number
  s lines \$g                                 # the line and its modem
  s events --follow \$g                      # every change, as it comes
  curl -s http://127.0.0.1:$port/v1/openapi.json
  s sheet first_contact --data tests/demo/first-contact.json --config $demo/shirase.toml --out sheet.png
  tail -f $demo/shirase.log $demo/softline.jsonl
END
