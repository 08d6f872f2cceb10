"""Features for whoever trains or analyses elsewhere, as they were known at a date.

    from jobs import FeatureStore

    store = FeatureStore.open("lake")
    rows = store.get(applicants, features=["CREDIT_TERM", "installments_late_mean_90d"])

A delivery holds applications and all that was known of those applicants on its run_date, so the point in time is the
delivery: an applicant asked for at a date gets the row of the newest delivery up to that date, whole, never mixed with
another's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake.tables import FEATURES, Lake
from jobs.runtime.errors import UserError
from jobs.runtime.session import open_session
from jobs.runtime.settings import Engine

AS_OF = "run_date"
DELIVERY = "delivery"
NOT_FEATURES = (KEY, "TARGET", "feature_set", AS_OF)
SUGGESTIONS = 3


@dataclass(frozen=True)
class FeatureStore:
    """The feature table of a lake."""

    lake: Lake

    @staticmethod
    def open(lake: str, engine: Engine = "spark") -> "FeatureStore":
        """The store of the lake at an address, with this process's session."""
        return FeatureStore(Lake.open(lake, open_session("features", engine)))

    def get(
        self, applicants: DataFrame, features: Sequence[str] | None = None, version: str | None = None
    ) -> DataFrame:
        """The applicants' features as of their dates.

        Args:
            applicants: SK_ID_CURR (whole number) and run_date (date), and whatever else is to stay beside them.
            features: Their names; None takes all of the table.
            version: The feature set that they must be of; None takes whichever a delivery was assembled with.

        Returns:
            A row for each of the applicants' rows: their columns, `delivery` (the run_date of the row that was found),
            then the features as doubles. All null where no delivery up to the date holds the applicant.

        Raises:
            UserError: A column of the applicants is missing, a feature is unknown, or the version is.
        """
        missing = [column for column in (KEY, AS_OF) if column not in applicants.columns]
        if missing:
            raise UserError(f"the applicants have no column {missing[0]}, only {', '.join(applicants.columns)}")
        table = self.lake.read(FEATURES)
        known = [name for name in table.columns if name not in NOT_FEATURES]
        chosen = known if features is None else list(features)
        self.check_names(chosen, known)
        if version is not None:
            table = table.where(F.col("feature_set") == version)
            self.check_version(table, version)
        delivered = table.select(F.col(KEY).alias("_key"), F.col(AS_OF).alias(DELIVERY), *chosen)
        asked = applicants.select(KEY, AS_OF).distinct()
        up_to_then = (F.col(KEY) == F.col("_key")) & (F.col(DELIVERY) <= F.col(AS_OF))
        newest = (
            asked.join(delivered, on=up_to_then, how="inner")
            .groupBy(KEY, AS_OF)
            .agg(F.max_by(F.struct(DELIVERY, *chosen), DELIVERY).alias("_found"))
            .select(KEY, AS_OF, "_found.*")
        )
        return applicants.join(newest, on=[KEY, AS_OF], how="left")

    def check_names(self, chosen: Sequence[str], known: Sequence[str]) -> None:
        """Refuse a name that the table does not have, and say what it may have meant."""
        for name in chosen:
            if name not in known:
                like = get_close_matches(name, known, SUGGESTIONS)
                hint = f"did you mean {' or '.join(like)}?" if like else "`catalogue` lists them"
                raise UserError(f"no feature {name} in {self.lake.path(FEATURES)}: {hint}")

    def check_version(self, rows: DataFrame, version: str) -> None:
        """Refuse a feature set that no delivery was assembled with."""
        if rows.isEmpty():
            sets = self.lake.read(FEATURES).select(AS_OF, "feature_set").distinct().orderBy(AS_OF, "feature_set")
            there = ", ".join(f"{row['feature_set']} ({row[AS_OF]})" for row in sets.collect())
            raise UserError(
                f"no delivery of {self.lake.root} is assembled with feature set {version}, there are {there}: "
                f"assemble it with --feature-set {version}"
            )
