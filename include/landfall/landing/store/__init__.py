"""The object store: what it contains, page after page, and which partitions that makes."""
