"""Audio as codec tokens: residual-vector-quantised codes of short frames, and speech from them."""
