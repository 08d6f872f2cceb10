"""What a training leaves in its MLflow run, but for its documents."""

from dataclasses import asdict

from features.spec import WEIGHT
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES
from jobs.model import measures
from jobs.registry.runs import TRAIN, OpenRun
from jobs.training.last_fit import Trained
from jobs.training.training_set import TrainingSet


def run_tags(job: Job, training: TrainingSet) -> dict[str, str]:
    """What tells a run from others before it has a model."""
    return {
        "verb": TRAIN,
        "run_date": job.run_date.isoformat(),
        "feature_set": training.feature_set,
        "features_version": str(training.version),
        "split": job.settings.split.model_dump_json(),
        "weighted_by": job.settings.train.weight,
    }


def log_training(job: Job, run: OpenRun, training: TrainingSet, trained: Trained) -> measures.Performance:
    """Log dataset, curves, model and measures to the run."""
    dataset = run.log_dataset(
        path=job.lake.path(FEATURES),
        version=training.version,
        names=training.names,
        name=f"features {job.run_date}",
        digest=f"{training.feature_set} v{training.version}",
    )
    for name, by_round in trained.curves.items():
        run.log_curve(f"curves/{name}", by_round)
    measured, decision = trained.measured, job.settings.decision
    labels, probabilities = measured["TARGET"], measured["probability"]
    weights, confidence = measured[WEIGHT], job.settings.gates.confidence
    performance = measures.performance(labels, probabilities, decision, confidence, weights)
    area = measures.auc_interval(labels, probabilities, weights=weights)
    model_id = run.log_model(trained.model)
    run.log_measures(asdict(performance) | {"auc_standard_error": area.standard_error}, dataset, model_id)
    run.tag(
        {
            "model_id": model_id,
            "measured_on": trained.measured_on,
            "model_sha256": trained.model.sha256,
            "best_round": str(trained.rounds),
            "rounds": trained.ended,
            "base_value": str(trained.model.base_value()),
            "threshold": str(decision.threshold),
            "calibration": trained.calibrated,
        }
    )
    return performance
