"""Results: the books, the files of rows to fix, and the page that shows what happened."""
