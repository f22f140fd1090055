"""The object store: clients, listings page after page, and its failures as errors for a person."""
