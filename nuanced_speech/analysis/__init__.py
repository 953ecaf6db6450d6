"""A recording to the features of its segments, and to its speakers."""
