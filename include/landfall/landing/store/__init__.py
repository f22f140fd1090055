"""The object store: what lies in it, page after page, and which partitions that makes."""
