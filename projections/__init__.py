"""Views: a table, how events fill it, and how it is asked, in one file each."""
