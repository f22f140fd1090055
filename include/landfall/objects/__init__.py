"""The object store: its clients, listings page after page, and errors for a person if the store fails."""
