"""conf/*.toml to one frozen, validated `Settings`."""

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from jobs.runtime.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
MOST_REASONS = 4  # more are not likely to be helpful: jobs/model/citations.py says who says so
Reasons = Annotated[int, Field(ge=1, le=MOST_REASONS)]
Engine = Literal["spark", "sail"]
WishedEngine = Engine | Literal["auto"]
Severity = Literal["error", "warning", "off"]
Factor = Annotated[float, Field(gt=1)]


def in_order[Number: (int, float)](span: tuple[Number, Number]) -> tuple[Number, Number]:
    """The span, if its ends are."""
    if span[0] > span[1]:
        raise ValueError(f"write the lower end first: [{span[1]}, {span[0]}]")
    return span


Span = Annotated[tuple[Positive, Positive], AfterValidator(in_order)]
AmountSpan = Annotated[tuple[Amount, Amount], AfterValidator(in_order)]
WholeSpan = Annotated[tuple[Count, Count], AfterValidator(in_order)]
ShareSpan = Annotated[tuple[PositiveShare, PositiveShare], AfterValidator(in_order)]


class Section(BaseModel):
    """A section of the settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Session(Section):
    """What computes."""

    engine: WishedEngine
    executors_seconds: Amount


class Ingest(Section):
    """Limits of what a delivery may contain."""

    refused_share: Share
    reasons_shown: Count


class Checks(Section):
    """How far a delivery may be from those before it, and what becomes of one that is farther.

    A kind of figure is named like its severity; its limit, where it has one, has the unit behind the name.
    """

    last: Count
    fewest: Count
    rows: Severity
    rows_factor: Factor
    rows_per_applicant: Severity
    rows_per_applicant_factor: Factor
    key_reuse: Severity
    key_reuse_share: Share
    orphans: Severity
    orphans_share: Share
    nulls: Severity
    nulls_share: Share
    mean: Severity
    mean_spreads: Positive
    levels: Severity
    freshness: Severity
    freshness_days: Count
    without_history: Severity
    without_history_share: Share
    overlap: Severity
    overlap_share: Share

    def severity_of(self, kind: str) -> Severity:
        """What becomes of a figure of this kind that passes its limit."""
        severities: dict[str, Severity] = {
            "rows": self.rows,
            "rows_per_applicant": self.rows_per_applicant,
            "key_reuse": self.key_reuse,
            "orphans": self.orphans,
            "nulls": self.nulls,
            "mean": self.mean,
            "levels": self.levels,
            "freshness": self.freshness,
            "without_history": self.without_history,
            "overlap": self.overlap,
        }
        return severities[kind]


class Split(Section):
    """How applicants are put into folds."""

    seed: int
    folds: Count
    test_folds: Count
    validation_folds: Count

    @model_validator(mode="after")
    def leaves_training_folds(self) -> "Split":
        """At least one fold must be left to train on."""
        if self.test_folds + self.validation_folds >= self.folds:
            raise ValueError("split.test_folds + split.validation_folds must be less than split.folds")
        return self


class Booster(Section):
    """What boosted trees look like, by xgboost's names."""

    rounds: Count
    seed: int
    max_bin: Annotated[int, Field(ge=2)]
    max_depth: Count
    learning_rate: Positive
    min_child_weight: Amount
    subsample: PositiveShare
    colsample_bytree: PositiveShare
    reg_alpha: Amount
    reg_lambda: Amount


class Nested(Booster):
    """The row models, whose scores become features."""

    enabled: bool
    cohorts: Annotated[int, Field(ge=2)]
    rows: Count


class Train(Booster):
    """The model and how it is trained."""

    num_workers: Count
    monotone: bool
    early_stopping_rounds: Count
    few_rows: Annotated[int, Field(ge=0)]
    few_rounds: Count
    test_folds_too: Literal["never", "few", "always"]
    linear_share: Annotated[float, Field(ge=0, lt=1)]
    linear_c: Positive
    linear_features: Count
    matured_outcomes: bool
    weight: Literal["", "SAMPLE_WEIGHT"]

    @model_validator(mode="after")
    def weighs_all(self) -> "Train":
        """Outcomes of earlier deliveries come without a weight."""
        if self.weight and self.matured_outcomes:
            raise ValueError(
                f"train.matured_outcomes learns from applicants who came without {self.weight}: leave one of both out"
            )
        return self


class Search(Section):
    """How the booster of `Train` is challenged before it is fitted on all rows."""

    trials: Annotated[int, Field(ge=0)]
    rows: Count
    folds: Annotated[int, Field(ge=2)]
    repeats: Count
    standard_error: Positive
    fewest_of_a_class: Count
    seed: int
    logistic_c: tuple[Positive, ...]
    max_depth: WholeSpan
    colsample_bytree: ShareSpan
    learning_rate: Span
    min_child_weight: Span
    reg_alpha: AmountSpan
    reg_lambda: Span

    @property
    def is_on(self) -> bool:
        """Whether anything is compared at all."""
        return self.trials > 0 or bool(self.logistic_c)


class Selection(Booster):
    """Which features are kept: those that gain more than by chance."""

    shuffles: Annotated[int, Field(ge=0)]
    quantile: Share
    fewest: Count
    most: Count

    @model_validator(mode="after")
    def bounds_in_order(self) -> "Selection":
        """The bounds must leave a number between them."""
        if self.fewest > self.most:
            raise ValueError("selection.fewest must not be more than selection.most")
        return self


class Gates(Section):
    """What a candidate must reach to become champion."""

    auc: Share
    auc_watched: Share
    auc_loss: Share
    calibration_error: Share
    selection_rate_ratio: Share
    drift: Positive
    drift_watched: Positive
    drift_features: Count
    confidence: OpenShare
    few_rows: int
    promote: bool


class Monitor(Section):
    """What a delivery is held against, night by night, and from where on somebody is told."""

    reference: Literal["new", "labelled"]
    score_shift: Positive
    feature_shift: Positive
    watched_shift: Positive
    features: Count
    missing_rise: PositiveShare
    approval_change: PositiveShare
    selection_rates: bool
    confidence: OpenShare
    classifier: bool
    classifier_rows: Annotated[int, Field(ge=100)]
    settled_share: PositiveShare


class Decision(Section):
    """Costs from which the decision threshold follows."""

    cost_of_default: Positive
    cost_of_decline: Positive

    @property
    def threshold(self) -> float:
        """The probability of default from which declining is the cheaper decision (Elkan 2001, equation 2)."""
        return self.cost_of_decline / (self.cost_of_decline + self.cost_of_default)


class Explain(Section):
    """How much of an explanation is kept."""

    reasons: Reasons
    contributions: Count
    additivity: Positive
    stability: bool


class Serve(Section):
    """What a caller of the REST service may ask for."""

    token_variable: str
    hosts: tuple[str, ...]
    largest_upload: Count
    largest_waiting: Count
    body_seconds: Positive
    most_rows: Count
    most_waiting: Count
    gather_seconds: Annotated[float, Field(ge=0)]
    refresh_seconds: Positive
    oldest_history: Annotated[int, Field(ge=0)]


class Log(Section):
    """How progress is written where nobody looks on."""

    format: Literal["text", "json"]


class Metrics(Section):
    """What a monitoring system is told."""

    file: str


class Mlflow(Section):
    """Where runs and models are kept."""

    tracking_uri: str
    experiment: str
    model_name: str
    log_applicants: bool


class Settings(Section):
    """All settings of a run."""

    session: Session
    ingest: Ingest
    checks: Checks
    split: Split
    nested: Nested
    train: Train
    search: Search
    selection: Selection
    gates: Gates
    monitor: Monitor
    decision: Decision
    explain: Explain
    serve: Serve
    log: Log
    metrics: Metrics
    mlflow: Mlflow


def as_toml(settings: Settings) -> str:
    """The settings as a file that `--env` takes, without where runs are kept: an address may hold a password."""
    sections = settings.model_dump(exclude={"mlflow"})
    # What JSON writes of a text, a number or a truth value is TOML too.
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for section, keys in sections.items()
    )


def conf_dir() -> Path:
    """The folder of the configuration files.

    $HOME_CREDIT_CONF where it is set (spark-submit.sh sets it), else conf/ beside the packages, else the working
    directory, where spark-submit lays the files it was given in cluster mode.
    """
    named = os.environ.get("HOME_CREDIT_CONF")
    candidates = [Path(named)] if named else [Path(__file__).resolve().parents[2] / "conf", Path.cwd()]
    for folder in candidates:
        if (folder / "base.toml").is_file():
            return folder
    raise UserError(
        f"no base.toml in {' or '.join(map(str, candidates))}: set HOME_CREDIT_CONF to the project's conf folder"
    )


def read_toml(path: Path) -> dict[str, dict[str, object]]:
    """The file's sections; a file that cannot be read is the user's error."""
    try:
        with path.open("rb") as file:
            sections = tomllib.load(file)
    except FileNotFoundError:
        raise UserError(f"no settings file {path}: --env takes local, cluster or the path of a .toml file") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from None
    for name, keys in sections.items():
        if not isinstance(keys, dict):
            raise UserError(f"{path}: {name} = {keys!r} stands in no section: write it under one, such as [train]")
    return sections


def parse_override(text: str) -> tuple[str, str, object]:
    """``section.key=value`` as section, key and value; the value is TOML, or text where it is no TOML."""
    name, equals, value = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise UserError(f"--set {text}: write section.key=value, such as train.num_workers=4")
    try:
        return section, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, value


def load_settings(env: str = "local", overrides: tuple[str, ...] = ()) -> Settings:
    """base.toml, then the environment's file, then the overrides, validated as a whole.

    Args:
        env: "local", "cluster" or the path of a .toml file.
        overrides: Texts of the form ``section.key=value``.
    """
    folder = conf_dir()
    chosen = Path(env) if env.endswith(".toml") else folder / f"{env}.toml"
    sections = read_toml(folder / "base.toml")
    layers = [(section, key, value) for section, keys in read_toml(chosen).items() for key, value in keys.items()]
    for section, key, value in [*layers, *map(parse_override, overrides)]:
        sections.setdefault(section, {})[key] = value
    try:
        return Settings.model_validate(sections)
    except ValidationError as error:
        lines = [
            f"setting {'.'.join(map(str, problem['loc']))}: {problem['msg']}, not {problem['input']!r}"
            if problem["type"] != "extra_forbidden"
            else f"unknown setting {'.'.join(map(str, problem['loc']))}: conf/base.toml lists every one"
            for problem in error.errors()
        ]
        raise UserError("\n".join(lines)) from None
