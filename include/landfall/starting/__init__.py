"""How something of one's own starts: what a sample file says of a feed, and the files that are written from it."""
