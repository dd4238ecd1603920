"""The steps of the pipeline, in files that never import each other."""
