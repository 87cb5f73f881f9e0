#!/usr/bin/env bash
# Runs Storywire on this machine. Needs Python 3.11 and the package index, once; everything else is made in .venv.
#
#   ./run_local.sh                                   the shipped samples, into out/samples
#   ./run_local.sh --input PATTERN --output DIR ...  anything else: the options of `storywire run`
#   ./run_local.sh COMMAND ...                       any other command of `storywire`
#   ./run_local.sh test ...                          the tests; options go to pytest
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$here/.venv

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3 python; do
        if [[ -n $candidate ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "run_local.sh: Python 3.11 is needed and not on the PATH; name it: PYTHON=/path/to/python3.11 $0" >&2
    return 1
}

# Installs requirements/$1.lock and the project unless that was done; the stamp is written last, so that a set-up that
# was interrupted is taken up again.
set_up() {
    local name=$1 python wanted stamp=$venv/.installed-$1
    # The folder counts too: an environment knows where it was made.
    wanted=$(cat "$here/requirements/$name.lock" "$here/pyproject.toml" <(echo "$here") | cksum)
    if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        return
    fi
    # Two first starts at once take turns where the system has flock.
    if command -v flock >/dev/null; then
        exec 9>"$here/.venv.lock"
        flock 9
        if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
            return
        fi
    fi
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        "$python" -m venv --clear "$venv"
    fi
    echo "run_local.sh: installing requirements/$name.lock into .venv (once)" >&2
    local pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet install)
    "${pip[@]}" --require-hashes --no-deps --requirement "$here/requirements/$name.lock"
    "${pip[@]}" --no-deps --no-build-isolation --editable "$here"
    echo "$wanted" >"$stamp"
    exec 9>&-
}

case ${1:-} in
    '')
        set_up run
        # Some samples are broken on purpose, more than a run lets pass.
        exec "$venv/bin/storywire" run --input "$here/samples/wire" --output "$here/out/samples" \
            --as_of 2026-03-13T00:00:00Z --max_reject_share 0.1
        ;;
    test)
        set_up test
        cd "$here"
        # A file's tests share what they set up, so they stay on one worker.
        exec "$venv/bin/python" -m pytest --numprocesses auto --dist loadfile "${@:2}"
        ;;
    learn)
        # Training needs LightGBM, which only the largest lock has.
        set_up ci
        exec "$venv/bin/storywire" "$@"
        ;;
    -*)
        set_up run
        exec "$venv/bin/storywire" run "$@"
        ;;
    *)
        set_up run
        exec "$venv/bin/storywire" "$@"
        ;;
esac
