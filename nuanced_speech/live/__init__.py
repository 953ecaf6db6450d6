"""Live conversion: audio that is converted while it is spoken, phrase by phrase or block by block."""
