#!/usr/bin/env bash
# The line on a standalone cluster of this machine, a master and two workers, against the line on local[4]: the same settings
# make the same model, and a model gives the same scores. With the laptop's number of workers it is another model.
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
serve worker.Worker --host localhost --cores 2 --memory 2g --webui-port 0 "$master"
serve worker.Worker --host localhost --cores 2 --memory 2g --webui-port 0 "$master"

dated=(--run-date 2018-05-17)
line=(run --input "$folder/delivery" "${dated[@]}" --set train.rounds=40 --set search.trials=0 --set 'search.logistic_c=[]'
    --set gates.auc=0.5 --set gates.drift=100)
./spark-submit.sh generate --applicants 2000 --seed 7 --output "$folder/delivery"
./spark-submit.sh --master "$master" --driver-memory 2g --executor-memory 1500m "${line[@]}" --env cluster --lake "$folder/cluster"
./spark-submit.sh --master 'local[4]' --driver-memory 3g "${line[@]}" --env cluster --lake "$folder/local"
./spark-submit.sh --master 'local[4]' "${line[@]}" --lake "$folder/laptop"
cp -r "$folder/cluster/scores" "$folder/scored-there"
./spark-submit.sh score "${dated[@]}" --lake "$folder/cluster"

"$python" - "$folder" <<'PYTHON'
import sys

from pyspark.sql import DataFrame

from jobs.runtime.session import open_session

spark = open_session("cluster test")


def scores(table: str) -> DataFrame:
    rows = spark.read.format("delta").load(f"{sys.argv[1]}/{table}")
    return rows.select("SK_ID_CURR", "probability", "model_sha256")


there, here, laptop = scores("scored-there"), scores("local/scores"), scores("laptop/scores")
count = there.count()
assert here.count() == count > 0
assert there.exceptAll(here).isEmpty(), "by the same settings the cluster's scores differ from those of local[4]"
assert there.exceptAll(scores("cluster/scores")).isEmpty(), "the cluster's model scores otherwise on this machine"
print(f"{count} scores: the same settings make the same model and scores on the cluster and on local[4], to the last bit")
other = there.select("SK_ID_CURR", "probability").exceptAll(laptop.select("SK_ID_CURR", "probability")).count()
print(f"with the laptop's train.num_workers {other} of them are others")
PYTHON
