"""Films: read from files and folders, and written, with all that is kept of them."""
