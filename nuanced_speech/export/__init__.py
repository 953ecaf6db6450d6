"""The networks of a text-free conversion as files for ONNX Runtime, and as a page that needs no server."""
