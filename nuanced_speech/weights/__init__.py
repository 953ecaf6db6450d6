"""Where model files come from: the cache, the hub, upstream downloads, registry packages, and their converters."""
