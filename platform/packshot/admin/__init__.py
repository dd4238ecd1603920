"""The pages that people use: one file a page, its templates and its assets."""
