"""Versions of the registered model: who is champion, who challenges, and what the gates said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.model.booster import Model
from jobs.registry.connection import Connection
from jobs.registry.model_files import open_model
from jobs.registry.runs import Training
from jobs.runtime.errors import ModelRefused, UserError

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER = "champion", "challenger"
VALIDATION = "validation_status"
VERSION_TAGS = ("sha256", "feature_set", "run_id")
ABOUT_MODEL = (
    "The probability that an applicant will have payment difficulties (TARGET = 1).\n\n"
    "`champion` is the version that scores, `challenger` the candidate registered last, until it becomes champion. "
    "A version says how its gates went; its run has the model card, plots and tables. The verbs `register`, `promote` "
    "and `rollback` change the champion and keep the history: an alias moved by hand leaves no trace in the lake."
)
GATE_TAG = "gate."
GATES_OF_NOTE = "\n\n**Gates**\n\n"
NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}


@dataclass(frozen=True)
class Registered:
    """A version in the registry, as its tags describe it."""

    version: int
    sha256: str
    feature_set: str
    run_id: str


@dataclass(frozen=True)
class Verdict:
    """What a gate said of a candidate.

    Args:
        gate: Its name.
        word: passed, refused, or another word for what became of it.
        sentence: Why.
        value: What was held against the limit; None where nothing could be.
    """

    gate: str
    word: str
    sentence: str
    value: float | None


@dataclass(frozen=True)
class Versions:
    """The versions of the registered model."""

    connection: Connection

    @property
    def name(self) -> str:
        """The registered model's."""
        return self.connection.model_name

    def registered_model(self, registered: Registered) -> Model:
        """The model of a version."""
        return open_model(self.connection, f"models:/{self.name}/{registered.version}", registered.sha256)

    def champion(self) -> Registered | None:
        """The version that scores, if there is one."""
        return self.version_called(CHAMPION)

    def challenger(self) -> Registered | None:
        """The candidate registered last, if it did not become champion."""
        return self.version_called(CHALLENGER)

    def version_called(self, alias: str) -> Registered | None:
        """The version that an alias points to, if any does."""
        from mlflow.exceptions import MlflowException

        try:
            with self.connection.translated():
                return as_registered(self.connection.client.get_model_version_by_alias(self.name, alias))
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise
            return None

    def need_champion(self) -> Registered:
        """The version that scores; that there is none is the user's error."""
        champion = self.champion()
        if champion is None:
            raise UserError(f"no champion of {self.name} in {self.connection.shown}: train and register a model first")
        return champion

    def listed_version(self, number: int) -> Registered:
        """A version that the operator named; one that is not there is the user's error."""
        version = self.find_version(number)
        if version is not None:
            return version
        known = reversed(self.all())
        there = ", ".join(str(registered.version) for registered in known) or "none: train and register a model first"
        raise UserError(f"no version {number} of {self.name} in {self.connection.shown}; there is {there}")

    def version(self, number: int) -> Registered:
        """A version by its number."""
        version = self.find_version(number)
        if version is None:
            raise ModelRefused(
                f"version {number} of {self.name} is not in {self.connection.shown} any more: score again"
            )
        return version

    def find_version(self, number: int) -> Registered | None:
        """A version by its number, if it is there.

        Raises:
            ModelRefused: Something else than `register` made it.
        """
        of_that_number = (as_registered(listed) for listed in self.listed() if int(listed.version) == number)
        return next(of_that_number, None)

    def all(self) -> list[Registered]:
        """Every version that `register` made, newest first. No verb can use others of the same name."""
        ours = (as_registered(listed) for listed in self.listed() if not missing_tags(listed))
        return sorted(ours, key=lambda registered: -registered.version)

    def listed(self) -> "Sequence[ModelVersion]":
        """Every version of the model's name, whoever made it."""
        with self.connection.translated():
            return list(self.connection.client.search_model_versions(f"name = '{self.name}'"))

    def register(self, training: Training) -> Registered:
        """The version of a run's model; one that was registered before is found again by its hash."""

        versions = self.all()
        known = [registered for registered in versions if registered.sha256 == training.sha256]
        if known:
            return known[0]
        tags = {
            "sha256": training.sha256,
            "feature_set": training.feature_set,
            "run_id": training.run_id,
            "run_date": training.run_date.isoformat(),
            "features_version": str(training.features_version),
        }
        client = self.connection.client
        with self.connection.translated():
            # mlflow.register_model would do both, and print that it did.
            if not client.search_registered_models(f"name = '{self.name}'"):
                client.create_registered_model(self.name)
            source = f"models:/{training.model_id}"
            made = client.create_model_version(self.name, source, tags=tags, model_id=training.model_id)
            if not versions:
                client.update_registered_model(self.name, ABOUT_MODEL)
        return as_registered(made)

    def log_verdicts(
        self, training: Training, registered: Registered, validation: str, verdicts: Sequence[Verdict], table: str
    ) -> None:
        """Leave on the run and on the version what each gate said, for programs as tags and for people as a table in
        the description, and on the run and its model the values.

        Args:
            training: The run that trained the candidate.
            registered: Its version.
            validation: The outcome in a word.
            verdicts: Of each gate.
            table: The verdicts in Markdown.
        """
        from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

        client = self.connection.client
        tags = {
            VALIDATION: validation,
            **{f"{GATE_TAG}{verdict.gate}": f"{verdict.word}: {verdict.sentence}" for verdict in verdicts},
        }
        with self.connection.translated():
            note = client.get_run(training.run_id).data.tags.get(MLFLOW_RUN_NOTE, "").split(GATES_OF_NOTE)[0]
            told = note + GATES_OF_NOTE + table
            for name, value in {**tags, MLFLOW_RUN_NOTE: told}.items():
                client.set_tag(training.run_id, name, value)
            client.update_model_version(self.name, str(registered.version), told)
            for verdict in verdicts:
                if verdict.value is not None:
                    client.log_metric(
                        training.run_id, f"gate.{verdict.gate}", verdict.value, model_id=training.model_id
                    )
        self.tag_version(registered, tags)

    def tag_version(self, registered: Registered, tags: Mapping[str, str]) -> None:
        """Tags of a version."""
        with self.connection.translated():
            for name, value in tags.items():
                self.connection.client.set_model_version_tag(self.name, str(registered.version), name, value)

    def validation(self, registered: Registered) -> str:
        """passed or refused, as the gates last said of a version; "not tried" where they never did."""
        with self.connection.translated():
            tags = self.connection.client.get_model_version(self.name, str(registered.version)).tags
        return str(tags.get(VALIDATION, "not tried"))

    def verdicts(self, registered: Registered) -> tuple[Verdict, ...]:
        """What each gate last said of a version, by name; none where they never did. Values stand on its run."""
        with self.connection.translated():
            tags = self.connection.client.get_model_version(self.name, str(registered.version)).tags
        said = {name.removeprefix(GATE_TAG): text for name, text in tags.items() if name.startswith(GATE_TAG)}
        parted = ((gate, *text.partition(": ")) for gate, text in sorted(said.items()))
        return tuple(Verdict(gate, word, sentence, None) for gate, word, _, sentence in parted)

    def make_challenger(self, registered: Registered) -> None:
        """From now on this version is the one that may become champion."""
        with self.connection.translated():
            self.connection.client.set_registered_model_alias(self.name, CHALLENGER, str(registered.version))

    def make_champion(self, registered: Registered) -> None:
        """From now on this version scores, and challenges no more."""
        with self.connection.translated():
            self.connection.client.set_registered_model_alias(self.name, CHAMPION, str(registered.version))
            if self.challenger() == registered:
                self.connection.client.delete_registered_model_alias(self.name, CHALLENGER)


def as_registered(listed: "ModelVersion") -> Registered:
    """A version of the registry by its tags; one without them was registered by something else."""
    tags: dict[str, str] = listed.tags
    missing = missing_tags(listed)
    if missing:
        raise ModelRefused(
            f"version {listed.version} of {listed.name} has no tag {missing[0]}: `register` a trained model"
        )
    return Registered(int(listed.version), tags["sha256"], tags["feature_set"], tags["run_id"])


def missing_tags(listed: "ModelVersion") -> list[str]:
    """Those of `register` that a version has not: none, unless somebody registered it in MLflow's pages."""
    return [name for name in VERSION_TAGS if name not in listed.tags]
