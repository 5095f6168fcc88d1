#!/usr/bin/env bash
# Refreshes every lock file from its .in file. Needs uv. torch stays out of train.lock: see make_train in setup.py.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
uv pip compile -q --universal --python-version 3.11 app.in -o app.lock
uv pip compile -q --universal --python-version 3.11 dev.in -c app.lock -o dev.lock
uv pip compile -q --universal --python-version 3.10 --override bot.override bot.in -o bot.lock
grep -v '^torch' train.in | uv pip compile -q --universal --python-version 3.11 -c dev.lock - -o train.lock
