"""How jobs read landed objects: a file for each format of `landfall.spec.file_format`."""
