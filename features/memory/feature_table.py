"""The feature table of a few applicants in memory: what `features.plan.feature_table` does on Spark."""

import numpy as np

from features import DECLARED
from features.declarations import Declarations, derived_among
from features.expressions import columns_read
from features.memory.compiler import compiled
from features.memory.frames import Derivations, Frame, Keys
from features.memory.histories import History, Sources
from features.memory.values import from_doubles
from features.plan.encodings import Encodings, as_sql
from features.plan.fold import Floats
from features.spec import KEY, feature_names


class FeatureTable:
    """All features, compiled once, to be computed for a few applicants at a time.

    Args:
        encodings: What was fitted, to be applied.
        declared: The tables and their features.

    Raises:
        NotCompiled: A declared expression can't be computed in memory.
    """

    def __init__(self, encodings: Encodings, declared: Declarations = DECLARED) -> None:
        application = declared.application
        self.application = application.name
        self.names = tuple(named.name for named in declared.features)
        self.own = [named.name for named in feature_names(application)]
        self.derivations = Derivations(application.derivations)
        self.fitted = {name: compiled(sql) for name, sql in as_sql(application, encodings).items()}
        self.derived = Derivations(derived_among(application.features))
        self.histories = [History(table, declared) for table in declared.histories]
        finishing = [each for table in declared.histories for each in derived_among(table.features)]
        finishing += derived_among(declared.across)
        self.finished = Derivations(finishing)
        read = {name for derivation in finishing for name in columns_read(derivation.sql)}
        self.read = [
            [(place, named.name) for place, named in enumerate(history.features) if named.name in read]
            for history in self.histories
        ]
        column = {name: place for place, name in enumerate(self.names)}
        self.blocks = [[column[named.name] for named in history.features] for history in self.histories]
        folded = {named.name for history in self.histories for named in history.features}
        self.single = [(place, name) for name, place in column.items() if name not in folded]

    def __call__(self, sources: Sources) -> tuple[Keys, Floats]:
        """SK_ID_CURR of the applicants, and a row of `names` for each; NaN where null.

        Raises:
            NotDivisible: A number was to be divided by 0.
        """
        with np.errstate(all="ignore"):
            own = self.own_features(sources[self.application])
            applicants = own.keys(KEY)
            features = np.empty((own.count, len(self.names)))
            columns = dict(own.columns)
            for history, block, read in zip(self.histories, self.blocks, self.read, strict=True):
                values = history.folded(sources).of(applicants, history.no_rows)
                features[:, block] = values
                columns |= {name: from_doubles(values[:, place]) for place, name in read}
            finished = self.finished(Frame(columns, own.count))
            for place, name in self.single:
                features[:, place] = finished.columns[name].doubles()
        return applicants, features

    def own_features(self, applications: Frame) -> Frame:
        """SK_ID_CURR and the features that need no history, of every applicant, as doubles."""
        rows = self.derivations(applications)
        rows = self.derived(rows.with_columns({name: fitted(rows.columns) for name, fitted in self.fitted.items()}))
        features = {name: from_doubles(rows.columns[name].doubles()) for name in self.own}
        return Frame({KEY: rows.columns[KEY], **features}, rows.count)
