"""The metrics of label images, a module a family; `emseg.evaluation.metric` says what one is."""
