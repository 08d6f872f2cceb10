"""How declarations are computed: the rows that features see, their folds, encodings, the feature table."""
