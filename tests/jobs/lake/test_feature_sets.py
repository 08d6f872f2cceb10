"""What becomes of feature sets that can't be made any more."""

from datetime import date
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession

from features.plan.encodings import ENCODING_SCHEMA, Encoding
from features.plan.identity import COMPUTED_BY
from jobs.assemble import known
from jobs.lake.feature_sets import CannotBeMade, FeatureSet, find, fitted_last, keep
from jobs.lake.job import Job
from jobs.lake.model_rows import inputs_of
from jobs.lake.tables import ENCODINGS, FEATURES, Lake
from jobs.runtime.errors import ModelRefused, UserError
from jobs.runtime.settings import Settings

MARCH, MAY, JUNE = date(2018, 3, 17), date(2018, 5, 17), date(2018, 6, 17)
OF_BEFORE, OTHER_CODE = "0123456789ab", f"{COMPUTED_BY - 1}-0123456789ab"
FITTED = FeatureSet((Encoding("REGION", None, 1.0), Encoding("REGION", "1", 0.5)), None)


@pytest.fixture(scope="module")
def old_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """March was assembled before, May by other code, June now; all with the same encodings."""
    lake = Lake(str(tmp_path_factory.mktemp("old")), spark)
    encodings = spark.createDataFrame([(e.name, e.level, e.value) for e in FITTED.encodings], ENCODING_SCHEMA)
    rows = spark.createDataFrame([(1, None)], "SK_ID_CURR BIGINT, TARGET BIGINT")
    for day, version in ((MARCH, OF_BEFORE), (MAY, OTHER_CODE)):
        named = encodings.selectExpr(f"'{version}' as feature_set", "*")
        lake.replace(ENCODINGS, named, day, of={"feature_set": version})
        lake.replace(FEATURES, rows.selectExpr("*", f"'{version}' as feature_set"), day)
    keep(lake, JUNE, FITTED)
    lake.replace(FEATURES, rows.selectExpr("*", f"'{FITTED.version}' as feature_set"), JUNE)
    return lake


def test_a_feature_set_is_found_where_it_is_still_what_it_was(old_lake: Lake) -> None:
    assert find(old_lake, FITTED.version) == FITTED
    assert find(old_lake, OF_BEFORE) == CannotBeMade(
        f"feature set {OF_BEFORE} is of before feature sets were named by what they compute, and nobody can tell "
        "whether it is still the same"
    )
    assert find(old_lake, OTHER_CODE) == CannotBeMade(
        f"feature set {OTHER_CODE} is not declared like this any more, the declarations now make {FITTED.version}, "
        f"computed by version {COMPUTED_BY} of the code and not by version {COMPUTED_BY - 1}"
    )
    unknown = find(old_lake, "1-ffffffffffff")
    assert isinstance(unknown, CannotBeMade)
    there = ", ".join(sorted([OF_BEFORE, OTHER_CODE, FITTED.version]))
    assert unknown.why.endswith(f"has no encodings of feature set 1-ffffffffffff; there are {there}")


@pytest.mark.parametrize("version", [OF_BEFORE, OTHER_CODE, "1-ffffffffffff"])
def test_assemble_says_what_to_do_without_it(old_lake: Lake, settings: Settings, version: str) -> None:
    with pytest.raises(UserError, match=f"--feature-set {version}: .*: assemble without it, then train and register"):
        known(Job(old_lake, JUNE, settings), version)


def test_what_was_fitted_before_is_applied_to_a_delivery_without_labels(old_lake: Lake) -> None:
    assert fitted_last(old_lake, MARCH) == FITTED
    with pytest.raises(UserError, match="has no encodings up to 2017-01-01"):
        fitted_last(old_lake, date(2017, 1, 1))


def test_a_model_of_before_scores_what_was_assembled_for_it_and_nothing_else(old_lake: Lake) -> None:
    model = SimpleNamespace(feature_set=OF_BEFORE, features=())
    assert inputs_of(model, old_lake, MARCH).count() == 1
    with pytest.raises(ModelRefused, match=f"feature set {OF_BEFORE} is of before .*: train and register a new one"):
        inputs_of(model, old_lake, JUNE)
