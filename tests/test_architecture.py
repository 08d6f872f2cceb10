"""The rules that hold the parts of the project apart.

A rule takes one parsed file and gives the lines that break it. Each one is tried on the whole project, and on a
snippet that breaks it: a rule that can't fail guards nothing.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest

from tests.processes import PROJECT, run_python

COMPOSERS = {"__main__", "run", "nightly", "backfill"}
WITHOUT_SPARK = {
    "jobs/serving/api.py",
    *(file.relative_to(PROJECT).as_posix() for file in (PROJECT / "jobs" / "model").glob("*.py")),
    "features/__init__.py",
    "features/reason_families.py",
    "features/spec/__init__.py",
}
EFFECTS = {"os", "sys", "pathlib", "io", "time", "datetime", "random", "subprocess", "socket", "shutil", "tempfile"}
ACTIONS = {"collect", "toPandas", "toLocalIterator", "toArrow", "show", "foreach", "foreachPartition"}
ACTIONS_WITHOUT_ARGUMENTS = {"count", "first", "head", "isEmpty"}  # F.count(column) and numpy's take are none
CLOCK = {"now", "utcnow", "today", "current_date", "current_timestamp", "localtimestamp", "unix_timestamp"}
ABOVE_FEATURES = ("runtime",)
MODELLED = (*ABOVE_FEATURES, "model")
SCORED = (*MODELLED, "lake", "registry", "scoring")
LAYERS = {
    "features": (),
    "jobs/population": (),
    "jobs/runtime": (),
    "jobs/model": ABOVE_FEATURES,
    "jobs/lake": MODELLED,
    "jobs/registry": MODELLED,
    "jobs/scoring": (*MODELLED, "lake", "registry"),
    "jobs/promotion": SCORED,
    "jobs/training": SCORED,
    "jobs/serving": SCORED,
    "jobs/monitoring": SCORED,
    "jobs/pages": (*SCORED, "promotion", "monitoring"),
    "jobs": (*SCORED, "promotion", "training", "serving", "monitoring", "pages", "population"),
}
"""What each package of the project may import of jobs/ beside itself. Verbs are modules of jobs/ itself."""
INSTALLED = frozenset(packages_distributions())
VAGUE = {"utils", "util", "helpers", "common", "base", "misc", "tools"}


@dataclass(frozen=True)
class Source:
    """A file of the project, parsed; `path` is relative to its root."""

    path: PurePosixPath
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.path.parts[0]

    def nodes[Node: ast.AST](self, *kinds: type[Node]) -> Iterator[Node]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported: ``from jobs import lake`` imports jobs.lake."""
        for node in self.nodes(ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        for node in self.nodes(ast.ImportFrom):
            yield from ((node.lineno, f"{node.module or ''}.{name.name}") for name in node.names)

    def attributes(self) -> Iterator[tuple[int, str]]:
        return ((node.lineno, node.attr) for node in self.nodes(ast.Attribute))

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call of a method, with the method's name."""
        return ((node, node.func.attr) for node in self.nodes(ast.Call) if isinstance(node.func, ast.Attribute))

    def strings(self) -> Iterator[tuple[int, str]]:
        return ((node.lineno, node.value) for node in self.nodes(ast.Constant) if isinstance(node.value, str))


def parsed(path: str, text: str) -> Source:
    return Source(PurePosixPath(path), ast.parse(text))


SOURCES = [
    parsed(file.relative_to(PROJECT).as_posix(), file.read_text(encoding="utf-8"))
    for package in ("features", "jobs")
    for file in sorted((PROJECT / package).rglob("*.py"))
]
VERBS = {
    source.path.stem
    for source in SOURCES
    if any(isinstance(node, ast.FunctionDef) and node.name == "add_options" for node in source.tree.body)
}

WORDS = ("features.spec", "features.checks", "features.expressions")
"""What the words of declarations may read of features/: no table, no plan."""

Rule = Callable[[Source], Iterator[int]]


def features_import_only_spark_sql_and_themselves(source: Source) -> Iterator[int]:
    """And numpy and pyarrow in fold.py, the SQL parser in expressions.py, all three in place of Spark in memory, and
    of the standard library what has no effect."""
    if source.package != "features":
        return
    allowed = {"features", *(sys.stdlib_module_names - EFFECTS)}
    in_memory = source.path.parts[:2] == ("features", "memory")
    if in_memory or source.path.name == "fold.py":
        allowed |= {"numpy", "pyarrow"}
    if in_memory or source.path.name == "expressions.py":
        allowed |= {"sqlglot"}
    for line, name in source.imports():
        is_spark = name.startswith("pyspark.sql") and not in_memory
        if name.split(".")[0] not in allowed and not is_spark:
            yield line


def the_words_of_declarations_know_no_table(source: Source) -> Iterator[int]:
    """So that a table, a test or an extension can be declared without the catalogue."""
    if source.path.parts[:2] == ("features", "spec"):
        for line, name in source.imports():
            if name.split(".")[0] == "features" and not name.startswith(WORDS):
                yield line


def features_start_no_computation(source: Source) -> Iterator[int]:
    """Their result is always a plan."""
    # fold.py is numpy inside a batch, where count() is its own.
    bare = ACTIONS_WITHOUT_ARGUMENTS - ({"count"} if source.path.name == "fold.py" else set())
    if source.package == "features":
        for call, name in source.calls():
            if name in ACTIONS or (name in bare and not call.args):
                yield call.lineno


def nothing_asks_the_clock(source: Source) -> Iterator[int]:
    """A result depends on run_date, never on today."""
    yield from (line for line, name in source.attributes() if name in CLOCK)


def model_and_measures_need_no_spark(source: Source) -> Iterator[int]:
    if str(source.path) in WITHOUT_SPARK:
        yield from (line for line, name in source.imports() if name.split(".")[0] in {"pyspark", "delta", "py4j"})


def no_verb_is_imported_but_by_those_that_compose(source: Source) -> Iterator[int]:
    if source.path.stem not in COMPOSERS:
        verbs = {f"jobs.{verb}" for verb in VERBS}
        yield from (line for line, name in source.imports() if {name, name.rpartition(".")[0]} & verbs)


def imports_point_down(source: Source) -> Iterator[int]:
    """A package imports itself and what `LAYERS` names; only a verb's own rules say which verbs may be imported."""
    layer = "/".join(source.path.parts[:2]) if len(source.path.parts) > 2 else source.package
    layer = layer if layer in LAYERS else source.package
    allowed = {*LAYERS[layer], source.path.parts[1] if len(source.path.parts) > 2 else ""}
    for line, name in source.imports():
        parts = name.split(".")
        if parts[0] == "jobs" and f"jobs/{parts[1]}" in LAYERS and parts[1] not in allowed:
            yield line
        if parts[0] == "jobs" and parts[1] in VERBS and len(source.path.parts) > 2:
            yield line


def mlflow_is_only_in_the_registry(source: Source) -> Iterator[int]:
    """One package knows the MLflow store. The errors of others may be caught where they end a loop."""
    if source.path.parts[:2] != ("jobs", "registry"):
        for line, name in source.imports():
            if name.split(".")[0] == "mlflow" and not name.startswith("mlflow.exceptions"):
                yield line


def only_verbs_stand_in_jobs(source: Source) -> Iterator[int]:
    """`ls jobs/*.py` is the command line."""
    if source.package == "jobs" and len(source.path.parts) == 2 and source.path.stem not in {"__init__", "__main__"}:
        options = (
            node for node in source.tree.body if isinstance(node, ast.FunctionDef) and node.name == "add_options"
        )
        if not any(options):
            yield 1


def delta_is_only_in_the_lake(source: Source) -> Iterator[int]:
    """One package knows the tables' paths and their format."""
    if source.path.parts[:2] == ("jobs", "lake"):
        return
    yield from (line for line, name in source.imports() if name.split(".")[0] == "delta")
    roots = ("tables/", "quarantine/", "operations/", "_delta_log")
    yield from (line for line, text in source.strings() if text == "delta" or text.startswith(roots))


def the_session_is_built_in_one_place(source: Source) -> Iterator[int]:
    if str(source.path) != "jobs/runtime/session.py":
        yield from (line for line, name in source.attributes() if name in {"builder", "getActiveSession"})


def settings_are_read_in_one_place(source: Source) -> Iterator[int]:
    if str(source.path) != "jobs/runtime/settings.py":
        yield from (line for line, name in source.imports() if name.split(".")[0] == "tomllib")


def no_rdd_and_no_jvm_handle(source: Source) -> Iterator[int]:
    """So that a Spark Connect server can run it too."""
    yield from (line for line, name in source.attributes() if name in {"rdd", "_jvm", "_jdf", "_jsc", "_jsparkSession"})


def types_are_never_guessed(source: Source) -> Iterator[int]:
    yield from (node.lineno for node in source.nodes(ast.keyword) if node.arg == "inferSchema")
    yield from (line for line, text in source.strings() if text.lower() == "inferschema")


def no_exception_is_swallowed_blindly(source: Source) -> Iterator[int]:
    for handler in source.nodes(ast.ExceptHandler):
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in caught):
            yield handler.lineno


def no_column_is_added_in_a_loop(source: Source) -> Iterator[int]:
    """Each withColumn copies the plan: one select does it."""
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.Lambda)
    for loop in source.nodes(*loops):
        for node in ast.walk(loop):
            if isinstance(node, ast.Attribute) and node.attr == "withColumn":
                yield node.lineno


def every_join_says_how(source: Source) -> Iterator[int]:
    """A join of tables has a condition; the join of strings has one argument. Arrow's word for how is join_type."""
    for call, name in source.calls():
        keywords = {keyword.arg for keyword in call.keywords}
        if name == "join" and (len(call.args) > 1 or keywords) and not keywords & {"how", "join_type"}:
            yield call.lineno


def every_name_says_what_a_file_is_about(source: Source) -> Iterator[int]:
    if source.path.stem in VAGUE:
        yield 1


def no_job_hides_another_module(source: Source) -> Iterator[int]:
    """spark-submit puts jobs/ first on sys.path: jobs/features.py, or a folder jobs/features/, would be imported in
    place of the package."""
    others = {"features", "jobs", *sys.stdlib_module_names, *INSTALLED} - {"__main__"}
    if source.package == "jobs" and {source.path.with_suffix("").parts[1]} & others:
        yield 1


UPWARDS = {
    "features/declarations.py": "from jobs.runtime.errors import UserError",
    "jobs/population/risk.py": "from jobs.lake.tables import Lake",
    "jobs/runtime/session.py": "from jobs.model import booster",
    "jobs/model/booster.py": "from jobs.lake.folds import TEST",
    "jobs/lake/job.py": "from jobs.registry.store import connect",
    "jobs/registry/runs.py": "from jobs.promotion.gates import Gate",
    "jobs/scoring/batch.py": "import jobs.promotion.gates",
    "jobs/promotion/gates.py": "from jobs.pages import plots",
    "jobs/training/search.py": "from jobs.pages import plots",
    "jobs/serving/api.py": "from jobs.training.search import search",
    "jobs/monitoring/watching.py": "from jobs.pages import plots",
    "jobs/pages/plots.py": "from jobs.serving import api",
    "jobs/lake/tables.py": "from jobs.score import score",
}
"""For each row of `LAYERS` an import that must be refused."""
BROKEN: dict[Rule, tuple[str, str]] = {
    features_import_only_spark_sql_and_themselves: ("features/tables/bureau.py", "from jobs.lake import Lake"),
    the_words_of_declarations_know_no_table: ("features/spec/table.py", "from features.tables import bureau"),
    features_start_no_computation: ("features/plan/feature_table.py", "rows = frame.select('a').collect()"),
    nothing_asks_the_clock: ("jobs/score.py", "day = date.today()"),
    model_and_measures_need_no_spark: ("jobs/model/booster.py", "def f():\n    from pyspark.sql import functions as F"),
    no_verb_is_imported_but_by_those_that_compose: ("jobs/report.py", "from jobs.score import score"),
    imports_point_down: ("jobs/lake/job.py", "from jobs.registry.store import connect"),
    mlflow_is_only_in_the_registry: ("jobs/train.py", "import mlflow"),
    only_verbs_stand_in_jobs: ("jobs/folds.py", "def fold(): ..."),
    delta_is_only_in_the_lake: ("jobs/score.py", "spark.read.format('delta')"),
    the_session_is_built_in_one_place: ("jobs/score.py", "SparkSession.builder.getOrCreate()"),
    settings_are_read_in_one_place: ("jobs/score.py", "import tomllib"),
    no_rdd_and_no_jvm_handle: ("jobs/score.py", "frame.rdd.map(len)"),
    types_are_never_guessed: ("jobs/ingest.py", "spark.read.csv(path, inferSchema=True)"),
    no_exception_is_swallowed_blindly: ("jobs/ingest.py", "try:\n    f()\nexcept (OSError, Exception):\n    pass"),
    no_column_is_added_in_a_loop: (
        "features/plan/history_rows.py",
        "for n in names:\n    frame = frame.withColumn(n, F.lit(0))",
    ),
    every_join_says_how: ("features/plan/feature_table.py", "left.join(right, 'SK_ID_CURR')"),
    every_name_says_what_a_file_is_about: ("jobs/utils.py", ""),
    no_job_hides_another_module: ("jobs/features.py", ""),
}
RULES = list(BROKEN)


def names(rule: Rule) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", RULES, ids=names)
def test_the_project_keeps(rule: Rule) -> None:
    broken = [f"{source.path}:{line}" for source in SOURCES for line in rule(source)]
    assert not broken, f"{rule.__name__}: {', '.join(broken)}"


@pytest.mark.parametrize("rule", RULES, ids=names)
def test_a_file_that_breaks_it_is_found_by(rule: Rule) -> None:
    assert list(rule(parsed(*BROKEN[rule])))


@pytest.mark.parametrize("path", UPWARDS)
def test_an_import_that_points_up_is_refused_in(path: str) -> None:
    assert list(imports_point_down(parsed(path, UPWARDS[path])))


def test_every_row_of_the_layers_has_an_import_that_is_refused() -> None:
    assert {path.rpartition("/")[0] for path in UPWARDS} == LAYERS.keys() - {"jobs"}


@pytest.mark.parametrize("folder", ["jobs/mlflow/__init__.py", "jobs/features/spec.py"])
def test_a_folder_that_hides_an_installed_package_is_refused(folder: str) -> None:
    assert list(no_job_hides_another_module(parsed(folder, "")))


def test_the_verbs_are_those_of_the_command_line() -> None:
    from jobs.__main__ import VERBS as CALLED

    assert set(CALLED) == VERBS


@pytest.mark.parametrize("path", sorted(WITHOUT_SPARK))
def test_no_spark_is_loaded_with(path: str) -> None:
    """Through no import of an import either."""
    module = ".".join(Path(path).with_suffix("").parts)
    loaded = run_python("-c", f"import sys, {module}; print('pyspark' in sys.modules)")
    assert loaded.stdout.strip() == "False", loaded.stderr
