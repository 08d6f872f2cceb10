"""The verbs: how a delivery becomes tables, a model, scores and explanations.

`from jobs import FeatureStore` is for whoever reads features from elsewhere; Spark is loaded with it, not before.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake.feature_store import FeatureStore

__all__ = ["FeatureStore"]


def __getattr__(name: str) -> "type[FeatureStore]":
    """What is imported from here by name, once it is asked for."""
    if name != "FeatureStore":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from jobs.lake.feature_store import FeatureStore

    return FeatureStore
