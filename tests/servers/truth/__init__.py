"""A server of known truth: OpenAI-compatible, with the times of its own sends on record.

    python -m tests.servers.truth --port 0

prints one line of JSON ({"port": N, "url": "http://127.0.0.1:N"}) and serves until it gets SIGTERM, or
the pipe ends that is its standard input. --first puts it before all other processes (SCHED_FIFO): beside
other work, only so are its sends on time. --tls speaks TLS, with ../self-signed.pem.
`tests.servers.process.truth()` does that from a test.

What a request gets is said by options, written as a query (`mode=role,crlf&ttft=0.2&tokens=64`, see
`options`). They stand, later ones winning,

- on the command line: --options "ttft=0.1";
- in front of the path: http://127.0.0.1:N/o/mode=html/v1/models;
- in the model's name: "truth?mode=split&tpot=0.01".

What was sent is told by GET /truth (every request, in order of arrival) and GET /truth/<id>, where the
id is a request's number, its X-Request-Id, or the "id" in its chunks; DELETE /truth forgets them.
Times are CLOCK_MONOTONIC in nanoseconds, which all processes of a machine share: `before_ns` and
`after_ns` are read around each send, so the bytes left between the two; `due_ns` is when they should
have.
"""
