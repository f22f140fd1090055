"""A file that a person lands: its header and days are read before anything is put."""
