"""The night as an Airflow DAG, and what becomes of each of its exit codes.

`nightly` itself takes up what is left and leaves the rest alone, so that it is one task and may be tried again at any
time. Airflow variables say where everything is: home_credit_project (the project on the worker), home_credit_package (a
zip file that spark-submit.sh leaves in its build/), home_credit_deliveries and home_credit_lake. `make airflow-check`
parses this file with the real Airflow.
"""

import re
from datetime import datetime, timedelta

from airflow.exceptions import AirflowException
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, Context, task
from airflow.sdk.exceptions import AirflowFailException

PROJECT = "{{ var.value.home_credit_project }}"
TRY_AGAIN, LIMIT_PASSED = 6, 7
ENDED_WITH = re.compile(r"Error code is: (\d+)\.")
RESPONSIBLE = {
    1: "the maintainers: a bug",
    2: "the operators: the command or a path is wrong",
    3: "the data's owner: the delivery breaks its contract, or is not like those before it",
    4: "the modellers: a gate refused the candidate, and the champion has scored",
    5: "the modellers: a model's file or feature set is not the registered one, and nobody was scored",
}
"""Who is told of a code after which no other try helps."""


class Nightly(SparkSubmitOperator):
    """Submits `nightly`; gives its exit code to the tasks after it where it has done its work."""

    def execute(self, context: Context) -> int:
        """Submit and wait.

        Raises:
            AirflowException: The lake is locked or a server out of reach: Airflow tries again.
            AirflowFailException: Another try would end in the same way.
        """
        try:
            super().execute(context)
        except AirflowException as error:
            ended = ENDED_WITH.search(str(error))
            code = int(ended[1]) if ended else TRY_AGAIN  # Spark itself did not get as far as to run it
            if code == TRY_AGAIN:
                raise
            if code != LIMIT_PASSED:
                raise AirflowFailException(f"exit code {code}: tell {RESPONSIBLE.get(code, RESPONSIBLE[1])}") from error
            return code
        return 0


with DAG(
    dag_id="home_credit_nightly",
    description="Score the delivery of the day, explain the scores and watch them",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,  # `backfill` does missed nights, in order
    max_active_runs=1,
    tags=["credit risk"],
) as dag:
    nightly = Nightly(
        task_id="nightly",
        conn_id="spark_default",
        name="home-credit nightly {{ ds }}",
        application=f"{PROJECT}/jobs/__main__.py",
        py_files="{{ var.value.home_credit_package }}",
        files=f"{PROJECT}/conf/base.toml,{PROJECT}/conf/cluster.toml",
        properties_file=f"{PROJECT}/conf/spark-defaults.conf",
        packages="io.delta:delta-spark_4.2_2.13:4.4.0",
        application_args=[
            *("nightly", "--env", "cluster", "--run-date", "{{ ds }}", "--wait", "60", "--set", "log.format=json"),
            *("--input", "{{ var.value.home_credit_deliveries }}/{{ ds }}"),
            *("--lake", "{{ var.value.home_credit_lake }}"),
        ],
        retries=4,
        retry_delay=timedelta(minutes=15),
        execution_timeout=timedelta(hours=6),
    )

    @task.short_circuit
    def limit_passed(code: int) -> bool:
        """Whether risk is to be told."""
        return code == LIMIT_PASSED

    @task
    def tell_risk() -> None:
        """Put your own message here: this one stands in the task's log."""
        print("a watched limit is passed: see operations/steps of the lake, and the page of the delivery")

    limit_passed(nightly.output) >> tell_risk()
