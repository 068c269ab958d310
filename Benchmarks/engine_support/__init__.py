"""Parts of Benchmarks/engine: model files, llama.cpp's side, processes, and the report."""
