#!/usr/bin/env bash
# Installs LiteLLM's proxy into an environment of its own in the cache and says
# where it is: `bench --litellm "$(bench/litellm.sh)"`.
set -euo pipefail

version=1.105.0
cache=${OPENMAKE_CACHE:?set OPENMAKE_CACHE, or run this with make bench}
place=$cache/litellm
mark=$place/version

if [[ "$(cat "$mark" 2>/dev/null)" != "$version" ]]; then
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check \
        "litellm[proxy]==$version" >&2
    echo "$version" >"$mark"
fi
echo "$place/bin/litellm"
