"""New voices: from recordings, from a description; attributes and the map of voices."""
