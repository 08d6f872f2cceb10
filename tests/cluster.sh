#!/usr/bin/env bash
# The line on a standalone cluster of this machine, a master and two workers, against the line on local[*]: the same scores.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT

python=$PWD/.venv/bin/python
export PYSPARK_PYTHON=$python PYSPARK_DRIVER_PYTHON=$python SPARK_WORKER_DIR=$folder/work
SPARK_HOME=$("$python" -c 'import pyspark; print(pyspark.__path__[0])')
export SPARK_HOME
master=spark://localhost:17077

serve() {
    "$SPARK_HOME/bin/spark-class" "org.apache.spark.deploy.$@" >"$folder/${1##*.}-${#processes[@]}.log" 2>&1 &
    processes+=($!)
}
serve master.Master --host localhost --port 17077 --webui-port 0
serve worker.Worker --host localhost --cores 1 --memory 2g --webui-port 0 "$master"
serve worker.Worker --host localhost --cores 1 --memory 2g --webui-port 0 "$master"

line=(run --input "$folder/delivery" --run-date 2018-05-17 --set train.rounds=40 --set train.num_workers=2 --set gates.auc=0.5)
./spark-submit.sh generate --applicants 2000 --seed 7 --output "$folder/delivery"
./spark-submit.sh "${line[@]}" --lake "$folder/local"
./spark-submit.sh --master "$master" --executor-memory 1500m "${line[@]}" --env cluster --lake "$folder/cluster"

"$python" - "$folder" <<'PYTHON'
import sys

from pyspark.sql import DataFrame

from jobs.runtime.session import open_session

spark = open_session("cluster test")


def scores(lake: str) -> DataFrame:
    rows = spark.read.format("delta").load(f"{sys.argv[1]}/{lake}/scores")
    return rows.select("SK_ID_CURR", "probability", "model_sha256")


there, here = scores("cluster"), scores("local")
assert here.count() == there.count() > 0
assert there.exceptAll(here).isEmpty(), "the cluster's scores differ from those of local[*]"
print(f"{here.count()} scores on the cluster, equal to those of local[*] to the last bit")
PYTHON
