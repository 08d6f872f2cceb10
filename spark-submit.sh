#!/usr/bin/env bash
# ./spark-submit.sh [options of spark-submit] VERB [options of the verb]
#
# Packs features/ and jobs/ for the executors and runs the verb under spark-submit, on local[*] or on the master that the
# options name. Everything before the verb goes to spark-submit: --master, --conf, --executor-memory ...
#
#   SPARK_HOME       a cluster's own Spark; without it the one in .venv
#   PYSPARK_PYTHON   the executors' Python; without it the one in .venv
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

venv_python=$here/.venv/bin/python
if [ -x "$venv_python" ]; then
    export PYSPARK_PYTHON=${PYSPARK_PYTHON:-$venv_python}
    export PYSPARK_DRIVER_PYTHON=${PYSPARK_DRIVER_PYTHON:-$venv_python}
elif [ -z "${PYSPARK_PYTHON:-}" ]; then
    echo "spark-submit.sh: no .venv in $here: run 'make setup' there, or set PYSPARK_PYTHON and SPARK_HOME" >&2
    exit 2
fi
python=${PYSPARK_DRIVER_PYTHON:-$PYSPARK_PYTHON}
export HOME_CREDIT_CONF=${HOME_CREDIT_CONF:-$here/conf}

# A verb is a module of jobs/; whatever stands before the first one is spark-submit's.
options=()
while [ $# -gt 0 ] && [[ $1 == -* || ! -f $here/jobs/$1.py ]]; do
    options+=("$1")
    shift
done
if [ $# -eq 0 ]; then
    case ${options[0]:-} in
        "" | -h | --help | [!-]*)
            # The command line says what it knows, or what it doesn't, without starting Spark.
            cd "$here"
            exec "$python" -m jobs ${options[@]+"${options[@]}"}
            ;;
    esac
    echo "spark-submit.sh: no verb in '${options[*]}': './spark-submit.sh --help' lists them" >&2
    exit 2
fi

# The name carries the content: a process that still reads an older package keeps it, and equal code is packed once.
package=$("$python" - "$here" <<'PYTHON'
import hashlib
import os
import sys
import zipfile
from pathlib import Path

root = Path(sys.argv[1])
files = sorted(
    file
    for package in ("features", "jobs")
    for file in (root / package).rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
)
digest = hashlib.sha256()
for file in files:
    digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes())
package = root / "build" / f"home-credit-{digest.hexdigest()[:12]}.zip"
if not package.exists():
    package.parent.mkdir(exist_ok=True)
    unfinished = package.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.relative_to(root).as_posix()), file.read_bytes())
    unfinished.replace(package)
print(package)
PYTHON
)
# In cluster deploy mode the driver finds these in its working directory.
files=$(printf '%s,' "$HOME_CREDIT_CONF"/*.toml)$HOME_CREDIT_CONF/spark-defaults.conf

exec "${SPARK_HOME:-$here/.venv}/bin/spark-submit" \
    --load-spark-defaults --properties-file "$HOME_CREDIT_CONF/spark-defaults.conf" \
    --py-files "$package" --files "$files" \
    ${options[@]+"${options[@]}"} \
    "$here/jobs/__main__.py" "$@"
