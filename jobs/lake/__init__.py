"""The only place that knows Delta and paths: tables, deliveries, histories, feature sets, folds, and the job."""
