"""The champion of a lake as a scorer, and the next one once there is one."""

import os
from datetime import date
from functools import cached_property
from pathlib import Path

from features.memory.feature_table import FeatureTable
from jobs.lake.applicant_index import make_index
from jobs.lake.feature_sets import CannotBeMade, FeatureSet, find
from jobs.lake.tables import FEATURES, Lake
from jobs.model.booster import Model
from jobs.registry.store import connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused
from jobs.runtime.settings import Settings
from jobs.serving.lake_rows import LakeRows
from jobs.serving.responses import ScoringModel
from jobs.serving.row_features import ComputedFeatures, PlannedFeatures, RowFeatures
from jobs.serving.row_plans import contract_plan, features_plan
from jobs.serving.scorer import Scorer
from jobs.serving.standing_plan import StandingPlan


class Champions:
    """Makes scorers of the champions that a lake has over time.

    A plan belongs to a feature set and is kept: a champion of a known one takes over in the time that loading its file
    takes, and the engine, which never gives back what planning took, stays as large as it is.

    Args:
        lake: Where histories, features and encodings are.
        run_date: The one delivery to look into, or None.
        settings: The threshold, how much is explained, and where the registry is.
        folder: Where the rows of a question are while it is answered.

    Raises:
        UserError: There is no feature table or no such delivery.
    """

    def __init__(self, lake: Lake, run_date: date | None, settings: Settings, folder: Path) -> None:
        if run_date is not None:
            lake.delivery(run_date)
        lake.read(FEATURES)
        self.found, self.settings, self.folder = LakeRows(lake, run_date), settings, folder
        self.store = connect(lake.address, settings.mlflow)
        self.features: dict[str, RowFeatures] = {}

    def newest(self) -> Scorer:
        """The scorer of the champion that there is now.

        Raises:
            UserError: There is none, or no encodings of its features.
            ModelRefused: Its file or a row model was changed, or the declarations of its features were.
            TryAgain: The registry does not answer.
        """
        champion = self.store.versions.need_champion()
        model = self.store.versions.registered_model(champion)
        features = self.features_for(champion, model)
        return Scorer(self.found, model, self.identity(champion, model), self.settings, self.contract, features)

    def newer_than(self, version: int) -> Scorer | None:
        """The scorer of the champion, where that is another version by now; raises as `newest` does."""
        return None if self.store.versions.need_champion().version == version else self.newest()

    @cached_property
    def contract(self) -> StandingPlan:
        """The same for every champion."""
        return contract_plan(self.found.lake.spark, self.folder / "contract")

    def features_for(self, champion: Registered, model: Model) -> RowFeatures:
        """From rows and histories to the features that the champion reads."""
        if model.feature_set not in self.features:
            fitted = find(self.found.lake, model.feature_set)
            if isinstance(fitted, CannotBeMade):
                raise ModelRefused(
                    f"the champion, version {champion.version}, can't be served: {fitted.why}: train and register a "
                    "new model, or serve this one with its own code"
                )
            assert fitted.has(model.features), "a model reads features of its feature set"
            self.features[model.feature_set] = self.features_of(fitted)
        return self.features[model.feature_set]

    def features_of(self, fitted: FeatureSet) -> RowFeatures:
        """What makes the features of a set: the engine, where there are row models among them."""
        if fitted.row_models is None:
            return ComputedFeatures(FeatureTable(fitted.encodings))
        folder = self.folder / f"features_{fitted.version}"
        return PlannedFeatures(features_plan(self.found.lake.spark, folder, fitted))

    def refresh_index(self) -> date | None:
        """Make the index of the newest delivery, where the lake has another one by now; gives that delivery."""
        if self.found.current is not None:
            return None
        self.found.index = make_index(self.found.lake, self.found.run_date, self.index_folder)
        return self.found.index.delivery if self.found.index else None

    @property
    def index_folder(self) -> Path:
        """Where its files are: beside the tables, so that the next start finds them, where the lake is on this machine
        and may be written into."""
        lake = self.found.lake.address.folder
        return (lake if lake is not None and os.access(lake, os.W_OK) else self.folder) / "index"

    def identity(self, champion: Registered, model: Model) -> ScoringModel:
        """Which one it is, for callers."""
        return ScoringModel(
            name=self.store.versions.name,
            version=champion.version,
            sha256=champion.sha256,
            run_id=champion.run_id,
            feature_set=model.feature_set,
            features=len(model.features),
            threshold=self.settings.decision.threshold,
        )
