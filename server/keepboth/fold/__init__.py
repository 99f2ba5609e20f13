"""Folds of the log into documents. The only place that imports pycrdt."""
