"""What the program costs and what its pictures are like: `make bench`, and figures.py on its own."""
