"""Why each new applicant got the score: exact contributions, and reasons that a declined applicant could be told."""

import argparse
from pathlib import Path

from pyspark.sql import functions as F
from rich.console import Console

from features.spec import KEY
from jobs.lake import contents
from jobs.lake.job import Job
from jobs.lake.model_rows import inputs_of
from jobs.lake.options import add_run_date, folder_here, open_job
from jobs.lake.tables import EXPLANATIONS
from jobs.pages import applicant_page, plots
from jobs.registry.store import connect
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings
from jobs.scoring import batch
from jobs.scoring.batch import LINEAGE, with_lineage
from jobs.scoring.one_applicant import explain_applicant
from jobs.scoring.provenance import remember_explanations
from jobs.scoring.scores_table import check_fresh, read_scores, scoring_model

HELP = "explain the scores of a delivery's new applicants"

COMMENTS = {
    "SK_ID_CURR": "The applicant",
    "run_date": "The delivery",
    "base_value": "What the contributions are added to, in log-odds of default",
    "margin": "Log-odds of default by the model: base value, contributions and other contributions",
    "reasons": "Families of features that raise the risk, the largest first, with the sentence for the applicant",
    "contributions": "Largest SHAP contributions of single features, in log-odds; value is null where it is unknown",
    "other_contributions": "Sum of all contributions that are not named",
    **LINEAGE,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--applicant", type=int, metavar="ID", help="show and draw one scored applicant instead")
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="where to write the applicant's page and plot (default: reports/ in a local lake)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    if arguments.applicant is not None:
        output = folder_here(arguments.output)
        show(open_job(arguments, settings), arguments.applicant, output)
    elif arguments.output is not None:
        raise UserError(f"--output {arguments.output} is for one applicant: say whom with --applicant ID")
    else:
        explain(open_job(arguments, settings))


def explain(job: Job) -> None:
    """Replace the delivery's rows of `explanations`: one for every applicant with a score, by the model that gave it.

    Raises:
        UserError: The delivery was assembled otherwise since it was scored.
        ModelRefused: The model's file was changed since it scored, or the delivery has other features than it reads.
    """
    with job.step("explain") as step:
        if contents.has_nobody_new(job.lake, job.run_date):
            forget_explanations(job)
            step.say("nobody to explain: every applicant of the delivery has a TARGET")
            return
        scores = read_scores(job)
        store = connect(job.lake.address, job.settings.mlflow)
        scorer = scoring_model(job, store, scores)
        step.with_model(scorer.version, scorer.sha256)
        model = store.versions.registered_model(scorer)
        features = inputs_of(model, job.lake, job.run_date).selectExpr(KEY, *model.features)
        scored = scores.where(F.col("probability").isNotNull()).select(KEY, "probability")
        check_fresh(job, scored, features, model)
        explained = batch.explained(scored.join(features, on=KEY, how="inner"), model, job.settings.explain)
        number = job.lake.replace(EXPLANATIONS, with_lineage(explained, job.run_date, scorer), job.run_date, COMMENTS)
        remember_explanations(job, number)
        written = job.lake.read_run_date(EXPLANATIONS, job.run_date, number)
        counts = written.agg(F.count("*"), F.avg(F.size("reasons"))).first()
        assert counts is not None
        step.say(f"{counts[0]:,} applicants explained by version {scorer.version}, {counts[1] or 0:.1f} reasons each")
        step.counted(counts[0], counts[0])
        step.measure("explained", counts[0])


def forget_explanations(job: Job) -> None:
    """Leave none of a delivery that was taken again without its new applicants."""
    if job.lake.exists(EXPLANATIONS):
        none = job.lake.read_run_date(EXPLANATIONS, job.run_date).limit(0)
        job.lake.replace(EXPLANATIONS, none, job.run_date, COMMENTS)


def show(job: Job, applicant: int, output: Path | None = None) -> Path:
    """Print one applicant's score and reasons, write the page and the waterfall; gives the page's path.

    Nothing of the lake's tables is changed, so that the lake is not locked.

    Args:
        job: The delivery, which was scored before.
        applicant: SK_ID_CURR.
        output: The folder to write to; None takes the lake's own.

    Raises:
        UserError: No such applicant among the scored ones, or no folder to write to.
    """
    folder = output or job.lake.reports
    if folder is None:
        raise UserError(f"{job.lake.root} is not a local folder: say where to write the page with --output DIR")
    who = explain_applicant(job, connect(job.lake.address, job.settings.mlflow), applicant)
    most = job.settings.explain.contributions
    folder.mkdir(parents=True, exist_ok=True)
    drawn = folder / f"{job.run_date.isoformat()}-{applicant}.png"
    drawn.write_bytes(plots.png(plots.waterfall(*who.explained)))
    written = drawn.with_suffix(".html")
    written.write_text(applicant_page.html(who, most), encoding="utf-8")
    console = Console(width=None if Console().is_terminal else 160)
    console.print(applicant_page.terminal(who, most), highlight=False)
    console.print(f"\npage  {written}\nplot  {drawn}", highlight=False, soft_wrap=True)
    return written
