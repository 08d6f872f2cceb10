"""The champion of a lake as a scorer, and the next one once there is one."""

from datetime import date
from functools import cached_property
from pathlib import Path

from jobs.lake.feature_sets import CannotBeMade, find
from jobs.lake.tables import FEATURES, Lake
from jobs.model.booster import Model
from jobs.registry.store import connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused
from jobs.runtime.settings import Settings
from jobs.serving.responses import ScoringModel
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
        self.lake, self.run_date, self.settings, self.folder = lake, run_date, settings, folder
        self.store = connect(lake.address, settings.mlflow)
        self.plans: dict[str, StandingPlan] = {}

    def newest(self) -> Scorer:
        """The scorer of the champion that there is now.

        Raises:
            UserError: There is none, or no encodings of its features.
            ModelRefused: Its file or a row model was changed, or the declarations of its features were.
            TryAgain: The registry does not answer.
        """
        champion = self.store.versions.need_champion()
        model = self.store.versions.registered_model(champion)
        return Scorer(
            self.lake,
            self.run_date,
            model,
            self.identity(champion, model),
            self.settings,
            self.contract,
            self.plan_for(champion, model),
        )

    def newer_than(self, version: int) -> Scorer | None:
        """The scorer of the champion, where that is another version by now; raises as `newest` does."""
        return None if self.store.versions.need_champion().version == version else self.newest()

    @cached_property
    def contract(self) -> StandingPlan:
        """The same for every champion."""
        return contract_plan(self.lake.spark, self.folder / "contract")

    def plan_for(self, champion: Registered, model: Model) -> StandingPlan:
        """From rows and histories to the features that the champion reads."""
        if model.feature_set not in self.plans:
            fitted = find(self.lake, model.feature_set)
            if isinstance(fitted, CannotBeMade):
                raise ModelRefused(
                    f"the champion, version {champion.version}, can't be served: {fitted.why}: train and register a "
                    "new model, or serve this one with its own code"
                )
            assert fitted.has(model.features), "a model reads features of its feature set"
            folder = self.folder / f"features_{model.feature_set}"
            self.plans[model.feature_set] = features_plan(self.lake.spark, folder, fitted)
        return self.plans[model.feature_set]

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
