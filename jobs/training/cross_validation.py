"""Candidates fitted on the executors: one task a fold, each with the rows of all folds but its own.

A fold is fitted in one process, so that its rows must fit into a task: `search.rows` bounds them. More applicants than
that are what the distributed fit of `train` is for.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY, WEIGHT, Named
from jobs.lake import folds
from jobs.model.candidates import Candidate, FoldRows, OutOfFold, signs_of
from jobs.model.null_importance import kept
from jobs.runtime.session import engine_of_this_process
from jobs.runtime.settings import Search, Selection, Split
from jobs.training.packed import STOPS, VALUES, as_labels, as_weights, packed, values_of

LEFT_OUT, FOLD = "left_out", "fold"
NO_FOLD = -1
# A tenth of the rows that a fold is fitted on ends the fit, where any do.
STOP_SHARE = 10

BY_STEP = "margins ARRAY<DOUBLE>, rounds ARRAY<BIGINT>, sizes ARRAY<BIGINT>"
ANSWERED = f"{KEY} BIGINT, TARGET BIGINT, {WEIGHT} DOUBLE, fold INT, {BY_STEP}, seconds DOUBLE"
KEPT = f"{LEFT_OUT} INT, feature STRING"


@dataclass(frozen=True)
class Dealt:
    """Labelled applicants in folds.

    Args:
        rows: SK_ID_CURR, TARGET, SAMPLE_WEIGHT, fold, stops (whether the row ends a fit) and values, the features as
            one array.
        folds: How many there are.
        inputs: The features, in order.
        kept: The features that a fold's fit may read, where they were selected; `NO_FOLD` for a fit on all folds.
        by_round: Whether nobody ends a fit, so that it says what it comes to by round.
        bad_rate: That the trees of every fold start from; None where each starts from that of its own rows.
    """

    rows: DataFrame
    folds: int
    inputs: tuple[Named, ...]
    kept: Mapping[int, tuple[str, ...]]
    by_round: bool
    bad_rate: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the features."""
        return tuple(named.name for named in self.inputs)

    def names_for(self, left_out: int) -> tuple[str, ...]:
        """What a fit that leaves the fold out may read."""
        return self.kept.get(left_out, self.names)


def deal(rows: DataFrame, inputs: Sequence[Named], split: Split, settings: Search, stops: Column | None) -> Dealt:
    """At most `search.rows` of the applicants, in folds by their hash.

    Args:
        rows: SK_ID_CURR, TARGET, SAMPLE_WEIGHT and the features of labelled applicants; whoever else is to stay unseen
            is not here.
        inputs: The features.
        split: Of the applicants into parts.
        settings: How many applicants and folds.
        stops: Who ends a fit, such as `a_tenth`; None for nobody, so that a fit says what it comes to by round.
    """
    applicants = rows.select(KEY).orderBy(drawn(settings), KEY).limit(settings.rows)
    taken = rows.join(F.broadcast(applicants), on=KEY, how="left_semi")
    return Dealt(
        packed(taken, inputs, stops, folds.cross_fold(split, settings.folds).alias(FOLD)),
        settings.folds,
        tuple(inputs),
        {},
        by_round=stops is None,
    )


def deal_again(dealt: Dealt, split: Split, number: int) -> Dealt:
    """The same applicants in other folds; features that were selected for a fold are not for another."""
    other = folds.cross_fold(split, dealt.folds, number).alias(FOLD)
    return replace(dealt, rows=dealt.rows.select(KEY, "TARGET", WEIGHT, other, STOPS, VALUES), kept={})


def drawn(settings: Search) -> Column:
    """A hash of the applicant: who is tried on, and who ends a fit."""
    return F.xxhash64(F.lit(settings.seed).cast("bigint"), KEY)


def a_tenth(settings: Search) -> Column:
    """One of ten applicants, by a hash."""
    return F.pmod(drawn(settings), F.lit(STOP_SHARE)) == 0


def fewest_to_fit_on(dealt: Dealt) -> int:
    """The applicants of the rarer TARGET that a fit learns from which leaves a fold out, in the worst case."""
    bad = F.count_if(F.col("TARGET") == 1)
    counted = dealt.rows.groupBy(FOLD).agg(bad.alias("bad"), (F.count("*") - bad).alias("good")).collect()
    return min(
        (sum(row[label] for row in counted) - own[label] for label in ("bad", "good") for own in counted), default=0
    )


def selected(dealt: Dealt, settings: Selection) -> Dealt:
    """The same applicants, with the features that each fold's own rows speak for, where features are selected."""
    return select(dealt, settings) if settings.shuffles else dealt


def select(dealt: Dealt, settings: Selection) -> Dealt:
    """The same applicants, with the features that each fold's own rows speak for."""
    names = dealt.names

    def choose(key: tuple[Any, ...], group: pa.Table) -> pa.Table:
        left_out = int(key[0].as_py())
        fitted_on = pa.compute.not_equal(group[FOLD], left_out)
        ordered = group.filter(fitted_on).sort_by(KEY)
        chosen = kept(values_of(ordered), as_labels(ordered), as_weights(ordered), settings)
        return pa.table(
            {LEFT_OUT: np.full(chosen.size, left_out, np.int32), "feature": [names[place] for place in chosen]}
        )

    answers = in_tasks(dealt, [NO_FOLD, *range(dealt.folds)], choose, KEPT)
    chosen = {fold: set(answers["feature"][answers[LEFT_OUT] == fold]) for fold in (NO_FOLD, *range(dealt.folds))}
    return replace(dealt, kept={fold: tuple(name for name in names if name in of) for fold, of in chosen.items()})


def out_of_fold(dealt: Dealt, candidate: Candidate) -> OutOfFold:
    """Fit the candidate once for each fold, on the others, and collect what it says of the fold."""
    places = {name: place for place, name in enumerate(dealt.names)}
    read = {fold: [places[name] for name in dealt.names_for(fold)] for fold in range(dealt.folds)}
    signs = signs_of(dealt.inputs)
    bad_rate = dealt.bad_rate

    def answer(key: tuple[Any, ...], group: pa.Table) -> pa.Table:
        left_out = int(key[0].as_py())
        started = time.monotonic()
        own, rows = rows_of_fold(group.sort_by(KEY), left_out, read[left_out], signs, bad_rate)
        fitted = candidate.fit(rows)
        return pa.table(
            {
                KEY: own[KEY],
                "TARGET": own["TARGET"],
                WEIGHT: own[WEIGHT],
                FOLD: np.full(len(own), left_out, np.int32),
                "margins": list(fitted.margins.T),
                "rounds": [fitted.rounds] * len(own),
                "sizes": [fitted.sizes] * len(own),
                "seconds": np.full(len(own), time.monotonic() - started),
            }
        )

    answers = in_tasks(dealt, range(dealt.folds), answer, ANSWERED).sort_values(KEY)
    fits = answers.groupby(FOLD)[["rounds", "sizes", "seconds"]].first()
    return OutOfFold(
        applicants=answers[KEY].to_numpy(dtype=np.int64),
        labels=answers["TARGET"].to_numpy(dtype=np.float64),
        weights=answers[WEIGHT].to_numpy(dtype=np.float64),
        folds=answers[FOLD].to_numpy(dtype=np.int64),
        margins=np.stack(answers["margins"].tolist(), axis=1),
        rounds=np.mean(fits["rounds"].tolist(), axis=0),
        sizes=np.mean(fits["sizes"].tolist(), axis=0),
        seconds=float(fits["seconds"].sum()),
    )


def in_tasks(
    dealt: Dealt, fits: Iterable[int], work: Callable[[tuple[Any, ...], pa.Table], pa.Table], schema: str
) -> pd.DataFrame:
    """Each task has every row and the number of the fold to leave out; all that they answer is collected."""
    numbers = list(fits)
    each = dealt.rows.select(F.explode(F.array(*[F.lit(number) for number in numbers])).alias(LEFT_OUT), "*")
    apart = engine_of_this_process().apart(each, LEFT_OUT, len(numbers))
    return apart.groupBy(LEFT_OUT).applyInArrow(work, schema).toPandas()


def rows_of_fold(
    ordered: pa.Table, left_out: int, places: Sequence[int], signs: Sequence[int], bad_rate: float | None
) -> tuple[pa.Table, FoldRows]:
    """The rows that are left out, and all of the fold's rows as arrays of the features in these places.

    Args:
        ordered: Every row, in the order of the applicants.
        left_out: The fold.
        places: Of the features that are read, among all.
        signs: Of all features, as `signs_of`.
        bad_rate: As `Dealt.bad_rate`.
    """
    fold, stops = ordered[FOLD].to_numpy(), ordered[STOPS].to_numpy()
    values, labels, weights = values_of(ordered)[:, places], as_labels(ordered), as_weights(ordered)
    own = fold == left_out
    fits, ends = ~own & ~stops, ~own & stops
    read = tuple(signs[place] for place in places)
    rows = FoldRows(
        values=values[fits],
        labels=labels[fits],
        weights=weights[fits],
        stop_values=values[ends],
        stop_labels=labels[ends],
        stop_weights=weights[ends],
        left_out=values[own],
        signs=read,
        bad_rate=bad_rate,
    )
    return ordered.filter(pa.array(own)), rows
