"""What was fitted for a feature set, as the lake keeps it: encodings, and row models where it has nested features."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from features.plan.encodings import ENCODING_SCHEMA, Encoding, Encodings
from features.plan.feature_table import Settle, as_planned, catalogue, feature_set, feature_table
from features.plan.history_rows import Sources
from features.plan.nested_table import EVERY_FEATURE, nested_table
from features.spec import KEY, Named
from jobs.lake import row_models
from jobs.lake.row_models import RowModels
from jobs.lake.tables import ENCODINGS, FEATURES, NESTED_MODELS, Lake
from jobs.model.booster import sha256_of
from jobs.runtime.errors import ModelRefused, UserError
from jobs.runtime.settings import Split

ROW_MODELS = "source STRING, cohort INT, cohorts INT, split STRING, inputs STRING, sha256 STRING, file BINARY"


class OtherInputs(ModelRefused):
    """Row models read other columns than are declared now."""


@dataclass(frozen=True)
class Fitted:
    """All that a feature set was fitted to; row models are None where it has no nested features."""

    encodings: Encodings
    row_models: RowModels | None

    @property
    def feature_set(self) -> str:
        """The version that these make with the declarations as they are now."""
        return feature_set(self.encodings, self.row_models.version if self.row_models else "")

    @property
    def features(self) -> tuple[Named, ...]:
        """Every feature of the set, in order."""
        return EVERY_FEATURE if self.row_models else catalogue()

    def has(self, names: Iterable[str]) -> bool:
        """Whether all of these are features of the set, as it is declared now."""
        return set(names) <= {named.name for named in self.features}


def fitted_for(lake: Lake, version: str) -> Fitted:
    """What was fitted for a feature set.

    Raises:
        UserError: The lake has nothing of this version.
        ModelRefused: A row model was changed, or reads what is not declared any more.
    """
    return Fitted(encodings_of(lake, version), row_models_of(lake, version))


def fitted_if_made(lake: Lake, version: str) -> Fitted | None:
    """What was fitted for a feature set, where it is there and the declarations still make that set of it; else None.

    Raises:
        ModelRefused: A row model was changed.
    """
    try:
        found = fitted_for(lake, version)
    except OtherInputs:
        return None
    except ModelRefused:
        raise
    except UserError:
        return None
    return found if found.feature_set == version else None


def feature_rows(fitted: Fitted, sources: Sources, settle: Settle = as_planned) -> DataFrame:
    """One row for every applicant of the sources: SK_ID_CURR, TARGET, then every feature of the set."""
    rows = feature_table(sources, fitted.encodings, settle)
    if fitted.row_models is None:
        return rows
    return rows.join(nested_table(sources, fitted.row_models.score, settle), on=KEY, how="left")


def keep(lake: Lake, run_date: date, fitted: Fitted) -> None:
    """Store what the delivery's features were made with; what others were made with stays, a champion may need it."""
    version = fitted.feature_set
    rows = [(each.name, each.level, each.value) for each in fitted.encodings]
    encodings = lake.spark.createDataFrame(rows, ENCODING_SCHEMA)
    lake.replace(ENCODINGS, encodings.select(F.lit(version).alias("feature_set"), "*"), run_date, feature_set=version)
    if fitted.row_models is None:
        return
    models = fitted.row_models
    rule = (models.cohorts, models.split.model_dump_json(), row_models.inputs_version())
    stored = [(table, cohort, *rule, sha256_of(file), file) for (table, cohort), file in sorted(models.files.items())]
    lake.replace(NESTED_MODELS, lake.spark.createDataFrame(stored, ROW_MODELS), run_date, feature_set=version)


def row_models_of(lake: Lake, version: str) -> RowModels | None:
    """The row models of a feature set, or None where it has none."""
    if not lake.exists(NESTED_MODELS):
        return None
    stored = lake.read(NESTED_MODELS).where(F.col("feature_set") == version).drop("run_date").distinct().collect()
    if not stored:
        return None
    for row in stored:
        if sha256_of(row["file"]) != row["sha256"]:
            raise ModelRefused(f"{lake.path(NESTED_MODELS)}: row model {row['cohort']} of {row['source']} was changed")
        if row["inputs"] != row_models.inputs_version():
            raise OtherInputs(
                f"the row models of feature set {version} read other columns than are declared now: "
                "assemble a delivery with application_train.csv, and train on it"
            )
    return RowModels(
        split=Split.model_validate_json(stored[0]["split"]),
        cohorts=stored[0]["cohorts"],
        files={(row["source"], row["cohort"]): bytes(row["file"]) for row in stored},
    )


def encodings_of(lake: Lake, version: str) -> Encodings:
    """Those of a feature set.

    Raises:
        UserError: The lake has none of this version.
    """
    stored = stored_encodings(lake)
    rows = collected(stored.where(F.col("feature_set") == version))
    if not rows:
        known = [row[0] for row in stored.select("feature_set").distinct().orderBy("feature_set").collect()]
        raise UserError(f"{lake.root} has no encodings of feature set {version}; there are {', '.join(known)}")
    return as_encodings(rows)


def fitted_last(lake: Lake, run_date: date) -> Fitted:
    """What the newest delivery up to the run_date was assembled with.

    Raises:
        UserError: There was none.
    """
    known = stored_encodings(lake).where(F.col("run_date") <= F.lit(run_date))
    # A delivery may have been assembled with several: the feature table has the last.
    assembled = lake.read(FEATURES).select("run_date", "feature_set")
    last = assembled.join(known, on=["run_date", "feature_set"], how="left_semi").orderBy(F.desc("run_date")).first()
    if last is None:
        raise UserError(
            f"{lake.root} has no encodings up to {run_date}: assemble a delivery with application_train.csv first"
        )
    return fitted_for(lake, last["feature_set"])


def stored_encodings(lake: Lake) -> DataFrame:
    """The table of encodings; one that is not there is the user's error."""
    if not lake.exists(ENCODINGS):
        raise UserError(f"{lake.root} has no encodings yet: assemble a delivery with application_train.csv first")
    return lake.read(ENCODINGS)


def collected(stored: DataFrame) -> list[Row]:
    """The rows (name, level, value), each once."""
    return stored.select("name", "level", "value").distinct().collect()


def as_encodings(rows: Sequence[Row]) -> Encodings:
    """Collected rows (name, level, value) as encodings, in a fixed order.

    Twelve significant digits are kept: engines differ in the last bit of a median between two values.
    """
    encodings = [Encoding(row["name"], row["level"], float(f"{row['value']:.12g}")) for row in rows]
    return tuple(sorted(encodings, key=lambda each: (each.name, each.level is not None, each.level or "")))
