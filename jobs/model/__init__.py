"""What a model is, without Spark and MLflow: its booster, contributions, measures, fairness, calibration, choice."""
