"""A file that a person lands: its header and its days are checked before any object is put."""
