"""A model's file in an MLflow store."""

import tempfile
from pathlib import Path

from jobs.model.booster import Model, load_model
from jobs.registry.connection import Connection
from jobs.runtime.errors import ModelRefused

MODEL_FILE = "model.ubj"


def open_model(connection: Connection, uri: str, sha256: str) -> Model:
    """Load a model's file once its hash is found to be the expected one, running none of the code beside it.

    Args:
        connection: The store.
        uri: MLflow's of the model, as models:/NAME/VERSION.
        sha256: Of the file, as registered.

    Raises:
        ModelRefused: It is not there, or was changed.
    """
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            with connection.translated():
                copied = mlflow.artifacts.download_artifacts(uri, dst_path=folder, tracking_uri=connection.uri)
            file = (Path(copied) / MODEL_FILE).read_bytes()
        except (OSError, MlflowException) as error:
            raise ModelRefused(f"{uri} has no {MODEL_FILE} in {connection.shown}: register another model") from error
    return load_model(file, sha256)
