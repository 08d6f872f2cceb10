"""Feature sets as the lake keeps them: what each was fitted to, encodings, and row models for nested features."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from features.plan.encodings import ENCODING_SCHEMA, Encoding, Encodings, in_order
from features.plan.feature_table import Settle, as_planned, catalogue, feature_table
from features.plan.history_rows import Sources
from features.plan.identity import feature_set, is_of_before
from features.plan.nested_table import EVERY_FEATURE, nested_table
from features.spec import KEY, Named
from jobs.lake import row_models
from jobs.lake.row_models import RowModels
from jobs.lake.tables import ENCODINGS, FEATURES, NESTED_MODELS, Lake
from jobs.model.booster import sha256_of
from jobs.runtime.errors import ModelRefused, UserError
from jobs.runtime.settings import Split

ROW_MODELS = (
    "source STRING, cohort INT, cohorts INT, split STRING, inputs STRING, levels STRING, sha256 STRING, file BINARY"
)


@dataclass(frozen=True)
class FeatureSet:
    """The declarations with all that they were fitted to; row models are None where there are no nested features."""

    encodings: Encodings
    row_models: RowModels | None

    @cached_property
    def version(self) -> str:
        """Which one these make with the declarations as they are now; hashing all of them takes a while."""
        return feature_set(self.encodings, self.row_models.version if self.row_models else "")

    @property
    def features(self) -> tuple[Named, ...]:
        """Every feature of the set, in order."""
        return EVERY_FEATURE if self.row_models else catalogue()

    def has(self, names: Iterable[str]) -> bool:
        """Whether all of these are features of the set, as it is declared now."""
        return set(names) <= {named.name for named in self.features}

    def applicants(self, sources: Sources, settle: Settle = as_planned) -> DataFrame:
        """One row for every applicant of the sources: SK_ID_CURR, TARGET, then every feature of the set."""
        rows = feature_table(sources, self.encodings, settle)
        if self.row_models is None:
            return rows
        return rows.join(nested_table(sources, self.row_models, settle), on=KEY, how="left")


@dataclass(frozen=True)
class CannotBeMade:
    """That a feature set can't be made here, and why: the beginning of a sentence."""

    why: str


def find(lake: Lake, version: str) -> FeatureSet | CannotBeMade:
    """The feature set of that version, where the lake has what it was fitted to and it is still declared.

    Raises:
        ModelRefused: A row model was changed.
    """
    fitted = fitted_for(lake, version)
    if isinstance(fitted, CannotBeMade) or fitted.version == version:
        return fitted
    if is_of_before(version):
        return CannotBeMade(of_before(version))
    return CannotBeMade(f"feature set {version} is not declared like this any more, {now_made(version, fitted)}")


def of_before(version: str) -> str:
    """Why a feature set of before can't be made."""
    return (
        f"feature set {version} is of before feature sets were named by what they compute, and nobody can tell whether "
        "it is still the same"
    )


def now_made(version: str, fitted: FeatureSet) -> str:
    """What is made in place of a feature set, and whether the declarations or the code have changed."""
    code, before = fitted.version.partition("-")[0], version.partition("-")[0]
    other = "" if code == before else f", computed by version {code} of the code and not by version {before}"
    return f"the declarations now make {fitted.version}{other}"


def fitted_for(lake: Lake, version: str) -> FeatureSet | CannotBeMade:
    """What was fitted for a feature set, with the declarations as they are now: they may make another one of it.

    Raises:
        ModelRefused: A row model was changed.
    """
    known = lake.read(ENCODINGS).where(F.col("feature_set") == version) if lake.exists(ENCODINGS) else None
    encodings = as_encodings(collected(known)) if known is not None else ()
    if not encodings:
        return CannotBeMade(f"{lake.root} has no encodings of feature set {version}{those_of(lake)}")
    models = stored_models(lake, version)
    if not models:
        return FeatureSet(encodings, None)
    if any(row["inputs"] != row_models.inputs_version() for row in models):
        if is_of_before(version):
            return CannotBeMade(of_before(version))
        return CannotBeMade(f"the row models of feature set {version} read other columns than are declared now")
    return FeatureSet(encodings, as_row_models(models))


def those_of(lake: Lake) -> str:
    """What encodings the lake has, as the end of a sentence."""
    if not lake.exists(ENCODINGS):
        return ""
    known = lake.read(ENCODINGS).select("feature_set").distinct().orderBy("feature_set").collect()
    return f"; there are {', '.join(row[0] for row in known)}"


def keep(lake: Lake, run_date: date, fitted: FeatureSet) -> None:
    """Store what the delivery's features were made with; what others were made with stays, a champion may need it."""
    rows = [(encoding.name, encoding.level, encoding.value) for encoding in fitted.encodings]
    encodings = lake.spark.createDataFrame(rows, ENCODING_SCHEMA)
    version = fitted.version
    lake.replace(
        ENCODINGS, encodings.select(F.lit(version).alias("feature_set"), "*"), run_date, of={"feature_set": version}
    )
    if fitted.row_models is None:
        return
    models = fitted.row_models
    rule = (models.cohorts, models.split.model_dump_json(), row_models.inputs_version(), json.dumps(models.levels))
    stored = [(table, cohort, *rule, sha256_of(file), file) for (table, cohort), file in sorted(models.files.items())]
    lake.replace(NESTED_MODELS, lake.spark.createDataFrame(stored, ROW_MODELS), run_date, of={"feature_set": version})


def stored_models(lake: Lake, version: str) -> list[Row]:
    """The rows of a feature set's row models; none where it has none.

    Raises:
        ModelRefused: One was changed.
    """
    if not lake.exists(NESTED_MODELS):
        return []
    stored = lake.read(NESTED_MODELS).where(F.col("feature_set") == version).drop("run_date").distinct().collect()
    for row in stored:
        if sha256_of(row["file"]) != row["sha256"]:
            raise ModelRefused(f"{lake.path(NESTED_MODELS)}: row model {row['cohort']} of {row['source']} was changed")
    return stored


def as_row_models(stored: Sequence[Row]) -> RowModels:
    """The rows of one feature set as its row models."""
    levels = json.loads(stored[0]["levels"])
    return RowModels(
        split=Split.model_validate_json(stored[0]["split"]),
        cohorts=stored[0]["cohorts"],
        levels={name: {column: tuple(listed) for column, listed in by.items()} for name, by in levels.items()},
        files={(row["source"], row["cohort"]): bytes(row["file"]) for row in stored},
    )


def fitted_last(lake: Lake, run_date: date) -> FeatureSet:
    """What the newest delivery up to the run_date was assembled with.

    Raises:
        UserError: There was none, or its row models read what is not declared any more.
    """
    if not lake.exists(ENCODINGS):
        raise UserError(f"{lake.root} has no encodings yet: assemble a delivery with application_train.csv first")
    known = lake.read(ENCODINGS).where(F.col("run_date") <= F.lit(run_date))
    # A delivery may have been assembled with several: the feature table has the last.
    assembled = lake.read(FEATURES).select("run_date", "feature_set")
    last = assembled.join(known, on=["run_date", "feature_set"], how="left_semi").orderBy(F.desc("run_date")).first()
    if last is None:
        raise UserError(
            f"{lake.root} has no encodings up to {run_date}: assemble a delivery with application_train.csv first"
        )
    fitted = fitted_for(lake, last["feature_set"])
    if isinstance(fitted, CannotBeMade):
        raise UserError(f"{fitted.why}: assemble a delivery with application_train.csv first")
    return fitted


def collected(stored: DataFrame) -> list[Row]:
    """The rows (name, level, value), each once."""
    return stored.select("name", "level", "value").distinct().collect()


def as_encodings(rows: Sequence[Row]) -> Encodings:
    """Collected rows (name, level, value) as encodings, in a fixed order.

    Twelve significant digits are kept: engines differ in the last bit of a median between two values.
    """
    return in_order(Encoding(row["name"], row["level"], float(f"{row['value']:.12g}")) for row in rows)
