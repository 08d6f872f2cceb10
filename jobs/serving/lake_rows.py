"""What the lake holds of those who ask: by an index of the newest delivery, or by the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake.applicant_index import ApplicantIndex
from jobs.lake.histories import DELIVERY, Histories, read_histories
from jobs.lake.model_rows import dated, read_inputs
from jobs.lake.tables import FEATURES, Lake
from jobs.serving.row_features import Features, in_order

FEATURE_SET = "feature_set"
ROW = [KEY, DELIVERY, FEATURE_SET]
"""What names a row of the feature table."""


@dataclass(frozen=True)
class NewestFeatures:
    """The newest row of the feature table of each applicant.

    Args:
        features: Of the rows of the model's feature set.
        deliveries: Of the same applicants.
        of_other_sets: `ROW` of the others.
    """

    features: Features
    deliveries: Mapping[int, date]
    of_other_sets: pd.DataFrame


class LakeRows:
    """Looks for applicants in a lake.

    Args:
        lake: Which.
        run_date: The one delivery to look into; None takes for each applicant the newest that holds any row.
    """

    def __init__(self, lake: Lake, run_date: date | None) -> None:
        self.lake, self.run_date = lake, run_date
        self.index: ApplicantIndex | None = None

    @property
    def current(self) -> ApplicantIndex | None:
        """The index, where there is one and the lake has published nothing since."""
        index = self.index
        return index if index is not None and index.is_current(self.lake) else None

    def histories(self, applicants: Sequence[int], until: date | None) -> Histories:
        """Each applicant's rows, all from one delivery: see `read_histories`.

        Raises:
            NoDeliveryYet: All deliveries are later than `until`.
        """
        index = self.current
        if index is not None and (until is None or index.delivery <= until):
            found = index.histories(applicants)
            if found is not None:
                return found
        return read_histories(self.lake, self.run_date, applicants, until=until)

    def newest_features(self, applicants: Sequence[int], features: tuple[str, ...], feature_set: str) -> NewestFeatures:
        """The feature table's newest row of each applicant; those who are not in the table are left out.

        Args:
            applicants: SK_ID_CURR.
            features: That a model reads.
            feature_set: Which of them.
        """
        index = self.current
        # Nested features are in a table of their own, of which there is no index.
        if index is None or index.features is None or not set(features) <= set(index.features.schema.names):
            return self.read_features(applicants, features, feature_set)
        held = index.features.of(applicants)
        there = set(held.column(KEY).to_pylist())
        missing = np.array([applicant for applicant in applicants if applicant not in there], np.int64)
        if np.isin(missing, index.elsewhere).any():
            return self.read_features(applicants, features, feature_set)
        same = pc.equal(held.column(FEATURE_SET), feature_set)
        others = held.filter(pc.invert(same)).select([KEY, FEATURE_SET])
        readable = in_order(held.filter(same).select([KEY, *features]), features)
        return NewestFeatures(
            readable,
            dict.fromkeys(readable.applicants, index.delivery),
            others.append_column(DELIVERY, index.dates(others)).select(ROW).to_pandas(),
        )

    def read_features(self, applicants: Sequence[int], features: tuple[str, ...], feature_set: str) -> NewestFeatures:
        """As `newest_features`, by the engine."""
        of_applicants = F.col(KEY).isin(list(applicants))
        stored: pd.DataFrame = (
            dated(self.lake.read(FEATURES), self.run_date).where(of_applicants).select(*ROW).toArrow().to_pandas()
        )
        newest = stored.sort_values(DELIVERY).drop_duplicates(KEY, keep="last")
        same = newest[FEATURE_SET] == feature_set
        if not same.any():
            return NewestFeatures(Features([], np.empty((0, len(features)))), {}, newest[ROW])
        rows = self.rows_of(newest[same], features)
        return NewestFeatures(
            Features(rows[KEY].tolist(), rows[list(features)].to_numpy(np.float64)),
            dict(zip(rows[KEY].tolist(), rows[DELIVERY], strict=True)),
            newest.loc[~same, ROW],
        )

    def rows_of(self, chosen: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        """The features of the rows that `ROW` names: a delivery may be assembled with others between two reads."""
        rows = read_inputs(self.lake, features, self.run_date).where(
            F.col(DELIVERY).isin(chosen[DELIVERY].unique().tolist()) & F.col(KEY).isin(chosen[KEY].tolist())
        )
        read: pd.DataFrame = rows.select(*ROW, *features).toArrow().to_pandas()
        return read.merge(chosen[ROW], on=ROW)
