"""A model over DataFrames: batches, the scores table, one applicant, the applicants it is measured on."""
