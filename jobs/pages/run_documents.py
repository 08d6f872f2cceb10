"""What is left of a trained model for those who review it, as artifacts of its run: plots, tables and a model card."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import Named
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.model import measures
from jobs.model.booster import Model
from jobs.model.drift import Drift
from jobs.model.fairness import Audit
from jobs.pages import model_card, model_plots, plots
from jobs.pages.model_card import ModelCard, Part, Provenance
from jobs.registry.runs import Training, Tried
from jobs.runtime.settings import as_toml
from jobs.scoring.shap_sample import Drivers, Stability, drivers_of, sample_of, stability
from jobs.scoring.shifts import drift_between
from jobs.scoring.test_applicants import HeldOutRows, held_out
from jobs.scoring.twins import measured_rows, twins_of

Row = Mapping[str, object]


@dataclass(frozen=True)
class Evaluation:
    """A trained model on those that it was measured by; stability is None where no second model was fitted, drift where
    the delivery has no new applicants."""

    test: HeldOutRows
    drivers: Drivers
    stability: Stability | None
    drift: Drift | None


def evaluate(
    job: Job,
    training: Training,
    rows: DataFrame,
    new: DataFrame,
    model: Model,
    measured: pd.DataFrame,
    second: Model | None,
) -> Evaluation:
    """What the documentation says of a model.

    Args:
        job: The delivery that it learned from.
        training: Its run, as logged so far.
        rows: SK_ID_CURR, TARGET, part and the features of the labelled applicants.
        new: The same of the new ones, without part.
        model: The model.
        measured: SK_ID_CURR, TARGET and probability of those that it was measured by.
        second: A model that differs by its seed alone; None where reasons are not compared.
    """
    test = measured_rows(rows, training)
    sample = sample_of(test, model)
    drivers = drivers_of(sample, model)
    agreed = None if second is None else stability(drivers, drivers_of(sample, second))
    drift = drift_between(test, new, model, job.settings.gates, twins_of(job.lake, training))
    return Evaluation(held_out(job.lake, job.run_date, measured, training.weighted_by), drivers, agreed, drift)


def card_of(
    job: Job,
    training: Training,
    model: Model,
    rows: DataFrame,
    inputs: Sequence[Named],
    evaluation: Evaluation,
    trials: Sequence[Tried],
) -> ModelCard:
    """The model's card.

    Args:
        job: The delivery that it learned from.
        training: Its run, as logged so far.
        model: The model.
        rows: TARGET and part of the labelled applicants.
        inputs: Its features.
        evaluation: What those showed that it was measured by.
        trials: What it was chosen from.
    """
    of = provenance(job, training, model, rows)
    return model_card.card_of(
        of, job.settings, inputs, evaluation.test, evaluation.drivers, evaluation.stability, trials, evaluation.drift
    )


def measures_of(card: ModelCard) -> dict[str, float]:
    """What the card adds to the measures of a run: the audit by group, and how far reasons hold."""
    return group_measures(card.audits) | (card.stability.logged if card.stability else {})


def files(card: ModelCard, evaluation: Evaluation) -> dict[str, bytes]:
    """The files that document a model, by their paths among the run's artifacts."""
    figures = model_plots.model_plots(evaluation.test, card.settings.decision.threshold) | model_plots.driver_plots(
        evaluation.drivers
    )
    if card.settings.mlflow.log_applicants:
        figures |= model_plots.applicant_plots(*evaluation.drivers.riskiest)
    return {
        "model_card.html": model_card.html(card).encode(),
        "model_card.md": model_card.markdown(card).encode(),
        "settings.toml": as_toml(card.settings).encode(),
        **{f"plots/{name}.png": plots.png(figure) for name, figure in figures.items()},
    }


def tables(card: ModelCard, inputs: Sequence[Named], evaluation: Evaluation) -> dict[str, list[Row]]:
    """The tables of the documentation, by name."""
    test = evaluation.test
    return {
        "measures": [asdict(measure) for measure in card.measured],
        **({"trials": [tried_row(trial) for trial in card.trials]} if card.trials else {}),
        "gains": [asdict(row) for row in measures.gains(test.labels, test.probabilities, weights=test.weights)],
        "reliability": [
            asdict(row) for row in measures.reliability(test.labels, test.probabilities, weights=test.weights)
        ],
        "groups": [level for audit in card.audits for level in levels(audit)],
        "catalogue": [
            {
                "feature": named.name,
                "table": named.table,
                "family": named.family,
                "importance": float(size),
                "description": named.description,
            }
            for named, size in sorted(
                zip(inputs, evaluation.drivers.importance, strict=True), key=lambda pair: (-pair[1], pair[0].name)
            )
        ],
    }


def tried_row(trial: Tried) -> Row:
    """A trial as a row of a table."""
    return {
        "trial": trial.name,
        "auc": trial.auc.value,
        "auc_low": trial.auc.low,
        "auc_high": trial.auc.high,
        "log_loss": trial.log_loss,
        "trees": trial.rounds,
        "size": trial.size,
        "seconds": trial.seconds,
        "chosen": trial.chosen or "",
    }


def levels(audit: Audit) -> Iterator[Row]:
    """The groups of an audited attribute as rows of a table."""
    for level in audit.levels:
        flat = asdict(level)
        auc = flat.pop("auc") or {}
        yield {
            "attribute": audit.attribute,
            **flat,
            **{f"auc{name}": auc.get(key) for name, key in (("", "value"), ("_low", "low"), ("_high", "high"))},
        }


def group_measures(audits: Sequence[Audit]) -> dict[str, float]:
    """The audit of each attribute as measures of a run: the worst group's, and the distances between groups."""
    measured: dict[str, float] = {}
    for audit in audits:
        attribute = audit.attribute.lower().replace(" ", "_")
        areas = [level.auc.value for level in audit.compared if level.auc is not None]
        errors = [level.calibration_error for level in audit.compared]
        ratio, difference = audit.selection_rate_ratio, audit.equal_opportunity_difference
        each = {
            "lowest_auc": min(areas) if areas else None,
            "largest_calibration_error": max(errors) if errors else None,
            "selection_rate_ratio": ratio.value if ratio else None,
            "equal_opportunity_difference": difference,
        }
        measured |= {f"fairness/{attribute}/{name}": value for name, value in each.items() if value is not None}
    return measured


def provenance(job: Job, training: Training, model: Model, rows: DataFrame) -> Provenance:
    """Where the model comes from, with the number of applicants of each part."""
    counted = rows.groupBy("part").agg(F.count("*").alias("rows"), F.sum("TARGET").alias("bad")).collect()
    parts = {row["part"]: Part(row["part"], row["rows"], row["bad"]) for row in counted}
    return Provenance(
        name=job.settings.mlflow.model_name,
        run_id=training.run_id,
        sha256=model.sha256,
        kind=model.predictor.name,
        ended=training.ended,
        run_date=training.run_date,
        source=job.lake.source_of(training.run_date),
        lake=training.lake,
        features_version=training.features_version,
        feature_set=training.feature_set,
        measured_on=training.measured_on,
        parts=tuple(parts[name] for name in (folds.TRAIN, folds.VALIDATION, folds.TEST)),
    )
