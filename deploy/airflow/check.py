"""Parses the DAG with the Airflow of this environment and tries what becomes of each exit code, for `airflow-check`."""

import sys
from pathlib import Path
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from airflow.exceptions import AirflowException
from airflow.sdk.exceptions import AirflowFailException

FOLDER = Path(__file__).resolve().parent


def became_of(nightly: object, code: int) -> str:
    """What the operator makes of an exit code of spark-submit."""

    def submit(_application: str) -> None:
        if code:
            raise AirflowException(f"Cannot execute: spark-submit. Error code is: {code}.")

    nightly._hook = SimpleNamespace(
        submit=submit,
        _should_track_driver_status=False,
        _should_track_driver_via_k8s_api=lambda: False,
        _is_yarn_cluster_mode=False,
    )
    try:
        return f"goes on with {nightly.execute({})}"
    except AirflowFailException:
        return "fails"
    except AirflowException:
        return "is tried again"


def main() -> int:
    """Check; gives the exit code."""
    bag = DagBag(dag_folder=str(FOLDER / "home_credit_nightly.py"))
    if bag.import_errors:
        print(*bag.import_errors.values(), sep="\n", file=sys.stderr)
        return 1
    dag = bag.dags["home_credit_nightly"]
    tasks = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    ends = {code: became_of(dag.get_task("nightly"), code) for code in (0, 1, 2, 3, 4, 5, 6, 7)}
    print(f"{dag.dag_id}: {tasks}", *(f"  exit code {code} {end}" for code, end in ends.items()), sep="\n")
    expected = {0: "goes on with 0", 6: "is tried again", 7: "goes on with 7"}
    wrong = {code for code, end in ends.items() if end != expected.get(code, "fails")}
    return 1 if wrong or tasks != {"nightly": ["limit_passed"], "limit_passed": ["tell_risk"], "tell_risk": []} else 0


if __name__ == "__main__":
    sys.exit(main())
