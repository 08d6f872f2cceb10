"""By which applicants a model was measured."""

from enum import StrEnum


class MeasuredOn(StrEnum):
    """Applicants whom the model, or a twin of it, never saw. A twin is of the same trees, fitted without them."""

    TEST_FOLDS = "test folds"
    """By the model itself."""
    TEST_FOLDS_BY_TWIN = "test folds by a twin"
    """The model was then fitted on them too."""
    OUT_OF_FOLD = "out of fold by twins"
    """All labelled applicants, each by the twin that was fitted without his fold."""

    @property
    def is_by_twins(self) -> bool:
        """Whether the model's own probabilities of them say nothing: it may have been fitted on them."""
        return self is not MeasuredOn.TEST_FOLDS

    @property
    def applicants(self) -> str:
        """Who was measured on, in words after a number."""
        return "labelled applicants out of fold" if self is MeasuredOn.OUT_OF_FOLD else "test applicants"

    @property
    def sentence(self) -> str:
        """How, for a reader of a page."""
        match self:
            case MeasuredOn.TEST_FOLDS:
                return "Every figure is measured on the test folds, which took no part in training or early stopping."
            case MeasuredOn.TEST_FOLDS_BY_TWIN:
                return (
                    "Every figure is measured on the test folds by a twin that never saw them: the same trees, before "
                    "the model was fitted on all labelled applicants."
                )
            case MeasuredOn.OUT_OF_FOLD:
                return (
                    "Rows are few, so that every figure is measured on all labelled applicants, each by a twin of the "
                    "model that was fitted without his fold: the same trees, as many of them."
                )
