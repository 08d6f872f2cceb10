"""What documents a model: a card that says what was measured, plots, and tables anyone can open."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import pytest

from jobs.lake.job import Job
from jobs.model import measures
from jobs.model.drift import Drift, Shift
from jobs.model.measured_on import MeasuredOn
from jobs.pages import model_card
from jobs.pages.model_card import ModelCard, Part, Provenance, card_of
from jobs.pages.run_documents import Evaluation, files, group_measures, tables
from jobs.registry.runs import Training, Tried
from jobs.registry.store import Store, connect
from jobs.runtime.settings import Settings, load_settings
from jobs.scoring.shap_sample import Drivers, Stability
from jobs.scoring.test_applicants import HeldOutRows
from jobs.train import train
from tests.small_lake import FAMILY_OF, INPUTS, applicants, write

RANDOM = np.random.default_rng(4)
PROBABILITIES = RANDOM.beta(1, 9, 400)
LABELS = (RANDOM.random(400) < PROBABILITIES).astype(float)
# Of the women everybody is approved, of the men those below the threshold.
GENDERS = np.where(np.quantile(PROBABILITIES, 0.4) > PROBABILITIES, "F", "M")
PROVENANCE = Provenance(
    name="home-credit-default",
    run_id="run-1",
    sha256="f" * 64,
    kind="gradient-boosted trees (77 rounds)",
    ended="77 rounds, the best of 1000 for 1,600 applicants out of fold",
    run_date=date(2018, 5, 17),
    source="<b>delivery</b>",
    lake="lake",
    features_version=4,
    feature_set="0123456789ab",
    measured_on=MeasuredOn.TEST_FOLDS,
    parts=(Part("train", 1400, 110), Part("validation", 200, 15), Part("test", 400, 40)),
)


@pytest.fixture(scope="module")
def found() -> Evaluation:
    contributions = RANDOM.normal(size=(30, len(INPUTS)))
    drivers = Drivers(contributions, contributions, LABELS[:30], -2.5, tuple(FAMILY_OF), tuple(FAMILY_OF.values()))
    drift = Drift(120, Shift("probability", 0.06, 0.05), (Shift("EXT_SOURCE_MEAN", 1.15, 0.05),))
    return Evaluation(
        HeldOutRows(LABELS, PROBABILITIES, np.ones(LABELS.size), {"Gender": GENDERS}, ""),
        drivers,
        Stability(0.875, 0.9),
        drift,
    )


@pytest.fixture(scope="module")
def card(found: Evaluation, settings: Settings) -> ModelCard:
    tried = Tried("trees 2", measures.Interval(0.75, 0.01, 0.73, 0.77), 0.243, 96, 1234, 17, "trees 2 has the best AUC")
    return card_of(PROVENANCE, settings, INPUTS, found.test, found.drivers, found.stability, [tried], found.drift)


def test_the_card_measures_as_the_measures_do(card: ModelCard, settings: Settings) -> None:
    expected = measures.performance(LABELS, PROBABILITIES, settings.decision)
    said = {each.name: each for each in card.measured}
    assert (said["AUC"].value, said["AUC"].low, said["AUC"].high) == (
        expected.auc,
        pytest.approx(expected.auc_low),
        pytest.approx(expected.auc_high),
    )
    for name, value in (
        ("Brier score", expected.brier),
        ("Log loss", expected.log_loss),
        ("Approval rate", expected.approval_rate),
        ("Bad rate of all", expected.bad_rate),
        ("Bad rate of the approved", expected.bad_rate_of_approved),
    ):
        assert said[name].value == pytest.approx(value)
        assert said[name].low < value < said[name].high


def test_the_card_names_groups_that_the_lenders_policy_is_about(card: ModelCard) -> None:
    assert card.adverse == ("Gender",)
    assert "Selection rates differ by more than the policy of the lender allows by: Gender." in card.limits
    (audit,) = card.audits
    assert audit.selection_rate_ratio is not None
    gates = card.settings.gates.model_copy(update={"selection_rate_ratio": audit.selection_rate_ratio.value})
    lenient = replace(card, settings=card.settings.model_copy(update={"gates": gates}))
    assert lenient.adverse == ()


@pytest.mark.parametrize("show", [model_card.html, model_card.markdown])
def test_both_forms_say_the_same(card: ModelCard, show) -> None:
    said = " ".join(show(card).split())
    for expected in (
        card.lead,
        "0123456789ab",
        "1,400",
        f"{card.measured[0].value:.4f}",
        "87.5%",
        "0.900",
        "selection_rate_ratio",
        "--features-version 4",
        "1.1500",
        "refuses nobody",
        "12 CFR 1002.2(o)",
        "2026-07-21",
        "29 CFR 1607.4(D)",
        "own policy",
        *card.limits,
        *card.uses,
    ):
        assert expected in said


@pytest.mark.parametrize("show", [model_card.html, model_card.markdown])
def test_the_card_says_what_has_moved_and_that_it_could_not_be_told(card: ModelCard, show) -> None:
    assert "EXT_SOURCE_MEAN" in show(card).partition("Drift")[2].partition("moved")[0]
    assert "probability, moved" not in show(card)
    assert "has no new applicants" in show(replace(card, drift=None))


def test_text_from_elsewhere_is_escaped_in_html(card: ModelCard) -> None:
    assert "<b>delivery</b>" not in model_card.html(card)


def test_tables_of_the_markdown_are_whole(card: ModelCard) -> None:
    """Every line of a table has as many cells as its heading."""
    table: list[str] = []
    for line in [*model_card.markdown(card).splitlines(), ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            assert {row.count("|") for row in table} == {table[0].count("|")}
            assert set(table[1]) <= set("|-:")
            table = []


def test_tables_have_a_row_for_each_feature_group_and_band(card: ModelCard, found: Evaluation) -> None:
    made = tables(card, INPUTS, found)
    assert {row["feature"] for row in made["catalogue"]} == set(FAMILY_OF)
    importances = [row["importance"] for row in made["catalogue"]]
    assert importances == sorted(importances, reverse=True)
    assert [(row["attribute"], row["name"]) for row in made["groups"]] == [("Gender", "M"), ("Gender", "F")]
    assert made["groups"][0]["auc"] == measures.auc(LABELS[GENDERS == "M"], PROBABILITIES[GENDERS == "M"])
    assert len(made["gains"]) == len(made["reliability"]) == 10


def test_plots_of_one_applicant_are_logged_only_where_a_setting_says_so(card: ModelCard, found: Evaluation) -> None:
    of_one = {"plots/waterfall.png", "plots/force.png"}
    assert not of_one & files(card, found).keys()
    mlflow = card.settings.mlflow.model_copy(update={"log_applicants": True})
    told = replace(card, settings=card.settings.model_copy(update={"mlflow": mlflow}))
    assert of_one <= files(told, found).keys()


def test_the_measures_of_groups_are_the_worst_ones(card: ModelCard) -> None:
    (audit,) = card.audits
    found = group_measures(card.audits)
    assert found["fairness/gender/selection_rate_ratio"] == audit.selection_rate_ratio.value
    assert found["fairness/gender/lowest_auc"] == min(level.auc.value for level in audit.levels)
    assert found["fairness/gender/largest_calibration_error"] == max(level.calibration_error for level in audit.levels)


@pytest.fixture(scope="module")
def store(small_job: Job) -> Store:
    return connect(small_job.lake.address, small_job.settings.mlflow)


@pytest.fixture(scope="module")
def documented(small_job: Job, store: Store) -> Training:
    return store.runs.latest_training(small_job.run_date)


def artifacts(store: Store, run_id: str, folder: str = "") -> Iterator[str]:
    for file in store.connection.client.list_artifacts(run_id, folder):
        yield from artifacts(store, run_id, file.path) if file.is_dir else [file.path]


def test_a_training_run_is_documented(store: Store, documented: Training) -> None:
    there = set(artifacts(store, documented.run_id))
    plots = "roc precision_recall gains ks calibration importance beeswarm by_class dependence"
    assert there >= {f"plots/{name}.png" for name in plots.split()}
    assert not {path for path in there if "waterfall" in path or "force" in path}, (
        "nobody said so: those are one applicant's"
    )
    assert there >= {f"numbers/{name}.json" for name in ("measures", "gains", "reliability", "groups", "catalogue")}
    assert there >= {"model_card.html", "model_card.md", "settings.toml"}
    run = store.connection.client.get_run(documented.run_id)
    assert 0 < run.data.metrics["fairness/gender/selection_rate_ratio"] <= 1
    assert f"the AUC is {documented.auc.value:.4f}" in run.data.tags["mlflow.note.content"]


def test_the_logged_settings_make_the_same_model(
    small_job: Job, store: Store, documented: Training, tmp_path: Path
) -> None:
    file = mlflow.artifacts.download_artifacts(
        run_id=documented.run_id,
        artifact_path="settings.toml",
        dst_path=str(tmp_path),
        tracking_uri=store.connection.uri,
    )
    assert load_settings(file) == small_job.settings


def test_a_second_seed_is_asked_for_by_a_setting(small_job: Job, store: Store, documented: Training) -> None:
    asked = small_job.settings.explain.model_copy(update={"stability": True})
    settings = small_job.settings.model_copy(update={"explain": asked})
    job = replace(small_job, run_date=date(2018, 7, 17), settings=settings)
    write(job, applicants())
    run_id = train(job, INPUTS)
    assert store.runs.training(run_id).sha256 == documented.sha256  # the second model is compared, never kept
    found = store.runs.measures(run_id)
    assert 0.5 < found["stability/same_top_reason"] <= 1
    assert 0.5 < found["stability/importance_rank_correlation"] <= 1
