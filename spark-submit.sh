#!/usr/bin/env bash
# ./spark-submit.sh [options of spark-submit] VERB [options of the verb]
#
# Packs features/ and jobs/ for the executors and runs the verb under spark-submit, on local[*] or on the master that the
# options name. Everything before the verb goes to spark-submit: --master, --conf, --executor-memory ... The verb is the
# first word that is no option and no option's value. Lists such as --packages, --jars, --py-files and --files add to the
# project's own.
#
#   SPARK_HOME        a cluster's own Spark; without it the one in .venv
#   PYSPARK_PYTHON    the executors' Python; without it the one in .venv
#   HOME_CREDIT_LOGS  the folder for what Java and Spark say; without it logs/
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
export HOME_CREDIT_CONF=${HOME_CREDIT_CONF:-$here/conf}

# jobs/runtime/submission.py does the rest; its packages are found here, wherever this was called.
exec "${PYSPARK_DRIVER_PYTHON:-$PYSPARK_PYTHON}" -c '
import sys
sys.path[0] = sys.argv.pop(1)
from jobs.runtime.submission import main
sys.exit(main(sys.argv[1:]))' "$here" "$@"
