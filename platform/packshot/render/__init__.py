"""The pool of killable child processes that run the imaging room."""
