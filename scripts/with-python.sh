#!/bin/sh
# with-python.sh SCRIPT [ARGUMENTS]: run a script with Python 3.11 or newer, or say in one sentence what is missing.
# $PYTHON names the interpreter; left at python3, a newer one beside an old python3 will do.
set -eu

case "${PYTHON:-python3}" in
    python3) candidates="python3 python3.14 python3.13 python3.12 python3.11" ;;
    *) candidates="$PYTHON" ;;
esac

for python in $candidates; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$python" "$@"
    fi
done

found=$("${PYTHON:-python3}" --version 2>&1) || found="no ${PYTHON:-python3}"
echo "sparktop needs Python 3.11 or newer and found $found: install one (Debian, Ubuntu: sudo apt install" \
    "python3, or python3.11 where that is older) or name it: make run PYTHON=/path/to/python3" >&2
exit 2
