"""`assemble`: whatever stands in the feature table can be made again, even where its writer was killed."""

from typing import NoReturn

import pytest

from features.plan.encodings import Encoding
from jobs import assemble as verb
from jobs.assemble import assemble, write_catalogue
from jobs.catalogue import declarations, differences
from jobs.lake.feature_sets import FeatureSet, fitted_for
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES, Lake

ONE = FeatureSet((Encoding("CREDIT_TERM", None, 1.0),), None)
OTHER = FeatureSet((Encoding("CREDIT_TERM", None, 2.0),), None)


class Killed(BaseException):
    """As by the kernel: nothing after it is done."""


def test_what_makes_the_rows_is_there_before_the_rows_are(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> NoReturn:
        raise Killed

    monkeypatch.setattr(Lake, "delivered_tables", lambda *_: {})
    monkeypatch.setattr(verb, "newly_fitted", lambda *_: ONE)
    monkeypatch.setattr(verb, "feature_table", killed)
    with pytest.raises(Killed):
        assemble(job)
    assert not job.lake.exists(FEATURES)
    assert fitted_for(job.lake, ONE.version) == ONE
    assert declarations(job.lake, ONE.version)


def test_a_set_that_was_refused_can_still_be_compared(job: Job) -> None:
    for fitted in (ONE, OTHER, ONE):
        write_catalogue(job, fitted)
    old, new = ONE.version, OTHER.version
    assert differences(job.lake, old, new) == [f"{old} and {new} declare the same features"]
