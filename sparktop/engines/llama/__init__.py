"""llama.cpp: one worker process per loaded model, driven over the low-level API.

`engine` runs in sparktop's own process and never imports llama_cpp; everything else here runs in
the worker.
"""
