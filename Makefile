# Needs make, Python 3.12 and, but for ENGINE=sail, Java 17 or 21. `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
DEMO_DATE := 2018-05-17
DEMO_LAKE := demo/lake
# Small data in many plans: compiling them well takes longer than running them.
SMALL_DATA := --driver-java-options -XX:TieredStopAtLevel=1

# What `demo` runs on, and what `setup` makes ready for: spark or sail.
ENGINE := spark
JOBS_OF_spark := ./spark-submit.sh $(SMALL_DATA)
JOBS_OF_sail := $(PYTHON) -m jobs

TESTS := $(PYTHON) -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder

# What runs here is what requirements.lock pins, whatever Spark or Python the machine is set up for.
unexport SPARK_HOME SPARK_CONF_DIR HADOOP_CONF_DIR YARN_CONF_DIR PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYTHONPATH PYTHONHOME

.PHONY: help setup demo year test test-on-spark soak airflow-check s3-check check format lint types docs-fresh fast-tests docs snapshots notebook mlflow serve bench bench-serve cluster-test lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv from requirements.lock, with Delta's JARs; the other targets do it themselves. ENGINE=sail: no Java
	@ENGINE=$(ENGINE) .ci/setup

demo: setup ## Generate 10,000 applicants and run the whole line on them, into demo/. ENGINE=sail: without a JVM
	$(JOBS_OF_$(ENGINE)) generate --applicants 10000 --seed 1 --output demo/delivery --set session.engine=$(ENGINE)
	$(JOBS_OF_$(ENGINE)) run --input demo/delivery --lake $(DEMO_LAKE) --run-date $(DEMO_DATE) --set search.trials=1 \
	    --set session.engine=$(ENGINE)

year: setup ## Generate a year of monthly deliveries and run it, into demo/year/; ends with the monitoring pages
	$(PYTHON) -m tests.year --folder demo/year

test: setup ## Run every test: on Sail, and on Spark what asks for Spark
	$(TESTS)
	$(TESTS) --engine spark -m "(spark or both) and not soak"

test-on-spark: setup ## Run every test on Spark, which takes much longer
	$(TESTS) --engine spark

soak: setup ## Kill a night after every table that it writes, and start it again each time; takes many minutes
	$(PYTHON) -m pytest -n 0 --engine spark -m soak -s

airflow-check: setup ## Parse deploy/airflow with the real Airflow, in build/airflow, and try what becomes of each exit code
	@test -x build/airflow/bin/python || $(PYTHON) -m venv build/airflow
	@.venv/bin/uv pip install --quiet --python build/airflow/bin/python --requirement deploy/airflow/requirements.txt
	@AIRFLOW_HOME=$(CURDIR)/build/airflow/home AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR build/airflow/bin/python deploy/airflow/check.py

s3-check: setup ## Ingest into a lake on a local S3 server, in build/s3: two at once, and after one was killed; takes ten minutes
	@test -x build/s3/bin/python || $(PYTHON) -m venv build/s3
	@.venv/bin/uv pip install --quiet --python build/s3/bin/python --requirement tests/s3/requirements.txt
	@$(PYTHON) -m tests.s3.check

check: setup ## Format, lint, types, generated documents and the tests that need no session; shows every failure
	@$(MAKE) --keep-going --no-print-directory format lint types docs-fresh fast-tests

format: setup
	@$(PYTHON) -m ruff format --check .

lint: setup
	@$(PYTHON) -m ruff check .

types: setup
	@$(PYTHON) -m mypy

docs-fresh: setup
	@mkdir -p build
	@$(PYTHON) -m jobs catalogue --markdown build/features.md > build/docs.log || { cat build/docs.log; exit 1; }
	@diff -u docs/features.md build/features.md || { echo "docs/features.md is stale: run 'make docs'"; exit 1; }

fast-tests: setup
	@$(PYTHON) -m pytest -m "not session" -q

docs: setup ## Write docs/features.md from the declarations
	@$(PYTHON) -m jobs catalogue --markdown docs/features.md

snapshots: setup ## Write tests/snapshots/ from what --help prints now
	@UPDATE_SNAPSHOTS=1 $(PYTHON) -m pytest -q tests/test_command_line.py -k snapshot

notebook: setup ## Run the notebook on the demo's lake; the result is demo/explore.ipynb
	.venv/bin/jupyter execute notebooks/explore.ipynb --output=../demo/explore.ipynb

mlflow: setup ## Open the demo's MLflow store at http://localhost:5000
	.venv/bin/mlflow ui --backend-store-uri sqlite:///$(DEMO_LAKE)/mlflow/mlflow.db

serve: setup ## Score over REST on the demo's lake, at http://localhost:8000
	$(PYTHON) -m jobs serve --lake $(DEMO_LAKE)

bench: setup ## Time ingest, features, fits, explanations and the REST service at full size, in build/bench
	$(PYTHON) -m tests.benchmarks

bench-serve: setup ## Time only the REST service, on the demo's lake
	$(PYTHON) -m tests.benchmarks.serving --lake $(DEMO_LAKE) --delivery demo/delivery

cluster-test: setup ## Run the end-to-end test on a Spark master and two workers of this machine
	@tests/cluster.sh

lock: setup ## Compile requirements.lock from pyproject.toml
	@.venv/bin/uv pip compile pyproject.toml --all-extras --generate-hashes --python-version 3.12 --universal \
	    --no-emit-index-url --no-header --output-file requirements.lock

clean: ## Remove the demo, packages, logs and caches; .venv stays
	@rm -rf demo build logs .pytest_cache .mypy_cache .ruff_cache .hypothesis spark-warehouse
