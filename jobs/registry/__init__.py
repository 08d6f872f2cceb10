"""The only place that knows MLflow: the store, its runs, and the versions of the model."""
